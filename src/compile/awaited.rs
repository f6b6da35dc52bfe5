//! Which changes a data source waits for before it is read, so that it is not read while planning
//! where one of them is planned.
//!
//! Terraform's rule: the resources that the block itself refers to, and what its `depends_on` and
//! that of the modules around it name. A resource that is named counts alone; where a module, an
//! output, a variable or a local is named, so does all that leads to it. A reference through a
//! local or a variable is no reason to wait: its value is known or it is not.

use std::collections::BTreeSet;

use portolan_lang::decode::body_references;
use portolan_lang::eval::{Reference, references};

use super::dependencies::Dependencies;
use super::desired::{Group, GroupId};
use super::evaluator::Evaluator;
use super::module::ModuleId;
use crate::config::{Repetition, ResourceBlock};

/// The groups whose changes a data source waits for. What `groups` depend on is known.
pub(super) fn awaited(
    evaluator: &Evaluator,
    dependencies: &mut Dependencies<'_>,
    groups: &[Group],
    module: ModuleId,
    block: &ResourceBlock,
) -> BTreeSet<GroupId> {
    let mut awaited = BTreeSet::new();
    for reference in own_references(evaluator, block).iter().filter(|reference| names_a_block(reference)) {
        dependencies.read(module, reference, &mut awaited);
    }
    block.depends_on.iter().for_each(|entry| add_named(dependencies, groups, (module, entry), &mut awaited));
    let mut inside = evaluator.module(module);
    while let Some(caller) = &inside.caller {
        for entry in &caller.call.depends_on {
            add_named(dependencies, groups, (caller.module, entry), &mut awaited);
        }
        inside = evaluator.module(caller.module);
    }
    awaited
}

/// Whether a `depends_on`, of the block or of a module around it, names anything but data sources.
/// How many there are of it may not be known yet, so it counts also where there are none.
pub(super) fn waits_by_name(evaluator: &Evaluator, module: ModuleId, block: &ResourceBlock) -> bool {
    let names_others = |named: &[Reference]| named.iter().any(|reference| &*reference.root != "data");
    let mut inside = evaluator.module(module);
    let mut found = names_others(&block.depends_on);
    while let Some(caller) = &inside.caller {
        found |= names_others(&caller.call.depends_on);
        inside = evaluator.module(caller.module);
    }
    found
}

/// What the block's own expressions refer to.
fn own_references(evaluator: &Evaluator, block: &ResourceBlock) -> Vec<Reference> {
    let mut found = evaluator.schema(block).map(|schema| body_references(&block.body, schema)).unwrap_or_default();
    if let Repetition::Count(expr) | Repetition::ForEach(expr) = &block.repetition {
        found.extend(references(expr));
    }
    for condition in block.lifecycle.preconditions.iter().chain(&block.lifecycle.postconditions) {
        found.extend(references(&condition.condition));
        found.extend(references(&condition.error_message));
    }
    found
}

/// Whether a reference names what is made of one block, rather than a value on the way to it.
fn names_a_block(reference: &Reference) -> bool {
    !matches!(&*reference.root, "module" | "var" | "local")
}

/// Adds what a `depends_on` entry of a module stands for.
fn add_named(
    dependencies: &mut Dependencies<'_>,
    groups: &[Group],
    (module, entry): (ModuleId, &Reference),
    awaited: &mut BTreeSet<GroupId>,
) {
    let mut named = BTreeSet::new();
    dependencies.waited_for(module, entry, &mut named);
    let mut reached = BTreeSet::new();
    let mut left: Vec<GroupId> = named.into_iter().collect();
    while let Some(group) = left.pop() {
        if reached.insert(group) && !names_a_block(entry) {
            left.extend(&groups[group.0 as usize].dependencies);
        }
    }
    awaited.extend(reached);
}
