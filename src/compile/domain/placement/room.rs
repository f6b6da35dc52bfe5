//! What is left in a cluster, and how it shrinks as pods are placed.

use rustc_hash::FxHashMap;

use super::node::{Labels, Node, PodShape, Resources, Taint};

/// A shape of pods among those that a [`Ledger`](super::Ledger) knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShapeId(pub(super) usize);

/// What is left in a cluster.
///
/// How many pods of each shape fit is counted over all nodes when it is first asked for, and from
/// then on kept right node by node, so that the cost of placing does not depend on the number of
/// nodes.
#[derive(Debug, Clone)]
pub(super) struct Room {
    /// What is left on each node that is open.
    free: Vec<Resources>,
    /// The class of each of them.
    classes_of: Vec<u32>,
    /// Labels and taints that nodes have in common.
    classes: Vec<Class>,
    /// Whether the pods that run count in what is left.
    pub(super) is_measured: bool,
    counted: Vec<Option<Counted>>,
}

/// `None` where nothing is known, so that every pod is let in.
type Class = Option<(Labels, Vec<Taint>)>;

/// How many pods of a shape fit.
#[derive(Debug, Clone)]
struct Counted {
    requests: Resources,
    /// Whether nodes of each class let them in.
    admitted: Vec<bool>,
    total: u64,
    /// The node that the next one is tried on, so that they are spread.
    next: usize,
}

impl Room {
    /// A cluster of which all that is known is declared: as if it were one node.
    pub(super) fn declared(capacity: Resources) -> Room {
        Room { free: vec![capacity], classes_of: vec![0], classes: vec![None], is_measured: false, counted: Vec::new() }
    }

    /// A cluster that had room for so many more pods when its nodes were looked at.
    pub(super) fn remembered(free: u32) -> Room {
        let pods = if free == u32::MAX { u64::MAX } else { u64::from(free) };
        Room { is_measured: true, ..Room::declared(Resources { pods, ..Resources::UNLIMITED }) }
    }

    /// A cluster whose nodes were looked at.
    pub(super) fn measured(nodes: &[Node]) -> Room {
        let mut positions: FxHashMap<(&Labels, &[Taint]), u32> = FxHashMap::default();
        let mut room = Room {
            free: Vec::with_capacity(nodes.len()),
            classes_of: Vec::with_capacity(nodes.len()),
            classes: Vec::new(),
            is_measured: true,
            counted: Vec::new(),
        };
        for node in nodes.iter().filter(|node| node.is_open()) {
            let class = *positions.entry((&node.labels, &node.taints)).or_insert_with(|| {
                room.classes.push(Some((node.labels.clone(), node.taints.clone())));
                room.classes.len() as u32 - 1
            });
            room.free.push(node.free());
            room.classes_of.push(class);
        }
        room
    }

    /// How many more pods of a shape fit; [`u32::MAX`] for so many or more.
    pub(super) fn fits(&mut self, id: ShapeId, shape: &PodShape) -> u32 {
        u32::try_from(self.counted(id, shape).total).unwrap_or(u32::MAX)
    }

    fn counted(&mut self, id: ShapeId, shape: &PodShape) -> &mut Counted {
        if self.counted.len() <= id.0 {
            self.counted.resize_with(id.0 + 1, || None);
        }
        let Room { free, classes_of, classes, counted, .. } = self;
        counted[id.0].get_or_insert_with(|| Counted::new(shape, classes, classes_of, free))
    }

    /// Places so many pods of a shape, spread over the nodes, and answers how many found room.
    pub(super) fn take(&mut self, id: ShapeId, shape: &PodShape, count: u32) -> u32 {
        let count = count.min(self.fits(id, shape));
        let nodes = self.free.len();
        let mut left = count;
        while left > 0 {
            let at = self.next_node(id, shape);
            let here = self.free[at].fits(&shape.requests).min(left.div_ceil(nodes as u32));
            self.change(at, |free| free.without(&shape.requests, here));
            left -= here;
        }
        count
    }

    /// The next node in turn that has room for one more; there must be one.
    fn next_node(&mut self, id: ShapeId, shape: &PodShape) -> usize {
        let Room { free, classes_of, counted, .. } = self;
        let Some(counted) = counted.get_mut(id.0).and_then(Option::as_mut) else { return 0 };
        let turn = (counted.next..free.len()).chain(0..counted.next);
        let is_able = |at: &usize| counted.admitted[classes_of[*at] as usize] && free[*at].fits(&shape.requests) > 0;
        let found = turn.into_iter().find(is_able).unwrap_or(0);
        counted.next = (found + 1) % free.len();
        found
    }

