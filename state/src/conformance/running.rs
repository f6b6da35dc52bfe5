//! Runs are kept, the last of them.

use super::samples::{begin, end, resource, run};
use super::{Outcome, States, Writer, same};
use crate::backend::KEPT_RUNS;
use crate::record::{Edit, Operation, Outcome as Ending, Run, RunStatus};

pub(super) async fn check(states: &dyn States) -> Outcome {
    runs_are_listed(states).await?;
    old_runs_are_forgotten(states).await
}

/// Runs come newest first, by when they were recorded first; recording one again changes it.
async fn runs_are_listed(states: &dyn States) -> Outcome {
    let mut writer = Writer::start(states, "runs").await?;
    for id in ["b", "c", "a"] {
        writer.commit(&[Edit::PutRun(run(id))]).await?;
    }
    let ended = Run {
        ended: Some("2026-01-02T03:05:00Z".to_owned()),
        status: RunStatus::Failed,
        summary: "0 created, 1 failed".to_owned(),
        ..run("b")
    };
    writer.commit(&[Edit::PutRun(ended.clone())]).await?;
    let state = states.open("runs").await;
    same("the runs", &state.runs(10).await?, &vec![run("a"), run("c"), ended])?;
    same("the last two runs", &state.runs(2).await?, &vec![run("a"), run("c")])
}

/// Only so many runs are kept, and their changes with them.
async fn old_runs_are_forgotten(states: &dyn States) -> Outcome {
    let mut writer = Writer::start(states, "forgotten").await?;
    let object = resource(1);
    for id in ["oldest", "kept"] {
        let change = [begin(id, Operation::Delete, object.clone()), end(id, &object.key, Ending::Removed)];
        writer.commit(&[vec![Edit::PutRun(run(id))], change.to_vec()].concat()).await?;
    }
    let others: Vec<Edit> = (0..KEPT_RUNS - 1).map(|number| Edit::PutRun(run(&number.to_string()))).collect();
    writer.commit(&others).await?;
    let state = states.open("forgotten").await;
    let runs = state.runs(usize::MAX).await?;
    same("how many runs are kept", &runs.len(), &KEPT_RUNS)?;
    same("the oldest of them", &runs.last().map(|run| &*run.id), &Some("kept"))?;
    same("its changes", &state.changes("kept").await?.len(), &1)?;
    same("the changes of the run before", &state.changes("oldest").await?.len(), &0)
}
