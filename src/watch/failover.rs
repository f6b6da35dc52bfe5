//! Which clusters are given up for lost, and which are taken back.
//!
//! What is known of a cluster comes from probes of its API server and of some of its nodes. Each
//! target counts as dead after so many failures in a row, and as alive again after so many
//! successes. A cluster is dead where its API server is, and with it more than half of the nodes
//! that are known; where only the API server is, its pods may well go on, and nothing is moved.
//!
//! The heart is synchronous: [`Failover::on`] takes an event and the time and answers what is to be
//! done. It remembers nothing that matters: what was decided is recorded, and comes back as
//! [`Event::Standing`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use portolan_lang::Address;

use super::Time;
use crate::compile::domain::availability::Availability;
use crate::compile::domain::probe::{Failback, Probe};

/// What a probe asks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The API server.
    Server,
    /// A node, or what else is declared as a target.
    Node(Arc<str>),
}

/// Something that comes to be known.
#[derive(Debug, Clone)]
pub enum Event {
    /// A probe has ended: well, or why not.
    Probed(Address, Target, Result<(), Arc<str>>),
    /// The nodes of a cluster that are asked from now on.
    Nodes(Address, BTreeSet<Arc<str>>),
    /// What is recorded of clusters.
    Standing(BTreeMap<Address, Standing>),
}

/// Whether a cluster takes part, as it is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether it does.
    pub availability: Availability,
    /// Whether the daemon decided that; what people decide it leaves to them.
    pub is_own: bool,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Something is to be decided: what, says [`Failover::wanted`].
    Decide,
    /// People are to be told.
    Alert(String),
}

/// What is to be decided of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The cluster.
    pub cluster: Address,
    /// What is to become of it.
    pub availability: Availability,
    /// Why.
    pub why: String,
}

/// How a cluster looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Too little is known.
    Unknown,
    /// Its API server answers.
    Alive,
    /// Its API server does not answer, and its nodes, as far as any are known, do.
    ServerUnreachable,
    /// Neither its API server nor most of its nodes answer.
    Dead,
}

/// What is known of one target.
#[derive(Debug, Clone, Default)]
struct Probed {
    /// Whether it counts as alive; `None` until that is settled.
    is_alive: Option<bool>,
    successes: u32,
    failures: u32,
    /// When the row of failures began.
    failing_since: Option<Time>,
    last_success: Option<Time>,
    problem: Option<Arc<str>>,
}

/// What is known of one cluster.
#[derive(Debug, Clone)]
struct Cluster {
    probe: Probe,
    server: Probed,
    nodes: BTreeMap<Arc<str>, Probed>,
    /// Since when it is alive, without a break.
    alive_since: Option<Time>,
}

