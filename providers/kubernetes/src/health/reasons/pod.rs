//! What is wrong with a pod.

use serde_json::Value as Json;

use super::around::{Around, text};
use super::{Reason, Weight, container, events, one_line};
use crate::health::live::Live;

/// All that is wrong; empty for a pod that is ready, or about which nothing is known.
pub(super) fn reasons(pod: &Live<'_>, around: &Around) -> Vec<Reason> {
    if pod.is_true("Ready") && pod.text("/metadata/deletionTimestamp").is_empty() {
        return Vec::new();
    }
    if let Some(leaving) = leaving(pod) {
        return vec![leaving];
    }
    if let Some(unscheduled) = pod.condition("PodScheduled").filter(|scheduled| scheduled.status == Some(false)) {
        return unschedulable(pod, unscheduled.message, around);
    }
    if pod.text("/status/phase") == "Failed" && !pod.text("/status/reason").is_empty() {
        let (reason, message) = (pod.text("/status/reason"), pod.text("/status/message"));
        return vec![Reason::new(Weight::Crash, format!("{reason}: {}", one_line(message)))];
    }
    let found = container::reasons(pod, around);
    if found.is_empty() { stuck(pod, around).into_iter().collect() } else { found }
}

/// A pod on its way out.
fn leaving(pod: &Live<'_>) -> Option<Reason> {
    let since = pod.time("/metadata/deletionTimestamp")?;
    // The time is when the pod ought to be gone, its grace over.
    let late = pod.now.duration_since(since).as_secs();
    let text = if late > 0 { format!("it ought to be gone for {late} s") } else { "it is ending".to_owned() };
    Some(Reason::new(Weight::Leaving, text))
}

fn unschedulable(pod: &Live<'_>, message: &str, around: &Around) -> Vec<Reason> {
    let message = if message.is_empty() { "the scheduler has not dealt with it yet" } else { message };
    let mut found = vec![Reason::new(Weight::NoNode, format!("no node takes it: {}", one_line(message)))];
    if message.contains("PersistentVolumeClaim") || message.contains("persistentvolumeclaim") {
        let told = claims(pod.object).filter_map(|claim| Some((claim, events::of_claim(claim, around)?)));
        found.extend(told.map(|(claim, why)| Reason::new(Weight::NoNode, format!("its claim {claim}: {why}"))));
    }
    found
}

fn claims(pod: &Json) -> impl Iterator<Item = &str> {
    let volumes = pod.pointer("/spec/volumes").and_then(Json::as_array);
    let claim = |volume| text(volume, "/persistentVolumeClaim/claimName");
    volumes.into_iter().flatten().map(claim).filter(|claim| !claim.is_empty())
}

/// A pod on a node that does not get as far as its containers.
fn stuck(pod: &Live<'_>, around: &Around) -> Option<Reason> {
    let troubles = ["FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "FailedMapVolume"];
    let message = around.latest(pod.object, &troubles).filter(|_| pod.text("/status/phase") == "Pending")?;
    Some(Reason::new(Weight::NoStart, one_line(message)))
}
