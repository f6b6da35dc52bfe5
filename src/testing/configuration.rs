//! Any configuration of few objects, as a table.

use std::fmt::Write;

use proptest::prelude::*;

/// The names that rows may have.
pub(crate) const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// What is declared of one name; `None` where nothing is.
#[derive(Debug, Clone)]
struct Declared {
    value: u8,
    /// Refers to the value of an earlier row, by its position.
    refers_to: Option<usize>,
    waits_for: Vec<usize>,
    is_renamed: bool,
    creates_first: bool,
    is_numbered: bool,
}

fn declared() -> impl Strategy<Value = Option<Declared>> {
    let refers_to = prop::option::of(0..NAMES.len());
    let waits_for = prop::collection::vec(0..NAMES.len(), 0..3);
    let flags = (prop::bool::weighted(0.3), prop::bool::weighted(0.3), prop::bool::weighted(0.1));
    let row = (0..3u8, refers_to, waits_for, flags).prop_map(
        |(value, refers_to, waits_for, (is_renamed, creates_first, is_numbered))| Declared {
            value,
            refers_to,
            waits_for,
            is_renamed,
            creates_first,
            is_numbered,
        },
    );
    prop::option::weighted(0.8, row)
}

/// A configuration as a table: rows refer to rows that come before them in one order of all
/// names, which differs from configuration to configuration.
pub(crate) fn configuration() -> impl Strategy<Value = String> {
    let rows = prop::collection::vec(declared(), NAMES.len());
    (rows, Just(NAMES).prop_shuffle()).prop_map(|(rows, names)| {
        let mut table = String::new();
        for (at, row) in rows.iter().enumerate() {
            let Some(row) = row else { continue };
            let earlier = |other: &usize| *other < at && rows[*other].is_some();
            let value = match row.refers_to.filter(earlier) {
                Some(other) => format!("{}.revision", names[other]),
                None => row.value.to_string(),
            };
            let flags = [
                (row.is_renamed, format!(" !name={}2", names[at])),
                (row.creates_first, " !cbd".to_owned()),
                (row.is_numbered, " !numbered".to_owned()),
            ];
            let flags: String = flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| flag).collect();
            let waits: Vec<&str> =
                row.waits_for.iter().filter(|other| earlier(other)).map(|other| names[*other]).collect();
            writeln!(table, "{} = {value}{flags} : {}", names[at], waits.join(" ")).expect("a string");
        }
        table
    })
}