    /// Takes so many pods of a shape away. Only where capacity is declared does that leave room:
    /// elsewhere pods count until they are gone.
    pub(super) fn release(&mut self, shape: &PodShape, count: u32) {
        if !self.is_measured && count > 0 {
            self.change(0, |free| free.with(&shape.requests, count));
        }
    }

    fn change(&mut self, at: usize, change: impl Fn(&Resources) -> Resources) {
        let before = self.free[at];
        let after = change(&before);
        self.free[at] = after;
        let class = self.classes_of[at] as usize;
        for counted in self.counted.iter_mut().flatten().filter(|counted| counted.admitted[class]) {
            counted.total += u64::from(after.fits(&counted.requests));
            counted.total -= u64::from(before.fits(&counted.requests));
        }
    }
}

impl Counted {
    fn new(shape: &PodShape, classes: &[Class], classes_of: &[u32], free: &[Resources]) -> Counted {
        let is_admitted =
            |class: &Class| class.as_ref().is_none_or(|(labels, taints)| shape.is_admitted(labels, taints));
        let admitted: Vec<bool> = classes.iter().map(is_admitted).collect();
        let open = free.iter().zip(classes_of).filter(|(_, class)| admitted[**class as usize]);
        let total = open.map(|(free, _)| u64::from(free.fits(&shape.requests))).sum();
        Counted { requests: shape.requests, admitted, total, next: 0 }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use proptest::prelude::*;

    fn node() -> impl Strategy<Value = Node> {
        (0..2000_u64, 0..2000_u64, 0..20_u64, 0..3_u8, any::<bool>()).prop_map(|(cpu, memory, pods, disk, ready)| {
            Node {
                labels: BTreeMap::from([("disk".into(), disk.to_string().into())]),
                ready,
                schedulable: true,
                allocatable: Resources { cpu, memory, ephemeral_storage: u64::MAX, pods },
                ..Node::default()
            }
        })
    }

    fn shape() -> impl Strategy<Value = PodShape> {
        (0..500_u64, 0..500_u64, proptest::option::of(0..3_u8)).prop_map(|(cpu, memory, disk)| PodShape {
            requests: Resources { cpu, memory, ..Resources::default() },
            node_selector: disk.into_iter().map(|disk| ("disk".into(), disk.to_string().into())).collect(),
            ..PodShape::default()
        })
    }

    proptest! {
        /// What is kept right step by step is what would be counted anew.
        #[test]
        fn counts_stay_right(
            nodes in proptest::collection::vec(node(), 1..8),
            shapes in proptest::collection::vec(shape(), 1..4),
            steps in proptest::collection::vec((any::<proptest::sample::Index>(), 0..30_u32), 0..12),
        ) {
            let mut room = Room::measured(&nodes);
            for (which, count) in steps {
                let at = which.index(shapes.len());
                let before = room.fits(ShapeId(at), &shapes[at]);
                let placed = room.take(ShapeId(at), &shapes[at], count);
                prop_assert_eq!(placed, count.min(before));
                for (at, shape) in shapes.iter().enumerate() {
                    let anew = Counted::new(shape, &room.classes, &room.classes_of, &room.free).total;
                    prop_assert_eq!(u64::from(room.fits(ShapeId(at), shape)), anew);
                }
            }
        }

        #[test]
        fn a_cluster_fits_what_its_nodes_fit(nodes in proptest::collection::vec(node(), 0..8), shape in shape()) {
            let sum: u32 = nodes.iter().map(|node| shape.fits(node)).sum();
            prop_assert_eq!(Room::measured(&nodes).fits(ShapeId(0), &shape), sum);
        }

        #[test]
        fn declared_room_comes_back(cpu in 0..5000_u64, pods in 0..30_u64, shape in shape(), count in 0..40_u32) {
            let shape = PodShape { node_selector: BTreeMap::new(), ..shape };
            let mut room = Room::declared(Resources { cpu, pods, ..Resources::UNLIMITED });
            let before = room.fits(ShapeId(0), &shape);
            let placed = room.take(ShapeId(0), &shape, count);
            prop_assert_eq!(room.fits(ShapeId(0), &shape), before - placed);
            room.release(&shape, placed);
            prop_assert_eq!(room.fits(ShapeId(0), &shape), before);
        }
    }

    #[test]
    fn unlimited_room_stays_so() {
        let mut room = Room::declared(Resources::UNLIMITED);
        let shape = PodShape { requests: Resources { cpu: 1000, ..Resources::default() }, ..PodShape::default() };
        assert_eq!(room.take(ShapeId(0), &shape, u32::MAX), u32::MAX);
        assert_eq!(room.fits(ShapeId(0), &shape), u32::MAX);
    }
}
