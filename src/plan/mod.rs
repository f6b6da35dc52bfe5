//! From what ought to exist, what is recorded and what is really there to a [`Plan`].
//!
//! ```text
//! normal        targets → refresh → imports → instances → orphans → order → outputs
//! destroy       targets → refresh → records, all of them taken away → order
//! refresh_only  targets → refresh → outputs
//! ```
//!
//! Each step takes what the steps before it found and answers with what it found and what is
//! wrong; none of them changes the world. All problems are reported at once, and the plan of a
//! configuration with errors is as complete as it can be, for a person to read.

mod awaited;
pub mod check;
mod configurations;
mod elsewhere;
pub mod file;
mod ignore;
mod imports;
mod instances;
mod limits;
mod model;
mod order;
mod orphans;
mod outputs;
mod pending;
mod recorded_order;
pub(crate) mod records;
mod request;
mod targets;
mod text;

pub use configurations::Configurations;
pub use elsewhere::{Thing, thing};
pub(crate) use ignore::ignoring;
pub use model::*;
use portolan_lang::{Address, Diagnostic, Diagnostics, Value};
use portolan_state::{Resource, ResourceKey, Snapshot};
pub use request::{DEFAULT_PARALLELISM, DriftRules, Request};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;
pub use text::text;

use self::targets::ByAddress;
use crate::graph::Graph;
use crate::plan::records::{Record, Records};
use crate::refresh::{self, Live};
use crate::sessions::Sessions;

/// Plans what `request` asks for. `evaluation` knows nothing of any instance yet; afterwards it
/// knows what each instance is planned to be.
pub async fn plan<C: Configurations>(
    request: &Request,
    sessions: &Sessions<'_>,
    graph: &Graph,
    snapshot: &Snapshot,
    evaluation: &mut C,
) -> Plan {
    let mut plan = Plan {
        mode: request.mode,
        lineage: snapshot.lineage.clone(),
        serial: snapshot.serial,
        targets: request.targets.clone(),
        decided: snapshot.decisions.clone(),
        diagnostics: request.check(),
        ..Plan::default()
    };
    if plan.diagnostics.has_errors() {
        return plan;
    }
    let desired = sessions.desired();
    let by_address: ByAddress<'_> = desired.iter().map(|(id, instance)| (&instance.address, id)).collect();
    let (mut records, problems) = Records::new(snapshot, desired);
    plan.diagnostics.extend(problems);
    let mut selected = targets::select(request, desired, graph, &by_address, &mut records);
    if !request.placement.lost.is_empty() {
        plan.lost.clone_from(&desired.lost);
        plan.losses.clone_from(&desired.losses);
        plan.unread = targets::unread(desired);
    }
    targets::leave_lost(desired, &mut selected, &mut records);
    if request.refresh {
        plan.diagnostics.extend(refresh(sessions, &mut records).await);
    }
    plan.drift = drift(sessions, &records);
    let world =
        World { request, sessions, graph, snapshot, by_address: &by_address, records: &records, selected: &selected };
    match request.mode {
        Mode::Normal => normal(&mut plan, &world, evaluation).await,
        Mode::Destroy => destroy(&mut plan, &world).await,
        Mode::RefreshOnly => refresh_only(&mut plan, &world, evaluation),
    }
    plan
}

/// What was found by all modes alike.
struct World<'a> {
    request: &'a Request,
    sessions: &'a Sessions<'a>,
    graph: &'a Graph,
    snapshot: &'a Snapshot,
    by_address: &'a ByAddress<'a>,
    records: &'a Records<'a>,
    selected: &'a [bool],
}

impl World<'_> {
    /// What the selected instances belong to; nothing where everything is selected.
    fn selected_groups(&self) -> Option<FxHashSet<&Address>> {
        if self.request.targets.is_empty() {
            return None;
        }
        let desired = self.sessions.desired();
        let selected = desired.iter().filter(|(id, _)| self.selected[id.0 as usize]);
        Some(selected.map(|(_, instance)| &desired.group(instance.group).address).collect())
    }
}

/// Makes the world as it ought to be.
async fn normal<C: Configurations>(plan: &mut Plan, world: &World<'_>, evaluation: &mut C) {
    let World { request, sessions, graph, records, selected, by_address, .. } = *world;
    let (imported, problems) = imports::read(sessions, by_address, records, selected, request.parallelism).await;
    plan.diagnostics.extend(problems);
    let inputs = instances::Inputs { request, sessions, graph, records, imported, selected };
    let planned = instances::plan(inputs, evaluation).await;
    (plan.changes, plan.repairs) = (planned.changes, planned.repairs);
    plan.diagnostics.extend(planned.diagnostics);
    leave(plan, planned.left);
    let is_wanted = |record: &Record<'_>| record.key.deposed.is_none() && by_address.contains_key(&record.key.address);
    let (changes, problems) = orphans::plan(sessions.desired(), by_address, records, true, is_wanted);
    plan.changes.extend(changes);
    plan.diagnostics.extend(problems);
    plan.diagnostics.extend(limits::broken(sessions.desired(), world.snapshot, &plan.changes));
    put_in_order(plan, world).await;
    let (outputs, problems) = outputs::plan(world.snapshot, evaluation, !request.targets.is_empty());
    plan.outputs = outputs;
    plan.diagnostics.extend(problems);
    decide(plan, world);
}

/// Takes what is left as it is out of what was found changed outside.
fn leave(plan: &mut Plan, left: FxHashMap<Address, WhyLeft>) {
    if left.is_empty() {
        return;
    }
    let why = |drift: &Drift| left.get(&drift.key.address).copied().filter(|_| drift.key.deposed.is_none());
    let (kept, drift) = std::mem::take(&mut plan.drift).into_iter().partition(|drift| why(drift).is_some());
    plan.drift = drift;
    let kept: Vec<Drift> = kept;
    plan.left = kept.into_iter().filter_map(|drift| Some(Left { why: why(&drift)?, drift })).collect();
}

