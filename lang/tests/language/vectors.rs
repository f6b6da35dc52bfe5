//! Expressions, unknown values and type conversions with the answers of Terraform 1.11.
//!
//! The rows in `tests/vectors` were made for this project; those of other projects are run
//! from the folder that `PORTOLAN_VECTORS` names, and left out with a message where it names
//! none.

use std::path::{Path, PathBuf};

use portolan_lang::constraint::TypeConstraint;
use portolan_lang::eval::evaluate;
use portolan_lang::syntax::{parse_body, parse_expr};
use portolan_lang::{Diagnostics, FileId, Number, Type, Value};
use serde_json::Value as Json;

use crate::scope::Tables;

/// The rows that do not hold here, each with the reason.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("false && (1/0 == 1)", "a division by zero is always an error: numbers have no infinity"),
    ("tostring(-0)", "numbers have no negative zero"),
    (
        "can(regex(\"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$\", uuid()))",
        "our identifiers carry the version that RFC 9562 asks for",
    ),
];

fn own(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(file)
}

fn upstream(file: &str) -> Option<PathBuf> {
    let Ok(root) = std::env::var("PORTOLAN_VECTORS") else {
        println!("PORTOLAN_VECTORS is not set: the rows of other projects are left out");
        return None;
    };
    Some(Path::new(&root).join("upstream").join(file))
}

/// Runs every row of the file and fails with all rows that differ.
fn run(path: &Path) {
    let text = std::fs::read_to_string(path).expect("the vectors can be read");
    let mut failures = Vec::new();
    let mut count = 0;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let row: Json = serde_json::from_str(line).expect("a row is JSON");
        count += 1;
        let expr = row["expr"].as_str().unwrap_or_default();
        if EXCEPTIONS.iter().any(|(exception, _)| *exception == expr) {
            continue;
        }
        if let Err(reason) = check(&row) {
            failures.push(format!("{} {expr}\n    {reason}\n", row["type_constraint"].as_str().unwrap_or_default()));
        }
    }
    assert!(count > 0, "{path:?} has no rows");
    assert!(failures.is_empty(), "{} of {count} rows differ:\n{}", failures.len(), failures.concat());
}

fn check(row: &Json) -> Result<(), String> {
    let tables = tables(row);
    let text = row["expr"].as_str().unwrap_or_default();
    let (value, problems) = answer(row, text, &tables);
    let wants_error = row["error"].as_bool().unwrap_or(false);
    if wants_error {
        return if problems.has_errors() { Ok(()) } else { Err(format!("gave {}, wanted an error", shown(&value))) };
    }
    if problems.has_errors() {
        return Err(format!("failed: {}", told(&problems)));
    }
    let wants_unknown = row["unknown"].as_bool().unwrap_or(false);
    if wants_unknown == value.is_known() {
        return Err(format!(
            "gave {}, wanted {}",
            shown(&value),
            if wants_unknown { "unknown" } else { "a known value" }
        ));
    }
    // Some types were written down with a comma behind the last argument.
    let ty = row["type"].as_str().unwrap_or_default().replace(",)", ")");
    if value.ty().to_string().replace(' ', "") != ty.replace(' ', "") && value.ty() != type_of(&ty) {
        return Err(format!("is of type {}, wanted {ty}", value.ty()));
    }
    // Whether unknown values, variables and parts of values are sensitive was not written down.
    let tells_sensitive = !wants_unknown && row.get("type_constraint").is_none();
    let wants_sensitive = row["sensitive"].as_bool().unwrap_or(false);
    if tells_sensitive && wants_sensitive != value.is_sensitive() {
        return Err(format!("sensitive should be {wants_sensitive}: {value:?}"));
    }
    if !wants_unknown && !same(&value.unmark_deep().to_json(), &row["want"]) {
        return Err(format!("gave {}, wanted {}", shown(&value), row["want"]));
    }
    Ok(())
}

