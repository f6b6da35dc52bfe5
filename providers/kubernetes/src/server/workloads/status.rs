//! How workloads are, by the rules of health.

use std::collections::BTreeSet;

use jiff::Timestamp;
use portolan_provider::{Condition, Error, Status};
use serde_json::Value as Json;

use super::Sought;
use super::namespace::{Namespace, all, text, uid};
use crate::health::reasons::{Around, reasons};
use crate::health::{Health, State, health};
use crate::server::ServerSession;
use crate::server::api::Target;

impl ServerSession {
    /// How each of these workloads of a namespace is.
    pub(super) async fn told(&self, sought: Vec<Sought>, namespace: Namespace) -> Result<Vec<Option<Status>>, Error> {
        let mut found = statuses(&sought, &namespace);
        if found.iter().flatten().any(is_wrong) {
            // As far as they may be read: they only explain.
            let events = self.all_events(&namespace.name).await.unwrap_or_default();
            explain(&mut found, &sought, &namespace, &events);
        }
        Ok(found)
    }

    /// The events of a namespace.
    pub(super) async fn all_events(&self, namespace: &str) -> Result<Vec<Json>, Error> {
        let list = Target::path(format!("/api/v1/namespaces/{namespace}/events"));
        all(&self.api, &list, ("v1", "Event")).await
    }
}

fn statuses(sought: &[Sought], namespace: &Namespace) -> Vec<Option<Status>> {
    let now = Timestamp::now();
    let live = |one: &Sought| namespace.workload(&one.identity.kind, &one.identity.name);
    sought.iter().map(|one| live(one).map(|live| status(live, namespace, now))).collect()
}

fn is_wrong(status: &Status) -> bool {
    matches!(status.condition, Condition::Waiting | Condition::Failing)
}

/// Says of what is wrong why that is.
fn explain(found: &mut [Option<Status>], sought: &[Sought], namespace: &Namespace, events: &[Json]) {
    let now = Timestamp::now();
    for (one, status) in sought.iter().zip(found) {
        let Some(status) = status.as_mut().filter(|status| is_wrong(status)) else { continue };
        if let Some(live) = namespace.workload(&one.identity.kind, &one.identity.name) {
            status.reasons = why(live, namespace, events, now);
        }
    }
}

fn status(live: &Json, namespace: &Namespace, now: Timestamp) -> Status {
    let pods = namespace.pods(live);
    let Health { state, why } = health(live, now);
    let (ready, wanted) = counts(live);
    let condition = match state {
        State::Ready if wanted == Some(0) || is_suspended(live) => Condition::Stopped,
        State::Ready => Condition::Ready,
        State::Progressing | State::Terminating => Condition::Waiting,
        State::Suspended => Condition::Stopped,
        State::Degraded | State::Failed => Condition::Failing,
        State::Unknown => Condition::Unknown,
    };
    let restarts = pods.iter().map(|pod| restarts(pod)).sum();
    let since = pods.iter().map(|pod| text(pod, "/metadata/creationTimestamp")).max();
    let since = since.unwrap_or_else(|| text(live, "/metadata/creationTimestamp")).to_owned();
    let images = images(live, &pods);
    Status { condition, why, reasons: Vec::new(), wanted, ready, images, restarts: Some(restarts), since: Some(since) }
}

/// How many copies are ready, or have come to their end, and how many are wanted.
fn counts(live: &Json) -> (Option<u64>, Option<u64>) {
    let number = |pointer: &str| live.pointer(pointer).and_then(Json::as_u64);
    let counted = |ready: &str, wanted: Option<u64>| (Some(number(ready).unwrap_or(0)), wanted);
    match text(live, "/kind") {
        "DaemonSet" => counted("/status/numberReady", Some(number("/status/desiredNumberScheduled").unwrap_or(0))),
        "Job" => counted("/status/succeeded", Some(number("/spec/completions").unwrap_or(1))),
        "CronJob" => (None, None),
        "Pod" => {
            let is_ready = health(live, Timestamp::now()).state == State::Ready;
            (Some(u64::from(is_ready)), Some(1))
        }
        _ => counted("/status/readyReplicas", Some(number("/spec/replicas").unwrap_or(1))),
    }
}

fn is_suspended(live: &Json) -> bool {
    let is_set = live.pointer("/spec/suspend").and_then(Json::as_bool).unwrap_or_default();
    is_set || text(live, "/kind") == "Job" && live.pointer("/spec/parallelism").and_then(Json::as_u64) == Some(0)
}

fn restarts(pod: &Json) -> u64 {
    let of = |pointer: &str| pod.pointer(pointer).and_then(Json::as_array).into_iter().flatten();
    let containers = of("/status/initContainerStatuses").chain(of("/status/containerStatuses"));
    containers.filter_map(|container| container.pointer("/restartCount").and_then(Json::as_u64)).sum()
}

/// What the copies run that are not on their way out; without any, what they would run.
fn images(live: &Json, pods: &[&Json]) -> Vec<String> {
    let staying = pods.iter().filter(|pod| pod.pointer("/metadata/deletionTimestamp").is_none());
    let of_pods: BTreeSet<String> = staying.flat_map(|pod| images_of(pod.pointer("/spec"))).collect();
    if !of_pods.is_empty() {
        return of_pods.into_iter().collect();
    }
    let templates = ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec"];
    templates.into_iter().flat_map(|pointer| images_of(live.pointer(pointer))).collect()
}

fn images_of(spec: Option<&Json>) -> Vec<String> {
    let containers = spec.and_then(|spec| spec.get("containers")).and_then(Json::as_array);
    containers.into_iter().flatten().map(|container| text(container, "/image").to_owned()).collect()
}

/// Why a workload is not as it should be, from what belongs to it alone.
fn why(live: &Json, namespace: &Namespace, events: &[Json], now: Timestamp) -> Vec<String> {
    // The pods of a cron job are those of its jobs, of which the latest counts.
    let latest = namespace.between(live).max_by_key(|job| text(job, "/metadata/creationTimestamp"));
    let workload = latest.filter(|_| text(live, "/kind") == "CronJob").unwrap_or(live);
    let pods: Vec<&Json> = namespace.pods(workload);
    let sets: Vec<&Json> = namespace.between(workload).collect();
    let about: BTreeSet<&str> =
        [workload].into_iter().chain(pods.iter().copied()).chain(sets.iter().copied()).map(uid).collect();
    let is_telling = |event: &&Json| {
        about.contains(text(event, "/involvedObject/uid"))
            || text(event, "/involvedObject/kind") == "PersistentVolumeClaim"
    };
    let around = Around {
        replica_sets: sets.into_iter().cloned().collect(),
        pods: pods.into_iter().cloned().collect(),
        events: events.iter().filter(is_telling).cloned().collect(),
    };
    reasons(workload, &around, now)
}
