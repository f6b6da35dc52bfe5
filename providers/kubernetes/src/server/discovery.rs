//! Which kinds a server knows, and in which versions.
//!
//! Groups are asked for as they are needed, and once. An object is dealt with in the version that
//! its manifest says. Where the server does not serve that one, another one serves as well only
//! if both say the same of a kind ([`INTERCHANGEABLE`]).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::join_all;
use portolan_lang::diagnostic::did_you_mean;
use portolan_provider::Error;
use serde::Deserialize;
use tokio::sync::OnceCell;

use super::api::{Api, Target};
use super::refusal::Trouble;
use crate::scope::is_own_group;

/// Versions of which the fields are the same, so that a manifest in one is one in any: what was
/// declared stable without a change.
const INTERCHANGEABLE: [(&str, &str, &[&str]); 9] = [
    ("autoscaling", "HorizontalPodAutoscaler", &["v2", "v2beta2"]),
    ("batch", "CronJob", &["v1", "v1beta1"]),
    ("coordination.k8s.io", "Lease", &["v1", "v1beta1"]),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema", &["v1", "v1beta3", "v1beta2", "v1beta1"]),
    ("node.k8s.io", "RuntimeClass", &["v1", "v1beta1"]),
    ("policy", "PodDisruptionBudget", &["v1", "v1beta1"]),
    ("scheduling.k8s.io", "PriorityClass", &["v1", "v1beta1"]),
    ("storage.k8s.io", "CSIDriver", &["v1", "v1beta1"]),
    ("storage.k8s.io", "StorageClass", &["v1", "v1beta1"]),
];

/// A kind as a server serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kind {
    /// `apps/v1`.
    pub(super) api_version: String,
    /// `Deployment`.
    pub(super) name: String,
    /// `deployments`.
    pub(super) plural: String,
    pub(super) is_namespaced: bool,
    /// Whether lists tell nothing of the objects but their metadata.
    pub(super) is_metadata: bool,
}

impl Kind {
    /// The kind where the metadata of its objects are enough.
    pub(super) fn metadata_only(&self) -> Kind {
        Kind { is_metadata: true, ..self.clone() }
    }

    /// The objects of the kind, in a namespace or in all.
    pub(super) fn list(&self, namespace: Option<&str>) -> Target {
        let list = self.collection(namespace);
        if self.is_metadata { list.metadata_only() } else { list }
    }

    fn collection(&self, namespace: Option<&str>) -> Target {
        let root = if self.api_version.contains('/') { "apis" } else { "api" };
        match namespace.filter(|_| self.is_namespaced) {
            Some(namespace) => {
                Target::path(format!("/{root}/{}/namespaces/{namespace}/{}", self.api_version, self.plural))
            }
            None => Target::path(format!("/{root}/{}/{}", self.api_version, self.plural)),
        }
    }

    /// An object of the kind.
    pub(super) fn object(&self, namespace: Option<&str>, name: &str) -> Target {
        let colon = |name: &str| name.replace(':', "%3A");
        Target::path(format!("{}/{}", self.collection(namespace), colon(name)))
    }
}

/// Why there is no kind.
#[derive(Debug, Clone)]
pub(super) enum Missing {
    /// The server has no such kind. Where the group is not one of Kubernetes' own, something may
    /// declare it yet.
    Unknown { may_come: bool, error: Error },
    /// The server has it in versions that say other things.
    OtherVersion(Error),
    /// The server did not tell.
    NotTold(Error),
}

impl Missing {
    pub(super) fn error(self) -> Error {
        match self {
            Missing::Unknown { error, .. } | Missing::OtherVersion(error) | Missing::NotTold(error) => error,
        }
    }
}

type Versions = Arc<Vec<(String, Vec<String>)>>;
type Kinds = Result<Arc<Vec<Kind>>, Error>;

/// What is known of a server's kinds.
pub(super) struct Discovery {
    api: Api,
    /// The groups, each with its versions, the preferred one first.
    groups: Mutex<Arc<OnceCell<Versions>>>,
    kinds: Mutex<HashMap<String, Arc<OnceCell<Kinds>>>>,
}

