//! The metrics of a daemon, for Prometheus. docs/watch.md names them.

use std::time::{SystemTime, UNIX_EPOCH};

use portolan::plan::Plan;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::shown::verb;

/// What a plan can do to an object.
const ACTIONS: [&str; 5] = ["create", "update", "delete", "replace", "forget"];

/// How a run can end.
const OUTCOMES: [&str; 3] = ["settled", "held", "failed"];

/// The shortest duration that is told apart, in seconds; each further one is twice as long.
const SHORTEST: f64 = 0.05;

/// Up to about half an hour.
const DURATIONS: u16 = 16;

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByOutcome {
    outcome: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByAction {
    action: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByCluster {
    cluster: String,
}

/// What is counted and measured.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    runs: Family<ByOutcome, Counter>,
    durations: Histogram,
    last_run: Gauge,
    last_settled: Gauge,
    planned: Family<ByAction, Gauge>,
    drifted: Gauge,
    held: Gauge,
    resources: Gauge,
    clusters: Family<ByCluster, Gauge>,
}

impl Metrics {
    pub(super) fn new() -> Metrics {
        let mut metrics = Metrics {
            registry: Registry::with_prefix("portolan"),
            runs: Family::default(),
            durations: Histogram::new(exponential_buckets(SHORTEST, 2.0, DURATIONS)),
            last_run: Gauge::default(),
            last_settled: Gauge::default(),
            planned: Family::default(),
            drifted: Gauge::default(),
            held: Gauge::default(),
            resources: Gauge::default(),
            clusters: Family::default(),
        };
        metrics.register();
        // What can be rated from the beginning is there from the beginning.
        for outcome in OUTCOMES {
            let _ = metrics.runs.get_or_create(&ByOutcome { outcome });
        }
        for action in ACTIONS {
            let _ = metrics.planned.get_or_create(&ByAction { action });
        }
        metrics
    }

    fn register(&mut self) {
        let it = &mut self.registry;
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        it.register("build", "The version of the program", version);
        it.register("runs", "Runs that have ended, by how they ended", self.runs.clone());
        it.register("run_duration_seconds", "How long runs took", self.durations.clone());
        it.register("last_run_timestamp_seconds", "When the last run ended", self.last_run.clone());
        let settled = "When a run last found or left everything as it ought to be";
        it.register("last_settled_timestamp_seconds", settled, self.last_settled.clone());
        let planned = "What the last plan had to do, by what is done to an object";
        it.register("planned_changes", planned, self.planned.clone());
        it.register("drifted_resources", "What the last plan found changed outside", self.drifted.clone());
        it.register("held", "Whether a plan waits for a person", self.held.clone());
        it.register("recorded_resources", "How many objects are recorded", self.resources.clone());
        let up = "Whether a cluster that is probed answers: its API server does";
        it.register("cluster_up", up, self.clusters.clone());
    }

    /// Everything in the text format of OpenMetrics.
    pub(super) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry).map(|()| text)
    }

    pub(super) fn planned(&self, plan: &Plan, is_held: bool) {
        for action in ACTIONS {
            let number = plan.changes.iter().filter(|change| verb(change.action) == Some(action)).count();
            self.planned.get_or_create(&ByAction { action }).set(whole(number));
        }
        self.drifted.set(whole(plan.drift.len()));
        self.held.set(i64::from(is_held));
    }

    pub(super) fn ended(&self, outcome: &'static str, seconds: f64) {
        self.runs.get_or_create(&ByOutcome { outcome }).inc();
        self.durations.observe(seconds);
        self.last_run.set(now());
        if outcome == "settled" {
            self.last_settled.set(now());
            self.held.set(0);
            self.drifted.set(0);
            for action in ACTIONS {
                self.planned.get_or_create(&ByAction { action }).set(0);
            }
        }
    }

    pub(super) fn recorded(&self, resources: usize) {
        self.resources.set(whole(resources));
    }

    pub(super) fn clusters<'a>(&self, clusters: impl Iterator<Item = (&'a str, &'static str)>) {
        self.clusters.clear();
        for (cluster, health) in clusters {
            let label = ByCluster { cluster: cluster.trim_start_matches("cluster.").to_owned() };
            self.clusters.get_or_create(&label).set(i64::from(health == "alive"));
        }
    }
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
