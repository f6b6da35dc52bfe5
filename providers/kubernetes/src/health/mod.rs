//! Whether an object of a cluster is ready, as its own status tells.
//!
//! [`health`] is a pure function from a live object. For each builtin kind it is the stricter of
//! two public rule sets: kstatus of the Kubernetes command line utilities, and the health
//! assessment of Argo CD. For custom resources it is what the two have in common, `conditions`
//! and phases, with a table of families that report in ways of their own.
//!
//! What it leaves out: it reads nothing but the object. Why a workload does not become ready is
//! written on its pods and in events: [`reasons`] reads those.

mod batch;
mod cluster;
mod custom;
mod evidence;
mod families;
mod live;
mod network;
mod pod;
pub mod reasons;
mod scaling;
mod words;
mod workload;

use std::fmt;

use jiff::Timestamp;
use live::Live;
use serde_json::Value as Json;

use crate::scope::is_own_group;

/// How an object is, from the least to the most strict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It does what it is there for.
    Ready,
    /// Its controller says that it does not know.
    Unknown,
    /// It is on its way.
    Progressing,
    /// Somebody wants it to stand still: nothing more will happen by itself.
    Suspended,
    /// It reports a failure, and its controller goes on trying.
    Degraded,
    /// Its controller has given up.
    Failed,
    /// It is being deleted.
    Terminating,
}

/// How an object is, and what tells so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// How it is.
    pub state: State,
    /// A phrase for people, without a full stop: `2 of 3 replicas are ready`.
    pub why: String,
}

impl Health {
    fn new(state: State, why: impl Into<String>) -> Self {
        Health { state, why: why.into() }
    }

    fn ready(why: impl Into<String>) -> Self {
        Health::new(State::Ready, why)
    }

    fn progressing(why: impl Into<String>) -> Self {
        Health::new(State::Progressing, why)
    }

    fn degraded(why: impl Into<String>) -> Self {
        Health::new(State::Degraded, why)
    }

    fn failed(why: impl Into<String>) -> Self {
        Health::new(State::Failed, why)
    }

    fn suspended(why: impl Into<String>) -> Self {
        Health::new(State::Suspended, why)
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// How a live object is. `now` is the time of the cluster: a pod that cannot be scheduled is
/// given some seconds before that counts.
pub fn health(object: &Json, now: Timestamp) -> Health {
    let live = Live { object, now };
    if live.at("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null()) {
        return terminating(&live);
    }
    if live.generation().zip(live.observed_generation()).is_some_and(|(wanted, seen)| wanted != seen) {
        return Health::progressing("its controller has not seen the last change yet");
    }
    match rule_of(live.group(), live.kind()) {
        Some(rule) if is_own_group(live.group()) => rule(&live),
        // Those of others that are like a builtin kind can do more than that.
        Some(rule) => custom::standing_still(&live).unwrap_or_else(|| rule(&live)),
        None => custom::health(&live),
    }
}

/// Whether an object of this kind can be there and not be ready. A cron job is there once it is
/// recorded: how its runs end says nothing of what it is now.
pub(crate) fn can_be_unready(group: &str, kind: &str) -> bool {
    let is_settled = matches!((group, kind), ("batch", "CronJob") | ("networking.k8s.io" | "extensions", "Ingress"));
    !is_settled && (rule_of(group, kind).is_some() || !is_own_group(group))
}

fn terminating(live: &Live<'_>) -> Health {
    let finalizers: Vec<&str> = live.list("/metadata/finalizers").iter().filter_map(Json::as_str).collect();
    Health::new(
        State::Terminating,
        match finalizers.is_empty() {
            true => "it is being deleted".to_owned(),
            false => format!("it is being deleted, held by {}", finalizers.join(", ")),
        },
    )
}

type Rule = fn(&Live<'_>) -> Health;

/// The rule of a builtin kind. A manifest without an API version is told by its kind alone.
fn rule_of(group: &str, kind: &str) -> Option<Rule> {
    let rule: Rule = match (group, kind) {
        ("apps" | "extensions" | "", "Deployment") => workload::deployment,
        ("apps" | "extensions" | "", "ReplicaSet") => workload::replica_set,
        ("", "ReplicationController") => workload::replica_set,
        ("apps" | "", "StatefulSet") => workload::stateful_set,
        ("apps" | "apps.kruise.io" | "extensions" | "", "DaemonSet") => workload::daemon_set,
        ("", "Pod") => pod::health,
        ("batch", "Job") => batch::job,
        ("batch", "CronJob") => batch::cron_job,
        ("autoscaling", "HorizontalPodAutoscaler") => scaling::autoscaler,
        ("policy" | "", "PodDisruptionBudget") => scaling::disruption_budget,
        ("", "Service") => network::service,
        ("extensions" | "networking.k8s.io" | "", "Ingress") => network::ingress,
        ("", "PersistentVolumeClaim") => cluster::volume_claim,
        ("", "PersistentVolume") => cluster::volume,
        ("", "Namespace") => cluster::namespace,
        ("", "Node") => cluster::node,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => cluster::custom_resource_definition,
        ("apiregistration.k8s.io", "APIService") => cluster::api_service,
        ("certificates.k8s.io", "CertificateSigningRequest") => cluster::signing_request,
        ("storage.k8s.io", "VolumeAttachment") => cluster::volume_attachment,
        _ => return None,
    };
    Some(rule)
}

#[cfg(test)]
mod tests;
