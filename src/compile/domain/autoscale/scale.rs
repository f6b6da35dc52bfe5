//! The number of copies that follows from the load of a service.
//!
//! It is a decision about the service, of which the declared number is only the first value. It holds
//! until another one takes its place, within the bounds that are declared then, and ends when the
//! service does not declare `autoscale` any more.

use std::sync::Arc;

use portolan_lang::Address;
use portolan_state::{Answer, Decision};
use serde::{Deserialize, Serialize};

use crate::compile::domain::orders::Giver;

/// The question how many copies follow from the load.
pub const SCALE: &str = "scale";

/// What the decision says.
#[derive(Serialize, Deserialize)]
struct Scaled {
    /// Over all clusters or, where the copies are duplicated, in each.
    total: u32,
    /// Who decided it.
    by: String,
}

/// The decision that a service has so many copies, which were `before`.
pub fn decision(service: &Address, (before, total): (u32, u32), giver: &Giver) -> Decision {
    let why = giver.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    Decision {
        subject: service.clone(),
        kind: SCALE.into(),
        value: Answer::of(&Scaled { total, by: giver.who.clone() }),
        reason: format!("scaled from {before} to {total} by {}{why}", giver.who),
        time: giver.time.clone(),
    }
}

/// The number of copies that a decision says, where it is about that.
pub fn total(decision: &Decision) -> Option<u32> {
    let scaled = Some(decision).filter(|decision| is_scale(decision))?.value.read::<Scaled>()?;
    Some(scaled.total)
}

/// Whether a decision is about how many copies follow from the load.
pub fn is_scale(decision: &Decision) -> bool {
    &*decision.kind == SCALE
}

/// Decisions about services that do not follow their load any more.
pub(in crate::compile) fn withdrawn<'a>(
    decisions: impl Iterator<Item = &'a Decision>,
    is_declared: impl Fn(&Address) -> bool,
) -> Vec<(Address, Arc<str>)> {
    let gone = decisions.filter(|decision| is_scale(decision) && !is_declared(&decision.subject));
    gone.map(|decision| (decision.subject.clone(), decision.kind.clone())).collect()
}
