//! The command line of what people order: who and why, and how the plan for it is made.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{ApplyingArguments, PlanningArguments, VariableArguments};

/// What is said of an order, and how a plan for it is made.
#[derive(Debug, Args)]
pub(crate) struct OrderArguments {
    /// Save the plan in this file, for `apply FILE`, and change nothing.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["auto_approve", "json"])]
    pub(crate) out: Option<PathBuf>,
    /// Why; recorded with the decision, and shown by plans.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Who decided it; by default the user and the host that this runs on.
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    #[command(flatten)]
    variables: VariableArguments,
    /// How many changes are made at the same time.
    #[arg(long, value_name = "N", default_value_t = 10)]
    parallelism: usize,
    /// How long to wait for the lock of the state, for example 30s or 5m.
    #[arg(long, value_name = "DURATION", default_value = "0s")]
    lock_timeout: String,
    #[command(flatten)]
    pub(crate) applying: ApplyingArguments,
}

impl OrderArguments {
    /// How the plan is made.
    pub(crate) fn planning(&self) -> PlanningArguments {
        PlanningArguments {
            variables: self.variables.clone(),
            targets: Vec::new(),
            replace: Vec::new(),
            refresh_only: false,
            refresh: true,
            parallelism: self.parallelism,
            lock_timeout: self.lock_timeout.clone(),
            input: false,
        }
    }
}

/// Decide by hand where the requests of a route go.
#[derive(Debug, Subcommand)]
pub(crate) enum RouteCommand {
    Switch(SwitchArguments),
}

/// Send the requests of a route to one of its backends, until it is switched back.
///
/// A backend is a cluster of a service, or an address of an external. The others stand by: they get
/// requests only while none of its servers answers. The decision is recorded, so that plans keep it.
/// Only the route's fleet is changed; clusters are not asked, and may be away.
#[derive(Debug, Args)]
pub(crate) struct SwitchArguments {
    /// A route: `shop`, or its address.
    #[arg(value_name = "ROUTE")]
    pub(crate) route: String,
    /// The backend: the name of a cluster, or an address of an external.
    #[arg(long, value_name = "NAME", required_unless_present = "back")]
    pub(crate) to: Option<String>,
    /// Send it so many percent of the requests, and the rest to the others.
    #[arg(long, value_name = "N", requires = "to", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) weight: Option<u32>,
    /// Divide the requests as the configuration says again.
    #[arg(long, conflicts_with = "to")]
    pub(crate) back: bool,
    #[command(flatten)]
    pub(crate) order: OrderArguments,
}
