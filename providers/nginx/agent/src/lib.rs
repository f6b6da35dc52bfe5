//! The agent beside an nginx: it brings what a fleet publishes to the server, and sees that it is
//! served.
//!
//! [`Heart`] decides what to do next; it is synchronous, and lives by events and a clock that its
//! tests make up. [`run`] is the shell around it: it watches etcd, carries out, and reports.
//!
//! On the disk there is a folder for each release, and two links:
//!
//!     releases/7-0f343b093112/   the tree, whole, checked by nginx before it was put here
//!     current                    what nginx reads when it is started or told to
//!     good                       what every worker was last seen to serve
//!
//!     pods.table                 the servers of upstreams that need no reload
//!
//! A kill at any moment leaves `current` and `good` at whole trees. The agent leaves it to others
//! to start nginx; where none runs, it says so.

mod bring;
mod endpoints;
mod follow;
mod heart;
mod nginx;
mod ports;
mod quarantine;
mod report;
mod shell;
mod table;
mod tree;
mod watch;
mod waves;

use std::net::SocketAddr;
use std::path::PathBuf;

pub use heart::{Action, Event, Heart, Outcome};
use portolan_fleet::Prefix;
pub use quarantine::{Objection, Search, Step};
pub use shell::run;

/// What an agent is told.
#[derive(Debug, Clone)]
pub struct Options {
    /// How etcd is reached.
    pub etcd: portolan_etcd_client::Connection,
    /// Where in etcd the fleet is.
    pub prefix: Prefix,
    /// The name of the node, which no other node of the fleet has.
    pub node: String,
    /// The directory that nginx is started in: `nginx -p DIRECTORY -c current/nginx.conf`.
    pub directory: PathBuf,
    /// The program that checks configurations.
    pub nginx: PathBuf,
    /// Where nginx says, on loopback, what it serves.
    pub status: SocketAddr,
    /// The version of the agent.
    pub version: String,
}
