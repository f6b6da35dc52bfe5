//! Which groups an expression waits for, through variables, locals and outputs.
//!
//! Only direct dependencies are found: the groups whose values an expression reads. What those
//! wait for themselves is their own affair.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use portolan_lang::address::Segment;
use portolan_lang::decode::{body_references, each_body_reference};
use portolan_lang::eval::{Reference, ReferenceStep, each_reference};
use portolan_lang::syntax::{Block, Body, Expr};
use portolan_lang::{Address, InstanceKey, Schema};
use rustc_hash::FxHashMap;

use super::desired::{Group, GroupId};
use super::domain;
use super::evaluator::{Evaluator, Node};
use super::module::ModuleId;
use crate::config::part::may_have;
use crate::config::{DomainBlock, ResourceBlock};

/// A set of groups, sorted and shared.
type Groups = Arc<BTreeSet<GroupId>>;

/// Finds dependencies once all groups are known.
pub(super) struct Dependencies<'e> {
    evaluator: &'e Evaluator,
    groups: &'e [Group],
    /// The groups that a block made.
    made: &'e FxHashMap<Node, Vec<GroupId>>,
    /// What was found; empty while it is being looked for, so that a cycle ends.
    found: FxHashMap<Node, Groups>,
    /// What everything in a module instance waits for.
    inherited: FxHashMap<ModuleId, Groups>,
    /// The groups in a module instance and in those under it.
    inside: FxHashMap<ModuleId, Groups>,
}

impl<'e> Dependencies<'e> {
    pub(super) fn new(evaluator: &'e Evaluator, groups: &'e [Group], made: &'e FxHashMap<Node, Vec<GroupId>>) -> Self {
        Dependencies {
            evaluator,
            groups,
            made,
            found: FxHashMap::default(),
            inherited: FxHashMap::default(),
            inside: FxHashMap::default(),
        }
    }

    /// What everything in a module instance waits for: the `depends_on` of the calls above it.
    pub(super) fn inherited(&mut self, module: ModuleId) -> Groups {
        if let Some(found) = self.inherited.get(&module) {
            return found.clone();
        }
        let instance = self.evaluator.module(module);
        let mut groups = BTreeSet::new();
        if let Some(caller) = &instance.caller {
            groups.extend(self.inherited(caller.module).iter());
            for reference in &caller.call.depends_on {
                self.waited_for(caller.module, reference, &mut groups);
            }
        }
        self.inherited.insert(module, Arc::new(groups));
        self.inherited[&module].clone()
    }

    /// Adds what a `depends_on` entry waits for: for a module, everything in it.
    pub(super) fn waited_for(&mut self, module: ModuleId, reference: &Reference, groups: &mut BTreeSet<GroupId>) {
        if &*reference.root != "module" || reference.steps.len() > 2 {
            return self.read(module, reference, groups);
        }
        for child in self.called(module, reference) {
            groups.extend(self.inside(child).iter());
        }
    }

    /// Adds the groups that an expression reads.
    pub(super) fn of(&mut self, module: ModuleId, expr: &Expr, groups: &mut BTreeSet<GroupId>) {
        each_reference(expr, &mut |reference| self.read(module, reference, groups));
    }

    /// Adds the groups that a reference reads.
    pub(super) fn read(&mut self, module: ModuleId, reference: &Reference, groups: &mut BTreeSet<GroupId>) {
        let declared = self.evaluator.module(module);
        let name = reference.name(1).unwrap_or_default();
        match &*reference.root {
            "var" => {
                if let Some(at) = declared.module.variables.get_index_of(name) {
                    groups.extend(self.node(Node::Variable(module, at as u32)).iter());
                }
            }
            "local" => {
                if let Some(at) = declared.module.locals.get_index_of(name) {
                    groups.extend(self.node(Node::Local(module, at as u32)).iter());
                }
            }
            "module" => self.outputs(module, reference, groups),
            "data" => self.resource(module, reference.named(2), groups),
            "each" | "count" | "self" | "path" | "portolan" | "terraform" => {}
            root if domain::kind(root).is_some() => self.domain(module, reference, groups),
            _ => self.resource(module, reference.named(1), groups),
        }
    }

