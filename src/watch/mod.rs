//! When a daemon runs, and when it waits.
//!
//! Events are hints that something may have changed; what is to be done comes from what a run then
//! reads. So an event that is lost costs time and nothing else, and after a restart there is nothing
//! to remember. The heart is synchronous: [`Watch::on`] takes an event and the time and answers what
//! to do, with no clock, no I/O and no chance but a seed of its own.
//!
//! One run goes on at a time. Hints are waited out until it is quiet, but not for ever; hints
//! during a run lead to another one; a run that failed is tried again after pauses that double; and
//! with no hint at all there is a run in every interval.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

pub mod failover;
pub mod fights;
pub mod limits;
pub mod scaling;

/// The time since some fixed moment.
pub type Time = Duration;

/// How patient a daemon is.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How long it has to be quiet after a hint before a run begins.
    pub debounce: Duration,
    /// The longest time from the end of a run to the next one.
    pub interval: Duration,
    /// The longest pause after the first failure; it doubles with each further one.
    pub first_pause: Duration,
    /// The longest pause after any failure.
    pub longest_pause: Duration,
    /// What the chance in the pauses begins with.
    pub seed: u64,
}

/// How many times the debounce hints can put off a run.
const MOST_PUT_OFF: u32 = 10;

/// Something that a daemon comes to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Something may have changed: the configuration, or a system.
    Hint,
    /// Something was decided that does not wait.
    Decided,
    /// The run has ended.
    Ended(Ended),
    /// Something may be done at this time that may not be before.
    Appointed(Time),
    /// Somebody wants it to do nothing, until it is resumed.
    Paused,
    /// It goes on.
    Resumed,
    /// The time that [`Watch::wake`] told has come.
    Tick,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything is as it ought to be.
    Settled,
    /// There is something to do that a person has to allow: it waits until something changes.
    Held,
    /// Something went wrong.
    Failed,
}

/// What a daemon is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Plan and apply.
    Run,
}

/// The hints that no run has seen yet.
#[derive(Debug, Clone, Copy)]
struct Hinted {
    first: Time,
    last: Time,
}

/// The heart of a daemon.
#[derive(Debug)]
pub struct Watch {
    settings: Settings,
    random: StdRng,
    hinted: Option<Hinted>,
    is_running: bool,
    is_paused: bool,
    /// When the next run begins though nothing hints at anything.
    due: Time,
    /// Before which nothing begins, after a failure.
    not_before: Time,
    failures: u32,
}

impl Watch {
    /// A daemon that begins with a run at once.
    pub fn new(settings: Settings, now: Time) -> Watch {
        Watch {
            settings,
            random: StdRng::seed_from_u64(settings.seed),
            hinted: None,
            is_running: false,
            is_paused: false,
            due: now,
            not_before: now,
            failures: 0,
        }
    }

    /// Is so patient from now on.
    pub fn adjust(&mut self, debounce: Duration, interval: Duration) {
        (self.settings.debounce, self.settings.interval) = (debounce, interval);
    }

    /// What is to be done now that something has happened.
    pub fn on(&mut self, event: Event, now: Time) -> Option<Action> {
        match event {
            Event::Hint => {
                let first = self.hinted.map_or(now, |hinted| hinted.first);
                self.hinted = Some(Hinted { first, last: now });
            }
            Event::Decided => {
                self.hinted = Some(Hinted { first: Time::ZERO, last: Time::ZERO });
                self.not_before = now;
            }
            Event::Ended(ended) => self.ended(ended, now),
            Event::Appointed(time) => self.due = self.due.min(time),
            Event::Paused => self.is_paused = true,
            Event::Resumed => self.is_paused = false,
            Event::Tick => {}
        }
        let is_time = self.wake().is_some_and(|wake| wake <= now);
        is_time.then(|| {
            self.is_running = true;
            self.hinted = None;
            Action::Run
        })
    }

    /// When something is to be done though nothing happens; `None` where that cannot be.
    pub fn wake(&self) -> Option<Time> {
        if self.is_running || self.is_paused {
            return None;
        }
        let quiet = |hinted: Hinted| {
            let put_off = self.settings.debounce * MOST_PUT_OFF;
            (hinted.last + self.settings.debounce).min(hinted.first + put_off)
        };
        let wanted = self.hinted.map_or(self.due, |hinted| quiet(hinted).min(self.due));
        Some(wanted.max(self.not_before))
    }

    fn ended(&mut self, ended: Ended, now: Time) {
        self.is_running = false;
        self.due = now + self.settings.interval;
        match ended {
            Ended::Settled | Ended::Held => {
                self.failures = 0;
                self.not_before = now;
            }
            Ended::Failed => {
                self.failures = self.failures.saturating_add(1);
                self.not_before = now + self.pause();
                self.due = self.not_before;
            }
        }
    }

    /// The pause after so many failures: by chance over the upper half, so that daemons that failed
    /// together do not come back together.
    fn pause(&mut self) -> Duration {
        let doubled = self.settings.first_pause.saturating_mul(2u32.saturating_pow(self.failures.saturating_sub(1)));
        doubled.min(self.settings.longest_pause).mul_f64(self.random.random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests;
