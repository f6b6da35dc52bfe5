//! How much of what a system holds one plan may take away.

use portolan_lang::{Address, Diagnostic, Diagnostics};
use portolan_state::Snapshot;
use rustc_hash::FxHashMap;

use super::model::{Action, Change};
use super::row;
use crate::compile::{Connection, Desired};

/// The limits that the changes of a plan break. What is replaced does not count as deleted.
pub(super) fn broken(desired: &Desired, snapshot: &Snapshot, changes: &[Change]) -> Diagnostics {
    if desired.connections.iter().all(|connection| connection.limit.is_none()) {
        return Diagnostics::new();
    }
    let recorded = counted(snapshot.resources.iter().filter_map(|resource| resource.connection.as_ref()));
    let deleted = changes.iter().filter(|change| change.action == Action::Delete);
    let deleted = counted(deleted.filter_map(|change| row(snapshot, change)?.connection.as_ref()));
    let count = |counts: &FxHashMap<&Address, u64>, connection: &Connection| {
        counts.get(&connection.address).copied().unwrap_or_default()
    };
    let check =
        |connection: &Connection| problem(connection, count(&deleted, connection), count(&recorded, connection));
    let mut problems = Diagnostics::new();
    problems.extend(desired.connections.iter().filter_map(check));
    problems
}

fn counted<'a>(connections: impl Iterator<Item = &'a Address>) -> FxHashMap<&'a Address, u64> {
    let mut counts = FxHashMap::default();
    connections.for_each(|connection| *counts.entry(connection).or_default() += 1);
    counts
}

fn problem(connection: &Connection, deleted: u64, recorded: u64) -> Option<Diagnostic> {
    let limit = connection.limit.as_ref()?;
    if recorded < limit.few || deleted * 100 <= recorded * limit.percent {
        return None;
    }
    let detail = format!(
        "The plan would delete {deleted} of the {recorded} objects that are recorded of {}, which is more than {}%.",
        connection.address, limit.percent
    );
    Some(Diagnostic::error("More would be deleted than may be").detail(detail).at(limit.span).help(
        "Look at what the plan deletes. Where that is meant, raise \"max_delete\", or delete in parts with --target.",
    ))
}
