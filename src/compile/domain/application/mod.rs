//! `application`: services that belong together, compiled to Kubernetes objects in each cluster
//! of its placement.

mod check;
mod claims;
mod endpoints;
mod members;
mod network;
mod nodes;
mod objects;
mod placement;
mod pod;
mod rollout;
mod schema;
mod service;
mod site;
mod values;
mod wants;
mod workload;

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use members::Members;
use objects::Objects;
use portolan_lang::decode::decode;
use portolan_lang::eval::Scope;
use portolan_lang::{Address, AttributePath, Diagnostic, Diagnostics, Schema, Step, Type, Value};
use portolan_state::Decision;
use rustc_hash::{FxBuildHasher, FxHashMap};
use service::{Service, is_dns_label, services, unsuitable_name};
pub(in crate::compile) use site::cluster_name;
use site::namesakes;
pub(super) use site::{TargetCluster, clusters as referred_clusters};

use super::{Block, BlockPlacement, Compiled, CompiledResource, Hosts, Kind, exports, referred};

/// `application "shop" { … }`
pub(super) const APPLICATION: Kind =
    Kind { keyword: "application", schema: |_| application_schema(), wants: Some(wants::wants), compile };

fn application_schema() -> Schema {
    schema::application()
}

/// An application with all that its objects are made from.
struct Application<'a> {
    block: &'a Block<'a>,
    namespace: Arc<str>,
    /// Labels of all its objects.
    labels: Value,
    clusters: Vec<TargetCluster>,
    services: Vec<Service<'a>>,
    /// How many copies of each service each cluster gets, in the order of the clusters.
    replicas: BTreeMap<Arc<str>, Vec<u32>>,
    /// The decoded `external` blocks by name.
    externals: Value,
    /// Whether only declared connections are let through.
    restricts_network: bool,
}

fn compile(block: &Block<'_>, scope: &dyn Scope) -> Compiled {
    let members = Members::new(scope, block);
    let (value, mut diagnostics) = decode(block.body, &schema::application(), &members);
    if diagnostics.has_errors() {
        return Compiled::nothing(diagnostics);
    }
    let (services, problems) = services(block, &value);
    diagnostics.extend(problems);
    let Some(placement) = block.placement else { return Compiled::nothing(diagnostics) };
    diagnostics.extend(placement.diagnostics.clone());
    diagnostics.extend(rollout::check(block.address, &services, placement));
    let namespace = diagnostics.keep(namespace(block, &value));
    let (Some(namespace), false) = (namespace, diagnostics.has_errors()) else {
        return Compiled::nothing(diagnostics);
    };
    let clusters = clusters(block, placement, &services);
    let listed: AttributePath =
        ["placement", "clusters"].map(|name| Step::Attribute(name.into())).into_iter().collect();
    diagnostics.extend(namesakes(&clusters, block.path_span(&listed)));
    let (replicas, decisions, problems) = division(placement, &services, &clusters);
    diagnostics.extend(problems);
    let application = Application {
        block,
        namespace,
        labels: value.get("labels").unwrap_or_else(values::null),
        clusters,
        services,
        replicas,
        externals: value.get("external").unwrap_or_else(values::null),
        restricts_network: value.get("network_policy").and_then(|on| on.as_bool()) != Some(false),
    };
    diagnostics.extend(application.check_disks());
    let resources = if diagnostics.has_errors() { Vec::new() } else { application.resources() };
    let claims = application.claims();
    let (exports, hosts) = (application.exports(), Hosts::default());
    Compiled { exports, connection: None, resources, decisions, claims, hosts, backends: Vec::new(), diagnostics }
}

fn namespace(block: &Block<'_>, value: &Value) -> Result<Arc<str>, Diagnostic> {
    let given = value.get("namespace").filter(|namespace| !namespace.is_null());
    let name = match given {
        Some(_) => super::known_text(block, value, "namespace")?,
        None => Arc::from(block.name),
    };
    if is_dns_label(&name) {
        Ok(name)
    } else {
        Err(unsuitable_name("namespace", &name, block.attribute_span("namespace")))
    }
}

