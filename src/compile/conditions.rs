//! Things that must hold: validations, preconditions, postconditions, assertions.

use portolan_lang::convert::convert;
use portolan_lang::eval::{Scope, evaluate};
use portolan_lang::{Data, Diagnostic, Diagnostics, Severity, Span, Type, Value};

use crate::config::Condition;

/// How the failure of a condition is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wording {
    /// The summary where the condition does not hold.
    pub(super) summary: &'static str,
    /// Whether that stops the run.
    pub(super) severity: Severity,
    /// What is to blame; the condition itself where nothing is said.
    pub(super) blamed: Option<Span>,
}

impl Wording {
    const fn error(summary: &'static str) -> Wording {
        Wording { summary, severity: Severity::Error, blamed: None }
    }
}

pub(super) const VARIABLE: Wording = Wording::error("Invalid value for variable");
pub(super) const OUTPUT: Wording = Wording::error("Module output value precondition failed");
pub(super) const BEFORE: Wording = Wording::error("Resource precondition failed");
pub(super) const AFTER: Wording = Wording::error("Resource postcondition failed");
pub(super) const CHECK: Wording =
    Wording { severity: Severity::Warning, ..Wording::error("Check block assertion failed") };

/// How a condition was judged.
pub(super) enum Verdict {
    /// It holds.
    Holds,
    /// What it depends on is not known yet.
    Unknown,
    /// It does not hold; with what its author says of that.
    Fails(String),
    /// It cannot be judged, because it is wrong itself.
    Wrong,
}

/// Judges a condition in a scope.
pub(super) fn judge(condition: &Condition, scope: &dyn Scope) -> (Verdict, Diagnostics) {
    let (value, mut problems) = evaluate(&condition.condition, scope);
    if problems.has_errors() {
        return (Verdict::Wrong, problems);
    }
    let mut invalid = |detail: &str| {
        let problem = Diagnostic::error("Invalid condition result").detail(detail);
        problems.push(problem.at(condition.condition.span));
        Verdict::Wrong
    };
    let verdict = match convert(&value, &Type::Bool).map(Value::into_data) {
        Ok(Data::Bool(true)) => Verdict::Holds,
        Ok(Data::Unknown(_)) => Verdict::Unknown,
        Ok(Data::Bool(false)) => {
            let (message, more) = message(condition, scope);
            problems.extend(more);
            Verdict::Fails(message)
        }
        Ok(_) => invalid("The condition is null; it must be true or false."),
        Err(_) => invalid("The condition must be true or false."),
    };
    (verdict, problems)
}

/// Warns of assertions that cannot be judged yet.
pub(super) fn pending(conditions: &[Condition], scope: &dyn Scope) -> Diagnostics {
    let unknown = conditions.iter().filter(|condition| matches!(judge(condition, scope).0, Verdict::Unknown));
    let warnings = unknown.map(|condition| {
        Diagnostic::warning("Check block assertion known after apply")
            .detail("The condition depends on what is not known yet. It is judged when the plan is applied.")
            .at(condition.condition.span)
    });
    let mut problems = Diagnostics::new();
    problems.extend(warnings);
    problems
}

/// Checks conditions in a scope. One that is not known yet is no problem.
pub(super) fn check(conditions: &[Condition], scope: &dyn Scope, wording: Wording) -> Diagnostics {
    let mut problems = Diagnostics::new();
    for condition in conditions {
        let (verdict, more) = judge(condition, scope);
        problems.extend(more);
        if let Verdict::Fails(message) = verdict {
            problems.push(failure(condition, message, wording));
        }
    }
    problems
}

fn failure(condition: &Condition, message: String, wording: Wording) -> Diagnostic {
    let failed = Diagnostic { severity: wording.severity, ..Diagnostic::error(wording.summary) };
    let blamed = match wording.blamed {
        Some(blamed) => failed.label(blamed, "its value is refused"),
        None => failed,
    };
    blamed.detail(message).label(condition.condition.span, "this does not hold")
}

/// The author's message; a sensitive or unknown one cannot be shown.
fn message(condition: &Condition, scope: &dyn Scope) -> (String, Diagnostics) {
    let (value, problems) = evaluate(&condition.error_message, scope);
    let text = convert(&value, &Type::String).ok();
    let shown = match text.as_ref().map(|text| (text.is_sensitive(), text.as_str())) {
        Some((true, _)) => "The error message refers to sensitive values, so it is not shown.".to_owned(),
        Some((false, Some(text))) => text.trim().to_owned(),
        _ => "The error message cannot be shown, because it is not known yet.".to_owned(),
    };
    (shown, problems)
}
