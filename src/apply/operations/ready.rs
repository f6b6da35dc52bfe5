//! What was made and has yet to become ready: the waiting, and what comes of it.
//!
//! The object is recorded before it is waited for, so that a run that ends meanwhile loses
//! nothing. One that does not become ready stays as it is, unless its provider says that it goes
//! back: then the operation is carried out once more, with what the object was before.

use std::sync::Arc;

use portolan_lang::{Diagnostic, Value};
use portolan_provider::{Applied, Awaited, NotReady, Session, Waiting};
use portolan_state::{Resource, ResourceStatus};
use tokio::sync::mpsc::UnboundedSender;

use super::Operations;
use crate::apply::observe::Progress;
use crate::apply::walk::Event;
use crate::apply::work::{Future, Happened, News, Work};
use crate::apply::writer::Writer;
use crate::apply::{Outcome, problems, record};
use crate::plan::{Configurations, OperationKind, row};

/// An object that is there and has yet to become ready.
pub(super) struct Made {
    identity: Arc<str>,
    /// Without marks.
    value: Value,
    /// The row of the object once it is ready, where it says something else by now.
    row: Option<Resource>,
    /// Why the object goes back, or went back.
    pub(super) goes_back: Option<Diagnostic>,
}

impl<'a, C: Configurations> Operations<'a, '_, C> {
    /// Whether an object of an operation can be there without being ready.
    pub(super) fn is_awaited(&self, operation: usize, value: &Value) -> bool {
        let session = self.sessions[operation].as_ref();
        session.is_some_and(|session| session.is_awaited(&self.change(operation).resource_type, &value.unmark_deep()))
    }

    /// An operation has made an object that has yet to become ready.
    pub(super) fn made(&mut self, operation: usize, row: Resource) -> Event {
        let (identity, value) = (row.identity.clone(), row.value.unmark_deep());
        let goes_back = self.made.remove(&operation).and_then(|made| made.goes_back);
        let row = Some(Resource { status: ResourceStatus::Ready, ..row });
        self.await_it(operation, Made { identity, value, row, goes_back })
    }

    /// An object of which nothing becomes has to be ready for others.
    pub(super) fn stays(&mut self, operation: usize) -> Event {
        let change = self.change(operation);
        let recorded = row(self.job.snapshot, change);
        let (Some(identity), Some(value)) = (change.identity.clone(), &change.after) else {
            return self.done(operation);
        };
        let is_pending = recorded.is_some_and(|row| row.status == ResourceStatus::Pending);
        let row = is_pending.then(|| record::unchanged_row(self.job.sessions, change, recorded)).flatten();
        let row = row.map(|row| Resource { status: ResourceStatus::Ready, ..row });
        self.observer.on(Progress::Started(operation));
        self.await_it(operation, Made { identity, value: value.unmark_deep(), row, goes_back: None })
    }

    fn await_it(&mut self, operation: usize, made: Made) -> Event {
        self.outcomes[operation] = if made.goes_back.is_some() { Outcome::WentBack } else { Outcome::NotReady };
        self.begun.remove(&operation);
        self.wanted.remove(&operation);
        self.made.insert(operation, made);
        Event::Made(operation)
    }

    /// Waits for the object of an operation to be ready, or gone, and sends `news` of what it is
    /// waited for.
    pub(in crate::apply) fn wait(&self, operation: usize, news: UnboundedSender<News>) -> Option<Future<'a, Happened>> {
        if self.is_leaving(operation) {
            return self.wait_until_gone(operation, news);
        }
        let (made, session) = (self.made.get(&operation)?, self.sessions[operation].clone()?);
        let (identity, value) = (made.identity.clone(), made.value.clone());
        let resource_type = self.change(operation).resource_type.clone();
        Some(Box::pin(async move {
            let awaited = Awaited { resource_type: &resource_type, identity: &identity, value: &value };
            Happened::Ready(operation, ready(&*session, awaited, operation, &news).await)
        }))
    }

    /// Takes in what an object is waited for.
    pub(in crate::apply) fn waiting(&mut self, operation: usize, waiting: &Waiting) {
        if self.made.contains_key(&operation) || self.is_leaving(operation) {
            self.observer.on(Progress::Waiting(operation, waiting));
        }
    }

    /// The waiting for an object is over.
    pub(super) fn waited(&mut self, operation: usize, ready: Result<(), NotReady>, writer: &mut Writer<'a>) -> Event {
        let Some(made) = self.made.remove(&operation) else { return Event::NotReady { operation, goes_back: false } };
        match (ready, made.goes_back) {
            (Ok(()), goes_back) => {
                made.row.into_iter().for_each(|row| writer.record_ready(row));
                match goes_back {
                    None => self.done(operation),
                    Some(problem) => self.not_ready(operation, problem.help("It is what it was before, and ready.")),
                }
            }
            (Err(NotReady { error, goes_back: true }), None) if self.can_go_back(operation) => {
                let problem = problems::not_ready(self.job, operation, &error);
                self.observer.on(Progress::GoingBack(operation, &problem));
                self.made.insert(operation, Made { goes_back: Some(problem), ..made });
                Event::NotReady { operation, goes_back: true }
            }
            (Err(NotReady { error, .. }), None) => {
                let problem = problems::not_ready(self.job, operation, &error);
                self.not_ready(operation, problem)
            }
            (Err(NotReady { error, .. }), Some(problem)) => {
                let again = format!("It is what it was before, and not ready either: {}", error.message);
                self.not_ready(operation, problem.help(again))
            }
        }
    }

    fn not_ready(&mut self, operation: usize, problem: Diagnostic) -> Event {
        self.observer.on(Progress::NotReady(operation, &problem));
        self.diagnostics.push(problem);
        Event::NotReady { operation, goes_back: false }
    }

    fn can_go_back(&self, operation: usize) -> bool {
        self.kind(operation) == OperationKind::Update && self.change(operation).before.is_some()
    }

    /// Why the object of an operation goes back, where it does.
    pub(super) fn why_back(&self, operation: usize) -> Option<&Diagnostic> {
        self.made.get(&operation)?.goes_back.as_ref()
    }

    /// Makes an object again what it was before.
    pub(super) fn return_of(&mut self, operation: usize) -> Option<Work> {
        let (made, change) = (self.made.get(&operation)?, self.change(operation));
        let (before, _) = (change.before.as_ref()?, made.goes_back.as_ref()?);
        self.wanted.insert(operation, before.clone());
        Some(Work::Update {
            resource_type: change.resource_type.clone(),
            identity: made.identity.clone(),
            prior: made.value.clone(),
            planned: before.unmark_deep(),
        })
    }

    /// An object is again what it was before.
    pub(super) fn returned(&mut self, operation: usize, applied: Applied, writer: &mut Writer<'a>) -> Event {
        let change = self.change(operation);
        let Some(id) = change.instance else { return Event::Failed { operation, again: false } };
        let value = self.marked(operation, applied.value, self.schema(change));
        self.evaluation.set(id, value.clone());
        let made = Applied { identity: applied.identity, value };
        let row = self.new_row(operation, id, made, ResourceStatus::Pending);
        writer.end(operation, portolan_state::Outcome::Put(Box::new(row.clone())));
        self.made(operation, row)
    }

    /// Tells of what was to go back and did not come to it.
    pub(in crate::apply) fn let_go(&mut self) {
        let mut left: Vec<(usize, Diagnostic)> =
            self.made.drain().filter_map(|(operation, made)| Some((operation, made.goes_back?))).collect();
        left.sort_by_key(|(operation, _)| *operation);
        let help = "The run was stopped before it could be made again what it was.";
        self.diagnostics.extend(left.into_iter().map(|(_, problem)| problem.help(help)));
    }
}

async fn ready(
    session: &dyn Session,
    awaited: Awaited<'_>,
    operation: usize,
    news: &UnboundedSender<News>,
) -> Result<(), NotReady> {
    // Where nobody listens any more, nobody needs to know.
    let report = |waiting| drop(news.send(News { operation, waiting }));
    session.ready(awaited, &report).await
}
