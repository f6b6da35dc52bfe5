//! What is said when applying goes wrong.

use std::sync::Arc;

use portolan_lang::{Address, AttributePath, Diagnostic};
use portolan_provider::{Error, ErrorKind};
use portolan_state as state;

use super::Job;
use crate::plan::{Change, Configurations, OperationKind};
use crate::sessions::{diagnostic_of, listed};

/// A provider refused an operation; told at the attribute that it is about.
pub(super) fn cannot_do(
    job: &Job<'_>,
    operation: usize,
    error: &Error,
    evaluation: &impl Configurations,
) -> Diagnostic {
    let change = job.plan.change_of(operation);
    let doing = match job.plan.operations[operation].kind {
        OperationKind::Create => "create",
        OperationKind::Update => "change",
        OperationKind::Delete => "delete",
        OperationKind::Forget => "forget",
        OperationKind::Read => "read",
        OperationKind::Await => "wait for",
    };
    let address = &change.key.address;
    let mut diagnostic = diagnostic_of(&format!("Cannot {doing} {address}"), error).of(address);
    if error.kind == ErrorKind::Conflict && error.help.is_none() {
        diagnostic = diagnostic.help("Somebody else changed it meanwhile. Plan again.");
    }
    match change.instance {
        Some(id) => diagnostic.at(evaluation.place(id, &error.path.clone().unwrap_or_default())),
        None => diagnostic,
    }
}

/// An object that is there did not become ready.
pub(super) fn not_ready(job: &Job<'_>, operation: usize, error: &Error) -> Diagnostic {
    let change = job.plan.change_of(operation);
    let address = &change.key.address;
    let diagnostic = diagnostic_of(&format!("{address} is not ready"), error).of(address);
    match change.instance {
        Some(id) => diagnostic.at(job.sessions.desired().instance(id).span),
        None => diagnostic,
    }
}

/// An object is not what was planned, or is not wholly known.
pub(super) fn not_as_planned(change: &Change, departures: &[AttributePath]) -> Diagnostic {
    Diagnostic::error("Provider produced inconsistent result after apply")
        .detail(format!(
            "The provider {:?} made something else of {} than was planned, at: {}.",
            change.provider,
            change.key.address,
            listed(departures)
        ))
        .help("The object is recorded as it is. This is a mistake in the provider, which should be reported.")
        .of(&change.key.address)
}

/// A plan contradicts itself or what it is to be carried out on.
pub(super) fn unsound(wrong: &[String]) -> Diagnostic {
    Diagnostic::error("The plan is not sound")
        .detail(wrong.join("\n"))
        .help("The plan's file is damaged, or the planner made a mistake. Plan again.")
}

/// An operation does not say what it takes to carry it out.
pub(super) fn incomplete(job: &Job<'_>, operation: usize) -> Diagnostic {
    let operations = job.plan.operations.len();
    unsound(&[format!("operation {operation} of {operations} lacks what it is about")])
}

/// Objects that were made and cannot be recorded, where nothing else tells what finds them.
pub(super) fn unrecorded(objects: &[(Address, Arc<str>)]) -> Option<Diagnostic> {
    if objects.is_empty() {
        return None;
    }
    let listed: Vec<String> = objects.iter().map(|(address, id)| format!("  - {address}, id {id:?}")).collect();
    Some(
        Diagnostic::error("Objects were made that are not recorded")
            .detail(format!("The next run may not find these by itself:\n{}", listed.join("\n")))
            .help("Once the state can be written, take them over with import blocks, or delete them."),
    )
}

/// The backend refused what was to be recorded.
pub(super) fn cannot_write(error: &state::Error) -> Diagnostic {
    Diagnostic::error("The state cannot be written")
        .detail(error.to_string())
        .help("Nothing more was begun. The next run finds out what became of what was under way.")
}
