//! Where the file of an object is.

use std::path::{Component, Path, PathBuf};

use portolan_lang::{AttributePath, Step};
use portolan_provider::Error;

use crate::identity::{CLUSTER, Identity};
use crate::manifest::ATTRIBUTE;

/// The longest file name of an object, so that the name of the temporary file beside it and
/// those of other systems still fit.
const MAX_FILE_NAME: usize = 240;

const SUFFIX: &str = ".yaml";

/// An object and its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) identity: Identity,
    /// The file, from the directory of the session: two names without any way out of it.
    pub(super) file: PathBuf,
}

impl Place {
    pub(super) fn of(identity: Identity) -> Result<Place, Error> {
        let name = format!("{}-{}{SUFFIX}", identity.kind.to_ascii_lowercase(), identity.name);
        if name.len() > MAX_FILE_NAME {
            let steps = [ATTRIBUTE, "metadata", "name"].map(|name| Step::Attribute(name.into()));
            let path: AttributePath = steps.into_iter().collect();
            return Err(Error::invalid("the name is too long for the name of a file").at(path));
        }
        let file = Path::new(identity.namespace.as_deref().unwrap_or(CLUSTER)).join(name);
        Ok(Place { identity, file })
    }

    /// The place of an object by its identity as text.
    pub(super) fn of_text(identity: &str) -> Result<Place, Error> {
        let parsed = identity.parse().map_err(|_| {
            Error::invalid(format!("{identity:?} is not the identity of an object"))
                .help("It is API version, kind, namespace and name: \"apps/v1/Deployment/shop/api\".")
        })?;
        Place::of(parsed)
    }

    /// The file of this session that a person named for `import`, from the directory of the
    /// session; `None` for an identity, which has more parts.
    pub(super) fn named_file(directory: &Path, id: &str) -> Option<PathBuf> {
        let path = Path::new(id);
        let path = path.strip_prefix(directory).unwrap_or(path);
        let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        (is_plain && path.components().count() == 2 && id.ends_with(SUFFIX)).then(|| path.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_objects() {
        let file = |identity: &str| Place::of_text(identity).map(|place| place.file.display().to_string());
        assert_eq!(file("apps/v1/Deployment/shop/api").expect("a place"), "shop/deployment-api.yaml");
        assert_eq!(file("v1/Namespace/_cluster/shop").expect("a place"), "_cluster/namespace-shop.yaml");
        for wrong in ["v1/ConfigMap/../a", "v1/ConfigMap/shop/..", "v1/ConfigMap/shop/a/b", "/etc/passwd"] {
            assert!(file(wrong).is_err(), "{wrong}");
        }
        let long = format!("v1/ConfigMap/shop/{}", "a".repeat(250));
        assert!(file(&long).is_err());
    }

    #[test]
    fn a_file_is_named_from_within_or_from_outside() {
        let named = |id: &str| Place::named_file(Path::new("out/eu"), id).map(|path| path.display().to_string());
        assert_eq!(named("shop/deployment-api.yaml").as_deref(), Some("shop/deployment-api.yaml"));
        assert_eq!(named("out/eu/shop/deployment-api.yaml").as_deref(), Some("shop/deployment-api.yaml"));
        assert_eq!(named("v1/ConfigMap/shop/a.yaml"), None);
        assert_eq!(named("../a.yaml"), None);
        assert_eq!(named("/a.yaml"), None);
    }
}
