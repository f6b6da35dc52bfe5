//! The task that applies: it owns the record, starts what the walk says, and commits what the
//! journal says.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::stream::{FuturesUnordered, StreamExt};
use portolan_lang::{Diagnostic, Diagnostics, Severity, Type, Value};
use portolan_provider::{Applied, Change as Request, Error, ErrorKind, Session, departures_from_plan};
use portolan_state::{
    self as state, Edit, JournalEntry, Outcome as Ended, Resource, ResourceKey, ResourceStatus, Run, RunStatus, Serial,
};
use rustc_hash::FxHashMap;
use tokio::sync::mpsc::UnboundedReceiver;
use uuid::Uuid;

use super::journal::Journal;
use super::observe::{Observer, Progress};
use super::walk::{Action, Event, Walk};
use super::{Job, Outcome, Report, SessionOf, prepare, record};
use crate::compile::{ConditionTime, InstanceId};
use crate::marks::{marked_by_schema, marked_like, marked_where_repeated};
use crate::plan::{Action as Planned, Change, Configurations, Mode, OperationKind, row};
use crate::retry::pause_after;
use crate::sessions::{diagnostic_of, listed};

/// Something that was waited for.
enum Happened {
    /// A provider answered.
    Answered(usize, Result<Option<Applied>, Error>),
    /// A data source answered.
    Told(usize, Result<Value, Error>),
    /// A pause is over.
    Rested(usize),
}

/// What the backend answered.
enum Written {
    Committed(Vec<usize>, Result<Serial, state::Error>),
    Renewed(Result<(), state::Error>),
}

type Running<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = Happened> + Send + 'a>>>;
type Writing<'a> = Option<Pin<Box<dyn Future<Output = Written> + Send + 'a>>>;

/// An operation that was begun.
struct Begun {
    work: Arc<Work>,
    attempts: u32,
}

/// What a provider is asked to do; without marks.
enum Work {
    Create { resource_type: Arc<str>, planned: Value },
    Update { resource_type: Arc<str>, identity: Arc<str>, prior: Value, planned: Value },
    Delete { resource_type: Arc<str>, identity: Arc<str>, prior: Value },
    Read { source: Arc<str>, config: Value },
}

/// Why an operation failed.
enum Failure {
    Provider(Error),
    Engine(Diagnostics),
}

struct Shell<'a, 'e, C> {
    job: &'a Job<'a>,
    sessions: Vec<SessionOf>,
    evaluation: &'e mut C,
    observer: &'e mut dyn Observer,
    run: Run,
    journal: Journal,
    serial: Serial,
    /// The keys under which operations are journalled, with the identity in the entry.
    entries: FxHashMap<usize, (ResourceKey, Arc<str>)>,
    /// The old objects that were put aside, by their change.
    deposed: FxHashMap<usize, Resource>,
    begun: FxHashMap<usize, Begun>,
    /// What finds the new objects of replacements, by their change.
    successors: FxHashMap<usize, Arc<str>>,
    /// What will be recorded of what is being made, with marks.
    wanted: FxHashMap<usize, Value>,
    failures: FxHashMap<usize, Failure>,
    outcomes: Vec<Outcome>,
    diagnostics: Diagnostics,
}

/// Carries out a plan that was found sound.
pub(super) async fn run<C: Configurations>(
    job: Job<'_>,
    sessions: Vec<SessionOf>,
    evaluation: &mut C,
    observer: &mut dyn Observer,
    interrupts: &mut UnboundedReceiver<()>,
) -> Report {
    let run = Run { started: now(), ended: None, status: RunStatus::Running, ..job.run.clone() };
    let mut shell = Shell {
        run,
        journal: Journal::default(),
        serial: job.snapshot.serial,
        entries: FxHashMap::default(),
        deposed: FxHashMap::default(),
        begun: FxHashMap::default(),
        successors: FxHashMap::default(),
        wanted: FxHashMap::default(),
        failures: FxHashMap::default(),
        outcomes: vec![Outcome::NotStarted; job.plan.operations.len()],
        diagnostics: Diagnostics::new(),
        sessions,
        evaluation,
        observer,
        job: &job,
    };
    shell.record_what_is_known();
    let was_interrupted = shell.carry_out(interrupts).await;
    Report { outcomes: shell.outcomes, diagnostics: shell.diagnostics, serial: shell.serial, was_interrupted }
}

