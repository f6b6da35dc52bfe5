//! Whether a plan was made for this record.

use portolan_lang::Diagnostic;
use portolan_state::Snapshot;

use crate::marks::same;
use crate::plan::{Plan, row};

/// How many changed objects a message names.
const NAMED: usize = 10;

/// Why a plan cannot be applied to this record, with what changed since it was made.
pub fn problem(plan: &Plan, snapshot: &Snapshot) -> Option<Diagnostic> {
    if plan.lineage != snapshot.lineage {
        return Some(
            Diagnostic::error("The plan is for another state")
                .detail("The state that the plan was made from is not the one that is here.")
                .help("Plan again."),
        );
    }
    if plan.serial == snapshot.serial {
        return None;
    }
    let changed = changed(plan, snapshot);
    let more = changed.len().saturating_sub(NAMED);
    let mut lines: Vec<String> = changed.into_iter().take(NAMED).collect();
    if more > 0 {
        lines.push(format!("  - and {more} more"));
    }
    let what = match lines.is_empty() {
        true => "No object is recorded in another way, but something else was written.".to_owned(),
        false => format!("Since then:\n{}", lines.join("\n")),
    };
    Some(
        Diagnostic::error("The plan is stale")
            .detail(format!(
                "It was made from the state at serial {}, and the state is at serial {} by now. {what}",
                plan.serial.0, snapshot.serial.0
            ))
            .help("Plan again."),
    )
}

fn changed(plan: &Plan, snapshot: &Snapshot) -> Vec<String> {
    let mut lines = Vec::new();
    for change in plan.changes.iter().filter(|change| !change.is_data) {
        let address = change.recorded_address();
        let how = match (&change.before, row(snapshot, change)) {
            (Some(_), None) if change.importing.is_none() => "is not recorded any more",
            (None, Some(_)) => "is recorded by now",
            (Some(before), Some(row)) if !same(before, &row.value) => "is recorded in another way",
            _ => continue,
        };
        lines.push(format!("  - {address} {how}"));
    }
    lines
}
