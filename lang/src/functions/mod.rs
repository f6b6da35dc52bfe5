//! The functions that expressions call.
//!
//! One table lists them all ([`names`], [`lookup`]); each file declares the functions of one
//! family next to their implementations. What all calls have in common is done in one place,
//! [`call`]: arguments are counted and converted, nulls refused, unknown arguments make the
//! result unknown, marks are collected and put on the result. A function says where it
//! differs, parameter by parameter.
//!
//! What is left out: functions whose arguments are not plain values (`try`, `can`,
//! `templatefile`, `templatestring`) are in the table so that they can be named and
//! documented, but are evaluated where expressions are. Files and clocks are asked for
//! through [`Host`].

mod call;
mod collection;
mod date_and_time;
mod encoding;
mod filesystem;
mod format;
mod hash_and_crypto;
mod list;
mod map;
mod network;
mod number;
mod set;
mod string;
mod table;
mod text_pattern;
mod type_conversion;
mod yaml;

use std::collections::BTreeMap;
use std::sync::LazyLock;

pub use call::{CallError, CallErrorKind, call};
pub use table::{Allows, Function, Parameter};
pub use yaml::documents as yaml_documents;

#[allow(unused_imports, reason = "named in the documentation")]
use crate::eval::Host;
use crate::value::Value;

static TABLE: LazyLock<BTreeMap<&'static str, Function>> = LazyLock::new(|| {
    [
        collection::functions(),
        date_and_time::functions(),
        encoding::functions(),
        filesystem::functions(),
        format::functions(),
        hash_and_crypto::functions(),
        list::functions(),
        map::functions(),
        network::functions(),
        number::functions(),
        set::functions(),
        string::functions(),
        text_pattern::functions(),
        type_conversion::functions(),
        yaml::functions(),
    ]
    .into_iter()
    .flatten()
    .map(|function| (function.name, function))
    .collect()
});

/// The function of this name. Also knows the names that start with `core::`.
pub fn lookup(name: &str) -> Option<&'static Function> {
    TABLE.get(name.strip_prefix("core::").unwrap_or(name))
}

/// How many steps of an evaluation a call counts as.
pub(crate) fn steps(name: &str, arguments: &[Value]) -> u64 {
    lookup(name).map_or(0, |function| (function.steps)(arguments))
}

/// The names of all functions, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    TABLE.keys().copied()
}

#[cfg(test)]
mod tests;
