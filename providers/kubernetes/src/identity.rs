//! What finds an object: API version, kind, namespace and name.

use std::fmt;
use std::str::FromStr;

use portolan_lang::Value;

use crate::names::{Form, is_api_version, is_kind};

/// The place of the namespace in an identity, and in a directory, for an object that belongs to
/// the whole cluster. No namespace can have this name.
pub(crate) const CLUSTER: &str = "_cluster";

/// What finds an object; as text `apps/v1/Deployment/shop/api`. Its parts are well-formed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) api_version: String,
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
        let identity = Identity {
            api_version: text(entries.get("apiVersion")?)?,
            kind: text(entries.get("kind")?)?,
            namespace,
            name: text(metadata.get("name")?)?,
        };
        identity.is_well_formed().then_some(identity)
    }

    /// The API group, empty for the core.
    pub(crate) fn group(&self) -> &str {
        group_of(&self.api_version)
    }

    fn is_well_formed(&self) -> bool {
        is_api_version(&self.api_version)
            && is_kind(&self.kind)
            && self.namespace.as_deref().is_none_or(|namespace| Form::Label.fits(namespace))
            && Form::of_kind(self.group(), &self.kind).fits(&self.name)
    }
}

/// The group of an API version, empty for the core.
pub(crate) fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let namespace = self.namespace.as_deref().unwrap_or(CLUSTER);
        write!(f, "{}/{}/{}/{}", self.api_version, self.kind, namespace, self.name)
    }
}

/// The text is not an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAnIdentity;

impl FromStr for Identity {
    type Err = NotAnIdentity;

    fn from_str(text: &str) -> Result<Self, NotAnIdentity> {
        let mut parts = text.rsplitn(4, '/').map(str::to_owned);
        let mut part = || parts.next().ok_or(NotAnIdentity);
        let (name, namespace, kind, api_version) = (part()?, part()?, part()?, part()?);
        let namespace = Some(namespace).filter(|namespace| namespace != CLUSTER);
        let identity = Identity { api_version, kind, namespace, name };
        if identity.is_well_formed() { Ok(identity) } else { Err(NotAnIdentity) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        for text in ["apps/v1/Deployment/shop/api", "v1/Namespace/_cluster/shop", "v1/ConfigMap/a/b.yaml"] {
            assert_eq!(text.parse::<Identity>().map(|identity| identity.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "v1/ConfigMap/a", "v1/ConfigMap/../b", "v1/ConfigMap/a/../b", "v1//a/b", "/v1/ConfigMap/a/b"] {
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
        assert_eq!(found.as_deref(), Some("v1/Namespace/_cluster/shop"));
        assert_eq!(Identity::of(&manifest(Value::unknown(portolan_lang::Type::String))), None);
        assert_eq!(Identity::of(&manifest(Value::string("../shop"))), None);
    }
}
