//! The command line of what looks at services, and of what orders something about them.

use clap::Args;

use super::OrderArguments;

/// Which services are looked at.
#[derive(Debug, Args)]
pub(crate) struct OnlyArguments {
    /// Only these services: `shop`, `shop.web`, or addresses.
    #[arg(value_name = "ADDRESS")]
    pub(crate) addresses: Vec<String>,
}

/// Show how the services are.
///
/// Ends with 0 where all of them are as they should be, with 2 where one is not ready, is gone, or
/// cannot be looked at, and with 1 after an error. What was stopped is as it should be, and so is
/// what a directory holds.
#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    pub(crate) only: OnlyArguments,
    /// Look again every two seconds, until interrupted.
    #[arg(short, long)]
    pub(crate) watch: bool,
    /// Print it as JSON; with --watch, on one line each time that something has changed.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show what services write, across their clusters.
///
/// Each line begins with the cluster and the pod that it comes from.
#[derive(Debug, Args)]
pub(crate) struct LogsArguments {
    /// Services: `shop.web`, or addresses.
    #[arg(value_name = "ADDRESS", required = true)]
    pub(crate) addresses: Vec<String>,
    /// Go on as more is written, also by pods that come later.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Only what is not older than this, for example 30s, 10m or 2h.
    #[arg(long, value_name = "DURATION")]
    pub(crate) since: Option<String>,
    /// Only so many lines of each pod, the last ones; by default all or, with --follow, 10.
    #[arg(long, value_name = "N")]
    pub(crate) tail: Option<u64>,
    /// What was written before the last restart.
    #[arg(short, long)]
    pub(crate) previous: bool,
    /// Of this container, not of the main one.
    #[arg(short, long, value_name = "NAME")]
    pub(crate) container: Option<String>,
    /// Only in this cluster.
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
}

/// Run a command in a pod of a service.
///
/// It runs in one pod that is ready, and its exit code is that of this program.
#[derive(Debug, Args)]
pub(crate) struct ExecArguments {
    /// A service: `shop.web`, or an address.
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: String,
    /// In this cluster; by default in the first one with a pod that is ready.
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
    /// In this pod, ready or not.
    #[arg(long, value_name = "NAME")]
    pub(crate) pod: Option<String>,
    /// In this container, not in the main one.
    #[arg(short, long, value_name = "NAME")]
    pub(crate) container: Option<String>,
    /// Pass the input of this program on.
    #[arg(short = 'i', long)]
    pub(crate) stdin: bool,
    /// Give it a terminal.
    #[arg(short = 't', long)]
    pub(crate) tty: bool,
    /// The command with its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

/// Show what services use of processors and memory, and how much of what they request.
#[derive(Debug, Args)]
pub(crate) struct TopArguments {
    #[command(flatten)]
    pub(crate) only: OnlyArguments,
    /// Print it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show what happened to services, across their clusters, in the order of time.
#[derive(Debug, Args)]
pub(crate) struct EventsArguments {
    #[command(flatten)]
    pub(crate) only: OnlyArguments,
    /// Go on as more happens.
    #[arg(short, long)]
    pub(crate) watch: bool,
    /// Print each as JSON, on a line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Services, and how a plan about them is made.
#[derive(Debug, Args)]
pub(crate) struct OperateArguments {
    /// Applications and services: `shop`, `shop.web`, or addresses.
    #[arg(value_name = "ADDRESS", required = true)]
    pub(crate) addresses: Vec<String>,
    #[command(flatten)]
    pub(crate) order: OrderArguments,
}
