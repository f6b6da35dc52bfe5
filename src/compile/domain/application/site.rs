//! The clusters that an application knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::address::Segment;
use portolan_lang::{Address, Diagnostic, InstanceKey, Number, Span, Type, Value};

use crate::compile::domain::placement::Capacity;
use crate::compile::domain::placement::node::Resources;
use crate::compile::domain::{quantity, referred, undecided};

/// A cluster as the application sees it.
#[derive(Debug, Clone)]
pub(in crate::compile::domain) struct TargetCluster {
    /// What its parts of addresses are called: `beijing`.
    pub(in crate::compile::domain) name: Arc<str>,
    pub(in crate::compile::domain) address: Address,
    /// What a reference to it gives.
    pub(super) exported: Value,
}

impl TargetCluster {
    /// The cluster that a value refers to, if it refers to one, as the block at `user` calls it.
    pub(super) fn of(exported: &Value, user: &Address) -> Option<TargetCluster> {
        let address = referred(exported, "cluster")?;
        Some(TargetCluster { name: cluster_name(&address, user), address, exported: exported.clone() })
    }

    pub(super) fn take(&self, name: &str) -> Value {
        self.exported.get(name).unwrap_or_else(|| Value::null(Type::Any))
    }

    pub(super) fn text(&self, name: &str) -> Option<Arc<str>> {
        self.take(name).as_str().map(Arc::from)
    }

    /// Whether its nodes can be looked at, where its capacity is not declared.
    pub(super) fn is_measurable(&self) -> bool {
        self.take("live").as_bool() == Some(true) && self.take("capacity").is_null()
    }

    /// What is declared of its room.
    pub(super) fn capacity(&self) -> Capacity {
        let capacity = self.take("capacity");
        if capacity.is_null() { Capacity::Unknown } else { Capacity::Declared(declared(&capacity)) }
    }
}

/// From the `capacity` of a cluster, which has been checked.
fn declared(capacity: &Value) -> Resources {
    let thousandths = |name: &str| quantity::of(&capacity.get(name)?);
    let whole = |name: &str| thousandths(name).map_or(u64::MAX, |amount| amount / 1000);
    let pods = capacity.get("pods").and_then(|pods| pods.as_number().and_then(Number::to_u64));
    Resources {
        cpu: thousandths("cpu").unwrap_or(u64::MAX),
        memory: whole("memory"),
        ephemeral_storage: whole("ephemeral_storage"),
        pods: pods.unwrap_or(u64::MAX),
    }
}

/// What a cluster's parts of addresses are called: its block's name, with the instance key where
/// there is one: `beijing`, `north.a`. Where it is of another module than the root module or that
/// of the block that uses it, the names of its modules stand before.
pub(in crate::compile) fn cluster_name(address: &Address, user: &Address) -> Arc<str> {
    let module = address.module();
    let calls = if module == user.module() { Address::root() } else { module };
    // "module" stands before each name of a call, and "cluster" before that of the block.
    let (calls, local) = (calls.segments().iter(), address.local());
    let named = calls.skip(1).step_by(2).chain(local.segments().get(1)).map(segment_name);
    Arc::from(named.collect::<Vec<_>>().join("."))
}

fn segment_name(segment: &Segment) -> String {
    let allowed = |character: char| if character.is_ascii_alphanumeric() || character == '-' { character } else { '_' };
    let name = &segment.name;
    match &segment.key {
        None => name.to_string(),
        Some(InstanceKey::Index(index)) => format!("{name}.{index}"),
        Some(InstanceKey::Key(key)) => format!("{name}.{}", key.chars().map(allowed).collect::<String>()),
    }
}

/// The clusters that the list in an attribute of the block at `user` refers to.
pub(in crate::compile::domain) fn clusters(
    list: &Value,
    name: &str,
    user: &Address,
    at: Span,
) -> Result<Vec<TargetCluster>, Diagnostic> {
    let unsuitable = |detail: &str| {
        Diagnostic::error("Unsuitable clusters")
            .detail(detail)
            .at(at)
            .help("Write [cluster.NAME, cluster.NAME], without quotes.")
    };
    let items = list.items().unwrap_or_default();
    if !list.is_known() || items.iter().any(|item| !item.is_known()) {
        return Err(undecided(&format!("\"{name}\""), at));
    }
    let items = list.items().ok_or_else(|| unsuitable("A list of clusters is required."))?;
    let mut found: Vec<TargetCluster> = Vec::new();
    for item in items {
        let cluster =
            TargetCluster::of(item, user).ok_or_else(|| unsuitable("Every element must refer to a cluster block."))?;
        if found.iter().any(|before| before.address == cluster.address) {
            return Err(Diagnostic::error("Cluster given twice")
                .detail(format!("{} stands in the list twice.", cluster.address))
                .at(at));
        }
        found.push(cluster);
    }
    Ok(found)
}

/// Two clusters whose parts of addresses would be called the same.
pub(super) fn namesakes(clusters: &[TargetCluster], at: Span) -> Option<Diagnostic> {
    let mut names: BTreeMap<&str, &TargetCluster> = BTreeMap::new();
    let (before, cluster) =
        clusters.iter().find_map(|cluster| Some((names.insert(&cluster.name, cluster)?, cluster)))?;
    let problem = Diagnostic::error("Clusters of the same name")
        .detail(format!(
            "{} and {} would both be called \"{}\" in the addresses of what runs in them.",
            before.address, cluster.address, cluster.name
        ))
        .at(at)
        .help("Give one of the blocks another name or key.");
    Some(problem)
}
