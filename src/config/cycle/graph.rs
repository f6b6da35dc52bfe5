//! The graph of what depends on what, over all calls of modules.

use std::borrow::Cow;
use std::sync::Arc;

use portolan_lang::Span;
use portolan_lang::eval::{Reference, ReferenceStep};
use rustc_hash::FxHashMap;

use crate::config::known::Known;
use crate::config::model::{DomainBlock, Module, ModuleCall};
use crate::config::part::may_have;
use crate::config::uses::{Purpose, Use, User, uses};

/// More nodes than any configuration that can be planned has; beyond it, loops are left to be
/// found while compiling.
const MAX_NODES: usize = 4_000_000;

/// One dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    /// What depends.
    pub(super) from: u32,
    /// What it depends on.
    pub(super) to: u32,
    /// The reference; `None` for what holds because of where things are declared.
    pub(super) place: Option<Span>,
}

/// What depends on what.
#[derive(Default)]
pub(super) struct Graph {
    pub(super) edges: Vec<Edge>,
    /// The modules, each with the number of its first node.
    modules: Vec<Placed>,
    length: u32,
}

/// A module in the tree of calls.
struct Placed {
    /// `module.a.module.b.`, with the dot at the end; empty for the root.
    prefix: String,
    first: u32,
    nodes: Arc<Nodes>,
}

/// The nodes and edges inside one module, the same wherever it is called from.
#[derive(Default)]
struct Nodes {
    names: Vec<Arc<str>>,
    by_name: FxHashMap<Arc<str>, u32>,
    edges: Vec<Edge>,
    /// References to what a called module has: who, which call, what.
    outward: Vec<(u32, Arc<str>, Output, Option<Span>)>,
}

/// What of a called module is referred to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Output {
    /// One output.
    One(Arc<str>),
    /// All of them.
    All,
    /// Everything that the module declares.
    Everything,
}

/// The nodes that every module has: for what decides how often there is one, for what all its
/// objects wait for, for all its outputs, and for all that it declares.
const ENTRY: u32 = 0;
const TURN: u32 = 1;
const OUTPUTS: u32 = 2;
const EVERYTHING: u32 = 3;
const FIXED: [&str; 4] = ["", "", "", ""];

impl Graph {
    /// The graph of a root module and all that it calls.
    pub(super) fn of(root: &Arc<Module>, known: &Known<'_>) -> Graph {
        let mut builder = Builder { known, graph: Graph::default(), parts: FxHashMap::default() };
        builder.place(root, String::new());
        builder.graph
    }

    /// How many nodes there are.
    pub(super) fn len(&self) -> usize {
        self.length as usize
    }

    /// The name of a node, as people write it.
    pub(super) fn name(&self, node: u32) -> String {
        let at = self.modules.partition_point(|module| module.first <= node).saturating_sub(1);
        let Some(module) = self.modules.get(at) else { return String::new() };
        let name = module.nodes.names.get((node - module.first) as usize).map_or("", |name| &**name);
        let whole = format!("{}{name}", module.prefix);
        whole.trim_end_matches('.').to_owned()
    }

    fn edge(&mut self, from: u32, to: u32, place: Option<Span>) {
        self.edges.push(Edge { from, to, place });
    }
}

struct Builder<'b> {
    known: &'b Known<'b>,
    graph: Graph,
    /// The nodes of each module, by its address in memory, so that they are found once.
    parts: FxHashMap<*const Module, Arc<Nodes>>,
}

