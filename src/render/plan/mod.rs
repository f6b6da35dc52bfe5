//! Plans for people, for review comments, and for programs.

mod difference;
mod human;
mod json;
mod loss;
mod markdown;
mod overview;
mod placement;

pub(crate) use human::{changed_outside, human};
pub(crate) use json::{Basis, json};
pub(crate) use markdown::markdown;
pub(crate) use placement::recorded;
use portolan::compile::OutputValue;
use portolan::plan::{Action, Plan};

use super::value;

/// What is said of a plan that was made offline.
const OFFLINE: &str = "It was made offline, from what is recorded: nothing was compared with what is really there.";

/// How many of each there are, in the words of the last line: `1 to add, 0 to change, …`.
pub(crate) fn summary(plan: &Plan) -> String {
    let counts = Counts::of(plan);
    let mut parts = Vec::new();
    if counts.import > 0 {
        parts.push(format!("{} to import", counts.import));
    }
    parts.extend([
        format!("{} to add", counts.add),
        format!("{} to change", counts.change),
        format!("{} to destroy", counts.remove),
    ]);
    if counts.forget > 0 {
        parts.push(format!("{} to forget", counts.forget));
    }
    parts.join(", ")
}

/// How many resources are changed in which way; a replacement counts twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) import: usize,
    pub(crate) add: usize,
    pub(crate) change: usize,
    pub(crate) remove: usize,
    pub(crate) forget: usize,
}

impl Counts {
    pub(crate) fn of(plan: &Plan) -> Counts {
        let mut counts = Counts::default();
        for change in &plan.changes {
            counts.import += usize::from(change.importing.is_some());
            match change.action {
                Action::Create => counts.add += 1,
                Action::Update => counts.change += 1,
                Action::Delete => counts.remove += 1,
                Action::Forget => counts.forget += 1,
                Action::DeleteThenCreate | Action::CreateThenDelete => {
                    counts.add += 1;
                    counts.remove += 1;
                }
                Action::NoOp | Action::Read => {}
            }
        }
        counts
    }
}

/// The outputs as they are recorded.
pub(crate) fn outputs(outputs: &[OutputValue]) -> String {
    if outputs.is_empty() {
        return String::new();
    }
    let lines = outputs.iter().map(|output| format!("{} = {}\n", output.name, value::hcl(&output.value, 0)));
    format!("\nOutputs:\n\n{}", lines.collect::<String>())
}
