//! Custom resources, and builtin kinds without a rule of their own.
//!
//! What an object reports is gathered as evidence: its conditions, and words such as
//! `status.phase`. The strictest evidence counts. [`Family`] says where to look and what to
//! expect, and [`families`](super::families) lists the families that need to be told apart.

use serde_json::Value as Json;

use super::evidence::{each, text};
use super::families::Family;
use super::live::{Condition, Live};
use super::{Health, State, families, words};

/// Conditions one of which says that all is well, in the order in which they are looked for.
const READY: &[&str] = &[
    "Ready",
    "Available",
    "Succeeded",
    "Synced",
    "Healthy",
    "Accepted",
    "Established",
    "Complete",
    "Completed",
    "Programmed",
    "Installed",
    "Reconciled",
    "Successful",
    "RevisionHealthy",
    "Valid",
    "Deployed",
    "Discoverable",
];

/// Conditions that say that something is wrong while they are true.
const WRONG: &[&str] = &[
    "CatalogSourcesUnhealthy",
    "Degraded",
    "Error",
    "ErrorOccurred",
    "Failed",
    "Failure",
    "Fallback",
    "FetchFailed",
    "HasErrors",
    "InstallPlanFailed",
    "Invalid",
    "InvalidSpec",
    "NotReady",
    "Orphan",
    "PartiallyReady",
    "ReconcileError",
    "ReconcileFailed",
    "ResolutionFailed",
    "SpecError",
    "SubmissionError",
];

/// Where a phase may stand.
const PHASES: &[&str] =
    &["status/phase", "status/state", "status/status", "status/health", "status/healthStatus", "status/updateStatus"];

/// Where a person says that an object is to stand still.
const SUSPENDING: &[&str] = &[
    "/spec/suspend",
    "/spec/suspended",
    "/spec/paused",
    "/spec/pause",
    "/spec/updateStrategy/paused",
    "/spec/updateStrategy/rollingUpdate/paused",
];

/// What somebody wants to stand still.
pub(super) fn standing_still(live: &Live<'_>) -> Option<Health> {
    SUSPENDING.iter().any(|pointer| live.is_set(pointer)).then(|| Health::suspended("it is suspended"))
}

pub(super) fn health(live: &Live<'_>) -> Health {
    if let Some(still) = standing_still(live) {
        return still;
    }
    let family = families::of(live.group(), live.kind());
    let signs: Vec<Health> = family.signs.iter().filter_map(|sign| sign.of(live)).collect();
    if let Some(still) = signs.iter().find(|health| health.state == State::Suspended) {
        return still.clone();
    }
    let status = live.at("/status").and_then(Json::as_object);
    if status.is_none_or(|status| status.is_empty()) {
        return Health::new(family.without_status, "it reports no status");
    }
    let conditions = conditions(live, family);
    if let Some(busy) = conditions.iter().find(|condition| is_busy(condition, live, family)) {
        return Health::progressing(busy.words());
    }
    let mut evidence: Vec<Health> = conditions.iter().filter_map(warning).collect();
    evidence.extend(expected(&conditions, family).iter().map(|condition| verdict(condition, family)));
    evidence.extend(phases(live, family));
    evidence.extend(signs);
    strictest(evidence).or_else(|| replicas(live)).unwrap_or_else(|| match family.ready {
        Some([]) => Health::ready("it reports nothing that is wrong"),
        _ => Health::new(family.without_status, "it does not report yet whether it is ready"),
    })
}

/// What an object says that counts its replicas as builtin kinds do, and says nothing else.
fn replicas(live: &Live<'_>) -> Option<Health> {
    let first = |pointers: &[&str]| pointers.iter().find_map(|pointer| live.number(pointer));
    let wanted = first(&["/spec/replicas", "/status/replicas"])?;
    let ready = first(&["/status/updatedReadyReplicas", "/status/readyReplicas"])?;
    let why = format!("{ready} of {wanted} replicas are ready");
    Some(if ready != wanted { Health::progressing(why) } else { Health::ready(why) })
}

