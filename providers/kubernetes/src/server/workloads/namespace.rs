//! The workloads of a namespace with their pods, read with a few lists.

use std::collections::{BTreeSet, HashMap};

use portolan_provider::Error;
use serde_json::Value as Json;

use super::Sought;
use crate::server::ServerSession;
use crate::server::api::{Api, Target};
use crate::server::discovery::{Kind, Missing, version_of};
use crate::server::pages::{Next, Page, Pages};
use crate::server::read::parse;
use crate::server::refusal::Trouble;

/// What was found in a namespace.
#[derive(Default)]
pub(super) struct Namespace {
    pub(super) name: String,
    /// By kind and name.
    workloads: HashMap<(String, String), Json>,
    /// What stands between a workload and its pods: replica sets and jobs.
    between: Owned,
    pods: Owned,
}

/// Objects by the uid of their owners.
#[derive(Default)]
struct Owned {
    objects: Vec<Json>,
    by_owner: HashMap<String, Vec<usize>>,
}

impl Owned {
    fn of(objects: Vec<Json>) -> Self {
        let mut by_owner = HashMap::<String, Vec<usize>>::new();
        for (at, object) in objects.iter().enumerate() {
            let owners = object.pointer("/metadata/ownerReferences").and_then(Json::as_array);
            for owner in owners.into_iter().flatten() {
                by_owner.entry(text(owner, "/uid").to_owned()).or_default().push(at);
            }
        }
        Owned { objects, by_owner }
    }

    fn by<'a>(&'a self, owner: &Json) -> impl Iterator<Item = &'a Json> + use<'a> {
        let owned = self.by_owner.get(uid(owner)).map_or(&[][..], Vec::as_slice);
        owned.iter().filter_map(|at| self.objects.get(*at))
    }
}

impl Namespace {
    /// Reads what belongs to these workloads, all of which are in it.
    pub(super) async fn read(session: &ServerSession, name: &str, sought: &[Sought]) -> Result<Namespace, Error> {
        let kinds = kinds(session, sought).await?;
        let has = |kind: &str| kinds.iter().any(|found| found.name == kind);
        let list = |is_wanted: bool, head: Head<'static>, plural: &str| {
            let root = if head.0.contains('/') { "apis" } else { "api" };
            let target = Target::path(format!("/{root}/{}/namespaces/{name}/{plural}", head.0));
            async move { if is_wanted { all(&session.api, &target, head).await } else { Ok(Vec::new()) } }
        };
        let lists = kinds.iter().map(|kind| async move {
            let found = all(&session.api, &kind.list(Some(name)), (&kind.api_version, &kind.name)).await?;
            Ok::<_, Error>(found.into_iter().map(|object| ((kind.name.clone(), name_of(&object).to_owned()), object)))
        });
        let (workloads, sets, jobs, pods) = futures::join!(
            futures::future::join_all(lists),
            list(has("Deployment"), ("apps/v1", "ReplicaSet"), "replicasets"),
            list(has("CronJob"), ("batch/v1", "Job"), "jobs"),
            list(true, ("v1", "Pod"), "pods"),
        );
        let mut found = HashMap::new();
        for list in workloads {
            found.extend(list?);
        }
        let between = Owned::of(sets?.into_iter().chain(jobs?).collect());
        Ok(Namespace { name: name.to_owned(), workloads: found, between, pods: Owned::of(pods?) })
    }

    /// A workload, if it is there.
    pub(super) fn workload(&self, kind: &str, name: &str) -> Option<&Json> {
        self.workloads.get(&(kind.to_owned(), name.to_owned()))
    }

    /// The replica sets of a deployment, or the jobs of a cron job.
    pub(super) fn between<'a>(&'a self, workload: &Json) -> impl Iterator<Item = &'a Json> + use<'a> {
        self.between.by(workload)
    }

    /// The pods of a workload. A pod is its own.
    pub(super) fn pods<'a>(&'a self, workload: &'a Json) -> Vec<&'a Json> {
        if text(workload, "/kind") == "Pod" {
            return vec![workload];
        }
        let mut pods: Vec<&Json> = self.pods.by(workload).collect();
        pods.extend(self.between(workload).flat_map(|owner| self.pods.by(owner)));
        pods
    }
}

/// The kinds of workloads as the server serves them, each once. What it does not serve is not
/// there.
async fn kinds(session: &ServerSession, sought: &[Sought]) -> Result<Vec<Kind>, Error> {
    let asked: BTreeSet<(&str, &str, Option<&str>)> = sought
        .iter()
        .map(|one| (&*one.identity.group, &*one.identity.kind, one.api_version.as_deref().map(version_of)))
        .collect();
    let mut kinds: Vec<Kind> = Vec::new();
    for (group, kind, version) in asked {
        let found = match session.discovery.find(group, kind, version).await {
            Err(Missing::OtherVersion(_)) => session.discovery.find(group, kind, None).await,
            found => found,
        };
        match found {
            Ok(kind) if !kinds.contains(&kind) => kinds.push(kind),
            Ok(_) | Err(Missing::Unknown { .. }) => {}
            Err(missing) => return Err(missing.error()),
        }
    }
    Ok(kinds)
}

/// What the items of a list are: API version and kind.
type Head<'a> = (&'a str, &'a str);

/// All objects on a list, page by page.
pub(super) async fn all(api: &Api, list: &Target, head: Head<'_>) -> Result<Vec<Json>, Error> {
    let found = collect(api, list, head).await;
    found.map_err(|trouble| trouble.error(&format!("listing {list} at {}", api.server)))
}

pub(super) async fn collect(api: &Api, list: &Target, head: Head<'_>) -> Result<Vec<Json>, Trouble> {
    let (mut found, mut pages) = (Vec::new(), Pages::of(api, list.clone()));
    loop {
        let answer = match pages.next().await? {
            Next::Page(answer) => answer,
            Next::Restarted => {
                found.clear();
                continue;
            }
            Next::End => return Ok(found),
        };
        let page: Page<'_> = answer.parse()?;
        for item in &page.items {
            found.push(named(parse(item)?, head));
        }
        pages.continue_with(page.metadata);
    }
}

/// An item of a list, which does not say what it is.
fn named(mut item: Json, (api_version, kind): Head<'_>) -> Json {
    if let Some(fields) = item.as_object_mut() {
        fields.insert("apiVersion".to_owned(), api_version.into());
        fields.insert("kind".to_owned(), kind.into());
    }
    item
}

pub(super) fn text<'a>(object: &'a Json, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Json::as_str).unwrap_or_default()
}

pub(super) fn name_of(object: &Json) -> &str {
    text(object, "/metadata/name")
}

pub(super) fn uid(object: &Json) -> &str {
    text(object, "/metadata/uid")
}