impl<'a, C: Configurations> Shell<'a, '_, C> {
    /// Everything that is known before anything is done.
    fn record_what_is_known(&mut self) {
        let Job { plan, sessions, snapshot, .. } = *self.job;
        self.journal.record([Edit::PutRun(self.run.clone())]);
        self.journal.record(plan.decisions.iter().cloned().map(Edit::PutDecision));
        self.journal.record(record::edits_before(plan, sessions, snapshot));
        let mut planned = vec![false; sessions.desired().instances.len()];
        for change in &plan.changes {
            let Some(id) = change.instance else { continue };
            planned[id.0 as usize] = true;
            if let (Planned::NoOp, Some(after)) = (change.action, &change.after) {
                self.evaluation.set(id, after.clone());
            }
        }
        // What the plan leaves out is as it is recorded.
        for (id, instance) in sessions.desired().iter().filter(|(id, _)| !planned[id.0 as usize]) {
            let key = ResourceKey::current(instance.address.clone());
            if let Ok(at) = snapshot.resources.binary_search_by(|row| row.key.cmp(&key)) {
                self.evaluation.set(id, snapshot.resources[at].value.clone());
            }
        }
    }

    /// Goes through the operations; answers whether a person stopped that.
    async fn carry_out(&mut self, interrupts: &mut UnboundedReceiver<()>) -> bool {
        let mut walk = Walk::new(self.job.plan, self.job.parallelism);
        let mut running = Running::new();
        let mut writing: Writing<'a> = None;
        let mut renew_at = Instant::now() + self.job.lease.ttl / 3;
        let mut was_interrupted = false;
        let mut is_closed = false;
        let mut actions = walk.on(Event::Begin);
        loop {
            if !self.act(&mut walk, actions, &mut running) {
                return was_interrupted;
            }
            if walk.is_over() && !is_closed {
                is_closed = true;
                self.close(&walk, was_interrupted);
            }
            if writing.is_none() {
                writing = self.write(&walk, &mut renew_at);
            }
            if is_closed && writing.is_none() {
                return was_interrupted;
            }
            let pause = self.pause(&walk, renew_at, writing.is_some());
            actions = tokio::select! {
                Some(happened) = running.next(), if !running.is_empty() => self.happened(&mut walk, happened),
                written = wait_for(&mut writing) => {
                    writing = None;
                    self.written(&mut walk, written)
                }
                Some(()) = interrupts.recv() => {
                    was_interrupted = true;
                    self.observer.on(Progress::Stopping);
                    walk.on(Event::Interrupted)
                }
                () = tokio::time::sleep(pause) => Vec::new(),
            };
        }
    }

    /// Carries out what the walk says; `false` where everything is to end at once.
    fn act(&mut self, walk: &mut Walk, actions: Vec<Action>, running: &mut Running<'a>) -> bool {
        let mut left = std::collections::VecDeque::from(actions);
        while let Some(action) = left.pop_front() {
            match action {
                Action::Journal(operation) => self.write_entry(operation),
                Action::Start(operation) => left.extend(self.start(walk, operation, running)),
                Action::Rest(operation) => {
                    let pause = self.rest(operation);
                    running.push(Box::pin(async move {
                        tokio::time::sleep(pause).await;
                        Happened::Rested(operation)
                    }));
                }
                Action::GiveUp(operation) => self.give_up(operation),
                Action::Abort => return false,
            }
        }
        true
    }

    fn change_of(&self, operation: usize) -> &'a Change {
        let plan = self.job.plan;
        &plan.changes[plan.operations[operation].change]
    }

    fn kind(&self, operation: usize) -> OperationKind {
        self.job.plan.operations[operation].kind
    }
}

