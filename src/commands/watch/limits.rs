//! What is declared of the daemon, and what a plan is by that measure.

use portolan::compile::domain::autoscale::scale::is_scale;
use portolan::config::OnDrift;
use portolan::config::watch::Watch;
use portolan::plan::{Action, Change, Plan};
use portolan::watch::limits::Facts;
use portolan_state::Decision;

use super::Run;
use super::clusters::Moved;
use crate::commands::arguments::{Permission, WatchArguments};
use crate::commands::{Failure, record};

/// What is declared, with what the flags say in its place.
pub(super) fn declared(arguments: &WatchArguments, declared: &Watch) -> Result<Watch, Failure> {
    let mut declared = declared.clone();
    if let Some(text) = &arguments.interval {
        declared.interval = record::duration("--interval", text)?;
    }
    if let Some(text) = &arguments.debounce {
        declared.debounce = record::duration("--debounce", text)?;
    }
    declared.on_drift = arguments.on_drift.map_or(declared.on_drift, OnDrift::from);
    let limits = &mut declared.limits;
    limits.deletions |= arguments.allow.contains(&Permission::Deletions);
    limits.replacements |= arguments.allow.contains(&Permission::Replacements);
    limits.clusters_lost = arguments.max_lost.unwrap_or(limits.clusters_lost);
    Ok(declared)
}

/// What a plan would do.
pub(super) fn facts(plan: &Plan, run: &Run<'_>, moved: &Moved<'_>, is_failover: bool) -> Facts {
    let address = |change: &Change| change.key.address.clone();
    let changes = || plan.changes.iter().filter(|change| !matches!(change.action, Action::NoOp | Action::Read));
    let is_deleted = |change: &&Change| change.action == Action::Delete && !moved.contains(change);
    Facts {
        deleted: changes().filter(is_deleted).map(address).collect(),
        replaced: changes().filter(|change| change.action.replaces()).map(address).collect(),
        changed: changes().count() as u64,
        recorded: run.prepared.snapshot.resources.len() as u64,
        is_repair: is_repair(plan),
        is_scaling: is_scaling(plan, run.decided),
        is_failover,
    }
}

/// Whether a plan follows the load of services, puts right what was changed outside, and does nothing else.
fn is_scaling(plan: &Plan, decided: &[Decision]) -> bool {
    let scaled: Vec<&Decision> = decided.iter().filter(|decision| is_scale(decision)).collect();
    let is_of = |change: &Change| scaled.iter().any(|decision| decision.subject.contains(&change.key.address));
    let mut changes = plan.changes.iter().filter(|change| change.action != Action::NoOp);
    !scaled.is_empty() && changes.all(|change| plan.is_repair(change) || is_of(change))
}

/// Whether a plan puts right what was changed outside, and does nothing else.
fn is_repair(plan: &Plan) -> bool {
    let is_else = |change: &Change| {
        let is_moved = change.previous_address.is_some() || change.importing.is_some();
        is_moved || (change.action != Action::NoOp && !plan.is_repair(change))
    };
    let decides = !plan.decisions.is_empty() || !plan.withdrawn.is_empty();
    !decides && !plan.changes.iter().any(is_else)
}
