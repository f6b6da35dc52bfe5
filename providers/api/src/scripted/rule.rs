//! What goes wrong, and when.

use std::time::Duration;

use portolan_lang::Value;

use super::Call;
use crate::Error;

/// What a call asks for. Each object of a batch read is a call of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "named as the methods of the seam")]
pub enum Operation {
    Connect,
    Read,
    Plan,
    Create,
    Update,
    Delete,
    Import,
    Data,
    Ready,
    /// Waiting until it is gone.
    Gone,
}

/// What goes wrong with a call.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Nothing is done and this is the answer.
    Fail(Error),
    /// It is done, and this is the answer all the same, as when a connection is cut.
    LoseAnswer(Error),
    /// It is done, and this is the answer, with what it left behind.
    LeaveBehind(Error),
    /// Nothing is done and no answer ever comes: the process is killed before the call.
    StopBefore,
    /// It is done and no answer ever comes: the process is killed after the call.
    Stop,
    /// Somebody else takes the object away just before.
    Vanish,
    /// Somebody else sets this attribute of the object just before.
    Edit(String, Value),
    /// It takes this long.
    Wait(Duration),
}

/// A fault and the calls that meet it: by default the first call of the operation.
#[derive(Debug, Clone)]
pub struct Rule {
    operation: Operation,
    identity: Option<String>,
    first: u32,
    times: u32,
    fault: Fault,
}

impl Rule {
    /// A rule for calls of this operation; without a fault named, they fail.
    pub fn on(operation: Operation) -> Self {
        let fault = Fault::Fail(Error::failed("the script says so"));
        Rule { operation, identity: None, first: 1, times: 1, fault }
    }

    /// Only calls for this object.
    #[must_use]
    pub fn of(mut self, identity: impl Into<String>) -> Self {
        self.identity = Some(identity.into());
        self
    }

    /// From the n-th such call on, counted from one.
    #[must_use]
    pub fn nth(mut self, first: u32) -> Self {
        self.first = first;
        self
    }

    /// This many calls one after the other.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// All further calls.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(u32::MAX)
    }

    /// They fail with this error and nothing is done.
    #[must_use]
    pub fn fails(self, error: Error) -> Self {
        self.meets(Fault::Fail(error))
    }

    /// They meet this fault.
    #[must_use]
    pub fn meets(mut self, fault: Fault) -> Self {
        self.fault = fault;
        self
    }
}

/// A rule and how many calls it has seen.
pub(super) struct Armed {
    rule: Rule,
    seen: u32,
}

impl Armed {
    pub(super) fn new(rule: Rule) -> Self {
        Armed { rule, seen: 0 }
    }

    /// Counts the call, and gives the fault if it meets it.
    pub(super) fn meet(&mut self, call: &Call) -> Option<Fault> {
        let rule = &self.rule;
        let matches = rule.operation == call.operation
            && rule.identity.as_ref().is_none_or(|identity| *identity == call.identity);
        if !matches {
            return None;
        }
        self.seen = self.seen.saturating_add(1);
        let due = self.seen >= rule.first && self.seen - rule.first < rule.times;
        due.then(|| rule.fault.clone())
    }
}
