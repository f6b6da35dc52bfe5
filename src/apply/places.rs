//! How many operations run at the same time.
//!
//! There are so many places, and each operation that runs takes one, in the order in which they
//! became startable. Where a session makes changes together that are asked for at the same time, all
//! its operations take one place together: what sets the pace there is the round trip and not the
//! change, and places would only keep the changes from being made together.

use std::collections::VecDeque;

/// The places, and what may start.
#[derive(Debug)]
pub(super) struct Places {
    free: usize,
    running: usize,
    /// For each operation the batch that it belongs to, if any.
    batch_of: Vec<Option<usize>>,
    batches: Vec<Batch>,
    /// What waits for a place.
    queue: VecDeque<Claim>,
    /// What needs none, because its batch has one.
    joining: Vec<usize>,
}

/// Operations of which the changes are made together.
#[derive(Debug, Clone, Default)]
struct Batch {
    waiting: Vec<usize>,
    running: usize,
}

/// Who is to have a place.
#[derive(Debug, Clone, Copy)]
enum Claim {
    Operation(usize),
    Batch(usize),
}

impl Places {
    /// So many places, at least one.
    pub(super) fn new(places: usize, batch_of: Vec<Option<usize>>) -> Self {
        let batches = batch_of.iter().flatten().max().map_or(0, |last| last + 1);
        Places {
            free: places.max(1),
            running: 0,
            batch_of,
            batches: vec![Batch::default(); batches],
            queue: VecDeque::new(),
            joining: Vec::new(),
        }
    }

    /// Whether any operation runs.
    pub(super) fn are_taken(&self) -> bool {
        self.running > 0
    }

    /// An operation may start.
    pub(super) fn add(&mut self, operation: usize) {
        let Some(at) = self.batch_of[operation] else { return self.queue.push_back(Claim::Operation(operation)) };
        let batch = &mut self.batches[at];
        if batch.running > 0 {
            return self.joining.push(operation);
        }
        if batch.waiting.is_empty() {
            self.queue.push_back(Claim::Batch(at));
        }
        batch.waiting.push(operation);
    }

    /// The operations that start now.
    pub(super) fn take(&mut self) -> Vec<usize> {
        let mut started = std::mem::take(&mut self.joining);
        while self.free > 0
            && let Some(claim) = self.queue.pop_front()
        {
            self.free -= 1;
            match claim {
                Claim::Operation(operation) => started.push(operation),
                Claim::Batch(at) => started.append(&mut self.batches[at].waiting),
            }
        }
        self.running += started.len();
        for at in started.iter().filter_map(|operation| self.batch_of[*operation]) {
            self.batches[at].running += 1;
        }
        started
    }

    /// An operation runs no more.
    pub(super) fn leave(&mut self, operation: usize) {
        self.running -= 1;
        let others = self.batch_of[operation].map(|at| {
            self.batches[at].running -= 1;
            self.batches[at].running
        });
        self.free += usize::from(others.unwrap_or(0) == 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_have_a_place_each_in_their_order() {
        let mut places = Places::new(2, vec![None; 4]);
        (0..4).for_each(|operation| places.add(operation));
        assert_eq!(places.take(), [0, 1]);
        assert!(places.take().is_empty());
        places.leave(1);
        assert_eq!(places.take(), [2]);
    }

    #[test]
    fn a_batch_has_one_place_together() {
        let mut places = Places::new(2, vec![None, Some(0), Some(0), None, Some(0)]);
        (0..4).for_each(|operation| places.add(operation));
        assert_eq!(places.take(), [0, 1, 2]);
        places.add(4);
        assert_eq!(places.take(), [4], "its batch runs");
        places.leave(1);
        places.leave(2);
        assert!(places.take().is_empty(), "the batch still has its place");
        places.leave(4);
        assert_eq!(places.take(), [3]);
        places.leave(0);
        places.leave(3);
        assert!(!places.are_taken());
    }

    #[test]
    fn a_batch_waits_for_its_place() {
        let mut places = Places::new(1, vec![None, Some(0), Some(0)]);
        (0..3).for_each(|operation| places.add(operation));
        assert_eq!(places.take(), [0]);
        places.leave(0);
        assert_eq!(places.take(), [1, 2]);
    }
}