fn answer(row: &Json, text: &str, tables: &Tables) -> (Value, Diagnostics) {
    // As an argument, where a newline ends the expression.
    let (body, mut problems) = parse_body(FileId(0), &format!("value = {}\n", text.trim_matches('\n')));
    let Some(attribute) = body.attribute("value") else { return (Value::null(Type::Any), problems) };
    let (value, more) = evaluate(&attribute.expr, tables);
    problems.extend(more);
    let Some(constraint) = row["type_constraint"].as_str() else { return (value, problems) };
    if problems.has_errors() {
        return (value, problems);
    }
    let (constraint_expr, more) = parse_expr(FileId(1), constraint);
    problems.extend(more);
    match TypeConstraint::parse(&constraint_expr) {
        Ok(constraint) => match constraint.apply(&value) {
            Ok(value) => (value, problems),
            Err(error) => {
                problems.push(portolan_lang::Diagnostic::error(error.message));
                (value, problems)
            }
        },
        Err(more) => {
            problems.extend(more);
            (value, problems)
        }
    }
}

fn tables(row: &Json) -> Tables {
    let mut tables = Tables::default();
    for (name, json) in row["vars"].as_object().into_iter().flatten() {
        tables.variables.insert(name.clone(), Value::from_json_untyped(json));
    }
    for (name, ty) in row["unknowns"].as_object().into_iter().flatten() {
        tables.variables.insert(name.clone(), Value::unknown(type_of(ty.as_str().unwrap_or_default())));
    }
    for (name, content) in row["files"].as_object().into_iter().flatten() {
        tables.files.insert(name.clone(), content.as_str().unwrap_or_default().as_bytes().to_vec());
    }
    for (name, text) in row["locals"].as_object().into_iter().flatten() {
        tables.local(name, text.as_str().unwrap_or_default());
    }
    tables
}

fn type_of(text: &str) -> Type {
    let (expr, problems) = parse_expr(FileId(0), text);
    assert!(!problems.has_errors(), "{text}: {problems:?}");
    TypeConstraint::parse(&expr).expect("a type").ty
}

fn shown(value: &Value) -> String {
    format!("{} of type {}", value.unmark_deep().to_json(), value.ty())
}

fn told(problems: &Diagnostics) -> String {
    let texts: Vec<String> =
        problems.iter().map(|problem| format!("{}: {}", problem.summary, problem.detail)).collect();
    texts.join("; ")
}

fn same(found: &Json, wanted: &Json) -> bool {
    match (found, wanted) {
        (Json::Number(found), Json::Number(wanted)) => same_number(&found.to_string(), &wanted.to_string()),
        (Json::Array(found), Json::Array(wanted)) => {
            found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| same(found, wanted))
        }
        (Json::Object(found), Json::Object(wanted)) => {
            found.len() == wanted.len()
                && found.iter().all(|(name, found)| wanted.get(name).is_some_and(|wanted| same(found, wanted)))
        }
        _ => found == wanted,
    }
}

/// Equal as decimals; fractions were written down as machine floats.
fn same_number(found: &str, wanted: &str) -> bool {
    let (Ok(found), Ok(number)) = (found.parse::<Number>(), wanted.parse::<Number>()) else { return false };
    found == number || (wanted.contains(['.', 'e']) && found.to_f64() == number.to_f64())
}

#[test]
fn own_expressions() {
    run(&own("expressions.jsonl"));
}

#[test]
fn own_unknown_values() {
    run(&own("unknown_values.jsonl"));
}

#[test]
fn own_type_conversions() {
    run(&own("type_conversions.jsonl"));
}

#[test]
fn upstream_expressions() {
    if let Some(path) = upstream("expressions.jsonl") {
        run(&path);
    }
}

#[test]
fn upstream_unknown_values() {
    if let Some(path) = upstream("unknown_values.jsonl") {
        run(&path);
    }
}

#[test]
fn upstream_type_conversions() {
    if let Some(path) = upstream("type_conversions.jsonl") {
        run(&path);
    }
}
