//! `portolan console`

use std::io::{self, BufRead, Write};

use portolan::compile::{Desired, Evaluation};
use portolan_lang::syntax::{is_unfinished, parse_expr};
use portolan_lang::{Diagnostics, FileId, Sources, Value};
use serde_json::json;

use super::arguments::ConsoleArguments;
use super::project::Project;
use super::{Exit, Failure, Outcome, block_on, record, warn};
use crate::{render, setup};

pub(crate) fn run(arguments: &ConsoleArguments) -> Outcome {
    block_on(async { console(arguments).await })
}

async fn console(arguments: &ConsoleArguments) -> Outcome {
    let project = Project::load_or_empty(&arguments.variables)?;
    let backend = setup::backend(&project.config.settings).map_err(|problem| project.failure(problem.into()))?;
    let snapshot = record::load(&*backend).await?;
    let (desired, diagnostics) = project.sketch(snapshot.decisions.clone());
    // What is wrong with blocks does not matter to expressions that do not refer to them.
    warn(&diagnostics, &project.config.sources);
    let evaluation = known(&desired, &snapshot).on(project.host_at_work());
    let mut sources = project.config.sources.clone();
    let mut pending = String::new();
    for line in io::stdin().lock().lines() {
        let line = line.map_err(|error| {
            Failure::from(portolan_lang::Diagnostic::error("Cannot read the input").detail(error.to_string()))
        })?;
        // A heredoc begins with the end of its first line.
        pending.push_str(&line);
        pending.push('\n');
        if is_unfinished(&pending) {
            continue;
        }
        answer(&evaluation, &mut sources, &std::mem::take(&mut pending), arguments.json)?;
    }
    answer(&evaluation, &mut sources, &pending, arguments.json)?;
    Ok(Exit::Success)
}

/// What is recorded is what references to resources give.
fn known<'a>(desired: &'a Desired, snapshot: &portolan_state::Snapshot) -> Evaluation<'a> {
    let mut evaluation = Evaluation::new(desired);
    let recorded: std::collections::HashMap<_, _> =
        snapshot.resources.iter().map(|resource| (&resource.key, &resource.value)).collect();
    for (id, instance) in desired.iter() {
        let key = portolan_state::ResourceKey::current(instance.address.clone());
        if let Some(value) = recorded.get(&key) {
            evaluation.set(id, (*value).clone());
        }
    }
    evaluation
}

fn answer(evaluation: &Evaluation<'_>, sources: &mut Sources, text: &str, as_json: bool) -> io::Result<()> {
    if text.trim().is_empty() {
        return Ok(());
    }
    let file = sources.add("<input>", text);
    let (value, problems) = evaluate(evaluation, file, text);
    let mut out = io::stdout().lock();
    match (as_json, problems.has_errors()) {
        (true, true) => writeln!(out, "{}", json!({"error": told(&problems)}))?,
        (true, false) => writeln!(out, "{}", to_json(&value))?,
        (false, true) => warn(&problems, sources),
        (false, false) => writeln!(out, "{}", render::value::console(&value))?,
    }
    out.flush()
}

fn evaluate(evaluation: &Evaluation<'_>, file: FileId, text: &str) -> (Value, Diagnostics) {
    let (expr, mut problems) = parse_expr(file, text);
    if problems.has_errors() {
        return (Value::null(portolan_lang::Type::Any), problems);
    }
    let (value, more) = evaluation.expression(&expr);
    problems.extend(more);
    (value, problems)
}

fn told(problems: &Diagnostics) -> String {
    let errors = problems.iter().filter(|problem| problem.is_error());
    let lines = errors.map(|problem| match problem.detail.is_empty() {
        true => problem.summary.clone(),
        false => format!("{}: {}", problem.summary, problem.detail),
    });
    lines.collect::<Vec<_>>().join("; ")
}

/// Where a part is unknown, there is null in the value, and `unknown_parts` tells it apart.
/// A value that is sensitive in any part is shown all the same: who evaluates it may see it.
fn to_json(value: &Value) -> serde_json::Value {
    let mut answer = json!({"type": value.ty().to_string()});
    if value.is_known() {
        answer["value"] = value.to_json();
    } else {
        answer["unknown"] = json!(true);
    }
    if value.is_known() && !value.is_wholly_known() {
        answer["unknown_parts"] = render::representation::unknown_parts(value);
    }
    if value.is_sensitive() {
        answer["sensitive"] = json!(true);
    }
    answer
}
