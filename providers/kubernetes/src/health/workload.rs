//! Kinds that run a number of pods.

use super::Health;
use super::live::Live;

/// What `progressDeadlineSeconds` is where there is no deadline: the controller then reports no
/// progress at all.
const NO_DEADLINE: i64 = i32::MAX as i64;

pub(super) fn deployment(live: &Live<'_>) -> Health {
    if live.is_set("/spec/paused") {
        return Health::suspended("its rollout is paused");
    }
    let progress = live.condition("Progressing");
    if let Some(exceeded) = progress.filter(|progress| progress.reason == "ProgressDeadlineExceeded") {
        return Health::failed(match exceeded.message {
            "" => "it exceeded its progress deadline".to_owned(),
            message => format!("it exceeded its progress deadline: {}", message.trim_end_matches('.')),
        });
    }
    unobserved(live).or_else(|| lacks_replicas(live)).unwrap_or_else(|| {
        let has_deadline = live.number("/spec/progressDeadlineSeconds").unwrap_or(NO_DEADLINE) != NO_DEADLINE;
        let is_complete = |status: Option<bool>, reason| status == Some(true) && reason == "NewReplicaSetAvailable";
        if has_deadline && !progress.is_some_and(|progress| is_complete(progress.status, progress.reason)) {
            return Health::progressing("its new replica set is not available yet");
        }
        if !live.is_true("Available") {
            return Health::progressing("it is not available yet");
        }
        all_ready(wanted(live))
    })
}

/// Too few or too many of a deployment's replicas in some respect.
fn lacks_replicas(live: &Live<'_>) -> Option<Health> {
    let wanted = wanted(live);
    let [replicas, updated, ready, available] =
        ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"].map(|name| in_status(live, name));
    fewer(replicas, wanted, "exist")
        .or_else(|| fewer(updated, wanted, "are updated"))
        .or_else(|| surplus(replicas - wanted))
        .or_else(|| fewer(ready, wanted, "are ready"))
        .or_else(|| fewer(available, updated, "are available"))
}

pub(super) fn replica_set(live: &Live<'_>) -> Health {
    if let Some(failure) = live.condition("ReplicaFailure").filter(|failure| failure.status == Some(true)) {
        return Health::degraded(failure.words());
    }
    let wanted = wanted(live);
    unobserved(live)
        .or_else(|| fewer(in_status(live, "fullyLabeledReplicas"), wanted, "are labelled"))
        .or_else(|| fewer(in_status(live, "readyReplicas"), wanted, "are ready"))
        .or_else(|| fewer(in_status(live, "availableReplicas"), wanted, "are available"))
        .or_else(|| surplus(in_status(live, "replicas") - wanted))
        .unwrap_or_else(|| all_ready(wanted))
}

pub(super) fn stateful_set(live: &Live<'_>) -> Health {
    let wanted = wanted(live);
    let replicas = in_status(live, "replicas");
    unobserved(live)
        .or_else(|| fewer(replicas, wanted, "exist"))
        .or_else(|| fewer(in_status(live, "readyReplicas"), wanted, "are ready"))
        .or_else(|| surplus(replicas - wanted))
        .or_else(|| waits_for_revision(live, wanted))
        .unwrap_or_else(|| all_ready(wanted))
}

/// A stateful set that replaces its pods itself, and has not yet replaced all of them.
fn waits_for_revision(live: &Live<'_>, wanted: i64) -> Option<Health> {
    if live.text("/spec/updateStrategy/type") == "OnDelete" {
        return None;
    }
    if let Some(partition) = live.number("/spec/updateStrategy/rollingUpdate/partition") {
        return fewer(in_status(live, "updatedReplicas"), wanted - partition, "are updated");
    }
    if let Some(too_few) = fewer(in_status(live, "currentReplicas"), wanted, "are of its current revision") {
        return Some(too_few);
    }
    let [current, update] = ["/status/currentRevision", "/status/updateRevision"].map(|pointer| live.text(pointer));
    (current != update).then(|| Health::progressing(format!("revision {update} is not everywhere yet")))
}

pub(super) fn daemon_set(live: &Live<'_>) -> Health {
    if let Some(unobserved) = unobserved(live) {
        return unobserved;
    }
    let Some(wanted) = live.number("/status/desiredNumberScheduled") else {
        return Health::progressing("on how many nodes it has to run is not known yet");
    };
    // With this strategy pods are replaced when a person deletes them, and not before.
    let replaces_pods = live.text("/spec/updateStrategy/type") != "OnDelete";
    let updated = if replaces_pods { in_status(live, "updatedNumberScheduled") } else { wanted };
    fewer(in_status(live, "currentNumberScheduled"), wanted, "are scheduled")
        .or_else(|| fewer(updated, wanted, "are updated"))
        .or_else(|| fewer(in_status(live, "numberReady"), wanted, "are ready"))
        .or_else(|| fewer(in_status(live, "numberAvailable"), wanted, "are available"))
        .unwrap_or_else(|| all_ready(wanted))
}

/// The controllers of these kinds always report the generation that they have seen.
fn unobserved(live: &Live<'_>) -> Option<Health> {
    let is_unobserved = live.generation().is_some() && live.observed_generation().is_none();
    is_unobserved.then(|| Health::progressing("its controller has not seen it yet"))
}

/// How many replicas are wanted; the API's default is one.
fn wanted(live: &Live<'_>) -> i64 {
    live.number("/spec/replicas").unwrap_or(1)
}

fn in_status(live: &Live<'_>, name: &str) -> i64 {
    live.count(&format!("/status/{name}"))
}

fn fewer(there: i64, wanted: i64, what: &str) -> Option<Health> {
    (there < wanted).then(|| Health::progressing(format!("{there} of {wanted} replicas {what}")))
}

fn surplus(old: i64) -> Option<Health> {
    let words = if old == 1 { "replica has" } else { "replicas have" };
    (old > 0).then(|| Health::progressing(format!("{old} old {words} still to go")))
}

fn all_ready(wanted: i64) -> Health {
    Health::ready(match wanted {
        0 => "no replicas are wanted".to_owned(),
        _ => format!("{wanted} of {wanted} replicas are ready"),
    })
}
