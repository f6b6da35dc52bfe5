//! Whether anything depends on itself.
//!
//! The graph has a node for each variable, local value, output, resource and block of the
//! domain of each module in the tree of calls, and an edge for each reference, so a module's
//! outputs that do not depend on its inputs stay free of them. Instances of `count` and
//! `for_each` are one node.
//!
//! A block of the domain with named parts (an application with its services) is evaluated as
//! a whole, but its parts start one after the other: the block itself is a node for its value,
//! and each part is a node for its turn. What only names something, as `connects` does, orders
//! nothing.

mod graph;
mod path;

use std::sync::Arc;

use portolan_lang::{Diagnostic, Diagnostics};

use self::graph::{Edge, Graph};
use super::known::Known;
use super::model::Module;

/// How many places of one loop are shown at most.
const MAX_LABELS: usize = 20;

/// One problem for each loop in the configuration.
pub(super) fn cycles(root: &Arc<Module>, known: &Known<'_>) -> Diagnostics {
    let graph = Graph::of(root, known);
    let mut diagnostics = Diagnostics::new();
    for cycle in path::shortest_loops(&graph) {
        diagnostics.push(describe(&graph, &cycle));
    }
    diagnostics
}

/// Tells of a loop, given by its edges in order.
fn describe(graph: &Graph, cycle: &[&Edge]) -> Diagnostic {
    let name = |node: u32| graph.name(node);
    let mut names: Vec<String> = Vec::new();
    for edge in cycle {
        let name = name(edge.from);
        if names.last() != Some(&name) {
            names.push(name);
        }
    }
    names.dedup();
    let mut around = names.clone();
    around.extend(names.first().cloned());
    let shown = match around.len() {
        0..=MAX_LABELS => around.join(" → "),
        length => {
            format!("{} → … ({} more) … → {}", around[..10].join(" → "), length - 12, around[length - 2..].join(" → "))
        }
    };
    let mut diagnostic = Diagnostic::error("Cycle").detail(format!("These depend on each other: {shown}."));
    for edge in cycle.iter().filter(|edge| edge.place.is_some()).take(MAX_LABELS) {
        if let Some(place) = edge.place {
            diagnostic = diagnostic.label(place, format!("{} needs {}", name(edge.from), name(edge.to)));
        }
    }
    diagnostic.help("Take one of these references away, or give one of the values in another way.")
}
