//! What a daemon does without a person, and when.
//!
//! Of each change of a plan it is known why it is made: because something was changed outside, because the
//! daemon decided something, or because the configuration wants it. From that, the time and what is declared,
//! [`Limits::beyond`] says everything for which a person is needed; nothing of such a plan is done.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use portolan_lang::Address;

/// What is declared, or given on the command line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limits {
    /// Why nothing is done at all, where nothing is.
    pub pause: Option<Arc<str>>,
    /// Whether something may be deleted because the configuration wants that.
    pub deletions: bool,
    /// Whether something may be deleted and made anew.
    pub replacements: bool,
    /// How many objects one run may change.
    pub changes: Option<Share>,
    /// When the configuration is carried out; always where there are none.
    pub windows: Vec<Window>,
}

/// So many, or a share of all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Share {
    /// So many.
    Number(u64),
    /// Of a hundred.
    Percent(f64),
}

/// A time that comes again every day, or every week.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// The days on which it begins; all where there are none.
    pub days: Vec<Weekday>,
    /// When it begins.
    pub from: Time,
    /// When it ends: on the next day, where that is not later.
    pub to: Time,
    /// Where the clock hangs.
    pub zone: TimeZone,
}

/// Why a change is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Something was changed outside, and is put right.
    Drift,
    /// The daemon decided something: a cluster is given up or taken back, a service follows its load.
    Decision,
    /// The configuration wants it.
    Configuration,
}

/// What becomes of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It is made, or changed in place.
    Put,
    /// It is deleted.
    Delete,
    /// It is deleted and made anew.
    Replace,
}

/// A change of a plan.
#[derive(Debug, Clone)]
pub struct Change {
    /// What is changed.
    pub address: Address,
    /// What becomes of it.
    pub effect: Effect,
    /// Why.
    pub cause: Cause,
}

/// Why a plan needs a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beyond {
    /// Nothing is done, for this reason.
    Paused(Arc<str>),
    /// These are deleted or replaced.
    Lost(Vec<Address>),
    /// More objects are changed than one run may.
    TooMany {
        /// How many are.
        changes: u64,
        /// How many may be.
        most: u64,
    },
    /// These are changed because the configuration wants it, and it is not the time for that.
    Outside(Vec<Address>),
}

impl Limits {
    /// Everything for which a plan needs a person, or another time; empty where it can be done now. `recorded` is how
    /// many objects there are.
    pub fn beyond(&self, changes: &[Change], recorded: u64, now: Timestamp) -> Vec<Beyond> {
        if changes.is_empty() {
            return Vec::new();
        }
        if let Some(reason) = &self.pause {
            return vec![Beyond::Paused(reason.clone())];
        }
        let addresses = |is: &dyn Fn(&Change) -> bool| -> Vec<Address> {
            changes.iter().filter(|change| is(change)).map(|change| change.address.clone()).collect()
        };
        let lost = addresses(&|change| self.loses(change));
        let is_open = self.windows.is_empty() || self.windows.iter().any(|window| window.contains(now));
        let early = addresses(&|change| !is_open && change.cause == Cause::Configuration);
        let most = self.changes.map(|share| share.of(recorded));
        let number = changes.iter().filter(|change| change.cause != Cause::Decision).count() as u64;
        let too_many = most.filter(|most| number > *most).map(|most| Beyond::TooMany { changes: number, most });
        let lost = (!lost.is_empty()).then_some(Beyond::Lost(lost));
        let early = (!early.is_empty()).then_some(Beyond::Outside(early));
        lost.into_iter().chain(too_many).chain(early).collect()
    }

    fn loses(&self, change: &Change) -> bool {
        match change.effect {
            Effect::Put => false,
            Effect::Delete => !self.deletions && change.cause != Cause::Decision,
            Effect::Replace => !self.replacements,
        }
    }
}

impl Share {
    /// How many that are of so many: at least one.
    pub fn of(self, all: u64) -> u64 {
        match self {
            Share::Number(number) => number,
            Share::Percent(percent) => ((all as f64 * percent / 100.0).floor() as u64).max(1),
        }
    }
}

impl Window {
    /// Whether a moment lies in it.
    pub fn contains(&self, now: Timestamp) -> bool {
        let local = now.to_zoned(self.zone.clone());
        let (time, today) = (local.time(), local.weekday());
        let begins = |day: Weekday| self.days.is_empty() || self.days.contains(&day);
        if self.from < self.to {
            return begins(today) && self.from <= time && time < self.to;
        }
        (begins(today) && self.from <= time) || (begins(today.previous()) && time < self.to)
    }
}

/// Why each change is made, by what was changed outside and by the subjects of the daemon's decisions.
pub fn cause(address: &Address, drifted: &BTreeSet<&Address>, decided: &[&Address]) -> Cause {
    if drifted.contains(address) {
        return Cause::Drift;
    }
    match decided.iter().any(|subject| subject.contains(address)) {
        true => Cause::Decision,
        false => Cause::Configuration,
    }
}

#[cfg(test)]
mod tests;
