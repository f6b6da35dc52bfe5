//! What the daemon makes of what was changed outside: it puts it right, tells it, or lets it rest.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use portolan::config::watch::Watch;
use portolan::plan::{Action, DriftRules, Left, Plan, WhyLeft};
use portolan::watch::fights::{Fights, Others};
use portolan_lang::Address;
use rustc_hash::FxHashSet;

use crate::render;

/// What is known of it.
pub(super) struct Drifting {
    fights: RefCell<Fights>,
}

impl Drifting {
    pub(super) fn new() -> Drifting {
        Drifting { fights: RefCell::new(Fights::new(rand::random())) }
    }

    /// How plans are made now.
    pub(super) fn rules(&self, declared: &Watch, now: Duration) -> DriftRules {
        DriftRules::Declared { otherwise: declared.on_drift, resting: self.fights.borrow().resting(now) }
    }

    /// When something that rests is put right again.
    pub(super) fn wake(&self, now: Duration) -> Option<Duration> {
        self.fights.borrow().wake(now)
    }

    /// Forgets fights that are over, and answers what is told of them.
    pub(super) fn quiet(&self, now: Duration) -> Vec<String> {
        self.fights.borrow_mut().quiet(now)
    }

    /// Hears that a plan is carried out, and answers what is told of those who change things back.
    pub(super) fn repaired(&self, plan: &Plan, now: Duration) -> Vec<String> {
        let repairs: FxHashSet<&Address> = plan
            .changes
            .iter()
            .filter(|change| change.action != Action::NoOp && plan.is_repair(change))
            .map(|change| &change.key.address)
            .collect();
        let found = plan.drift.iter().filter(|drift| repairs.contains(&drift.key.address));
        let found = found.map(|drift| {
            let owners = drift.lost_fields().into_iter().map(|(_, owner)| owner);
            (drift.key.address.clone(), owners.filter(|owner| !owner.is_empty()).collect::<Others>())
        });
        self.fights.borrow_mut().repaired(found.collect::<Vec<(Address, Others)>>(), now)
    }
}

/// The objects of which it is told that they were changed, each with what is told.
pub(super) fn reported(plan: &Plan) -> Vec<(Address, String)> {
    let told = plan.left.iter().filter(|left| left.why == WhyLeft::Reported);
    let text = |left: &Left| {
        let (address, details) = (&left.drift.key.address, render::plan::changed_outside(&left.drift));
        (address.clone(), format!("this was changed outside: {address}, and is left as it is:\n{}", details.trim_end()))
    };
    told.map(text).collect()
}

/// The objects that a plan puts right, and that belong to nothing that it would change otherwise.
pub(super) fn repairable(plan: &Plan) -> Vec<Address> {
    let decided: BTreeSet<&Address> = plan.decisions.iter().map(|decision| &decision.subject).collect();
    let is_decided = |address: &Address| decided.iter().any(|subject| subject.contains(address));
    let repairs = plan.changes.iter().filter(|change| change.action != Action::NoOp && plan.is_repair(change));
    repairs.map(|change| change.key.address.clone()).filter(|address| !is_decided(address)).collect()
}
