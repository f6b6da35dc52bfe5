//! How many copies services have by their load.
//!
//! The copies of a service in all clusters are taken together, and the total is what is decided; how it
//! is divided is no affair of this room. What a metric wants, and how fast the number changes, are as in
//! Kubernetes' HorizontalPodAutoscaler. In one thing it is more careful: where a cluster does not answer,
//! or something was not measured, there are never fewer copies.
//!
//! The heart is synchronous: [`Scaling::on`] takes an event and the time and answers what is to be done.
//! What was decided is recorded, and comes back as [`Event::Standing`]. A daemon that starts has no
//! history, and takes the number that it finds for what was wanted last.

mod pace;
mod replicas;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use portolan_lang::Address;
use portolan_provider::Sample;

use self::pace::History;
use self::replicas::{Basis, Proposal, of_query, of_resource};
use super::Time;
use crate::compile::domain::autoscale::{Autoscale, Metric};

/// Something that comes to be known.
#[derive(Debug, Clone)]
pub enum Event {
    /// What was measured of a service.
    Measured(Address, Measured),
    /// What is recorded of services that run.
    Standing(BTreeMap<Address, Standing>),
}

/// How many copies a service has, as it is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The total: over all clusters or, where the copies are duplicated, in each.
    pub total: u32,
    /// How many clusters have some.
    pub clusters: u32,
    /// Whether each cluster has the total.
    pub is_duplicated: bool,
}

/// What was measured of a service, in all clusters at about the same time.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    /// The copies in the clusters that answered.
    pub copies: Vec<Sample>,
    /// The clusters that did not.
    pub silent: Vec<Silent>,
    /// The clusters that do not say what copies use, and why.
    pub unmeasured: Vec<(Arc<str>, Arc<str>)>,
    /// What is answered to questions, by their names, or why nothing is.
    pub answers: BTreeMap<Arc<str>, Result<f64, Arc<str>>>,
    /// When that was.
    pub time: Timestamp,
}

/// A cluster of which nothing was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silent {
    /// Its name.
    pub cluster: Arc<str>,
    /// How many copies of the service are recorded there.
    pub copies: u32,
    /// Why nothing was heard.
    pub why: Arc<str>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Something is to be decided: what, says [`Scaling::wanted`].
    Decide,
    /// People are to be told.
    Alert(String),
}

/// What is to be decided of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The service.
    pub service: Address,
    /// Its number of copies now.
    pub before: u32,
    /// The number that it is to have.
    pub total: u32,
    /// Why.
    pub why: String,
}

/// What is known of one service.
#[derive(Debug, Clone)]
struct Service {
    autoscale: Autoscale,
    standing: Option<Standing>,
    history: History,
    wanted: Option<Wanted>,
    /// What is wrong with what is measured of it, by what is told once.
    trouble: Vec<Arc<str>>,
}

/// What metrics make of a service.
struct Judged {
    /// The total that is wanted, whatever the limits; `None` where that cannot be told.
    wanted: Option<u32>,
    /// What made it so.
    said: String,
    /// What is wrong, each with what tells it from other troubles.
    troubles: Vec<(Arc<str>, String)>,
}

/// The heart.
#[derive(Debug, Default)]
pub struct Scaling {
    services: BTreeMap<Address, Service>,
}

impl Scaling {
    /// Takes these services for those whose number follows their load. What is known of others is
    /// forgotten.
    pub fn declare(&mut self, declared: impl IntoIterator<Item = (Address, Autoscale)>) {
        let mut known = std::mem::take(&mut self.services);
        self.services = declared
            .into_iter()
            .map(|(address, autoscale)| match known.remove(&address) {
                Some(service) => (address, Service { autoscale, ..service }),
                None => (address, Service::new(autoscale)),
            })
            .collect();
    }

    /// What is to be done now that something has happened.
    pub fn on(&mut self, event: Event, now: Time) -> Vec<Action> {
        match event {
            Event::Measured(address, measured) => match self.services.get_mut(&address) {
                Some(service) => service.measured(&address, &measured, now),
                None => Vec::new(),
            },
            Event::Standing(standing) => {
                for (address, service) in &mut self.services {
                    service.stands(standing.get(address).copied(), now);
                }
                Vec::new()
            }
        }
    }

    /// What is to be decided as things are.
    pub fn wanted(&self) -> Vec<Wanted> {
        self.services.values().filter_map(|service| service.wanted.clone()).collect()
    }
}

impl Service {
    fn new(autoscale: Autoscale) -> Service {
        Service { autoscale, standing: None, history: History::default(), wanted: None, trouble: Vec::new() }
    }

    /// Hears how many copies it has.
    fn stands(&mut self, standing: Option<Standing>, now: Time) {
        let (before, after) = (self.standing.map(|before| before.total), standing.map(|after| after.total));
        match (before, after) {
            (Some(before), Some(after)) if before != after => self.history.changed(before, after, now),
            (None, Some(after)) => self.history = History::of(after, now),
            _ => {}
        }
        self.standing = standing;
        if before != after {
            self.wanted = None;
        }
    }

