//! What is committed: it owns the record while a plan is applied.

use std::sync::Arc;
use std::time::Duration;

use portolan_lang::{Address, Value};
use portolan_state::{
    self as state, Edit, JournalEntry, Outcome, Output, Resource, ResourceKey, ResourceStatus, Run, RunStatus, Serial,
};
use rustc_hash::FxHashMap;
use tokio::time::Instant;
use uuid::Uuid;

use super::journal::{Batch, Journal};
use super::work::Future;
use super::{Job, record};
use crate::plan::{Action, Change, Mode, OperationKind, row};

/// How often what could not be written is tried in all.
const ATTEMPTS: u32 = 6;
/// The pause before it is tried again the first time; it doubles, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What the backend answered.
pub(super) enum Written {
    Committed(Batch, Result<Serial, state::Error>),
    Renewed(Result<(), state::Error>),
}

/// What could not be written so far, and is tried again as it is.
struct Unwritten {
    batch: Batch,
    attempts: u32,
    again_at: Instant,
}

pub(super) struct Writer<'a> {
    job: &'a Job<'a>,
    run: Run,
    journal: Journal,
    serial: Serial,
    unwritten: Option<Unwritten>,
    renew_at: Instant,
    /// Until when the lease holds, as far as is known.
    holds_until: Instant,
    /// What the backend does; it does one thing at a time.
    writing: Option<Future<'a, Written>>,
    /// The objects of the batch that is being written, of which nothing else tells.
    in_writing: Vec<(Address, Arc<str>)>,
    /// The keys under which operations are journalled, with the identity in the entry.
    entries: FxHashMap<usize, (ResourceKey, Arc<str>)>,
    /// The old objects that were put aside, by their change.
    deposed: FxHashMap<usize, Resource>,
}

impl<'a> Writer<'a> {
    /// Begins a run: everything that is known before anything is done is recorded.
    pub(super) fn new(job: &'a Job<'a>) -> Self {
        let run = Run { started: now(), ended: None, status: RunStatus::Running, ..job.run.clone() };
        let mut journal = Journal::default();
        journal.record([Edit::PutRun(run.clone())]);
        journal.record(job.plan.decisions.iter().cloned().map(Edit::PutDecision));
        let withdrawn = job.plan.withdrawn.iter().cloned();
        journal.record(withdrawn.map(|(subject, kind)| Edit::RemoveDecision { subject, kind }));
        journal.record(record::edits_before(job.plan, job.sessions, job.snapshot));
        Writer {
            job,
            run,
            journal,
            serial: job.snapshot.serial,
            unwritten: None,
            renew_at: Instant::now() + job.lease.ttl / 3,
            holds_until: Instant::now() + job.lease.ttl,
            writing: None,
            in_writing: Vec::new(),
            entries: FxHashMap::default(),
            deposed: FxHashMap::default(),
        }
    }

    /// The last commit.
    pub(super) fn serial(&self) -> Serial {
        self.serial
    }

    /// The identity under which an operation is journalled; empty where none was known.
    pub(super) fn journalled(&self, operation: usize) -> Option<&Arc<str>> {
        self.entries.get(&operation).map(|(_, identity)| identity)
    }

    /// The old object that was put aside for a change.
    pub(super) fn deposed(&self, change: usize) -> Option<&Resource> {
        self.deposed.get(&change)
    }
}

