//! What people and programs are told while a plan is carried out, and when that has ended.
//!
//! - on a terminal a bar, with what is being done ([`bar`]);
//! - elsewhere plain lines ([`lines`]);
//! - with `--json` Terraform's stream of JSON lines ([`json`]), each operation in it.
//!
//! For people, each operation has lines of its own in a plan of up to [`MOST_LISTED`]
//! operations; of larger plans they see numbers, and what failed. Nothing here stops an apply:
//! where nobody reads any more, nobody is told.

mod bar;
mod conclusion;
mod json;
mod lines;

use std::io;
use std::time::{Duration, Instant};

pub(crate) use conclusion::conclusion;
pub(crate) use json::{conclusion_json, line};
use portolan::apply::Observer;
use portolan::plan::{OperationKind, Plan};
use portolan_lang::Diagnostic;
use portolan_provider::Waiting;
use rustc_hash::FxHashMap;

use super::terminal;

/// Plans with more operations than this are told in numbers: nobody reads more lines, and
/// writing two for each operation would take longer than the work.
pub(super) const MOST_LISTED: usize = 1000;

/// Who tells what happens while this plan is carried out.
pub(crate) fn observer<'a>(plan: &'a Plan, json: bool) -> Box<dyn Observer + 'a> {
    if json {
        Box::new(json::Stream::new(plan, io::stdout()))
    } else if terminal::can_draw() {
        Box::new(bar::Bar::new(plan))
    } else {
        Box::new(lines::Lines::new(plan, io::stdout()))
    }
}

/// Since when each operation runs.
#[derive(Debug, Default)]
struct Timers {
    started: FxHashMap<usize, Instant>,
}

impl Timers {
    fn start(&mut self, operation: usize) {
        self.started.entry(operation).or_insert_with(Instant::now);
    }

    fn so_far(&self, operation: usize) -> Duration {
        self.started.get(&operation).map(Instant::elapsed).unwrap_or_default()
    }

    fn end(&mut self, operation: usize) -> Duration {
        self.started.remove(&operation).map(|started| started.elapsed()).unwrap_or_default()
    }
}

/// The address that an operation is about; with the id of an old object that was put aside.
fn name(plan: &Plan, operation: usize) -> String {
    let change = plan.operations.get(operation).and_then(|operation| plan.changes.get(operation.change));
    match change.map(|change| &change.key) {
        Some(key) => match &key.deposed {
            Some(deposed) => format!("{} (deposed {deposed})", key.address),
            None => key.address.to_string(),
        },
        None => "nothing".to_owned(),
    }
}

/// The words for what an operation does.
struct Words {
    infinitive: &'static str,
    doing: &'static str,
    done: &'static str,
}

fn words(plan: &Plan, operation: usize) -> Words {
    let (infinitive, doing, done) = match plan.operations.get(operation).map(|operation| operation.kind) {
        Some(OperationKind::Create) => ("create", "creating", "created"),
        Some(OperationKind::Update) => ("change", "changing", "changed"),
        Some(OperationKind::Delete) => ("delete", "deleting", "deleted"),
        Some(OperationKind::Forget) => ("forget", "forgetting", "forgotten"),
        Some(OperationKind::Read) | None => ("read", "reading", "read"),
        Some(OperationKind::Await) => ("wait for", "waiting until it is ready", "ready"),
    };
    Words { infinitive, doing, done }
}

/// What an object is waited for, in one line: `2 of 3 replicas are ready; pod a-1: no such image`.
fn waited_for(waiting: &Waiting) -> String {
    std::iter::once(&waiting.why).chain(&waiting.reasons).map(String::as_str).collect::<Vec<_>>().join("; ")
}

/// The summary of a problem, and the first line of what is said beside it.
fn in_short(problem: &Diagnostic) -> &str {
    problem.detail.lines().next().filter(|line| !line.is_empty()).unwrap_or(&problem.summary)
}

/// A duration for people: `0.1s`, `42.0s`, `1m20s`.
fn shown(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 { format!("{:.1}s", duration.as_secs_f64()) } else { format!("{}m{}s", seconds / 60, seconds % 60) }
}

#[cfg(test)]
mod tests;
