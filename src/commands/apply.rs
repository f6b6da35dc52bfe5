//! `portolan apply` and `portolan destroy`

use std::io::{BufRead, IsTerminal, Write};
use std::sync::Arc;

use portolan::apply::{self, Job, Report};
use portolan::compile::Evaluation;
use portolan::compile::domain::orders::is_of_people;
use portolan::observe::Selection;
use portolan::plan::{Mode, Plan, Request};
use portolan::sessions::Sessions;
use portolan_lang::{Diagnostic, Diagnostics, Sources};
use portolan_state::{Run, RunStatus};

use super::arguments::{ApplyArguments, ApplyingArguments, DestroyArguments, PlanningArguments, RebalanceArguments};
use super::planning::{Prepared, make_plan, prepare, prepare_saved, project, recovered, request};
use super::project::Project;
use super::record::{self, Locked};
use super::{Exit, Failure, Outcome, block_on, interrupts, is_colourful, saved, warn};
use crate::{render, setup};

/// How an apply was asked for.
pub(super) struct Manner<'a> {
    pub(super) command: &'static str,
    pub(super) planning: &'a PlanningArguments,
    pub(super) applying: ApplyingArguments,
}

pub(crate) fn run(arguments: &ApplyArguments) -> Outcome {
    let command = if arguments.destroy { "destroy" } else { "apply" };
    let manner = Manner { command, planning: &arguments.planning, applying: arguments.applying };
    match &arguments.plan {
        Some(file) => block_on(async { saved_plan(&manner, file).await }),
        None => block_on(fresh_plan(&manner, request(&arguments.planning, arguments.destroy)?)),
    }
}

pub(crate) fn destroy(arguments: &DestroyArguments) -> Outcome {
    let manner = Manner { command: "destroy", planning: &arguments.planning, applying: arguments.applying };
    block_on(fresh_plan(&manner, request(&arguments.planning, true)?))
}

pub(crate) fn rebalance(arguments: &RebalanceArguments) -> Outcome {
    let manner = Manner { command: "rebalance", planning: &arguments.planning, applying: arguments.applying };
    let problems = |diagnostics| Failure { diagnostics, sources: Sources::new() };
    let mut request = request(&arguments.planning, false)?;
    request.placement.anew = Some(Selection::parse(&arguments.services).map_err(problems)?);
    block_on(fresh_plan(&manner, request))
}

async fn fresh_plan(manner: &Manner<'_>, request: Request) -> Outcome {
    let project = project(manner.planning)?;
    let backend = setup::backend(&project.config.settings).map_err(|problem| project.failure(problem.into()))?;
    let patience = record::duration("--lock-timeout", &manner.planning.lock_timeout)?;
    record::with_lock(&backend, manner.command, patience, async |locked| {
        under_lock(manner, &project, locked, &request).await
    })
    .await
}

async fn under_lock(manner: &Manner<'_>, project: &Project, locked: &Locked, request: &Request) -> Outcome {
    let prepared = locked.renewed(async {
        let start = recovered(project, locked, request).await?;
        prepare(project, start, request).await
    });
    proceed(manner, project, locked, &prepared.await?, request).await
}

/// Plans, shows the plan, and carries it out once it is approved.
pub(super) async fn proceed(
    manner: &Manner<'_>,
    project: &Project,
    locked: &Locked,
    prepared: &Prepared,
    request: &Request,
) -> Outcome {
    let sessions = prepared.sessions(project);
    let plan = locked.renewed(async { Ok(make_plan(project, prepared, &sessions, request).await) }).await?;
    if plan.diagnostics.has_errors() {
        return Err(project.failure(plan.diagnostics));
    }
    if !manner.applying.json {
        let text = render::plan::human(&plan, is_colourful());
        std::io::stdout().write_all(text.as_bytes())?;
    }
    warn(&plan.diagnostics, &project.config.sources);
    let worth_it = plan.has_changes() || !plan.drift.is_empty();
    if worth_it && !manner.applying.auto_approve {
        locked.renewed(approve(manner)).await?;
    }
    carry_out(manner, project, locked, prepared, &sessions, &plan).await
}

