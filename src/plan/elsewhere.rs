//! What is there several times, in several places: the copies of a service in its clusters.
//!
//! The part of an address names a thing, and behind an `@` the place: the workloads
//! `…/deployment@north` and `…/deployment@south` stand for each other.

use portolan_lang::Address;

use super::model::Change;

/// What the objects have in common that stand for each other: their block, and the thing.
pub type Thing<'a> = (Address, &'a str);

/// What an object is one of several of; `None` where it is the only one.
pub fn thing(address: &Address) -> Option<Thing<'_>> {
    let (thing, _) = address.part_name()?.split_once('@')?;
    Some((address.block(), thing))
}

/// What the object of a change is one of several of.
pub(crate) fn thing_of(change: &Change) -> Option<Thing<'_>> {
    thing(&change.key.address)
}
