//! Clusters that are taken to be dead: which they are, and what that does to services.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use portolan_lang::diagnostic::did_you_mean;
use portolan_lang::{Address, Diagnostic};

use super::desired::Desired;
use super::domain::cluster_name;
use super::domain::placement::node::Resources;
use super::domain::placement::{Placed, Request};

/// What a service loses with clusters, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The service.
    pub service: Address,
    /// How many replicas each lost cluster had, by the cluster's name.
    pub lost: BTreeMap<Arc<str>, u32>,
    /// How many of them run in other clusters instead.
    pub moved: u32,
    /// How many of them could move and find no room.
    pub missing: u32,
    /// Whether they have volumes, so that they wait for the clusters.
    pub is_bound: bool,
    /// Whether every cluster has replicas of its own, so that there is nothing to move.
    pub is_duplicated: bool,
    /// What each replica takes.
    pub requests: Resources,
}

impl Loss {
    /// What a service loses where it is placed so; `None` where it had nothing in a lost cluster.
    pub(super) fn of(request: &Request, placed: &Placed) -> Option<Loss> {
        let shares = placed.settled.present();
        let had = shares.filter(|(_, share)| share.is_lost && share.replicas.unwrap_or(0) > 0);
        let lost: BTreeMap<Arc<str>, u32> =
            had.map(|(name, share)| (name.clone(), share.replicas.unwrap_or(0))).collect();
        (!lost.is_empty()).then(|| Loss {
            service: request.subject.clone(),
            lost,
            moved: placed.settled.present().map(|(_, share)| share.standing_in).sum(),
            missing: placed.missing,
            is_bound: request.is_bound,
            is_duplicated: request.is_duplicated(),
            requests: request.shape.requests,
        })
    }
}

/// Whether one of these names, or addresses, is that of a cluster.
pub(super) fn is_named(names: &BTreeSet<Arc<str>>, cluster: &Address) -> bool {
    !names.is_empty()
        && (names.contains(&*cluster_name(cluster, &Address::root())) || names.contains(&*cluster.to_string()))
}

impl Desired {
    /// The clusters that are declared.
    pub fn clusters(&self) -> impl Iterator<Item = &Address> {
        let is_cluster =
            |address: &&Address| address.local().segments().first().is_some_and(|first| &*first.name == "cluster");
        self.connections.iter().map(|connection| &connection.address).filter(is_cluster)
    }

    /// The clusters that these names, or addresses, mean, and the problem of each that means none.
    pub fn clusters_named(&self, names: &BTreeSet<Arc<str>>) -> (Vec<Address>, Vec<Diagnostic>) {
        let known: Vec<(Arc<str>, &Address)> =
            self.clusters().map(|address| (cluster_name(address, &Address::root()), address)).collect();
        let meant = known.iter().filter(|(_, address)| is_named(names, address)).map(|(_, address)| (*address).clone());
        let unknown = names
            .iter()
            .filter(|name| !known.iter().any(|(short, address)| short == *name || address.to_string() == ***name));
        (meant.collect(), unknown.map(|name| unknown_cluster(name, &known)).collect())
    }
}

fn unknown_cluster(name: &str, known: &[(Arc<str>, &Address)]) -> Diagnostic {
    let problem =
        Diagnostic::error("Unknown cluster").detail(format!("There is no cluster \"{name}\" in the configuration."));
    let names: Vec<&str> = known.iter().map(|(name, _)| &**name).collect();
    match did_you_mean(name, names.iter().copied()) {
        Some(near) => problem.help(format!("Did you mean {near}?")),
        None if names.is_empty() => problem,
        None => problem.help(format!("There are {}.", names.join(", "))),
    }
}