/// # What is committed
impl<'a, C: Configurations> Shell<'a, '_, C> {
    /// How long nothing has to be done unless something happens.
    fn pause(&self, walk: &Walk, renew_at: Instant, is_writing: bool) -> Duration {
        let until_renewal = renew_at.saturating_duration_since(Instant::now());
        let until_commit = self.journal.due_in(!walk.is_running()).filter(|_| !is_writing);
        let shortest = if is_writing { Duration::from_secs(1) } else { Duration::from_millis(1) };
        until_commit.unwrap_or(until_renewal).min(until_renewal).max(shortest)
    }

    /// What the backend is to do next; it does one thing at a time.
    fn write(&mut self, walk: &Walk, renew_at: &mut Instant) -> Writing<'a> {
        let Job { backend, lease, .. } = *self.job;
        if Instant::now() >= *renew_at {
            *renew_at = Instant::now() + lease.ttl / 3;
            return Some(Box::pin(async move { Written::Renewed(backend.renew(lease).await) }));
        }
        if self.journal.due_in(!walk.is_running()) != Some(Duration::ZERO) {
            return None;
        }
        let (edits, entries) = self.journal.take();
        let base = self.serial;
        Some(Box::pin(async move { Written::Committed(entries, backend.commit(lease, base, &edits).await) }))
    }

    fn written(&mut self, walk: &mut Walk, written: Written) -> Vec<Action> {
        let error = match written {
            Written::Committed(entries, Ok(serial)) => {
                self.serial = serial;
                return walk.on(Event::Journalled(entries));
            }
            Written::Renewed(Ok(())) => return Vec::new(),
            Written::Committed(_, Err(error)) | Written::Renewed(Err(error)) => error,
        };
        self.diagnostics.push(
            Diagnostic::error("The state cannot be written")
                .detail(error.to_string())
                .help("Nothing more was begun. The next run finds out what became of what was under way."),
        );
        walk.on(Event::Fenced)
    }

    /// The journal entry of an operation, with what is put aside for it.
    fn write_entry(&mut self, operation: usize) {
        let at = self.job.plan.operations[operation].change;
        let change = self.change_of(operation);
        let mut edits = Vec::new();
        let resource = match self.kind(operation) {
            OperationKind::Create => {
                if change.action == Planned::CreateThenDelete && !self.deposed.contains_key(&at) {
                    edits.extend(self.depose(at, change));
                }
                self.row_to_create(operation, change)
            }
            OperationKind::Delete if change.action == Planned::CreateThenDelete => self.deposed.get(&at).cloned(),
            _ => self.row_before(change),
        };
        let Some(resource) = resource else { return };
        self.entries.insert(operation, (resource.key.clone(), resource.identity.clone()));
        let entry = JournalEntry { run: self.run.id.clone(), operation: journalled(self.kind(operation)), resource };
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
        if self.kind(operation) != OperationKind::Create {
            return;
        }
        let Some(deposed) = self.deposed.remove(&self.job.plan.operations[operation].change) else { return };
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
        Some(self.new_row(change, id, identity.clone(), before.clone(), ResourceStatus::Ready))
    }

    /// What is about to be made, as far as it is known.
    fn row_to_create(&self, operation: usize, change: &Change) -> Option<Resource> {
        let (id, planned) = (change.instance?, self.wanted.get(&operation).or(change.after.as_ref())?);
        let session = self.sessions[operation].as_ref()?;
        let identity = session.identity(&change.resource_type, &planned.unmark_deep()).unwrap_or_default();
        Some(self.new_row(change, id, identity, planned.clone(), ResourceStatus::Tainted))
    }

    fn new_row(
        &self,
        change: &Change,
        id: InstanceId,
        identity: Arc<str>,
        value: Value,
        status: ResourceStatus,
    ) -> Resource {
        record::new_row(self.job.sessions, change.key.clone(), id, identity, value, status)
    }

    /// Records how an operation ended.
    fn end(&mut self, operation: usize, outcome: Ended) {
        let Some((key, identity)) = self.entries.remove(&operation) else { return };
        self.journal.end([Edit::End { run: self.run.id.clone(), key, outcome }], identity.is_empty());
    }

    /// Records what is left to record once nothing runs any more.
    fn close(&mut self, walk: &Walk, was_interrupted: bool) {
        for operation in walk.journalled_in_vain() {
            self.restore(operation);
            self.end(operation, Ended::Failed("it was not begun".to_owned()));
        }
        let is_done = self.outcomes.iter().all(|outcome| *outcome == Outcome::Done) && !was_interrupted;
        self.record_outputs(is_done);
        if is_done && self.job.plan.mode == Mode::Destroy && self.job.plan.targets.is_empty() {
            let forgotten = self.job.snapshot.decisions.iter();
            self.journal.record(forgotten.map(|decision| Edit::RemoveDecision {
                subject: decision.subject.clone(),
                kind: decision.kind.clone(),
            }));
        }
        let status = if is_done && !self.diagnostics.has_errors() { RunStatus::Succeeded } else { RunStatus::Failed };
        self.journal.record([Edit::PutRun(Run { ended: Some(now()), status, ..self.run.clone() })]);
    }

    /// Records the outputs that are known by now.
    fn record_outputs(&mut self, is_done: bool) {
        let plan = self.job.plan;
        let values: FxHashMap<Arc<str>, Value> = match plan.mode {
            Mode::Normal => {
                let (outputs, problems) = self.evaluation.outputs();
                self.diagnostics.extend(problems);
                outputs.into_iter().map(|output| (output.name, output.value)).collect()
            }
            Mode::Destroy | Mode::RefreshOnly => FxHashMap::default(),
        };
        for output in &plan.outputs {
            let Some(planned) = &output.after else {
                if is_done {
                    self.journal.record([Edit::RemoveOutput(output.name.clone())]);
                }
                continue;
            };
            let value = if plan.mode == Mode::Normal { values.get(&output.name) } else { Some(planned) };
            if let Some(value) = value.filter(|value| value.is_wholly_known() && output.before.as_ref() != Some(value))
            {
                let output = state::Output { name: output.name.clone(), value: value.clone() };
                self.journal.record([Edit::PutOutput(output)]);
            }
        }
    }
}

