//! What a daemon may do without a person, and when.
//!
//! Judging is pure: it takes what is declared, what a run would do, and the time.

use jiff::Timestamp;
use portolan_lang::Address;

use crate::config::watch::{Share, Watch, Window};

/// What a run would do, as far as limits ask.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// What it deletes, but for what moves away because of a cluster.
    pub deleted: Vec<Address>,
    /// What it deletes and makes anew.
    pub replaced: Vec<Address>,
    /// How many objects it changes in any way.
    pub changed: u64,
    /// How many objects are recorded.
    pub recorded: u64,
    /// Whether it puts right what was changed outside, and does nothing else.
    pub is_repair: bool,
    /// Whether it follows the load of services, and does nothing else.
    pub is_scaling: bool,
    /// Whether it is for a cluster that died or came back, or one is given up.
    pub is_failover: bool,
}

/// That a run waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Why, and what has to be done.
    pub why: String,
    /// When it has to wait no more, where it does not wait for a person.
    pub until: Option<Timestamp>,
    /// Whether what was changed outside may be put right meanwhile.
    pub may_repair: bool,
}

/// How many addresses are named.
const NAMED: usize = 5;

/// What a person does about what waits.
const BY_HAND: &str = "look at it with `portolan plan`, and do it with `portolan apply`";

/// Why a run waits; `None` where it is within what is declared.
pub fn judge(declared: &Watch, facts: &Facts, now: Timestamp) -> Option<Held> {
    if let Some(reason) = &declared.pause {
        let why = format!("it is paused: {reason}; {BY_HAND}, or take `pause` out of the block `watch`");
        return Some(Held { why, until: None, may_repair: false });
    }
    let for_person = |why: String| Held { why: format!("{why}; {BY_HAND}"), until: None, may_repair: true };
    beyond(declared, facts).map(for_person).or_else(|| outside(declared, facts, now))
}

/// What a person has to allow.
fn beyond(declared: &Watch, facts: &Facts) -> Option<String> {
    let limits = &declared.limits;
    let deleted = facts.deleted.iter().filter(|_| !limits.deletions);
    let replaced = facts.replaced.iter().filter(|_| !limits.replacements);
    let lost: Vec<String> = deleted.chain(replaced).map(ToString::to_string).collect();
    if !lost.is_empty() {
        return Some(format!("a person has to allow that this is deleted or replaced: {}", named(&lost)));
    }
    let (changed, recorded) = (facts.changed, facts.recorded);
    let is_beyond = |share| match share {
        Share::Objects(most) => changed > most,
        Share::Percent(most) => u128::from(changed) * 100 > u128::from(recorded) * u128::from(most),
    };
    // What is new altogether is no share of what there is.
    let is_first = |share| matches!(share, Share::Percent(_)) && recorded == 0;
    let broken = limits
        .changes
        .filter(|share| !facts.is_failover && !facts.is_scaling && !is_first(*share) && is_beyond(*share))?;
    let most = match broken {
        Share::Objects(most) => format!("{most} at once"),
        Share::Percent(most) => format!("{most}% of the {recorded} that are recorded"),
    };
    Some(format!("a person has to allow that {changed} objects are changed: the limit is {most}"))
}

/// What waits for a window.
fn outside(declared: &Watch, facts: &Facts, now: Timestamp) -> Option<Held> {
    let goes_on = (facts.is_repair && declared.repairs_always)
        || facts.is_scaling
        || (facts.is_failover && declared.fails_over_always);
    if goes_on || is_open(declared, now) {
        return None;
    }
    let next = declared.windows.iter().filter_map(|window| Some((window.schedule.next(now)?, window)));
    let (until, window) = next.min_by_key(|(time, _)| *time).unzip();
    let when = until.zip(window).map(|(time, window): (Timestamp, &Window)| {
        format!("the window {:?} opens at {}", window.name, time.strftime("%Y-%m-%dT%H:%M:%SZ"))
    });
    let why = format!("it waits until {}; {BY_HAND} before", when.unwrap_or_else(|| "a window opens".to_owned()));
    Some(Held { why, until, may_repair: declared.repairs_always })
}

/// Whether changes are made now.
pub fn is_open(declared: &Watch, now: Timestamp) -> bool {
    let is_open = |window: &Window| window.schedule.was_within(now, window.duration);
    declared.windows.is_empty() || declared.windows.iter().any(is_open)
}

/// The first of some addresses, and how many there are beside.
fn named(addresses: &[String]) -> String {
    let first: Vec<&str> = addresses.iter().take(NAMED).map(String::as_str).collect();
    match addresses.len().saturating_sub(NAMED) {
        0 => first.join(", "),
        more => format!("{}, and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests;
