//! Looking at what runs: the copies of programs that a system keeps running.
//!
//! A provider says, without I/O, which of its objects are workloads
//! ([`Provider::workload`](crate::Provider::workload)); a session to a system that runs them says
//! how they are ([`Session::workloads`](crate::Session::workloads)). Nothing here changes anything
//! but what a person does inside of a copy.

use async_trait::async_trait;
use portolan_lang::Value;

use crate::Error;

/// What is declared of an object that keeps copies of a program running.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Workload {
    /// How many copies are wanted; `None` where that is no number of its own: one on each node, or
    /// as scheduled.
    pub wanted: Option<u64>,
    /// What the copies run, without what is sensitive.
    pub images: Vec<String>,
    /// Whether it is declared to stand still.
    pub is_stopped: bool,
}

/// An object that is recorded.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    /// Its resource type.
    pub resource_type: &'a str,
    /// What finds it.
    pub identity: &'a str,
    /// The object as it was last read or changed, without marks.
    pub value: &'a Value,
}

/// How a workload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    /// It does what it is there for.
    Ready,
    /// It is on its way.
    Waiting,
    /// It stands still because somebody wants that.
    Stopped,
    /// Something is wrong that does not mend itself, or has not yet.
    Failing,
    /// Nobody knows.
    Unknown,
}

/// How a workload was found. Texts come from the system, and may hold anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// How it is.
    pub condition: Condition,
    /// What tells so, a phrase without a full stop: `2 of 3 replicas are ready`.
    pub why: String,
    /// What holds it up, a phrase each, the most telling first.
    pub reasons: Vec<String>,
    /// How many copies the system is told to run.
    pub wanted: Option<u64>,
    /// How many copies are ready or, of what has an end, have come to it; `None` where that is not
    /// known.
    pub ready: Option<u64>,
    /// What the copies run, those that are there.
    pub images: Vec<String>,
    /// How often containers of the copies were started again.
    pub restarts: Option<u64>,
    /// Since when the youngest copy has been there: RFC 3339. Of a workload without copies, since
    /// when that has.
    pub since: Option<String>,
}

/// A session to a system that keeps workloads running.
#[async_trait]
pub trait Workloads: Send + Sync {
    /// How workloads are, with few calls whatever their number. The answers stand in the order of
    /// `workloads`; `None` says that the object is certainly not there.
    async fn status(&self, workloads: &[Recorded<'_>]) -> Vec<Result<Option<Status>, Error>>;
}
