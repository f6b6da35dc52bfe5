//! In which order the operations of a plan may come: every pair that must not change places is
//! held against the plan. It is told from what depends on what, apart from how `order` puts it
//! together, and looks at all pairs, so that it is for tests.

use portolan_lang::Address;
use portolan_state::Snapshot;

use crate::graph::{Graph, Vertex};
use crate::plan::elsewhere::thing_of;
use crate::plan::model::{Action, Change, OperationKind, Plan, Step};
use crate::plan::row;

/// What may happen in the wrong order, in sentences. The plan is structurally sound.
pub(crate) fn wrong_order(plan: &Plan, graph: &Graph, snapshot: &Snapshot) -> Vec<String> {
    let none = vec![None; plan.changes.len()];
    let (earlier, found) = (Earlier::new(plan), Vec::new());
    let mut check = Check { plan, earlier, making: none.clone(), changing: none.clone(), deleting: none, found };
    check.find_operations();
    check.replacements();
    check.made_after_dependencies(graph);
    check.deleted_after_dependants(snapshot);
    check.handed_over(snapshot);
    check.found
}

/// A set of operations or changes, by their positions.
#[derive(Clone, Default, PartialEq)]
struct Numbers(Vec<u64>);

impl Numbers {
    fn none(count: usize) -> Self {
        Numbers(vec![0; count.div_ceil(64)])
    }

    fn insert(&mut self, operation: usize) {
        self.0[operation / 64] |= 1 << (operation % 64);
    }

    fn contains(&self, operation: usize) -> bool {
        self.0[operation / 64] & (1 << (operation % 64)) != 0
    }

    fn extend(&mut self, other: &Numbers) {
        self.0.iter_mut().zip(&other.0).for_each(|(mine, theirs)| *mine |= theirs);
    }

    fn iter(&self) -> impl Iterator<Item = usize> {
        (0..self.0.len() * 64).filter(|at| self.contains(*at))
    }
}

/// For each operation, all that have certainly succeeded before it begins.
struct Earlier(Vec<Numbers>);

impl Earlier {
    fn new(plan: &Plan) -> Self {
        let count = plan.operations.len();
        let mut operations: Vec<Numbers> = Vec::with_capacity(count);
        for operation in &plan.operations {
            let before = reached(plan, &operations, &operation.after);
            operations.push(before);
        }
        Earlier(operations)
    }
}

/// What has succeeded once these steps are reached.
fn reached(plan: &Plan, known: &[Numbers], after: &[Step]) -> Numbers {
    let mut reached = Numbers::none(plan.operations.len());
    let mut left = after.to_vec();
    let mut joins = vec![false; plan.joins.len()];
    while let Some(step) = left.pop() {
        match step {
            Step::Operation(operation) => {
                reached.insert(operation);
                reached.extend(&known[operation]);
            }
            Step::Join(join) if !std::mem::replace(&mut joins[join], true) => left.extend(&plan.joins[join].after),
            Step::Join(_) => {}
        }
    }
    reached
}

struct Check<'a> {
    plan: &'a Plan,
    earlier: Earlier,
    /// For each change, the operation that creates, changes, reads, forgets or awaits.
    making: Vec<Option<usize>>,
    /// The same without those that await.
    changing: Vec<Option<usize>>,
    /// For each change, the operation that deletes or withdraws.
    deleting: Vec<Option<usize>>,
    found: Vec<String>,
}

