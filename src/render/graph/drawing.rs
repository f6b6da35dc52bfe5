//! What is drawn: nodes, edges, and boxes around nodes.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use portolan::compile::{Desired, InstanceId};
use portolan_lang::Address;
use portolan_lang::address::Segment;
use rustc_hash::FxHashSet;

use super::kind::Kind;
use super::one_line;
use super::reduction::reduce;

/// The graph of blocks.
#[derive(Debug, Default)]
pub(crate) struct Drawing {
    pub(super) nodes: Vec<Node>,
    /// From what depends to what it depends on, sorted, without duplicates.
    pub(super) edges: Vec<Edge>,
    pub(super) boxes: Vec<Frame>,
}

/// A block, or a service of an application, with all of its instances.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) address: Address,
    pub(super) kind: Kind,
    /// How many instances the block has.
    pub(super) instances: usize,
    /// How many objects they compile to.
    pub(super) objects: usize,
    /// The systems that its objects are in, by name.
    pub(super) systems: BTreeSet<String>,
    /// The box that it stands in: a position in [`Drawing::boxes`].
    pub(super) frame: Option<usize>,
}

/// A box around nodes: a module or an application.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) address: Address,
    /// The box around this one.
    pub(super) parent: Option<usize>,
}

/// What stands in a box, by positions.
#[derive(Debug, Clone, Default)]
pub(super) struct Contents {
    pub(super) nodes: Vec<usize>,
    pub(super) boxes: Vec<usize>,
}

/// That one node needs another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) meaning: Meaning,
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Meaning {
    /// It waits for it.
    DependsOn,
    /// Its objects are in that system.
    In,
}

impl Drawing {
    /// The drawing of what ought to exist.
    pub(crate) fn new(desired: &Desired) -> Drawing {
        let mut builder = Builder::default();
        let groups: Vec<usize> = desired.groups.iter().map(|group| builder.node(&group.address)).collect();
        let connections: Vec<usize> =
            desired.connections.iter().map(|connection| builder.node(&connection.address)).collect();
        for (group, node) in desired.groups.iter().zip(&groups) {
            builder.edges.extend(group.dependencies.iter().map(|id| depends(*node, groups[id.0 as usize])));
            for id in &group.members {
                builder.member(desired, *id, *node, &groups, &connections);
            }
        }
        builder.finish()
    }

    /// How many nodes there are.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The same drawing without edges that others imply.
    pub(crate) fn reduced(mut self) -> Drawing {
        self.edges = reduce(self.nodes.len(), self.edges);
        self
    }

    /// What stands directly in each box; the first is what stands in none, the box at a position
    /// comes behind at that position and one.
    pub(super) fn contents(&self) -> Vec<Contents> {
        let mut contents = vec![Contents::default(); self.boxes.len() + 1];
        let slot = |frame: Option<usize>| frame.map_or(0, |at| at + 1);
        for (at, node) in self.nodes.iter().enumerate() {
            contents[slot(node.frame)].nodes.push(at);
        }
        for (at, frame) in self.boxes.iter().enumerate() {
            contents[slot(frame.parent)].boxes.push(at);
        }
        contents
    }

    /// The name of a node, as it is written inside of its boxes.
    pub(super) fn title(&self, node: &Node) -> String {
        let local = node.address.local();
        let names: Vec<&str> = local.segments().iter().map(|segment| &*segment.name).collect();
        let name = match node.kind {
            Kind::Resource => names.join("."),
            Kind::Data => names.get(1..).unwrap_or_default().join("."),
            _ => names.last().map_or_else(String::new, |last| (*last).to_owned()),
        };
        one_line(&name)
    }

    /// What is said of a node below its name.
    pub(super) fn subtitle(&self, node: &Node) -> String {
        let mut text = match node.kind {
            Kind::Application => "namespace".to_owned(),
            Kind::Resource => String::new(),
            kind => kind.word().to_owned(),
        };
        if node.instances > 1 {
            text.push_str(&format!(" × {}", node.instances));
        }
        if matches!(node.kind, Kind::Service | Kind::Resource) && !node.systems.is_empty() {
            let systems: Vec<&str> = node.systems.iter().map(String::as_str).collect();
            text.push_str(" in ");
            text.push_str(&systems.join(", "));
        }
        one_line(text.trim_start())
    }

