//! Why a workload does not become ready, in sentences for people.
//!
//! The workload itself only counts its replicas. Why they do not come up is written on its replica
//! sets and pods, and in events: quotas, images, crashes, probes, nodes, volumes. This reads
//! those; it asks nobody.

mod around;
mod container;
mod events;
mod pod;

use std::collections::BTreeMap;

pub use around::Around;
pub use events::waits_for_consumer;
use jiff::Timestamp;
use serde_json::Value as Json;

use super::live::Live;
use around::name_of;

/// How many reasons are told.
const MOST: usize = 5;

/// How telling a reason is, from the most telling: what keeps pods from being there at all comes
/// before what keeps them from being ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// No pods can be made.
    NoPods,
    /// No node takes a pod.
    NoNode,
    /// A container cannot be started.
    NoStart,
    /// A container ends by itself.
    Crash,
    /// A container runs, and is not ready.
    Unready,
    /// Something old has still to go.
    Leaving,
}

/// What is wrong with a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reason {
    weight: Weight,
    /// A phrase without a full stop.
    text: String,
}

impl Reason {
    fn new(weight: Weight, text: impl Into<String>) -> Self {
        Reason { weight, text: text.into() }
    }
}

/// Why a workload is not ready, each a phrase, the most telling first; empty where nothing tells.
/// What many pods share is told once. `now` is the time of the cluster.
pub fn reasons(workload: &Json, around: &Around, now: Timestamp) -> Vec<String> {
    let mut told: BTreeMap<(Weight, String), Vec<&str>> = BTreeMap::new();
    for why in events::no_pods(workload, around) {
        told.entry((Weight::NoPods, format!("its pods cannot be made: {why}"))).or_default();
    }
    for pod in around.pods_of(workload) {
        for Reason { weight, text } in pod::reasons(&Live { object: pod, now }, around) {
            told.entry((weight, text)).or_default().push(name_of(pod));
        }
    }
    let mut all: Vec<String> = told.into_iter().map(|((_, text), pods)| of_pods(workload, &text, &pods)).collect();
    let more = all.len().saturating_sub(MOST);
    all.truncate(MOST);
    all.extend((more > 0).then(|| format!("and {more} more")));
    all
}

/// The last things that went wrong with a workload and what belongs to it, the latest first.
pub fn last_events(workload: &Json, around: &Around, now: Timestamp) -> Vec<String> {
    events::last(workload, around, now)
}

fn of_pods(workload: &Json, text: &str, pods: &[&str]) -> String {
    match pods {
        [] => text.to_owned(),
        [pod] if *pod == name_of(workload) => text.to_owned(),
        [pod] => format!("pod {pod}: {text}"),
        [first, ..] => format!("{} pods, such as {first}: {text}", pods.len()),
    }
}

/// A message of somebody else in one line of bearable length, without a full stop.
fn one_line(message: &str) -> String {
    /// How long a message may be.
    const LONGEST: usize = 300;
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.trim_end_matches('.');
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests;
