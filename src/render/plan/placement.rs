//! Where replicas run, and why.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use portolan::compile::domain::placement::{Held, REPLICAS, Replicas, Share, Strategy};
use portolan::plan::Plan;
use portolan_state::Decision;
use serde_json::{Value as Json, json};

use crate::render::palette::Palette;

/// Of more clusters than this, those that have nothing to do with a service are only counted.
const MAX_CLUSTERS: usize = 8;

/// Of more services than this, those of which nothing changes are only counted.
const MAX_SERVICES: usize = 20;

/// The division of a service's replicas.
pub(super) struct Division {
    service: String,
    /// As it is, or will be once the plan is applied.
    now: Replicas,
    /// As it is recorded before the plan is applied.
    before: Option<Replicas>,
    reason: String,
    is_changed: bool,
}

/// The divisions that hold once the plan is applied, in the order of the services.
pub(super) fn divisions(plan: &Plan) -> Vec<Division> {
    let division = |(decision, is_changed): (&Decision, bool)| {
        let before = if is_changed { plan.decided(&decision.subject, REPLICAS).and_then(Replicas::read) } else { None };
        let (service, reason) = (decision.subject.to_string(), decision.reason.clone());
        Some(Division { service, now: Replicas::read(decision)?, before, reason, is_changed })
    };
    let mut found: Vec<Division> = plan.standing().into_iter().filter_map(division).collect();
    found.sort_by(|left, right| left.service.cmp(&right.service));
    found
}

/// How and why the replicas of each service are divided, a line each, and a blank one behind them
/// where there are any. Of many services, those of which nothing changes are only counted.
pub(super) fn text(plan: &Plan, palette: Palette) -> String {
    let divisions = divisions(plan);
    let is_shown = |division: &&Division| division.is_changed || divisions.len() <= MAX_SERVICES;
    let shown: Vec<&Division> = divisions.iter().filter(is_shown).collect();
    if divisions.is_empty() {
        return String::new();
    }
    let width = shown.iter().map(|division| division.service.chars().count()).max().unwrap_or(0);
    let mut text = format!("{}\n\n", palette.bold("Where replicas run, and why:"));
    for division in &shown {
        let why = palette.dim(&format!("; {}", division.why()));
        let _ = writeln!(text, "  {:width$}  {}{why}", division.service, division.words());
    }
    let others = divisions.len() - shown.len();
    if others > 0 {
        let _ =
            writeln!(text, "  {}", palette.dim(&format!("{others} others stay as they are; portolan show has them.")));
    }
    text.push('\n');
    text
}

/// Those that the plan changes: the service, and how and why it is divided.
pub(super) fn rows(plan: &Plan) -> Vec<[String; 3]> {
    let changed = divisions(plan).into_iter().filter(|division| division.is_changed);
    changed.map(|division| [division.service.clone(), division.words(), division.reason]).collect()
}

/// All of them.
pub(super) fn json(plan: &Plan) -> Vec<Json> {
    divisions(plan).iter().map(Division::json).collect()
}

/// The divisions that are recorded, a line each.
pub(crate) fn recorded(decisions: &[Decision]) -> Vec<String> {
    let plan = Plan { decided: decisions.to_vec(), ..Plan::default() };
    let line = |division: &Division| format!("{}: {} ({})", division.service, division.words(), division.reason);
    divisions(&plan).iter().map(line).collect()
}

impl Division {
    /// Why it is so: what it was settled for and, where it stays, that it stays.
    fn why(&self) -> String {
        if self.is_changed { self.reason.clone() } else { format!("unchanged: {}", self.reason) }
    }

    /// `6 by free capacity: beijing 4 (room for 192), shanghai 2 (room for 96)`
    fn words(&self) -> String {
        let total = self.now.total;
        let mut present = self.now.present();
        let mut text = match (self.now.strategy, present.next(), present.next()) {
            (_, Some((name, share)), None) if !share.is_lost => {
                format!("{}, the only cluster", self.cluster(&format!("{total} in {name}"), name, share))
            }
            (Strategy::Duplicated, ..) => format!("{total} in every cluster: {}", self.clusters()),
            (Strategy::Single, ..) => format!("{total} in one cluster: {}", self.clusters()),
            (Strategy::FreeCapacity, ..) => format!("{total} by free capacity: {}", self.clusters()),
            (Strategy::Weighted, ..) => format!("{total} by weight: {}", self.clusters()),
        };
        if self.now.missing > 0 {
            let _ = write!(text, "; no room for {}", self.now.missing);
        }
        text
    }

