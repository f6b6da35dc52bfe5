//! The command line of the daemon.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{PlanningArguments, VariableArguments};

/// Keep everything as it is declared, until interrupted.
///
/// Plans and applies when it starts, when files of this directory change, and in every interval. What
/// would delete or replace something waits for a person, who looks at it with `plan` and does it with
/// `apply`, unless it is allowed here or in the block `watch` of the configuration, which flags
/// overrule. A run that fails is tried again after pauses that double.
/// Ends with 0 when it is interrupted; a run that goes on is stopped as `apply` is.
#[derive(Debug, Args)]
pub(crate) struct WatchArguments {
    #[command(flatten)]
    variables: VariableArguments,
    /// The longest time between two looks at everything, for example 30s or 5m.
    #[arg(long, value_name = "DURATION")]
    pub(crate) interval: Option<String>,
    /// How long it has to be quiet before a run begins.
    #[arg(long, value_name = "DURATION")]
    pub(crate) debounce: Option<String>,
    /// What may be done without a person; may be given several times.
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    pub(crate) allow: Vec<Permission>,
    /// What becomes of what was changed outside.
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) on_drift: Option<OnDrift>,
    /// How many clusters may be given up for lost at once.
    #[arg(long, value_name = "N")]
    pub(crate) max_lost: Option<usize>,
    /// Serve a page, an API and metrics at an address, for example 127.0.0.1:8080.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// A file with lines `NAME ROLE TOKEN` of those who may use it; the roles are view and operate.
    #[arg(long, value_name = "FILE", requires = "listen")]
    pub(crate) tokens: Option<PathBuf>,
    /// How often it is measured what services use that follow their load.
    #[arg(long, value_name = "DURATION", default_value = "15s")]
    pub(crate) metrics_interval: String,
    /// How many changes are made at the same time.
    #[arg(long, value_name = "N", default_value_t = 10)]
    parallelism: usize,
    /// Print what happens as JSON, one object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is done without a person only where that is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Permission {
    /// Deleting what is no longer declared, or no longer wanted in a place.
    Deletions,
    /// Deleting something and making it anew.
    Replacements,
}

/// What becomes of what was changed outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnDrift {
    /// It is made again as it is declared.
    Repair,
    /// It is told, and left as it is.
    Report,
    /// It is left as it is.
    Ignore,
}

impl From<OnDrift> for portolan::config::OnDrift {
    fn from(given: OnDrift) -> Self {
        match given {
            OnDrift::Repair => portolan::config::OnDrift::Repair,
            OnDrift::Report => portolan::config::OnDrift::Report,
            OnDrift::Ignore => portolan::config::OnDrift::Ignore,
        }
    }
}

impl WatchArguments {
    /// How plans are made.
    pub(crate) fn planning(&self) -> PlanningArguments {
        PlanningArguments {
            variables: self.variables.clone(),
            targets: Vec::new(),
            replace: Vec::new(),
            refresh_only: false,
            refresh: true,
            parallelism: self.parallelism,
            lock_timeout: String::new(),
            input: false,
        }
    }
}
