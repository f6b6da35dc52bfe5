//! What to do next.

use std::collections::BTreeMap;
use std::time::Duration;

use portolan_fleet::{Quarantined, Release, Report, State};

use crate::waves;

/// How long nothing may be published before what was published is taken up.
const QUIET: Duration = Duration::from_millis(200);

/// How long it is waited for quiet at most.
const LONGEST: Duration = Duration::from_secs(2);

/// How often nginx is reloaded at most because other pods are there.
const PODS: Duration = Duration::from_secs(2);

/// How often it is looked whether nginx still serves what it ought to.
const LOOK: Duration = Duration::from_secs(1);

/// How long to wait before what failed is tried again: at first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// How long to wait before nginx is asked again about what it did not take: at first, and at most.
const RECONSIDER: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(600));

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// This is the release that counts now.
    Wanted(Option<Release>),
    /// Other pods take requests than before.
    Endpoints,
    /// This is what the nodes report that live.
    Nodes(BTreeMap<String, Report>),
    /// A release was brought to nginx, or not.
    Brought(Release, Outcome),
    /// nginx serves what is called so; `None` where it says nothing.
    Looked(Option<String>),
    /// Time has passed.
    Passed,
}

/// What became of bringing a release to nginx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It lies on the disk under this name, and nginx serves it, or does not run.
    There {
        /// What it is called.
        name: String,
        /// Whether nginx serves it.
        is_served: bool,
        /// The units that stay as they were.
        quarantined: Vec<Quarantined>,
    },
    /// nginx does not take it.
    Refused(String),
    /// nginx took it and did not come to serve it.
    RolledBack(String),
    /// It could not be tried.
    Failed(String),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Bring this release to nginx, and tell what became of it.
    Bring(Release),
    /// Ask nginx what it serves, and tell.
    Look,
    /// Report this.
    Report(Box<Report>),
}

/// Decides. Times are since the agent was started.
#[derive(Debug)]
pub struct Heart {
    node: String,
    /// Whether anything was good before: a node that serves nothing has nothing to lose.
    has_good: bool,
    wanted: Option<Release>,
    /// Whether it was told what counts, be it nothing.
    has_heard: bool,
    /// When what counts changed since it was last taken up: first and last.
    changed: Option<(Duration, Duration)>,
    nodes: BTreeMap<String, Report>,
    /// Whether other pods take requests than those that were last brought to nginx.
    has_other_pods: bool,
    /// When something was last brought to nginx.
    brought: Option<Duration>,
    is_bringing: Option<Release>,
    settled: Option<Settled>,
    look_at: Duration,
    is_looking: bool,
    reported: Option<Report>,
}

/// A release with which everything was done that could be, for now.
#[derive(Debug, Clone)]
struct Settled {
    release: Release,
    outcome: Outcome,
    /// When to try again; `None` where there is nothing more to come.
    again: Option<Duration>,
    /// How long was waited before.
    pause: Duration,
}

impl Heart {
    /// For the node of this name.
    pub fn new(node: impl Into<String>, has_good: bool) -> Heart {
        Heart {
            node: node.into(),
            has_good,
            wanted: None,
            has_heard: false,
            changed: None,
            nodes: BTreeMap::new(),
            has_other_pods: false,
            brought: None,
            is_bringing: None,
            settled: None,
            look_at: Duration::ZERO,
            is_looking: false,
            reported: None,
        }
    }

    /// Takes in what happened and says what is to be done.
    pub fn on(&mut self, event: Event, now: Duration) -> Vec<Action> {
        match event {
            Event::Wanted(wanted) => self.want(wanted, now),
            Event::Endpoints => self.has_other_pods = true,
            Event::Nodes(nodes) => self.nodes = nodes,
            Event::Brought(release, outcome) => self.settle(release, outcome, now),
            Event::Looked(serves) => self.looked(serves, now),
            Event::Passed => {}
        }
        let mut actions: Vec<Action> = self.next(now).into_iter().collect();
        let report = self.report(now);
        if self.has_heard && self.reported.as_ref() != Some(&report) {
            self.reported = Some(report.clone());
            actions.push(Action::Report(Box::new(report)));
        }
        actions
    }

    /// When time matters next.
    pub fn wake(&self) -> Option<Duration> {
        if self.is_bringing.is_some() {
            return None;
        }
        let due = self.changed.map(|(first, last)| (last + QUIET).min(first + LONGEST));
        let again = self.settled.as_ref().and_then(|settled| settled.again);
        let look = (!self.is_looking).then_some(self.look_at);
        [due, again, look, self.pods_due()].into_iter().flatten().min()
    }

    /// When the pods that take requests now are to be brought to nginx.
    fn pods_due(&self) -> Option<Duration> {
        self.settled.as_ref().filter(|_| self.has_other_pods)?;
        Some(self.brought.map_or(Duration::ZERO, |brought| brought + PODS))
    }

