//! The task that applies: it starts what the walk says, has the record written, and tells the
//! walk what came of both.

use std::collections::VecDeque;

use futures::stream::{FuturesUnordered, StreamExt};
use portolan_provider::Waiting;
use portolan_state::{self as state, RunStatus};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::observe::Observer;
use super::operations::Operations;
use super::places::Places;
use super::walk::{Action, Event, Walk};
use super::work::{Future, Happened, News};
use super::writer::{Writer, Written};
use super::{Job, Report, SessionOf, batches, problems};
use crate::plan::Configurations;

struct Shell<'a, 'e, C> {
    walk: Walk,
    operations: Operations<'a, 'e, C>,
    writer: Writer<'a>,
    /// What is waited for.
    running: FuturesUnordered<Future<'a, Happened>>,
    /// What has yet to become ready.
    awaited: FuturesUnordered<Future<'a, Happened>>,
    /// What those that are awaited wait for, as they tell it.
    news: UnboundedReceiver<News>,
    /// Where they tell it.
    teller: UnboundedSender<News>,
    /// Whether everything that will be done is done, and the end is being recorded.
    is_closed: bool,
    /// Whether what came of changes could not be recorded.
    is_unrecorded: bool,
    was_interrupted: bool,
}

/// Carries out a plan that was found sound.
pub(super) async fn run<C: Configurations>(
    job: Job<'_>,
    sessions: Vec<SessionOf>,
    evaluation: &mut C,
    observer: &mut dyn Observer,
    interrupts: &mut UnboundedReceiver<()>,
) -> Report {
    let (teller, news) = unbounded_channel();
    let mut shell = Shell {
        walk: Walk::new(job.plan, Places::new(job.parallelism, batches(job.plan, &sessions))),
        operations: Operations::new(&job, sessions, evaluation, observer),
        writer: Writer::new(&job),
        running: FuturesUnordered::new(),
        awaited: FuturesUnordered::new(),
        news,
        teller,
        is_closed: false,
        is_unrecorded: false,
        was_interrupted: false,
    };
    shell.carry_out(interrupts).await;
    let Shell { operations, mut writer, was_interrupted, .. } = shell;
    let (outcomes, mut diagnostics) = (operations.outcomes, operations.diagnostics);
    diagnostics.extend(problems::unrecorded(&writer.unrecorded()));
    Report { outcomes, diagnostics, serial: writer.serial(), was_interrupted }
}

impl<'a, C: Configurations> Shell<'a, '_, C> {
    /// Goes through the operations until everything that will be done is done and recorded.
    async fn carry_out(&mut self, interrupts: &mut UnboundedReceiver<()>) {
        let mut actions = self.walk.on(Event::Begin);
        while self.act(actions) {
            if self.walk.is_over() && !self.is_closed {
                self.is_closed = true;
                self.close();
            }
            self.writer.write(!self.walk.is_running());
            if self.is_closed && self.writer.is_done() {
                return;
            }
            let pause = self.writer.pause(!self.walk.is_running());
            // Where there is always something ready, neither signals nor clocks would have a turn.
            tokio::task::yield_now().await;
            actions = tokio::select! {
                Some(happened) = self.running.next(), if !self.running.is_empty() => self.happened(happened),
                Some(happened) = self.awaited.next(), if !self.awaited.is_empty() => self.happened(happened),
                Some(News { operation, waiting }) = self.news.recv() => self.told(operation, &waiting),
                written = self.writer.written(), if self.writer.is_writing() => self.was_written(written),
                Some(()) = interrupts.recv() => self.interrupted(),
                () = tokio::time::sleep(pause) => Vec::new(),
            };
        }
    }

    /// Carries out what the walk says; `false` where everything is to end at once.
    fn act(&mut self, actions: Vec<Action>) -> bool {
        let mut left = VecDeque::from(actions);
        while let Some(action) = left.pop_front() {
            match action {
                Action::Journal(operation) => self.writer.begin(operation, self.operations.to_be_made(operation)),
                Action::Start(operation) => left.extend(self.start(operation)),
                Action::Rest(operation) => {
                    let pause = self.operations.rest(operation);
                    self.running.push(Box::pin(async move {
                        tokio::time::sleep(pause).await;
                        Happened::Rested(operation)
                    }));
                }
                Action::Await(operation) => {
                    self.awaited.extend(self.operations.wait(operation, self.teller.clone()));
                }
                Action::LetGo => self.awaited.clear(),
                Action::GiveUp(operation) => self.operations.give_up(operation, &mut self.writer),
                Action::Abort => return false,
            }
        }
        true
    }

    fn start(&mut self, operation: usize) -> Vec<Action> {
        match self.operations.start(operation, &mut self.writer) {
            Ok(work) => {
                self.running.push(work);
                Vec::new()
            }
            Err(event) => self.walk.on(event),
        }
    }

    fn happened(&mut self, happened: Happened) -> Vec<Action> {
        let event = self.operations.on(happened, &mut self.writer);
        self.walk.on(event)
    }

    fn told(&mut self, operation: usize, waiting: &Waiting) -> Vec<Action> {
        self.operations.waiting(operation, waiting);
        Vec::new()
    }

    fn interrupted(&mut self) -> Vec<Action> {
        self.was_interrupted = true;
        self.operations.stopping();
        self.walk.on(Event::Interrupted)
    }

    fn was_written(&mut self, written: Written) -> Vec<Action> {
        match self.writer.on(written) {
            Ok(entries) if entries.is_empty() => Vec::new(),
            Ok(entries) => self.walk.on(Event::Journalled(entries)),
            Err(error) => self.not_written(&error),
        }
    }

    /// What could not be written while the lease holds is tried once more when nothing runs any
    /// more.
    fn not_written(&mut self, error: &state::Error) -> Vec<Action> {
        if !std::mem::replace(&mut self.is_unrecorded, true) {
            self.operations.diagnostics.push(problems::cannot_write(error));
        }
        let is_lost = matches!(error, state::Error::Fenced | state::Error::Stale { .. });
        self.walk.on(if is_lost || self.is_closed { Event::Fenced } else { Event::Unrecorded })
    }

    /// Records what is left to record once nothing runs any more.
    fn close(&mut self) {
        for operation in self.walk.journalled_in_vain() {
            self.writer.end(operation, state::Outcome::Failed("it was not begun".to_owned()));
        }
        self.operations.let_go();
        let is_done = self.operations.are_done() && !self.was_interrupted;
        let outputs = self.operations.outputs();
        self.writer.record_outputs(&outputs, is_done);
        let is_sound = !self.operations.diagnostics.has_errors();
        self.writer.end_run(if is_done && is_sound { RunStatus::Succeeded } else { RunStatus::Failed });
    }
}
