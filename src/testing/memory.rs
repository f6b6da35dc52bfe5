//! A state in memory, which carries edits out one by one, as plainly as can be.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use portolan_state::{
    Backend, Change, Edit, Error, Holder, Lease, Outcome, Resource, ResourceKey, Run, Serial, Snapshot,
};

#[derive(Default)]
pub(crate) struct Memory {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    snapshot: Snapshot,
    runs: Vec<Run>,
    commits: Vec<usize>,
    is_lost: bool,
    /// How many commits will fail, and whether they are carried out all the same.
    failing: u32,
    loses_answers: bool,
    fails_renewals: bool,
}

impl Memory {
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.inner().snapshot.clone()
    }

    pub(crate) fn lease(&self) -> Lease {
        Lease { fence: 1, ttl: Duration::from_secs(30) }
    }

    pub(crate) fn run(&self, id: &str) -> Run {
        self.inner().runs.iter().find(|run| *run.id == *id).cloned().expect("a run")
    }

    /// How many edits each commit had.
    pub(crate) fn commits(&self) -> Vec<usize> {
        self.inner().commits.clone()
    }

    /// From now on, another process has the lock.
    pub(crate) fn lose_lease(&self) {
        self.inner().is_lost = true;
    }

    /// The next commits fail: nothing is written.
    pub(crate) fn fail_commits(&self, count: u32) {
        self.inner().failing = count;
    }

    /// Whether renewals of the lease fail from now on.
    pub(crate) fn fail_renewals(&self, fails: bool) {
        self.inner().fails_renewals = fails;
    }

    /// The next commit is written, and says that it was not.
    pub(crate) fn lose_answer(&self) {
        let mut inner = self.inner();
        (inner.failing, inner.loses_answers) = (1, true);
    }

    pub(crate) fn commit_now(&self, edits: &[Edit]) {
        self.inner().commit(edits);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no test panics while it holds the state")
    }
}

impl Inner {
    fn commit(&mut self, edits: &[Edit]) {
        for edit in edits {
            self.carry_out(edit);
        }
        self.commits.push(edits.len());
        self.snapshot.serial = Serial(self.snapshot.serial.0 + 1);
    }

    fn carry_out(&mut self, edit: &Edit) {
        let snapshot = &mut self.snapshot;
        match edit {
            Edit::PutResource(resource) => put(&mut snapshot.resources, resource),
            Edit::RemoveResource(key) => snapshot.resources.retain(|resource| resource.key != *key),
            Edit::Begin(entry) => {
                let is_same = |other: &portolan_state::JournalEntry| {
                    other.run == entry.run && other.resource.key == entry.resource.key
                };
                snapshot.unfinished.retain(|other| !is_same(other));
                snapshot.unfinished.push((**entry).clone());
            }
            Edit::End { run, key, outcome } => {
                snapshot.unfinished.retain(|entry| entry.run != *run || entry.resource.key != *key);
                match outcome {
                    Outcome::Put(resource) => put(&mut snapshot.resources, resource),
                    Outcome::Removed => snapshot.resources.retain(|resource| resource.key != *key),
                    Outcome::Failed(_) => {}
                }
            }
            Edit::PutDecision(decision) => snapshot.decisions.push(decision.clone()),
            Edit::RemoveDecision { subject, kind } => {
                snapshot.decisions.retain(|decision| decision.subject != *subject || decision.kind != *kind);
            }
            Edit::PutOutput(output) => {
                snapshot.outputs.retain(|other| other.name != output.name);
                snapshot.outputs.push(output.clone());
            }
            Edit::RemoveOutput(name) => snapshot.outputs.retain(|output| output.name != *name),
            Edit::PutRun(run) => {
                self.runs.retain(|other| other.id != run.id);
                self.runs.push(run.clone());
            }
        }
    }
}

fn put(resources: &mut Vec<Resource>, resource: &Resource) {
    let found = resources.binary_search_by(|other: &Resource| order(&other.key, &resource.key));
    match found {
        Ok(at) => resources[at] = resource.clone(),
        Err(at) => resources.insert(at, resource.clone()),
    }
}

fn unwritable() -> Error {
    Error::Io { doing: "writing", place: "memory".to_owned(), reason: "it is full".to_owned() }
}

fn order(left: &ResourceKey, right: &ResourceKey) -> std::cmp::Ordering {
    left.cmp(right)
}

#[async_trait]
impl Backend for Memory {
    async fn load(&self) -> Result<Snapshot, Error> {
        Ok(self.snapshot())
    }

    async fn serial(&self) -> Result<Serial, Error> {
        Ok(self.snapshot().serial)
    }

    async fn lock(&self, _holder: &Holder, ttl: Duration) -> Result<Lease, Error> {
        Ok(Lease { fence: 1, ttl })
    }

    async fn renew(&self, _lease: &Lease) -> Result<(), Error> {
        match &*self.inner() {
            Inner { is_lost: true, .. } => Err(Error::Fenced),
            Inner { fails_renewals: true, .. } => Err(unwritable()),
            _ => Ok(()),
        }
    }

    async fn unlock(&self, _lease: &Lease) -> Result<(), Error> {
        Ok(())
    }

    async fn commit(&self, _lease: &Lease, base: Serial, edits: &[Edit]) -> Result<Serial, Error> {
        tokio::task::yield_now().await;
        let mut inner = self.inner();
        if inner.is_lost {
            return Err(Error::Fenced);
        }
        if inner.snapshot.serial != base {
            return Err(Error::Stale { base, found: inner.snapshot.serial });
        }
        let is_failing = inner.failing > 0;
        inner.failing -= u32::from(is_failing);
        if !is_failing || std::mem::take(&mut inner.loses_answers) {
            inner.commit(edits);
        }
        match is_failing {
            true => Err(unwritable()),
            false => Ok(inner.snapshot.serial),
        }
    }

    async fn runs(&self, limit: usize) -> Result<Vec<Run>, Error> {
        Ok(self.inner().runs.iter().rev().take(limit).cloned().collect())
    }

    async fn changes(&self, _run: &str) -> Result<Vec<Change>, Error> {
        Ok(Vec::new())
    }
}
