//! Where people have sent the requests of routes by hand.
//!
//! A switch is a decision about a route: one of its backends gets all requests, or a share of them,
//! until it is switched back, whatever the configuration says.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::Address;
use portolan_state::{Answer, Decision};
use serde::{Deserialize, Serialize};

use super::Block;
use super::orders::Giver;

/// The question which backend gets the requests of a route.
pub(crate) const SWITCHED: &str = "switch";

/// All requests, in percent.
pub const ALL: u32 = 100;

/// Which backend gets how many requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    /// The backend: the name of a cluster, or an address.
    pub to: Arc<str>,
    /// Its share of the requests in percent, from 1 to 100.
    pub share: u32,
}

/// What the decision says.
#[derive(Serialize, Deserialize)]
struct Switched {
    /// The backend; `None` where it was switched back.
    to: Option<String>,
    share: u32,
    /// Who ordered it.
    by: String,
}

impl Switch {
    /// The decision about a route: to switch it, or with `None` to switch it back.
    pub fn decision(route: &Address, switch: Option<&Switch>, giver: &Giver) -> Decision {
        let to = switch.map(|switch| switch.to.to_string());
        let done = match switch {
            Some(Switch { to, share: ALL }) => format!("switched to {to}"),
            Some(Switch { to, share }) => format!("{share} % of the requests switched to {to}"),
            None => "switched back".to_owned(),
        };
        let share = switch.map_or(0, |switch| switch.share);
        let value = Answer::of(&Switched { to, share, by: giver.who.clone() });
        let why = giver.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let reason = format!("{done} by {}{why}", giver.who);
        Decision { subject: route.clone(), kind: SWITCHED.into(), value, reason, time: giver.time.clone() }
    }

    /// What a decision says, where it is that something is switched.
    pub fn of(decision: &Decision) -> Option<Switch> {
        let switched = Some(decision).filter(|decision| is_switch(decision))?.value.read::<Switched>()?;
        Some(Switch { to: switched.to?.into(), share: switched.share.clamp(1, ALL) })
    }

    /// How a route is switched, given all decisions.
    pub fn standing(decisions: &[Decision], route: &Address) -> Option<Switch> {
        decisions.iter().find(|decision| is_switch(decision) && decision.subject == *route).and_then(Switch::of)
    }

    /// How the route of a block is switched.
    pub(super) fn of_block(block: &Block<'_>) -> Option<Switch> {
        block.decision(block.address, SWITCHED).and_then(Switch::of)
    }

    /// That a route has no such backend, and which it has.
    pub fn missing(&self, route: &Address, names: &[Arc<str>]) -> String {
        match names {
            [] => format!("{route} has no backends to switch between."),
            names => format!("{route} has no backend {}; its backends are: {}.", self.to, names.join(", ")),
        }
    }
}

/// Whether a decision is about where a route's requests go.
pub(super) fn is_switch(decision: &Decision) -> bool {
    &*decision.kind == SWITCHED
}

/// Decisions about routes that there are no more.
pub(in crate::compile) fn withdrawn<'a>(
    decisions: impl Iterator<Item = &'a Decision>,
    routes: &BTreeMap<Address, Vec<Arc<str>>>,
) -> Vec<(Address, Arc<str>)> {
    let gone = decisions.filter(|decision| is_switch(decision) && !routes.contains_key(&decision.subject));
    gone.map(|decision| (decision.subject.clone(), decision.kind.clone())).collect()
}