/// # What is carried out
impl<'a, C: Configurations> Shell<'a, '_, C> {
    /// Starts an operation, unless something speaks against it by now.
    fn start(&mut self, walk: &mut Walk, operation: usize, running: &mut Running<'a>) -> Vec<Action> {
        if !self.begun.contains_key(&operation) {
            match self.prepare(operation) {
                Err(problems) => {
                    self.failures.insert(operation, Failure::Engine(problems));
                    return walk.on(Event::Failed { operation, again: false });
                }
                Ok(None) => return self.forget(walk, operation),
                Ok(Some(work)) => {
                    self.begun.insert(operation, Begun { work: Arc::new(work), attempts: 0 });
                }
            }
            if !self.is_as_journalled(operation) {
                return walk.on(Event::NotAsJournalled(operation));
            }
        }
        let (Some(begun), Some(session)) = (self.begun.get(&operation), self.sessions[operation].clone()) else {
            return walk.on(Event::Failed { operation, again: false });
        };
        if begun.attempts == 0 {
            self.outcomes[operation] = Outcome::Unknown;
            self.observer.on(Progress::Started(operation));
        }
        running.push(Box::pin(work(session, operation, begun.work.clone())));
        Vec::new()
    }

    /// What is to be done now; `None` for what only the record is about.
    fn prepare(&mut self, operation: usize) -> Result<Option<Work>, Diagnostics> {
        let Job { sessions, snapshot, plan, .. } = *self.job;
        let change = self.change_of(operation);
        let recorded = row(snapshot, change);
        let resource_type = change.resource_type.clone();
        let before = || change.before.as_ref().map(Value::unmark_deep);
        match (self.kind(operation), change.instance, change.identity.clone(), before()) {
            (OperationKind::Forget, ..) => Ok(None),
            (OperationKind::Delete, ..) if self.is_its_own_successor(operation) => Ok(None),
            (OperationKind::Delete, _, Some(identity), Some(prior)) => {
                let resource_type = recorded.map_or(resource_type, |row| row.resource_type.clone());
                Ok(Some(Work::Delete { resource_type, identity, prior }))
            }
            (OperationKind::Read, Some(id), ..) => {
                let config = prepare::query(sessions, id, self.evaluation)?;
                let work = Work::Read { source: resource_type, config: config.unmark_deep() };
                self.wanted.insert(operation, config);
                Ok(Some(work))
            }
            (OperationKind::Create, Some(id), ..) => {
                let wanted = prepare::planned(sessions, change, recorded, id, self.evaluation)?;
                let planned = wanted.unmark_deep();
                self.wanted.insert(operation, wanted);
                Ok(Some(Work::Create { resource_type, planned }))
            }
            (OperationKind::Update, Some(id), Some(identity), Some(prior)) => {
                let wanted = prepare::planned(sessions, change, recorded, id, self.evaluation)?;
                let planned = wanted.unmark_deep();
                self.wanted.insert(operation, wanted);
                Ok(Some(Work::Update { resource_type, identity, prior, planned }))
            }
            _ => Err(Diagnostic::error("The plan is not sound")
                .detail(format!("Operation {operation} of {} lacks what it is about.", plan.operations.len()))
                .into()),
        }
    }

    /// Whether an old object and its successor are the same one, because the system has only one
    /// place for both: deleting the old one would delete the new one.
    fn is_its_own_successor(&self, operation: usize) -> bool {
        let at = self.job.plan.operations[operation].change;
        let (Some(old), Some(successor)) = (self.deposed.get(&at), self.successors.get(&at)) else { return false };
        let change = &self.job.plan.changes[at];
        let instance = change.instance.map(|id| self.job.sessions.desired().instance(id));
        old.identity == *successor && instance.is_some_and(|instance| self.job.sessions.stays(old, instance))
    }

    /// Whether the journal would find what this creation is about to make.
    fn is_as_journalled(&self, operation: usize) -> bool {
        let (OperationKind::Create, Some((_, journalled))) = (self.kind(operation), self.entries.get(&operation))
        else {
            return true;
        };
        let (Some(session), Some(wanted)) = (&self.sessions[operation], self.wanted.get(&operation)) else {
            return true;
        };
        let identity = session.identity(&self.change_of(operation).resource_type, &wanted.unmark_deep());
        identity.is_none_or(|identity| identity == *journalled)
    }

    /// Takes an object out of the record, and leaves the world as it is.
    fn forget(&mut self, walk: &mut Walk, operation: usize) -> Vec<Action> {
        self.observer.on(Progress::Started(operation));
        if self.entries.contains_key(&operation) {
            self.end(operation, Ended::Removed);
        } else {
            let key = self.change_of(operation).key.clone();
            self.journal.end([Edit::RemoveResource(key)], false);
        }
        self.done(walk, operation)
    }

    fn done(&mut self, walk: &mut Walk, operation: usize) -> Vec<Action> {
        self.outcomes[operation] = Outcome::Done;
        self.begun.remove(&operation);
        self.wanted.remove(&operation);
        self.observer.on(Progress::Finished(operation));
        walk.on(Event::Done(operation))
    }

    fn happened(&mut self, walk: &mut Walk, happened: Happened) -> Vec<Action> {
        match happened {
            Happened::Rested(operation) => walk.on(Event::Rested(operation)),
            Happened::Answered(operation, Ok(applied)) => self.applied(walk, operation, applied),
            Happened::Told(operation, Ok(value)) => self.told(walk, operation, value),
            Happened::Answered(operation, Err(error)) | Happened::Told(operation, Err(error)) => {
                let attempts = self.begun.get_mut(&operation).map_or(0, |begun| {
                    begun.attempts += 1;
                    begun.attempts
                });
                let again = pause_after(attempts, &error).is_some();
                if !again && self.is_of_check(operation) {
                    return self.missed(walk, operation, &error);
                }
                self.failures.insert(operation, Failure::Provider(error));
                walk.on(Event::Failed { operation, again })
            }
        }
    }

    fn rest(&mut self, operation: usize) -> Duration {
        let attempts = self.begun.get(&operation).map_or(0, |begun| begun.attempts);
        let Some(Failure::Provider(error)) = self.failures.get(&operation) else { return Duration::ZERO };
        let pause = pause_after(attempts, error).unwrap_or_default();
        self.observer.on(Progress::Retrying { operation, attempts, pause, message: &error.message });
        pause
    }

    fn is_of_check(&self, operation: usize) -> bool {
        let instance = self.change_of(operation).instance;
        instance.is_some_and(|id| self.job.sessions.desired().instance(id).is_check)
    }

    /// The data source of a check cannot be read: a warning, and the check is left out.
    fn missed(&mut self, walk: &mut Walk, operation: usize, error: &Error) -> Vec<Action> {
        let warning = Diagnostic { severity: Severity::Warning, ..self.failed(operation, error) };
        self.settle(walk, operation, Value::null(Type::Any), warning.into())
    }

    /// A data source was read.
    fn told(&mut self, walk: &mut Walk, operation: usize, value: Value) -> Vec<Action> {
        let change = self.change_of(operation);
        let schema = self.job.sessions.catalog().data(&change.resource_type).map(|(_, schema)| schema);
        let value = self.marked(operation, value, schema);
        self.settle(walk, operation, value, Diagnostics::new())
    }

    /// A change was made.
    fn applied(&mut self, walk: &mut Walk, operation: usize, applied: Option<Applied>) -> Vec<Action> {
        let change = self.change_of(operation);
        if self.kind(operation) == OperationKind::Delete {
            self.end(operation, Ended::Removed);
            return self.done(walk, operation);
        }
        let (Some(applied), Some(id)) = (applied, change.instance) else {
            self.failures.insert(operation, Failure::Provider(Error::failed("the provider did not say what it made")));
            return walk.on(Event::Failed { operation, again: false });
        };
        let schema = self.job.sessions.catalog().resource(&change.resource_type).map(|(_, resource)| &resource.schema);
        let problems = self.departures(operation, &applied.value);
        let value = self.marked(operation, applied.value, schema);
        let is_tainted = problems.has_errors() && self.kind(operation) == OperationKind::Create;
        let status = if is_tainted { ResourceStatus::Tainted } else { ResourceStatus::Ready };
        if change.action == Planned::CreateThenDelete {
            self.successors.insert(self.job.plan.operations[operation].change, applied.identity.clone());
        }
        let resource = self.new_row(change, id, applied.identity, value.clone(), status);
        self.end(operation, Ended::Put(Box::new(resource)));
        self.settle(walk, operation, value, problems)
    }

    fn marked(&self, operation: usize, value: Value, schema: Option<&portolan_lang::Schema>) -> Value {
        let value = match self.wanted.get(&operation) {
            Some(wanted) => marked_where_repeated(marked_like(value, wanted)),
            None => value,
        };
        schema.map_or_else(|| value.clone(), |schema| marked_by_schema(value.clone(), schema))
    }

    /// Where the object is not what was planned, or is not wholly known.
    fn departures(&self, operation: usize, value: &Value) -> Diagnostics {
        let Some(wanted) = self.wanted.get(&operation) else { return Diagnostics::new() };
        let departures = departures_from_plan(&wanted.unmark_deep(), value);
        if departures.is_empty() {
            return Diagnostics::new();
        }
        let change = self.change_of(operation);
        Diagnostic::error("Provider produced inconsistent result after apply")
            .detail(format!(
                "The provider {:?} made something else of {} than was planned, at: {}.",
                change.provider,
                change.key.address,
                listed(&departures)
            ))
            .help("The object is recorded as it is. This is a mistake in the provider, which should be reported.")
            .of(&change.key.address)
            .into()
    }

    /// Makes an instance known to the others, unless something is wrong with it.
    fn settle(&mut self, walk: &mut Walk, operation: usize, value: Value, mut problems: Diagnostics) -> Vec<Action> {
        if let Some(id) = self.change_of(operation).instance {
            problems.extend(self.evaluation.conditions(id, ConditionTime::After, Some(&value)));
            self.evaluation.set(id, value);
        }
        if problems.has_errors() {
            self.failures.insert(operation, Failure::Engine(problems));
            return walk.on(Event::Failed { operation, again: false });
        }
        self.diagnostics.extend(problems);
        self.done(walk, operation)
    }

    /// Reports and records a failure.
    fn give_up(&mut self, operation: usize) {
        self.outcomes[operation] = Outcome::Failed;
        let failure = self.failures.remove(&operation);
        let problems = match failure {
            Some(Failure::Engine(problems)) => {
                let why = problems.iter().next().map(|problem| problem.summary.clone()).unwrap_or_default();
                self.restore_unless_made(operation);
                self.end(operation, Ended::Failed(why));
                problems
            }
            Some(Failure::Provider(error)) => {
                let diagnostic = self.failed(operation, &error);
                self.end_failed(operation, error);
                diagnostic.into()
            }
            None => Diagnostics::new(),
        };
        if let Some(problem) = problems.iter().next() {
            self.observer.on(Progress::Failed(operation, problem));
        }
        self.diagnostics.extend(problems);
        self.begun.remove(&operation);
        self.wanted.remove(&operation);
    }

    /// An entry that is still open says that nothing was made.
    fn restore_unless_made(&mut self, operation: usize) {
        if self.entries.contains_key(&operation) {
            self.restore(operation);
        }
    }

    /// What is recorded of a change that failed. Where it is not certain that nothing was done,
    /// the journal entry stays, and the next run looks.
    fn end_failed(&mut self, operation: usize, error: Error) {
        let change = self.change_of(operation);
        if let (Some(left), Some(id)) = (error.left_behind, change.instance) {
            let (status, identity) = match self.kind(operation) {
                OperationKind::Create => (ResourceStatus::Tainted, self.identity_of(operation, &left)),
                _ => (ResourceStatus::Ready, change.identity.clone().unwrap_or_default()),
            };
            let schema =
                self.job.sessions.catalog().resource(&change.resource_type).map(|(_, resource)| &resource.schema);
            let value = self.marked(operation, left, schema);
            let resource = self.new_row(change, id, identity, value, status);
            self.end(operation, Ended::Put(Box::new(resource)));
        } else if error.kind == ErrorKind::Transient {
            self.outcomes[operation] = Outcome::Unknown;
        } else {
            self.restore_unless_made(operation);
            self.end(operation, Ended::Failed(error.message));
        }
    }

    fn identity_of(&self, operation: usize, value: &Value) -> Arc<str> {
        let session = self.sessions[operation].as_ref();
        let known = session.and_then(|session| session.identity(&self.change_of(operation).resource_type, value));
        known.or_else(|| self.entries.get(&operation).map(|(_, identity)| identity.clone())).unwrap_or_default()
    }

    fn failed(&self, operation: usize, error: &Error) -> Diagnostic {
        let change = self.change_of(operation);
        let doing = match self.kind(operation) {
            OperationKind::Create => "create",
            OperationKind::Update => "change",
            OperationKind::Delete => "delete",
            OperationKind::Forget => "forget",
            OperationKind::Read => "read",
        };
        let address = &change.key.address;
        let mut diagnostic = diagnostic_of(&format!("Cannot {doing} {address}"), error).of(address);
        if error.kind == ErrorKind::Conflict && error.help.is_none() {
            diagnostic = diagnostic.help("Somebody else changed it meanwhile. Plan again.");
        }
        match change.instance {
            Some(id) => diagnostic.at(self.job.sessions.desired().instance(id).span),
            None => diagnostic,
        }
    }
}

async fn wait_for<T>(work: &mut Option<Pin<Box<dyn Future<Output = T> + Send + '_>>>) -> T {
    match work {
        Some(work) => work.await,
        None => pending().await,
    }
}

async fn work(session: Arc<dyn Session>, operation: usize, work: Arc<Work>) -> Happened {
    let (resource_type, request) = match &*work {
        Work::Read { source, config } => return Happened::Told(operation, session.data(source, config).await),
        Work::Create { resource_type, planned } => (resource_type, Request::Create { planned }),
        Work::Update { resource_type, identity, prior, planned } => {
            (resource_type, Request::Update { identity, prior, planned })
        }
        Work::Delete { resource_type, identity, prior } => (resource_type, Request::Delete { identity, prior }),
    };
    Happened::Answered(operation, session.apply(resource_type, request).await)
}

fn journalled(kind: OperationKind) -> state::Operation {
    match kind {
        OperationKind::Create => state::Operation::Create,
        OperationKind::Delete => state::Operation::Delete,
        OperationKind::Update | OperationKind::Forget | OperationKind::Read => state::Operation::Update,
    }
}

fn now() -> String {
    jiff::Timestamp::now().to_string()
}