    /// What is written on a box.
    pub(super) fn frame_title(&self, frame: &Frame) -> String {
        let around = frame.parent.and_then(|parent| self.boxes.get(parent));
        let skip = around.map_or(0, |around| around.address.segments().len());
        let rest = frame.address.segments().get(skip..).unwrap_or_default();
        one_line(&Address::new(rest.iter().cloned()).to_string().replacen('.', " ", 1))
    }
}

fn depends(from: usize, to: usize) -> Edge {
    Edge { from, to, meaning: Meaning::DependsOn }
}

#[derive(Default)]
struct Builder {
    /// The nodes by address, with the addresses of the block's instances.
    nodes: IndexMap<Address, (Node, FxHashSet<Address>)>,
    edges: Vec<Edge>,
    boxes: IndexMap<Address, Frame>,
}

impl Builder {
    /// The node of a block, or of a part of one: all instances of a block are one node.
    fn node(&mut self, address: &Address) -> usize {
        let block = without_keys(address);
        let at = self.nodes.get_index_of(&block).unwrap_or_else(|| {
            let kind = Kind::of(&block);
            let frame = self.frame_around(&block, kind);
            let node = Node { address: block.clone(), kind, instances: 0, objects: 0, systems: BTreeSet::new(), frame };
            self.nodes.insert_full(block, (node, FxHashSet::default())).0
        });
        self.nodes[at].1.insert(address.clone());
        at
    }

    fn member(&mut self, desired: &Desired, id: InstanceId, node: usize, groups: &[usize], connections: &[usize]) {
        let instance = desired.instance(id);
        let others = instance.dependencies.iter().map(|other| desired.instance(*other).group);
        self.edges.extend(others.map(|group| depends(node, groups[group.0 as usize])));
        let drawn = &mut self.nodes[node].0;
        drawn.objects += 1;
        if let Some(connection) = instance.connection {
            let address = desired.connections[connection].address.local();
            drawn.systems.extend(address.segments().get(1).map(name_and_key));
            self.edges.push(Edge { from: node, to: connections[connection], meaning: Meaning::In });
        }
    }

    /// The box for a node: its application's, otherwise its module's.
    fn frame_around(&mut self, block: &Address, kind: Kind) -> Option<usize> {
        let module = block.module();
        let depth = module.segments().len();
        let mut frame = None;
        for length in (2..=depth).step_by(2) {
            frame = Some(self.frame(Address::new(module.segments()[..length].iter().cloned()), frame));
        }
        if matches!(kind, Kind::Service | Kind::Application) {
            let application = block.segments().iter().take(depth + 2).cloned();
            frame = Some(self.frame(Address::new(application), frame));
        }
        frame
    }

    fn frame(&mut self, address: Address, parent: Option<usize>) -> usize {
        let entry = self.boxes.entry(address);
        let (at, address) = (entry.index(), entry.key().clone());
        entry.or_insert(Frame { address, parent });
        at
    }

    fn finish(self) -> Drawing {
        let nodes = self.nodes.into_values().map(|(node, instances)| {
            // A resource block is one group with all of its instances.
            let is_resource = matches!(node.kind, Kind::Resource | Kind::Data);
            let instances = if is_resource { node.objects } else { instances.len() };
            Node { instances, ..node }
        });
        let mut edges = self.edges;
        edges.retain(|edge| edge.from != edge.to);
        edges.sort();
        // That it waits for a system says more than that it is in it.
        edges.dedup_by_key(|edge| (edge.from, edge.to));
        Drawing { nodes: nodes.collect(), edges, boxes: self.boxes.into_values().collect() }
    }
}

/// The address without the keys of the block's instances; those of modules stay.
fn without_keys(address: &Address) -> Address {
    let depth = address.module().segments().len();
    let segments = address.segments().iter().enumerate();
    Address::new(segments.map(|(at, segment)| match at < depth {
        true => segment.clone(),
        false => Segment::new(segment.name.clone()),
    }))
}

fn name_and_key(segment: &Segment) -> String {
    match &segment.key {
        Some(key) => format!("{}{key}", segment.name),
        None => segment.name.to_string(),
    }
}
