//! Loading says of each configuration what Terraform's `validate` says, at the same places.

use std::path::Path;
use std::sync::Arc;

use portolan::catalog::Catalog;
use portolan::config::{load, root_values};
use portolan_builtin::Builtin;
use portolan_lang::{Severity, Sources};

use crate::vectors::{self, Problem, Step};

/// Rows whose problems only evaluation finds.
const EVALUATED: [&str; 7] = [
    "var/nonnullable_required_null",
    "var/sensitive_output_error",
    "var/ephemeral_in_output_error",
    "var/sensitive_used_in_foreach_key",
    "count/null",
    "count/fraction",
    "foreach/set_with_null",
];

/// Rows in which other problems are told than by Terraform, and why.
const DIFFERENT: [(&str, &str); 3] = [
    ("res/self_ref", "Terraform tells only when it plans; the reference is wrong whatever the plan"),
    ("check/error_in_condition", "Terraform misses the assertion that it dropped because its condition was wrong"),
    ("json/syntax_error", "only the end of the text is told about, not what follows from it"),
];

#[test]
fn the_same_places_as_terraform() {
    let mut different = Vec::new();
    for row in vectors::rows() {
        for (position, step) in row.steps.iter().enumerate() {
            let name = &*row.name;
            let (ours, theirs) = (ours(step), theirs(step));
            let is_known = EVALUATED.contains(&name) || DIFFERENT.iter().any(|(known, _)| *known == name);
            if same(&ours, &theirs) == is_known {
                different.push(format!("{name} step {position}\n  ours   {ours:?}\n  theirs {theirs:?}"));
            }
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// Whether the same places are told about. Where Terraform names no place, any will do.
fn same(ours: &[Problem], theirs: &[Problem]) -> bool {
    let is_told = |theirs: &Problem| match &theirs.at {
        Some(_) => ours.contains(theirs),
        None => ours.iter().any(|ours| ours.severity == theirs.severity),
    };
    ours.len() == theirs.len() && theirs.iter().all(is_told)
}

fn theirs(step: &Step) -> Vec<Problem> {
    vectors::problems(&step.want["validate_diags"])
}

fn ours(step: &Step) -> Vec<Problem> {
    let directory = tempfile::tempdir().expect("a directory");
    vectors::write_files(directory.path(), step);
    let catalog = Catalog::new([Arc::new(Builtin::new()) as Arc<dyn portolan_provider::Provider>]);
    let (config, diagnostics) = load(directory.path(), &catalog);
    let mut problems: Vec<Problem> = diagnostics
        .iter()
        .map(|diagnostic| Problem {
            severity: if diagnostic.severity == Severity::Error { "error" } else { "warning" }.to_owned(),
            at: diagnostic.labels.first().map(|label| place(&config.sources, label.span)),
        })
        .collect();
    problems.sort();
    problems.dedup();
    problems
}

fn place(sources: &Sources, span: portolan_lang::Span) -> String {
    let position = sources.position(span);
    let name = sources.get(span.file).map_or("", |file| &*file.name);
    format!("{name}:{}:{}", position.line, position.column)
}

#[test]
#[cfg(feature = "kubernetes")]
fn the_examples_are_right() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for example in ["hello", "modules", "shop"] {
        let catalog = Catalog::new([
            Arc::new(Builtin::new()) as Arc<dyn portolan_provider::Provider>,
            Arc::new(portolan_kubernetes::Kubernetes::new()),
        ]);
        let directory = examples.join(example);
        let (mut config, diagnostics) = load(&directory, &catalog);
        assert!(diagnostics.is_empty(), "{example}: {diagnostics:#?}");
        let (_, diagnostics) = root_values(&mut config, &directory, [], &[]);
        assert!(diagnostics.is_empty(), "{example}: {diagnostics:#?}");
    }
}
