//! The promises of [`Backend`] as checks that every backend's tests run.
//!
//! A backend says by [`States`] how its states are opened and calls [`check`], which answers
//! with the first promise that is broken. What a backend promises beyond the trait, such as
//! what a damaged file does, its own tests check.

mod locking;
mod recording;
mod running;
pub mod samples;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::backend::{Backend, Error, Holder, Lease, Serial, Snapshot};
use crate::record::Edit;

/// The states that a backend is tried with.
#[async_trait]
pub trait States: Send + Sync {
    /// A new handle to the state of this name, as another process would have it. Each name is
    /// a state of its own, never written at first; opening it twice gives the same state.
    async fn open(&self, name: &str) -> Arc<dyn Backend>;
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What was expected and what was found.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Violation {}

impl From<Error> for Violation {
    fn from(error: Error) -> Self {
        Violation { message: format!("unexpected failure: {error}") }
    }
}

type Outcome<T = ()> = Result<T, Violation>;

/// Longer than any check takes.
const LONG: Duration = Duration::from_secs(600);

/// Tries every promise.
///
/// # Errors
///
/// The first promise that the backend breaks, with the name of the check.
pub async fn check(states: &dyn States) -> Outcome {
    named("recording", recording::check(states).await)?;
    named("locking", locking::check(states).await)?;
    named("running", running::check(states).await)
}

fn named(check: &str, outcome: Outcome) -> Outcome {
    outcome.map_err(|violation| Violation { message: format!("{check}: {violation}") })
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(Violation { message: otherwise() }) }
}

fn same<T: PartialEq + fmt::Debug>(what: &str, found: &T, expected: &T) -> Outcome {
    ensure(found == expected, || format!("{what}: {found:#?} instead of {expected:#?}"))
}

fn refused<T: fmt::Debug>(what: &str, result: Result<T, Error>, expected: impl Fn(&Error) -> bool) -> Outcome {
    match result {
        Err(error) if expected(&error) => Ok(()),
        other => Err(Violation { message: format!("{what} gave {other:?}") }),
    }
}

fn holder(who: &str) -> Holder {
    Holder { who: who.to_owned(), command: "apply".to_owned() }
}

/// A state under a lease, with the serial of its last commit.
struct Writer {
    backend: Arc<dyn Backend>,
    lease: Lease,
    serial: Serial,
}

impl Writer {
    async fn start(states: &dyn States, name: &str) -> Outcome<Writer> {
        let backend = states.open(name).await;
        let lease = backend.lock(&holder("first"), LONG).await?;
        let serial = backend.load().await?.serial;
        Ok(Writer { backend, lease, serial })
    }

    async fn commit(&mut self, edits: &[Edit]) -> Outcome {
        let serial = self.backend.commit(&self.lease, self.serial, edits).await?;
        ensure(serial > self.serial, || format!("the serial went from {:?} to {serial:?}", self.serial))?;
        self.serial = serial;
        Ok(())
    }

    /// What another handle sees.
    async fn seen(&self, states: &dyn States, name: &str) -> Outcome<Snapshot> {
        let snapshot = states.open(name).await.load().await?;
        same("the serial of the last commit", &snapshot.serial, &self.serial)?;
        Ok(snapshot)
    }
}
