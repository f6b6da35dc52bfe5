//! What is told while a plan is applied.

use std::time::Duration;

use portolan_lang::Diagnostic;
use portolan_provider::Waiting;

/// Something that happened. Operations are told by their position in the plan.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// An operation has begun.
    Started(usize),
    /// The object of an operation is there, and this is what it is waited for. Told whenever that
    /// changes.
    Waiting(usize, &'a Waiting),
    /// An operation was done, and what it made is ready.
    Finished(usize),
    /// An operation failed.
    Failed(usize, &'a Diagnostic),
    /// What an operation made did not become ready.
    NotReady(usize, &'a Diagnostic),
    /// What an operation made did not become ready, and is made again what it was.
    GoingBack(usize, &'a Diagnostic),
    /// An operation failed and will be tried again.
    Retrying {
        /// Which operation.
        operation: usize,
        /// How often it was tried.
        attempts: u32,
        /// How long it waits.
        pause: Duration,
        /// Why it failed.
        message: &'a str,
    },
    /// Nothing new is begun any more; what runs is brought to its end.
    Stopping,
}

/// Is told what happens, and shows it.
pub trait Observer {
    /// Something happened. Called from the one task that applies: it should return soon.
    fn on(&mut self, progress: Progress<'_>);
}

/// Shows nothing.
impl Observer for () {
    fn on(&mut self, _progress: Progress<'_>) {}
}
