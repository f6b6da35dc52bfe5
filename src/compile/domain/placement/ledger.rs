//! The room of all clusters.

use std::collections::BTreeSet;
use std::sync::Arc;

use portolan_lang::Address;
use rustc_hash::FxHashMap;

use super::node::{Node, PodShape, Resources};
use super::room::{Room, ShapeId};
use crate::compile::loss::is_named;

/// What is known of the room in a cluster.
#[derive(Debug, Clone)]
pub enum Capacity {
    /// Nothing: it takes whatever comes.
    Unknown,
    /// What it has for everything that this configuration runs there.
    Declared(Resources),
    /// Its nodes as they are, with everything that runs on them.
    Measured(Vec<Node>),
}

/// A cluster that a [`Ledger`] knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterId(usize);

/// The room of all clusters, shared by all services.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    rooms: Vec<Room>,
    clusters: FxHashMap<Address, ClusterId>,
    shapes: Vec<PodShape>,
    shape_ids: FxHashMap<PodShape, ShapeId>,
    /// The names and addresses of clusters that are lost.
    lost: BTreeSet<Arc<str>>,
    /// The clusters that are drained.
    drained: BTreeSet<Address>,
    is_unmeasured: bool,
}

impl Ledger {
    /// A ledger of clusters of which some are lost, by name or by address.
    pub fn without(lost: BTreeSet<Arc<str>>) -> Ledger {
        Ledger { lost, ..Ledger::default() }
    }

    /// The same with some clusters that are drained.
    #[must_use]
    pub fn draining(self, drained: BTreeSet<Address>) -> Ledger {
        Ledger { drained, ..self }
    }

    /// The same for clusters of which no nodes are looked at, as far as they were measured before.
    #[must_use]
    pub fn unmeasured(self, is_unmeasured: bool) -> Ledger {
        Ledger { is_unmeasured, ..self }
    }

    /// Whether no nodes are looked at where clusters were measured before.
    pub fn is_unmeasured(&self) -> bool {
        self.is_unmeasured
    }

    /// A cluster as it was measured for one service: with room for so many more of its replicas,
    /// [`u32::MAX`] for any number. What other services have taken since is not known.
    pub fn remember(&mut self, free: u32) -> ClusterId {
        self.rooms.push(Room::remembered(free));
        ClusterId(self.rooms.len() - 1)
    }

    /// Whether a cluster is lost.
    pub fn is_lost(&self, cluster: &Address) -> bool {
        is_named(&self.lost, cluster)
    }

    /// Whether a cluster has no replicas of a service: it is lost, or drained of what can leave it.
    /// What is bound to it by volumes cannot.
    pub fn is_away(&self, cluster: &Address, is_bound: bool) -> bool {
        self.is_lost(cluster) || !is_bound && self.drained.contains(cluster)
    }

    /// The cluster of this address; its capacity is asked for when it is first met.
    pub fn cluster(&mut self, address: &Address, capacity: impl FnOnce() -> Capacity) -> ClusterId {
        if let Some(id) = self.clusters.get(address) {
            return *id;
        }
        let id = ClusterId(self.rooms.len());
        self.rooms.push(match capacity() {
            Capacity::Unknown => Room::declared(Resources::UNLIMITED),
            Capacity::Declared(capacity) => Room::declared(capacity),
            Capacity::Measured(nodes) => Room::measured(&nodes),
        });
        self.clusters.insert(address.clone(), id);
        id
    }

    /// Whether the nodes of a cluster were looked at.
    pub fn is_measured(&self, address: &Address) -> bool {
        self.clusters.get(address).is_some_and(|id| self.rooms[id.0].is_measured)
    }

    /// Takes the nodes of a cluster for its room, before anything is placed there.
    pub fn measure(&mut self, address: &Address, nodes: &[Node]) {
        let id = self.cluster(address, || Capacity::Unknown);
        self.rooms[id.0] = Room::measured(nodes);
    }

    /// How many more pods of a shape fit a cluster; [`u32::MAX`] for so many or more.
    pub fn fits(&mut self, cluster: ClusterId, shape: ShapeId) -> u32 {
        self.rooms[cluster.0].fits(shape, &self.shapes[shape.0])
    }

    /// Reserves room for pods that are there already, and answers how many have it. Where nodes
    /// were looked at these were seen, so that all of them do.
    pub(super) fn keep(&mut self, cluster: ClusterId, shape: ShapeId, count: u32) -> u32 {
        if count == 0 || self.rooms[cluster.0].is_measured {
            return count;
        }
        self.take(cluster, shape, count)
    }

    /// Places so many pods, and answers how many found room.
    pub fn take(&mut self, cluster: ClusterId, shape: ShapeId, count: u32) -> u32 {
        self.rooms[cluster.0].take(shape, &self.shapes[shape.0], count)
    }

    /// Takes so many pods away again.
    pub(super) fn release(&mut self, cluster: ClusterId, shape: ShapeId, count: u32) {
        self.rooms[cluster.0].release(&self.shapes[shape.0], count);
    }

    /// What stands for all shapes that are equal to this one.
    pub fn shape(&mut self, shape: &PodShape) -> ShapeId {
        if let Some(id) = self.shape_ids.get(shape) {
            return *id;
        }
        let id = ShapeId(self.shapes.len());
        self.shape_ids.insert(shape.clone(), id);
        self.shapes.push(shape.clone());
        id
    }
}
