//! Measuring what services use: all clusters are asked at once.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use portolan::compile::domain::availability::Availability;
use portolan::observe::{self, Service, Told};
use portolan::watch::scaling::{Event, Measured, Silent};
use portolan_lang::Address;
use portolan_provider::Sample;
use portolan_state::Snapshot;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use crate::commands::observing::Observed;

/// The shortest time between two looks.
const SHORTEST: Duration = Duration::from_millis(100);

/// What is measured.
pub(super) struct Measurer {
    services: BTreeSet<Address>,
    /// What is recorded of these services; `None` where there are none.
    recorded: watch::Sender<Option<Snapshot>>,
    sender: UnboundedSender<Event>,
    interval: Duration,
}

impl Measurer {
    /// Nothing is measured yet; what is measured, in this interval, is sent there.
    pub(super) fn new(sender: UnboundedSender<Event>, interval: Duration) -> Measurer {
        let recorded = watch::Sender::new(None);
        Measurer { services: BTreeSet::new(), recorded, sender, interval: interval.max(SHORTEST) }
    }

    /// Measures these services from the next time on that something is recorded, and no others.
    pub(super) fn declare(&mut self, services: BTreeSet<Address>) {
        self.services = services;
    }

    /// Hears what is recorded, and where.
    pub(super) fn recorded(&self, mut snapshot: Snapshot) {
        // What runs the services is all that is asked about, again and again.
        snapshot.resources.retain(|resource| self.services.contains(&resource.key.address.block()));
        self.recorded.send_replace(Some(snapshot).filter(|_| !self.services.is_empty()));
    }

    /// Measures, for as long as this is polled.
    pub(super) fn measuring(&self) -> impl Future<Output = Infallible> + use<> {
        measure(self.recorded.subscribe(), self.sender.clone(), self.interval)
    }
}

async fn measure(
    mut recorded: watch::Receiver<Option<Snapshot>>,
    sender: UnboundedSender<Event>,
    interval: Duration,
) -> Infallible {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut observed = None;
    loop {
        ticks.tick().await;
        if observed.is_none() || recorded.has_changed().unwrap_or(false) {
            observed = recorded.borrow_and_update().clone().map(Observed::new);
        }
        let Some(systems) = &observed else { continue };
        let (found, is_heard) = look(systems).await;
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
async fn look(systems: &Observed) -> (BTreeMap<Address, Measured>, bool) {
    let mut services = systems.all();
    let decisions = systems.decisions();
    for service in &mut services {
        let is_asked = |connection: &Address| Availability::standing(decisions, connection) != Availability::Lost;
        service.works.retain(|work| work.resource.connection.as_ref().is_some_and(is_asked));
    }
    services.retain(|service| service.stop.is_none());
    let told = observe::samples(&systems.sessions(), &services).await;
    let is_heard = told.iter().all(|told| told.answer.is_ok());
    (gathered(&services, told), is_heard)
}

fn gathered(services: &[Service<'_>], told: Vec<Told<'_, Vec<Sample>>>) -> BTreeMap<Address, Measured> {
    let mut found: BTreeMap<Address, Measured> =
        services.iter().map(|service| (service.address.clone(), Measured::default())).collect();
    for Told { service, work, answer } in told {
        let measured = found.entry(service.address.clone()).or_default();
        match answer {
            Ok(copies) => measured.copies.extend(copies),
            Err(why) => measured.silent.push(Silent {
                cluster: Arc::from(work.cluster()),
                copies: work.declared.wanted.and_then(|wanted| u32::try_from(wanted).ok()).unwrap_or(0),
                why: Arc::from(why.split_whitespace().collect::<Vec<_>>().join(" ")),
            }),
        }
    }
    found
}
