//! The workloads of a namespace with their pods, read with a few lists.

use std::collections::{BTreeSet, HashMap};

use portolan_provider::Error;
use serde_json::Value as Json;

use super::Sought;
use crate::server::ServerSession;
use crate::server::api::{Api, Target};
use crate::server::discovery::{Kind, Missing, version_of};
use crate::server::refusal::Trouble;

/// How many objects a page has.
const PAGE: &str = "500";

/// How often a list is begun anew whose continuation was forgotten.
const RESTARTS: usize = 3;

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
        let within = |path: &str, plural: &str| Target::path(format!("{path}/namespaces/{name}/{plural}"));
        let list = |wanted: bool, target: Target, kind: &'static str| async move {
            if wanted { all(&session.api, &target, kind).await } else { Ok(Vec::new()) }
        };
        let lists = kinds.iter().map(|kind| async move {
            let found = all(&session.api, &kind.list(Some(name)), &kind.name).await?;
            Ok::<_, Error>(found.into_iter().map(|object| ((kind.name.clone(), name_of(&object).to_owned()), object)))
        });
        let (workloads, sets, jobs, pods) = futures::join!(
            futures::future::join_all(lists),
            list(has("Deployment"), within("/apis/apps/v1", "replicasets"), "ReplicaSet"),
            list(has("CronJob"), within("/apis/batch/v1", "jobs"), "Job"),
            list(true, within("/api/v1", "pods"), "Pod"),
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

/// All objects on a list, page by page, each with its kind.
pub(super) async fn all(api: &Api, list: &Target, kind: &str) -> Result<Vec<Json>, Error> {
    let wrong = |trouble: Trouble| trouble.error(&format!("listing {list} at {}", api.server));
    let (mut found, mut token, mut restarts) = (Vec::new(), String::new(), 0);
    loop {
        let page = list.clone().with("limit", PAGE);
        let page = if token.is_empty() { page } else { page.with("continue", &token) };
        let mut answer = match api.get(&page).await.and_then(|answer| answer.json()) {
            // What the server knew of the list is gone: begin anew.
            Err(Trouble::Refused(refusal)) if refusal.code == 410 && restarts < RESTARTS => {
                restarts += 1;
                token.clear();
                found.clear();
                continue;
            }
            answer => answer.map_err(wrong)?,
        };
        let api_version = text(&answer, "/apiVersion").to_owned();
        if let Some(Json::Array(items)) = answer.get_mut("items").map(Json::take) {
            found.extend(items.into_iter().map(|item| named(item, &api_version, kind)));
        }
        token = text(&answer, "/metadata/continue").to_owned();
        if token.is_empty() {
            return Ok(found);
        }
    }
}

/// An item of a list, which does not say what it is.
fn named(mut item: Json, api_version: &str, kind: &str) -> Json {
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