impl Check<'_> {
    fn find_operations(&mut self) {
        for (position, operation) in self.plan.operations.iter().enumerate() {
            let position = Some(position);
            match operation.kind {
                // What others cannot use any more goes as if it were deleted.
                OperationKind::Update if self.plan.changes[operation.change].is_withdrawal() => {
                    self.deleting[operation.change] = position;
                }
                OperationKind::Delete => self.deleting[operation.change] = position,
                OperationKind::Await => self.making[operation.change] = position,
                _ => {
                    (self.making[operation.change], self.changing[operation.change]) = (position, position);
                }
            }
        }
    }

    fn expect(&mut self, first: Option<usize>, then: Option<usize>, why: &str) {
        let (Some(first), Some(then)) = (first, then) else { return };
        if !self.earlier.0[then].contains(first) {
            self.found.push(format!("operation {then} may begin before operation {first} has ended: {why}"));
        }
    }

    fn replacements(&mut self) {
        for at in 0..self.plan.changes.len() {
            let (making, deleting) = (self.making[at], self.deleting[at]);
            match self.plan.changes[at].action {
                Action::CreateThenDelete => self.expect(making, deleting, "it is created first"),
                Action::DeleteThenCreate => self.expect(deleting, making, "it is deleted first"),
                _ => {}
            }
        }
    }

    /// What an instance depends on is made before it, and the old object of what it depends on
    /// goes only after it, where a new one takes its place before.
    fn made_after_dependencies(&mut self, graph: &Graph) {
        let changes = self.plan.changes.len();
        let mut change_of: Vec<Option<usize>> = vec![None; graph.len()];
        for (at, change) in self.plan.changes.iter().enumerate().filter(|(_, change)| change.key.deposed.is_none()) {
            if let Some(id) = change.instance {
                change_of[graph.position(Vertex::Instance(id))] = Some(at);
            }
        }
        let mut depends_on = vec![Numbers::none(changes); graph.len()];
        // The same, but through nothing else that is made.
        let mut uses = depends_on.clone();
        for vertex in graph.order() {
            let position = graph.position(*vertex);
            let (mut all, mut used) = (Numbers::none(changes), Numbers::none(changes));
            for dependency in graph.dependencies(*vertex).map(|dependency| graph.position(dependency)) {
                all.extend(&depends_on[dependency]);
                if change_of[dependency].and_then(|change| self.changing[change]).is_none() {
                    used.extend(&uses[dependency]);
                }
                change_of[dependency].into_iter().for_each(|change| {
                    all.insert(change);
                    used.insert(change);
                });
            }
            if let Some(dependant) = change_of[position] {
                self.made_after(dependant, &all, &used);
            }
            (depends_on[position], uses[position]) = (all, used);
        }
    }

    fn made_after(&mut self, dependant: usize, all: &Numbers, used: &Numbers) {
        for dependency in all.iter() {
            self.expect(self.making[dependency], self.making[dependant], "it depends on that");
        }
        for dependency in used.iter().filter(|at| self.plan.changes[*at].action == Action::CreateThenDelete) {
            self.expect(self.changing[dependant], self.deleting[dependency], "the old object is used until then");
        }
    }

    /// What is made, changed or awaited in some places is so before it goes in others, unless it
    /// has to go before anything is made.
    fn handed_over(&mut self, snapshot: &Snapshot) {
        let direct = recorded_dependencies(&self.plan.changes, snapshot);
        let plan = self.plan;
        let replaced_first = |at: usize| plan.changes[at].action == Action::DeleteThenCreate;
        let is_early = |at: usize| replaced_first(at) || closure(&direct, at, |_| true).iter().any(replaced_first);
        let late: Vec<usize> =
            (0..plan.changes.len()).filter(|at| plan.changes[*at].gives_up() && !is_early(*at)).collect();
        for (gone, other) in late.iter().flat_map(|gone| (0..plan.changes.len()).map(move |other| (*gone, other))) {
            let thing = thing_of(&plan.changes[gone]);
            if thing.is_some() && thing == thing_of(&plan.changes[other]) {
                self.expect(self.making[other], self.deleting[gone], "that stands for it");
            }
        }
    }

    /// What depended on an object when it was recorded is deleted before it, and changed before
    /// it unless the object has to go before anything is made. Whoever depended on it only
    /// through something else that is changed has no part in that.
    fn deleted_after_dependants(&mut self, snapshot: &Snapshot) {
        let direct = recorded_dependencies(&self.plan.changes, snapshot);
        let all: Vec<Numbers> = (0..direct.len()).map(|at| closure(&direct, at, |_| true)).collect();
        if all.iter().enumerate().any(|(at, reached)| reached.contains(at)) {
            // Rows of different times run in a circle, which says nothing of the order.
            return;
        }
        let replaced_first = |at: usize| self.plan.changes[at].action == Action::DeleteThenCreate;
        let early: Vec<bool> = all
            .iter()
            .enumerate()
            .map(|(at, reached)| replaced_first(at) || reached.iter().any(replaced_first))
            .collect();
        for (dependant, dependencies) in all.iter().enumerate() {
            for dependency in dependencies.iter() {
                self.expect(self.deleting[dependant], self.deleting[dependency], "that depended on it");
            }
            let until_changed = closure(&direct, dependant, |at| self.changing[at].is_none());
            for dependency in until_changed.iter().filter(|at| !early[*at]) {
                self.expect(self.changing[dependant], self.deleting[dependency], "that depended on it until then");
            }
        }
    }
}

/// For each change, the changes of the objects that its object depended on when it was recorded.
fn recorded_dependencies(changes: &[Change], snapshot: &Snapshot) -> Vec<Numbers> {
    let direct = |change: &Change| {
        let named: &[Address] = row(snapshot, change).map_or(&[], |row| &row.dependencies);
        let mut found = Numbers::none(changes.len());
        for (at, other) in changes.iter().enumerate().filter(|(_, other)| !other.is_data) {
            if named.iter().any(|name| name.contains(other.recorded_address())) {
                found.insert(at);
            }
        }
        found
    };
    changes.iter().map(direct).collect()
}

/// All that can be reached from one place, passing through the places that say so.
fn closure(direct: &[Numbers], from: usize, passes: impl Fn(usize) -> bool) -> Numbers {
    let mut reached = direct[from].clone();
    let mut left: Vec<usize> = reached.iter().collect();
    while let Some(at) = left.pop() {
        if passes(at) {
            left.extend(direct[at].iter().filter(|next| !reached.contains(*next)));
            reached.extend(&direct[at]);
        }
    }
    reached
}
