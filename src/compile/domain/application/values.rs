//! Objects written as they look.

use std::sync::Arc;

use portolan_lang::Value;

/// An object of these fields, without those that are null.
pub(super) fn fields<const N: usize>(entries: [(&'static str, Value); N]) -> Value {
    let set = entries.into_iter().filter(|(_, value)| !value.is_null());
    Value::object(set.map(|(name, value)| (Arc::<str>::from(name), value)))
}

/// A text.
pub(super) fn text(text: impl AsRef<str>) -> Value {
    Value::string(text.as_ref())
}

/// A list of values of any shape.
pub(super) fn list(items: impl IntoIterator<Item = Value>) -> Value {
    Value::tuple(items)
}

/// A list, or null where it would be empty.
pub(super) fn list_if_any(items: Vec<Value>) -> Value {
    if items.is_empty() { null() } else { list(items) }
}

/// No value.
pub(super) fn null() -> Value {
    Value::null(portolan_lang::Type::Any)
}

/// The entries of a map with those of another added; the second ones count more.
pub(super) fn merged(first: &Value, second: &Value) -> Value {
    let entries = |value: &Value| {
        let list = value.entries().into_iter().flat_map(|entries| entries.iter());
        list.map(|(name, value)| (name.clone(), value.clone())).collect::<Vec<_>>()
    };
    Value::object(entries(first).into_iter().chain(entries(second)))
}
