//! What was done, and what was not, for people.

use std::fmt::Write as _;

use portolan::apply::{Outcome, Report};
use portolan::plan::{Mode, OperationKind, Plan};

use super::{name, words};

/// How many operations of each outcome are named: the plan that is made next shows all of them.
const NAMED: usize = 100;

/// How many objects were dealt with in which way; a replacement counts twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) imported: usize,
    pub(super) added: usize,
    pub(super) changed: usize,
    pub(super) destroyed: usize,
    pub(super) forgotten: usize,
}

impl Done {
    pub(super) fn of(plan: &Plan, report: &Report) -> Done {
        let imports = plan.changes.iter().filter(|change| change.importing.is_some()).count();
        Done {
            imported: if report.succeeded() { imports } else { 0 },
            added: report.done(plan, OperationKind::Create),
            changed: report.done(plan, OperationKind::Update),
            destroyed: report.done(plan, OperationKind::Delete),
            forgotten: report.done(plan, OperationKind::Forget),
        }
    }

    /// `1 added, 2 changed, 0 destroyed`
    pub(super) fn words(self) -> String {
        let mut parts = Vec::new();
        if self.imported > 0 {
            parts.push(format!("{} imported", self.imported));
        }
        parts.push(format!("{} added", self.added));
        parts.push(format!("{} changed", self.changed));
        parts.push(format!("{} destroyed", self.destroyed));
        if self.forgotten > 0 {
            parts.push(format!("{} forgotten", self.forgotten));
        }
        parts.join(", ")
    }
}

/// The last lines: what was done or, where that is not everything, what became of the rest.
pub(crate) fn conclusion(plan: &Plan, report: &Report) -> String {
    let done = Done::of(plan, report).words();
    if report.succeeded() {
        return match plan.mode {
            Mode::Normal => format!("\nApply complete: {done}.\n"),
            Mode::Destroy => format!("\nDestroy complete: {done}.\n"),
            Mode::RefreshOnly => format!("\nRefresh complete: {} changed outside was recorded.\n", plan.drift.len()),
        };
    }
    if report.outcomes.iter().all(|outcome| *outcome == Outcome::NotStarted) {
        return "\nNothing was changed.\n".to_owned();
    }
    let is_done = report.outcomes.iter().all(|outcome| matches!(outcome, Outcome::Done | Outcome::NotReady));
    let begin = match (report.was_interrupted, is_done) {
        (true, _) => "Stopped before the end",
        (false, true) => "Not everything is ready",
        (false, false) => "Not everything was done",
    };
    let mut text = format!("\n{begin}: {done}.\n");
    list(&mut text, plan, report, Outcome::Failed, "Failed");
    list(&mut text, plan, report, Outcome::NotReady, "Not ready, or not seen ready");
    list(&mut text, plan, report, Outcome::WentBack, "Made again what it was, because it did not become ready");
    list(
        &mut text,
        plan,
        report,
        Outcome::Unknown,
        "Begun, and what became of it is not known; the next run finds out",
    );
    list(&mut text, plan, report, Outcome::NotStarted, "Not begun");
    text
}

/// The operations with an outcome, by their addresses.
fn list(text: &mut String, plan: &Plan, report: &Report, wanted: Outcome, title: &str) {
    let found = || report.outcomes.iter().enumerate().filter(|(_, outcome)| **outcome == wanted).map(|(at, _)| at);
    let count = found().count();
    if count == 0 {
        return;
    }
    // Writing to a string does not fail.
    let _ = writeln!(text, "\n{title} ({count}):");
    for operation in found().take(NAMED) {
        let name = name(plan, operation);
        let _ = match wanted {
            Outcome::NotReady | Outcome::WentBack => writeln!(text, "  {name}"),
            _ => writeln!(text, "  {} {name}", words(plan, operation).infinitive),
        };
    }
    if count > NAMED {
        let _ = writeln!(text, "  and {} more, which the next plan shows", count - NAMED);
    }
}