impl Discovery {
    pub(super) fn new(api: Api) -> Self {
        Discovery { api, groups: Mutex::default(), kinds: Mutex::default() }
    }

    /// Forgets what was found, because kinds were added.
    pub(super) fn forget(&self) {
        *self.groups.lock().unwrap_or_else(PoisonError::into_inner) = Arc::default();
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A kind, in the version that is asked for if there is one.
    pub(super) async fn find(&self, group: &str, kind: &str, version: Option<&str>) -> Result<Kind, Missing> {
        let versions = self.versions(group).await.map_err(Missing::NotTold)?;
        let mut served = Vec::new();
        for version in &versions {
            let kinds = self.kinds(&api_version(group, version)).await.map_err(Missing::NotTold)?;
            served.extend(kinds.iter().find(|found| found.name == kind).cloned());
        }
        let asked = version.map(|version| api_version(group, version));
        let exact = served.iter().find(|found| asked.as_ref().is_none_or(|asked| found.api_version == *asked));
        let like = |found: &&Kind| are_interchangeable(group, kind, version, version_of(&found.api_version));
        match (exact.or_else(|| served.iter().find(like)), asked) {
            (Some(found), _) => Ok(found.clone()),
            (None, Some(asked)) if !served.is_empty() => {
                let names: Vec<&str> = served.iter().map(|found| &*found.api_version).collect();
                let error = Error::invalid(format!(
                    "the cluster does not serve {kind} as {asked}, but as {}",
                    names.join(", ")
                ));
                Err(Missing::OtherVersion(error.help("Write the manifest for a version that it serves.")))
            }
            _ => Err(self.unknown(group, kind, &versions).await),
        }
    }

    async fn unknown(&self, group: &str, kind: &str, versions: &[String]) -> Missing {
        let mut names: Vec<String> = Vec::new();
        for version in versions {
            let kinds = self.kinds(&api_version(group, version)).await;
            names.extend(kinds.iter().flat_map(|kinds| kinds.iter().map(|kind| kind.name.clone())));
        }
        let shown = if group.is_empty() { "the core group" } else { group };
        let error = Error::invalid(format!("the cluster has no kind {kind:?} in {shown}"));
        let may_come = !is_own_group(group);
        let error = match (did_you_mean(kind, names.iter().map(String::as_str)), self.elsewhere(kind).await) {
            (_, Some(place)) => error.help(format!("Did you mean {kind} of {place}?")),
            (Some(near), None) => error.help(format!("Did you mean {near:?}?")),
            (None, None) if may_come => error
                .help("If a CustomResourceDefinition here declares it, let the object depend on that one: depends_on."),
            (None, None) => error,
        };
        Missing::Unknown { may_come, error }
    }

    /// The API version under which the cluster has such a kind, in whatever group.
    async fn elsewhere(&self, kind: &str) -> Option<String> {
        let groups = self.all_groups().await.ok()?;
        let preferred = groups.iter().filter_map(|(group, versions)| Some(api_version(group, versions.first()?)));
        let versions: Vec<String> = preferred.chain(["v1".to_owned()]).collect();
        let all = join_all(versions.iter().map(|version| self.kinds(version))).await;
        let found = versions
            .iter()
            .zip(all)
            .find(|(_, kinds)| kinds.as_ref().is_ok_and(|kinds| kinds.iter().any(|found| found.name == kind)));
        found.map(|(version, _)| version.clone())
    }

    async fn versions(&self, group: &str) -> Result<Vec<String>, Error> {
        if group.is_empty() {
            return Ok(vec!["v1".to_owned()]);
        }
        let groups = self.all_groups().await?;
        Ok(groups.iter().find(|(name, _)| name == group).map(|(_, versions)| versions.clone()).unwrap_or_default())
    }

    async fn all_groups(&self) -> Result<Versions, Error> {
        let cell = self.groups.lock().unwrap_or_else(PoisonError::into_inner).clone();
        cell.get_or_try_init(|| async {
            let list: GroupList = self.ask("/apis").await?;
            Ok(Arc::new(list.groups.into_iter().map(Group::versions).collect()))
        })
        .await
        .cloned()
    }

    /// The kinds of an API version; none where it is not served.
    async fn kinds(&self, api_version: &str) -> Kinds {
        let cell = {
            let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
            kinds.entry(api_version.to_owned()).or_default().clone()
        };
        let found = cell.get_or_init(|| self.ask_kinds(api_version)).await.clone();
        if found.is_err() {
            // Not kept: it may be told the next time.
            self.kinds.lock().unwrap_or_else(PoisonError::into_inner).remove(api_version);
        }
        found
    }

    async fn ask_kinds(&self, api_version: &str) -> Kinds {
        let root = if api_version.contains('/') { "apis" } else { "api" };
        let list: ResourceList = self.ask(&format!("/{root}/{api_version}")).await?;
        let kinds = list.resources.into_iter().filter(|resource| !resource.name.contains('/')).map(|resource| Kind {
            api_version: api_version.to_owned(),
            name: resource.kind,
            plural: resource.name,
            is_namespaced: resource.namespaced,
            is_metadata: false,
        });
        Ok(Arc::new(kinds.collect()))
    }

    async fn ask<T: for<'de> Deserialize<'de> + Default>(&self, path: &str) -> Result<T, Error> {
        match self.api.get(&Target::path(path)).await.and_then(|answer| answer.parse()) {
            Err(Trouble::Refused(refusal)) if refusal.code == 404 => Ok(T::default()),
            answer => answer.map_err(|trouble| trouble.error(&format!("asking for the kinds at {path}"))),
        }
    }
}

fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// The version without its group.
pub(super) fn version_of(api_version: &str) -> &str {
    api_version.rsplit_once('/').map_or(api_version, |(_, version)| version)
}

fn are_interchangeable(group: &str, kind: &str, asked: Option<&str>, found: &str) -> bool {
    INTERCHANGEABLE.iter().any(|(of_group, of_kind, versions)| {
        *of_group == group
            && *of_kind == kind
            && versions.contains(&found)
            && asked.is_some_and(|asked| versions.contains(&asked))
    })
}

#[derive(Deserialize, Default)]
struct GroupList {
    #[serde(default)]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: String,
    versions: Vec<GroupVersion>,
    preferred_version: Option<GroupVersion>,
}

#[derive(Deserialize)]
struct GroupVersion {
    version: String,
}

impl Group {
    fn versions(self) -> (String, Vec<String>) {
        let preferred = self.preferred_version.into_iter().map(|preferred| preferred.version);
        let mut versions: Vec<String> = preferred.collect();
        let others: Vec<String> = self.versions.into_iter().map(|version| version.version).collect();
        versions.extend(others.into_iter().filter(|other| versions.first() != Some(other)).collect::<Vec<_>>());
        (self.name, versions)
    }
}

#[derive(Deserialize, Default)]
struct ResourceList {
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    name: String,
    kind: String,
    namespaced: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_objects() {
        let kind = |api_version: &str, is_namespaced| Kind {
            api_version: api_version.to_owned(),
            name: "Thing".to_owned(),
            plural: "things".to_owned(),
            is_namespaced,
            is_metadata: false,
        };
        assert_eq!(kind("v1", true).object(Some("shop"), "a").to_string(), "/api/v1/namespaces/shop/things/a");
        assert_eq!(kind("a.b/v1", false).object(None, "x:y").to_string(), "/apis/a.b/v1/things/x%3Ay");
        assert_eq!(kind("apps/v1", true).list(None).to_string(), "/apis/apps/v1/things");
    }

    #[test]
    fn versions_that_say_the_same() {
        assert!(are_interchangeable("policy", "PodDisruptionBudget", Some("v1"), "v1beta1"));
        assert!(!are_interchangeable("networking.k8s.io", "Ingress", Some("v1"), "v1beta1"));
        assert!(!are_interchangeable("policy", "PodDisruptionBudget", Some("v2"), "v1"));
    }
}
