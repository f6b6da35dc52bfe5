//! What recorded objects depended on when they were recorded.
//!
//! A row names the blocks, groups or instances that its object depends on directly; an address
//! stands for all objects at or under it. The graph has a vertex for each object and one for
//! each address that is named, so that its edges are as many as the names in the rows.

use petgraph::Direction;
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use portolan_lang::Address;
use portolan_lang::address::Segment;
use rustc_hash::FxHashMap;

use crate::graph::topological_order;

/// Objects, by their position in what it was made from, and what they depend on.
pub(crate) struct RecordedOrder {
    /// The first vertices are the objects; edges lead from what depends to what it depends on.
    graph: DiGraph<(), ()>,
    objects: usize,
}

impl RecordedOrder {
    /// The order of objects that stand at these addresses and depend on those.
    pub(crate) fn new(objects: &[(&Address, &[Address])]) -> Self {
        let mut graph = DiGraph::with_capacity(objects.len(), objects.len());
        for _ in objects {
            graph.add_node(());
        }
        let mut named: FxHashMap<&Address, NodeIndex> = FxHashMap::default();
        for (position, (_, dependencies)) in objects.iter().enumerate() {
            for dependency in *dependencies {
                let vertex = *named.entry(dependency).or_insert_with(|| graph.add_node(()));
                graph.add_edge(NodeIndex::new(position), vertex, ());
            }
        }
        if !named.is_empty() {
            for (position, (address, _)) in objects.iter().enumerate() {
                for vertex in selectors(address).filter_map(|selector| named.get(&selector)) {
                    graph.update_edge(*vertex, NodeIndex::new(position), ());
                }
            }
        }
        without_cycles(&mut graph, objects.len());
        RecordedOrder { graph, objects: objects.len() }
    }

    /// How many vertices there are; those below the number of objects are the objects.
    pub(crate) fn len(&self) -> usize {
        self.graph.node_count()
    }

    /// The object that a vertex is.
    pub(crate) fn object(&self, vertex: usize) -> Option<usize> {
        (vertex < self.objects).then_some(vertex)
    }

    /// All edges: what depends, and what it depends on.
    pub(crate) fn edges(&self) -> impl Iterator<Item = (usize, usize)> {
        let ends = |edge| self.graph.edge_endpoints(edge);
        self.graph.edge_indices().filter_map(ends).map(|(from, to)| (from.index(), to.index()))
    }

    /// All vertices that the given objects depend on, directly or not, themselves included.
    pub(crate) fn dependencies_of(&self, objects: impl IntoIterator<Item = usize>) -> Vec<bool> {
        self.closure(objects, Direction::Outgoing)
    }

    /// All vertices that depend on the given objects, directly or not, themselves included.
    pub(crate) fn dependants_of(&self, objects: impl IntoIterator<Item = usize>) -> Vec<bool> {
        self.closure(objects, Direction::Incoming)
    }

    fn closure(&self, objects: impl IntoIterator<Item = usize>, direction: Direction) -> Vec<bool> {
        let mut reached = vec![false; self.graph.node_count()];
        let mut left: Vec<usize> = objects.into_iter().collect();
        while let Some(vertex) = left.pop() {
            if std::mem::replace(&mut reached[vertex], true) {
                continue;
            }
            left.extend(self.graph.neighbors_directed(NodeIndex::new(vertex), direction).map(NodeIndex::index));
        }
        reached
    }
}

/// Every address by which this one may be named: itself, each address above it, and each of
/// these without the key of its last segment.
fn selectors(address: &Address) -> impl Iterator<Item = Address> {
    let own = address.part_name().map(|_| address.clone());
    let segments = address.segments();
    let above = (1..=segments.len()).rev().flat_map(|length| {
        let exact = Address::new(segments[..length].iter().cloned());
        let keyless = segments[length - 1].key.is_some().then(|| {
            let last = Segment::new(segments[length - 1].name.clone());
            Address::new(segments[..length - 1].iter().cloned().chain([last]))
        });
        [Some(exact), keyless].into_iter().flatten()
    });
    own.into_iter().chain(above)
}

/// Rows are written at different times, so that a damaged or half-applied record may run in
/// circles. What depends on itself cannot be ordered by that: what the objects of a circle say
/// of each other is dropped.
fn without_cycles(graph: &mut DiGraph<(), ()>, objects: usize) {
    if topological_order(graph).is_ok() {
        return;
    }
    let mut component = vec![0; graph.node_count()];
    for (number, members) in kosaraju_scc(&*graph).into_iter().enumerate() {
        for member in members {
            component[member.index()] = number;
        }
    }
    graph.retain_edges(|graph, edge| {
        let ends = graph.edge_endpoints(edge);
        ends.is_some_and(|(from, to)| from.index() >= objects || component[from.index()] != component[to.index()])
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_stands_for_all_that_lies_under_it() {
        let rows = [
            ("application.shop.service.api/deployment@a", vec!["application.shop.service.cache"]),
            ("application.shop.service.cache/deployment@a", vec!["terraform_data.x"]),
            ("terraform_data.x[0]", vec![]),
            ("terraform_data.y", vec![]),
        ];
        let rows: Vec<(Address, Vec<Address>)> = rows
            .iter()
            .map(|(own, others)| (address(own), others.iter().map(|other| address(other)).collect()))
            .collect();
        let objects: Vec<(&Address, &[Address])> = rows.iter().map(|(own, others)| (own, &**others)).collect();
        let order = RecordedOrder::new(&objects);
        assert_eq!(order.dependencies_of([0])[..4], [true, true, true, false]);
        assert_eq!(order.dependants_of([2])[..4], [true, true, true, false]);
    }

    #[test]
    fn circles_are_dropped() {
        let (a, b, c) = (address("x.a"), address("x.b"), address("x.c"));
        let (to_a, to_b) = ([a.clone()], [b.clone()]);
        let order = RecordedOrder::new(&[(&a, &to_b), (&b, &to_a), (&c, &to_a)]);
        assert_eq!(order.dependencies_of([2])[..3], [true, false, true]);
        assert_eq!(order.dependencies_of([0])[..3], [true, false, false]);
    }
}
