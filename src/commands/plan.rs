//! `portolan plan`

use std::io::Write;
use std::sync::Arc;

use portolan::compile::DataAnswers;
use portolan::plan::{Mode, Plan, Request};
use portolan_lang::Diagnostic;
use portolan_state::{Backend, Snapshot};
use serde_json::json;

use super::arguments::PlanArguments;
use super::planning::{Start, make_plan, prepare, project, recovered, request, started};
use super::project::Project;
use super::{Exit, Failure, Outcome, block_on, record, saved, warn};
use crate::{render, setup};

pub(crate) fn run(arguments: &PlanArguments) -> Outcome {
    block_on(plan(arguments))
}

async fn plan(arguments: &PlanArguments) -> Outcome {
    let (project, plan, data) = match make(arguments).await {
        Ok(made) => made,
        Err(failure) => {
            if arguments.json {
                let diagnostics = render::diagnostic::list_json(&failure.diagnostics, &failure.sources);
                let document = json!({"format_version": "1.2", "errored": true, "diagnostics": diagnostics});
                writeln!(std::io::stdout(), "{document}")?;
            }
            return Err(failure);
        }
    };
    show(arguments, &plan, &project)?;
    if plan.diagnostics.has_errors() {
        return Err(project.failure(plan.diagnostics));
    }
    warn(&plan.diagnostics, &project.config.sources);
    if let Some(file) = &arguments.out {
        saved::write(file, &plan, &project.origin(data)?)?;
        if !arguments.json && !arguments.markdown {
            writeln!(std::io::stdout(), "{}", saved::told(file))?;
        }
    }
    Ok(exit(arguments.detailed_exitcode, &plan))
}

/// The plan, and what was read that decides what there is to be. Planning needs no lock, but what
/// another run changed meanwhile would be in the plan by half: then it is made once more, while
/// no other run changes anything.
async fn make(arguments: &PlanArguments) -> Result<(Project, Plan, Arc<DataAnswers>), Failure> {
    let mut request = request(&arguments.planning, arguments.destroy)?;
    request.placement.lost = arguments.simulate_loss.iter().map(|name| Arc::from(name.as_str())).collect();
    request.refresh &= !arguments.offline;
    let project = project(&arguments.planning)?;
    let backend = setup::backend(&project.config.settings).map_err(|problem| project.failure(problem.into()))?;
    let patience = record::duration("--lock-timeout", &arguments.planning.lock_timeout)?;
    if arguments.offline {
        let (plan, data) = make_offline(&project, &*backend, &request).await?;
        return Ok((project, plan, data));
    }
    let start = started(&project, &backend, patience, &request).await?;
    let (mut plan, mut data) = make_from(&project, start, &request).await?;
    if record::serial(&*backend).await? != plan.serial {
        let again = record::with_lock(&backend, "plan", patience, async |locked| {
            let again = async { make_from(&project, recovered(&project, locked, &request).await?, &request).await };
            locked.renewed(again).await
        });
        (plan, data) = again.await?;
    }
    Ok((project, plan, data))
}

async fn make_from(project: &Project, start: Start, request: &Request) -> Result<(Plan, Arc<DataAnswers>), Failure> {
    let prepared = prepare(project, start, request).await?;
    let plan = make_plan(project, &prepared, &prepared.sessions(project), request).await;
    Ok((plan, prepared.desired.answers()))
}

/// The plan from what is recorded alone, whatever became of changes that a killed run left in the
/// middle.
async fn make_offline(
    project: &Project,
    backend: &dyn Backend,
    request: &Request,
) -> Result<(Plan, Arc<DataAnswers>), Failure> {
    let prepared = prepare(project, Start::of(record::load(backend).await?), request).await?;
    let mut plan = make_plan(project, &prepared, &prepared.sessions(project).offline(), request).await;
    plan.diagnostics.extend(unfinished(&prepared.snapshot));
    Ok((Plan { is_offline: true, ..plan }, prepared.desired.answers()))
}

/// How many changes are named that are in the middle.
const NAMED: usize = 5;

/// What is to be said of changes of which nobody knows what became of them.
fn unfinished(snapshot: &Snapshot) -> Option<Diagnostic> {
    let names: Vec<String> = snapshot.unfinished.iter().map(|entry| entry.resource.key.address.to_string()).collect();
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let named = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let problem = Diagnostic::warning("Changes are unfinished").detail(format!(
        "Another run is making them, or was ended in the middle: {named}{more}. What became of them is not in this plan."
    ));
    (!names.is_empty()).then(|| problem.help("Plan without --offline to find out."))
}

/// In a plan that only refreshes the record, what was changed outside is the change.
fn exit(detailed: bool, plan: &Plan) -> Exit {
    let refreshes = plan.mode == Mode::RefreshOnly && !plan.drift.is_empty();
    if detailed && (plan.has_changes() || refreshes) { Exit::Changes } else { Exit::Success }
}

fn show(arguments: &PlanArguments, plan: &Plan, project: &Project) -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    if arguments.json {
        writeln!(out, "{}", render::plan::json(plan, &project.basis()))?;
    } else if plan.diagnostics.has_errors() {
        // What could be planned beside errors would only hide them.
    } else if arguments.markdown {
        write!(out, "{}", render::plan::markdown(plan))?;
    } else {
        write!(out, "{}", render::plan::human(plan, super::is_colourful()))?;
    }
    out.flush()
}
