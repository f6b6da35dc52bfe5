//! What holds of every plan.
//!
//! Tests check each plan that they make, and a plan is checked before it is applied: a plan
//! file may be damaged, and a mistake in the planner must not reach the world. [`violations`]
//! looks at the plan alone, [`wrong_outcome`] at what it leaves. Both are linear. In which order
//! operations may come is checked in tests.

mod outcome;
#[cfg(test)]
mod precedence;

pub use outcome::wrong_outcome;
#[cfg(test)]
pub(crate) use precedence::wrong_order;
#[cfg(test)]
mod tests;

use super::model::{Action, Change, OperationKind, Plan, Step};

/// What is wrong with a plan, in sentences; empty for a sound one.
pub fn violations(plan: &Plan) -> Vec<String> {
    let mut found = Vec::new();
    check_steps(plan, &mut found);
    check_operations(plan, &mut found);
    for change in &plan.changes {
        check_change(change, &mut found);
    }
    found
}

/// Every step waits for steps that are there, and all can be reached one after the other.
fn check_steps(plan: &Plan, found: &mut Vec<String>) {
    for (position, operation) in plan.operations.iter().enumerate() {
        for step in &operation.after {
            let is_there = match step {
                Step::Operation(earlier) => *earlier < position,
                Step::Join(join) => *join < plan.joins.len(),
            };
            if !is_there {
                found.push(format!("operation {position} waits for {step:?}, which does not come before it"));
            }
        }
    }
    for (position, join) in plan.joins.iter().enumerate() {
        for step in &join.after {
            let is_there = match step {
                Step::Operation(operation) => *operation < plan.operations.len(),
                Step::Join(earlier) => *earlier < position,
            };
            if !is_there {
                found.push(format!("join {position} waits for {step:?}, which does not come before it"));
            }
        }
    }
    if found.is_empty() {
        check_reach(plan, found);
    }
}

/// The last operation that a join waits for comes before every operation that waits for it.
fn check_reach(plan: &Plan, found: &mut Vec<String>) {
    let mut last: Vec<Option<usize>> = Vec::with_capacity(plan.joins.len());
    for join in &plan.joins {
        let reached = join.after.iter().filter_map(|step| match step {
            Step::Operation(operation) => Some(*operation),
            Step::Join(earlier) => last[*earlier],
        });
        last.push(reached.max());
    }
    for (position, operation) in plan.operations.iter().enumerate() {
        let late = operation.after.iter().filter_map(|step| match step {
            Step::Join(join) => last[*join],
            Step::Operation(_) => None,
        });
        if late.max().is_some_and(|late| late >= position) {
            found.push(format!("operation {position} waits for a join that is reached after it"));
        }
    }
}

/// Each change has exactly the operations that its action calls for, in the right order.
fn check_operations(plan: &Plan, found: &mut Vec<String>) {
    let mut of_change: Vec<Vec<OperationKind>> = vec![Vec::new(); plan.changes.len()];
    for (position, operation) in plan.operations.iter().enumerate() {
        match of_change.get_mut(operation.change) {
            Some(kinds) => kinds.push(operation.kind),
            None => found.push(format!("operation {position} belongs to no change")),
        }
    }
    for (change, kinds) in plan.changes.iter().zip(of_change) {
        let expected: &[OperationKind] = match change.action {
            Action::NoOp if kinds.is_empty() => &[],
            Action::NoOp => &[OperationKind::Await],
            Action::Create => &[OperationKind::Create],
            Action::Read => &[OperationKind::Read],
            Action::Update => &[OperationKind::Update],
            Action::DeleteThenCreate => &[OperationKind::Delete, OperationKind::Create],
            Action::CreateThenDelete => &[OperationKind::Create, OperationKind::Delete],
            Action::Delete => &[OperationKind::Delete],
            Action::Forget => &[OperationKind::Forget],
        };
        if kinds != expected {
            found.push(format!("{} is to {:?} but has the operations {kinds:?}", change.key.address, change.action));
        }
    }
}

/// What a change says agrees with its action.
fn check_change(change: &Change, found: &mut Vec<String>) {
    let address = &change.key.address;
    let mut expect = |holds: bool, what: &str| {
        if !holds {
            found.push(format!("{address} is to {:?} but {what}", change.action));
        }
    };
    let (has_before, has_after) = (change.before.is_some(), change.after.is_some());
    let (before, after) = match change.action {
        Action::NoOp | Action::Update | Action::DeleteThenCreate | Action::CreateThenDelete => (true, true),
        Action::Create | Action::Read => (false, true),
        Action::Delete | Action::Forget => (true, false),
    };
    expect(has_before == before, if before { "nothing is there before" } else { "something is there before" });
    expect(has_after == after, if after { "nothing is there after" } else { "something is there after" });
    expect(change.replace_paths.is_empty() || change.action.replaces(), "paths call for a replacement");
    expect(change.is_data || !before || change.identity.is_some(), "nothing finds the object");
    expect(change.action != Action::Read || change.is_data, "is no data source");
    let is_made = matches!(change.action, Action::Create | Action::Read | Action::Update) || change.action.replaces();
    expect(!is_made || change.instance.is_some(), "nothing declares it");
    expect(change.key.deposed.is_none() || !has_after, "an old object is to stay");
    expect(!change.is_withdrawal() || change.action == Action::Update, "is a withdrawal");
    if change.action == Action::NoOp {
        let known = change.after.as_ref().is_some_and(portolan_lang::Value::is_wholly_known);
        expect(known, "is not known");
    }
}
