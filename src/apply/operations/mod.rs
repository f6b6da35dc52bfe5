//! What is carried out: from an operation that may start to what came of it.

mod answer;
mod begin;
mod gone;
mod ready;

use std::sync::Arc;

use portolan_lang::{Diagnostics, Schema, Value};
use portolan_provider::{Applied, Error};
use portolan_state::{Resource, ResourceKey, ResourceStatus};
use rustc_hash::{FxHashMap, FxHashSet};

use super::observe::{Observer, Progress};
use super::walk::Event;
use super::work::Work;
use super::{Job, Outcome, SessionOf, record};
use crate::compile::InstanceId;
use crate::plan::{Action, Change, Configurations, Mode, OperationKind};

/// An operation that was begun.
struct Begun {
    work: Arc<Work>,
    attempts: u32,
}

/// Why an operation failed.
enum Failure {
    Provider(Error),
    Engine(Diagnostics),
}

pub(super) struct Operations<'a, 'e, C> {
    job: &'a Job<'a>,
    sessions: Vec<SessionOf>,
    evaluation: &'e mut C,
    observer: &'e mut dyn Observer,
    begun: FxHashMap<usize, Begun>,
    /// What finds the new objects of replacements, by their change.
    successors: FxHashMap<usize, Arc<str>>,
    /// What will be recorded of what is being made, with marks.
    wanted: FxHashMap<usize, Value>,
    failures: FxHashMap<usize, Failure>,
    /// What was made and has yet to become ready, by its operation.
    made: FxHashMap<usize, ready::Made>,
    /// What was deleted and takes its time to go away, by its operation.
    leaving: FxHashSet<usize>,
    /// What became of each operation so far.
    pub(super) outcomes: Vec<Outcome>,
    /// What went wrong so far.
    pub(super) diagnostics: Diagnostics,
}

impl<'a, 'e, C: Configurations> Operations<'a, 'e, C> {
    pub(super) fn new(
        job: &'a Job<'a>,
        sessions: Vec<SessionOf>,
        evaluation: &'e mut C,
        observer: &'e mut dyn Observer,
    ) -> Self {
        make_known(job, evaluation);
        Operations {
            begun: FxHashMap::default(),
            successors: FxHashMap::default(),
            wanted: FxHashMap::default(),
            failures: FxHashMap::default(),
            made: FxHashMap::default(),
            leaving: FxHashSet::default(),
            outcomes: vec![Outcome::NotStarted; job.plan.operations.len()],
            diagnostics: Diagnostics::new(),
            sessions,
            evaluation,
            observer,
            job,
        }
    }

    /// Whether every operation was done.
    pub(super) fn are_done(&self) -> bool {
        self.outcomes.iter().all(|outcome| *outcome == Outcome::Done)
    }

    /// The outputs as far as they are known by now.
    pub(super) fn outputs(&mut self) -> FxHashMap<Arc<str>, Value> {
        if self.job.plan.mode != Mode::Normal {
            return FxHashMap::default();
        }
        let (outputs, problems) = self.evaluation.outputs();
        self.diagnostics.extend(problems);
        outputs.into_iter().map(|output| (output.name, output.value)).collect()
    }

    /// Tells that nothing new is begun any more.
    pub(super) fn stopping(&mut self) {
        self.observer.on(Progress::Stopping);
    }

    fn change(&self, operation: usize) -> &'a Change {
        self.job.plan.change_of(operation)
    }

    fn kind(&self, operation: usize) -> OperationKind {
        self.job.plan.operations[operation].kind
    }

    fn schema(&self, change: &Change) -> Option<&'a Schema> {
        self.job.sessions.catalog().resource(&change.resource_type).map(|(_, resource)| &resource.schema)
    }

    fn new_row(&self, operation: usize, id: InstanceId, made: Applied, status: ResourceStatus) -> Resource {
        let key = self.change(operation).key.clone();
        record::new_row(self.job.sessions, key, id, made.identity, made.value, status)
    }

    fn done(&mut self, operation: usize) -> Event {
        self.outcomes[operation] = Outcome::Done;
        self.begun.remove(&operation);
        self.wanted.remove(&operation);
        self.observer.on(Progress::Finished(operation));
        Event::Done(operation)
    }

    fn fail(&mut self, operation: usize, failure: Failure) -> Event {
        self.failures.insert(operation, failure);
        Event::Failed { operation, again: false }
    }
}

/// Makes known what nothing becomes of, and what others use no more when it changes.
fn make_known<C: Configurations>(job: &Job<'_>, evaluation: &mut C) {
    let Job { plan, sessions, snapshot, .. } = *job;
    let mut planned = vec![false; sessions.desired().instances.len()];
    for change in &plan.changes {
        let Some(id) = change.instance else { continue };
        planned[id.0 as usize] = true;
        if let Some(after) = change.after.as_ref().filter(|_| change.action == Action::NoOp || change.is_withdrawal()) {
            evaluation.set(id, after.clone());
        }
    }
    // What the plan leaves out is as it is recorded.
    for (id, instance) in sessions.desired().iter().filter(|(id, _)| !planned[id.0 as usize]) {
        if let Some(recorded) = snapshot.resource(&ResourceKey::current(instance.address.clone())) {
            evaluation.set(id, recorded.value.clone());
        }
    }
}
