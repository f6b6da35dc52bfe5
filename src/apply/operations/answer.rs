//! What comes of it: what a provider answered, and what is made known and recorded of that.

use std::sync::Arc;

use portolan_lang::{Diagnostic, Diagnostics, Schema, Severity, Type, Value};
use portolan_provider::{Applied, Error, ErrorKind, departures_from_plan};
use portolan_state::{Outcome as Ended, ResourceStatus};

use super::{Failure, Operations};
use crate::apply::observe::Progress;
use crate::apply::walk::Event;
use crate::apply::work::Happened;
use crate::apply::writer::Writer;
use crate::apply::{Outcome, problems};
use crate::compile::ConditionTime;
use crate::marks::{marked_by_schema, marked_like, marked_where_repeated};
use crate::plan::{Action, Configurations, OperationKind};
use crate::retry::pause_after;

impl<'a, C: Configurations> Operations<'a, '_, C> {
    /// Takes in what happened.
    pub(in crate::apply) fn on(&mut self, happened: Happened, writer: &mut Writer<'a>) -> Event {
        match happened {
            Happened::Rested(operation) => Event::Rested(operation),
            Happened::Answered(operation, Ok(applied)) => self.applied(operation, applied, writer),
            Happened::Told(operation, Ok(value)) => self.told(operation, value),
            Happened::Ready(operation, ready) => self.waited(operation, ready, writer),
            Happened::Gone(operation, Ok(())) => self.went(operation, writer),
            Happened::Gone(operation, Err(error)) => self.stayed(operation, error, writer),
            Happened::Answered(operation, Err(error)) | Happened::Told(operation, Err(error)) => {
                self.refused(operation, error)
            }
        }
    }

    fn refused(&mut self, operation: usize, error: Error) -> Event {
        let attempts = self.begun.get_mut(&operation).map_or(0, |begun| {
            begun.attempts += 1;
            begun.attempts
        });
        let again = pause_after(attempts, &error).is_some();
        if !again && self.is_of_check(operation) {
            return self.missed(operation, &error);
        }
        self.failures.insert(operation, Failure::Provider(error));
        Event::Failed { operation, again }
    }

    fn is_of_check(&self, operation: usize) -> bool {
        let instance = self.change(operation).instance;
        instance.is_some_and(|id| self.job.sessions.desired().instance(id).is_check)
    }

    /// The data source of a check cannot be read: a warning, and the check is left out.
    fn missed(&mut self, operation: usize, error: &Error) -> Event {
        let warning = Diagnostic {
            severity: Severity::Warning,
            ..problems::cannot_do(self.job, operation, error, self.evaluation)
        };
        self.finish(operation, Value::null(Type::Any), warning.into())
    }

    /// A data source was read.
    fn told(&mut self, operation: usize, value: Value) -> Event {
        let change = self.change(operation);
        let schema = self.job.sessions.catalog().data(&change.resource_type).map(|(_, schema)| schema);
        let value = self.marked(operation, value, schema);
        self.finish(operation, value, Diagnostics::new())
    }

    /// A change was made.
    fn applied(&mut self, operation: usize, applied: Option<Applied>, writer: &mut Writer<'a>) -> Event {
        let (change, kind) = (self.change(operation), self.kind(operation));
        if kind == OperationKind::Delete {
            return match applied {
                None => self.went(operation, writer),
                Some(_) => self.leaves(operation),
            };
        }
        let (Some(Applied { identity, value }), Some(id)) = (applied, change.instance) else {
            let error = Error::failed("the provider did not say what it made");
            return self.fail(operation, Failure::Provider(error));
        };
        if self.why_back(operation).is_some() {
            return self.returned(operation, Applied { identity, value }, writer);
        }
        let problems = self.departures(operation, &value);
        let is_awaited = self.is_awaited(operation, &value);
        let value = self.marked(operation, value, self.schema(change));
        let status = match kind {
            OperationKind::Create if problems.has_errors() => ResourceStatus::Tainted,
            _ if is_awaited => ResourceStatus::Pending,
            _ => ResourceStatus::Ready,
        };
        if change.action == Action::CreateThenDelete {
            self.successors.insert(self.job.plan.operations[operation].change, identity.clone());
        }
        let resource = self.new_row(operation, id, Applied { identity, value: value.clone() }, status);
        writer.end(operation, Ended::Put(Box::new(resource.clone())));
        match self.settle(operation, value, problems) {
            Ok(()) if is_awaited => self.made(operation, resource),
            Ok(()) => self.done(operation),
            Err(event) => event,
        }
    }

    pub(super) fn marked(&self, operation: usize, value: Value, schema: Option<&Schema>) -> Value {
        let value = match self.wanted.get(&operation) {
            Some(wanted) => marked_where_repeated(marked_like(value, wanted)),
            None => value,
        };
        match schema {
            Some(schema) => marked_by_schema(value, schema),
            None => value,
        }
    }

    /// Where the object is not what was planned, or is not wholly known.
    fn departures(&self, operation: usize, value: &Value) -> Diagnostics {
        let Some(wanted) = self.wanted.get(&operation) else { return Diagnostics::new() };
        let departures = departures_from_plan(&wanted.unmark_deep(), value);
        match departures.is_empty() {
            true => Diagnostics::new(),
            false => problems::not_as_planned(self.change(operation), &departures).into(),
        }
    }

    /// Ends an operation after which there is nothing to wait for.
    fn finish(&mut self, operation: usize, value: Value, problems: Diagnostics) -> Event {
        match self.settle(operation, value, problems) {
            Ok(()) => self.done(operation),
            Err(event) => event,
        }
    }

    /// Makes an instance known to the others, unless something is wrong with it.
    fn settle(&mut self, operation: usize, value: Value, mut problems: Diagnostics) -> Result<(), Event> {
        if let Some(id) = self.change(operation).instance {
            problems.extend(self.evaluation.conditions(id, ConditionTime::After, Some(&value)));
            self.evaluation.set(id, value);
        }
        if problems.has_errors() {
            return Err(self.fail(operation, Failure::Engine(problems)));
        }
        self.diagnostics.extend(problems);
        Ok(())
    }
}

