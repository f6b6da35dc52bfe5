//! Flags that give values to variables: what they say, and their order.

use std::path::PathBuf;

use clap::{ArgMatches, Args, FromArgMatches};

/// Where values of the root module's variables come from: the flags, in the order given.
#[derive(Debug, Clone, Default)]
pub(crate) struct VariableArguments {
    pub(crate) flags: Vec<VariableArgument>,
}

/// One flag that gives values to variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum VariableArgument {
    /// `--var NAME=VALUE`
    Value(String),
    /// `--var-file FILE`
    File(PathBuf),
}

/// The flags as clap knows them. It tells the order of each alone, and their places among all.
#[derive(Debug, Args)]
struct VariableFlags {
    /// The value of a variable; may be given several times, and a later one counts more.
    #[arg(long = "var", value_name = "NAME=VALUE")]
    vars: Vec<String>,
    /// A file of values of variables; may be given several times, and a later one counts more.
    #[arg(long = "var-file", value_name = "FILE")]
    var_files: Vec<PathBuf>,
}

impl Args for VariableArguments {
    fn augment_args(command: clap::Command) -> clap::Command {
        VariableFlags::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        VariableFlags::augment_args_for_update(command)
    }
}

impl FromArgMatches for VariableArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let VariableFlags { vars, var_files } = VariableFlags::from_arg_matches(matches)?;
        let places = |flag| matches.indices_of(flag).into_iter().flatten();
        let values = places("vars").zip(vars.into_iter().map(VariableArgument::Value));
        let files = places("var_files").zip(var_files.into_iter().map(VariableArgument::File));
        let mut placed: Vec<(usize, VariableArgument)> = values.chain(files).collect();
        placed.sort_by_key(|(place, _)| *place);
        Ok(VariableArguments { flags: placed.into_iter().map(|(_, flag)| flag).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = VariableArguments::from_arg_matches(matches)?;
        Ok(())
    }
}