/// The clusters of all services, in the order in which the services name them.
fn clusters(block: &Block<'_>, placement: &BlockPlacement, services: &[Service<'_>]) -> Vec<TargetCluster> {
    let mut found: IndexMap<Address, TargetCluster, FxBuildHasher> = IndexMap::default();
    for service in services {
        let placement = placement.services.get(&service.name);
        let exported = placement.into_iter().flat_map(|placement| &placement.clusters);
        for cluster in exported.filter_map(|exported| TargetCluster::of(exported, block.address)) {
            found.entry(cluster.address.clone()).or_insert(cluster);
        }
    }
    found.into_values().collect()
}

/// How many replicas of each service each of the clusters gets.
fn division(
    placement: &BlockPlacement,
    services: &[Service<'_>],
    clusters: &[TargetCluster],
) -> (BTreeMap<Arc<str>, Vec<u32>>, Vec<Decision>, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let mut decisions = Vec::new();
    let mut divided = BTreeMap::new();
    for service in services {
        let Some(placement) = placement.services.get(&service.name) else { continue };
        let replicas = match &placement.placed {
            _ if service.kind.is_everywhere() => vec![1; placement.clusters.len()],
            None => continue,
            Some(Ok(placed)) => {
                decisions.extend(placed.decision.clone());
                placed.replicas.clone()
            }
            Some(Err(problem)) => {
                diagnostics.push(service.unplaced(problem));
                continue;
            }
        };
        let sites = placement.clusters.iter().filter_map(|exported| referred(exported, "cluster"));
        let here: FxHashMap<Address, u32> = sites.zip(replicas).collect();
        let here = |cluster: &TargetCluster| here.get(&cluster.address).copied().unwrap_or(0);
        divided.insert(service.name.clone(), clusters.iter().map(here).collect());
    }
    (divided, decisions, diagnostics)
}

impl Application<'_> {
    /// How many copies of a service a cluster gets.
    fn copies(&self, service: &str, cluster: usize) -> u32 {
        self.replicas.get(service).and_then(|replicas| replicas.get(cluster)).copied().unwrap_or(0)
    }

    fn resources(&self) -> Vec<CompiledResource> {
        let mut resources = Vec::new();
        for (at, cluster) in self.clusters.iter().enumerate() {
            let used = self.services.iter().any(|service| self.copies(&service.name, at) > 0);
            if used {
                resources.push(objects::namespace(self, cluster));
            }
            for service in self.services.iter().filter(|service| self.copies(&service.name, at) > 0) {
                resources.extend(Objects { application: self, service, cluster, at }.all());
            }
        }
        resources
    }

    fn exports(&self) -> Value {
        let services = self.services.iter().map(|service| (service.name.clone(), self.service_exports(service)));
        let externals = self.externals.entries().into_iter().flat_map(|entries| entries.iter());
        let externals = externals.map(|(name, external)| {
            let addresses = external.get("addresses").unwrap_or_else(|| Value::unknown(Type::Any));
            let address = self.block.address.join("external").join(name.clone());
            (name.clone(), exports(&address, name, [("kind", values::text("external")), ("addresses", addresses)]))
        });
        let shown = [
            ("namespace", values::text(&self.namespace)),
            ("service", Value::object(services.collect::<Vec<_>>())),
            ("external", Value::object(externals.collect::<Vec<_>>())),
        ];
        exports(self.block.address, self.block.name, shown)
    }

    fn service_exports(&self, service: &Service<'_>) -> Value {
        let replicas = self.replicas.get(&service.name);
        let total: u32 = replicas.into_iter().flatten().sum();
        let by_cluster = self.clusters.iter().enumerate();
        let by_cluster =
            by_cluster.map(|(at, cluster)| (cluster.name.clone(), Value::number(self.copies(&service.name, at))));
        let shown = [
            ("kind", values::text("service")),
            ("application", values::text(self.block.name)),
            ("namespace", values::text(&self.namespace)),
            ("host", values::text(format!("{}.{}.svc", service.name, self.namespace))),
            ("image", service.take("image")),
            ("port", service.take("port")),
            ("replicas", Value::number(total)),
            ("clusters", Value::object(by_cluster.collect::<Vec<_>>())),
            ("endpoints", endpoints::of(self, service)),
        ];
        exports(&service.address, &service.name, shown)
    }
}
