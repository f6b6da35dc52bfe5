//! `portolan completions`

use clap::CommandFactory;

use super::arguments::{Arguments, CompletionsArguments};
use super::{Exit, Outcome, print};

pub(crate) fn run(arguments: &CompletionsArguments) -> Outcome {
    let mut command = Arguments::command();
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "portolan", &mut script);
    print(|out| out.write_all(&script))?;
    Ok(Exit::Success)
}
