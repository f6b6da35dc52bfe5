//! What is looked up when somebody asks for it: how the services are, and what was done.
//!
//! One thing is looked up at a time, so that those who ask never add to the load of a cluster; what was
//! looked up just now is answered again.

use std::time::{Duration, Instant};

use portolan::observe;
use portolan_state::{Change, Operation, Run, RunStatus, Snapshot};
use serde_json::{Value as Json, json};
use tokio::sync::{mpsc, oneshot};

use crate::commands::Failure;
use crate::commands::observing::Observed;
use crate::commands::project::{backend_anyway, recorded_anyway};
use crate::render;

/// How long an answer about services is good.
const FRESH: Duration = Duration::from_secs(1);

/// How many runs are told.
const RUNS: usize = 50;

/// Something that is asked.
#[derive(Debug)]
pub(super) enum Question {
    /// How the services are, by cluster.
    Services,
    /// The last runs.
    Runs,
    /// What a run has done.
    Changes(String),
}

/// What was found, or the summary of what went wrong.
type Answer = Result<Json, String>;

/// Where questions go.
#[derive(Debug, Clone)]
pub(super) struct Looker(mpsc::Sender<(Question, oneshot::Sender<Answer>)>);

impl Looker {
    /// Somebody to ask, and the work of answering. It ends when nobody can ask any more.
    pub(super) fn new() -> (Looker, impl Future<Output = ()>) {
        let (sender, receiver) = mpsc::channel(16);
        (Looker(sender), answer(receiver))
    }

    /// The answer to a question; `None` while the daemon ends.
    pub(super) async fn ask(&self, question: Question) -> Option<Answer> {
        let (sender, receiver) = oneshot::channel();
        self.0.send((question, sender)).await.ok()?;
        receiver.await.ok()
    }
}

async fn answer(mut questions: mpsc::Receiver<(Question, oneshot::Sender<Answer>)>) {
    let mut observed = Observed::new(Snapshot::default());
    let mut last: Option<(Instant, Json)> = None;
    while let Some((question, reply)) = questions.recv().await {
        let answer = match question {
            Question::Services => match last.as_ref().filter(|(when, _)| when.elapsed() < FRESH) {
                Some((_, services)) => Ok(services.clone()),
                None => {
                    let (next, services) = services(observed).await;
                    observed = next;
                    last = services.as_ref().ok().map(|services| (Instant::now(), services.clone()));
                    services
                }
            },
            Question::Runs => runs().await,
            Question::Changes(run) => changes(&run).await,
        };
        // Who asked may have gone.
        let _ = reply.send(answer.map_err(|failure| summary(&failure)));
    }
}

fn summary(failure: &Failure) -> String {
    failure.diagnostics.iter().map(|problem| problem.summary.to_string()).collect::<Vec<_>>().join("; ")
}

async fn services(observed: Observed) -> (Observed, Result<Json, Failure>) {
    let observed = match recorded_anyway().await {
        Ok(snapshot) => observed.renewed(snapshot),
        Err(failure) => return (observed, Err(failure)),
    };
    let found = match observed.services(&[]) {
        Ok(services) => Ok(render::status::json(&observe::status(&observed.sessions(), &services).await)),
        Err(failure) => Err(failure),
    };
    (observed, found)
}

async fn runs() -> Result<Json, Failure> {
    let runs = backend_anyway()?.runs(RUNS).await.map_err(crate::commands::record::explain)?;
    Ok(json!({ "format_version": "1.0", "runs": runs.iter().map(run_json).collect::<Vec<_>>() }))
}

fn run_json(run: &Run) -> Json {
    let status = match run.status {
        RunStatus::Running => "running",
        RunStatus::Succeeded => "succeeded",
        RunStatus::Failed => "failed",
    };
    json!({
        "id": run.id, "command": run.command, "who": run.who, "started": run.started, "ended": run.ended,
        "status": status, "summary": run.summary,
    })
}

async fn changes(run: &str) -> Result<Json, Failure> {
    let changes = backend_anyway()?.changes(run).await.map_err(crate::commands::record::explain)?;
    Ok(json!({ "format_version": "1.0", "changes": changes.iter().map(change_json).collect::<Vec<_>>() }))
}

fn change_json(change: &Change) -> Json {
    let operation = change.operation.map(|operation| match operation {
        Operation::Create => "create",
        Operation::Update => "update",
        Operation::Delete => "delete",
    });
    json!({ "address": change.key.address.to_string(), "operation": operation, "failure": change.failure })
}
