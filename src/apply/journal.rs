//! What is to be committed, and when.
//!
//! An entry must be on disk before its change starts. An outcome need not be at once: should
//! the process be killed, the next run finds the object by the identity in its entry, and
//! reads from the world what became of it (`recover`). So outcomes are collected and written
//! together with the entries of later changes, which keeps the disk from setting the pace.
//! They wait at most [`LONGEST_WAIT`], and at most [`MOST_WAITING`] of them; the outcome of a
//! change that could not be found again, because nothing but its own answer tells its
//! identity, is committed as soon as the disk is free.

use std::time::{Duration, Instant};

use portolan_state::Edit;

/// How many outcomes may wait.
pub(crate) const MOST_WAITING: usize = 1024;
/// How long an outcome may wait.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// Edits that are not committed yet, in the order in which they have to be carried out.
#[derive(Default)]
pub(crate) struct Journal {
    edits: Vec<Edit>,
    /// The operations of which the entries are among the edits.
    entries: Vec<usize>,
    outcomes: usize,
    oldest: Option<Instant>,
    is_urgent: bool,
}

impl Journal {
    /// Edits that are committed with whatever comes next.
    pub(crate) fn record(&mut self, edits: impl IntoIterator<Item = Edit>) {
        self.edits.extend(edits);
    }

    /// An entry, with what belongs to it.
    pub(crate) fn begin(&mut self, operation: usize, edits: impl IntoIterator<Item = Edit>) {
        self.edits.extend(edits);
        self.entries.push(operation);
    }

    /// An outcome, with what belongs to it.
    pub(crate) fn end(&mut self, edits: impl IntoIterator<Item = Edit>, is_urgent: bool) {
        self.edits.extend(edits);
        self.outcomes += 1;
        self.oldest.get_or_insert_with(Instant::now);
        self.is_urgent |= is_urgent;
    }

    /// When the next commit is due, from now; `None` where there is nothing to commit. `is_idle`
    /// says that nothing runs, so that waiting would gather nothing.
    pub(crate) fn due_in(&self, is_idle: bool) -> Option<Duration> {
        let wait = LONGEST_WAIT.saturating_sub(self.oldest.map(|oldest| oldest.elapsed()).unwrap_or_default());
        let is_due = is_idle || self.is_urgent || !self.entries.is_empty() || self.outcomes >= MOST_WAITING;
        match self.edits.is_empty() {
            true => None,
            false if is_due => Some(Duration::ZERO),
            false => Some(wait),
        }
    }

    /// Takes out what is to be committed, with the operations that it begins.
    pub(crate) fn take(&mut self) -> (Vec<Edit>, Vec<usize>) {
        let taken = std::mem::take(self);
        (taken.edits, taken.entries)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn edit() -> Edit {
        Edit::RemoveOutput(Arc::from("x"))
    }

    #[test]
    fn entries_are_due_at_once_and_outcomes_wait() {
        let mut journal = Journal::default();
        assert_eq!(journal.due_in(true), None);
        journal.end([edit()], false);
        assert!(journal.due_in(false).is_some_and(|wait| wait > Duration::ZERO && wait <= LONGEST_WAIT));
        assert_eq!(journal.due_in(true), Some(Duration::ZERO));
        journal.begin(3, [edit()]);
        assert_eq!(journal.due_in(false), Some(Duration::ZERO));
        assert_eq!(journal.take().1, [3]);
        journal.end([edit()], true);
        assert_eq!(journal.due_in(false), Some(Duration::ZERO));
    }

    #[test]
    fn many_outcomes_do_not_wait() {
        let mut journal = Journal::default();
        (0..MOST_WAITING).for_each(|_| journal.end([edit()], false));
        assert_eq!(journal.due_in(false), Some(Duration::ZERO));
    }
}
