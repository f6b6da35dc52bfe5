//! `portolan validate`

use std::io::Write;

use portolan::compile::Evaluation;
use portolan_lang::{Diagnostics, Sources};
use serde_json::json;

use super::arguments::ValidateArguments;
use super::project::Project;
use super::{Exit, Failure, Outcome, warn};
use crate::render;

pub(crate) fn run(arguments: &ValidateArguments) -> Outcome {
    let (diagnostics, sources) = match Project::load_for_validation() {
        Ok(project) => (check(&project), project.config.sources.clone()),
        Err(failure) => (failure.diagnostics, failure.sources),
    };
    if arguments.json {
        return answer_json(&diagnostics, &sources);
    }
    if diagnostics.has_errors() {
        return Err(Failure { diagnostics, sources });
    }
    warn(&diagnostics, &sources);
    writeln!(std::io::stdout(), "The configuration is valid.")?;
    Ok(Exit::Success)
}

fn check(project: &Project) -> Diagnostics {
    let (desired, mut diagnostics) = project.sketch(Vec::new());
    diagnostics.extend(project.diagnostics.iter().cloned());
    if !diagnostics.has_errors() {
        diagnostics.extend(Evaluation::new(&desired).validate());
    }
    diagnostics
}

fn answer_json(diagnostics: &Diagnostics, sources: &Sources) -> Outcome {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let json = json!({
        "format_version": "1.0",
        "valid": errors == 0,
        "error_count": errors,
        "warning_count": diagnostics.iter().count() - errors,
        "diagnostics": render::diagnostic::list_json(diagnostics, sources),
    });
    writeln!(std::io::stdout(), "{json:#}")?;
    Ok(if errors == 0 { Exit::Success } else { Exit::Failure })
}
