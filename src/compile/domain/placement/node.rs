//! Nodes as they are, pods as they are asked for, and how many of these fit a node.
//!
//! The rules are those of Kubernetes' scheduler that can be told from outside: whether a node is
//! ready and open, its taints, the pod's node selector, and what is left of each resource
//! (<https://kubernetes.io/docs/concepts/scheduling-eviction/kube-scheduler/>).

use std::collections::BTreeMap;
use std::sync::Arc;

/// Labels of a node, or those that are asked for.
pub type Labels = BTreeMap<Arc<str>, Arc<str>>;

/// Amounts of what pods take and nodes have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Resources {
    /// Thousandths of a processor.
    pub cpu: u64,
    /// Bytes.
    pub memory: u64,
    /// Bytes of local disk.
    pub ephemeral_storage: u64,
    /// How many pods.
    pub pods: u64,
}

/// A node of a cluster at the moment that it was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    /// Its labels.
    pub labels: Labels,
    /// Whether its kubelet says that it can run pods.
    pub ready: bool,
    /// Whether new pods are let in: it is not cordoned.
    pub schedulable: bool,
    /// What pods must tolerate.
    pub taints: Vec<Taint>,
    /// What it has for pods.
    pub allocatable: Resources,
    /// What the pods on it have asked for, and how many they are.
    pub requested: Resources,
}

/// What keeps pods off a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Taint {
    /// Its key.
    pub key: Arc<str>,
    /// Its value, empty where it has none.
    pub value: Arc<str>,
    /// What it does.
    pub effect: Effect,
}

/// What a taint does to pods that do not tolerate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Effect {
    /// No new pods.
    NoSchedule,
    /// New pods only where there is no better node.
    PreferNoSchedule,
    /// No pods.
    NoExecute,
}

/// A taint that a pod does not mind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Toleration {
    /// The key; `None` for every key.
    pub key: Option<Arc<str>>,
    /// The value; `None` for every value.
    pub value: Option<Arc<str>>,
    /// The effect; `None` for all of them.
    pub effect: Option<Effect>,
}

/// All of a pod that decides where it fits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct PodShape {
    /// What it asks for; that it is one pod need not be said.
    pub requests: Resources,
    /// Labels that its node must have.
    pub node_selector: Labels,
    /// Taints that it does not mind.
    pub tolerations: Vec<Toleration>,
}

impl Resources {
    /// More than anybody asks for.
    pub const UNLIMITED: Resources =
        Resources { cpu: u64::MAX, memory: u64::MAX, ephemeral_storage: u64::MAX, pods: u64::MAX };

    /// How many pods with these requests fit; [`u32::MAX`] for so many or more.
    pub fn fits(&self, requests: &Resources) -> u32 {
        let mut most = u32::try_from(self.pods).unwrap_or(u32::MAX);
        let amounts = [
            (self.cpu, requests.cpu),
            (self.memory, requests.memory),
            (self.ephemeral_storage, requests.ephemeral_storage),
        ];
        for (free, one) in amounts {
            // A division takes longer than all the rest, and is seldom needed.
            if free < u64::from(most).saturating_mul(one) {
                most = (free / one) as u32;
            }
        }
        most
    }

    /// What is left once so many pods with these requests are there; what is unlimited stays so.
    #[must_use]
    pub fn without(&self, requests: &Resources, count: u32) -> Resources {
        self.change(requests, count, u64::saturating_sub)
    }

    /// What is there once so many pods with these requests have left.
    #[must_use]
    pub fn with(&self, requests: &Resources, count: u32) -> Resources {
        self.change(requests, count, u64::saturating_add)
    }

    fn change(&self, requests: &Resources, count: u32, change: fn(u64, u64) -> u64) -> Resources {
        let changed = |free: u64, one: u64| match free {
            u64::MAX => free,
            free => change(free, one.saturating_mul(u64::from(count))),
        };
        Resources {
            cpu: changed(self.cpu, requests.cpu),
            memory: changed(self.memory, requests.memory),
            ephemeral_storage: changed(self.ephemeral_storage, requests.ephemeral_storage),
            pods: changed(self.pods, 1),
        }
    }
}

impl Node {
    /// What is left for new pods.
    pub fn free(&self) -> Resources {
        let Resources { cpu, memory, ephemeral_storage, pods } = self.requested;
        let requested = Resources { cpu, memory, ephemeral_storage, ..Resources::default() };
        let free = self.allocatable.without(&requested, 1);
        Resources { pods: self.allocatable.pods.saturating_sub(pods), ..free }
    }

    /// Whether any new pod is let in at all.
    pub fn is_open(&self) -> bool {
        self.ready && self.schedulable
    }
}

impl PodShape {
    /// How many more such pods fit the node.
    pub fn fits(&self, node: &Node) -> u32 {
        if node.is_open() && self.is_admitted(&node.labels, &node.taints) {
            node.free().fits(&self.requests)
        } else {
            0
        }
    }

