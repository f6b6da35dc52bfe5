//! The text form of a plan: short, complete in what is done and in which order, for reading and
//! for tests. What people see is rendered elsewhere.
//!
//! ```text
//! drift object.a gone
//! move object.b from object.x
//! 0 create object.a
//! 1 update object.b after 0
//! 2 delete object.c (count index) after 1
//! output o changes
//! ```
//!
//! Joins are numbered `j0`, `j1`, … and stand at the end of the operations.

use std::fmt::Write;

use super::model::{DriftKind, OperationKind, Plan, Reason, Step};

/// The text form of a plan.
pub fn text(plan: &Plan) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_records(&mut text, plan)
        .and_then(|()| write_operations(&mut text, plan))
        .and_then(|()| write_outputs(&mut text, plan));
    text
}

fn write_records(text: &mut String, plan: &Plan) -> std::fmt::Result {
    for drift in &plan.drift {
        for kind in drift.kinds() {
            let how = match kind {
                DriftKind::Gone => "gone",
                DriftKind::Values => "changed",
                DriftKind::Ownership => "taken",
            };
            writeln!(text, "drift {} {how}", drift.key.address)?;
        }
    }
    for change in &plan.changes {
        if let Some(previous) = &change.previous_address {
            writeln!(text, "move {} from {previous}", change.key.address)?;
        }
        if let Some(id) = &change.importing {
            writeln!(text, "import {} from {id}", change.key.address)?;
        }
    }
    Ok(())
}

fn write_operations(text: &mut String, plan: &Plan) -> std::fmt::Result {
    for (position, operation) in plan.operations.iter().enumerate() {
        write!(text, "{position} {}", word(operation.kind))?;
        if let Some(change) = plan.changes.get(operation.change) {
            write!(text, " {}", change.key.address)?;
            if let Some(deposed) = &change.key.deposed {
                write!(text, " deposed {deposed}")?;
            }
            if let Some(reason) = change.reason {
                write!(text, " ({})", words(reason))?;
            }
        }
        write_after(text, &operation.after)?;
    }
    for (position, join) in plan.joins.iter().enumerate() {
        write!(text, "j{position}")?;
        write_after(text, &join.after)?;
    }
    Ok(())
}

fn write_after(text: &mut String, after: &[Step]) -> std::fmt::Result {
    for (position, step) in after.iter().enumerate() {
        text.push_str(if position == 0 { " after " } else { ", " });
        match step {
            Step::Operation(operation) => write!(text, "{operation}")?,
            Step::Join(join) => write!(text, "j{join}")?,
        }
    }
    writeln!(text)
}

fn write_outputs(text: &mut String, plan: &Plan) -> std::fmt::Result {
    for output in plan.outputs.iter().filter(|output| output.before != output.after) {
        let how = match (&output.before, &output.after) {
            (None, _) => "is new",
            (_, None) => "goes",
            _ => "changes",
        };
        writeln!(text, "output {} {how}", output.name)?;
    }
    Ok(())
}

fn word(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Create => "create",
        OperationKind::Update => "update",
        OperationKind::Delete => "delete",
        OperationKind::Forget => "forget",
        OperationKind::Read => "read",
        OperationKind::Await => "await",
    }
}

fn words(reason: Reason) -> &'static str {
    match reason {
        Reason::CannotUpdate => "cannot update",
        Reason::Tainted => "tainted",
        Reason::Requested => "requested",
        Reason::Triggered => "triggered",
        Reason::NoConfiguration => "no configuration",
        Reason::CountIndex => "count index",
        Reason::EachKey => "each key",
        Reason::WrongRepetition => "wrong repetition",
        Reason::NoModule => "no module",
        Reason::NoMoveTarget => "no move target",
        Reason::ConfigUnknown => "config unknown",
        Reason::DependencyPending => "dependency pending",
        Reason::CheckNested => "check nested",
        Reason::Withdrawal => "withdrawal",
    }
}
