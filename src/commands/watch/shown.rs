//! What a daemon shows of itself: its last plan and run, the clusters, the decisions, and what it said.
//!
//! The daemon writes it as things happen; whoever listens reads it at any time, and waits for changes.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use portolan::compile::domain::availability::Availability;
use portolan::plan::{Action, Plan};
use portolan::watch::Ended;
use portolan::watch::failover::{Health, Standing};
use portolan_lang::Address;
use portolan_state::Snapshot;
use serde::Serialize;
use tokio::sync::watch;

use super::metrics::Metrics;
use crate::render;

/// How many messages are kept.
const KEPT: usize = 200;

/// What a daemon shows. Times are RFC 3339 in UTC.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Overview {
    format_version: &'static str,
    version: &'static str,
    started: String,
    state: State,
    /// Since when.
    since: String,
    /// How the last run ended.
    last_run: Option<LastRun>,
    /// What the last run found to do, until one finds nothing.
    plan: Option<Planned>,
    /// How many objects are recorded.
    resources: usize,
    clusters: Vec<Cluster>,
    decisions: Vec<Decided>,
    messages: VecDeque<Message>,
}

/// What the daemon is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// The first run has not ended.
    Starting,
    /// Everything is as it ought to be.
    Settled,
    /// A run does what was planned.
    Changing,
    /// Something waits for a person.
    Held,
    /// The last run failed, and is tried again.
    Failing,
}

#[derive(Debug, Clone, Serialize)]
struct LastRun {
    ended: String,
    /// How long it took, in seconds.
    seconds: f64,
    outcome: &'static str,
}

#[derive(Debug, Clone, Serialize)]
struct Planned {
    time: String,
    summary: String,
    /// Why it waits for a person, where it does.
    held: Option<String>,
    /// As `portolan plan` shows it.
    text: String,
    /// The addresses of what was changed outside.
    drift: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
struct Cluster {
    name: String,
    health: &'static str,
    availability: Availability,
}

#[derive(Debug, Clone, Serialize)]
struct Decided {
    subject: String,
    kind: String,
    reason: String,
    time: String,
}

#[derive(Debug, Clone, Serialize)]
struct Message {
    time: String,
    level: String,
    #[serde(rename = "type")]
    kind: String,
    message: String,
}

/// What a daemon shows, shared with those that look at it.
pub(super) struct Shown {
    overview: Mutex<Overview>,
    changes: watch::Sender<()>,
    pub(super) metrics: Metrics,
}

impl Shown {
    pub(super) fn new() -> Shown {
        let started = now();
        let overview = Overview {
            format_version: "1.0",
            version: env!("CARGO_PKG_VERSION"),
            started: started.clone(),
            state: State::Starting,
            since: started,
            last_run: None,
            plan: None,
            resources: 0,
            clusters: Vec::new(),
            decisions: Vec::new(),
            messages: VecDeque::new(),
        };
        Shown { overview: Mutex::new(overview), changes: watch::Sender::new(()), metrics: Metrics::new() }
    }

    /// What is shown now.
    pub(super) fn overview(&self) -> Overview {
        self.lock().clone()
    }

    /// Told of each change from now on.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Whether a run has ended well since the daemon was started.
    pub(super) fn is_ready(&self) -> bool {
        self.lock().state != State::Starting
    }

    /// The daemon said something.
    pub(super) fn said(&self, level: &str, message: &str, kind: &str) {
        self.change(|overview| {
            if overview.messages.len() == KEPT {
                overview.messages.pop_front();
            }
            let [level, message, kind] = [level, message, kind].map(str::to_owned);
            overview.messages.push_back(Message { time: now(), level, kind, message });
        });
    }

    /// A run has planned something: it is held for a reason, or done.
    pub(super) fn planned(&self, plan: &Plan, held: Option<&str>) {
        self.metrics.planned(plan, held.is_some());
        let planned = Planned {
            time: now(),
            summary: render::plan::summary(plan),
            held: held.map(str::to_owned),
            text: render::plan::human(plan, false),
            drift: plan.drift.iter().map(|drift| drift.key.address.to_string()).collect(),
        };
        self.change(|overview| {
            overview.plan = Some(planned);
            overview.enter(if held.is_some() { State::Held } else { State::Changing });
        });
    }

    /// A run that began at some time has ended; `None` where it failed.
    pub(super) fn ended(&self, began: Instant, ended: Option<Ended>) {
        let (state, outcome) = match ended {
            Some(Ended::Settled) => (State::Settled, "settled"),
            Some(Ended::Held) => (State::Held, "held"),
            Some(Ended::Failed) | None => (State::Failing, "failed"),
        };
        let seconds = began.elapsed().as_secs_f64();
        self.metrics.ended(outcome, seconds);
        self.change(|overview| {
            overview.last_run = Some(LastRun { ended: now(), seconds, outcome });
            if state == State::Settled {
                overview.plan = None;
            }
            overview.enter(state);
        });
    }

    /// What is recorded.
    pub(super) fn recorded(&self, snapshot: &Snapshot) {
        self.metrics.recorded(snapshot.resources.len());
        let decided = snapshot.decisions.iter().map(|decision| Decided {
            subject: decision.subject.to_string(),
            kind: decision.kind.to_string(),
            reason: decision.reason.clone(),
            time: decision.time.clone(),
        });
        let mut decisions: Vec<Decided> = decided.collect();
        decisions.sort_by(|one, other| other.time.cmp(&one.time));
        self.change(|overview| {
            overview.resources = snapshot.resources.len();
            overview.decisions = decisions;
        });
    }

    /// How the clusters look that are probed.
    pub(super) fn clusters<'a>(&self, clusters: impl Iterator<Item = (&'a Address, Health, Standing)>) {
        let shown = clusters.map(|(address, health, standing)| Cluster {
            name: address.to_string(),
            health: word(health),
            availability: standing.availability,
        });
        let shown: Vec<Cluster> = shown.collect();
        self.metrics.clusters(shown.iter().map(|cluster| (cluster.name.as_str(), cluster.health)));
        let is_same = |overview: &Overview| {
            let parts = |cluster: &Cluster| (cluster.name.clone(), cluster.health, cluster.availability);
            overview.clusters.iter().map(parts).eq(shown.iter().map(parts))
        };
        if !is_same(&self.lock()) {
            self.change(|overview| overview.clusters = shown);
        }
    }

    fn change(&self, change: impl FnOnce(&mut Overview)) {
        change(&mut self.lock());
        self.changes.send_replace(());
    }

    fn lock(&self) -> MutexGuard<'_, Overview> {
        self.overview.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Overview {
    fn enter(&mut self, state: State) {
        if self.state != state {
            (self.state, self.since) = (state, now());
        }
    }
}

/// What a plan does to an object, where it does anything.
pub(super) fn verb(action: Action) -> Option<&'static str> {
    match action {
        Action::NoOp | Action::Read => None,
        Action::Create => Some("create"),
        Action::Update => Some("update"),
        Action::Delete => Some("delete"),
        Action::DeleteThenCreate | Action::CreateThenDelete => Some("replace"),
        Action::Forget => Some("forget"),
    }
}

fn word(health: Health) -> &'static str {
    match health {
        Health::Unknown => "unknown",
        Health::Alive => "alive",
        Health::ServerUnreachable => "unreachable",
        Health::Dead => "dead",
    }
}

fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