/// What people are told, by the cluster that it is about (the root where it is about all) and by the
/// way in which it begins: however the details change, it is told once.
type Alerts = BTreeMap<(Address, &'static str), String>;

/// The heart.
#[derive(Debug)]
pub struct Failover {
    clusters: BTreeMap<Address, Cluster>,
    standing: BTreeMap<Address, Standing>,
    /// How many clusters may be given up for lost at once.
    most_lost: usize,
    /// What was wanted, and told, last.
    wanted: Vec<Wanted>,
    alerts: Alerts,
}

impl Failover {
    /// A heart that knows no cluster yet, and gives so many up at once.
    pub fn new(most_lost: usize) -> Failover {
        Failover {
            clusters: BTreeMap::new(),
            standing: BTreeMap::new(),
            most_lost,
            wanted: Vec::new(),
            alerts: Alerts::new(),
        }
    }

    /// Gives so many up at once from now on.
    pub fn limit(&mut self, most_lost: usize) {
        self.most_lost = most_lost;
    }

    /// Takes these clusters for those that are probed. What is known of others is forgotten.
    pub fn declare(&mut self, probes: impl IntoIterator<Item = (Address, Probe)>) {
        let mut known = std::mem::take(&mut self.clusters);
        self.clusters = probes
            .into_iter()
            .map(|(address, probe)| match known.remove(&address) {
                Some(cluster) => (address, Cluster { probe, ..cluster }),
                None => (address, Cluster::new(probe)),
            })
            .collect();
    }

    /// What is to be done now that something has happened.
    pub fn on(&mut self, event: Event, now: Time) -> Vec<Action> {
        match event {
            Event::Probed(address, target, outcome) => {
                if let Some(cluster) = self.clusters.get_mut(&address) {
                    cluster.probed(&target, outcome, now);
                }
            }
            Event::Nodes(address, nodes) => {
                if let Some(cluster) = self.clusters.get_mut(&address) {
                    cluster.nodes.retain(|node, _| nodes.contains(node));
                    nodes.into_iter().for_each(|node| {
                        cluster.nodes.entry(node).or_default();
                    });
                }
            }
            Event::Standing(standing) => self.standing = standing,
        }
        self.answer(now)
    }

    /// How a cluster looks, where it is probed.
    pub fn health(&self, cluster: &Address) -> Option<Health> {
        self.clusters.get(cluster).map(Cluster::health)
    }

    /// How each cluster looks that is probed, and what is recorded of it.
    pub fn looks(&self) -> impl Iterator<Item = (&Address, Health, Standing)> {
        self.clusters.iter().map(|(address, cluster)| (address, cluster.health(), self.standing(address)))
    }

    /// What is to be decided as things are, in the order in which it is to be.
    pub fn wanted(&self, now: Time) -> Vec<Wanted> {
        self.judge(now).0
    }

    fn answer(&mut self, now: Time) -> Vec<Action> {
        let (wanted, alerts) = self.judge(now);
        let is_told = |key: &(Address, &str)| self.alerts.contains_key(key);
        let new = alerts.iter().filter(|(key, _)| !is_told(key));
        let new: Vec<Action> = new.map(|(_, alert)| Action::Alert(alert.clone())).collect();
        let essence = |wanted: &[Wanted]| -> Vec<(Address, Availability)> {
            wanted.iter().map(|wanted| (wanted.cluster.clone(), wanted.availability)).collect()
        };
        let is_new = !wanted.is_empty() && essence(&wanted) != essence(&self.wanted);
        (self.wanted, self.alerts) = (wanted, alerts);
        new.into_iter().chain(is_new.then_some(Action::Decide)).collect()
    }

    fn judge(&self, now: Time) -> (Vec<Wanted>, Alerts) {
        let mut alerts = self.unreachable();
        let lost = self.losses(&mut alerts);
        if !lost.is_empty() {
            // Nothing is given back while something is being given up.
            return (lost, alerts);
        }
        let reconciled: Vec<Wanted> = self.answering().collect();
        if !reconciled.is_empty() {
            return (reconciled, alerts);
        }
        (self.returning(now, &mut alerts).into_iter().collect(), alerts)
    }

    fn standing(&self, cluster: &Address) -> Standing {
        let active = Standing { availability: Availability::Active, is_own: false };
        self.standing.get(cluster).copied().unwrap_or(active)
    }

    /// Clusters whose API servers alone do not answer.
    fn unreachable(&self) -> Alerts {
        let unreachable = self.clusters.iter().filter(|(address, cluster)| {
            cluster.health() == Health::ServerUnreachable && self.standing(address).availability != Availability::Lost
        });
        let told = unreachable.map(|(address, cluster)| {
            let nodes = match cluster.nodes.len() {
                0 => "none of its nodes is known",
                _ => "its nodes do",
            };
            let told = format!(
                "{address}: its API server does not answer ({}), {nodes}: nothing is moved",
                cluster.server.said()
            );
            ((address.clone(), "unreachable"), told)
        });
        told.collect()
    }

    /// The clusters that are to be given up now.
    fn losses(&self, alerts: &mut Alerts) -> Vec<Wanted> {
        let is_dead = |(address, cluster): &(&Address, &Cluster)| {
            let standing = self.standing(address);
            let is_own = standing.availability == Availability::Active || standing.is_own;
            cluster.is_silent() && standing.availability != Availability::Lost && is_own
        };
        let dead: Vec<(&Address, &Cluster)> = self.clusters.iter().filter(is_dead).collect();
        let Some(since) = dead.iter().filter_map(|(_, cluster)| cluster.server.failing_since).min() else {
            return Vec::new();
        };
        // Those of which nothing good was heard since: that they are dead as well may only not be known yet.
        let silent = self.clusters.values().filter(|cluster| !cluster.is_heard_since(since)).count();
        if 2 * silent > self.clusters.len() {
            let all = self.clusters.len();
            let told = format!(
                "{silent} of {all} clusters do not answer: this may well be the side that is cut off, and nothing is moved"
            );
            alerts.insert((Address::root(), "cut off"), told);
            return Vec::new();
        }
        let lost = self.standing.values().filter(|standing| standing.availability == Availability::Lost).count();
        let room = self.most_lost.saturating_sub(lost);
        for (address, cluster) in dead.iter().skip(room) {
            let limit = self.most_lost;
            let told = format!(
                "{address} is dead: {}; no more than {limit} may be given up at once, so that a person has to see to it",
                cluster.why()
            );
            alerts.insert(((*address).clone(), "limit"), told);
        }
        let wanted = |(address, cluster): (&Address, &Cluster)| Wanted {
            cluster: address.clone(),
            availability: Availability::Lost,
            why: cluster.why(),
        };
        dead.into_iter().take(room).map(wanted).collect()
    }

    /// Clusters that were given up and answer: what they still run is reconciled first.
    fn answering(&self) -> impl Iterator<Item = Wanted> {
        let lost = Standing { availability: Availability::Lost, is_own: true };
        let back = self
            .clusters
            .iter()
            .filter(move |(address, cluster)| self.standing(address) == lost && cluster.alive_since.is_some());
        back.map(|(address, _)| Wanted {
            cluster: address.clone(),
            availability: Availability::Drained,
            why: "it answers again; what it still runs is brought up to date before it counts".to_owned(),
        })
    }

    /// The next cluster that gets its replicas back: one after the other.
    fn returning(&self, now: Time, alerts: &mut Alerts) -> Option<Wanted> {
        let drained = Standing { availability: Availability::Drained, is_own: true };
        for (address, cluster) in self.clusters.iter().filter(|(address, _)| self.standing(address) == drained) {
            let is_stable = cluster.alive_since.is_some_and(|since| now.saturating_sub(since) >= cluster.probe.stable);
            match cluster.probe.failback {
                Failback::Automatic if is_stable => {
                    let why = format!("it has answered for {}s", cluster.probe.stable.as_secs());
                    return Some(Wanted { cluster: address.clone(), availability: Availability::Active, why });
                }
                Failback::Manual if is_stable => {
                    let told = format!(
                        "{address} is alive and stable: give it its replicas back with `portolan cluster restore`"
                    );
                    alerts.insert((address.clone(), "stable"), told);
                }
                _ => {}
            }
        }
        None
    }
}

impl Cluster {
    fn new(probe: Probe) -> Cluster {
        Cluster { probe, server: Probed::default(), nodes: BTreeMap::new(), alive_since: None }
    }

    fn probed(&mut self, target: &Target, outcome: Result<(), Arc<str>>, now: Time) {
        let target = match target {
            Target::Server => Some(&mut self.server),
            Target::Node(name) => self.nodes.get_mut(name),
        };
        if let Some(target) = target {
            target.probed(outcome, &self.probe, now);
        }
        let is_well = self.health() == Health::Alive && self.dead_nodes() * 2 <= self.nodes.len();
        self.alive_since = is_well.then(|| self.alive_since.unwrap_or(now));
    }

    fn dead_nodes(&self) -> usize {
        self.nodes.values().filter(|node| node.is_alive == Some(false)).count()
    }

    fn health(&self) -> Health {
        match self.server.is_alive {
            None => Health::Unknown,
            Some(true) => Health::Alive,
            Some(false) if 2 * self.dead_nodes() > self.nodes.len() => Health::Dead,
            Some(false) => Health::ServerUnreachable,
        }
    }

    /// Whether it is dead, and has not begun to answer again.
    fn is_silent(&self) -> bool {
        let is_silent = |target: &Probed| target.failures >= self.probe.failures;
        let nodes = self.nodes.values().filter(|node| is_silent(node)).count();
        is_silent(&self.server) && 2 * nodes > self.nodes.len()
    }

    /// Whether anything of it has answered after a time, and its server does not fail.
    fn is_heard_since(&self, since: Time) -> bool {
        self.server.failures == 0 && self.server.last_success.is_some_and(|last| last > since)
    }

    /// Why it counts as dead.
    fn why(&self) -> String {
        let dead = self.nodes.iter().filter(|(_, node)| node.is_alive == Some(false));
        let nodes: Vec<String> = dead.map(|(name, node)| format!("{name}: {}", node.said())).collect();
        format!(
            "its API server does not answer ({}), nor do {} of {} nodes ({})",
            self.server.said(),
            nodes.len(),
            self.nodes.len(),
            nodes.join("; ")
        )
    }
}

impl Probed {
    fn probed(&mut self, outcome: Result<(), Arc<str>>, probe: &Probe, now: Time) {
        match outcome {
            Ok(()) => {
                (self.failures, self.failing_since, self.problem) = (0, None, None);
                self.successes = self.successes.saturating_add(1);
                self.last_success = Some(now);
                // What was never dead is alive at once.
                if self.is_alive.is_none() || self.successes >= probe.successes {
                    self.is_alive = Some(true);
                }
            }
            Err(problem) => {
                self.successes = 0;
                self.failures = self.failures.saturating_add(1);
                self.failing_since = self.failing_since.or(Some(now));
                self.problem = Some(problem);
                if self.failures >= probe.failures {
                    self.is_alive = Some(false);
                }
            }
        }
    }

    fn said(&self) -> &str {
        self.problem.as_deref().unwrap_or("no answer")
    }
}

#[cfg(test)]
mod tests;