impl Builder<'_> {
    /// Adds a module and all that it calls; the answer is its first node.
    fn place(&mut self, module: &Arc<Module>, prefix: String) -> Option<(u32, Arc<Nodes>)> {
        let nodes = match self.parts.get(&Arc::as_ptr(module)) {
            Some(nodes) => nodes.clone(),
            None => {
                let nodes = Arc::new(Nodes::of(module, self.known));
                self.parts.insert(Arc::as_ptr(module), nodes.clone());
                nodes
            }
        };
        let first = self.graph.length;
        if first as usize + nodes.names.len() > MAX_NODES {
            return None;
        }
        self.graph.length += nodes.names.len() as u32;
        let inside = nodes.edges.iter().map(|edge| Edge { from: first + edge.from, to: first + edge.to, ..*edge });
        self.graph.edges.extend(inside);
        self.graph.modules.push(Placed { prefix: prefix.clone(), first, nodes: nodes.clone() });
        let mut called: FxHashMap<&Arc<str>, (u32, Arc<Nodes>)> = FxHashMap::default();
        for (name, call) in &module.calls {
            let Some((child, child_nodes)) = self.place(&call.module, format!("{prefix}module.{name}.")) else {
                continue;
            };
            self.connect(first, &nodes, child, &child_nodes, call);
            called.insert(name, (child, child_nodes));
        }
        for (from, call, output, place) in &nodes.outward {
            if let Some((child, child_nodes)) = called.get(call) {
                let to = match output {
                    Output::One(name) => child_nodes.get(&format!("output.{name}")).unwrap_or(OUTPUTS),
                    Output::All => OUTPUTS,
                    Output::Everything => EVERYTHING,
                };
                self.graph.edge(first + from, child + to, *place);
            }
        }
        Some((first, nodes))
    }

    /// Connects the inputs of a called module with its caller.
    fn connect(&mut self, caller: u32, nodes: &Nodes, child: u32, child_nodes: &Nodes, call: &ModuleCall) {
        self.graph.edge(child + ENTRY, caller + ENTRY, None);
        self.graph.edge(child + TURN, caller + TURN, None);
        self.graph.edge(caller + EVERYTHING, child + EVERYTHING, None);
        let name = &call.name.name;
        if let Some(repetition) = nodes.get(&format!("module.{name}")) {
            self.graph.edge(child + ENTRY, caller + repetition, None);
        }
        if let Some(waiting) = nodes.get(&format!("module.{name} (depends_on)")) {
            self.graph.edge(child + TURN, caller + waiting, None);
        }
        for argument in call.arguments.keys() {
            let inside = child_nodes.get(&format!("var.{argument}"));
            let outside = nodes.get(&format!("module.{name}.var.{argument}"));
            if let (Some(inside), Some(outside)) = (inside, outside) {
                self.graph.edge(child + inside, caller + outside, None);
            }
        }
    }
}

impl Nodes {
    fn of(module: &Module, known: &Known<'_>) -> Nodes {
        let mut nodes = Nodes::default();
        FIXED.iter().for_each(|name| nodes.names.push(Arc::from(*name)));
        module.variables.keys().for_each(|name| nodes.value(&format!("var.{name}")));
        module.locals.keys().for_each(|name| nodes.value(&format!("local.{name}")));
        for name in module.outputs.keys() {
            let node = nodes.value_node(&format!("output.{name}"));
            nodes.own(OUTPUTS, node);
            nodes.own(EVERYTHING, node);
        }
        for address in module.resources.keys().chain(module.domain.keys()) {
            let node = nodes.value_node(address);
            nodes.own(node, TURN);
            nodes.own(EVERYTHING, node);
        }
        module.providers.keys().for_each(|name| nodes.value(&format!("provider.{name}")));
        uses(module, known, &mut |found| nodes.add(module, &found));
        nodes
    }

