//! What is recorded: resources, decisions, outputs, the journal and the runs.
//!
//! A [`Backend`] keeps rows. It loads them as one [`Snapshot`] with a serial, lends a
//! [`Lease`] to one writer at a time, and commits lists of [`Edit`]s, each list wholly or
//! not at all. Stored forms are versioned and kept apart from the working types here
//! (`format`).
//!
//! What it leaves out: nothing here knows what a resource means, plans anything or touches
//! the systems that the rows describe.

mod answer;
mod backend;
mod batch;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod durable;
pub mod format;
mod record;
pub mod seal;
pub mod sqlite;

pub use answer::Answer;
pub use backend::{Backend, Error, Holder, KEPT_RUNS, Lease, Serial, Snapshot};
pub use record::{
    Change, Decision, Edit, JournalEntry, Operation, Outcome, Output, Resource, ResourceKey, ResourceStatus, Run,
    RunStatus,
};
