//! Finding loops in a graph, in time linear in its size but for the loops that are found.

use std::collections::VecDeque;

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use rustc_hash::FxHashMap;

use super::graph::{Edge, Graph};

/// One loop, the shortest through its first node, for each group of nodes that depend on each
/// other, in the order of those first nodes.
pub(super) fn shortest_loops(graph: &Graph) -> Vec<Vec<&Edge>> {
    let mut directed: DiGraph<(), usize, u32> = DiGraph::with_capacity(graph.len(), graph.edges.len());
    (0..graph.len()).for_each(|_| {
        directed.add_node(());
    });
    for (position, edge) in graph.edges.iter().enumerate() {
        directed.add_edge(NodeIndex::new(edge.from as usize), NodeIndex::new(edge.to as usize), position);
    }
    // Kosaraju's algorithm, because petgraph's version of Tarjan's is recursive, and chains can
    // be long.
    let mut groups: Vec<Vec<NodeIndex>> = kosaraju_scc(&directed)
        .into_iter()
        .filter(|group| group.len() > 1 || group.first().is_some_and(|node| directed.contains_edge(*node, *node)))
        .collect();
    groups.iter_mut().for_each(|group| group.sort_unstable());
    groups.sort_unstable();
    groups.iter().filter_map(|group| shortest_loop(graph, &directed, group)).collect()
}

/// Breadth-first search from the first node of the group until an edge leads back to it.
fn shortest_loop<'g>(
    graph: &'g Graph,
    directed: &DiGraph<(), usize, u32>,
    group: &[NodeIndex],
) -> Option<Vec<&'g Edge>> {
    let start = *group.first()?;
    let mut came_by: FxHashMap<NodeIndex, usize> = FxHashMap::default();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        // In reverse, because petgraph lists the edge that was added last first.
        let edges: Vec<_> = directed.edges(node).collect();
        for edge in edges.into_iter().rev() {
            let target = edge.target();
            if target == start {
                return Some(back(graph, &came_by, start, *edge.weight()));
            }
            if group.binary_search(&target).is_ok() && !came_by.contains_key(&target) {
                came_by.insert(target, *edge.weight());
                queue.push_back(target);
            }
        }
    }
    None
}

/// The edges from `start` up to and with the last one.
fn back<'g>(graph: &'g Graph, came_by: &FxHashMap<NodeIndex, usize>, start: NodeIndex, last: usize) -> Vec<&'g Edge> {
    let mut cycle: Vec<&Edge> = graph.edges.get(last).into_iter().collect();
    while let Some(first) = cycle.last().filter(|edge| edge.from as usize != start.index()) {
        let Some(edge) = came_by.get(&NodeIndex::new(first.from as usize)).and_then(|at| graph.edges.get(*at)) else {
            break;
        };
        cycle.push(edge);
    }
    cycle.reverse();
    cycle
}
