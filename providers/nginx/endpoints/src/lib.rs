//! Tells nginx fleets where the pods are that they pass requests on to.
//!
//! What a fleet needs stands in the tree that it serves; where the pods are, their clusters say, in
//! EndpointSlices. [`Heart`] decides what is watched and what is written; it is synchronous, and
//! lives by events and a clock that its tests make up. [`run`] is the shell around it.
//!
//! Nothing is taken away because something did not answer: what is written of a cluster changes only
//! by what that cluster says.

mod fleet;
mod heart;
mod shell;
mod slice;
mod watch;

use std::sync::Arc;

use futures::future::BoxFuture;
pub use heart::{Action, Change, Event, Heart, Place};
use portolan_etcd_client::Connection;
use portolan_fleet::Prefix;
use portolan_provider::Error;
pub use shell::run;
pub use slice::{Endpoint, Slice};

/// Opens the way to a cluster's API server.
pub type Connect = Arc<dyn Fn() -> BoxFuture<'static, Result<kube::Client, Error>> + Send + Sync>;

/// A cluster whose pods are told of.
#[derive(Clone)]
pub struct Cluster {
    /// Its block, as fleets name it: `cluster.beijing`.
    pub address: String,
    /// How it is reached.
    pub connect: Connect,
}

/// A fleet that is told of pods.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// Its block: `nginx.edge`.
    pub address: String,
    /// How its etcd is reached.
    pub etcd: Connection,
    /// Where in etcd it is.
    pub prefix: Prefix,
}
