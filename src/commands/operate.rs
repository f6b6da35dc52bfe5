//! `portolan stop`, `portolan start` and `portolan restart`
//!
//! Each makes decisions, and a plan for them like any other: shown, approved and carried out in the
//! same way. The plan is about the services that were named, and what they depend on.

use std::collections::BTreeSet;

use portolan::compile::domain::orders::{Giver, Order, block_of, services, stop_of};
use portolan::compile::{Desired, InstanceId};
use portolan::observe::Selection;
use portolan::plan::Request;
use portolan_lang::{Address, Diagnostic, Diagnostics, Sources};
use portolan_state::Decision;

use super::arguments::OperateArguments;
use super::ordering::{carry_out, giver};
use super::planning::{Prepared, decide, prepare, recovered};
use super::project::Project;
use super::record::Locked;
use super::{Failure, Outcome, block_on, warn};

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
    let selection = Selection::parse(&arguments.addresses)
        .map_err(|diagnostics| Failure { diagnostics, sources: Sources::new() })?;
    let wish = Wish { order, selection, giver: giver(&arguments.order)? };
    carry_out(command, &arguments.order, async |project, locked, request| {
        ordered(&wish, project, locked, request).await
    })
    .await
}

/// What is ordered, of what, and by whom.
struct Wish {
    order: Order,
    selection: Selection,
    giver: Giver,
}

/// The configuration compiled with the decisions that carry the order, and what to plan.
async fn ordered(
    wish: &Wish,
    project: &Project,
    locked: &Locked,
    mut request: Request,
) -> Result<(Prepared, Request), Failure> {
    let Wish { order, selection, giver } = wish;
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
