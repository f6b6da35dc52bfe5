//! What is changed back again and again by somebody else.
//!
//! An object that was put right five times within five minutes is fought for. It rests then: it is left
//! as it is, for pauses that double, while everything else is put right. When it was not changed for five
//! minutes behind its last pause, the fight is over.
//!
//! The heart is synchronous, and remembers nothing that matters: after a restart a fight is found again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use portolan_lang::Address;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::Time;

/// How many repairs make a fight.
const REPAIRS: usize = 5;

/// Within which time they do, and after which nothing is remembered of those that ended well.
pub const WITHIN: Duration = Duration::from_secs(5 * 60);

/// The longest first pause of an object; it doubles with each further one.
pub const FIRST_REST: Duration = Duration::from_secs(60);

/// The longest pause of an object.
pub const LONGEST_REST: Duration = Duration::from_secs(60 * 60);

/// Who else changes an object; empty where nobody says.
pub type Others = BTreeSet<String>;

/// What is known of one object.
#[derive(Debug, Clone, Default)]
struct Fight {
    /// When it was put right last.
    repairs: VecDeque<Time>,
    /// How often it has rested.
    rests: u32,
    /// Until when it rests.
    until: Time,
}

/// The heart.
#[derive(Debug)]
pub struct Fights {
    random: StdRng,
    objects: BTreeMap<Address, Fight>,
}

impl Fights {
    /// A heart that knows of no fight; chance begins with a seed.
    pub fn new(seed: u64) -> Fights {
        Fights { random: StdRng::seed_from_u64(seed), objects: BTreeMap::new() }
    }

    /// What is left as it is for now.
    pub fn resting(&self, now: Time) -> BTreeSet<Address> {
        let resting = self.objects.iter().filter(|(_, fight)| fight.until > now);
        resting.map(|(object, _)| object.clone()).collect()
    }

    /// When the next object has rested.
    pub fn wake(&self, now: Time) -> Option<Time> {
        self.objects.values().map(|fight| fight.until).filter(|until| *until > now).min()
    }

    /// Hears that objects are put right, and who had changed them. Answers what people are told: of each
    /// fight once.
    pub fn repaired(&mut self, objects: impl IntoIterator<Item = (Address, Others)>, now: Time) -> Vec<String> {
        let told = objects.into_iter().filter_map(|(object, others)| self.put_right(object, &others, now));
        told.collect()
    }

    /// Forgets what was not changed any more. Answers what people are told.
    pub fn quiet(&mut self, now: Time) -> Vec<String> {
        let mut ended = Vec::new();
        self.objects.retain(|object, fight| {
            let last = fight.repairs.back().copied().unwrap_or_default().max(fight.until);
            let is_over = now.saturating_sub(last) >= WITHIN;
            if is_over && fight.rests > 0 {
                ended.push(format!("{object} is not changed back any more"));
            }
            !is_over
        });
        ended
    }

    fn put_right(&mut self, object: Address, others: &Others, now: Time) -> Option<String> {
        let fight = self.objects.entry(object.clone()).or_default();
        fight.repairs.push_back(now);
        fight.repairs.retain(|repair| now.saturating_sub(*repair) < WITHIN);
        if fight.rests == 0 && fight.repairs.len() < REPAIRS {
            return None;
        }
        let doubled = FIRST_REST.saturating_mul(2u32.saturating_pow(fight.rests));
        fight.until = now + doubled.min(LONGEST_REST).mul_f64(self.random.random_range(0.5..=1.0));
        fight.rests = fight.rests.saturating_add(1);
        let times = fight.repairs.len();
        (fight.rests == 1).then(|| {
            format!(
                "{object} is changed back again and again by {}: it was put right {times} times within {}s, and rests from \
                 now on for pauses of up to {} minutes; have one of the two leave it alone",
                names(others),
                WITHIN.as_secs(),
                LONGEST_REST.as_secs() / 60
            )
        })
    }
}

fn names(others: &Others) -> String {
    match others.is_empty() {
        true => "somebody".to_owned(),
        false => others.iter().map(String::as_str).collect::<Vec<&str>>().join(", "),
    }
}

#[cfg(test)]
mod tests;
