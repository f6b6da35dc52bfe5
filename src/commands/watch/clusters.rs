//! What the daemon makes of clusters that fail and come back: it hears probes, and writes decisions.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use jiff::Timestamp;
use portolan::compile::Desired;
use portolan::compile::domain::autoscale::Autoscale;
use portolan::compile::domain::availability::Availability;
use portolan::compile::domain::orders::Giver;
use portolan::plan::{Change, Thing, thing};
use portolan::watch::failover::{Action, Event, Failover, Standing, Wanted};
use portolan_lang::Address;
use portolan_state::{Decision, ResourceKey, Snapshot};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::WHO;
use super::probing::Prober;
use super::shown::Shown;
use crate::commands::project::Project;

/// The clusters as the daemon knows them.
pub(super) struct Clusters {
    began: Instant,
    failover: RefCell<Failover>,
    prober: RefCell<Prober>,
    sender: UnboundedSender<Event>,
}

impl Clusters {
    /// No clusters yet, and where what is found out about them comes.
    pub(super) fn new(began: Instant) -> (Clusters, UnboundedReceiver<Event>) {
        let (sender, receiver) = unbounded_channel();
        let failover = RefCell::new(Failover::new(0));
        let prober = RefCell::new(Prober::new(sender.clone()));
        (Clusters { began, failover, prober, sender }, receiver)
    }

    /// What is to be done about something that was found out.
    pub(super) fn on(&self, event: Event) -> Vec<Action> {
        self.failover.borrow_mut().on(event, self.began.elapsed())
    }

    /// Shows how they look.
    pub(super) fn show(&self, shown: &Shown) {
        shown.clusters(self.failover.borrow().looks());
    }

    /// Probes the clusters that a configuration declares, as far as it can be understood, and gives so many
    /// of them up at once.
    pub(super) fn declare(&self, project: &Project, snapshot: &Snapshot, most_lost: usize) {
        self.failover.borrow_mut().limit(most_lost);
        let (desired, diagnostics) = project.sketch(snapshot.decisions.clone());
        if diagnostics.has_errors() && desired.connections.is_empty() {
            return;
        }
        let probed = desired.connections.iter().filter_map(|known| Some((known.address.clone(), known.probe.clone()?)));
        self.failover.borrow_mut().declare(probed);
        self.prober.borrow_mut().declare(&project.catalog, &desired.connections);
    }

    /// Hears what is recorded after a run.
    pub(super) fn recorded(&self, snapshot: &Snapshot) {
        // The daemon hears of it before anything else that is found out from now on.
        let _ = self.sender.send(standing(&snapshot.decisions));
    }

    /// What is to be decided, given what is recorded.
    pub(super) fn decisions(&self, snapshot: &Snapshot) -> Vec<Decision> {
        self.on(standing(&snapshot.decisions));
        let wanted = self.failover.borrow().wanted(self.began.elapsed());
        let decide = |wanted: Wanted| {
            let time = Timestamp::now().to_string();
            let giver = Giver { who: WHO.to_owned(), why: Some(wanted.why), time };
            wanted.availability.decision(&wanted.cluster, &giver)
        };
        wanted.into_iter().map(decide).collect()
    }
}

/// Whether the daemon has given up a cluster, or drained one that came back.
pub(super) fn is_any_away(snapshot: &Snapshot) -> bool {
    let is_away = |decision: &Decision| Availability::of(decision).is_some_and(|now| now != Availability::Active);
    let is_own = |decision: &Decision| Availability::decided_by(decision).as_deref() == Some(WHO);
    snapshot.decisions.iter().any(|decision| is_away(decision) && is_own(decision))
}

fn standing(decisions: &[Decision]) -> Event {
    let known = decisions.iter().filter_map(|decision| {
        let is_own = Availability::decided_by(decision).as_deref() == Some(WHO);
        Some((decision.subject.clone(), Standing { availability: Availability::of(decision)?, is_own }))
    });
    Event::Standing(known.collect())
}

/// What is taken away because of what the daemon has decided, and not because of the configuration.
pub(super) struct Moved<'a> {
    snapshot: &'a Snapshot,
    /// The clusters that it has drained.
    drained: BTreeSet<Address>,
    /// The things that stay in some cluster, where a cluster gets its replicas back.
    staying: BTreeSet<Thing<'a>>,
    /// The services whose number of copies follows their load.
    scaled: &'a BTreeMap<Address, Autoscale>,
}

impl<'a> Moved<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, desired: &'a Desired, decided: &[Decision]) -> Moved<'a> {
        let is_own = |decision: &&Decision| Availability::decided_by(decision).as_deref() == Some(WHO);
        let is_newer = |old: &Decision| decided.iter().any(|new| new.subject == old.subject && new.kind == old.kind);
        let standing = snapshot.decisions.iter().filter(|old| !is_newer(old)).chain(decided).filter(is_own);
        let drained = standing.filter(|decision| Availability::of(decision) == Some(Availability::Drained));
        let is_return = decided.iter().any(|decision| Availability::of(decision) == Some(Availability::Active));
        let staying = desired.instances.iter().filter(|_| is_return).filter_map(|instance| thing(&instance.address));
        Moved {
            snapshot,
            drained: drained.map(|decision| decision.subject.clone()).collect(),
            staying: staying.collect(),
            scaled: &desired.autoscales,
        }
    }

    /// Whether an object is one that only several copies have, of a service that follows its load.
    fn is_of_single(&self, address: &Address) -> bool {
        let is_budget = address.part_name().is_some_and(|part| part.starts_with("pod_disruption_budget@"));
        is_budget && self.scaled.contains_key(&address.block())
    }

    /// Whether a deletion is among it.
    pub(super) fn contains(&self, change: &Change) -> bool {
        let key = ResourceKey { address: change.recorded_address().clone(), deposed: change.key.deposed.clone() };
        let connection = self.snapshot.resource(&key).and_then(|row| row.connection.as_ref());
        let is_in_drained = connection.is_some_and(|cluster| self.drained.contains(cluster));
        is_in_drained
            || self.is_of_single(&change.key.address)
            || thing(&change.key.address).is_some_and(|thing| self.staying.contains(&thing))
    }
}
