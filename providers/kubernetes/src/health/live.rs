//! Reading a live object.

use jiff::Timestamp;
use serde_json::Value as Json;

/// A live object, and the time at which it is looked at.
#[derive(Clone, Copy)]
pub(super) struct Live<'a> {
    pub(super) object: &'a Json,
    pub(super) now: Timestamp,
}

/// A condition of a status. What is not said is empty.
#[derive(Debug, Clone, Copy)]
pub(super) struct Condition<'a> {
    pub(super) kind: &'a str,
    /// `None` for `Unknown`, and for whatever else is neither true nor false.
    pub(super) status: Option<bool>,
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
    pub(super) observed_generation: Option<i64>,
}

impl<'a> Live<'a> {
    /// What is at a JSON pointer.
    pub(super) fn at(&self, pointer: &str) -> Option<&'a Json> {
        self.object.pointer(pointer)
    }

    /// The text at a JSON pointer; empty where there is none.
    pub(super) fn text(&self, pointer: &str) -> &'a str {
        self.at(pointer).and_then(Json::as_str).unwrap_or_default()
    }

    pub(super) fn number(&self, pointer: &str) -> Option<i64> {
        self.at(pointer).and_then(Json::as_i64)
    }

    /// How many there are of something that is left out where there is none.
    pub(super) fn count(&self, pointer: &str) -> i64 {
        self.number(pointer).unwrap_or_default()
    }

    pub(super) fn is_set(&self, pointer: &str) -> bool {
        self.at(pointer).and_then(Json::as_bool).unwrap_or_default()
    }

    /// The list at a JSON pointer; empty where there is none.
    pub(super) fn list(&self, pointer: &str) -> &'a [Json] {
        self.at(pointer).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn kind(&self) -> &'a str {
        self.text("/kind")
    }

    /// The API group; empty for the core group.
    pub(super) fn group(&self) -> &'a str {
        self.text("/apiVersion").rsplit_once('/').map_or("", |(group, _)| group)
    }

    pub(super) fn generation(&self) -> Option<i64> {
        self.number("/metadata/generation")
    }

    /// The generation that its controller has seen; some write it as text.
    pub(super) fn observed_generation(&self) -> Option<i64> {
        let at = "/status/observedGeneration";
        self.number(at).or_else(|| self.text(at).parse().ok())
    }

    /// The time at a JSON pointer.
    pub(super) fn time(&self, pointer: &str) -> Option<Timestamp> {
        self.text(pointer).parse().ok()
    }

    pub(super) fn conditions(&self) -> impl Iterator<Item = Condition<'a>> {
        self.list("/status/conditions").iter().filter_map(Condition::of)
    }

    pub(super) fn condition(&self, kind: &str) -> Option<Condition<'a>> {
        self.conditions().find(|condition| condition.kind == kind)
    }

    /// Whether a condition is there and true.
    pub(super) fn is_true(&self, kind: &str) -> bool {
        self.condition(kind).is_some_and(|condition| condition.status == Some(true))
    }
}

impl<'a> Condition<'a> {
    pub(super) fn of(condition: &'a Json) -> Option<Self> {
        let text = |name: &str| condition.get(name).and_then(Json::as_str).unwrap_or_default();
        let status = match condition.get("status") {
            Some(Json::Bool(status)) => Some(*status),
            Some(Json::String(status)) if status.eq_ignore_ascii_case("true") => Some(true),
            Some(Json::String(status)) if status.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        };
        Some(Condition {
            kind: condition.get("type")?.as_str()?,
            status,
            reason: text("reason"),
            message: text("message"),
            observed_generation: condition.get("observedGeneration").and_then(Json::as_i64),
        })
    }

    /// What it says, for people: its message, or else its reason, or else its type.
    pub(super) fn words(&self) -> String {
        let status = match self.status {
            Some(true) => "true",
            Some(false) => "false",
            None => "unknown",
        };
        match (self.message.trim(), self.reason) {
            ("", "") => format!("its condition {} is {status}", self.kind),
            ("", reason) => format!("its condition {} is {status}: {reason}", self.kind),
            (message, _) => message.trim_end_matches('.').to_owned(),
        }
    }
}
