//! How fast a number of copies may change: stabilization and limits, as Kubernetes'
//! HorizontalPodAutoscaler has them (`behavior` of `autoscaling/v2`).

use std::time::Duration;

use crate::compile::domain::autoscale::{Amount, Autoscale, Rules, Select};
use crate::watch::Time;

/// What was wanted, and done, of late.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    wanted: Vec<(Time, u32)>,
    /// How many copies came, or went where that is negative.
    changes: Vec<(Time, i64)>,
}

impl History {
    /// The history of a number of copies that comes to be known.
    pub(super) fn of(current: u32, now: Time) -> History {
        History { wanted: vec![(now, current)], changes: Vec::new() }
    }

    /// Remembers that the number has changed.
    pub(super) fn changed(&mut self, before: u32, after: u32, now: Time) {
        self.changes.push((now, i64::from(after) - i64::from(before)));
    }

    /// The number that may be now, where `wanted` is, and remembers that it was.
    pub(super) fn pace(&mut self, autoscale: &Autoscale, (current, wanted): (u32, u32), now: Time) -> u32 {
        let stable = self.stable(autoscale, (current, wanted), now);
        self.wanted.push((now, wanted));
        self.forget(autoscale, now);
        match stable {
            stable if stable > current => stable.min(self.most(&autoscale.up, current, now).max(current)),
            stable => stable.max(self.least(&autoscale.down, current, now).min(current)),
        }
    }

    /// The current number, as far as everything that was wanted in the windows allows.
    fn stable(&self, autoscale: &Autoscale, (current, wanted): (u32, u32), now: Time) -> u32 {
        let within = |window: Duration| {
            self.wanted.iter().filter(move |(time, _)| is_within(*time, window, now)).map(|(_, wanted)| *wanted)
        };
        let least = within(autoscale.up.stabilization).fold(wanted, u32::min);
        let most = within(autoscale.down.stabilization).fold(wanted, u32::max);
        current.max(least).min(most)
    }

    /// The greatest number that the rules allow.
    fn most(&self, rules: &Rules, current: u32, now: Time) -> u32 {
        let limits = rules.policies.iter().map(|policy| {
            let start = self.at_start(current, policy.period, now);
            match policy.amount {
                Amount::Pods(pods) => start.saturating_add(pods),
                Amount::Percent(percent) => (f64::from(start) * (1.0 + f64::from(percent) / 100.0)).ceil() as u32,
            }
        });
        let found = match rules.select {
            Select::Max => limits.max(),
            Select::Min => limits.min(),
            Select::Disabled => None,
        };
        // A share of none is none, and would be so for ever.
        found.map_or(current, |most| most.max(1))
    }

    /// The least number that the rules allow.
    fn least(&self, rules: &Rules, current: u32, now: Time) -> u32 {
        let limits = rules.policies.iter().map(|policy| {
            let start = self.at_start(current, policy.period, now);
            match policy.amount {
                Amount::Pods(pods) => start.saturating_sub(pods),
                Amount::Percent(percent) => (f64::from(start) * (1.0 - f64::from(percent) / 100.0)).max(0.0) as u32,
            }
        });
        let found = match rules.select {
            Select::Max => limits.min(),
            Select::Min => limits.max(),
            Select::Disabled => None,
        };
        found.unwrap_or(current)
    }

    /// How many there were when a period began that ends now.
    fn at_start(&self, current: u32, period: Duration, now: Time) -> u32 {
        let since = self.changes.iter().filter(|(time, _)| is_within(*time, period, now));
        let start = i64::from(current) - since.map(|(_, change)| change).sum::<i64>();
        u32::try_from(start.max(0)).unwrap_or(u32::MAX)
    }

    /// Forgets what no window and no period reaches.
    fn forget(&mut self, autoscale: &Autoscale, now: Time) {
        let rules = [&autoscale.up, &autoscale.down];
        let window = rules.iter().map(|rules| rules.stabilization).max().unwrap_or_default();
        let policies = rules.iter().flat_map(|rules| &rules.policies);
        let period = policies.map(|policy| policy.period).max().unwrap_or_default();
        self.wanted.retain(|(time, _)| is_within(*time, window, now));
        self.changes.retain(|(time, _)| is_within(*time, period, now));
    }
}

/// Whether less than so much time has gone by since then.
fn is_within(time: Time, period: Duration, now: Time) -> bool {
    now.saturating_sub(time) < period
}