    fn want(&mut self, wanted: Option<Release>, now: Duration) {
        self.has_heard = true;
        // Where nothing is published any more, what was stays served: it may only be missing.
        if wanted.is_none() || wanted == self.wanted {
            return;
        }
        let is_first = self.wanted.is_none();
        self.wanted = wanted;
        // Nobody waits for quiet who has just come.
        if !is_first {
            let first = self.changed.map_or(now, |(first, _)| first);
            self.changed = Some((first, now));
        }
    }

    fn settle(&mut self, release: Release, outcome: Outcome, now: Duration) {
        self.is_bringing = None;
        self.brought = Some(now);
        self.look_at = now + LOOK;
        let (least, most) = match &outcome {
            Outcome::Failed(_) => RETRY,
            _ => RECONSIDER,
        };
        let before = self.settled.as_ref().filter(|settled| settled.release == release).map(|settled| settled.pause);
        let pause = before.map_or(least, |before| (before * 2).clamp(least, most));
        let is_whole = matches!(&outcome, Outcome::There { quarantined, .. } if quarantined.is_empty());
        self.has_good |= matches!(&outcome, Outcome::There { is_served: true, .. });
        let again = (!is_whole).then(|| now + pause);
        self.settled = Some(Settled { release, outcome, again, pause });
    }

    fn looked(&mut self, serves: Option<String>, now: Duration) {
        self.is_looking = false;
        self.look_at = now + LOOK;
        let Some(settled) = &mut self.settled else { return };
        if let Outcome::There { name, is_served, .. } = &mut settled.outcome {
            let was_served = *is_served;
            *is_served &= serves.as_ref() == Some(name);
            // It was started: with this, which is to be noted, or in the middle of a change.
            if serves.is_some() && !(was_served && *is_served) {
                settled.again = Some(now);
            }
        }
    }

    fn next(&mut self, now: Duration) -> Option<Action> {
        let wanted = self.wanted.clone().filter(|_| self.is_bringing.is_none())?;
        let settled = self.settled.as_ref().filter(|settled| settled.release == wanted);
        let is_due = match settled {
            Some(settled) => {
                let is_due = |at: Option<Duration>| at.is_some_and(|at| at <= now);
                is_due(settled.again) || is_due(self.pods_due())
            }
            None => self.is_quiet(now) && self.hold().is_none(),
        };
        if settled.is_some() || self.is_quiet(now) {
            self.changed = None;
        }
        if is_due {
            self.is_bringing = Some(wanted.clone());
            self.has_other_pods = false;
            return Some(Action::Bring(wanted));
        }
        let can_look = self.settled.is_some() && !self.is_looking && self.look_at <= now;
        self.is_looking |= can_look;
        can_look.then_some(Action::Look)
    }

    fn is_quiet(&self, now: Duration) -> bool {
        self.changed.is_none_or(|(first, last)| now >= last + QUIET || now >= first + LONGEST)
    }

    /// Why it is not this node's turn yet.
    fn hold(&self) -> Option<String> {
        let wanted = self.wanted.as_ref().filter(|_| self.has_good)?;
        waves::hold(&self.node, wanted, &self.nodes)
    }

    fn report(&self, now: Duration) -> Report {
        let mut report = Report {
            revision: self.wanted.as_ref().map_or(0, |wanted| wanted.revision),
            manifest: self.wanted.as_ref().map(|wanted| wanted.manifest.clone()),
            state: State::Waiting,
            serves: None,
            why: String::new(),
            quarantined: Vec::new(),
            agent: String::new(),
            nginx: String::new(),
            since: 0,
        };
        let Some(wanted) = &self.wanted else {
            report.why = "nothing is published".to_owned();
            return report;
        };
        match self.settled.as_ref().filter(|settled| settled.release == *wanted) {
            Some(settled) => tell(&settled.outcome, &mut report),
            None if self.is_bringing.is_some() => {}
            None => report.why = self.hold().filter(|_| self.is_quiet(now)).unwrap_or_default(),
        }
        report
    }
}

fn tell(outcome: &Outcome, report: &mut Report) {
    match outcome {
        Outcome::There { name, is_served, quarantined } => {
            report.quarantined.clone_from(quarantined);
            if *is_served {
                report.state = State::Serving;
                report.serves = Some(name.clone());
            } else {
                report.state = State::NotRunning;
                report.why = "nginx does not run, or does not say what it serves".to_owned();
            }
        }
        Outcome::Refused(why) => (report.state, report.why) = (State::Refused, why.clone()),
        Outcome::RolledBack(why) => (report.state, report.why) = (State::RolledBack, why.clone()),
        Outcome::Failed(why) => report.why.clone_from(why),
    }
}

#[cfg(test)]
mod tests;