    fn get(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    fn node(&mut self, name: &str) -> (u32, bool) {
        if let Some(found) = self.get(name) {
            return (found, false);
        }
        let node = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let name: Arc<str> = Arc::from(name);
        self.names.push(name.clone());
        self.by_name.insert(name, node);
        (node, true)
    }

    /// Adds what only exists where the module does.
    fn value_node(&mut self, name: &str) -> u32 {
        let (node, is_new) = self.node(name);
        if is_new {
            self.own(node, ENTRY);
        }
        node
    }

    fn value(&mut self, name: &str) {
        self.value_node(name);
    }

    /// A dependency that holds without a reference.
    fn own(&mut self, from: u32, to: u32) {
        self.edges.push(Edge { from, to, place: None });
    }

    /// Adds what a reference makes depend on what.
    fn add(&mut self, module: &Module, found: &Use<'_>) {
        if found.purpose == Purpose::Unordered || matches!(found.user, User::Check(_) | User::Import) {
            return;
        }
        let place = Some(found.reference.span);
        let is_order_only = matches!(found.purpose, Purpose::Wait | Purpose::Name);
        if !is_order_only && is_member(found) {
            return;
        }
        let user = self.user(found, is_order_only);
        if &*found.reference.root == "module" {
            if let Some(call) = found.reference.name(1) {
                self.outward.push((user, Arc::from(call), output(found), place));
            }
            return;
        }
        let turn = self.part_of(found).filter(|_| !is_order_only);
        let is_domain = matches!(found.user, User::Object(address) if module.domain.contains_key(address));
        let (whole, part) = targets(module, found);
        if let Some(to) = whole.map(|name| self.node(&name).0) {
            // What refers to its own value is told about by the check of names, and what waits for
            // itself as a whole waits for nothing.
            self.depend(to != user, user, turn, to, place);
        }
        if let Some(to) = part.map(|(address, part)| self.part(address, &part)) {
            // The value of a block of the domain needs other blocks, not the turns of their parts.
            self.depend(is_order_only || (to != user && !is_domain), user, turn, to, place);
        }
    }

    /// Adds that the user, if it `is_ordered`, and its turn, if a part has one, depend on something.
    fn depend(&mut self, is_ordered: bool, user: u32, turn: Option<u32>, to: u32, place: Option<Span>) {
        let users = is_ordered.then_some(user).into_iter().chain(turn);
        self.edges.extend(users.map(|from| Edge { from, to, place }));
    }

    /// The node of who refers.
    fn user(&mut self, found: &Use<'_>, is_order_only: bool) -> u32 {
        if is_order_only && let Some(part) = self.part_of(found) {
            return part;
        }
        match found.user {
            User::Call(name) if found.purpose == Purpose::Wait => self.node(&format!("module.{name} (depends_on)")).0,
            User::Object(address) => self.node(address).0,
            user => self.node(&user.to_string()).0,
        }
    }

    /// The node for the turn of the part that refers, where a part does.
    fn part_of(&mut self, found: &Use<'_>) -> Option<u32> {
        let (User::Object(address), Some(part)) = (found.user, found.part) else { return None };
        Some(self.part(address, part))
    }

    fn part(&mut self, address: &str, part: &str) -> u32 {
        let (block, _) = self.node(address);
        let (node, is_new) = self.node(&format!("{address}.{part}"));
        if is_new {
            self.own(node, block);
            self.own(node, TURN);
            self.own(EVERYTHING, node);
        }
        node
    }
}

/// What of a called module a reference leads to.
fn output(found: &Use<'_>) -> Output {
    let steps = found.reference.steps.iter().skip(1);
    let name = steps.filter_map(|step| match step {
        ReferenceStep::Attribute(name) => Some(name.clone()),
        ReferenceStep::Key(_) => None,
    });
    match (found.purpose, { name }.next()) {
        (Purpose::Wait, _) => Output::Everything,
        (_, Some(output)) => Output::One(output),
        (_, None) => Output::All,
    }
}

/// What a reference leads to: something declared, and the turn of a part of a block of the domain,
/// by the block's address and the part's.
type Targets<'r> = (Option<Cow<'r, str>>, Option<(&'r str, String)>);

fn targets<'r>(module: &Module, found: &Use<'r>) -> Targets<'r> {
    let reference = found.reference;
    let declared = |address: &'r str| {
        let is_declared = module.resources.contains_key(address) || module.domain.contains_key(address);
        (is_declared.then_some(Cow::Borrowed(address)), None)
    };
    let Some(local) = reference.named(1) else {
        return match found.purpose {
            Purpose::Provider => provider(module, reference.through(usize::MAX)),
            _ => (None, None),
        };
    };
    match (&*reference.root, reference.name(1)) {
        ("var", Some(name)) if module.variables.contains_key(name) => (Some(Cow::Borrowed(local)), None),
        ("local", Some(name)) if module.locals.contains_key(name) => (Some(Cow::Borrowed(local)), None),
        ("data", _) => reference.named(2).map_or((None, None), declared),
        _ if found.purpose == Purpose::Provider => match provider(module, reference.through(usize::MAX)) {
            (None, _) => declared(reference.through(usize::MAX)),
            found => found,
        },
        (kind, Some(name)) => match (found.user, found.site.inside) {
            (User::Object(own), Some(body)) if may_have(body, kind, name) => (None, Some((own, local.to_owned()))),
            _ => match module.domain.get(local) {
                Some(block) => in_domain(found, block, local),
                None => declared(local),
            },
        },
        _ => (None, None),
    }
}

/// The `provider` block of this name, if there is one.
fn provider<'r>(module: &Module, address: &str) -> Targets<'r> {
    let is_declared = module.providers.contains_key(address);
    (is_declared.then(|| Cow::Owned(format!("provider.{address}"))), None)
}

/// What a reference to a block of the domain leads to.
fn in_domain<'r>(found: &Use<'r>, block: &DomainBlock, local: &'r str) -> Targets<'r> {
    let whole = Some(Cow::Borrowed(local));
    match names(found.reference)[..] {
        [_, _, keyword, name, ..] if may_have(&block.body, keyword, name) => {
            let part = Some((local, format!("{keyword}.{name}")));
            if found.purpose == Purpose::Value { (whole, part) } else { (None, part) }
        }
        _ => (whole, None),
    }
}

/// Whether a block of the domain refers to a part of its own. Of each other, parts know what each
/// states itself (host, ports, addresses), so that two may mention each other; neither waits.
fn is_member(found: &Use<'_>) -> bool {
    let name = found.reference.name(1);
    found.site.inside.zip(name).is_some_and(|(body, name)| may_have(body, &found.reference.root, name))
}

/// The names in a reference, without its keys.
fn names(reference: &Reference) -> Vec<&str> {
    let steps = reference.steps.iter().filter_map(|step| match step {
        ReferenceStep::Attribute(name) => Some(&**name),
        ReferenceStep::Key(_) => None,
    });
    let mut names = Vec::with_capacity(1 + reference.steps.len());
    names.push(&*reference.root);
    names.extend(steps);
    names
}