    fn resource(&self, module: ModuleId, local: Option<&str>, groups: &mut BTreeSet<GroupId>) {
        let declared = self.evaluator.module(module);
        if let Some(at) = local.and_then(|local| declared.module.resources.get_index_of(local)) {
            groups.extend(self.made.get(&Node::Resource(module, at as u32)).into_iter().flatten());
        }
    }

    /// `application.shop.service.api` reads the groups of that service, `application.shop` all
    /// that the block makes, and `application.shop["eu"]` all that this instance of it makes.
    fn domain(&self, module: ModuleId, reference: &Reference, groups: &mut BTreeSet<GroupId>) {
        let declared = self.evaluator.module(module);
        let found = reference.named(1).and_then(|local| declared.module.domain.get_full(local));
        let Some((at, _, block)) = found else { return };
        let made = self.made.get(&Node::Domain(module, at as u32)).map_or(&[][..], Vec::as_slice);
        let named = segments(reference);
        let lies_at = |group: GroupId, named: &[Segment]| {
            let local = self.groups[group.0 as usize].address.local();
            let segments = local.segments();
            segments.len() >= named.len() && segments.iter().zip(named).all(|(segment, named)| is_at(segment, named))
        };
        let made = made.iter().copied().filter(|group| !self.groups[group.0 as usize].gathers());
        let of_instance = made.filter(|group| lies_at(*group, &named[..named.len().min(2)]));
        // What is named but makes nothing, such as an external, is there already.
        match named.as_slice() {
            [_, _, keyword, label, ..] if may_have(&block.body, &keyword.name, &label.name) => {
                groups.extend(of_instance.filter(|group| lies_at(*group, &named[..4])));
            }
            _ => groups.extend(of_instance),
        }
    }

    fn outputs(&mut self, module: ModuleId, reference: &Reference, groups: &mut BTreeSet<GroupId>) {
        let output = match reference.steps.get(1..) {
            Some([ReferenceStep::Attribute(output), ..])
            | Some([ReferenceStep::Key(_), ReferenceStep::Attribute(output), ..]) => Some(output),
            _ => None,
        };
        for child in self.called(module, reference) {
            let count = self.evaluator.module(child).module.outputs.len();
            let one = output.and_then(|name| self.evaluator.module(child).module.outputs.get_index_of(name));
            let positions = one.map_or(0..count, |at| at..at + 1);
            for at in positions {
                groups.extend(self.node(Node::Output(child, at as u32)).iter());
            }
        }
    }

    /// The module instances that a reference names.
    fn called(&self, module: ModuleId, reference: &Reference) -> Vec<ModuleId> {
        let declared = self.evaluator.module(module);
        let Some(at) = reference.name(1).and_then(|name| declared.module.calls.get_index_of(name)) else {
            return Vec::new();
        };
        let key: Option<&InstanceKey> = match reference.steps.get(1) {
            Some(ReferenceStep::Key(key)) => Some(key),
            _ => None,
        };
        match key.and_then(|key| self.evaluator.child(module, at, Some(key))) {
            Some(child) => vec![child],
            None => self.evaluator.children(module, at).to_vec(),
        }
    }

    fn inside(&mut self, module: ModuleId) -> Groups {
        if let Some(found) = self.inside.get(&module) {
            return found.clone();
        }
        let address: Address = self.evaluator.module(module).address.clone();
        let is_inside = |group: &Group| address.contains(&group.address) && !group.gathers();
        let all = self.groups.iter().enumerate().filter(|(_, group)| is_inside(group));
        let groups: Groups = Arc::new(all.map(|(at, _)| GroupId(at as u32)).collect());
        self.inside.insert(module, groups.clone());
        groups
    }

