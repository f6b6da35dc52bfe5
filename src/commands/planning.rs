//! Making a plan: what `plan`, `apply` and `destroy` share.

use std::sync::Arc;

use jiff::Timestamp;
use portolan::compile::{Desired, Evaluation, UnknownRepetition};
use portolan::graph::Graph;
use portolan::plan::{self, Mode, Plan, Request};
use portolan::recover::recover;
use portolan::sessions::Sessions;
use portolan_lang::{Address, Diagnostic, Diagnostics};
use portolan_state::{Backend, Snapshot};

use super::Failure;
use super::arguments::PlanningArguments;
use super::project::Project;
use super::record::{self, Locked};

/// What the flags ask for.
pub(crate) fn request(arguments: &PlanningArguments, destroy: bool) -> Result<Request, Failure> {
    let mode = match (destroy, arguments.refresh_only) {
        (true, true) => {
            return Err(Diagnostic::error("Incompatible plan mode options")
                .detail("--destroy and --refresh-only ask for different plans.")
                .help("Use one of them.")
                .into());
        }
        (true, false) => Mode::Destroy,
        (false, true) => Mode::RefreshOnly,
        (false, false) => Mode::Normal,
    };
    Ok(Request {
        mode,
        targets: addresses("--target", &arguments.targets)?,
        replace: addresses("--replace", &arguments.replace)?,
        refresh: arguments.refresh,
        parallelism: arguments.parallelism.max(1),
    })
}

fn addresses(flag: &str, texts: &[String]) -> Result<Vec<Address>, Failure> {
    let mut diagnostics = Diagnostics::new();
    let parsed = texts.iter().filter_map(|text| {
        let parsed = text.parse::<Address>();
        diagnostics.keep(parsed.map_err(|error| {
            Diagnostic::error(format!("Invalid {flag} option"))
                .detail(format!("\"{text}\" is not an address: {error}."))
        }))
    });
    let parsed = parsed.collect();
    if diagnostics.has_errors() {
        return Err(Failure { diagnostics, sources: portolan_lang::Sources::new() });
    }
    Ok(parsed)
}

/// A configuration compiled on top of what is recorded.
pub(crate) struct Prepared {
    pub(crate) snapshot: Snapshot,
    pub(crate) desired: Desired,
    pub(crate) graph: Graph,
    /// Warnings.
    pub(crate) diagnostics: Diagnostics,
}

/// Compiles the configuration for what is recorded.
pub(crate) fn prepare(project: &Project, snapshot: Snapshot) -> Result<Prepared, Failure> {
    let (desired, diagnostics) = project.compile(snapshot.decisions.clone(), UnknownRepetition::Refuse);
    if diagnostics.has_errors() {
        return Err(project.failure(diagnostics));
    }
    let graph = Graph::new(&desired).map_err(|problem| project.failure(problem.into()))?;
    Ok(Prepared { snapshot, desired, graph, diagnostics })
}

/// What is recorded, after finding out what became of changes that a killed run left in the
/// middle.
pub(crate) async fn recovered(
    project: &Project,
    backend: &Arc<dyn Backend>,
    held: Option<&Locked>,
    patience: std::time::Duration,
) -> Result<Snapshot, Failure> {
    let snapshot = record::load(&**backend).await?;
    if snapshot.unfinished.is_empty() {
        return Ok(snapshot);
    }
    let prepared = prepare(project, snapshot)?;
    let sessions = Sessions::new(&project.catalog, &prepared.desired);
    let (edits, diagnostics) = recover(&sessions, &prepared.snapshot).await;
    match held {
        Some(locked) => locked.commit(prepared.snapshot.serial, &edits).await.map(|_| ())?,
        None => {
            let locked = record::lock(backend.clone(), "recovering", patience).await?;
            let committed = locked.commit(prepared.snapshot.serial, &edits).await;
            locked.release().await?;
            committed?;
        }
    }
    if diagnostics.has_errors() {
        return Err(project.failure(diagnostics));
    }
    Ok(record::load(&**backend).await?)
}

/// Plans. Problems are in the plan.
pub(crate) async fn make_plan(
    project: &Project,
    prepared: &Prepared,
    sessions: &Sessions<'_>,
    request: &Request,
) -> Plan {
    let mut evaluation = Evaluation::new(&prepared.desired);
    let mut plan = plan::plan(request, sessions, &prepared.graph, &prepared.snapshot, &mut evaluation).await;
    let now = Timestamp::now().to_string();
    for decision in &mut plan.decisions {
        decision.time.clone_from(&now);
    }
    if request.mode == Mode::Normal {
        plan.diagnostics.extend(evaluation.checks());
        plan.diagnostics.extend(evaluation.pending_checks());
        plan.checks = evaluation.checked();
    }
    plan.diagnostics.extend(prepared.diagnostics.iter().cloned());
    plan.diagnostics.extend(project.diagnostics.iter().cloned());
    plan
}