    /// Whether labels and taints of a node let such a pod in.
    pub fn is_admitted(&self, labels: &Labels, taints: &[Taint]) -> bool {
        let is_tolerated = |taint: &Taint| {
            taint.effect == Effect::PreferNoSchedule || self.tolerations.iter().any(|one| one.tolerates(taint))
        };
        self.node_selector.iter().all(|(key, value)| labels.get(key) == Some(value)) && taints.iter().all(is_tolerated)
    }
}

impl Effect {
    /// The effect of this name in Kubernetes.
    pub fn parse(text: &str) -> Option<Effect> {
        Some(match text {
            "NoSchedule" => Effect::NoSchedule,
            "PreferNoSchedule" => Effect::PreferNoSchedule,
            "NoExecute" => Effect::NoExecute,
            _ => return None,
        })
    }
}

impl Toleration {
    fn tolerates(&self, taint: &Taint) -> bool {
        self.effect.is_none_or(|effect| effect == taint.effect)
            && self.key.as_ref().is_none_or(|key| *key == taint.key)
            && self.value.as_ref().is_none_or(|value| *value == taint.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1024 * 1024 * 1024;

    fn node() -> Node {
        Node {
            ready: true,
            schedulable: true,
            allocatable: Resources { cpu: 4000, memory: 8 * GIB, ephemeral_storage: 100 * GIB, pods: 110 },
            requested: Resources { cpu: 1000, memory: GIB, ephemeral_storage: 0, pods: 7 },
            ..Node::default()
        }
    }

    fn pod(cpu: u64, memory: u64, ephemeral_storage: u64) -> PodShape {
        PodShape { requests: Resources { cpu, memory, ephemeral_storage, pods: 0 }, ..PodShape::default() }
    }

    #[test]
    fn the_scarcest_resource_decides() {
        assert_eq!(pod(500, GIB, 0).fits(&node()), 6);
        assert_eq!(pod(100, 2 * GIB, 0).fits(&node()), 3);
        assert_eq!(pod(10, 1, 30 * GIB).fits(&node()), 3);
        assert_eq!(pod(1, 1, 0).fits(&node()), 103);
        assert_eq!(pod(0, 0, 0).fits(&node()), 103);
        assert_eq!(pod(3001, 1, 0).fits(&node()), 0);
    }

    #[test]
    fn a_node_that_is_asked_for_too_much_has_nothing_left() {
        let crowded =
            Node { requested: Resources { cpu: 9000, memory: GIB, ephemeral_storage: 0, pods: 200 }, ..node() };
        assert_eq!(crowded.free(), Resources { cpu: 0, memory: 7 * GIB, ephemeral_storage: 100 * GIB, pods: 0 });
        assert_eq!(pod(0, 0, 0).fits(&crowded), 0);
    }

    #[test]
    fn closed_nodes_take_nothing() {
        assert_eq!(pod(1, 1, 0).fits(&Node { ready: false, ..node() }), 0);
        assert_eq!(pod(1, 1, 0).fits(&Node { schedulable: false, ..node() }), 0);
    }

    #[test]
    fn taints_must_be_tolerated() {
        let taint = |effect| Taint { key: "disk".into(), value: "slow".into(), effect };
        let tainted = |effect| Node { taints: vec![taint(effect)], ..node() };
        let tolerating = |key: Option<&str>, value: Option<&str>, effect| PodShape {
            tolerations: vec![Toleration { key: key.map(Arc::from), value: value.map(Arc::from), effect }],
            ..pod(1000, 0, 0)
        };
        assert_eq!(pod(1000, 0, 0).fits(&tainted(Effect::NoSchedule)), 0);
        assert_eq!(pod(1000, 0, 0).fits(&tainted(Effect::NoExecute)), 0);
        assert_eq!(pod(1000, 0, 0).fits(&tainted(Effect::PreferNoSchedule)), 3);
        for (toleration, wanted) in [
            (tolerating(None, None, None), 3),
            (tolerating(Some("disk"), None, None), 3),
            (tolerating(Some("disk"), Some("slow"), Some(Effect::NoSchedule)), 3),
            (tolerating(Some("disk"), Some("fast"), None), 0),
            (tolerating(Some("other"), None, None), 0),
            (tolerating(Some("disk"), None, Some(Effect::NoExecute)), 0),
        ] {
            assert_eq!(toleration.fits(&tainted(Effect::NoSchedule)), wanted, "{toleration:?}");
        }
    }

    #[test]
    fn selected_labels_must_be_there() {
        let labelled = Node { labels: BTreeMap::from([("disk".into(), "ssd".into())]), ..node() };
        let choosing = |value: &str| PodShape {
            node_selector: BTreeMap::from([("disk".into(), value.into())]),
            ..pod(1000, 0, 0)
        };
        assert_eq!(choosing("ssd").fits(&labelled), 3);
        assert_eq!(choosing("hdd").fits(&labelled), 0);
        assert_eq!(choosing("ssd").fits(&node()), 0);
    }
}
