//! Things that must hold: validations, preconditions, postconditions, assertions.

use portolan_lang::convert::convert;
use portolan_lang::eval::{Scope, evaluate};
use portolan_lang::{Data, Diagnostic, Diagnostics, Severity, Type, Value};

use crate::config::Condition;

/// How the failure of a condition is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wording {
    /// The summary where the condition does not hold.
    pub(super) summary: &'static str,
    /// Whether that stops the run.
    pub(super) severity: Severity,
}

pub(super) const VARIABLE: Wording = Wording { summary: "Invalid value for variable", severity: Severity::Error };
pub(super) const OUTPUT: Wording =
    Wording { summary: "Module output value precondition failed", severity: Severity::Error };
pub(super) const BEFORE: Wording = Wording { summary: "Resource precondition failed", severity: Severity::Error };
pub(super) const AFTER: Wording = Wording { summary: "Resource postcondition failed", severity: Severity::Error };
pub(super) const CHECK: Wording = Wording { summary: "Check block assertion failed", severity: Severity::Warning };

/// Checks conditions in a scope. One that is not known yet is no problem.
pub(super) fn check(conditions: &[Condition], scope: &dyn Scope, wording: Wording) -> Diagnostics {
    let mut problems = Diagnostics::new();
    for condition in conditions {
        problems.extend(check_one(condition, scope, wording));
    }
    problems
}

fn check_one(condition: &Condition, scope: &dyn Scope, wording: Wording) -> Diagnostics {
    let span = condition.condition.span;
    let (value, mut problems) = evaluate(&condition.condition, scope);
    if problems.has_errors() {
        return with_severity(problems, wording.severity);
    }
    let invalid = |detail: &str| Diagnostic::error("Invalid condition result").detail(detail).at(span);
    match convert(&value, &Type::Bool).map(Value::into_data) {
        Ok(Data::Bool(true) | Data::Unknown(_)) => {}
        Ok(Data::Bool(false)) => {
            let (message, more) = message(condition, scope);
            problems.extend(more);
            let failed = Diagnostic { severity: wording.severity, ..Diagnostic::error(wording.summary) };
            problems.push(failed.detail(message).label(span, "this does not hold"));
        }
        Ok(_) => problems.push(invalid("The condition is null; it must be true or false.")),
        Err(_) => problems.push(invalid("The condition must be true or false.")),
    }
    problems
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

fn with_severity(problems: Diagnostics, severity: Severity) -> Diagnostics {
    let mut changed = Diagnostics::new();
    changed.extend(problems.into_iter().map(|problem| Diagnostic { severity, ..problem }));
    changed
}