async fn saved_plan(manner: &Manner<'_>, file: &std::path::Path) -> Outcome {
    let saved = saved::read(file)?;
    let project = saved.project()?;
    let backend = setup::backend(&project.config.settings).map_err(|problem| project.failure(problem.into()))?;
    let patience = record::duration("--lock-timeout", &manner.planning.lock_timeout)?;
    record::with_lock(&backend, manner.command, patience, async |locked| {
        let snapshot = record::load(&*locked.backend).await?;
        let plan = saved.plan(&project, &snapshot)?;
        let prepared = prepare_saved(&project, snapshot, saved.shown())?;
        let plan = plan.bind(&prepared.desired).map_err(|problem| project.failure(problem.into()))?;
        let sessions = prepared.sessions(&project);
        sessions.expect(&plan.decisions);
        carry_out(manner, &project, locked, &prepared, &sessions, &plan).await
    })
    .await
}

async fn approve(manner: &Manner<'_>) -> Result<(), Failure> {
    let refused = |detail: &str| Failure::from(Diagnostic::error("Not approved").detail(detail));
    if manner.applying.json || !std::io::stdin().is_terminal() {
        let help = match manner.command {
            "apply" | "destroy" | "rebalance" => {
                "Look at the plan first; then say --auto-approve, or save the plan with `portolan plan --out FILE` and apply that."
            }
            _ => "Look at the plan first; then say --auto-approve, or save the plan with --out FILE and apply that.",
        };
        return Err(refused("Nothing was changed: there is nobody to ask.").help(help));
    }
    let mut out = std::io::stdout();
    write!(out, "\nOnly \"yes\" is taken as approval. Do it? ")?;
    out.flush()?;
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    match answer.await {
        Ok(Ok(line)) if line.trim() == "yes" => Ok(()),
        _ => Err(refused("Nothing was changed.")),
    }
}

pub(super) async fn carry_out(
    manner: &Manner<'_>,
    project: &Project,
    locked: &Locked,
    prepared: &Prepared,
    sessions: &Sessions<'_>,
    plan: &Plan,
) -> Outcome {
    let mut evaluation = Evaluation::new(&prepared.desired).on(project.host_at_work());
    let run = Run {
        id: Arc::from(uuid::Uuid::new_v4().to_string()),
        command: manner.command.to_owned(),
        who: record::who(),
        started: String::new(),
        ended: None,
        status: RunStatus::Running,
        summary: render::plan::summary(plan),
    };
    let job = Job {
        plan,
        sessions,
        snapshot: &prepared.snapshot,
        backend: &*locked.backend,
        lease: &locked.lease,
        run,
        parallelism: manner.planning.parallelism.max(1),
    };
    let mut observer = render::progress::observer(plan, manner.applying.json);
    let mut stop = interrupts();
    let report = apply::apply(job, &mut evaluation, &mut *observer, &mut stop).await;
    drop(observer);
    conclude(manner, project, plan, report, &evaluation)
}

fn conclude(
    manner: &Manner<'_>,
    project: &Project,
    plan: &Plan,
    mut report: Report,
    evaluation: &Evaluation<'_>,
) -> Outcome {
    if report.succeeded() {
        report.diagnostics.extend(afterthoughts(manner, plan, evaluation));
    }
    let mut out = std::io::stdout().lock();
    if manner.applying.json {
        let outputs = if plan.mode == Mode::Destroy { Vec::new() } else { evaluation.recorded_outputs() };
        write!(out, "{}", render::progress::conclusion_json(plan, &report, &outputs, &project.config.sources))?;
    } else {
        write!(out, "{}", render::progress::conclusion(plan, &report))?;
        if report.succeeded() && plan.mode != Mode::Destroy {
            write!(out, "{}", render::plan::outputs(&evaluation.recorded_outputs()))?;
        }
    }
    out.flush()?;
    drop(out);
    if report.succeeded() {
        warn(&report.diagnostics, &project.config.sources);
        return Ok(Exit::Success);
    }
    let mut diagnostics = report.diagnostics;
    if !diagnostics.has_errors() {
        diagnostics.push(
            Diagnostic::error("Stopped before everything was done")
                .detail("The run was interrupted. What was begun and what was not stands above.")
                .help("Run it again: it goes on where this run ended."),
        );
    }
    Err(project.failure(diagnostics))
}

/// What is to be said of the whole after everything was done.
fn afterthoughts(manner: &Manner<'_>, plan: &Plan, evaluation: &Evaluation<'_>) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let is_about_all = plan.targets.is_empty()
        || matches!(manner.command, "stop" | "start" | "restart" | "route switch")
        || plan.decisions.iter().any(is_of_people);
    if !is_about_all {
        diagnostics.push(
            Diagnostic::warning("Applied changes may be incomplete")
                .detail("Only what was selected with --target was planned and done.")
                .help("Plan without --target to see whether anything is left."),
        );
    }
    if plan.mode == Mode::Normal {
        diagnostics.extend(evaluation.checks());
    }
    diagnostics
}
