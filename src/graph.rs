//! What waits for what.
//!
//! The vertices are the instances and, for each group, its start and its end: no member
//! begins before the start, and the end stands for all members. One edge from an end to a
//! start takes the place of an edge from each member of one group to each member of the
//! other, so that two blocks of n instances have 2 n edges between them.
//!
//! It knows no actions: what is done, and in which order old objects go, is the business of
//! [`plan::order`](crate::plan).

use std::collections::VecDeque;

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use portolan_lang::{Address, Diagnostic, Span};

use crate::compile::{Desired, GroupId, InstanceId};

/// A point that is reached while the world is made as it ought to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Vertex {
    /// Everything that a group waits for is there.
    Start(GroupId),
    /// An instance is there.
    Instance(InstanceId),
    /// All members of a group are there.
    End(GroupId),
}

/// The dependencies of a [`Desired`], without cycles.
#[derive(Debug, Clone)]
pub struct Graph {
    /// Vertices and edges; an edge leads from what is waited for to what waits.
    dag: DiGraph<Vertex, ()>,
    groups: usize,
    order: Vec<Vertex>,
}

impl Graph {
    /// The graph of what ought to exist, or the loop that the dependencies run in.
    pub fn new(desired: &Desired) -> Result<Graph, Diagnostic> {
        let dag = build(desired);
        match topological_order(&dag) {
            Ok(order) => {
                let order = order.into_iter().map(|vertex| dag[vertex]).collect();
                Ok(Graph { dag, groups: desired.groups.len(), order })
            }
            Err(cycle) => Err(cycle_error(desired, &cycle.into_iter().map(|vertex| dag[vertex]).collect::<Vec<_>>())),
        }
    }

    /// All vertices, each behind what it waits for.
    pub fn order(&self) -> &[Vertex] {
        &self.order
    }

    /// What a vertex waits for directly.
    pub fn dependencies(&self, vertex: Vertex) -> impl Iterator<Item = Vertex> {
        self.neighbours(vertex, Direction::Incoming)
    }

    /// What waits for a vertex directly.
    pub fn dependants(&self, vertex: Vertex) -> impl Iterator<Item = Vertex> {
        self.neighbours(vertex, Direction::Outgoing)
    }

    fn neighbours(&self, vertex: Vertex, direction: Direction) -> impl Iterator<Item = Vertex> {
        self.dag.neighbors_directed(self.index(vertex), direction).map(|neighbour| self.dag[neighbour])
    }

    /// The position of a vertex among all vertices: less than [`Graph::len`].
    pub fn position(&self, vertex: Vertex) -> usize {
        self.index(vertex).index()
    }

    fn index(&self, vertex: Vertex) -> NodeIndex {
        node(self.groups, vertex)
    }

    /// How many vertices there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Begins to go through all instances, each behind what it waits for.
    pub fn walk(&self) -> Walk<'_> {
        Walk::new(self)
    }
}

fn node(groups: usize, vertex: Vertex) -> NodeIndex {
    NodeIndex::new(match vertex {
        Vertex::Start(group) => 2 * group.0 as usize,
        Vertex::End(group) => 2 * group.0 as usize + 1,
        Vertex::Instance(instance) => 2 * groups + instance.0 as usize,
    })
}

fn build(desired: &Desired) -> DiGraph<Vertex, ()> {
    let groups = desired.groups.len();
    let mut dag = DiGraph::with_capacity(2 * groups + desired.instances.len(), 2 * desired.instances.len());
    for group in (0..groups as u32).map(GroupId) {
        dag.add_node(Vertex::Start(group));
        dag.add_node(Vertex::End(group));
    }
    for (instance, _) in desired.iter() {
        dag.add_node(Vertex::Instance(instance));
    }
    let mut edge = |from, to| {
        dag.add_edge(node(groups, from), node(groups, to), ());
    };
    for (position, group) in desired.groups.iter().enumerate() {
        let id = GroupId(position as u32);
        for dependency in &group.dependencies {
            edge(Vertex::End(*dependency), Vertex::Start(id));
        }
        // What depends on a group without members still waits for what the group waits for.
        if group.members.is_empty() {
            edge(Vertex::Start(id), Vertex::End(id));
        }
    }
    for (id, instance) in desired.iter() {
        edge(Vertex::Start(instance.group), Vertex::Instance(id));
        edge(Vertex::Instance(id), Vertex::End(instance.group));
        for dependency in &instance.dependencies {
            edge(Vertex::Instance(*dependency), Vertex::Instance(id));
        }
    }
    dag
}

