//! What was deleted and takes its time to go away: the waiting, and what comes of it.
//!
//! Its journal entry stays open meanwhile: where the run ends before the object is gone, the next
//! one looks what became of it.

use portolan_provider::{Awaited, Error};
use portolan_state::Outcome as Ended;
use tokio::sync::mpsc::UnboundedSender;

use super::Operations;
use crate::apply::observe::Progress;
use crate::apply::walk::Event;
use crate::apply::work::{Future, Happened, News, Work};
use crate::apply::writer::Writer;
use crate::apply::{Outcome, problems};
use crate::plan::Configurations;

impl<'a, C: Configurations> Operations<'a, '_, C> {
    /// The object of an operation is deleted, and still there.
    pub(super) fn leaves(&mut self, operation: usize) -> Event {
        self.outcomes[operation] = Outcome::Unknown;
        self.begun.remove(&operation);
        self.leaving.insert(operation);
        Event::Made(operation)
    }

    pub(super) fn is_leaving(&self, operation: usize) -> bool {
        self.leaving.contains(&operation)
    }

    pub(super) fn wait_until_gone(
        &self,
        operation: usize,
        news: UnboundedSender<News>,
    ) -> Option<Future<'a, Happened>> {
        let session = self.sessions[operation].clone()?;
        let Work::Delete { resource_type, identity, prior } = self.deletion(operation)? else { return None };
        Some(Box::pin(async move {
            let awaited = Awaited { resource_type: &resource_type, identity: &identity, value: &prior };
            // Where nobody listens any more, nobody needs to know.
            let report = |waiting| drop(news.send(News { operation, waiting }));
            Happened::Gone(operation, session.gone(awaited, &report).await)
        }))
    }

    /// The object of an operation is gone.
    pub(super) fn went(&mut self, operation: usize, writer: &mut Writer<'a>) -> Event {
        self.leaving.remove(&operation);
        writer.end(operation, Ended::Removed);
        self.done(operation)
    }

    /// The object of an operation does not go away. What waits for that is left out.
    pub(super) fn stayed(&mut self, operation: usize, error: Error, writer: &mut Writer<'a>) -> Event {
        self.leaving.remove(&operation);
        self.outcomes[operation] = Outcome::Failed;
        let problem = problems::cannot_do(self.job, operation, &error, self.evaluation);
        self.end_refused(operation, error, writer);
        self.observer.on(Progress::Failed(operation, &problem));
        self.diagnostics.push(problem);
        Event::NotReady { operation, goes_back: false }
    }
}
