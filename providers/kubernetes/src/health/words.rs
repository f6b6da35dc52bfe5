//! The words in which controllers report, whatever their kind.

use super::State;

const READY: &[&str] = &[
    "accepted",
    "active",
    "admitted",
    "atlatestknown",
    "available",
    "bound",
    "complete",
    "completed",
    "compliant",
    "current",
    "deployed",
    "enabled",
    "established",
    "finished",
    "green",
    "healthy",
    "inservice",
    "installed",
    "normal",
    "ok",
    "online",
    "provisioned",
    "ready",
    "reconciled",
    "registered",
    "running",
    "succeeded",
    "success",
    "successful",
    "synced",
    "up",
    "valid",
];

const PROGRESSING: &[&str] = &[
    "configuring",
    "creating",
    "deleting",
    "deploying",
    "init",
    "initializing",
    "inprogress",
    "installing",
    "new",
    "pending",
    "processing",
    "progressing",
    "provisioning",
    "queued",
    "reconciling",
    "scaling",
    "scheduled",
    "scheduling",
    "starting",
    "submitted",
    "terminating",
    "updating",
    "upgrading",
    "waiting",
    "yellow",
];

const SUSPENDED: &[&str] = &["hibernated", "inactive", "paused", "stopped", "suspended"];

const DEGRADED: &[&str] = &[
    "aborted",
    "broken",
    "canceled",
    "cancelled",
    "configerror",
    "conflict",
    "crashed",
    "createfailed",
    "degraded",
    "error",
    "errored",
    "failed",
    "failing",
    "failure",
    "faulty",
    "invalid",
    "lost",
    "noncompliant",
    "red",
    "rejected",
    "rolledback",
    "syncerror",
    "unavailable",
    "unhealthy",
    "updatefailed",
];

const UNKNOWN: &[&str] = &["inconclusive", "unknown"];

/// Parts of reasons that say that the controller is at work.
const AT_WORK: &[&str] = &[
    "creating",
    "deploying",
    "initializ",
    "installing",
    "notcomplete",
    "pending",
    "progress",
    "provisioning",
    "reconciling",
    "running",
    "scheduling",
    "starting",
    "statefulsetnotready",
    "updating",
    "waiting",
];

const FAILING: &[&str] = &["abort", "error", "exceeded", "fail", "invalid"];

/// Letters and digits alone, in lower case: `In-Progress` and `inProgress` are one word.
pub(super) fn normal(word: &str) -> String {
    word.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// The first word of a sentence, as [`normal`] has it.
pub(super) fn first(sentence: &str) -> String {
    normal(sentence.split_whitespace().next().unwrap_or_default())
}

/// What a phase says, where it is one of the usual words. `word` is [`normal`].
pub(super) fn phase(word: &str) -> Option<State> {
    let usual = [
        (READY, State::Ready),
        (PROGRESSING, State::Progressing),
        (SUSPENDED, State::Suspended),
        (DEGRADED, State::Degraded),
        (UNKNOWN, State::Unknown),
    ];
    usual.into_iter().find(|(words, _)| words.contains(&word)).map(|(_, state)| state)
}

/// What the reason of a condition says about why that is not as it should be.
pub(super) fn reason(reason: &str) -> Option<State> {
    let reason = normal(reason);
    let has = |parts: &[&str]| parts.iter().any(|part| reason.contains(part));
    if has(&["paused"]) {
        return Some(State::Suspended);
    }
    if has(FAILING) {
        return Some(State::Degraded);
    }
    has(AT_WORK).then_some(State::Progressing)
}

/// Whether the reason of a condition `Progressing` says that what was to be done is done, as that
/// of a complete deployment does.
pub(super) fn is_complete(reason: &str) -> bool {
    let reason = normal(reason);
    ["asexpected", "available", "complete", "current", "success"].iter().any(|part| reason.contains(part))
}