/// What is decided of what the plan is about.
fn decide(plan: &mut Plan, world: &World<'_>) {
    let desired = world.sessions.desired();
    let subjects = world.selected_groups();
    let is_meant = |subject: &Address| subjects.as_ref().is_none_or(|subjects| subjects.contains(subject));
    plan.decisions = desired.decisions.iter().filter(|decision| is_meant(&decision.subject)).cloned().collect();
    if subjects.is_none() {
        plan.withdrawn.clone_from(&desired.withdrawn);
    }
    plan.decisions.extend(world.sessions.found_systems());
}

/// Takes away everything that is recorded.
async fn destroy(plan: &mut Plan, world: &World<'_>) {
    let (changes, problems) =
        orphans::plan(world.sessions.desired(), world.by_address, world.records, false, |_| false);
    plan.changes = changes;
    plan.diagnostics.extend(problems);
    put_in_order(plan, world).await;
    if world.request.targets.is_empty() {
        plan.outputs = outputs::removed(world.snapshot).into_values().collect();
    }
}

/// Records what is really there.
fn refresh_only<C: Configurations>(plan: &mut Plan, world: &World<'_>, evaluation: &mut C) {
    let found = world.records.list.iter().filter(|record| record.key.deposed.is_none());
    for (record, value) in found.filter_map(|record| Some((record, record.live.value(record.resource)?))) {
        let instance = world.by_address.get(&record.key.address).copied();
        if let Some(id) = instance {
            evaluation.set(id, value.clone());
        }
        if record.selected {
            plan.changes.push(unchanged(record, value));
        }
    }
    let (outputs, problems) = outputs::plan(world.snapshot, evaluation, true);
    plan.outputs = outputs;
    plan.diagnostics.extend(problems);
}

fn unchanged(record: &Record<'_>, value: &Value) -> Change {
    Change {
        key: record.key.clone(),
        previous_address: record.previous_address(),
        instance: None,
        is_data: false,
        resource_type: record.resource.resource_type.clone(),
        provider: record.resource.provider.clone(),
        action: Action::NoOp,
        reason: None,
        identity: Some(record.resource.identity.clone()),
        before: Some(value.clone()),
        after: Some(value.clone()),
        replace_paths: Vec::new(),
        importing: None,
    }
}

async fn refresh(sessions: &Sessions<'_>, records: &mut Records<'_>) -> Diagnostics {
    let wanted: Vec<usize> = (0..records.list.len()).filter(|at| records.list[*at].selected).collect();
    let resources: Vec<&Resource> = wanted.iter().map(|at| records.list[*at].resource).collect();
    let (live, diagnostics) = refresh::read(sessions, &resources).await;
    wanted.into_iter().zip(live).for_each(|(at, live)| records.list[at].live = live);
    diagnostics
}

/// The attribute of a resource type that tells which fields belong to others.
fn ownership(sessions: &Sessions<'_>, resource_type: &str) -> Option<Arc<str>> {
    let (_, resource) = sessions.catalog().resource(resource_type)?;
    let telling = resource.schema.attributes.iter().find(|attribute| attribute.tells_owners)?;
    Some(telling.name.clone())
}

fn drift(sessions: &Sessions<'_>, records: &Records<'_>) -> Vec<Drift> {
    let changed = records.list.iter().filter(|record| record.live != Live::AsRecorded);
    changed
        .map(|record| Drift {
            key: record.key.clone(),
            previous_address: record.previous_address(),
            resource_type: record.resource.resource_type.clone(),
            provider: record.resource.provider.clone(),
            recorded: record.resource.value.clone(),
            live: record.live.value(record.resource).cloned(),
            ownership: ownership(sessions, &record.resource.resource_type),
        })
        .collect()
}

/// How many of the objects that are waited for are named.
const AWAITED_NAMED: usize = 4;

async fn put_in_order(plan: &mut Plan, world: &World<'_>) {
    let awaited = awaited::awaited(world.sessions, &plan.changes, world.graph).await;
    let made = awaited::made(world.sessions, &plan.changes).await;
    let waited_for = plan.changes.iter().zip(awaited.iter().zip(&made)).filter(|(_, (there, made))| **there || **made);
    let names: Vec<&Address> = waited_for.map(|(change, _)| &change.key.address).collect();
    plan.awaits = names.len();
    plan.awaited = names.into_iter().take(AWAITED_NAMED).cloned().collect();
    let recorded: Vec<&[Address]> =
        plan.changes.iter().map(|change| recorded_dependencies(world.snapshot, change)).collect();
    match order::steps(&mut plan.changes, &awaited, &recorded, world.graph) {
        Some(steps) => {
            plan.operations = steps.operations;
            plan.joins = steps.joins;
        }
        None => plan.diagnostics.push(
            Diagnostic::error("The operations cannot be ordered")
                .detail("The rules of ordering contradict each other for this configuration and this state.")
                .help("This is a mistake in the program, which should be reported."),
        ),
    }
}

fn recorded_dependencies<'a>(snapshot: &'a Snapshot, change: &Change) -> &'a [Address] {
    row(snapshot, change).map_or(&[], |row| &row.dependencies)
}

/// The row of the object that a change is about.
pub(crate) fn row<'a>(snapshot: &'a Snapshot, change: &Change) -> Option<&'a Resource> {
    let key = ResourceKey { address: change.recorded_address().clone(), deposed: change.key.deposed.clone() };
    snapshot.resource(&key)
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
