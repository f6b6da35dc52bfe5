//! The command line of agents.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::VariableArguments;

/// Run beside a server and bring it what is published.
#[derive(Debug, Subcommand)]
pub(crate) enum AgentCommand {
    Nginx(NginxAgentArguments),
}

/// Tell fleets where the pods are that they pass requests on to.
///
/// Watches the EndpointSlices of all clusters for the services that routes of fleets in etcd lead to,
/// and writes their addresses to etcd, from where the agents have them. What is written of a cluster
/// stays while it does not answer. It runs until it is interrupted, and needs to read EndpointSlices
/// only. Start it again where clusters or fleets are added; routes and services it learns of by itself.
#[derive(Debug, Args)]
pub(crate) struct EndpointsArguments {
    #[command(flatten)]
    pub(crate) variables: VariableArguments,
}

/// Bring what a fleet publishes in etcd to the nginx of this node.
///
/// Each release is written to a folder of its own, checked by `nginx -t`, put in place by one link,
/// and reloaded; then it is seen to that every worker serves it. What does not come to be served is
/// rolled back. What nginx does not take of a release stays as it was, and the rest goes on.
///
/// nginx is started by others, as the same user: nginx -p DIRECTORY -c current/nginx.conf
#[derive(Debug, Args)]
pub(crate) struct NginxAgentArguments {
    /// A member of etcd: https://192.0.2.5:2379; may be given several times.
    #[arg(long, value_name = "URL", required = true)]
    pub(crate) etcd: Vec<String>,
    /// What the keys of the fleet begin with, as in its configuration.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) prefix: String,
    /// The directory that nginx is started in.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) directory: PathBuf,
    /// The program that checks configurations.
    #[arg(long, value_name = "PATH", default_value = "/usr/sbin/nginx")]
    pub(crate) nginx: PathBuf,
    /// Work as root all the same. nginx then checks as root what others publish.
    #[arg(long)]
    pub(crate) allow_root: bool,
    /// The name of the node; by default that of the host.
    #[arg(long, value_name = "NAME")]
    pub(crate) node: Option<String>,
    /// Where nginx tells the agent what it serves, on the loopback.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9581")]
    pub(crate) status: String,
    /// The user, where etcd asks for one.
    #[arg(long, value_name = "NAME", requires = "password_file")]
    pub(crate) user: Option<String>,
    /// The file with that user's password.
    #[arg(long, value_name = "FILE", requires = "user")]
    pub(crate) password_file: Option<PathBuf>,
    /// The file with the certificates that etcd's must be signed by; by default the system's.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// The file with the certificate that is shown to etcd.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// The file with the key of that certificate.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
}
