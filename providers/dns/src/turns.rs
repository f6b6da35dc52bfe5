//! Changes of one zone that are asked for at the same time, made together.
//!
//! Whoever holds the zone's turn takes all changes that wait and makes them. The others find
//! their outcome when they get their turn.

use std::future::Future;
use std::sync::{Mutex, PoisonError};

use portolan_provider::Error;
use tokio::sync::{Mutex as Turn, oneshot};

use crate::zone::Edit;

/// Who waits for changes of a zone.
#[derive(Default)]
pub(crate) struct Turns {
    waiting: Mutex<Vec<Waiting>>,
    turn: Turn<()>,
}

/// A change that waits, and who is told its outcome.
struct Waiting {
    edit: Edit,
    outcome: oneshot::Sender<Result<(), Error>>,
}

impl Turns {
    /// Makes a change, together with all that wait. `make` gets them in the order in which they
    /// are to be made, and answers with an outcome for each.
    pub(crate) async fn take<Making>(&self, edit: Edit, make: impl FnOnce(Vec<Edit>) -> Making) -> Result<(), Error>
    where
        Making: Future<Output = Vec<Result<(), Error>>>,
    {
        let (outcome, receiver) = oneshot::channel();
        self.lock().push(Waiting { edit, outcome });
        let turn = self.turn.lock().await;
        if !self.lock().is_empty() {
            // Those who ask at the same time are heard first.
            tokio::task::yield_now().await;
        }
        let mut waiting = std::mem::take(&mut *self.lock());
        if !waiting.is_empty() {
            waiting.sort_by_key(|waiting| waiting.edit.rank());
            let (edits, told): (Vec<_>, Vec<_>) =
                waiting.into_iter().map(|waiting| (waiting.edit, waiting.outcome)).unzip();
            for (told, outcome) in told.into_iter().zip(make(edits).await) {
                // Who asked may have given up.
                let _ = told.send(outcome);
            }
        }
        drop(turn);
        receiver.await.unwrap_or_else(|_| Err(stopping()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        // What is guarded is replaced whole, so a panic elsewhere leaves nothing half-made.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The program ends before the change was made.
pub(crate) fn stopping() -> Error {
    Error::transient("the program is stopping")
}
