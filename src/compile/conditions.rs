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

/// Warns of assertions that cannot be judged yet.
pub(super) fn pending(conditions: &[Condition], scope: &dyn Scope) -> Diagnostics {
    let unknown = conditions.iter().filter(|condition| {
        let (value, problems) = evaluate(&condition.condition, scope);
        !problems.has_errors() && !value.is_known()
    });
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
        problems.extend(check_one(condition, scope, wording));
    }
    problems
}

fn check_one(condition: &Condition, scope: &dyn Scope, wording: Wording) -> Diagnostics {
    let span = condition.condition.span;
    let (value, mut problems) = evaluate(&condition.condition, scope);
    if problems.has_errors() {
        return problems;
    }
    let invalid = |detail: &str| Diagnostic::error("Invalid condition result").detail(detail).at(span);
    match convert(&value, &Type::Bool).map(Value::into_data) {
        Ok(Data::Bool(true) | Data::Unknown(_)) => {}
        Ok(Data::Bool(false)) => {
            let (message, more) = message(condition, scope);
            problems.extend(more);
            let failed = Diagnostic { severity: wording.severity, ..Diagnostic::error(wording.summary) };
            let blamed = match wording.blamed {
                Some(blamed) => failed.label(blamed, "its value is refused"),
                None => failed,
            };
            problems.push(blamed.detail(message).label(span, "this does not hold"));
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
