//! Measuring what services use: all clusters are asked at once, and whoever is declared beside.

mod prometheus;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use portolan::compile::domain::autoscale::{Autoscale, Metric, Query};
use portolan::compile::domain::availability::Availability;
use portolan::observe::{self, Service, Told};
use portolan::watch::scaling::{Event, Measured, Silent};
use portolan_lang::Address;
use portolan_provider::Samples;
use portolan_state::Snapshot;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use crate::commands::observing::Observed;

/// The shortest time between two looks.
const SHORTEST: Duration = Duration::from_millis(100);

/// The questions to others, by service.
type Queries = BTreeMap<Address, Vec<Query>>;

/// What there is to be measured.
#[derive(Clone, Default)]
struct Known {
    queries: Queries,
    /// What is recorded of the services.
    snapshot: Snapshot,
}

/// What is measured.
pub(super) struct Measurer {
    queries: Queries,
    /// What is known since the last run; `None` where there is nothing to measure.
    known: watch::Sender<Option<Known>>,
    sender: UnboundedSender<Event>,
    interval: Duration,
}

impl Measurer {
    /// Nothing is measured yet; what is measured, in this interval, is sent there.
    pub(super) fn new(sender: UnboundedSender<Event>, interval: Duration) -> Measurer {
        let known = watch::Sender::new(None);
        Measurer { queries: Queries::new(), known, sender, interval: interval.max(SHORTEST) }
    }

    /// Measures these services from the next time on that something is recorded, and no others.
    pub(super) fn declare(&mut self, services: &BTreeMap<Address, Autoscale>) {
        let queries = |autoscale: &Autoscale| {
            let metrics = autoscale.metrics.iter();
            metrics
                .filter_map(|metric| if let Metric::Query(query, _) = metric { Some(query.clone()) } else { None })
                .collect()
        };
        self.queries = services.iter().map(|(address, autoscale)| (address.clone(), queries(autoscale))).collect();
    }

    /// Hears what is recorded, and where.
    pub(super) fn recorded(&self, mut snapshot: Snapshot) {
        // What runs the services is all that is asked about, again and again.
        snapshot.resources.retain(|resource| self.queries.contains_key(&resource.key.address.block()));
        let known = (!self.queries.is_empty()).then(|| Known { queries: self.queries.clone(), snapshot });
        self.known.send_replace(known);
    }

    /// Measures, for as long as this is polled.
    pub(super) fn measuring(&self) -> impl Future<Output = Infallible> + use<> {
        measure(self.known.subscribe(), self.sender.clone(), self.interval)
    }
}

async fn measure(
    mut known: watch::Receiver<Option<Known>>,
    sender: UnboundedSender<Event>,
    interval: Duration,
) -> Infallible {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut observed = None;
    loop {
        ticks.tick().await;
        if observed.is_none() || known.has_changed().unwrap_or(false) {
            let known = known.borrow_and_update().clone();
            observed = known.map(|known| (Observed::new(known.snapshot), known.queries));
        }
        let Some((systems, queries)) = &observed else { continue };
        let (found, is_heard) = look(systems, queries).await;
        for (service, measured) in found {
            // Nobody listens any more when the daemon ends.
            let _ = sender.send(Event::Measured(service, measured));
        }
        if !is_heard {
            // What failed may lie in how a system is reached.
            observed = None;
        }
    }
}

/// What was measured of each service, and whether all systems have answered.
async fn look(systems: &Observed, queries: &Queries) -> (BTreeMap<Address, Measured>, bool) {
    let mut services = systems.all();
    let decisions = systems.decisions();
    for service in &mut services {
        let is_asked = |connection: &Address| Availability::standing(decisions, connection) != Availability::Lost;
        service.works.retain(|work| work.resource.connection.as_ref().is_some_and(is_asked));
    }
    services.retain(|service| service.stop.is_none());
    let asked = services.iter().filter_map(|service| Some((&service.address, queries.get(&service.address)?)));
    let asked = asked.flat_map(|(service, queries)| queries.iter().map(move |query| (service, query)));
    let answers = join_all(asked.map(async |(service, query)| (service, query, prometheus::ask(query).await)));
    let sessions = systems.sessions();
    let (told, answers) = tokio::join!(observe::samples(&sessions, &services), answers);
    let is_heard = told.iter().all(|told| told.answer.is_ok());
    let mut found = gathered(&services, told);
    for (service, query, answer) in answers {
        let measured = found.entry(service.clone()).or_default();
        measured.answers.insert(query.name.clone(), answer.map_err(Arc::from));
    }
    (found, is_heard)
}

fn gathered(services: &[Service<'_>], told: Vec<Told<'_, Samples>>) -> BTreeMap<Address, Measured> {
    let nothing = Measured { time: Timestamp::now(), ..Measured::default() };
    let mut found: BTreeMap<Address, Measured> =
        services.iter().map(|service| (service.address.clone(), nothing.clone())).collect();
    let line = |why: &str| Arc::from(why.split_whitespace().collect::<Vec<_>>().join(" "));
    for Told { service, work, answer } in told {
        let measured = found.entry(service.address.clone()).or_default();
        let cluster: Arc<str> = Arc::from(work.cluster());
        match answer {
            Ok(Samples { copies, unmeasured }) => {
                measured.copies.extend(copies);
                measured.unmeasured.extend(unmeasured.map(|why| (cluster, line(&why))));
            }
            Err(why) => {
                let copies = work.declared.wanted.and_then(|wanted| u32::try_from(wanted).ok()).unwrap_or(0);
                measured.silent.push(Silent { cluster, copies, why: line(&why) });
            }
        }
    }
    found
}
