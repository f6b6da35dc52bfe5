//! References as Terraform's plans list them.

use portolan_lang::eval::{Reference, ReferenceStep};

/// A reference, then what it is a part of, step by step out to the smallest thing that can be
/// referred to; then the block without an instance key.
pub(super) fn referable(reference: &Reference) -> Vec<String> {
    let smallest = smallest(reference);
    let shown = |steps: usize| reference.through(steps).to_owned();
    let mut parts: Vec<String> = (smallest.length..=reference.steps.len()).rev().map(shown).collect();
    parts.extend(smallest.around.map(shown));
    parts
}

/// How many steps belong to the smallest thing that can be referred to, and to what is around it.
struct Smallest {
    length: usize,
    around: Option<usize>,
}

fn smallest(reference: &Reference) -> Smallest {
    let steps = &reference.steps;
    let is_key = |at: usize| matches!(steps.get(at), Some(ReferenceStep::Key(_)));
    let within = |length: usize, around: Option<usize>| Smallest { length: length.min(steps.len()), around };
    match &*reference.root {
        "var" | "local" | "each" | "count" | "path" | "portolan" | "terraform" => within(1, None),
        "self" => within(0, None),
        // An output of a module, and the module instance around it.
        "module" => {
            let call = if is_key(1) { 2 } else { 1 };
            match steps.len() {
                length if length > call => within(call + 1, Some(call)),
                _ => within(call, is_key(1).then_some(1)),
            }
        }
        root => {
            let block = if root == "data" { 2 } else { 1 };
            let has_key = is_key(block);
            within(block + usize::from(has_key), has_key.then_some(block))
        }
    }
}