/// The vertices of a graph, each behind those that lead to it, otherwise in the order in which
/// they were added; or a cycle, each vertex leading to the next one and the last to the first.
///
/// Time and memory are linear in vertices and edges (Kahn 1962).
pub fn topological_order<N>(graph: &DiGraph<N, ()>) -> Result<Vec<NodeIndex>, Vec<NodeIndex>> {
    let mut waits_for: Vec<u32> = graph
        .node_indices()
        .map(|vertex| graph.neighbors_directed(vertex, Direction::Incoming).count() as u32)
        .collect();
    let mut ready: VecDeque<NodeIndex> = graph.node_indices().filter(|vertex| waits_for[vertex.index()] == 0).collect();
    let mut order = Vec::with_capacity(graph.node_count());
    while let Some(vertex) = ready.pop_front() {
        order.push(vertex);
        for dependant in in_order_of_addition(graph.neighbors(vertex)) {
            waits_for[dependant.index()] -= 1;
            if waits_for[dependant.index()] == 0 {
                ready.push_back(dependant);
            }
        }
    }
    if order.len() == graph.node_count() { Ok(order) } else { Err(cycle_among(graph, &waits_for)) }
}

/// petgraph gives the neighbours added last first.
fn in_order_of_addition(neighbours: impl Iterator<Item = NodeIndex>) -> impl Iterator<Item = NodeIndex> {
    let mut neighbours: Vec<NodeIndex> = neighbours.collect();
    neighbours.reverse();
    neighbours.into_iter()
}

/// A cycle among the vertices that still wait for something: each of them waits for another
/// one of them, so that going back from any of them comes round.
fn cycle_among<N>(graph: &DiGraph<N, ()>, waits_for: &[u32]) -> Vec<NodeIndex> {
    let waiting = |vertex: &NodeIndex| waits_for[vertex.index()] > 0;
    let mut met_at: Vec<Option<usize>> = vec![None; graph.node_count()];
    let mut path = Vec::new();
    let mut next = graph.node_indices().find(waiting);
    while let Some(vertex) = next {
        if let Some(first) = met_at[vertex.index()] {
            path.drain(..first);
            break;
        }
        met_at[vertex.index()] = Some(path.len());
        path.push(vertex);
        next = graph.neighbors_directed(vertex, Direction::Incoming).find(waiting);
    }
    path.reverse();
    path
}

fn cycle_error(desired: &Desired, cycle: &[Vertex]) -> Diagnostic {
    let mut names = names_along(desired, cycle);
    // From what waits to what it waits for, as a person reads a reference.
    names.reverse();
    let first = names.iter().enumerate().min_by_key(|(_, (name, _))| name.to_string()).map_or(0, |(at, _)| at);
    names.rotate_left(first);
    let listed: Vec<String> = names.iter().map(|(name, _)| name.to_string()).collect();
    let mut error = Diagnostic::error(format!("Cycle: {}", listed.join(", ")))
        .detail("Each of these waits for the next one, and the last one waits for the first.")
        .help("Take one of the references away, or refer to something that does not wait for this.");
    for (at, (_, span)) in names.iter().enumerate() {
        let (from, to) = (&listed[at], &listed[(at + 1) % listed.len()]);
        if let Some(span) = span {
            error = error.label(*span, format!("{from} waits for {to}"));
        }
    }
    error
}

/// The addresses along a cycle. A group stands for the members that it is passed through by.
fn names_along(desired: &Desired, cycle: &[Vertex]) -> Vec<(Address, Option<Span>)> {
    let is_instance = |at: usize| matches!(cycle[at % cycle.len()], Vertex::Instance(_));
    let mut names: Vec<(Address, Option<Span>)> = Vec::new();
    for (at, vertex) in cycle.iter().enumerate() {
        let name = match *vertex {
            Vertex::Instance(id) if is_instance(at + 1) || is_instance(at + cycle.len() - 1) => {
                let instance = desired.instance(id);
                (instance.address.clone(), Some(instance.span))
            }
            Vertex::Instance(id) => group_name(desired, desired.instance(id).group),
            Vertex::Start(group) | Vertex::End(group) => group_name(desired, group),
        };
        if names.last().is_none_or(|last| last.0 != name.0) {
            names.push(name);
        }
    }
    if names.len() > 1 && names.first().map(|name| &name.0) == names.last().map(|name| &name.0) {
        names.pop();
    }
    names
}

