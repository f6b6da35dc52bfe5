//! The clusters that an application is placed in.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::{
    Address, AttributePath, Data, Diagnostic, Diagnostics, InstanceKey, Number, Span, Step, Type, Value,
};

use super::service::{Service, whole_number};
use crate::compile::domain::placement::{NotEnoughRoom, Room, Rules, Site, Strategy};
use crate::compile::domain::{Block, referred, undecided, unknown_word};

/// A cluster as the application sees it.
#[derive(Debug, Clone)]
pub(super) struct TargetCluster {
    /// What its parts of addresses are called: `beijing`.
    pub(super) name: Arc<str>,
    pub(super) address: Address,
    pub(super) node_addresses: Value,
    room: Room,
    has_capacity: bool,
}

/// The `placement` block, checked.
pub(super) struct Placement {
    pub(super) clusters: Vec<TargetCluster>,
    pub(super) rules: Rules,
    weights: BTreeMap<Arc<str>, u64>,
}

impl Placement {
    pub(super) fn of(block: &Block<'_>, application: &Value) -> (Option<Placement>, Diagnostics) {
        let mut diagnostics = Diagnostics::new();
        let placement = application.get("placement").unwrap_or_else(|| Value::null(Type::Any));
        let take = |name: &str| placement.get(name).unwrap_or_else(|| Value::null(Type::Any));
        let span = |name: &str| span(block, name);
        let clusters = diagnostics.keep(clusters(&take("clusters"), span("clusters")));
        let number = |name: &str| whole_number(Some(&take(name)), || span(name));
        let (min, max) = (diagnostics.keep(number("min_per_cluster")), diagnostics.keep(number("max_per_cluster")));
        let strategy = match take("strategy").as_str() {
            None if take("strategy").is_null() => Some(Strategy::FreeCapacity),
            text => text.and_then(Strategy::parse).or_else(|| {
                let problem = unknown_word("Unknown strategy", &take("strategy"), &Strategy::WORDS);
                diagnostics.push(problem.at(span("strategy")));
                None
            }),
        };
        let weights = weights(&take("weights"), span("weights"), &mut diagnostics);
        let (Some(clusters), Some(min), Some(max), Some(strategy), Some(weights)) =
            (clusters, min, max, strategy, weights)
        else {
            return (None, diagnostics);
        };
        diagnostics.extend(check(&clusters, strategy, &weights, span("clusters")));
        let rules = Rules { strategy, min: min.unwrap_or(0), max };
        (Some(Placement { clusters, rules, weights }), diagnostics)
    }

    pub(super) fn site(&self, cluster: &TargetCluster) -> Site {
        let weight = self.weights.get(&cluster.name).copied().unwrap_or(0);
        Site { name: cluster.name.clone(), room: cluster.room, weight }
    }
}

fn span(block: &Block<'_>, name: &str) -> Span {
    block
        .path_span(&["placement", name].into_iter().map(|name| Step::Attribute(name.into())).collect::<AttributePath>())
}

fn clusters(value: &Value, at: Span) -> Result<Vec<TargetCluster>, Diagnostic> {
    let unsuitable = |detail: &str| {
        Diagnostic::error("Unsuitable clusters")
            .detail(detail)
            .at(at)
            .help("Write [cluster.NAME, cluster.NAME], without quotes.")
    };
    let items = value.items().unwrap_or_default();
    if !value.is_known() || items.iter().any(|item| !item.is_known()) {
        return Err(undecided("\"clusters\"", at));
    }
    let items = value.items().ok_or_else(|| unsuitable("A list of clusters is required."))?;
    let mut found = Vec::new();
    for item in items {
        let address =
            referred(item, "cluster").ok_or_else(|| unsuitable("Every element must refer to a cluster block."))?;
        found.push(TargetCluster::new(address, item));
    }
    match found.is_empty() {
        true => Err(unsuitable("At least one cluster is required.")),
        false => Ok(found),
    }
}

