//! Operators.
//!
//! Operands are converted to what the operator works on. `&&` and `||` evaluate both sides,
//! as Terraform 1.11 does.

use crate::convert::convert;
use crate::diagnostic::Diagnostic;
use crate::equality::equal;
use crate::eval::evaluator::{Evaluated, Evaluator, Failed};
use crate::eval::refine;
use crate::number::Number;
use crate::source::Span;
use crate::syntax::{BinaryOperator, Expr, UnaryOperator};
use crate::types::Type;
use crate::value::{Unknown, Value};

impl Evaluator<'_> {
    pub(super) fn unary(&mut self, operator: UnaryOperator, operand: &Expr, span: Span) -> Evaluated {
        let ty = match operator {
            UnaryOperator::Not => Type::Bool,
            UnaryOperator::Negate => Type::Number,
        };
        let value = self.operand(operand, &ty, span)?;
        let marks = value.marks();
        let result = match (operator, value.as_bool(), value.as_number()) {
            (UnaryOperator::Not, Some(bool), _) => Value::bool(!bool),
            (UnaryOperator::Negate, _, Some(number)) => Value::number(number.neg()),
            (UnaryOperator::Negate, ..) => {
                let (low, high) = refine::number_range(&value);
                unknown_number((high.map(|high| high.neg()), low.map(|low| low.neg())))
            }
            _ => Value::unknown_not_null(ty),
        };
        Ok(result.mark(marks))
    }

    pub(super) fn binary(&mut self, operator: BinaryOperator, left: &Expr, right: &Expr, span: Span) -> Evaluated {
        if let BinaryOperator::Equal | BinaryOperator::NotEqual = operator {
            let (left, right) = (self.expr(left), self.expr(right));
            let result = equal(&left?, &right?);
            let marks = result.marks();
            return Ok(match result.as_bool() {
                Some(same) => Value::bool(same == (operator == BinaryOperator::Equal)).mark(marks),
                None => result,
            });
        }
        let ty = if matches!(operator, BinaryOperator::And | BinaryOperator::Or) { Type::Bool } else { Type::Number };
        let (left, right) = (self.operand(left, &ty, span), self.operand(right, &ty, span));
        let (left, right) = (left?, right?);
        let marks = left.marks().union(right.marks());
        let result = match operator {
            BinaryOperator::And | BinaryOperator::Or => logical(operator, &left, &right),
            BinaryOperator::Less
            | BinaryOperator::LessOrEqual
            | BinaryOperator::Greater
            | BinaryOperator::GreaterOrEqual => compare(operator, &left, &right),
            _ => match arithmetic(operator, &left, &right) {
                Some(result) => result,
                None => return self.fail(no_number(operator, &right, span)),
            },
        };
        Ok(result.mark(marks))
    }

    /// An operand converted to what the operator works on; it must not be null.
    fn operand(&mut self, operand: &Expr, ty: &Type, span: Span) -> Result<Value, Failed> {
        let value = self.expr(operand)?;
        let converted = convert(&value, ty).or_else(|error| {
            self.fail(
                Diagnostic::error("Invalid operand")
                    .detail(format!("This operator works on values of type {ty}: {}.", error.message))
                    .label(operand.span, format!("this is a {}", value.ty().friendly_name())),
            )
        })?;
        if converted.is_null() {
            return self.fail(
                Diagnostic::error("Operation failed")
                    .detail("This operator cannot work on null.")
                    .label(operand.span, "this is null")
                    .label(span, ""),
            );
        }
        Ok(converted)
    }
}

/// Why there is no result of an operation on numbers.
fn no_number(operator: BinaryOperator, right: &Value, span: Span) -> Diagnostic {
    let is_zero = right.as_number().is_some_and(Number::is_zero);
    let detail = match operator {
        BinaryOperator::Divide if is_zero => "A number cannot be divided by zero.",
        _ => "The result is too large for a number: it would have more than 39,000 digits.",
    };
    Diagnostic::error("Operation failed").detail(detail).at(span)
}

fn logical(operator: BinaryOperator, left: &Value, right: &Value) -> Value {
    match (left.as_bool(), right.as_bool()) {
        (Some(left), Some(right)) if operator == BinaryOperator::And => Value::bool(left && right),
        (Some(left), Some(right)) => Value::bool(left || right),
        _ => Value::unknown_not_null(Type::Bool),
    }
}

/// Compares numbers, or the ranges in which they will lie.
fn compare(operator: BinaryOperator, left: &Value, right: &Value) -> Value {
    let (left, right) = (refine::number_range(left), refine::number_range(right));
    let surely_less =
        |left: &Option<Number>, right: &Option<Number>| left.as_ref().zip(right.as_ref()).is_some_and(|(l, r)| l < r);
    let surely_up_to =
        |left: &Option<Number>, right: &Option<Number>| left.as_ref().zip(right.as_ref()).is_some_and(|(l, r)| l <= r);
    let result = match operator {
        BinaryOperator::Less if surely_less(&left.1, &right.0) => Some(true),
        BinaryOperator::Less if surely_up_to(&right.1, &left.0) => Some(false),
        BinaryOperator::LessOrEqual if surely_up_to(&left.1, &right.0) => Some(true),
        BinaryOperator::LessOrEqual if surely_less(&right.1, &left.0) => Some(false),
        BinaryOperator::Greater if surely_less(&right.1, &left.0) => Some(true),
        BinaryOperator::Greater if surely_up_to(&left.1, &right.0) => Some(false),
        BinaryOperator::GreaterOrEqual if surely_up_to(&right.1, &left.0) => Some(true),
        BinaryOperator::GreaterOrEqual if surely_less(&left.1, &right.0) => Some(false),
        _ => None,
    };
    result.map_or_else(|| Value::unknown_not_null(Type::Bool), Value::bool)
}

/// The result; `None` for a division by zero, and where it is too large.
fn arithmetic(operator: BinaryOperator, left: &Value, right: &Value) -> Option<Value> {
    if let (Some(left), Some(right)) = (left.as_number(), right.as_number()) {
        return match operator {
            BinaryOperator::Add => left.add(right),
            BinaryOperator::Subtract => left.sub(right),
            BinaryOperator::Multiply => left.mul(right),
            BinaryOperator::Divide => left.div(right),
            // Terraform leaves the number as it is where there is nothing to divide by.
            _ if right.is_zero() => Some(left.clone()),
            _ => left.rem(right),
        }
        .map(Value::number);
    }
    let is_zero = |value: &Value| value.as_number().is_some_and(Number::is_zero);
    if operator == BinaryOperator::Multiply && (is_zero(left) || is_zero(right)) {
        return Some(Value::number(0));
    }
    let ((left_low, left_high), (right_low, right_high)) = (refine::number_range(left), refine::number_range(right));
    let both = |left: Option<Number>, right: Option<Number>, of: fn(&Number, &Number) -> Option<Number>| {
        left.zip(right).and_then(|(left, right)| of(&left, &right))
    };
    Some(unknown_number(match operator {
        BinaryOperator::Add => (both(left_low, right_low, Number::add), both(left_high, right_high, Number::add)),
        BinaryOperator::Subtract => (both(left_low, right_high, Number::sub), both(left_high, right_low, Number::sub)),
        _ => (None, None),
    }))
}

fn unknown_number(range: (Option<Number>, Option<Number>)) -> Value {
    refine::settled(Unknown { ty: Type::Number, not_null: true, range, ..Unknown::default() })
}
