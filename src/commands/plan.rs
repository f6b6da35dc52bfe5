//! `portolan plan`

use std::io::Write;
use std::sync::Arc;

use portolan::compile::DataAnswers;
use portolan::plan::{Mode, Plan};
use serde_json::json;

use super::arguments::PlanArguments;
use super::planning::{make_plan, prepare, recovered, request};
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
            let word = render::shell::word(&file.display().to_string());
            writeln!(std::io::stdout(), "\nSaved as {}. To carry it out:\n    portolan apply {word}", file.display())?;
        }
    }
    Ok(exit(arguments.detailed_exitcode, &plan))
}

/// The plan, and what was read that decides what there is to be.
async fn make(arguments: &PlanArguments) -> Result<(Project, Plan, Arc<DataAnswers>), Failure> {
    let request = request(&arguments.planning, arguments.destroy)?;
    let project = Project::load(&arguments.planning.variables)?;
    let backend = setup::backend(&project.config.settings).map_err(|problem| project.failure(problem.into()))?;
    let patience = record::duration("--lock-timeout", &arguments.planning.lock_timeout)?;
    let start = recovered(&project, &backend, None, patience, &request).await?;
    let prepared = prepare(&project, start, &request).await?;
    let plan = make_plan(&project, &prepared, &prepared.sessions(&project), &request).await;
    let data = prepared.desired.answers();
    Ok((project, plan, data))
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
