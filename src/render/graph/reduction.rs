//! Leaving out edges that others imply. For display only: nothing is planned by it.

use petgraph::algo::toposort;
use petgraph::algo::tred::{dag_to_toposorted_adjacency_list, dag_transitive_reduction_closure};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::IntoNeighbors;

use super::drawing::Edge;

/// With more nodes than this all edges are drawn: the reduction needs memory in proportion to
/// the pairs of nodes of which one reaches the other.
const REDUCIBLE_NODES: usize = 2_000;

/// The edges without those between nodes that a longer path joins too. Edges that run in a
/// circle are all kept.
pub(super) fn reduce(nodes: usize, edges: Vec<Edge>) -> Vec<Edge> {
    if nodes > REDUCIBLE_NODES {
        return edges;
    }
    let mut graph: DiGraph<(), ()> = DiGraph::with_capacity(nodes, edges.len());
    (0..nodes).for_each(|_| _ = graph.add_node(()));
    for edge in &edges {
        graph.add_edge(NodeIndex::new(edge.from), NodeIndex::new(edge.to), ());
    }
    let Ok(order) = toposort(&graph, None) else { return edges };
    let (sorted, position) = dag_to_toposorted_adjacency_list::<_, u32>(&graph, &order);
    let (reduction, _) = dag_transitive_reduction_closure(&sorted);
    let is_kept = |edge: &Edge| {
        let to = position[edge.to];
        (&reduction).neighbors(position[edge.from]).any(|neighbour| neighbour == to)
    };
    edges.into_iter().filter(is_kept).collect()
}

#[cfg(test)]
mod tests {
    use super::super::drawing::Meaning;
    use super::*;

    fn edges(pairs: &[(usize, usize)]) -> Vec<Edge> {
        pairs.iter().map(|&(from, to)| Edge { from, to, meaning: Meaning::DependsOn }).collect()
    }

    #[test]
    fn what_a_longer_path_says_is_left_out() {
        assert_eq!(reduce(4, edges(&[(0, 1), (0, 2), (0, 3), (1, 2), (2, 3)])), edges(&[(0, 1), (1, 2), (2, 3)]));
        assert_eq!(reduce(4, edges(&[(0, 1), (0, 2), (1, 3), (2, 3)])).len(), 4, "a diamond has nothing to spare");
    }

    #[test]
    fn circles_stay() {
        assert_eq!(reduce(2, edges(&[(0, 1), (1, 0)])).len(), 2);
    }
}
