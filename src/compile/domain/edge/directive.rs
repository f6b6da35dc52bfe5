//! Directives as data: objects of a name, arguments and a block.

use portolan_lang::{Type, Value};

use crate::compile::domain::object;

/// `name args;`
pub(super) fn directive(name: &str, args: impl IntoIterator<Item = Value>) -> Value {
    make(name, args, Value::null(Type::Any))
}

/// `name args { block }`
pub(super) fn block(
    name: &str,
    args: impl IntoIterator<Item = Value>,
    block: impl IntoIterator<Item = Value>,
) -> Value {
    make(name, args, Value::tuple(block))
}

/// A directive whose arguments are fixed words.
pub(super) fn words(name: &str, args: &[&str]) -> Value {
    directive(name, args.iter().copied().map(Value::string))
}

fn make(name: &str, args: impl IntoIterator<Item = Value>, block: Value) -> Value {
    object([("name", Value::string(name)), ("args", Value::tuple(args)), ("block", block)])
}