impl<'a, C: Configurations> Operations<'a, '_, C> {
    /// Reports and records a failure.
    pub(in crate::apply) fn give_up(&mut self, operation: usize, writer: &mut Writer<'a>) {
        self.outcomes[operation] = Outcome::Failed;
        self.diagnostics.extend(self.made.remove(&operation).and_then(|made| made.goes_back));
        let problems = match self.failures.remove(&operation) {
            Some(Failure::Engine(problems)) => {
                let why = problems.iter().next().map(|problem| problem.summary.clone()).unwrap_or_default();
                writer.end(operation, Ended::Failed(why));
                problems
            }
            Some(Failure::Provider(error)) => {
                let diagnostic = problems::cannot_do(self.job, operation, &error, self.evaluation);
                self.end_refused(operation, error, writer);
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

    /// What is recorded of a change that failed. Where it is not certain that nothing was done,
    /// the journal entry stays, and the next run looks.
    pub(super) fn end_refused(&mut self, operation: usize, error: Error, writer: &mut Writer<'a>) {
        let change = self.change(operation);
        // What is left of a deletion is still recorded as what it was, under what may be another type.
        let left = error.left_behind.filter(|_| self.kind(operation) != OperationKind::Delete);
        if let (Some(left), Some(id)) = (left, change.instance) {
            let (status, identity) = match self.kind(operation) {
                OperationKind::Create => (ResourceStatus::Tainted, self.identity_of(operation, &left, writer)),
                _ => (ResourceStatus::Ready, change.identity.clone().unwrap_or_default()),
            };
            let value = self.marked(operation, left, self.schema(change));
            let resource = self.new_row(operation, id, Applied { identity, value }, status);
            writer.end(operation, Ended::Put(Box::new(resource)));
        } else if error.kind == ErrorKind::Transient {
            self.outcomes[operation] = Outcome::Unknown;
        } else {
            writer.end(operation, Ended::Failed(error.message));
        }
    }

    fn identity_of(&self, operation: usize, value: &Value, writer: &Writer<'a>) -> Arc<str> {
        let session = self.sessions[operation].as_ref();
        let known = session.and_then(|session| session.identity(&self.change(operation).resource_type, value));
        known.or_else(|| writer.journalled(operation).cloned()).unwrap_or_default()
    }
}