    /// What the value of a variable, a local or an output reads.
    fn node(&mut self, node: Node) -> Groups {
        if let Some(found) = self.found.get(&node) {
            return found.clone();
        }
        self.found.insert(node, Arc::default());
        let groups = stacker::maybe_grow(128 * 1024, 4 * 1024 * 1024, || Arc::new(self.look_up(node)));
        self.found.insert(node, groups.clone());
        groups
    }

    fn look_up(&mut self, node: Node) -> BTreeSet<GroupId> {
        let mut groups = BTreeSet::new();
        match node {
            Node::Variable(module, at) => self.variable(module, at as usize, &mut groups),
            Node::Local(module, at) => {
                let instance = self.evaluator.module(module);
                if let Some((_, local)) = instance.module.locals.get_index(at as usize) {
                    self.of(module, &local.expr, &mut groups);
                }
            }
            Node::Output(module, at) => {
                let instance = self.evaluator.module(module);
                if let Some((_, output)) = instance.module.outputs.get_index(at as usize) {
                    self.of(module, &output.value, &mut groups);
                    for reference in &output.depends_on {
                        self.waited_for(module, reference, &mut groups);
                    }
                }
            }
            Node::Call(..) | Node::Resource(..) | Node::Domain(..) => {}
        }
        groups
    }

    fn variable(&mut self, module: ModuleId, at: usize, groups: &mut BTreeSet<GroupId>) {
        let instance = self.evaluator.module(module);
        let Some((name, _)) = instance.module.variables.get_index(at) else { return };
        let Some(caller) = &instance.caller else { return };
        if let Some((_, expr)) = caller.call.arguments.get(name) {
            self.of(caller.module, expr, groups);
            self.repetition(caller.module, &caller.call.repetition, groups);
        }
    }

    /// Adds what decides how many instances a block has.
    pub(super) fn repetition(
        &mut self,
        module: ModuleId,
        repetition: &crate::config::Repetition,
        groups: &mut BTreeSet<GroupId>,
    ) {
        match repetition {
            crate::config::Repetition::Single => {}
            crate::config::Repetition::Count(expr) | crate::config::Repetition::ForEach(expr) => {
                self.of(module, expr, groups);
            }
        }
    }
}

/// What a resource block waits for.
pub(super) fn of_resource(
    evaluator: &Evaluator,
    dependencies: &mut Dependencies<'_>,
    module: ModuleId,
    block: &ResourceBlock,
) -> BTreeSet<GroupId> {
    let mut groups: BTreeSet<GroupId> = dependencies.inherited(module).iter().copied().collect();
    if let Some(schema) = evaluator.schema(block) {
        each_body_reference(&block.body, schema, &mut |reference| dependencies.read(module, reference, &mut groups));
    }
    dependencies.repetition(module, &block.repetition, &mut groups);
    let provider = block.provider.iter();
    for reference in block.depends_on.iter().chain(provider.clone().map(|provider| &provider.block)) {
        dependencies.waited_for(module, reference, &mut groups);
    }
    provider.filter_map(|provider| provider.key.as_ref()).for_each(|key| dependencies.of(module, key, &mut groups));
    let lifecycle = &block.lifecycle;
    lifecycle.replace_triggered_by.iter().for_each(|expr| dependencies.of(module, expr, &mut groups));
    for condition in lifecycle.preconditions.iter().chain(&lifecycle.postconditions) {
        dependencies.of(module, &condition.condition, &mut groups);
        dependencies.of(module, &condition.error_message, &mut groups);
    }
    groups
}

