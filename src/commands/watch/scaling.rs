//! What the daemon makes of the load of services: it hears what was measured, and writes decisions.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portolan::compile::Desired;
use portolan::compile::domain::autoscale::scale;
use portolan::compile::domain::orders::{Giver, is_order, stop_of};
use portolan::compile::domain::placement::{REPLICAS, Replicas, Strategy};
use portolan::watch::scaling::{Action, Event, Scaling, Standing, Wanted};
use portolan_lang::Address;
use portolan_state::{Decision, Snapshot};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::WHO;
use super::measuring::Measurer;

/// The services that follow their load, as the daemon knows them.
pub(super) struct Scaler {
    began: Instant,
    scaling: RefCell<Scaling>,
    measurer: RefCell<Measurer>,
}

impl Scaler {
    /// Measures, for as long as this is polled.
    pub(super) fn measuring(&self) -> impl Future<Output = Infallible> + use<> {
        self.measurer.borrow().measuring()
    }

    /// No services yet, which are measured so often; and where what was measured comes.
    pub(super) fn new(began: Instant, interval: Duration) -> (Scaler, UnboundedReceiver<Event>) {
        let (sender, receiver) = unbounded_channel();
        let measurer = RefCell::new(Measurer::new(sender, interval));
        (Scaler { began, scaling: RefCell::default(), measurer }, receiver)
    }

    /// What is to be done about something that was measured.
    pub(super) fn on(&self, event: Event) -> Vec<Action> {
        self.scaling.borrow_mut().on(event, self.began.elapsed())
    }

    /// Follows the load of the services that a configuration declares so.
    pub(super) fn declare(&self, desired: &Desired) {
        self.scaling.borrow_mut().declare(desired.autoscales.clone());
        self.measurer.borrow_mut().declare(&desired.autoscales);
    }

    /// Hears what is recorded after a run.
    pub(super) fn recorded(&self, snapshot: Snapshot) {
        self.on(Event::Standing(standing(&snapshot.decisions)));
        self.measurer.borrow().recorded(snapshot);
    }

    /// Hears what a run is about to record beside.
    pub(super) fn decided(&self, snapshot: &Snapshot, decided: &[Decision]) {
        self.on(Event::Standing(standing(snapshot.decisions.iter().chain(decided))));
    }

    /// What is to be decided, given what is recorded.
    pub(super) fn decisions(&self, snapshot: &Snapshot) -> Vec<Decision> {
        self.on(Event::Standing(standing(&snapshot.decisions)));
        let decide = |wanted: Wanted| {
            let giver = Giver { who: WHO.to_owned(), why: Some(wanted.why), time: Timestamp::now().to_string() };
            scale::decision(&wanted.service, (wanted.before, wanted.total), &giver)
        };
        self.scaling.borrow().wanted().into_iter().map(decide).collect()
    }
}

/// How many copies services have that do not stand still, by decisions, of which later ones count more.
fn standing<'a>(decisions: impl IntoIterator<Item = &'a Decision>) -> BTreeMap<Address, Standing> {
    let (mut divided, mut totals, mut orders) = (Vec::new(), BTreeMap::new(), Vec::new());
    for decision in decisions {
        match scale::total(decision) {
            Some(total) => _ = totals.insert(&decision.subject, total),
            None if &*decision.kind == REPLICAS => divided.push(decision),
            None if is_order(decision) => orders.push(decision),
            None => {}
        }
    }
    let stands = |decision: &Decision| {
        let replicas = Replicas::read(decision)?;
        let is_stopped = stop_of(orders.iter().copied(), &decision.subject).is_some();
        let clusters = replicas.present().filter(|(_, share)| share.running() > 0).count();
        let standing = Standing {
            total: totals.get(&decision.subject).copied().unwrap_or(replicas.total),
            clusters: u32::try_from(clusters).unwrap_or(u32::MAX),
            is_duplicated: replicas.strategy == Strategy::Duplicated,
        };
        (!is_stopped).then(|| (decision.subject.clone(), standing))
    };
    divided.into_iter().filter_map(stands).collect()
}
