//! What a list of edits comes to.
//!
//! Every edit puts or removes one row, whatever was there before. So of several edits of one
//! row the last one counts, and rows can be written table by table, in any order. What must
//! not be folded are the changes that ended: each is a line of the audit log.

use std::hash::Hash;

use portolan_lang::Address;
use rustc_hash::FxHashMap;

use crate::record::{Decision, Edit, JournalEntry, Operation, Outcome, Output, Resource, ResourceKey, Run};

/// A change that ended.
pub(crate) struct Ended<'a> {
    pub(crate) run: &'a str,
    pub(crate) key: &'a ResourceKey,
    /// What was done, where it began in the same list; otherwise the journal knows.
    pub(crate) operation: Option<Operation>,
    pub(crate) failure: Option<&'a str>,
}

/// The rows of one table that are put and those that are removed.
pub(crate) struct Rows<K, V> {
    /// The last edit of each row, with its position in the list.
    last: FxHashMap<K, (usize, Option<V>)>,
}

impl<K: Eq + Hash + Copy, V: Copy> Rows<K, V> {
    fn new() -> Self {
        Rows { last: FxHashMap::default() }
    }

    fn get(&self, key: K) -> Option<V> {
        self.last.get(&key).and_then(|(_, row)| *row)
    }

    fn set(&mut self, key: K, position: usize, row: Option<V>) {
        self.last.insert(key, (position, row));
    }

    /// The rows to put, in the order of their edits.
    pub(crate) fn put(&self) -> Vec<V> {
        let mut rows: Vec<(usize, V)> = self.last.values().filter_map(|(at, row)| row.map(|row| (*at, row))).collect();
        rows.sort_unstable_by_key(|(position, _)| *position);
        rows.into_iter().map(|(_, row)| row).collect()
    }

    /// The keys of the rows to remove, in the order of their edits.
    pub(crate) fn removed(&self) -> Vec<K> {
        let removed = self.last.iter().filter(|(_, (_, row))| row.is_none());
        let mut keys: Vec<(usize, K)> = removed.map(|(key, (position, _))| (*position, *key)).collect();
        keys.sort_unstable_by_key(|(position, _)| *position);
        keys.into_iter().map(|(_, key)| key).collect()
    }
}

/// The rows of every table that a list of edits puts and removes.
pub(crate) struct Batch<'a> {
    pub(crate) resources: Rows<&'a ResourceKey, &'a Resource>,
    pub(crate) journal: Rows<(&'a str, &'a ResourceKey), &'a JournalEntry>,
    pub(crate) decisions: Rows<(&'a Address, &'a str), &'a Decision>,
    pub(crate) outputs: Rows<&'a str, &'a Output>,
    pub(crate) runs: Rows<&'a str, &'a Run>,
    pub(crate) ended: Vec<Ended<'a>>,
}

impl<'a> Batch<'a> {
    /// What these edits come to.
    pub(crate) fn of(edits: &'a [Edit]) -> Self {
        let mut batch = Batch {
            resources: Rows::new(),
            journal: Rows::new(),
            decisions: Rows::new(),
            outputs: Rows::new(),
            runs: Rows::new(),
            ended: Vec::new(),
        };
        edits.iter().enumerate().for_each(|(position, edit)| batch.add(position, edit));
        batch
    }

    fn add(&mut self, at: usize, edit: &'a Edit) {
        match edit {
            Edit::PutResource(resource) => self.resources.set(&resource.key, at, Some(resource)),
            Edit::RemoveResource(key) => self.resources.set(key, at, None),
            Edit::Begin(entry) => self.journal.set((&entry.run, &entry.resource.key), at, Some(entry)),
            Edit::End { run, key, outcome } => self.end(at, run, key, outcome),
            Edit::PutDecision(decision) => {
                self.decisions.set((&decision.subject, &decision.kind), at, Some(decision));
            }
            Edit::RemoveDecision { subject, kind } => self.decisions.set((subject, kind), at, None),
            Edit::PutOutput(output) => self.outputs.set(&output.name, at, Some(output)),
            Edit::RemoveOutput(name) => self.outputs.set(name, at, None),
            Edit::PutRun(run) => self.runs.set(&run.id, at, Some(run)),
        }
    }

    fn end(&mut self, at: usize, run: &'a str, key: &'a ResourceKey, outcome: &'a Outcome) {
        let operation = self.journal.get((run, key)).map(|entry| entry.operation);
        self.journal.set((run, key), at, None);
        let failure = match outcome {
            Outcome::Put(resource) => {
                self.resources.set(&resource.key, at, Some(resource));
                None
            }
            Outcome::Removed => {
                self.resources.set(key, at, None);
                None
            }
            Outcome::Failed(message) => Some(message.as_str()),
        };
        self.ended.push(Ended { run, key, operation, failure });
    }
}