/// Adds what the groups of a domain block wait for. What a nested block with a group of its own
/// refers to concerns that group alone.
pub(super) fn of_domain(
    dependencies: &mut Dependencies<'_>,
    module: ModuleId,
    block: &DomainBlock,
    made: &[GroupId],
    groups: &[Group],
    found: &mut [BTreeSet<GroupId>],
) {
    let Some(kind) = domain::kind(&block.kind.name) else { return };
    let schema = (kind.schema)(&dependencies.evaluator.inputs.catalog);
    let mut shared: BTreeSet<GroupId> = dependencies.inherited(module).iter().copied().collect();
    dependencies.repetition(module, &block.repetition, &mut shared);
    for reference in &block.depends_on {
        dependencies.waited_for(module, reference, &mut shared);
    }
    let parts = parts(made, groups);
    let mut outer = block.body.as_ref().clone();
    outer.blocks.clear();
    for nested in &block.body.blocks {
        let own = groups_of(nested, &block.body, &parts);
        if own.is_empty() {
            outer.blocks.push(nested.clone());
            continue;
        }
        let mut alone = Body::empty(nested.body.span);
        alone.blocks.push(nested.clone());
        let read = read_by(dependencies, module, &alone, &schema, made);
        own.iter().for_each(|id| found[id.0 as usize].extend(&read));
    }
    shared.extend(read_by(dependencies, module, &outer, &schema, made));
    made.iter().for_each(|id| found[id.0 as usize].extend(&shared));
}

/// The groups of parts of a block, by keyword and label.
type Parts<'g> = BTreeMap<(&'g str, &'g str), Vec<GroupId>>;

fn parts<'g>(made: &[GroupId], groups: &'g [Group]) -> Parts<'g> {
    let mut parts = Parts::new();
    for id in made {
        let address = &groups[id.0 as usize].address;
        let segments = address.segments();
        if let [.., keyword, label] = segments
            && address.local().segments().len() == 4
        {
            parts.entry((&*keyword.name, &*label.name)).or_default().push(*id);
        }
    }
    parts
}

/// The groups that a nested block makes for itself; those of a `dynamic` block are all that no
/// other one makes.
fn groups_of(nested: &Block, body: &Body, parts: &Parts<'_>) -> Vec<GroupId> {
    let Some(label) = nested.labels.first() else { return Vec::new() };
    if &*nested.keyword.name != "dynamic" {
        return parts.get(&(&*nested.keyword.name, &*label.name)).cloned().unwrap_or_default();
    }
    let written: BTreeSet<&str> =
        body.blocks(&label.name).filter_map(|block| block.labels.first()).map(|label| &*label.name).collect();
    let made = parts.iter().filter(|((keyword, name), _)| *keyword == &*label.name && !written.contains(name));
    made.flat_map(|(_, groups)| groups.iter().copied()).collect()
}

fn read_by(
    dependencies: &mut Dependencies<'_>,
    module: ModuleId,
    body: &Body,
    schema: &Schema,
    own: &[GroupId],
) -> BTreeSet<GroupId> {
    let mut groups = BTreeSet::new();
    let inner = |reference: &Reference| matches!(&*reference.root, "service" | "external");
    for reference in body_references(body, schema).iter().filter(|reference| !inner(reference)) {
        dependencies.read(module, reference, &mut groups);
    }
    // They were made one after the other.
    groups.retain(|id| own.binary_search(id).is_err());
    groups
}

/// The names of a reference, each with the key behind it.
fn segments(reference: &Reference) -> Vec<Segment> {
    let mut segments = vec![Segment::new(reference.root.clone())];
    for step in &reference.steps {
        match (step, segments.last_mut()) {
            (ReferenceStep::Key(key), Some(last)) => last.key = Some(key.clone()),
            (ReferenceStep::Key(_), None) => {}
            (ReferenceStep::Attribute(name), _) => segments.push(Segment::new(name.clone())),
        }
    }
    segments
}

/// Whether a segment of an address is one that is named; a name without a key names all instances.
fn is_at(segment: &Segment, named: &Segment) -> bool {
    segment.name == named.name && (named.key.is_none() || segment.key == named.key)
}
