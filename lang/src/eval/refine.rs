//! What is known of values that are not known.

use crate::number::Number;
use crate::types::Type;
use crate::value::{Data, Unknown, Value};

/// The value that an unknown one must be, if what is known of it leaves but one; the unknown
/// value otherwise.
pub(super) fn settled(unknown: Unknown) -> Value {
    if !unknown.not_null {
        return Value::unknown_with(unknown);
    }
    if let (Some(low), Some(high)) = &unknown.range
        && low == high
        && unknown.ty == Type::Number
    {
        return Value::number(low.clone());
    }
    let (least, greatest) = unknown.length;
    match &unknown.ty {
        Type::List(element) if greatest == Some(least) && least < 1024 => {
            Value::list((**element).clone(), (0..least).map(|_| Value::unknown((**element).clone())))
        }
        Type::Set(element) if greatest == Some(0) => Value::set((**element).clone(), []),
        Type::Map(element) if greatest == Some(0) => Value::map::<&str>((**element).clone(), []),
        _ => Value::unknown_with(unknown),
    }
}

/// Whether the value is certainly not null.
pub(super) fn is_certainly_not_null(value: &Value) -> bool {
    match value.data() {
        Data::Null(_) => false,
        Data::Unknown(unknown) => unknown.not_null,
        _ => true,
    }
}

/// The least and greatest number that a value can be.
pub(super) fn number_range(value: &Value) -> (Option<Number>, Option<Number>) {
    match value.data() {
        Data::Number(number) => (Some(number.clone()), Some(number.clone())),
        Data::Unknown(unknown) => unknown.range.clone(),
        _ => (None, None),
    }
}

/// The least and greatest number of elements that a collection can have.
pub(super) fn length_range(value: &Value) -> (usize, Option<usize>) {
    match value.data() {
        Data::List(collection) => (collection.items.len(), Some(collection.items.len())),
        // Unknown elements of a set may turn out to be equal.
        Data::Set(collection) if collection.items.iter().all(Value::is_wholly_known) => {
            (collection.items.len(), Some(collection.items.len()))
        }
        Data::Set(collection) => (1, Some(collection.items.len())),
        Data::Map(map) => (map.entries.len(), Some(map.entries.len())),
        Data::Unknown(unknown) => unknown.length,
        _ => (0, None),
    }
}
