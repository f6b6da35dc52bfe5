//! How what a person orders is carried out: a plan like any other, which records the decisions.

use std::path::Path;

use jiff::Timestamp;
use portolan::compile::domain::orders::Giver;
use portolan::plan::{Mode, Request};
use portolan_lang::Diagnostic;

use super::apply::{Manner, proceed};
use super::arguments::OrderArguments;
use super::planning::{Prepared, make_plan};
use super::project::Project;
use super::record::{self, Locked};
use super::{Exit, Failure, Outcome, is_colourful, print, saved, warn};
use crate::{render, setup};

/// Who orders something and why, as it stands on the command line.
pub(super) fn giver(arguments: &OrderArguments) -> Result<Giver, Failure> {
    let why = line("--reason", "A reason", arguments.reason.as_deref())?;
    let who = line("--by", "A name", arguments.by.as_deref())?;
    Ok(Giver { who: who.unwrap_or_else(record::person), why, time: Timestamp::now().to_string() })
}

/// What is told in one line, if it is told.
fn line(flag: &str, what: &str, text: Option<&str>) -> Result<Option<String>, Failure> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    if text.is_some_and(|text| text.chars().any(char::is_control)) {
        let problem = Diagnostic::error(format!("Invalid {flag} option"));
        return Err(problem.detail(format!("{what} is one line of text.")).into());
    }
    Ok(text.map(str::to_owned))
}

/// Compiles the configuration with decisions that carry an order, as `ordered` does; then saves the
/// plan, or shows it and carries it out.
pub(super) async fn carry_out(
    command: &'static str,
    arguments: &OrderArguments,
    ordered: impl AsyncFnOnce(&Project, &Locked, Request) -> Result<(Prepared, Request), Failure>,
) -> Outcome {
    let planning = arguments.planning();
    let manner = Manner { command, planning: &planning, applying: arguments.applying };
    let request = Request { mode: Mode::Normal, parallelism: planning.parallelism.max(1), ..Request::default() };
    let project = Project::load(&planning.variables)?;
    let backend = setup::backend(&project.config.settings).map_err(|problem| project.failure(problem.into()))?;
    let patience = record::duration("--lock-timeout", &planning.lock_timeout)?;
    record::with_lock(&backend, command, patience, async |locked| {
        let (prepared, request) = locked.renewed(ordered(&project, locked, request)).await?;
        match &arguments.out {
            Some(file) => save(file, &project, locked, &prepared, &request).await,
            None => proceed(&manner, &project, locked, &prepared, &request).await,
        }
    })
    .await
}

/// Shows the plan and saves it.
async fn save(file: &Path, project: &Project, locked: &Locked, prepared: &Prepared, request: &Request) -> Outcome {
    let sessions = prepared.sessions(project);
    let plan = locked.renewed(async { Ok(make_plan(project, prepared, &sessions, request).await) }).await?;
    if plan.diagnostics.has_errors() {
        return Err(project.failure(plan.diagnostics));
    }
    print(|out| write!(out, "{}", render::plan::human(&plan, is_colourful())))?;
    warn(&plan.diagnostics, &project.config.sources);
    saved::write(file, &plan, &project.origin(prepared.desired.answers())?)?;
    print(|out| writeln!(out, "{}", saved::told(file)))?;
    Ok(Exit::Success)
}
