//! `portolan output`

use portolan_lang::diagnostic::did_you_mean;
use portolan_lang::{Data, Diagnostic, Value};
use portolan_state::Output;

use super::arguments::OutputArguments;
use super::project::recorded;
use super::{Exit, Outcome, block_on, print, warn};
use crate::render;

pub(crate) fn run(arguments: &OutputArguments) -> Outcome {
    block_on(async {
        let outputs = recorded().await?.outputs;
        match &arguments.name {
            Some(name) => one(arguments, find(&outputs, name)?),
            None => all(arguments, &outputs),
        }
    })
}

fn all(arguments: &OutputArguments, outputs: &[Output]) -> Outcome {
    if outputs.is_empty() && !arguments.json {
        let nothing = Diagnostic::warning("No outputs are recorded")
            .detail("The configuration has no outputs, or has not been applied yet.");
        warn(&nothing.into(), &portolan_lang::Sources::new());
        return Ok(Exit::Success);
    }
    print(|out| match arguments.json {
        true => writeln!(out, "{:#}", render::state::outputs_json(outputs)),
        false => out.write_all(render::state::outputs(outputs).as_bytes()),
    })?;
    Ok(Exit::Success)
}

/// Who asks for an output by its name is shown it, sensitive or not.
fn one(arguments: &OutputArguments, output: &Output) -> Outcome {
    let value = output.value.unmark_deep();
    if arguments.raw {
        let text = raw(output, &value)?;
        print(|out| out.write_all(text.as_bytes()))?;
        return Ok(Exit::Success);
    }
    print(|out| match arguments.json {
        true => writeln!(out, "{}", value.to_json()),
        false => writeln!(out, "{}", render::value::console(&value)),
    })?;
    Ok(Exit::Success)
}

/// The text itself, without quotes and without a line's end.
fn raw(output: &Output, value: &Value) -> Result<String, Diagnostic> {
    match value.data() {
        Data::String(text) => Ok(text.to_string()),
        Data::Number(number) => Ok(number.to_string()),
        Data::Bool(bool) => Ok(bool.to_string()),
        _ => Err(Diagnostic::error("Not a text")
            .detail(format!(
                "--raw prints strings, numbers and booleans; the output \"{}\" is {}.",
                output.name,
                match value.is_null() {
                    true => "null".to_owned(),
                    false => format!("of type {}", value.ty()),
                }
            ))
            .help(format!("Use --json: portolan output --json {}", output.name))),
    }
}

fn find<'a>(outputs: &'a [Output], name: &str) -> Result<&'a Output, Diagnostic> {
    outputs.iter().find(|output| &*output.name == name).ok_or_else(|| {
        let problem = Diagnostic::error("No such output").detail(format!("No output named \"{name}\" is recorded."));
        match did_you_mean(name, outputs.iter().map(|output| &*output.name)) {
            Some(similar) => problem.help(format!("Did you mean \"{similar}\"?")),
            None => problem.help("Outputs are recorded when the configuration is applied."),
        }
    })
}
