//! What is to be committed, and when.
//!
//! An entry must be on disk before its change starts. An outcome need not be at once: should
//! the process be killed, the next run finds the object by the identity in its entry, and
//! reads from the world what became of it (`recover`). So outcomes are collected and written
//! together with the entries of later changes, which keeps the disk from setting the pace.
//! They wait at most [`LONGEST_WAIT`], and at most [`MOST_WAITING`] of them; the outcome of a
//! change that could not be found again, because nothing but its own answer tells its
//! identity, is committed as soon as the disk is free. A batch that could not be written is
//! written again as it is, so that it can be told whether it was written after all.

use std::sync::Arc;
use std::time::Duration;

use portolan_lang::Address;
use portolan_state::Edit;
use tokio::time::Instant;

/// How many outcomes may wait.
pub(crate) const MOST_WAITING: usize = 1024;
/// How long an outcome may wait.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// What is committed together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// In the order in which they have to be carried out.
    pub(crate) edits: Vec<Edit>,
    /// The operations of which the entries are among the edits.
    pub(crate) entries: Vec<usize>,
    /// The objects that only these edits tell of, with what finds them.
    pub(crate) unfindable: Vec<(Address, Arc<str>)>,
}

/// What is not committed yet.
#[derive(Default)]
pub(crate) struct Journal {
    batch: Batch,
    outcomes: usize,
    oldest: Option<Instant>,
}

impl Journal {
    /// Edits that are committed with whatever comes next.
    pub(crate) fn record(&mut self, edits: impl IntoIterator<Item = Edit>) {
        self.batch.edits.extend(edits);
    }

    /// An entry, with what belongs to it.
    pub(crate) fn begin(&mut self, operation: usize, edits: impl IntoIterator<Item = Edit>) {
        self.batch.edits.extend(edits);
        self.batch.entries.push(operation);
    }

    /// An outcome.
    pub(crate) fn end(&mut self, edit: Edit) {
        self.batch.edits.push(edit);
        self.outcomes += 1;
        self.oldest.get_or_insert_with(Instant::now);
    }

    /// The outcome of a change that left an object that nothing else tells of.
    pub(crate) fn end_unfindable(&mut self, edit: Edit, address: Address, identity: Arc<str>) {
        self.end(edit);
        self.batch.unfindable.push((address, identity));
    }

    /// When the next commit is due, from now; `None` where there is nothing to commit. `is_idle`
    /// says that nothing runs, so that waiting would gather nothing.
    pub(crate) fn due_in(&self, is_idle: bool) -> Option<Duration> {
        let wait = LONGEST_WAIT.saturating_sub(self.oldest.map(|oldest| oldest.elapsed()).unwrap_or_default());
        let Batch { edits, entries, unfindable } = &self.batch;
        let is_due = is_idle || !unfindable.is_empty() || !entries.is_empty() || self.outcomes >= MOST_WAITING;
        match edits.is_empty() {
            true => None,
            false if is_due => Some(Duration::ZERO),
            false => Some(wait),
        }
    }

    /// Takes out what is to be committed.
    pub(crate) fn take(&mut self) -> Batch {
        std::mem::take(self).batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit() -> Edit {
        Edit::RemoveOutput(Arc::from("x"))
    }

    #[test]
    fn entries_are_due_at_once_and_outcomes_wait() {
        let mut journal = Journal::default();
        assert_eq!(journal.due_in(true), None);
        journal.end(edit());
        assert!(journal.due_in(false).is_some_and(|wait| wait > Duration::ZERO && wait <= LONGEST_WAIT));
        assert_eq!(journal.due_in(true), Some(Duration::ZERO));
        journal.begin(3, [edit()]);
        assert_eq!(journal.due_in(false), Some(Duration::ZERO));
        assert_eq!(journal.take().entries, [3]);
        journal.end_unfindable(edit(), "object.a".parse().expect("an address"), Arc::from("7"));
        assert_eq!(journal.due_in(false), Some(Duration::ZERO));
    }

    #[test]
    fn many_outcomes_do_not_wait() {
        let mut journal = Journal::default();
        (0..MOST_WAITING).for_each(|_| journal.end(edit()));
        assert_eq!(journal.due_in(false), Some(Duration::ZERO));
    }
}
