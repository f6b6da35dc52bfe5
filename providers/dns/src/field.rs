//! Reading the attributes of a resource, with the path of what is wrong.

use portolan_lang::{AttributePath, Step, Type, Value};
use portolan_provider::Error;

/// Times to live and the like are at most this (RFC 2181, 8).
const MAX_SECONDS: i64 = i32::MAX as i64;

/// The path of an attribute.
pub(crate) fn path(name: &'static str) -> AttributePath {
    AttributePath::attribute(name)
}

/// A known text; `None` where it is null, unknown or missing.
pub(crate) fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(|value| value.as_str().map(str::to_owned))
}

/// A text that is there by the time that it is needed.
pub(crate) fn required(value: &Value, name: &'static str) -> Result<String, Error> {
    text(value, name).ok_or_else(|| Error::invalid(format!("{name} is missing")).at(path(name)))
}

/// A known number of seconds; `None` where it is null, unknown or missing.
pub(crate) fn seconds(value: &Value, name: &'static str) -> Result<Option<u32>, Error> {
    let Some(value) = value.get(name) else { return Ok(None) };
    let Some(number) = value.as_number() else { return Ok(None) };
    let seconds = number.to_i64().filter(|seconds| (0..=MAX_SECONDS).contains(seconds));
    match seconds.and_then(|seconds| u32::try_from(seconds).ok()) {
        Some(seconds) => Ok(Some(seconds)),
        None => {
            Err(Error::invalid(format!("{number} is not a number of seconds from 0 to {MAX_SECONDS}")).at(path(name)))
        }
    }
}

/// The known texts of a set or a list, each with its path; `None` where the whole is unknown.
pub(crate) fn texts(value: &Value, name: &'static str) -> Option<Vec<(AttributePath, Option<String>)>> {
    let whole = value.get(name)?;
    let item = |(index, item): (usize, &Value)| (path(name).then(Step::Index(index)), item.as_str().map(str::to_owned));
    Some(whole.items()?.iter().enumerate().map(item).collect())
}

/// The known texts of a set or a list.
pub(crate) fn known_texts(value: &Value, name: &'static str) -> Vec<String> {
    texts(value, name).unwrap_or_default().into_iter().filter_map(|(_, text)| text).collect()
}

/// The object with an attribute set.
pub(crate) fn with(value: &Value, name: &'static str, attribute: Value) -> Value {
    value.with(&path(name), attribute)
}

/// A number of seconds as a value.
pub(crate) fn number(seconds: u32) -> Value {
    Value::number(seconds)
}

/// A set of texts as a value.
pub(crate) fn set(texts: impl IntoIterator<Item = String>) -> Value {
    Value::set(Type::String, texts.into_iter().map(Value::string))
}

/// The attribute as it is configured, or this one where it is not.
pub(crate) fn or(value: &Value, name: &str, otherwise: impl FnOnce() -> Value) -> Value {
    value.get(name).filter(|value| !value.is_null()).unwrap_or_else(otherwise)
}
