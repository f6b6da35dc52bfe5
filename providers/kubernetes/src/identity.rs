//! What finds an object: API group, kind, namespace and name.
//!
//! The version of the API is no part of it: one object is served in several of them, and a newer
//! server brings other ones.

use std::fmt;
use std::str::FromStr;

use portolan_lang::Value;

use crate::names::{Form, is_api_version, is_kind, is_version};

/// The place of the namespace in an identity, and in a directory, for an object that belongs to
/// the whole cluster. No namespace can have this name.
pub(crate) const CLUSTER: &str = "_cluster";

/// The group of the oldest kinds, which has no name in a manifest.
pub(crate) const CORE: &str = "core";

/// What finds an object; as text `apps/Deployment/shop/api`. Its parts are well-formed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    /// The API group, empty for the core.
    pub(crate) group: String,
    pub(crate) kind: String,
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
}

impl Identity {
    /// The identity in a manifest; `None` where a part is missing, unknown or ill-formed.
    pub(crate) fn of(manifest: &Value) -> Option<Identity> {
        let entries = manifest.entries()?;
        let metadata = entries.get("metadata")?.entries()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let namespace = match metadata.get("namespace") {
            Some(namespace) if !namespace.is_null() => Some(text(namespace)?),
            _ => None,
        };
        let api_version = entries.get("apiVersion")?.as_str().filter(|text| is_api_version(text))?;
        let identity = Identity {
            group: group_of(api_version).to_owned(),
            kind: text(entries.get("kind")?)?,
            namespace,
            name: text(metadata.get("name")?)?,
        };
        identity.is_well_formed().then_some(identity)
    }

    /// The object as it is named to people: `Deployment shop/api`.
    pub(crate) fn shown(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{} {namespace}/{}", self.kind, self.name),
            None => format!("{} {}", self.kind, self.name),
        }
    }

    fn is_well_formed(&self) -> bool {
        (self.group.is_empty() || Form::Subdomain.fits(&self.group))
            && is_kind(&self.kind)
            && self.namespace.as_deref().is_none_or(|namespace| Form::Label.fits(namespace))
            && Form::of_kind(&self.group, &self.kind).fits(&self.name)
    }
}

/// The group of an API version, empty for the core.
pub(crate) fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = if self.group.is_empty() { CORE } else { &self.group };
        let namespace = self.namespace.as_deref().unwrap_or(CLUSTER);
        write!(f, "{group}/{}/{namespace}/{}", self.kind, self.name)
    }
}

/// The text is not an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAnIdentity;

impl FromStr for Identity {
    type Err = NotAnIdentity;

    /// Takes the API version in the place of the group as well, as people know it from manifests.
    fn from_str(text: &str) -> Result<Self, NotAnIdentity> {
        let mut parts = text.rsplitn(4, '/').map(str::to_owned);
        let mut part = || parts.next().ok_or(NotAnIdentity);
        let (name, namespace, kind, group) = (part()?, part()?, part()?, part()?);
        let group = match group.split_once('/') {
            Some((group, version)) if !group.is_empty() && is_version(version) => group.to_owned(),
            Some(_) => return Err(NotAnIdentity),
            None if group == CORE || is_version(&group) => String::new(),
            None if group.is_empty() => return Err(NotAnIdentity),
            None => group,
        };
        let namespace = Some(namespace).filter(|namespace| namespace != CLUSTER);
        let identity = Identity { group, kind, namespace, name };
        if identity.is_well_formed() { Ok(identity) } else { Err(NotAnIdentity) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let parsed = |text: &str| text.parse::<Identity>().map(|identity| identity.to_string());
        for text in ["apps/Deployment/shop/api", "core/Namespace/_cluster/shop", "core/ConfigMap/a/b.yaml"] {
            assert_eq!(parsed(text), Ok(text.to_owned()));
        }
        assert_eq!(parsed("apps/v1/Deployment/shop/api"), Ok("apps/Deployment/shop/api".to_owned()));
        assert_eq!(parsed("v1/ConfigMap/shop/a"), Ok("core/ConfigMap/shop/a".to_owned()));
        for text in [
            "",
            "v1/ConfigMap/a",
            "v1/ConfigMap/../b",
            "v1/ConfigMap/a/../b",
            "v1//a/b",
            "/v1/ConfigMap/a/b",
            "apps/one/Deployment/a/b",
            "/ConfigMap/a/b",
        ] {
            assert_eq!(text.parse::<Identity>(), Err(NotAnIdentity), "{text}");
        }
    }

    #[test]
    fn what_is_unknown_has_no_identity() {
        let manifest = |name: Value| {
            Value::object([
                ("apiVersion", Value::string("v1")),
                ("kind", Value::string("Namespace")),
                ("metadata", Value::object([("name", name)])),
            ])
        };
        let found = Identity::of(&manifest(Value::string("shop"))).map(|identity| identity.to_string());
        assert_eq!(found.as_deref(), Some("core/Namespace/_cluster/shop"));
        assert_eq!(Identity::of(&manifest(Value::unknown(portolan_lang::Type::String))), None);
        assert_eq!(Identity::of(&manifest(Value::string("../shop"))), None);
    }
}
