//! What events say.

use jiff::Timestamp;
use serde_json::Value as Json;

use super::around::{Around, name_of, text, time_of};
use super::one_line;
use crate::health::live::Live;

/// How many events are told.
const MOST: usize = 5;

/// Why the pods of a workload cannot be made: a quota, an admission plugin, a missing account.
pub(super) fn no_pods(workload: &Json, around: &Around) -> Vec<String> {
    let maker = around.maker_of(workload);
    let failures = [maker, workload].into_iter().find_map(|object| {
        let live = Live { object, now: Timestamp::UNIX_EPOCH };
        let failure = live.condition("ReplicaFailure").filter(|failure| failure.status == Some(true))?;
        Some(one_line(failure.message)).filter(|message| !message.is_empty())
    });
    // Such an event stays for an hour: it says something only while pods are missing.
    let event = || around.latest(maker, &["FailedCreate"]).filter(|_| lacks_pods(maker)).map(one_line);
    failures.or_else(event).into_iter().collect()
}

fn lacks_pods(maker: &Json) -> bool {
    let live = Live { object: maker, now: Timestamp::UNIX_EPOCH };
    let wanted = live.number("/spec/replicas").or_else(|| live.number("/status/desiredNumberScheduled")).unwrap_or(1);
    let there = live.count("/status/replicas").max(live.count("/status/currentNumberScheduled"));
    there.max(live.count("/status/active")) < wanted
}

/// The last warnings about a workload, its replica sets and its pods, the latest first.
pub(super) fn last(workload: &Json, around: &Around, now: Timestamp) -> Vec<String> {
    let objects = [workload].into_iter().chain(around.replica_sets_of(workload)).chain(around.pods_of(workload));
    let mut events: Vec<&Json> = objects.flat_map(|object| around.events_of(object)).collect();
    events.retain(|event| text(event, "/type") == "Warning");
    events.sort_by_key(|event| std::cmp::Reverse(time_of(event)));
    let mut told: Vec<String> = Vec::new();
    for event in events {
        let what = format!(
            "{} {}: {}: {}",
            text(event, "/involvedObject/kind"),
            text(event, "/involvedObject/name"),
            text(event, "/reason"),
            one_line(text(event, "/message"))
        );
        if told.len() < MOST && !told.iter().any(|before| before.ends_with(&what)) {
            told.push(format!("{}{what}", ago(event, now)));
        }
    }
    told
}

fn ago(event: &Json, now: Timestamp) -> String {
    let Ok(seen) = time_of(event).parse::<Timestamp>() else { return String::new() };
    match now.duration_since(seen).as_secs() {
        seconds if seconds < 60 => format!("{} s ago, ", seconds.max(0)),
        seconds => format!("{} min ago, ", seconds / 60),
    }
}

/// What the latest event says about a claim for a volume.
pub(super) fn of_claim(claim: &str, around: &Around) -> Option<String> {
    let events = around.events_about("PersistentVolumeClaim", claim, "");
    let telling = ["FailedBinding", "ProvisioningFailed", "WaitForFirstConsumer", "ExternalProvisioning"];
    let event = events.into_iter().find(|event| telling.contains(&text(event, "/reason")))?;
    Some(one_line(text(event, "/message")))
}

/// Whether a claim is only bound once a pod wants it, so that waiting for it would be in vain.
pub fn waits_for_consumer(claim: &Json, around: &Around) -> bool {
    let latest = around.events_about("PersistentVolumeClaim", name_of(claim), text(claim, "/metadata/uid"));
    latest.first().is_some_and(|event| text(event, "/reason") == "WaitForFirstConsumer")
}
