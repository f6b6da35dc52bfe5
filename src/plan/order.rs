//! What happens before what: all the rules, and nothing else.
//!
//! `docs/ordering.md` explains them. Each rule is a function that adds edges to a network of
//! operations and of *meetings*, points where nothing happens but to which many edges lead.
//!
//! 1. [`make`]: what is depended on is created, changed or read first, also through instances
//!    of which nothing becomes, and is ready; one of those that may not be is awaited.
//! 2. [`replace`]: a replacement deletes and creates, or creates and deletes.
//! 3. [`release`]: what is deleted after its successor was created waits until everything that
//!    depends on it uses the successor.
//! 4. [`take_away`]: what depended on an object when it was recorded is deleted before it, and
//!    changed before it where it is changed so as not to depend on it any more.
//! 5. [`hand_over`]: what is there in several places is made, changed and ready in some before it
//!    is deleted or withdrawn in others.
//!
//! An update that *withdraws* its object, so that others can use less of it than before, has the
//! place of a deletion in all of them: a workload that is stopped, or gives copies away, does so
//! after what depends on it.
//!
//! Why there can be no cycle: creations and changes wait for each other along the graph, which
//! has none, and for the deletion of their own replacement. Such an *early* deletion, and any
//! that has to come before it, waits for nothing but early deletions, along the recorded order,
//! which has no cycles either. All other deletions are *late*: they wait for creations, changes
//! and deletions, and only late deletions wait for them, along the recorded order.
//! [`create_first`] sees to it that none of two replacements, of which one depends on the
//! other, deletes early what the other one deletes late.

use std::rc::Rc;

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use portolan_lang::Address;
use rustc_hash::FxHashMap;

use super::elsewhere::{Thing, thing_of};
use super::model::{Action, Change, Join, Operation, OperationKind, Step};
use super::recorded_order::RecordedOrder;
use crate::compile::{Desired, InstanceId};
use crate::graph::{Graph, Vertex, topological_order};

/// How many steps a meeting may stand for before it becomes a [`Join`] of its own. It bounds
/// the edges of a plan by this number times those of the graph.
const FEW: usize = 8;

/// Which instances are created before their old objects are deleted, should they be replaced:
/// those whose lifecycle says so, and all that they depend on, as otherwise the old object
/// would have to go before the new one is there. By the position of the instance.
pub(crate) fn creates_first(desired: &Desired, graph: &Graph) -> Vec<bool> {
    let says_so =
        |instance: InstanceId| desired.group(desired.instance(instance).group).lifecycle.create_before_destroy;
    if !desired.groups.iter().any(|group| group.lifecycle.create_before_destroy) {
        return vec![false; desired.instances.len()];
    }
    let mut first = vec![false; graph.len()];
    for vertex in graph.order().iter().rev() {
        let own = matches!(vertex, Vertex::Instance(instance) if says_so(*instance));
        first[graph.position(*vertex)] =
            own || graph.dependants(*vertex).any(|dependant| first[graph.position(dependant)]);
    }
    desired.iter().map(|(id, _)| first[graph.position(Vertex::Instance(id))]).collect()
}

/// The steps of a plan, in an order in which they could be done one by one.
pub(crate) struct Steps {
    /// The operations.
    pub(crate) operations: Vec<Operation>,
    /// The points where many of them meet.
    pub(crate) joins: Vec<Join>,
}

/// The steps that carry the changes out. `awaited` says, for each change, whether its object stays
/// as it is and has to be ready for others; `recorded`, what the object depended on when it was
/// recorded. A replacement may be turned into one that creates first.
pub(crate) fn steps(changes: &mut [Change], awaited: &[bool], recorded: &[&[Address]], graph: &Graph) -> Option<Steps> {
    if changes.iter().all(|change| change.action == Action::NoOp) {
        return Some(Steps { operations: Vec::new(), joins: Vec::new() });
    }
    let deletes = changes.iter().any(|change| change.action.deletes() || change.is_withdrawal());
    let order = deletes.then(|| {
        let objects: Vec<(&Address, &[Address])> =
            changes.iter().zip(recorded).map(|(change, recorded)| (change.recorded_address(), *recorded)).collect();
        RecordedOrder::new(&objects)
    });
    if let Some(order) = &order {
        create_first(changes, order);
    }
    let mut network = Network::new(changes, awaited);
    network.make(changes, graph);
    network.replace(changes);
    network.release(changes, graph);
    if let Some(order) = &order {
        let early = early_deletions(changes, order);
        network.take_away(order, &early);
        network.hand_over(changes, &early);
    }
    network.into_steps()
}

