//! Where replicas run: which clusters take part, with which weights, and how many each gets.
//!
//! The answer is a decision: it records the weights that were measured when a service was
//! first placed, and they stay until somebody asks for new ones. A cluster that goes away
//! keeps its weight in the record, so that its return restores the division.

pub mod division;
mod room;

use std::collections::BTreeMap;
use std::sync::Arc;

use division::{Candidate, divide};
use portolan_lang::Address;
use portolan_state::Decision;
pub(super) use room::{Demand, Room};
use serde::{Deserialize, Serialize};

/// The question that a decision about replicas answers.
pub const REPLICAS: &str = "replicas";

/// How replicas are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Strategy {
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
    pub(super) const WORDS: [&str; 4] = ["free_capacity", "weighted", "duplicated", "single"];

    pub(super) fn parse(text: &str) -> Option<Strategy> {
        Some(match text {
            "free_capacity" => Strategy::FreeCapacity,
            "weighted" => Strategy::Weighted,
            "duplicated" => Strategy::Duplicated,
            "single" => Strategy::Single,
            _ => return None,
        })
    }

    fn words(self) -> &'static str {
        match self {
            Strategy::FreeCapacity => "by free capacity",
            Strategy::Weighted => "by weight",
            Strategy::Duplicated => "in every cluster",
            Strategy::Single => "in one cluster",
        }
    }
}

/// A cluster that takes part.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) name: Arc<str>,
    /// What is left of its capacity.
    pub(super) room: Room,
    /// Its declared weight.
    pub(super) weight: u64,
}

/// What a placement asks for beside the number of replicas.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) strategy: Strategy,
    pub(super) min: u32,
    pub(super) max: Option<u32>,
}

/// What a decision about replicas records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replicas {
    /// How they are divided.
    strategy: Strategy,
    /// How many there are over all clusters.
    pub total: u32,
    /// The share of each cluster, of those that are away as well.
    pub weights: BTreeMap<Arc<str>, u64>,
    /// How many each cluster gets.
    pub replicas: BTreeMap<Arc<str>, u32>,
}

/// Where the replicas of a service are placed.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    /// How many each site gets, in the order of the sites.
    pub(super) replicas: Vec<u32>,
    /// The decision, if it is not what is recorded.
    pub(super) decision: Option<Decision>,
}

/// There is no room for all replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotEnoughRoom {
    /// How many find a place.
    pub(super) placed: u32,
    /// What each cluster could take.
    pub(super) limits: Vec<(Arc<str>, u32)>,
}

/// The recorded decision about the replicas of a service.
pub(super) fn recorded(decisions: &[Decision], subject: &Address) -> Option<Replicas> {
    let found = decisions.iter().find(|decision| decision.subject == *subject && &*decision.kind == REPLICAS)?;
    serde_json::from_value(found.value.clone()).ok()
}

/// Places `total` replicas of a service.
pub(super) fn place(
    subject: &Address,
    total: u32,
    demand: &Demand,
    sites: &[Site],
    rules: Rules,
    recorded: Option<&Replicas>,
) -> Result<Placed, NotEnoughRoom> {
    let pinned = recorded.filter(|recorded| recorded.strategy == rules.strategy).map(|recorded| &recorded.weights);
    let mut weights = pinned.cloned().unwrap_or_default();
    for site in sites {
        let measured = || site.room.fits(demand).map_or(1, u64::from);
        match rules.strategy {
            Strategy::FreeCapacity | Strategy::Single => {
                weights.entry(site.name.clone()).or_insert_with(measured);
            }
            Strategy::Weighted => {
                weights.insert(site.name.clone(), site.weight);
            }
            Strategy::Duplicated => {
                weights.insert(site.name.clone(), 1);
            }
        }
    }
    let replicas = distribute(total, demand, sites, rules, &weights)?;
    let named = sites.iter().map(|site| site.name.clone()).zip(replicas.iter().copied());
    let value = Replicas { strategy: rules.strategy, total, weights, replicas: named.collect() };
    let decision = (recorded != Some(&value)).then(|| decide(subject, &value, recorded));
    Ok(Placed { replicas, decision })
}

fn distribute(
    total: u32,
    demand: &Demand,
    sites: &[Site],
    rules: Rules,
    weights: &BTreeMap<Arc<str>, u64>,
) -> Result<Vec<u32>, NotEnoughRoom> {
    let limit = |site: &Site| site.room.fits(demand).unwrap_or(u32::MAX).min(rules.max.unwrap_or(u32::MAX));
    let weight = |site: &Site| weights.get(&site.name).copied().unwrap_or(0);
    let too_little =
        |placed| NotEnoughRoom { placed, limits: sites.iter().map(|site| (site.name.clone(), limit(site))).collect() };
    match rules.strategy {
        Strategy::Duplicated => match sites.iter().map(limit).min() {
            Some(least) if least < total => Err(too_little(least)),
            _ => Ok(vec![total; sites.len()]),
        },
        Strategy::Single => {
            let order = |site: &&Site| (weight(site), std::cmp::Reverse(site.name.clone()));
            let able = sites.iter().filter(|site| limit(site) >= total).max_by_key(order);
            let Some(chosen) = able else { return Err(too_little(sites.iter().map(limit).max().unwrap_or(0))) };
            Ok(sites.iter().map(|site| if site.name == chosen.name { total } else { 0 }).collect())
        }
        Strategy::FreeCapacity | Strategy::Weighted => {
            let candidate = |site| candidate(site, weight(site), limit(site), rules.min);
            let division = divide(total, &sites.iter().map(candidate).collect::<Vec<_>>());
            match division.missing {
                0 => Ok(division.seats),
                missing => Err(too_little(total - missing)),
            }
        }
    }
}