    fn clusters(&self) -> String {
        let names: BTreeSet<&Arc<str>> = self.now.present().map(|(name, _)| name).chain(self.gone()).collect();
        let is_idle = |name: &&&Arc<str>| self.now.running(name) == 0 && self.running_before(name).unwrap_or(0) == 0;
        let idle = names.iter().filter(is_idle).count();
        let shown = |name: &&&Arc<str>| names.len() <= MAX_CLUSTERS || !is_idle(name);
        let mut parts: Vec<String> = names.iter().filter(shown).map(|name| self.number_in(name)).collect();
        if names.len() > MAX_CLUSTERS && idle > 0 {
            parts.push(format!("none in {idle} others"));
        }
        parts.join(", ")
    }

    /// The clusters that have replicas no more because they are not among those to choose from.
    fn gone(&self) -> impl Iterator<Item = &Arc<str>> {
        let before = self.before.iter().flat_map(Replicas::present).map(|(name, _)| name);
        before.filter(|name| self.now.clusters.get(*name).is_none_or(|share| share.replicas.is_none()))
    }

    fn running_before(&self, name: &str) -> Option<u32> {
        self.before.as_ref().map(|before| before.running(name))
    }

    /// `beijing 3 → 4 (weight 192, room for 170)`
    fn number_in(&self, name: &str) -> String {
        let now = self.now.running(name);
        let number = match self.running_before(name).filter(|before| *before != now) {
            Some(before) => format!("{name} {before} → {now}"),
            None => format!("{name} {now}"),
        };
        match self.now.clusters.get(name).filter(|share| share.replicas.is_some()) {
            Some(share) => self.cluster(&number, name, share),
            None => number,
        }
    }

    fn cluster(&self, number: &str, name: &str, share: &Share) -> String {
        let words: Vec<String> = self.reasons(name, share);
        if words.is_empty() { number.to_owned() } else { format!("{number} ({})", words.join(", ")) }
    }

    fn reasons(&self, name: &str, share: &Share) -> Vec<String> {
        let is_divided = matches!(self.now.strategy, Strategy::FreeCapacity | Strategy::Weighted);
        let is_measure = self.now.strategy == Strategy::FreeCapacity && share.weight == share.room.map(u64::from);
        let mut words = Vec::new();
        if share.is_lost {
            words.push("away".to_owned());
        }
        if is_divided && !is_measure && !self.is_alone() {
            words.push(format!("weight {}", self.now.weight(name)));
        }
        words.extend(share.room.map(|room| format!("room for {room}")));
        words.extend(share.held.map(|held| held_words(held, share)));
        if share.standing_in > 0 {
            words.push(format!("{} of them for clusters that are away", share.standing_in));
        }
        words
    }

    fn is_alone(&self) -> bool {
        self.now.present().count() == 1
    }

    fn json(&self) -> Json {
        let cluster = |(name, share): (&Arc<str>, &Share)| {
            json!({
                "cluster": &**name,
                "replicas": share.running(),
                "before": self.running_before(name),
                "weight": share.weight.filter(|_| !self.is_alone()).map(|_| self.now.weight(name).parse::<f64>().ok()),
                "room": share.room,
                "min": share.min,
                "max": share.max,
                "held": share.held,
                "lost": share.is_lost,
                "standing_in": share.standing_in,
            })
        };
        json!({
            "service": self.service,
            "strategy": self.now.strategy,
            "replicas": self.now.total,
            "missing": self.now.missing,
            "reason": self.reason,
            "changes": self.is_changed,
            "clusters": self.now.present().map(cluster).collect::<Vec<Json>>(),
        })
    }
}

fn held_words(held: Held, share: &Share) -> String {
    match held {
        Held::First => "every cluster has one".to_owned(),
        Held::Region => "every region has one".to_owned(),
        Held::Min => format!("at least {}", share.min),
        Held::Max => share.max.map_or_else(|| "at its limit".to_owned(), |max| format!("at most {max}")),
        Held::Room => "full".to_owned(),
        Held::Kept => "had so many".to_owned(),
        Held::Spread => "not chosen".to_owned(),
    }
}
