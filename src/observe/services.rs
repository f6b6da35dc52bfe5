//! The services that are recorded, and what runs them where.

use std::collections::BTreeMap;

use portolan_lang::Address;
use portolan_lang::address::Segment;
use portolan_provider::Workload;
use portolan_state::{Decision, Resource, Snapshot};

use crate::catalog::Catalog;
use crate::compile::domain::orders::{is_order, stop_of};

/// What people know as one thing that runs: a service of an application, or a resource that is
/// a workload by itself.
#[derive(Debug, Clone)]
pub struct Service<'a> {
    /// The block that it was compiled from: `application.shop.service.web`.
    pub address: Address,
    /// What runs it, in each cluster.
    pub works: Vec<Work<'a>>,
    /// All of its objects, its workloads among them.
    pub objects: Vec<&'a Resource>,
    /// The decision by which it stands still.
    pub stop: Option<&'a Decision>,
}

/// A workload of a service.
#[derive(Debug, Clone)]
pub struct Work<'a> {
    /// Its object as it is recorded.
    pub resource: &'a Resource,
    /// What it declares.
    pub declared: Workload,
}

impl Work<'_> {
    /// The name of the cluster, as a person gave it: `beijing`; empty for what has none.
    pub fn cluster(&self) -> String {
        self.resource.connection.as_ref().map(cluster_name).unwrap_or_default()
    }
}

/// The last name of a connection's address, with its key.
pub(super) fn cluster_name(connection: &Address) -> String {
    let last = connection.segments().last().cloned();
    last.map(|segment| Address::new([segment]).to_string()).unwrap_or_default()
}

impl Service<'_> {
    /// Whether there is anything to be said of it.
    pub(super) fn is_shown(&self) -> bool {
        !self.works.is_empty() || self.stop.is_some()
    }

    /// The application: `shop`, or `module.edge.shop` inside of a module; `None` for a resource.
    pub fn application(&self) -> Option<String> {
        let (parent, _) = names(&self.address)?;
        Some(self.address.module().append(&Address::new([parent])).to_string())
    }

    /// The name within the application, or the whole address of a resource.
    pub fn name(&self) -> String {
        names(&self.address).map_or_else(|| self.address.to_string(), |(_, name)| Address::new([name]).to_string())
    }
}

/// The names in `application.shop.service.web`: of the block, and of what is in it.
pub(super) fn names(address: &Address) -> Option<(Segment, Segment)> {
    match address.local().segments() {
        [_, block, _, inner] => Some((block.clone(), inner.clone())),
        _ => None,
    }
}

/// All services that are recorded, sorted by their addresses.
pub fn services<'a>(snapshot: &'a Snapshot, catalog: &Catalog) -> Vec<Service<'a>> {
    let mut found: BTreeMap<Address, Service<'a>> = BTreeMap::new();
    for resource in &snapshot.resources {
        let address = resource.key.address.block();
        let service = found.entry(address.clone()).or_insert_with(|| Service {
            address,
            works: Vec::new(),
            objects: Vec::new(),
            stop: None,
        });
        let provider = catalog.provider(&resource.provider);
        let declared = provider.and_then(|provider| provider.workload(&resource.resource_type, &resource.value));
        service.works.extend(declared.map(|declared| Work { resource, declared }));
        service.objects.push(resource);
    }
    // What is stopped may have no workload any more.
    let orders: Vec<&Decision> = snapshot.decisions.iter().filter(|decision| is_order(decision)).collect();
    let parts = found.values_mut().filter(|service| names(&service.address).is_some());
    parts.for_each(|service| service.stop = stop_of(orders.iter().copied(), &service.address));
    found.into_values().filter(Service::is_shown).collect()
}