fn candidate(site: &Site, weight: u64, limit: u32, min: u32) -> Candidate<'_> {
    Candidate { name: &site.name, weight, min: min.min(limit), limit }
}

/// The decision with its reason. Its time is set when it is recorded.
fn decide(subject: &Address, value: &Replicas, recorded: Option<&Replicas>) -> Decision {
    let shares: Vec<String> =
        value.replicas.keys().map(|name| format!("{name} {}", value.weights.get(name).copied().unwrap_or(0))).collect();
    let occasion = match recorded {
        None => "first placed",
        Some(before) if before.strategy != value.strategy => "the strategy has changed",
        Some(before) if before.total != value.total => "the number of replicas has changed",
        Some(before) if !before.replicas.keys().eq(value.replicas.keys()) => "the clusters have changed",
        Some(before) if before.weights != value.weights => "the weights have changed",
        Some(_) => "the bounds have changed",
    };
    let only = value.replicas.keys().next().filter(|_| value.replicas.len() == 1);
    let reason = match (value.strategy, only) {
        (_, Some(name)) => format!("{} in {name}, the only cluster; {occasion}", value.total),
        (Strategy::Duplicated, None) => format!("{} in every cluster; {occasion}", value.total),
        (strategy, None) => format!("{} divided {} ({}); {occasion}", value.total, strategy.words(), shares.join(", ")),
    };
    Decision {
        subject: subject.clone(),
        kind: Arc::from(REPLICAS),
        value: serde_json::to_value(value).unwrap_or_default(),
        reason,
        time: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(name: &str, cpu: Option<u64>) -> Site {
        Site { name: Arc::from(name), room: Room { cpu, ..Room::default() }, weight: 1 }
    }

    fn address() -> Address {
        Address::of(["application", "shop", "service", "api"])
    }

    const RULES: Rules = Rules { strategy: Strategy::FreeCapacity, min: 1, max: None };
    const ONE_CPU: Demand = Demand { cpu: 1000, memory: 0, ephemeral_storage: 0 };

    fn placed(total: u32, sites: &[Site], recorded: Option<&Replicas>) -> (Vec<u32>, Option<Replicas>) {
        let placed = place(&address(), total, &ONE_CPU, sites, RULES, recorded).expect("room");
        let decision =
            placed.decision.map(|decision| serde_json::from_value(decision.value).expect("the recorded form"));
        (placed.replicas, decision)
    }

    #[test]
    fn weights_are_measured_once_and_pinned() {
        let (large, small) = (site("large", Some(96_000)), site("small", Some(48_000)));
        let (replicas, decision) = placed(6, &[large.clone(), small.clone()], None);
        assert_eq!(replicas, [4, 2]);
        let decision = decision.expect("a first decision");
        // The same again decides nothing, however full the clusters have become.
        let fuller = site("large", Some(10_000));
        let (replicas, again) = placed(6, &[fuller, small.clone()], Some(&decision));
        assert_eq!((replicas, again), (vec![4, 2], None));
        // A lost cluster keeps its weight, and its return restores the division.
        let (replicas, lost) = placed(6, std::slice::from_ref(&small), Some(&decision));
        assert_eq!(replicas, [6]);
        let (replicas, returned) = placed(6, &[large, small], lost.as_ref());
        assert_eq!(replicas, [4, 2]);
        assert_eq!(returned, Some(decision));
    }

    #[test]
    fn too_little_room_is_told() {
        let sites = [site("a", Some(2_000)), site("b", Some(1_500))];
        let error = place(&address(), 4, &ONE_CPU, &sites, RULES, None).expect_err("no room");
        assert_eq!(error.placed, 3);
        assert_eq!(error.limits, [(Arc::from("a"), 2), (Arc::from("b"), 1)]);
    }

    #[test]
    fn one_cluster_or_all_of_them() {
        let sites = [site("a", Some(2_000)), site("b", Some(8_000))];
        let single = Rules { strategy: Strategy::Single, ..RULES };
        assert_eq!(place(&address(), 3, &ONE_CPU, &sites, single, None).expect("room").replicas, [0, 3]);
        let everywhere = Rules { strategy: Strategy::Duplicated, ..RULES };
        assert_eq!(place(&address(), 2, &ONE_CPU, &sites, everywhere, None).expect("room").replicas, [2, 2]);
        assert_eq!(place(&address(), 3, &ONE_CPU, &sites, everywhere, None).map_err(|e| e.placed).err(), Some(2));
    }
}
