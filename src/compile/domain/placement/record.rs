//! What a decision about replicas records, and how it is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::Address;
use portolan_state::{Answer, Decision};
use serde::{Deserialize, Serialize};

use super::Strategy;

/// The question that a decision about replicas answers.
pub const REPLICAS: &str = "replicas";

/// The kinds of decisions that are about services.
pub(in crate::compile) const ABOUT_SERVICES: [&str; 1] = [REPLICAS];

/// How the replicas of a service are divided, and what that was settled from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replicas {
    /// How they are divided.
    pub strategy: Strategy,
    /// How many there are: over all clusters or, of a duplicated service, in each.
    pub total: u32,
    /// How many found no room after a cluster was lost.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missing: u32,
    /// Over how many groups they are spread.
    #[serde(default, skip_serializing_if = "Spread::is_free")]
    pub spread: Spread,
    /// The share of each cluster by name, of those that are away as well.
    pub clusters: BTreeMap<Arc<str>, Share>,
}

/// The share of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Share {
    /// Its weight relative to the others'; `None` where it is to be measured anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u64>,
    /// How many replicas are its own; `None` while it is not among the clusters to choose from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// How many it has beside, in place of lost clusters, until these are back.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub standing_in: u32,
    /// Whether it is lost: it keeps its replicas in the division, and has none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_lost: bool,
    /// The declared minimum.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub min: u32,
    /// The declared maximum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// How many it had room for, its own included; `None` where that was not limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<u32>,
    /// What gave it another number than its weight alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
}

/// What gives a cluster another number of replicas than its weight alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// Every cluster has one before any has two.
    First,
    /// Every region has one before any has two.
    Region,
    /// Its minimum.
    Min,
    /// Its maximum.
    Max,
    /// It is full.
    Room,
    /// It had so many before.
    Kept,
    /// The groups that replicas are spread over are others.
    Spread,
}

/// Over how many regions and clusters replicas are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spread {
    /// Over how many regions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Groups>,
    /// Over how many clusters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Groups>,
}

/// The least and the greatest number of groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Groups {
    /// How many there are at least, as far as there are replicas.
    pub min: u32,
    /// How many there are at most; `None` for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
}

impl Share {
    /// All but how full the cluster was, and what came of that.
    fn essence(&self) -> Share {
        Share { room: None, held: None, ..self.clone() }
    }

    /// How many replicas run there.
    pub fn running(&self) -> u32 {
        if self.is_lost { 0 } else { self.replicas.unwrap_or(0) + self.standing_in }
    }
}

impl Spread {
    fn is_free(&self) -> bool {
        *self == Spread::default()
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Replicas {
    /// The recorded decision about the replicas of a service.
    pub fn of<'a>(decisions: impl IntoIterator<Item = &'a Decision>, subject: &Address) -> Option<Replicas> {
        let mut decisions = decisions.into_iter();
        let found = decisions.find(|decision| decision.subject == *subject && &*decision.kind == REPLICAS)?;
        Replicas::read(found)
    }

    /// What a decision about replicas says; `None` where it is about something else.
    pub fn read(decision: &Decision) -> Option<Replicas> {
        if &*decision.kind != REPLICAS {
            return None;
        }
        decision.value.read()
    }

    /// The same with all clusters to be measured anew, and the replicas to be divided by that.
    #[must_use]
    pub fn unmeasured(mut self) -> Replicas {
        self.clusters.values_mut().for_each(|share| share.weight = None);
        self
    }

    /// How many replicas a cluster has in the division.
    pub fn own(&self, name: &str) -> u32 {
        self.clusters.get(name).and_then(|share| share.replicas).unwrap_or(0)
    }

    /// How many more replicas a cluster had room for when it was measured, [`u32::MAX`] for any
    /// number; `None` where it never was.
    pub fn free(&self, name: &str) -> Option<u32> {
        let share = self.clusters.get(name).filter(|share| share.weight.is_some() && !share.is_lost)?;
        Some(share.room.map_or(u32::MAX, |room| room.saturating_sub(share.running())))
    }

    /// How many replicas run in a cluster, as far as it is not lost.
    pub fn running(&self, name: &str) -> u32 {
        self.clusters.get(name).map_or(0, Share::running)
    }

    /// The clusters that take part, lost ones included.
    pub fn present(&self) -> impl Iterator<Item = (&Arc<str>, &Share)> {
        self.clusters.iter().filter(|(_, share)| share.replicas.is_some())
    }

    /// The weight of a cluster as people know it: declared ones are recorded in thousandths.
    pub fn weight(&self, name: &str) -> String {
        let weight = self.clusters.get(name).and_then(|share| share.weight).unwrap_or(0);
        match self.strategy {
            Strategy::Weighted => {
                let text = format!("{}.{:03}", weight / 1000, weight % 1000);
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
            _ => weight.to_string(),
        }
    }

    /// Whether both say the same, however full the clusters were.
    pub(in crate::compile) fn is_same(&self, other: &Replicas) -> bool {
        (self.strategy, self.total, self.missing, self.spread)
            == (other.strategy, other.total, other.missing, other.spread)
            && self.clusters.len() == other.clusters.len()
            && self
                .clusters
                .iter()
                .zip(&other.clusters)
                .all(|(left, right)| left.0 == right.0 && left.1.essence() == right.1.essence())
    }

    /// The decision with its reason. Its time is set when it is recorded.
    pub(super) fn decide(&self, subject: &Address, before: Option<&Replicas>) -> Decision {
        Decision {
            subject: subject.clone(),
            kind: Arc::from(REPLICAS),
            value: Answer::of(self),
            reason: self.occasion(before),
            time: String::new(),
        }
    }

    /// Why something is decided.
    fn occasion(&self, before: Option<&Replicas>) -> String {
        let Some(before) = before else { return "first placed".to_owned() };
        let without = |these: &Replicas, others: &Replicas, is_there: fn(&Share) -> bool| -> Vec<String> {
            let is_other = |name: &Arc<str>| others.clusters.get(name).is_some_and(is_there);
            let names = these.clusters.iter().filter(|(_, share)| is_there(share)).map(|(name, _)| name);
            names.filter(|name| !is_other(name)).map(ToString::to_string).collect()
        };
        let is_present = |share: &Share| share.replicas.is_some();
        let changes = [
            ("is away", without(self, before, |share| share.is_lost)),
            ("is back", without(before, self, |share| share.is_lost)),
            ("is new", without(self, before, is_present)),
            ("left", without(before, self, is_present)),
        ];
        let clusters: Vec<String> = changes
            .iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(what, names)| format!("{} {what}", names.join(", ")))
            .collect();
        let is_unmeasured = before.present().any(|(_, share)| share.weight.is_none() && !share.is_lost);
        match () {
            () if before.strategy != self.strategy => "the strategy has changed".to_owned(),
            () if is_unmeasured => "measured anew".to_owned(),
            () if !clusters.is_empty() => clusters.join("; "),
            () if before.total != self.total => {
                format!("the number of replicas has changed from {} to {}", before.total, self.total)
            }
            () if self.weights() != before.weights() => "the weights have changed".to_owned(),
            () => "the bounds or the room have changed".to_owned(),
        }
    }

    fn weights(&self) -> Vec<(&Arc<str>, Option<u64>)> {
        self.clusters.iter().map(|(name, share)| (name, share.weight)).collect()
    }
}