/// What a replacement that creates first depended on is replaced in that way too.
fn create_first(changes: &mut [Change], order: &RecordedOrder) {
    let firsts = (0..changes.len()).filter(|at| changes[*at].action == Action::CreateThenDelete);
    let reached = order.dependencies_of(firsts);
    for (change, _) in changes.iter_mut().zip(reached).filter(|(_, reached)| *reached) {
        if change.action == Action::DeleteThenCreate {
            change.action = Action::CreateThenDelete;
        }
    }
}

/// The deletions that come before something is created: those of replacements that delete
/// first, and those of what depended on their objects.
fn early_deletions(changes: &[Change], order: &RecordedOrder) -> Vec<bool> {
    let replaced = (0..changes.len()).filter(|at| changes[*at].action == Action::DeleteThenCreate);
    order.dependants_of(replaced)
}

#[derive(Clone, Copy)]
enum Point {
    Operation { kind: OperationKind, change: usize },
    Meeting,
}

/// Operations and meetings; an edge leads from what comes first.
struct Network {
    points: DiGraph<Point, ()>,
    /// For each change, the operation that creates, changes or reads, and withdraws nothing.
    making: Vec<Option<NodeIndex>>,
    /// For each change, the operation that awaits an object that stays as it is.
    awaiting: Vec<Option<NodeIndex>>,
    /// For each change, the operation that deletes or withdraws.
    deleting: Vec<Option<NodeIndex>>,
}

impl Network {
    fn new(changes: &[Change], awaited: &[bool]) -> Self {
        let mut points = DiGraph::new();
        let mut add =
            |kind: Option<OperationKind>, change| kind.map(|kind| points.add_node(Point::Operation { kind, change }));
        let awaiting = (0..changes.len()).map(|at| add(awaited[at].then_some(OperationKind::Await), at)).collect();
        let mut making = Vec::with_capacity(changes.len());
        let mut deleting = Vec::with_capacity(changes.len());
        for (at, change) in changes.iter().enumerate() {
            let (makes, deletes) = match change.action.operations() {
                (withdraws, None) if change.is_withdrawal() => (None, withdraws),
                operations => operations,
            };
            if change.action == Action::DeleteThenCreate {
                deleting.push(add(deletes, at));
                making.push(add(makes, at));
            } else {
                making.push(add(makes, at));
                deleting.push(add(deletes, at));
            }
        }
        Network { points, making, awaiting, deleting }
    }

    fn meeting(&mut self) -> NodeIndex {
        self.points.add_node(Point::Meeting)
    }

    fn before(&mut self, first: NodeIndex, then: NodeIndex) {
        self.points.add_edge(first, then, ());
    }

    /// Rule 1.
    fn make(&mut self, changes: &[Change], graph: &Graph) {
        if self.making.iter().all(Option::is_none) {
            return;
        }
        let making = of_vertices(&self.making, changes, graph);
        let awaiting = of_vertices(&self.awaiting, changes, graph);
        let first = making.into_iter().zip(awaiting).map(|(making, awaiting)| making.or(awaiting));
        let points: Vec<NodeIndex> = first.map(|first| first.unwrap_or_else(|| self.meeting())).collect();
        for vertex in graph.order() {
            for dependency in graph.dependencies(*vertex) {
                self.before(points[graph.position(dependency)], points[graph.position(*vertex)]);
            }
        }
    }

    /// Rule 2.
    fn replace(&mut self, changes: &[Change]) {
        for (at, change) in changes.iter().enumerate() {
            let (Some(make), Some(delete)) = (self.making[at], self.deleting[at]) else { continue };
            match change.action {
                Action::CreateThenDelete => self.before(make, delete),
                _ => self.before(delete, make),
            }
        }
    }

    /// Rule 3.
    fn release(&mut self, changes: &[Change], graph: &Graph) {
        if !changes.iter().any(|change| change.action == Action::CreateThenDelete) {
            return;
        }
        let making = of_vertices(&self.making, changes, graph);
        let released: Vec<NodeIndex> = (0..graph.len()).map(|_| self.meeting()).collect();
        for vertex in graph.order() {
            for dependant in graph.dependants(*vertex).map(|dependant| graph.position(dependant)) {
                self.before(making[dependant].unwrap_or(released[dependant]), released[graph.position(*vertex)]);
            }
        }
        for (at, change) in changes.iter().enumerate() {
            if let (Action::CreateThenDelete, Some(instance), Some(delete)) =
                (change.action, change.instance, self.deleting[at])
            {
                self.before(released[graph.position(Vertex::Instance(instance))], delete);
            }
        }
    }

