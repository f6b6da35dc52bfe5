//! What belongs to a workload.

use serde_json::Value as Json;

/// What is around the workloads of a namespace.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// Replica sets.
    pub replica_sets: Vec<Json>,
    /// Pods.
    pub pods: Vec<Json>,
    /// Events, of `v1`.
    pub events: Vec<Json>,
}

/// Where a deployment writes down which of its revisions a replica set is.
const REVISION: &str = "/metadata/annotations/deployment.kubernetes.io~1revision";

impl Around {
    /// The pods of a workload: of a deployment, those of its newest replica set, and the older
    /// ones that are on their way out. A pod is its own.
    pub(super) fn pods_of<'a>(&'a self, workload: &'a Json) -> Vec<&'a Json> {
        if text(workload, "/kind") == "Pod" {
            return vec![workload];
        }
        let sets = self.replica_sets_of(workload);
        let Some(newest) = sets.iter().max_by_key(|set| revision(set)) else {
            return self.pods.iter().filter(|pod| is_owned(pod, workload)).collect();
        };
        let is_leaving = |pod: &Json| pod.pointer("/metadata/deletionTimestamp").is_some();
        let is_of_older = |pod: &Json| sets.iter().any(|set| is_owned(pod, set)) && is_leaving(pod);
        self.pods.iter().filter(|pod| is_owned(pod, newest) || is_of_older(pod)).collect()
    }

    /// The replica sets of a deployment.
    pub(super) fn replica_sets_of(&self, workload: &Json) -> Vec<&Json> {
        self.replica_sets.iter().filter(|set| is_owned(set, workload)).collect()
    }

    /// What makes the pods of a workload, and can fail to: its newest replica set, or itself.
    pub(super) fn maker_of<'a>(&'a self, workload: &'a Json) -> &'a Json {
        self.replica_sets_of(workload).into_iter().max_by_key(|set| revision(set)).unwrap_or(workload)
    }

    /// The events about an object, the latest first.
    pub(super) fn events_of<'a>(&'a self, object: &'a Json) -> Vec<&'a Json> {
        self.events_about(text(object, "/kind"), name_of(object), text(object, "/metadata/uid"))
    }

    /// The events about the object of a kind and a name, the latest first. An empty uid is that of
    /// any object of the name.
    pub(super) fn events_about(&self, kind: &str, name: &str, uid: &str) -> Vec<&Json> {
        let is_about = |event: &&Json| {
            let of = |field: &str| text(event, &format!("/involvedObject/{field}"));
            of("kind") == kind && of("name") == name && (uid.is_empty() || of("uid").is_empty() || of("uid") == uid)
        };
        let mut found: Vec<&Json> = self.events.iter().filter(is_about).collect();
        found.sort_by_key(|event| std::cmp::Reverse(time_of(event)));
        found
    }

    /// What the latest event of one of these reasons says about an object.
    pub(super) fn latest<'a>(&'a self, object: &'a Json, reasons: &[&str]) -> Option<&'a str> {
        let event = self.events_of(object).into_iter().find(|event| reasons.contains(&text(event, "/reason")))?;
        Some(text(event, "/message")).filter(|message| !message.is_empty())
    }
}

/// When an event was last seen, as text: such times sort as they are.
pub(super) fn time_of(event: &Json) -> &str {
    let times = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"];
    times.into_iter().map(|pointer| text(event, pointer)).find(|time| !time.is_empty()).unwrap_or_default()
}

pub(super) fn name_of(object: &Json) -> &str {
    text(object, "/metadata/name")
}

pub(super) fn text<'a>(object: &'a Json, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Json::as_str).unwrap_or_default()
}

fn is_owned(object: &Json, owner: &Json) -> bool {
    let owners = object.pointer("/metadata/ownerReferences").and_then(Json::as_array);
    let is_it = |reference: &Json| {
        let (ours, theirs) = (text(reference, "/uid"), text(owner, "/metadata/uid"));
        text(reference, "/kind") == text(owner, "/kind") && text(reference, "/name") == name_of(owner) && ours == theirs
    };
    owners.into_iter().flatten().any(is_it)
}

fn revision(set: &Json) -> i64 {
    text(set, REVISION).parse().unwrap_or_default()
}
