//! Making a plan: what `plan`, `apply` and `destroy` share.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use portolan::compile::domain::orders::is_of_people;
use portolan::compile::domain::placement::REPLICAS;
use portolan::compile::{DataAnswers, Desired, Evaluation, Inputs, PlacementRequest};
use portolan::graph::Graph;
use portolan::observe::Selection;
use portolan::plan::{self, DriftRules, Mode, Plan, Request};
use portolan::recover::recover;
use portolan::sessions::{LivingSessions, OpenSessions, Sessions};
use portolan::shape;
use portolan_lang::{Address, Diagnostic, Diagnostics};
use portolan_state::{Backend, Decision, Snapshot};

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
        system: None,
        replace: addresses("--replace", &arguments.replace)?,
        placement: PlacementRequest::default(),
        refresh: arguments.refresh,
        drift: DriftRules::Repair,
        parallelism: arguments.parallelism.max(1),
    })
}

/// The configuration that a plan is to be made of.
pub(crate) fn project(arguments: &PlanningArguments) -> Result<Project, Failure> {
    let mut project = Project::load(&arguments.variables)?;
    if !arguments.targets.is_empty() {
        project.diagnostics.push(
            Diagnostic::warning("Resource targeting is in effect")
                .detail("The plan is for the given targets and what they depend on; other changes that the configuration asks for are left out.")
                .help("Targets are for exceptional situations. Plan without them afterwards."),
        );
    }
    Ok(project)
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

/// What a run starts from: what is recorded, and what was read and opened so far.
pub(crate) struct Start {
    snapshot: Snapshot,
    /// What is decided beside: recorded when the plan is applied.
    decided: Vec<Decision>,
    data: Arc<DataAnswers>,
    opened: OpenSessions,
}

impl Start {
    /// What a run starts from that has read and opened nothing yet.
    pub(crate) fn of(snapshot: Snapshot) -> Start {
        let opened = OpenSessions::of(&snapshot);
        Start { snapshot, decided: Vec::new(), data: Arc::default(), opened }
    }

    /// What a run starts from with sessions that outlive it.
    pub(crate) fn living(snapshot: Snapshot, sessions: &LivingSessions) -> Start {
        let opened = OpenSessions::living(&snapshot, sessions);
        Start { snapshot, decided: Vec::new(), data: Arc::default(), opened }
    }

    /// The same with decisions that a person has made: they are recorded when the plan is applied.
    pub(crate) fn deciding(self, decided: Vec<Decision>) -> Start {
        Start { decided, ..self }
    }
}

/// A configuration compiled on top of what is recorded.
pub(crate) struct Prepared {
    pub(crate) snapshot: Snapshot,
    pub(crate) desired: Desired,
    pub(crate) graph: Graph,
    /// Warnings.
    pub(crate) diagnostics: Diagnostics,
    opened: OpenSessions,
}

impl Prepared {
    fn new(
        project: &Project,
        snapshot: Snapshot,
        opened: OpenSessions,
        (desired, diagnostics): (Desired, Diagnostics),
    ) -> Result<Prepared, Failure> {
        if diagnostics.has_errors() {
            return Err(project.failure(diagnostics));
        }
        let graph = Graph::new(&desired).map_err(|problem| project.failure(problem.into()))?;
        Ok(Prepared { snapshot, desired, graph, diagnostics, opened })
    }

    /// The sessions of the run, with those that are open by now.
    pub(crate) fn sessions<'a>(&'a self, project: &'a Project) -> Sessions<'a> {
        Sessions::new(&project.catalog, &self.desired).sharing(&self.opened)
    }
}

/// Compiles the configuration for what is recorded, and reads what that takes unless the request
/// says to read nothing.
pub(crate) async fn prepare(project: &Project, start: Start, request: &Request) -> Result<Prepared, Failure> {
    let Start { snapshot, decided, data, opened } = start;
    if let Some(anew) = &request.placement.anew {
        let placed = snapshot.decisions.iter().filter(|decision| &*decision.kind == REPLICAS);
        let problems = anew.missing(placed.map(|decision| &decision.subject));
        if problems.has_errors() {
            return Err(project.failure(problems));
        }
    }
    let placement = PlacementRequest { unmeasured: !request.refresh, ..request.placement.clone() };
    let inputs = Inputs { data, placement, ..project.inputs(with_decisions(&snapshot, decided.clone())) };
    let compiled = match request.refresh {
        true => shape::settle(inputs, &opened, request.parallelism).await,
        false => shape::settle_unread(inputs),
    };
    let mut prepared = Prepared::new(project, snapshot, opened, compiled)?;
    let withdrawn = &prepared.desired.withdrawn;
    let is_withdrawn =
        |made: &Decision| withdrawn.iter().any(|(subject, kind)| *subject == made.subject && *kind == made.kind);
    let decided: Vec<Decision> = decided.into_iter().filter(|made| !is_withdrawn(made)).collect();
    prepared.desired.decisions.extend(decided);
    Ok(prepared)
}

/// The same once more, with decisions that a person has made: they are recorded when the plan is
/// applied.
pub(crate) async fn decide(
    project: &Project,
    prepared: Prepared,
    decisions: Vec<Decision>,
    request: &Request,
) -> Result<Prepared, Failure> {
    let Prepared { snapshot, desired, opened, .. } = prepared;
    prepare(project, Start { snapshot, decided: decisions, data: desired.answers(), opened }, request).await
}

/// What is recorded, with these decisions in the place of others about the same.
fn with_decisions(snapshot: &Snapshot, decisions: Vec<Decision>) -> Vec<Decision> {
    let is_replaced = |old: &Decision| decisions.iter().any(|new| new.subject == old.subject && new.kind == old.kind);
    let kept: Vec<Decision> = snapshot.decisions.iter().filter(|old| !is_replaced(old)).cloned().collect();
    kept.into_iter().chain(decisions).collect()
}

/// Compiles the configuration of a saved plan, in which everything is that was read for it, with
/// what people have ordered by it.
pub(crate) fn prepare_saved(project: &Project, snapshot: Snapshot, plan: &Plan) -> Result<Prepared, Failure> {
    let orders = plan.decisions.iter().filter(|decision| is_of_people(decision)).cloned();
    let inputs = project.inputs(with_decisions(&snapshot, orders.collect()));
    // Where the plan read nothing, what it took from the record is there still.
    let placement = PlacementRequest { unmeasured: inputs.data.is_empty(), ..PlacementRequest::default() };
    let compiled = shape::settle_unread(Inputs { placement, ..inputs });
    let opened = OpenSessions::of(&snapshot);
    Prepared::new(project, snapshot, opened, compiled)
}

/// What is recorded, for a run that does not hold the lock. It takes it for a moment where changes
/// are in the middle: another run is making them, or was killed.
pub(crate) async fn started(
    project: &Project,
    backend: &Arc<dyn Backend>,
    patience: Duration,
    request: &Request,
) -> Result<Start, Failure> {
    let snapshot = record::load(&**backend).await?;
    // A plan that only shows what a loss would mean changes nothing, and asks the lost ones nothing.
    if snapshot.unfinished.is_empty() || !request.placement.lost.is_empty() {
        return Ok(Start::of(snapshot));
    }
    record::with_lock(backend, "recovering", patience, async |locked| {
        locked.renewed(recovered(project, locked, request)).await
    })
    .await
}

/// What is recorded, after finding out what became of changes that a killed run left in the
/// middle.
pub(crate) async fn recovered(project: &Project, locked: &Locked, request: &Request) -> Result<Start, Failure> {
    resumed(project, locked, Start::of(record::load(&*locked.backend).await?), request).await
}

/// The same from what a run starts from, with what is decided beside.
pub(crate) async fn resumed(
    project: &Project,
    locked: &Locked,
    start: Start,
    request: &Request,
) -> Result<Start, Failure> {
    if start.snapshot.unfinished.is_empty() {
        return Ok(start);
    }
    let decided = start.decided.clone();
    let prepared = prepare(project, start, request).await?;
    let sessions = prepared.sessions(project);
    let (edits, diagnostics) = recover(&sessions, &prepared.snapshot).await;
    locked.commit(prepared.snapshot.serial, &edits).await?;
    if diagnostics.has_errors() {
        return Err(project.failure(diagnostics));
    }
    let (data, opened) = (prepared.desired.answers(), prepared.opened.clone());
    Ok(Start { snapshot: record::load(&*locked.backend).await?, decided, data, opened })
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
        let is_asked_for = |anew: &Selection| &*decision.kind == REPLICAS && anew.contains(&decision.subject);
        if request.placement.anew.as_ref().is_some_and(is_asked_for) {
            decision.reason = format!("{}; asked for by {}", decision.reason, record::user());
        }
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
