//! `condition ? then : otherwise`

use crate::convert::{convert, unify_unsafe};
use crate::diagnostic::Diagnostic;
use crate::eval::evaluator::{Evaluated, Evaluator, Failed};
use crate::eval::refine;
use crate::source::Span;
use crate::syntax::Expr;
use crate::types::Type;
use crate::value::{Data, Unknown, Value};

impl Evaluator<'_> {
    /// Both sides are evaluated, because the result has a type that both convert to, and the
    /// marks of both; the problems of the side that is not chosen do not count.
    pub(super) fn conditional(&mut self, condition: &Expr, then: &Expr, otherwise: &Expr, span: Span) -> Evaluated {
        let before = self.unresolved;
        let (then_value, then_problems) = self.apart(|evaluator| evaluator.expr(then));
        let (otherwise_value, otherwise_problems) = self.apart(|evaluator| evaluator.expr(otherwise));
        if self.unresolved > before {
            self.diagnostics.extend(then_problems);
            self.diagnostics.extend(otherwise_problems);
            return Err(Failed);
        }
        let condition_value = self.expr(condition);
        let any = || Value::unknown(Type::Any);
        let sides = (then_value.clone().unwrap_or_else(|_| any()), otherwise_value.clone().unwrap_or_else(|_| any()));
        let Some(ty) = common_type(&sides.0, &sides.1) else {
            return self.fail(inconsistent(&sides.0, &sides.1, then.span, otherwise.span, span));
        };
        let condition_value = condition_value?;
        let Some(holds) = self.condition(&condition_value, condition.span)? else {
            return Ok(undecided(&condition_value, &sides.0, &sides.1, ty));
        };
        let (chosen, problems, place) = match holds {
            true => (then_value, then_problems, then.span),
            false => (otherwise_value, otherwise_problems, otherwise.span),
        };
        self.diagnostics.extend(problems);
        let chosen = convert(&chosen?, &ty).or_else(|error| {
            self.fail(
                Diagnostic::error("Inconsistent conditional result types")
                    .detail(format!(
                        "The two results must be of one type, but this one is not of type {ty}: {}.",
                        error.message
                    ))
                    .at(place),
            )
        })?;
        Ok(chosen.mark(condition_value.marks().union(sides.0.marks()).union(sides.1.marks())))
    }

    /// Whether a condition holds; `None` where that is not known.
    pub(super) fn condition(&mut self, value: &Value, place: Span) -> Result<Option<bool>, Failed> {
        if value.is_null() {
            return self.fail(
                Diagnostic::error("Null condition")
                    .detail("A condition is either true or false.")
                    .label(place, "this is null"),
            );
        }
        match convert(value, &Type::Bool) {
            Ok(bool) => Ok(bool.as_bool()),
            Err(error) => self.fail(
                Diagnostic::error("Incorrect condition type")
                    .detail(format!("A condition must be of type bool: {}.", error.message))
                    .label(place, format!("this is a {}", value.ty().friendly_name())),
            ),
        }
    }
}

/// The type that both convert to; a bare `null` takes the type of the other.
fn common_type(then: &Value, otherwise: &Value) -> Option<Type> {
    let is_bare_null = |value: &Value| matches!(value.data(), Data::Null(Type::Any));
    if is_bare_null(then) {
        Some(otherwise.ty())
    } else if is_bare_null(otherwise) {
        Some(then.ty())
    } else {
        unify_unsafe(&[then.ty(), otherwise.ty()])
    }
}

fn inconsistent(then: &Value, otherwise: &Value, then_place: Span, otherwise_place: Span, span: Span) -> Diagnostic {
    let name = |value: &Value| format!("this is of type {}", value.ty());
    Diagnostic::error("Inconsistent conditional result types")
        .detail(
            "The two results of a conditional must be of one type, and there is none that both can be converted to.",
        )
        .at(span)
        .label(then_place, name(then))
        .label(otherwise_place, name(otherwise))
}

/// The result while the condition is unknown: what is known of both sides is known of it.
fn undecided(condition: &Value, then: &Value, otherwise: &Value, ty: Type) -> Value {
    let marks = condition.marks().union(then.marks()).union(otherwise.marks());
    if then.is_null() && otherwise.is_null() {
        return Value::null(ty).mark(marks);
    }
    let not_null = refine::is_certainly_not_null(then) && refine::is_certainly_not_null(otherwise);
    let mut unknown = Unknown { ty, not_null, ..Unknown::default() };
    let (then_type, otherwise_type) = (then.ty(), otherwise.ty());
    let is_collection = matches!(then_type, Type::List(_) | Type::Set(_) | Type::Map(_));
    if then_type == Type::Number && otherwise_type == Type::Number {
        let (left, right) = (refine::number_range(then), refine::number_range(otherwise));
        unknown.range = (left.0.zip(right.0).map(|(a, b)| a.min(b)), left.1.zip(right.1).map(|(a, b)| a.max(b)));
    } else if is_collection && then_type == otherwise_type && !then.is_null() && !otherwise.is_null() {
        let (left, right) = (refine::length_range(then), refine::length_range(otherwise));
        unknown.length = (left.0.min(right.0), left.1.zip(right.1).map(|(a, b)| a.max(b)));
    }
    refine::settled(unknown).mark(marks)
}