/// The strictest; the first of equals.
fn strictest(evidence: Vec<Health>) -> Option<Health> {
    evidence.into_iter().rev().max_by_key(|health| health.state)
}

fn conditions<'a>(live: &Live<'a>, family: &Family) -> Vec<Condition<'a>> {
    let mut found = Vec::new();
    for path in family.conditions_at {
        each(live.object, path, &mut |list| {
            found.extend(list.as_array().into_iter().flatten().filter_map(Condition::of));
        });
    }
    found
}

/// Whether a condition says that the others do not count yet.
fn is_busy(condition: &Condition<'_>, live: &Live<'_>, family: &Family) -> bool {
    let is_old = condition.observed_generation.zip(live.generation()).is_some_and(|(seen, wanted)| seen < wanted);
    is_old && family.counts_age || condition.status == Some(true) && family.busy.contains(&condition.kind)
}

/// What a condition says that is not expected to be true, where it says anything bad.
fn warning(condition: &Condition<'_>) -> Option<Health> {
    let is = |status: bool| condition.status == Some(status);
    let told = |state: State| Some(Health::new(state, condition.words()));
    match condition.kind {
        "Stalled" if is(true) => told(State::Failed),
        "Disrupting" | "Paused" | "Suspended" if is(true) => told(State::Suspended),
        "Reconciling" if is(true) => told(State::Progressing),
        "Progressing" if condition.reason == "ProgressDeadlineExceeded" => told(State::Failed),
        "Progressing" if is(true) && !words::is_complete(condition.reason) => told(State::Progressing),
        "Progressing" if condition.status.is_none() => {
            told(words::reason(condition.reason).unwrap_or(State::Progressing))
        }
        "Progressing" if !is(true) => {
            words::reason(condition.reason).filter(|state| *state != State::Progressing).and_then(told)
        }
        kind if WRONG.contains(&kind) && is(true) => told(State::Degraded),
        kind if kind.ends_with("Healthy") && !READY.contains(&kind) && is(false) => {
            told(words::reason(condition.reason).unwrap_or(State::Degraded))
        }
        _ => None,
    }
}

/// The conditions that have to be true: those that the family names, or the first of the usual
/// ones that is there.
fn expected<'a>(conditions: &[Condition<'a>], family: &Family) -> Vec<Condition<'a>> {
    let named = |names: &[&str]| -> Vec<Condition<'a>> {
        conditions.iter().filter(|condition| names.contains(&condition.kind)).copied().collect()
    };
    match family.ready {
        Some(names) => named(names),
        None => READY.iter().map(|name| named(&[name])).find(|found| !found.is_empty()).unwrap_or_default(),
    }
}

fn verdict(condition: &Condition<'_>, family: &Family) -> Health {
    let by_reason = words::reason(condition.reason);
    let state = match condition.status {
        // A job that is complete may have failed.
        Some(true) if condition.kind == "Complete" && by_reason == Some(State::Degraded) => State::Degraded,
        Some(true) => State::Ready,
        Some(false) => by_reason.unwrap_or(family.while_false).min(family.at_worst),
        None => by_reason.filter(|state| *state != State::Ready).unwrap_or(State::Progressing).min(family.at_worst),
    };
    Health::new(state, condition.words())
}

/// What the words of a status say. A word that is not understood counts only where the family
/// says that it stands for a phase.
fn phases(live: &Live<'_>, family: &Family) -> Vec<Health> {
    let mut found = Vec::new();
    for path in family.phases_at.unwrap_or(PHASES) {
        each(live.object, path, &mut |phase| {
            let Some(word) = text(phase).filter(|word| !word.is_empty()) else { return };
            let state = family.says(&words::normal(&word)).or_else(|| family.says_first(&word));
            let state = state.or(family.phases_at.is_some().then_some(State::Progressing));
            found.extend(state.map(|state| Health::new(state, format!("it reports {word:?}"))));
        });
    }
    found
}
