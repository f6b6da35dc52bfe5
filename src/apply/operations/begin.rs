//! What begins: an operation just before its provider is asked.

use std::sync::Arc;
use std::time::Duration;

use portolan_lang::{Diagnostics, Value};
use portolan_provider::Applied;
use portolan_state::{Resource, ResourceStatus};

use super::{Begun, Failure, Operations};
use crate::apply::observe::Progress;
use crate::apply::walk::Event;
use crate::apply::work::{Future, Happened, Work, ask};
use crate::apply::writer::Writer;
use crate::apply::{Outcome, prepare, problems};
use crate::plan::{Change, Configurations, OperationKind, row};
use crate::retry::pause_after;

impl<'a, C: Configurations> Operations<'a, '_, C> {
    /// What is about to be made, as far as it is known; `None` where nothing is created.
    pub(in crate::apply) fn to_be_made(&self, operation: usize) -> Option<Resource> {
        if self.kind(operation) != OperationKind::Create {
            return None;
        }
        let change = self.change(operation);
        let (id, planned) = (change.instance?, self.wanted.get(&operation).or(change.after.as_ref())?);
        let session = self.sessions[operation].as_ref()?;
        let identity = session.identity(&change.resource_type, &planned.unmark_deep()).unwrap_or_default();
        let made = Applied { identity, value: planned.clone() };
        Some(self.new_row(operation, id, made, ResourceStatus::Tainted))
    }

    /// Starts an operation, or says what came of it at once.
    pub(in crate::apply) fn start(
        &mut self,
        operation: usize,
        writer: &mut Writer<'a>,
    ) -> Result<Future<'a, Happened>, Event> {
        if self.kind(operation) == OperationKind::Await {
            return Err(self.stays(operation));
        }
        if !self.begun.contains_key(&operation) {
            match self.prepare(operation, writer) {
                Err(problems) => return Err(self.fail(operation, Failure::Engine(problems))),
                Ok(None) => return Err(self.forget(operation, writer)),
                Ok(Some(work)) => {
                    self.begun.insert(operation, Begun { work: Arc::new(work), attempts: 0 });
                }
            }
            if !self.is_as_journalled(operation, writer) {
                return Err(Event::NotAsJournalled(operation));
            }
        }
        let (Some(begun), Some(session)) = (self.begun.get(&operation), self.sessions[operation].clone()) else {
            return Err(Event::Failed { operation, again: false });
        };
        if begun.attempts == 0 && !self.made.contains_key(&operation) {
            self.outcomes[operation] = Outcome::Unknown;
            self.observer.on(Progress::Started(operation));
        }
        Ok(Box::pin(ask(session, operation, begun.work.clone())))
    }

    /// What is to be done now; `None` for what only the record is about.
    fn prepare(&mut self, operation: usize, writer: &Writer<'a>) -> Result<Option<Work>, Diagnostics> {
        let work = match self.kind(operation) {
            _ if self.why_back(operation).is_some() => self.return_of(operation),
            OperationKind::Forget | OperationKind::Await => return Ok(None),
            OperationKind::Delete if self.is_its_own_successor(operation, writer) => return Ok(None),
            OperationKind::Delete => self.deletion(operation),
            OperationKind::Read => self.query(operation)?,
            OperationKind::Create => self.creation(operation)?,
            OperationKind::Update => self.update(operation)?,
        };
        work.map(Some).ok_or_else(|| problems::incomplete(self.job, operation).into())
    }

    pub(super) fn deletion(&self, operation: usize) -> Option<Work> {
        let change = self.change(operation);
        let recorded = row(self.job.snapshot, change);
        let resource_type = recorded.map_or(&change.resource_type, |row| &row.resource_type).clone();
        let (identity, prior) = there(change)?;
        Some(Work::Delete { resource_type, identity, prior })
    }

    fn query(&mut self, operation: usize) -> Result<Option<Work>, Diagnostics> {
        let change = self.change(operation);
        let Some(id) = change.instance else { return Ok(None) };
        let wanted = prepare::query(self.job.sessions, id, self.evaluation)?;
        let config = wanted.unmark_deep();
        self.wanted.insert(operation, wanted);
        Ok(Some(Work::Read { source: change.resource_type.clone(), config }))
    }

    fn creation(&mut self, operation: usize) -> Result<Option<Work>, Diagnostics> {
        let resource_type = self.change(operation).resource_type.clone();
        Ok(self.planned(operation)?.map(|planned| Work::Create { resource_type, planned }))
    }

    fn update(&mut self, operation: usize) -> Result<Option<Work>, Diagnostics> {
        let change = self.change(operation);
        let (Some((identity, prior)), Some(planned)) = (there(change), self.planned(operation)?) else {
            return Ok(None);
        };
        Ok(Some(Work::Update { resource_type: change.resource_type.clone(), identity, prior, planned }))
    }

    /// What an object is to be, which is kept with its marks.
    fn planned(&mut self, operation: usize) -> Result<Option<Value>, Diagnostics> {
        let change = self.change(operation);
        let Some(id) = change.instance else { return Ok(None) };
        let recorded = row(self.job.snapshot, change);
        let wanted = prepare::planned(self.job.sessions, change, recorded, id, self.evaluation)?;
        let planned = wanted.unmark_deep();
        self.wanted.insert(operation, wanted);
        Ok(Some(planned))
    }

    /// Whether an old object and its successor are the same one, because the system has only one
    /// place for both: deleting the old one would delete the new one.
    fn is_its_own_successor(&self, operation: usize, writer: &Writer<'a>) -> bool {
        let at = self.job.plan.operations[operation].change;
        let (Some(old), Some(successor)) = (writer.deposed(at), self.successors.get(&at)) else { return false };
        let instance = self.change(operation).instance.map(|id| self.job.sessions.desired().instance(id));
        old.identity == *successor && instance.is_some_and(|instance| self.job.sessions.stays(old, instance))
    }

    /// Whether the journal would find what this creation is about to make.
    fn is_as_journalled(&self, operation: usize, writer: &Writer<'a>) -> bool {
        let (OperationKind::Create, Some(journalled)) = (self.kind(operation), writer.journalled(operation)) else {
            return true;
        };
        let (Some(session), Some(wanted)) = (&self.sessions[operation], self.wanted.get(&operation)) else {
            return true;
        };
        let identity = session.identity(&self.change(operation).resource_type, &wanted.unmark_deep());
        identity.is_none_or(|identity| identity == *journalled)
    }

    /// Takes an object out of the record, and leaves the world as it is.
    fn forget(&mut self, operation: usize, writer: &mut Writer<'a>) -> Event {
        self.observer.on(Progress::Started(operation));
        writer.forget(operation);
        self.done(operation)
    }

    /// How long to wait before an operation is tried again.
    pub(in crate::apply) fn rest(&mut self, operation: usize) -> Duration {
        let attempts = self.begun.get(&operation).map_or(0, |begun| begun.attempts);
        let Some(Failure::Provider(error)) = self.failures.get(&operation) else { return Duration::ZERO };
        let pause = pause_after(attempts, error).unwrap_or_default();
        self.observer.on(Progress::Retrying { operation, attempts, pause, message: &error.message });
        pause
    }
}

/// What finds an object that is there, and what it is.
fn there(change: &Change) -> Option<(Arc<str>, Value)> {
    Some((change.identity.clone()?, change.before.as_ref()?.unmark_deep()))
}
