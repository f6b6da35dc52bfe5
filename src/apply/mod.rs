//! Carrying out a plan.
//!
//! `walk` decides what may begin when, `operations` what each is to do and what came of it,
//! `writer` what is committed; all three are synchronous, but for the wait in `writer`. `shell` is
//! the one task that owns them: it lets the providers and the backend do what those decide, and
//! tells them what came of it.
//!
//! Nothing is planned again here. What the plan left unknown is evaluated and checked against
//! what it knew; what a provider answers is checked against both.

mod journal;
mod observe;
mod operations;
mod places;
mod prepare;
mod problems;
mod record;
mod shell;
pub mod stale;
mod walk;
mod work;
mod writer;

use std::sync::Arc;

pub use observe::{Observer, Progress};
use portolan_lang::Diagnostics;
use portolan_state::{Backend, Lease, Run, Serial, Snapshot};
use rustc_hash::FxHashMap;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::plan::{Configurations, Operation, OperationKind, Plan, check};
use crate::sessions::Sessions;

/// What it takes to apply a plan.
pub struct Job<'a> {
    /// What is to be done.
    pub plan: &'a Plan,
    /// The sessions, for the same configuration as the plan was made for.
    pub sessions: &'a Sessions<'a>,
    /// The record, as of the plan's serial.
    pub snapshot: &'a Snapshot,
    /// Where the record is kept.
    pub backend: &'a dyn Backend,
    /// The right to write it, just taken or renewed.
    pub lease: &'a Lease,
    /// Who does this and why, as it is kept in the audit log; time and status are filled in.
    pub run: Run,
    /// How many operations may run at the same time; those of a session that makes changes together
    /// count as one.
    pub parallelism: usize,
}

/// What became of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was not begun.
    NotStarted,
    /// It was begun, and what came of it is not known: the next run finds out.
    Unknown,
    /// It was done, and what it made is ready.
    Done,
    /// It was done, and what it made was not seen ready.
    NotReady,
    /// It was done, what it made did not become ready, and is again what it was before.
    WentBack,
    /// It failed.
    Failed,
}

/// What was done, and what was not.
#[derive(Debug, Clone)]
pub struct Report {
    /// What became of each operation of the plan, by its position.
    pub outcomes: Vec<Outcome>,
    /// What went wrong.
    pub diagnostics: Diagnostics,
    /// The last commit.
    pub serial: Serial,
    /// Whether a person stopped it.
    pub was_interrupted: bool,
}

impl Report {
    fn nothing_done(plan: &Plan, diagnostics: Diagnostics) -> Self {
        Report {
            outcomes: vec![Outcome::NotStarted; plan.operations.len()],
            diagnostics,
            serial: plan.serial,
            was_interrupted: false,
        }
    }

    /// Whether everything was done.
    pub fn succeeded(&self) -> bool {
        !self.diagnostics.has_errors() && !self.was_interrupted && self.outcomes.iter().all(|one| *one == Outcome::Done)
    }

    /// How many operations of a kind were done and not undone, whether or not what they made is
    /// ready.
    pub fn done(&self, plan: &Plan, kind: OperationKind) -> usize {
        let operations = plan.operations.iter().zip(&self.outcomes);
        let is_done = |outcome: Outcome| matches!(outcome, Outcome::Done | Outcome::NotReady);
        operations.filter(|(operation, outcome)| operation.kind == kind && is_done(**outcome)).count()
    }
}

/// Applies a plan. `evaluation` knows nothing of any instance yet. Each message that comes over
/// `interrupts` is a person who wants to stop: the first one lets what runs come to its end,
/// the second one ends everything at once, and the journal tells the next run what was in the
/// middle. The first one also ends the waiting for objects to become ready. A plan that was not
/// made for this record is refused, with what changed.
pub async fn apply<C: Configurations>(
    job: Job<'_>,
    evaluation: &mut C,
    observer: &mut dyn Observer,
    interrupts: &mut UnboundedReceiver<()>,
) -> Report {
    if let Err(diagnostics) = refuse(&job) {
        return Report::nothing_done(job.plan, diagnostics);
    }
    let opened = open_sessions(&job).await;
    match opened {
        Ok(sessions) => shell::run(job, sessions, evaluation, observer, interrupts).await,
        Err(diagnostics) => Report::nothing_done(job.plan, diagnostics),
    }
}

fn refuse(job: &Job<'_>) -> Result<(), Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    diagnostics.extend(job.plan.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).cloned());
    diagnostics.extend(stale::problem(job.plan, job.snapshot));
    let mut wrong = check::violations(job.plan);
    if wrong.is_empty() && diagnostics.is_empty() {
        wrong = check::wrong_outcome(job.plan, job.sessions.desired(), job.snapshot);
    }
    if !wrong.is_empty() {
        diagnostics.push(problems::unsound(&wrong));
    }
    if diagnostics.is_empty() { Ok(()) } else { Err(diagnostics) }
}

type SessionOf = Option<Arc<dyn portolan_provider::Session>>;

/// The session of each operation, all of them opened before anything is changed.
async fn open_sessions(job: &Job<'_>) -> Result<Vec<SessionOf>, Diagnostics> {
    let mut sessions = Vec::with_capacity(job.plan.operations.len());
    let mut diagnostics = Diagnostics::new();
    for operation in &job.plan.operations {
        let change = &job.plan.changes[operation.change];
        let opened = match (operation.kind, change.instance) {
            (OperationKind::Forget, _) => None,
            (OperationKind::Delete, _) => match crate::plan::row(job.snapshot, change) {
                Some(row) => Some(job.sessions.of_resource(row).await),
                None => None,
            },
            (_, Some(id)) => Some(job.sessions.of_instance(job.sessions.desired().instance(id)).await),
            (_, None) => None,
        };
        sessions.push(opened.and_then(|opened| diagnostics.keep(opened)));
    }
    if diagnostics.is_empty() { Ok(sessions) } else { Err(diagnostics) }
}

/// For each operation the batch that it belongs to: those whose changes one session makes together.
fn batches(plan: &Plan, sessions: &[SessionOf]) -> Vec<Option<usize>> {
    let mut batches: FxHashMap<*const (), usize> = FxHashMap::default();
    let mut batch_of = |(operation, session): (&Operation, &SessionOf)| {
        let is_change = matches!(operation.kind, OperationKind::Create | OperationKind::Update | OperationKind::Delete);
        let session = session.as_ref().filter(|session| is_change && session.gathers())?;
        let next = batches.len();
        Some(*batches.entry(Arc::as_ptr(session).cast()).or_insert(next))
    };
    plan.operations.iter().zip(sessions).map(&mut batch_of).collect()
}

#[cfg(test)]
mod deletion_tests;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod readiness_tests;
#[cfg(test)]
mod tests;