/// # When
impl Writer<'_> {
    pub(super) fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    /// Whether everything is written.
    pub(super) fn is_done(&self) -> bool {
        !self.is_writing() && self.unwritten.is_none() && self.journal.due_in(true).is_none()
    }

    /// How long nothing has to be written unless something happens. `is_idle` says that no
    /// operation runs.
    pub(super) fn pause(&self, is_idle: bool) -> Duration {
        let until_renewal = self.renew_at.saturating_duration_since(Instant::now());
        let until_commit = self.commit_due_in(is_idle).filter(|_| !self.is_writing());
        let shortest = if self.is_writing() { Duration::from_secs(1) } else { Duration::from_millis(1) };
        until_commit.unwrap_or(until_renewal).min(until_renewal).max(shortest)
    }

    fn commit_due_in(&self, is_idle: bool) -> Option<Duration> {
        match &self.unwritten {
            Some(unwritten) => Some(unwritten.again_at.saturating_duration_since(Instant::now())),
            None => self.journal.due_in(is_idle),
        }
    }

    /// Lets the backend do what is due, unless it is busy.
    pub(super) fn write(&mut self, is_idle: bool) {
        if self.is_writing() {
            return;
        }
        let Job { backend, lease, .. } = *self.job;
        if Instant::now() >= self.renew_at {
            self.renew_at = Instant::now() + lease.ttl / 3;
            self.writing = Some(Box::pin(async move { Written::Renewed(backend.renew(lease).await) }));
        } else if self.commit_due_in(is_idle) == Some(Duration::ZERO) {
            let (base, batch) = (self.serial, self.next_batch());
            self.in_writing.clone_from(&batch.unfindable);
            self.writing = Some(Box::pin(async move {
                let committed = backend.commit(lease, base, &batch.edits).await;
                Written::Committed(batch, committed)
            }));
        }
    }

    fn next_batch(&mut self) -> Batch {
        match &mut self.unwritten {
            Some(unwritten) => std::mem::take(&mut unwritten.batch),
            None => self.journal.take(),
        }
    }

    /// Waits for what the backend does.
    pub(super) async fn written(&mut self) -> Written {
        let written = match &mut self.writing {
            Some(writing) => writing.await,
            None => std::future::pending().await,
        };
        self.writing = None;
        self.in_writing.clear();
        written
    }

    /// The operations that are journalled by now. What cannot be written for a reason that may go
    /// away is tried again some times before that is an error.
    pub(super) fn on(&mut self, written: Written) -> Result<Vec<usize>, state::Error> {
        match written {
            Written::Renewed(renewed) => self.renewed(renewed).map(|()| Vec::new()),
            Written::Committed(batch, Ok(serial)) => Ok(self.committed(batch, serial)),
            Written::Committed(batch, Err(error)) => self.not_committed(batch, error),
        }
    }

    /// A renewal that failed is tried again, and is no error as long as the lease holds.
    fn renewed(&mut self, renewed: Result<(), state::Error>) -> Result<(), state::Error> {
        let (now, ttl) = (Instant::now(), self.job.lease.ttl);
        match renewed {
            // It was asked for a third of the time before the next one.
            Ok(()) => self.holds_until = self.renew_at + ttl * 2 / 3,
            Err(state::Error::Io { .. }) if now < self.holds_until => self.renew_at = now + ttl / 10,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn committed(&mut self, batch: Batch, serial: Serial) -> Vec<usize> {
        (self.serial, self.unwritten) = (serial, None);
        batch.entries
    }

    fn not_committed(&mut self, batch: Batch, error: state::Error) -> Result<Vec<usize>, state::Error> {
        let attempts = self.unwritten.as_ref().map_or(0, |unwritten| unwritten.attempts) + 1;
        if let state::Error::Stale { found, .. } = error
            && attempts > 1
            && found.0 == self.serial.0 + 1
        {
            // Nobody else can have written under this lease: only the answer was lost.
            return Ok(self.committed(batch, found));
        }
        let pause = LONGEST_PAUSE.min(FIRST_PAUSE * 2u32.pow(attempts.min(ATTEMPTS) - 1));
        self.unwritten = Some(Unwritten { batch, attempts, again_at: Instant::now() + pause });
        match error {
            state::Error::Io { .. } if attempts < ATTEMPTS => Ok(Vec::new()),
            error => Err(error),
        }
    }

    /// The objects that were made and that nothing recorded tells of, with what finds them.
    pub(super) fn unrecorded(&mut self) -> Vec<(Address, Arc<str>)> {
        let unwritten = self.unwritten.take().map(|unwritten| unwritten.batch.unfindable).unwrap_or_default();
        std::mem::take(&mut self.in_writing)
            .into_iter()
            .chain(unwritten)
            .chain(self.journal.take().unfindable)
            .collect()
    }
}

/// # What
impl Writer<'_> {
    /// The journal entry of an operation, with what is put aside for it. `made` is what it is
    /// about to create.
    pub(super) fn begin(&mut self, operation: usize, made: Option<Resource>) {
        let at = self.job.plan.operations[operation].change;
        let change = &self.job.plan.changes[at];
        let kind = self.job.plan.operations[operation].kind;
        let mut edits = Vec::new();
        let resource = match kind {
            OperationKind::Create => {
                if change.action == Action::CreateThenDelete && !self.deposed.contains_key(&at) {
                    edits.extend(self.depose(at, change));
                }
                made
            }
            OperationKind::Delete if change.action == Action::CreateThenDelete => self.deposed.get(&at).cloned(),
            _ => self.row_before(change),
        };
        let Some(resource) = resource else { return };
        self.entries.insert(operation, (resource.key.clone(), resource.identity.clone()));
        let entry = JournalEntry { run: self.run.id.clone(), operation: journalled(kind), resource };
        edits.push(Edit::Begin(Box::new(entry)));
        self.journal.begin(operation, edits);
    }

    /// Puts the old object of a replacement aside.
    fn depose(&mut self, at: usize, change: &Change) -> Vec<Edit> {
        let Some(old) = self.row_before(change) else { return Vec::new() };
        let id = Uuid::new_v4().simple().to_string();
        let key = ResourceKey { address: old.key.address.clone(), deposed: Some(Arc::from(&id[..8])) };
        let current = std::mem::replace(&mut self.deposed.entry(at).or_insert(old).key, key);
        let deposed = self.deposed.get(&at).cloned();
        let put = deposed.map(|deposed| Edit::PutResource(Box::new(deposed)));
        [Edit::RemoveResource(current)].into_iter().chain(put).collect()
    }

    /// Puts the old object back in its place, where no new one took it.
    fn restore(&mut self, operation: usize) {
        let operation = &self.job.plan.operations[operation];
        if operation.kind != OperationKind::Create {
            return;
        }
        let Some(deposed) = self.deposed.remove(&operation.change) else { return };
        let removed = Edit::RemoveResource(deposed.key.clone());
        let key = ResourceKey::current(deposed.key.address.clone());
        self.journal.record([removed, Edit::PutResource(Box::new(Resource { key, ..deposed }))]);
    }

    fn row_before(&self, change: &Change) -> Option<Resource> {
        if let Some(recorded) = row(self.job.snapshot, change) {
            return Some(record::moved_row(recorded, change));
        }
        let (Some(id), Some(identity), Some(before)) = (change.instance, &change.identity, &change.before) else {
            return None;
        };
        let (sessions, key) = (self.job.sessions, change.key.clone());
        Some(record::new_row(sessions, key, id, identity.clone(), before.clone(), ResourceStatus::Ready))
    }

    /// Records how a journalled operation ended. One that failed has made nothing: what was put
    /// aside for it comes back.
    pub(super) fn end(&mut self, operation: usize, outcome: Outcome) {
        let Some((key, identity)) = self.entries.remove(&operation) else { return };
        if matches!(outcome, Outcome::Failed(_)) {
            self.restore(operation);
        }
        let unfindable = match &outcome {
            Outcome::Put(made) if identity.is_empty() => Some((made.key.address.clone(), made.identity.clone())),
            _ => None,
        };
        let edit = Edit::End { run: self.run.id.clone(), key, outcome };
        match unfindable {
            Some((address, identity)) => self.journal.end_unfindable(edit, address, identity),
            None => self.journal.end(edit),
        }
    }

    /// Records an object that was seen ready.
    pub(super) fn record_ready(&mut self, row: Resource) {
        self.journal.record([Edit::PutResource(Box::new(row))]);
    }

    /// Takes the object of an operation out of the record.
    pub(super) fn forget(&mut self, operation: usize) {
        if self.entries.contains_key(&operation) {
            self.end(operation, Outcome::Removed);
        } else {
            let key = self.job.plan.change_of(operation).key.clone();
            self.journal.end(Edit::RemoveResource(key));
        }
    }

    /// Records the outputs that are known by now, and takes away those that will not be there
    /// once everything is done.
    pub(super) fn record_outputs(&mut self, values: &FxHashMap<Arc<str>, Value>, is_done: bool) {
        for output in &self.job.plan.outputs {
            let Some(planned) = &output.after else {
                if is_done {
                    self.journal.record([Edit::RemoveOutput(output.name.clone())]);
                }
                continue;
            };
            let value = if self.job.plan.mode == Mode::Normal { values.get(&output.name) } else { Some(planned) };
            let is_new = |value: &&Value| value.is_wholly_known() && output.before.as_ref() != Some(value);
            if let Some(value) = value.filter(is_new) {
                let name = output.name.clone();
                self.journal.record([match value.is_null() {
                    true => Edit::RemoveOutput(name),
                    false => Edit::PutOutput(Output { name, value: value.clone() }),
                }]);
            }
        }
    }

    /// Records how the run ended. Where everything was taken away, decisions are about nothing.
    pub(super) fn end_run(&mut self, status: RunStatus) {
        let plan = self.job.plan;
        if status == RunStatus::Succeeded && plan.mode == Mode::Destroy && plan.targets.is_empty() {
            let forgotten = self.job.snapshot.decisions.iter();
            self.journal.record(forgotten.map(|decision| Edit::RemoveDecision {
                subject: decision.subject.clone(),
                kind: decision.kind.clone(),
            }));
        }
        self.journal.record([Edit::PutRun(Run { ended: Some(now()), status, ..self.run.clone() })]);
    }
}

fn journalled(kind: OperationKind) -> state::Operation {
    match kind {
        OperationKind::Create => state::Operation::Create,
        OperationKind::Delete => state::Operation::Delete,
        OperationKind::Update | OperationKind::Forget | OperationKind::Read | OperationKind::Await => {
            state::Operation::Update
        }
    }
}

fn now() -> String {
    jiff::Timestamp::now().to_string()
}
