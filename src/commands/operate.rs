//! `portolan stop`, `portolan start` and `portolan restart`
//!
//! Each makes decisions, and a plan for them like any other: shown, approved and carried out in the
//! same way. The plan is about the services that were named, and what they depend on.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use portolan::compile::domain::orders::{Giver, Order, block_of, services, stop_of};
use portolan::compile::{Desired, InstanceId};
use portolan::observe::Selection;
use portolan::plan::{Mode, Request};
use portolan_lang::{Address, Diagnostic, Diagnostics, Sources};
use portolan_state::Decision;

use super::apply::{Manner, proceed};
use super::arguments::OperateArguments;
use super::planning::{Prepared, decide, make_plan, prepare, recovered};
use super::project::Project;
use super::record::{self, Locked};
use super::{Exit, Failure, Outcome, block_on, is_colourful, print, saved, warn};
use crate::{render, setup};

pub(crate) fn stop(arguments: &OperateArguments) -> Outcome {
    block_on(run(Order::Stop, "stop", arguments))
}

pub(crate) fn start(arguments: &OperateArguments) -> Outcome {
    block_on(run(Order::Start, "start", arguments))
}

pub(crate) fn restart(arguments: &OperateArguments) -> Outcome {
    block_on(run(Order::Restart, "restart", arguments))
}

async fn run(order: Order, command: &'static str, arguments: &OperateArguments) -> Outcome {
    let planning = arguments.planning();
    let manner = Manner { command, planning: &planning, applying: arguments.applying };
    let selection = Selection::parse(&arguments.addresses)
        .map_err(|diagnostics| Failure { diagnostics, sources: Sources::new() })?;
    let giver = giver(arguments)?;
    let project = Project::load(&planning.variables)?;
    let backend = setup::backend(&project.config.settings).map_err(|problem| project.failure(problem.into()))?;
    let patience = record::duration("--lock-timeout", &planning.lock_timeout)?;
    let wish = Wish { order, selection, giver, out: arguments.out.as_deref() };
    record::with_lock(&backend, command, patience, async |locked| under_lock(&wish, &manner, &project, locked).await)
        .await
}

/// What is ordered, of what, and by whom.
struct Wish<'a> {
    order: Order,
    selection: Selection,
    giver: Giver,
    /// Where the plan is saved, and not carried out.
    out: Option<&'a Path>,
}

fn giver(arguments: &OperateArguments) -> Result<Giver, Failure> {
    let why = arguments.reason.as_deref().map(str::trim).filter(|why| !why.is_empty());
    if why.is_some_and(|why| why.chars().any(char::is_control)) {
        let problem = Diagnostic::error("Invalid --reason option").detail("A reason is one line of text.");
        return Err(problem.into());
    }
    Ok(Giver { who: record::person(), why: why.map(str::to_owned), time: Timestamp::now().to_string() })
}

