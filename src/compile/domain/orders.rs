//! What people have ordered about services: to stand still, to go on, to start afresh.
//!
//! An order is a decision: about an application, for all of its services, or about one service,
//! which then counts more. It holds until another one takes its place, whatever the configuration
//! says.

use portolan_lang::Address;
use portolan_state::{Answer, Decision};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use super::Block;
use super::autoscale::scale::{SCALE, is_scale};
use super::availability::{AVAILABILITY, Availability};
use super::switch::{SWITCHED, Switch};
use crate::compile::Desired;

/// The question whether something is to stand still or to go on.
const STOPPED: &str = "order";

/// The question since when copies have to be new.
const RESTARTED: &str = "restart";

/// What can be ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// To stand still.
    Stop,
    /// To go on.
    Start,
    /// To replace all copies by new ones, one after the other.
    Restart,
}

/// Who orders something and why.
#[derive(Debug, Clone)]
pub struct Giver {
    /// The person.
    pub who: String,
    /// Why, if that was said.
    pub why: Option<String>,
    /// When: RFC 3339 in UTC.
    pub time: String,
}

/// What the decision says that something stands still, or goes on.
#[derive(Serialize, Deserialize)]
struct Stopped {
    is_stopped: bool,
    /// Who ordered it.
    by: String,
}

/// What the decision says that copies have to be new.
#[derive(Serialize, Deserialize)]
struct Restarted {
    /// RFC 3339 in UTC.
    at: String,
    /// Who ordered it.
    by: String,
}

impl Order {
    /// The decision that carries the order.
    pub fn decision(self, subject: &Address, giver: &Giver) -> Decision {
        let by = giver.who.clone();
        let stop = |is_stopped| Answer::of(&Stopped { is_stopped, by: by.clone() });
        let (kind, value, done) = match self {
            Order::Stop => (STOPPED, stop(true), "stopped"),
            Order::Start => (STOPPED, stop(false), "started"),
            Order::Restart => (RESTARTED, Answer::of(&Restarted { at: giver.time.clone(), by }), "restarted"),
        };
        let why = giver.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let reason = format!("{done} by {}{why}", giver.who);
        Decision { subject: subject.clone(), kind: kind.into(), value, reason, time: giver.time.clone() }
    }

    /// Whether a decision says so already. A restart is never done already.
    pub fn is_given_by(self, decision: &Decision) -> bool {
        match self {
            Order::Stop => is_stop(decision),
            Order::Start => is_order(decision) && !is_stop(decision),
            Order::Restart => false,
        }
    }

    /// Whether a decision answers the same question.
    pub fn is_about_what(self, decision: &Decision) -> bool {
        &*decision.kind == if self == Order::Restart { RESTARTED } else { STOPPED }
    }
}

/// The services that orders can be given about, in the order in which they are declared.
pub fn services(desired: &Desired) -> Vec<Address> {
    let is_service = |address: &&Address| {
        let local = address.local();
        let names: Vec<&str> = local.segments().iter().map(|segment| &*segment.name).collect();
        matches!(names[..], ["application", _, "service", _])
    };
    desired.groups.iter().map(|group| &group.address).filter(is_service).cloned().collect()
}

/// Whether a decision is one that a person has made, or somebody for them, and not something that
/// follows from the configuration and other decisions.
pub fn is_of_people(decision: &Decision) -> bool {
    [STOPPED, RESTARTED, SWITCHED, AVAILABILITY, SCALE].contains(&&*decision.kind)
}

/// Whether a decision is that something stands still, or goes on.
pub fn is_order(decision: &Decision) -> bool {
    &*decision.kind == STOPPED
}

/// Whether a decision is that something stands still.
pub fn is_stop(decision: &Decision) -> bool {
    is_order(decision) && decision.value.read::<Stopped>().is_some_and(|stopped| stopped.is_stopped)
}

/// The order that counts for a service, given all decisions: its own before that for its
/// application.
pub fn stop_of<'a>(decisions: impl IntoIterator<Item = &'a Decision>, service: &Address) -> Option<&'a Decision> {
    let about = decisions.into_iter().filter(|decision| is_order(decision) && decision.subject.contains(service));
    about.max_by_key(|decision| decision.subject.segments().len()).filter(|decision| is_stop(decision))
}

/// Those of some decisions that people should know of: what stands still, what goes on though the
/// rest of its block does not, what is switched by hand, which clusters do not take part, and which
/// numbers of copies follow from a load.
pub(crate) fn standing<'a>(decisions: impl Iterator<Item = &'a Decision>) -> Vec<&'a Decision> {
    let decisions: Vec<&Decision> = decisions.collect();
    let orders = || decisions.iter().copied().filter(|decision| is_order(decision));
    let stopped: FxHashSet<&Address> = orders().filter(|order| is_stop(order)).map(|order| &order.subject).collect();
    let is_exception = |order: &Decision| stopped.contains(&block_of(&order.subject));
    let switched = decisions.iter().copied().filter(|decision| Switch::of(decision).is_some());
    let is_away = |decision: &&Decision| Availability::of(decision).is_some_and(|now| now != Availability::Active);
    let away = decisions.iter().copied().filter(is_away);
    let scaled = decisions.iter().copied().filter(|decision| is_scale(decision));
    let stopped = orders().filter(|order| is_stop(order) || is_exception(order));
    stopped.chain(switched).chain(away).chain(scaled).collect()
}

/// The block that a service is in.
pub fn block_of(service: &Address) -> Address {
    let local = service.local();
    service.module().append(&Address::new(local.segments().iter().take(2).cloned()))
}

/// What was ordered about a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Orders {
    /// Whether it stands still.
    pub(super) is_stopped: bool,
    /// Since when its copies have to be new.
    pub(super) restarted: Option<String>,
}

impl Orders {
    /// What was ordered about a service of a block, or about the block.
    pub(super) fn of(block: &Block<'_>, service: &Address) -> Orders {
        let own = |kind: &str| block.decision(service, kind);
        let shared = |kind: &str| block.decision(block.address, kind);
        let at = |decision: &Decision| decision.value.read::<Restarted>().map(|restarted| restarted.at);
        Orders {
            is_stopped: own(STOPPED).or_else(|| shared(STOPPED)).is_some_and(is_stop),
            // The latest counts, whichever it is about.
            restarted: own(RESTARTED).and_then(at).max(shared(RESTARTED).and_then(at)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(order: Order, subject: &str) -> Decision {
        let giver =
            Giver { who: "joe".to_owned(), why: Some("repairs".to_owned()), time: "2026-01-01T00:00:00Z".to_owned() };
        order.decision(&subject.parse().expect("an address"), &giver)
    }

    #[test]
    fn what_is_nearer_counts_more() {
        let web = "application.shop.service.web".parse().expect("an address");
        let stop = [decision(Order::Stop, "application.shop")];
        assert_eq!(stop_of(&stop, &web).map(|decision| &*decision.reason), Some("stopped by joe: repairs"));
        let but_web = [stop[0].clone(), decision(Order::Start, "application.shop.service.web")];
        assert_eq!(stop_of(&but_web, &web), None);
        assert_eq!(stop_of(&[decision(Order::Stop, "application.other")], &web), None);
    }
}
