//! What follows the name of a block in a reference: the key of an instance, an attribute.

use portolan_lang::eval::{Reference, ReferenceStep};
use portolan_lang::{Diagnostic, InstanceKey, Schema};

use super::Checker;
use crate::config::content::suggest;
use crate::config::model::Repetition;
use crate::config::uses::{Purpose, Use};

/// Something that can have instances, and how far a reference to it goes.
pub(super) struct Found<'r> {
    /// Its address as people write it.
    pub(super) address: &'r str,
    pub(super) repetition: &'r Repetition,
    /// How many steps lead to it.
    pub(super) steps: usize,
}

impl Checker<'_> {
    /// In `depends_on`, only whole objects can be named.
    pub(super) fn whole_object(&self, found: &Use<'_>, target: &Found<'_>) -> Result<(), Diagnostic> {
        if found.purpose != Purpose::Wait {
            return Ok(());
        }
        let mut rest = found.reference.steps.iter().skip(target.steps);
        match rest.find(|step| matches!(step, ReferenceStep::Attribute(_))) {
            None => Ok(()),
            Some(_) => Err(Diagnostic::error("Invalid depends_on reference")
                .detail("One waits for a whole object, not for an attribute of it.")
                .at(found.reference.span)
                .help(format!("Write {}.", target.address))),
        }
    }

    /// The attribute that follows the object and its key, with the position of its step.
    pub(super) fn attribute<'r>(
        &self,
        found: &'r Use<'_>,
        target: &Found<'_>,
    ) -> Result<Option<(&'r str, usize)>, Diagnostic> {
        let steps = &found.reference.steps;
        let at = target.steps;
        let is_single = matches!(target.repetition, Repetition::Single);
        let address = target.address;
        match (steps.get(at), steps.get(at + 1)) {
            (Some(ReferenceStep::Attribute(name)), _) if is_single => Ok(Some((name, at))),
            (Some(ReferenceStep::Key(key)), _) if is_single => {
                Err(Diagnostic::error("Unexpected resource instance key")
                    .detail(format!("{address} has neither count nor for_each: there is one, without a key."))
                    .at(found.reference.span)
                    .help(format!("Take {key} away.")))
            }
            (Some(ReferenceStep::Attribute(_)), _) => Err(missing_key(found.reference, target)),
            (Some(ReferenceStep::Key(key)), Some(ReferenceStep::Attribute(name))) => {
                key_fits(found.reference, target, key)?;
                Ok(Some((name, at + 1)))
            }
            (Some(ReferenceStep::Key(key)), _) => key_fits(found.reference, target, key).map(|()| None),
            (None, _) => Ok(None),
        }
    }

    pub(super) fn schema_attribute(
        &self,
        found: &Use<'_>,
        target: &Found<'_>,
        schema: Option<&Schema>,
    ) -> Result<(), Diagnostic> {
        let Some((name, at)) = self.attribute(found, target)? else { return Ok(()) };
        let Some(schema) = schema.filter(|schema| schema.names().all(|known| known != name)) else { return Ok(()) };
        let problem = Diagnostic::error("Unsupported attribute")
            .detail(format!("{} has no attribute named {name:?}.", target.address))
            .at(found.reference.step_span(at));
        Err(suggest(problem, name, schema.names()))
    }
}

pub(super) fn missing_key(reference: &Reference, target: &Found<'_>) -> Diagnostic {
    let address = &target.address;
    let (argument, key) = match target.repetition {
        Repetition::Count(_) => ("count", "count.index"),
        _ => ("for_each", "each.key"),
    };
    Diagnostic::error("Missing resource instance key")
        .detail(format!("{address} has {argument}, so it must be said which instance is meant."))
        .at(reference.span)
        .help(format!("Write {address}[{key}] for the instance that corresponds, or {address}[*] for all of them."))
}

pub(super) fn key_fits(reference: &Reference, target: &Found<'_>, key: &InstanceKey) -> Result<(), Diagnostic> {
    let expected = match (target.repetition, key) {
        (Repetition::Count(_), InstanceKey::Key(_)) => "a number",
        (Repetition::ForEach(_), InstanceKey::Index(_)) => "a string",
        _ => return Ok(()),
    };
    Err(Diagnostic::error("Invalid index")
        .detail(format!("The instances of {} have other keys than {key}: {expected} is required.", target.address))
        .at(reference.span))
}