async fn under_lock(wish: &Wish<'_>, manner: &Manner<'_>, project: &Project, locked: &Locked) -> Outcome {
    let (prepared, request) = locked.renewed(ordered(wish, manner, project, locked)).await?;
    match wish.out {
        Some(file) => save(file, project, locked, &prepared, &request).await,
        None => proceed(manner, project, locked, &prepared, &request).await,
    }
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

/// The configuration compiled with the decisions that carry the order, and what to plan.
async fn ordered(
    wish: &Wish<'_>,
    manner: &Manner<'_>,
    project: &Project,
    locked: &Locked,
) -> Result<(Prepared, Request), Failure> {
    let Wish { order, selection, giver, .. } = wish;
    let parallelism = manner.planning.parallelism.max(1);
    let mut request = Request { mode: Mode::Normal, parallelism, ..Request::default() };
    let start = recovered(project, locked, &request).await?;
    let prepared = prepare(project, start, &request).await?;
    let ordered = Ordered::of(*order, selection, &prepared).map_err(|problems| project.failure(problems))?;
    warn(&ordered.warnings(*order, &prepared.desired), &project.config.sources);
    request.targets = ordered.services.iter().cloned().collect();
    let decisions = ordered.subjects.iter().map(|subject| order.decision(subject, giver)).collect();
    Ok((decide(project, prepared, decisions, &request).await?, request))
}

/// What an order is about.
struct Ordered {
    /// The services.
    services: BTreeSet<Address>,
    /// What decisions are made about.
    subjects: BTreeSet<Address>,
}

impl Ordered {
    fn of(order: Order, selection: &Selection, prepared: &Prepared) -> Result<Ordered, Diagnostics> {
        let all = services(&prepared.desired);
        let services: BTreeSet<Address> = selection.among(&all)?.into_iter().collect();
        let subjects = subjects(order, selection, &services, &prepared.snapshot.decisions);
        Ok(Ordered { services, subjects })
    }

    /// What depends on a service that is stopped and goes on, or is stopped and needed by one that
    /// is started.
    fn warnings(&self, order: Order, desired: &Desired) -> Diagnostics {
        if order == Order::Restart {
            return self.not_restarted(desired);
        }
        let dependants = if order == Order::Stop { dependants(&self.services, desired) } else { BTreeSet::new() };
        if dependants.is_empty() {
            return Diagnostics::new();
        }
        let names: Vec<String> = dependants.iter().map(ToString::to_string).collect();
        Diagnostic::warning("Something depends on what is stopped")
            .detail(format!("These stay as they are, and find nobody there: {}.", names.join(", ")))
            .into()
    }

    /// What has no copies that last.
    fn not_restarted(&self, desired: &Desired) -> Diagnostics {
        let groups = desired.groups.iter().filter(|group| self.services.contains(&group.address));
        let is_one = |member: &InstanceId| comes_to_an_end(&desired.instance(*member).address);
        let jobs = groups.filter(|group| group.members.iter().any(is_one));
        let names: Vec<String> = jobs.map(|group| group.address.to_string()).collect();
        if names.is_empty() {
            return Diagnostics::new();
        }
        Diagnostic::warning("Jobs are not restarted")
            .detail(format!("Their pods come to an end by themselves, and are left alone: {}.", names.join(", ")))
            .into()
    }
}

/// Whether an address is that of a workload whose pods come to an end by themselves.
fn comes_to_an_end(address: &Address) -> bool {
    let kind = address.part_name().and_then(|part| part.split_once('@'));
    kind.is_some_and(|(kind, _)| ["job", "cron_job"].contains(&kind))
}

/// What the decisions are about: a whole application where that was named, with those of its
/// services about which another decision is recorded; otherwise the services. Where it is so
/// already, nothing is decided.
fn subjects(
    order: Order,
    selection: &Selection,
    services: &BTreeSet<Address>,
    decisions: &[Decision],
) -> BTreeSet<Address> {
    let mut subjects = BTreeSet::new();
    let recorded = |subject: &Address| {
        decisions.iter().find(|decision| decision.subject == *subject && order.is_about_what(decision))
    };
    for service in services {
        let application = block_of(service);
        let is_whole = selection.contains(&application);
        let is_stopped = stop_of(decisions, service).is_some();
        let is_so = match order {
            Order::Stop => is_stopped,
            Order::Start => !is_stopped,
            Order::Restart => false,
        };
        if is_whole && order == Order::Restart {
            subjects.insert(application);
        } else if is_whole {
            // A decision of a service's own would count more.
            subjects.extend(recorded(service).filter(|own| !order.is_given_by(own)).map(|_| service.clone()));
            let shared = recorded(&application);
            let is_missing = match order {
                Order::Start => shared.is_some_and(|shared| !order.is_given_by(shared)),
                _ => !shared.is_some_and(|shared| order.is_given_by(shared)),
            };
            subjects.extend(is_missing.then_some(application));
        } else if !is_so {
            subjects.insert(service.clone());
        }
    }
    subjects
}

/// The groups that depend on these services and are not among them.
fn dependants(services: &BTreeSet<Address>, desired: &Desired) -> BTreeSet<Address> {
    let mut found = BTreeSet::new();
    let is_stopped = |group: &Address| services.contains(group);
    for group in desired.groups.iter().filter(|group| !is_stopped(&group.address)) {
        let direct = group.dependencies.iter().map(|other| &desired.group(*other).address);
        let of_members = group.members.iter().flat_map(|member| &desired.instance(*member).dependencies);
        let of_members = of_members.map(|other| &desired.group(desired.instance(*other).group).address);
        if direct.chain(of_members).any(is_stopped) {
            found.insert(group.address.clone());
        }
    }
    found
}
