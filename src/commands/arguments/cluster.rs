//! The command line of what people decide about clusters.

use clap::{Args, Subcommand};

use super::OrderArguments;

/// Decide by hand whether a cluster takes part.
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    Drain(DrainArguments),
    Restore(RestoreArguments),
}

/// Move what runs in a cluster to the others, until it is restored.
///
/// The others keep what they have and take the replicas of this one by the rule by which services are
/// divided; routes and names follow. What has volumes, and what runs on every node, stays. The
/// decision is recorded, so that plans keep it.
#[derive(Debug, Args)]
pub(crate) struct DrainArguments {
    /// A cluster: `beijing`, or its address.
    #[arg(value_name = "CLUSTER")]
    pub(crate) cluster: String,
    /// It cannot be reached: nothing is asked of it, and nothing done there.
    #[arg(long)]
    pub(crate) lost: bool,
    #[command(flatten)]
    pub(crate) order: OrderArguments,
}

/// Let a cluster take part again that was drained, or given up for lost.
///
/// It gets exactly the replicas again that it had.
#[derive(Debug, Args)]
pub(crate) struct RestoreArguments {
    /// A cluster: `beijing`, or its address.
    #[arg(value_name = "CLUSTER")]
    pub(crate) cluster: String,
    #[command(flatten)]
    pub(crate) order: OrderArguments,
}
