//! Where replicas run: which clusters take part, with which weights, and how many each gets.
//!
//! All services of a configuration are placed at once, because they share the clusters' room:
//! first everything keeps the room that it has, then, in the order of their addresses, services
//! take what is left. So a service that grows or comes new never takes from one that is there.
//!
//! The answer is a decision: it records the weights that were measured when a service was
//! first placed, and they stay until somebody asks for new ones. A cluster that goes away
//! keeps its weight in the record, so that its return restores the division.

pub mod division;
mod ledger;
pub mod node;
mod placing;
mod record;
mod room;
mod spread;

use std::sync::Arc;

pub use ledger::{Capacity, ClusterId, Ledger};
use node::PodShape;
pub use placing::{Placed, Unplaced, place};
use portolan_lang::Address;
pub(in crate::compile) use record::ABOUT_SERVICES;

pub use record::{Groups, Held, REPLICAS, Replicas, Share, Spread};
use serde::{Deserialize, Serialize};

/// How replicas are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// By how many more such pods each cluster has room for.
    FreeCapacity,
    /// By declared weights.
    Weighted,
    /// All of them in every cluster.
    Duplicated,
    /// All of them in one cluster.
    Single,
}

impl Strategy {
    /// As they are written.
    pub const WORDS: [&str; 4] = ["free_capacity", "weighted", "duplicated", "single"];

    /// The strategy that is written so.
    pub fn parse(text: &str) -> Option<Strategy> {
        Some(match text {
            "free_capacity" => Strategy::FreeCapacity,
            "weighted" => Strategy::Weighted,
            "duplicated" => Strategy::Duplicated,
            "single" => Strategy::Single,
            _ => return None,
        })
    }

    /// How, as words after "divided".
    pub fn words(self) -> &'static str {
        match self {
            Strategy::FreeCapacity => "by free capacity",
            Strategy::Weighted => "by weight",
            Strategy::Duplicated => "in every cluster",
            Strategy::Single => "in one cluster",
        }
    }
}

/// A service that is to be placed.
#[derive(Debug, Clone)]
pub struct Request {
    /// The service.
    pub subject: Address,
    /// How many replicas it has: over all clusters or, where they are duplicated, in each.
    pub total: u32,
    /// What each of them takes.
    pub shape: PodShape,
    /// How they are divided.
    pub strategy: Strategy,
    /// Over how many groups they are spread.
    pub spread: Spread,
    /// Whether they have volumes, which they cannot leave when a cluster is lost.
    pub is_bound: bool,
    /// Whether their number follows the load, so that there are as many as there is room for.
    pub is_elastic: bool,
    /// The clusters that suit it.
    pub sites: Vec<Site>,
}

impl Request {
    /// Whether every cluster has all of the replicas, each its own.
    pub fn is_duplicated(&self) -> bool {
        self.strategy == Strategy::Duplicated
    }
}

/// A cluster that suits a service.
#[derive(Debug, Clone)]
pub struct Site {
    /// The cluster in the ledger.
    pub cluster: ClusterId,
    /// Its name.
    pub name: Arc<str>,
    /// The region it is in.
    pub region: Option<Arc<str>>,
    /// Its declared weight.
    pub weight: u64,
    /// The least number of replicas.
    pub min: u32,
    /// The greatest number.
    pub max: Option<u32>,
    /// Whether it is known to be dead: it takes part no more, until it is back.
    pub is_lost: bool,
}
