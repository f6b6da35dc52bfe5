//! What was evaluated too early.
//!
//! A resource is evaluated once all that it reads is known, and with it what it reads on the way.
//! Only a domain block is compiled as a whole, for the first of its resources, when what its other
//! resources read may not be known yet. Nodes that were evaluated so are noted here, to be evaluated
//! again once more is known, each time at most once.

use std::cell::{Cell, RefCell};

use rustc_hash::FxHashMap;

use super::evaluator::Node;

#[derive(Default)]
pub(super) struct Early {
    /// How often an instance was made known.
    known: Cell<usize>,
    /// How often something was read that was not known yet, in itself or in what was kept.
    reads: Cell<usize>,
    /// The nodes that read such, with how often an instance had been made known by then.
    nodes: RefCell<FxHashMap<Node, usize>>,
}

impl Early {
    /// An instance was made known.
    pub(super) fn more_is_known(&self) {
        self.known.set(self.known.get() + 1);
    }

    /// Something was read that is not known yet.
    pub(super) fn read_unset(&self) {
        self.reads.set(self.reads.get() + 1);
    }

    pub(super) fn reads(&self) -> usize {
        self.reads.get()
    }

    /// A node was read that was kept.
    pub(super) fn read(&self, node: Node) {
        if self.nodes.borrow().contains_key(&node) {
            self.read_unset();
        }
    }

    /// A node was evaluated, before which there had been so many reads.
    pub(super) fn computed(&self, node: Node, reads: usize) {
        match self.reads() > reads {
            true => self.nodes.borrow_mut().insert(node, self.known.get()),
            false => self.nodes.borrow_mut().remove(&node),
        };
    }

    /// Whether more is known since a node was evaluated too early.
    pub(super) fn is_outdated(&self, node: Node) -> bool {
        self.nodes.borrow().get(&node).is_some_and(|known| *known < self.known.get())
    }
}