    fn measured(&mut self, address: &Address, measured: &Measured, now: Time) -> Vec<Action> {
        let Some(standing) = self.standing else { return Vec::new() };
        let judged = self.judge(standing, measured);
        let mut actions = self.alerts(address, &judged);
        let Some(by_metrics) = judged.wanted else {
            self.wanted = None;
            return actions;
        };
        let total = self.history.pace(&self.autoscale, (standing.total, by_metrics), now);
        let total = self.bounded(standing, total, measured.time);
        let wanted = (total != standing.total).then(|| Wanted {
            service: address.clone(),
            before: standing.total,
            total,
            why: match total == by_metrics {
                true => judged.said,
                false => format!("{}; without limits it would be {by_metrics}", judged.said),
            },
        });
        let is_new = wanted.as_ref().map(|new| new.total) != self.wanted.as_ref().map(|old| old.total);
        actions.extend((is_new && wanted.is_some()).then_some(Action::Decide));
        self.wanted = wanted;
        actions
    }

    /// A total within the bounds of a time. No cluster that has copies loses its last, unless all do, where
    /// that is declared.
    fn bounded(&self, standing: Standing, total: u32, time: Timestamp) -> u32 {
        let (min, max, _) = self.autoscale.bounds(time);
        if total == 0 && min == 0 {
            return 0;
        }
        let least = if standing.is_duplicated { min } else { min.max(standing.clusters) };
        total.clamp(least.max(1).min(max), max)
    }

    /// What all metrics want together: the most of what each wants. Where one of them cannot be told,
    /// or not wholly, there are not fewer.
    fn judge(&self, standing: Standing, measured: &Measured) -> Judged {
        let factor = if standing.is_duplicated { standing.clusters.max(1) } else { 1 };
        let basis = Basis {
            samples: &measured.copies,
            silent: measured.silent.iter().map(|silent| silent.copies).sum(),
            current: standing.total.saturating_mul(factor),
            tolerance: self.autoscale.tolerance,
        };
        let mut troubles = self.unheard(measured);
        let mut proposals: Vec<Proposal> = self.scheduled(factor, measured.time).into_iter().collect();
        for metric in &self.autoscale.metrics {
            match propose(metric, measured, basis) {
                Some(Ok(proposal)) => proposals.push(proposal),
                Some(Err(problem)) => troubles.push((name_of(metric), problem)),
                None => {}
            }
        }
        let is_whole = troubles.is_empty() && proposals.iter().all(|proposal| !proposal.is_partial);
        let most = proposals.into_iter().max_by_key(|proposal| proposal.copies);
        let (wanted, said) = match most {
            Some(most) => {
                let total = most.copies.div_ceil(factor);
                (Some(if is_whole { total } else { total.max(standing.total) }), most.said)
            }
            None => (None, String::new()),
        };
        Judged { wanted, said, troubles }
    }

    /// The clusters of which something is not known.
    fn unheard(&self, measured: &Measured) -> Vec<(Arc<str>, String)> {
        let is_measured = self.autoscale.metrics.iter().any(|metric| matches!(metric, Metric::Resource(..)));
        let silent = measured.silent.iter().map(|silent| (&silent.cluster, &silent.why));
        let unmeasured = measured.unmeasured.iter().filter(|_| is_measured).map(|(cluster, why)| (cluster, why));
        let told = |(cluster, why): (&Arc<str>, &Arc<str>)| {
            (cluster.clone(), format!("{cluster} does not tell what its copies use ({why})"))
        };
        silent.chain(unmeasured).map(told).collect()
    }

    /// What schedules want, where there are any.
    fn scheduled(&self, factor: u32, time: Timestamp) -> Option<Proposal> {
        let (min, _, schedule) = self.autoscale.bounds(time);
        let said = match schedule {
            Some(schedule) => format!("{min} at least by the schedule {}", schedule.name),
            None => "no schedule wants more".to_owned(),
        };
        let proposal = Proposal { copies: min.saturating_mul(factor), said, is_partial: false };
        Some(proposal).filter(|_| !self.autoscale.schedules.is_empty())
    }

    /// What people have to know: each trouble is told once, as long as it lasts.
    fn alerts(&mut self, address: &Address, judged: &Judged) -> Vec<Action> {
        let new = judged.troubles.iter().filter(|(trouble, _)| !self.trouble.contains(trouble));
        let alerts: Vec<Action> =
            new.map(|(_, told)| Action::Alert(format!("{address}: {told}: there will not be fewer copies"))).collect();
        self.trouble = judged.troubles.iter().map(|(trouble, _)| trouble.clone()).collect();
        alerts
    }
}

/// What a metric wants; `None` where it cannot want anything, as there are no copies.
fn propose(metric: &Metric, measured: &Measured, basis: Basis<'_>) -> Option<Result<Proposal, String>> {
    match metric {
        Metric::Resource(..) if basis.current == 0 => None,
        Metric::Resource(resource, target) => Some(of_resource(*resource, *target, basis)),
        Metric::Query(query, target) => Some(match measured.answers.get(&query.name) {
            Some(Ok(answer)) => of_query(&query.name, *target, *answer, basis),
            Some(Err(why)) => Err(format!("{}: {why}", query.name)),
            None => Err(format!("{}: it was not asked for", query.name)),
        }),
    }
}

fn name_of(metric: &Metric) -> Arc<str> {
    match metric {
        Metric::Resource(resource, _) => Arc::from(resource.word()),
        Metric::Query(query, _) => query.name.clone(),
    }
}

#[cfg(test)]
mod tests;
