//! `autoscale` of a service: between which numbers its copies follow the load, and how fast.
//!
//! The words and what they mean are those of Kubernetes' HorizontalPodAutoscaler (`autoscaling/v2`).
//! The number that is settled by it is a [decision](scale): the total over all clusters, which is
//! divided like one that a person has declared.

mod cron;
mod read;
pub mod scale;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use cron::Cron;
use jiff::Timestamp;
use jiff::tz::TimeZone;

pub(super) use read::{read, schema};

/// How the number of copies of a service follows its load.
#[derive(Debug, Clone, PartialEq)]
pub struct Autoscale {
    /// The least number of copies: over all clusters or, where they are duplicated, in each.
    pub min: u32,
    /// The greatest number.
    pub max: u32,
    /// What it follows; the metric that wants most copies counts.
    pub metrics: Vec<Metric>,
    /// When there are other bounds.
    pub schedules: Vec<Schedule>,
    /// Up to which departure from a target nothing is changed: 0.1 for 10 %.
    pub tolerance: f64,
    /// How it goes up.
    pub up: Rules,
    /// How it goes down.
    pub down: Rules,
}

/// What the number of copies follows.
#[derive(Debug, Clone, PartialEq)]
pub enum Metric {
    /// What the copies use of a resource, on average.
    Resource(Resource, Target),
    /// What a Prometheus says.
    Query(Query, QueryTarget),
}

/// A question to a Prometheus.
#[derive(Clone, PartialEq, Eq)]
pub struct Query {
    /// Its name, by which people know it.
    pub name: Arc<str>,
    /// Where the Prometheus is: `https://prometheus.example.org/path`.
    pub url: Arc<str>,
    /// The expression, of which one number comes.
    pub query: Arc<str>,
    /// The token that it asks for.
    pub token: Option<Arc<str>>,
}

/// What is aimed at with the answer to a question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum QueryTarget {
    /// That the answer, divided by the number of copies, is so much.
    AverageValue(f64),
    /// That the answer is so much.
    Value(f64),
}

/// A time in which there are other bounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Its name, by which people know it.
    pub name: Arc<str>,
    /// When it begins.
    pub start: Cron,
    /// When it ends.
    pub end: Cron,
    /// The time zone of both.
    pub zone: TimeZone,
    /// The least number of copies in that time.
    pub min: Option<u32>,
    /// The greatest number in that time.
    pub max: Option<u32>,
}

/// What is measured of every copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Processor time, in thousandths of a processor.
    Cpu,
    /// Memory, in bytes.
    Memory,
}

/// What is aimed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// So many percent of what is requested.
    Utilization(u32),
    /// So much for each copy, in the unit of the resource.
    Average(u64),
}

/// How fast the number may change in one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// For how long what was wanted before counts as well: of all that was wanted in this time, what
    /// changes least is done.
    pub stabilization: Duration,
    /// Which of the limits counts.
    pub select: Select,
    /// The limits.
    pub policies: Vec<Policy>,
}

/// Which of several limits counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Select {
    /// The one that allows most.
    Max,
    /// The one that allows least.
    Min,
    /// None: there is no change in this direction.
    Disabled,
}

/// By how much the number may change in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// By how much.
    pub amount: Amount,
    /// In which time.
    pub period: Duration,
}

/// By how much a number of copies changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// By so many.
    Pods(u32),
    /// By so many percent of what there was at the beginning of the time.
    Percent(u32),
}

// The token is left out, and what a query or an address may hold of others' secrets.
impl fmt::Debug for Query {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Query({:?})", self.name)
    }
}

impl Schedule {
    /// Whether it has begun and not ended.
    pub fn is_on(&self, now: Timestamp) -> bool {
        let now = now.to_zoned(self.zone.clone());
        let start = self.start.last(&now);
        start.is_some_and(|start| self.end.last(&now).is_none_or(|end| start > end))
    }
}

impl Autoscale {
    /// The bounds at a time, and the schedule that has raised the lower one.
    pub fn bounds(&self, now: Timestamp) -> (u32, u32, Option<&Schedule>) {
        let on: Vec<&Schedule> = self.schedules.iter().filter(|schedule| schedule.is_on(now)).collect();
        let most = on.iter().filter_map(|schedule| schedule.max).fold(self.max, u32::min);
        let least = on.into_iter().filter(|schedule| schedule.min.is_some_and(|min| min > self.min));
        match least.max_by_key(|schedule| schedule.min) {
            Some(schedule) => (schedule.min.unwrap_or(self.min).min(most), most, Some(schedule)),
            None => (self.min.min(most), most, None),
        }
    }
}

impl Rules {
    /// What Kubernetes does where nothing is declared: at once, and by 4 copies or 100 % in 15 seconds,
    /// whatever is more.
    pub fn of_up() -> Rules {
        let period = Duration::from_secs(15);
        let policies = [Amount::Pods(4), Amount::Percent(100)].map(|amount| Policy { amount, period });
        Rules { stabilization: Duration::ZERO, select: Select::Max, policies: policies.to_vec() }
    }

    /// What Kubernetes does where nothing is declared: after five minutes, without a limit.
    pub fn of_down() -> Rules {
        let policy = Policy { amount: Amount::Percent(100), period: Duration::from_secs(15) };
        Rules { stabilization: Duration::from_secs(300), select: Select::Max, policies: vec![policy] }
    }
}

impl Resource {
    /// As people call it.
    pub fn word(self) -> &'static str {
        match self {
            Resource::Cpu => "cpu",
            Resource::Memory => "memory",
        }
    }
}