fn check(clusters: &[TargetCluster], strategy: Strategy, weights: &BTreeMap<Arc<str>, u64>, at: Span) -> Diagnostics {
    let mut problems = Diagnostics::new();
    for (position, cluster) in clusters.iter().enumerate() {
        if clusters[..position].iter().any(|before| before.name == cluster.name) {
            problems.push(
                Diagnostic::error("Cluster given twice")
                    .detail(format!("{} stands in the list twice.", cluster.address))
                    .at(at),
            );
        }
        if strategy == Strategy::FreeCapacity && !cluster.has_capacity && clusters.len() > 1 {
            problems.push(
                Diagnostic::error("Capacity not known")
                    .detail(format!("The strategy \"free_capacity\" needs to know what {} has room for.", cluster.address))
                    .at(at)
                    .help("Give the cluster a block capacity { cpu = …, memory = …, pods = … }, or use the strategy \"weighted\"."),
            );
        }
        if strategy == Strategy::Weighted && !weights.contains_key(&cluster.name) {
            problems.push(
                Diagnostic::error("Missing weight")
                    .detail(format!("The strategy \"weighted\" needs the share of the cluster \"{}\".", cluster.name))
                    .at(at)
                    .help(format!("Set weights = {{ {} = 1, … }} in the placement.", cluster.name)),
            );
        }
    }
    problems
}

/// Weights in thousandths; `None` after telling what is wrong with them.
fn weights(value: &Value, at: Span, diagnostics: &mut Diagnostics) -> Option<BTreeMap<Arc<str>, u64>> {
    if !value.is_known() {
        return diagnostics.keep(Err(undecided("\"weights\"", at)));
    }
    let entries = value.entries().into_iter().flat_map(|entries| entries.iter());
    let mut weigh = |(name, value): (&Arc<str>, &Value)| diagnostics.keep(weight(name, value, at));
    let weights: Vec<Option<_>> = entries.map(&mut weigh).collect();
    weights.into_iter().collect()
}

fn weight(name: &Arc<str>, value: &Value, at: Span) -> Result<(Arc<str>, u64), Diagnostic> {
    let thousandths = match value.data() {
        Data::Number(number) => number.mul(&Number::from(1000)).and_then(|thousandths| thousandths.trunc().to_u64()),
        Data::Unknown(_) => return Err(undecided(&format!("The weight of \"{name}\""), at)),
        _ => None,
    };
    thousandths.map(|weight| (name.clone(), weight)).ok_or_else(|| {
        Diagnostic::error("Unsuitable weight")
            .detail(format!("The weight of \"{name}\" must be a number that is not negative."))
            .at(at)
    })
}

impl TargetCluster {
    fn new(address: Address, exported: &Value) -> Self {
        let capacity = exported.get("capacity").unwrap_or_else(|| Value::null(Type::Any));
        let node_addresses = exported.get("node_addresses").unwrap_or_else(|| Value::null(Type::Any));
        TargetCluster {
            name: cluster_name(&address),
            node_addresses,
            room: Room::of(&capacity),
            has_capacity: !capacity.is_null(),
            address,
        }
    }
}

/// What a cluster's parts of addresses are called: its name, with its instance key if it has one.
pub(in crate::compile::domain) fn cluster_name(address: &Address) -> Arc<str> {
    let local = address.local();
    let name = local.segments().get(1).map(|segment| segment.name.clone()).unwrap_or_default();
    let allowed = |character: char| if character.is_ascii_alphanumeric() || character == '-' { character } else { '_' };
    match address.key() {
        None => name,
        Some(InstanceKey::Index(index)) => format!("{name}.{index}").into(),
        Some(InstanceKey::Key(key)) => format!("{name}.{}", key.chars().map(allowed).collect::<String>()).into(),
    }
}

impl Service<'_> {
    /// How many copies there are over all clusters: what is declared or, where the number follows
    /// the load, what was decided last, within the bounds.
    pub(super) fn total(&self, decided: Option<u32>) -> Result<u32, Diagnostic> {
        let declared = self.count(&["replicas"])?.unwrap_or(1);
        let (min, max) = (self.count(&["autoscale", "min"])?, self.count(&["autoscale", "max"])?);
        let (Some(min), Some(max)) = (min, max) else { return Ok(declared) };
        if min > max {
            return Err(Diagnostic::error("Unsuitable bounds")
                .detail(format!("\"min\" ({min}) is greater than \"max\" ({max})."))
                .at(self.span(&["autoscale", "min"])));
        }
        Ok(decided.unwrap_or(declared).clamp(min, max))
    }

    pub(super) fn not_enough_room(&self, total: u32, error: &NotEnoughRoom) -> Diagnostic {
        let limits: Vec<String> = error.limits.iter().map(|(name, limit)| format!("{name} {limit}")).collect();
        Diagnostic::error("Not enough room")
            .detail(format!(
                "The service \"{}\" wants {total} copies, and there is room for {}: {}.",
                self.name,
                error.placed,
                limits.join(", ")
            ))
            .at(self.span(&["replicas"]))
            .help("Lower \"replicas\" or what a copy needs, raise \"max_per_cluster\", or add a cluster or capacity.")
    }
}
