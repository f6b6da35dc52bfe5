//! Conversion of types and handling of marks.

use crate::convert::convert;
use crate::types::Type;
use crate::value::{Data, Marks, Value};

use super::call::{Call, CallError};
use super::table::{Allows, Function};

pub(super) fn functions() -> Vec<Function> {
    let anything = Allows::NULL.and(Allows::UNKNOWN).and(Allows::MARKED).and(Allows::ANY);
    let convertible = Allows::NULL.and(Allows::MARKED).and(Allows::ANY);
    let same_type: fn(&[Value]) -> Result<Type, CallError> =
        |arguments| Ok(arguments.first().map(Value::ty).unwrap_or_default());
    let conversion = |name, doc, ty, rule| {
        Function::new(name, doc)
            .takes_also("v", Type::Any, convertible)
            .gives(ty)
            .gives_by(rule)
            .may_be_null()
            .by(convert_to)
    };
    let of_value =
        |name, doc| Function::new(name, doc).takes_also("value", Type::Any, anything).gives_by(same_type).may_be_null();
    vec![
        Function::new("can", "Whether an expression can be evaluated without an error.")
            .takes("expression", Type::Any)
            .gives(Type::Bool),
        of_value("ephemeralasnull", "The value with null in place of all that must not be recorded.")
            .by(ephemeralasnull),
        Function::new("issensitive", "Whether a value is sensitive.")
            .takes_also("value", Type::Any, anything)
            .gives(Type::Bool)
            .by(issensitive),
        of_value("nonsensitive", "The value, no longer sensitive.").by(nonsensitive),
        of_value("sensitive", "The value as a sensitive one, which is never shown.").by(sensitive),
        conversion("tobool", "The value as a bool.", Type::Bool, |a| conversion_type(a, Type::Bool)),
        conversion("tolist", "The value as a list.", Type::list(Type::Any), |a| {
            conversion_type(a, Type::list(Type::Any))
        }),
        conversion("tomap", "The value as a map.", Type::map(Type::Any), |a| conversion_type(a, Type::map(Type::Any))),
        conversion("tonumber", "The value as a number.", Type::Number, |a| conversion_type(a, Type::Number)),
        conversion("toset", "The value as a set.", Type::set(Type::Any), |a| conversion_type(a, Type::set(Type::Any))),
        conversion("tostring", "The value as a string.", Type::String, |a| conversion_type(a, Type::String)),
        Function::new("try", "The value of the first expression that can be evaluated without an error.").takes_more(
            "expressions",
            Type::Any,
            Allows::NOTHING,
        ),
    ]
}

/// The type converted to, once it is clear that a value of the argument's type can convert.
fn conversion_type(arguments: &[Value], to: Type) -> Result<Type, CallError> {
    let Some(argument) = arguments.first() else { return Ok(to) };
    let sample = Value::unknown(argument.ty());
    match convert(&sample, &to) {
        Ok(_) => Ok(to),
        Err(error) => {
            let from = argument.ty().friendly_name();
            Err(CallError::of(0, format!("cannot convert {from} to {}: {}", to.friendly_name(), error.message)))
        }
    }
}

fn convert_to(call: &Call<'_>) -> Result<Value, CallError> {
    let value = call.value(0);
    convert(&value, &call.ty).map_err(|error| {
        let shown = match value.as_str() {
            Some(text) if value.marks().is_empty() => format!("{text:?}"),
            _ => value.ty().friendly_name(),
        };
        CallError::of(0, format!("cannot convert {shown} to {}: {error}", call.ty.friendly_name()))
    })
}

fn ephemeralasnull(call: &Call<'_>) -> Result<Value, CallError> {
    Ok(call.value(0).transform(&mut |value| {
        if value.marks().contains(Marks::EPHEMERAL) {
            let marks = value.marks().without(Marks::EPHEMERAL);
            return Value::null(value.ty()).mark(marks);
        }
        value
    }))
}

/// Unknown for an unknown value, which may turn out to be sensitive.
fn issensitive(call: &Call<'_>) -> Result<Value, CallError> {
    let value = call.value(0);
    match value.data() {
        _ if value.is_sensitive() => Ok(Value::TRUE),
        Data::Unknown(_) => Ok(call.unknown()),
        _ => Ok(Value::FALSE),
    }
}

fn nonsensitive(call: &Call<'_>) -> Result<Value, CallError> {
    let value = call.value(0);
    let marks = value.marks().without(Marks::SENSITIVE);
    Ok(value.unmark().mark(marks))
}

fn sensitive(call: &Call<'_>) -> Result<Value, CallError> {
    Ok(call.value(0).sensitive())
}