    /// Rule 4.
    fn take_away(&mut self, order: &RecordedOrder, early: &[bool]) {
        self.after_dependants(order, &self.deleting.clone(), |_| true);
        if self.making.iter().any(Option::is_some) {
            self.after_dependants(order, &self.making.clone(), |at| !early[at]);
        }
    }

    /// Rule 5.
    fn hand_over(&mut self, changes: &[Change], early: &[bool]) {
        let mut there: FxHashMap<Thing<'_>, NodeIndex> = FxHashMap::default();
        for (at, change) in changes.iter().enumerate() {
            let (Some(made), Some(thing)) = (self.making[at].or(self.awaiting[at]), thing_of(change)) else { continue };
            let all = *there.entry(thing).or_insert_with(|| self.points.add_node(Point::Meeting));
            self.before(made, all);
        }
        for (at, change) in changes.iter().enumerate().filter(|(at, _)| !early[*at]) {
            let all = thing_of(change).and_then(|thing| there.get(&thing).copied());
            if let (Some(delete), Some(all)) = (self.deleting[at], all) {
                self.before(all, delete);
            }
        }
    }

    /// Lets the deletions of objects come after these operations of what depended on them, also
    /// through objects that have none.
    fn after_dependants(
        &mut self,
        order: &RecordedOrder,
        operations: &[Option<NodeIndex>],
        is_meant: impl Fn(usize) -> bool,
    ) {
        let dealt_with: Vec<NodeIndex> = (0..order.len()).map(|_| self.meeting()).collect();
        for (dependant, dependency) in order.edges() {
            let operation = order.object(dependant).and_then(|object| operations[object]);
            self.before(operation.unwrap_or(dealt_with[dependant]), dealt_with[dependency]);
        }
        for at in (0..self.deleting.len()).filter(|at| is_meant(*at)) {
            if let Some(delete) = self.deleting[at] {
                self.before(dealt_with[at], delete);
            }
        }
    }

    /// Puts the operations in order and takes the meetings out; `None` if there is a cycle,
    /// which would be a mistake in the rules.
    fn into_steps(self) -> Option<Steps> {
        let order = topological_order(&self.points).ok()?;
        let mut steps = Steps { operations: Vec::new(), joins: Vec::new() };
        let mut led_by: Vec<Rc<[Step]>> = vec![Rc::from([]); self.points.node_count()];
        let leads_on = self.leads_on(&order);
        for point in order.into_iter().filter(|point| leads_on[point.index()]) {
            let after =
                union(self.points.neighbors_directed(point, Direction::Incoming).map(|from| &led_by[from.index()]));
            led_by[point.index()] = match self.points[point] {
                Point::Operation { kind, change } => {
                    steps.operations.push(Operation { kind, change, after: after.to_vec() });
                    Rc::from([Step::Operation(steps.operations.len() - 1)])
                }
                Point::Meeting if after.len() <= FEW => after,
                Point::Meeting => {
                    steps.joins.push(Join { after: after.to_vec() });
                    Rc::from([Step::Join(steps.joins.len() - 1)])
                }
            };
        }
        Some(steps)
    }

    /// Which points are operations, or lead to any.
    fn leads_on(&self, order: &[NodeIndex]) -> Vec<bool> {
        let mut leads_on = vec![false; self.points.node_count()];
        for point in order.iter().rev() {
            leads_on[point.index()] = matches!(self.points[*point], Point::Operation { .. })
                || self.points.neighbors(*point).any(|next| leads_on[next.index()]);
        }
        leads_on
    }
}

/// For each vertex of the graph, the operation of its instance among those of the changes.
fn of_vertices(operations: &[Option<NodeIndex>], changes: &[Change], graph: &Graph) -> Vec<Option<NodeIndex>> {
    let mut found = vec![None; graph.len()];
    for (at, change) in changes.iter().enumerate().filter(|(_, change)| change.key.deposed.is_none()) {
        if let Some(instance) = change.instance {
            found[graph.position(Vertex::Instance(instance))] = operations[at];
        }
    }
    found
}

fn union<'a>(mut lists: impl Iterator<Item = &'a Rc<[Step]>>) -> Rc<[Step]> {
    let Some(first) = lists.next() else { return Rc::from([]) };
    let Some(second) = lists.next() else { return first.clone() };
    let mut all: Vec<Step> =
        first.iter().chain(second.iter()).chain(lists.flat_map(|list| list.iter())).copied().collect();
    all.sort_unstable();
    all.dedup();
    Rc::from(all)
}
