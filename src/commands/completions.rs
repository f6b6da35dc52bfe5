//! `portolan completions`

use clap::CommandFactory;

use super::arguments::{Arguments, CompletionsArguments};
use super::{Exit, Outcome};

pub(crate) fn run(arguments: &CompletionsArguments) -> Outcome {
    let mut command = Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "portolan", &mut std::io::stdout());
    Ok(Exit::Success)
}