fn group_name(desired: &Desired, group: GroupId) -> (Address, Option<Span>) {
    let group = desired.group(group);
    let span = group.members.first().map(|member| desired.instance(*member).span);
    (group.address.clone(), span)
}

/// Goes through the instances of a graph: says which can be dealt with, and is told which were.
#[derive(Debug, Clone)]
pub struct Walk<'a> {
    graph: &'a Graph,
    waits_for: Vec<u32>,
    ready: VecDeque<InstanceId>,
}

impl<'a> Walk<'a> {
    fn new(graph: &'a Graph) -> Self {
        let dag = &graph.dag;
        let waits_for: Vec<u32> = dag
            .node_indices()
            .map(|vertex| dag.neighbors_directed(vertex, Direction::Incoming).count() as u32)
            .collect();
        let mut walk = Walk { graph, waits_for, ready: VecDeque::new() };
        let roots: Vec<NodeIndex> = dag.node_indices().filter(|vertex| walk.waits_for[vertex.index()] == 0).collect();
        walk.reach(roots);
        walk
    }

    /// An instance of which everything that it waits for was dealt with; each is given once.
    pub fn next_ready(&mut self) -> Option<InstanceId> {
        self.ready.pop_front()
    }

    /// Says that an instance was dealt with.
    pub fn done(&mut self, instance: InstanceId) {
        let vertex = self.graph.index(Vertex::Instance(instance));
        let reached = self.leave(vertex);
        self.reach(reached);
    }

    /// The vertices that wait for nothing more once this one is left.
    fn leave(&mut self, vertex: NodeIndex) -> Vec<NodeIndex> {
        let waits_for = &mut self.waits_for;
        in_order_of_addition(self.graph.dag.neighbors(vertex))
            .filter(|dependant| {
                waits_for[dependant.index()] -= 1;
                waits_for[dependant.index()] == 0
            })
            .collect()
    }

    /// Instances that are reached become ready; groups are passed through.
    fn reach(&mut self, vertices: Vec<NodeIndex>) {
        let mut reached = VecDeque::from(vertices);
        while let Some(vertex) = reached.pop_front() {
            match self.graph.dag[vertex] {
                Vertex::Instance(instance) => self.ready.push_back(instance),
                Vertex::Start(_) | Vertex::End(_) => reached.extend(self.leave(vertex)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::desired;

    fn order(text: &str) -> String {
        let desired = desired(text);
        let graph = Graph::new(&desired).expect("no cycle");
        let mut walk = graph.walk();
        let mut names = Vec::new();
        while let Some(instance) = walk.next_ready() {
            names.push(desired.instance(instance).address.to_string());
            walk.done(instance);
        }
        names.join(" ")
    }

    #[test]
    fn what_is_waited_for_comes_first() {
        assert_eq!(order("c: b\nb: a\na"), "object.a object.b object.c");
        assert_eq!(order("b[0]: a\nb[1]: a\na[x]\na[y]"), r#"object.a["x"] object.a["y"] object.b[0] object.b[1]"#);
    }

    #[test]
    fn groups_without_members_are_passed_through() {
        assert_eq!(order("c: b\nb[]: a\na"), "object.a object.c");
    }

    #[test]
    fn a_cycle_is_told_in_order() {
        let error = Graph::new(&desired("a: b\nb[0]: c\nb[1]: c\nc: a\nd: a")).expect_err("a cycle");
        assert_eq!(error.summary, "Cycle: object.a, object.b, object.c");
        let labels: Vec<&str> = error.labels.iter().map(|label| &*label.message).collect();
        assert_eq!(
            labels,
            ["object.a waits for object.b", "object.b waits for object.c", "object.c waits for object.a"]
        );
    }

    #[test]
    fn edges_between_groups_are_not_multiplied() {
        let members = |name: &str, of: &str| (0..500).map(|at| format!("{name}[{at}]{of}\n")).collect::<String>();
        let desired = desired(&(members("a", "") + &members("b", ": a")));
        let graph = Graph::new(&desired).expect("no cycle");
        assert_eq!(graph.dag.edge_count(), 2 * 1000 + 1);
    }
}
