//! From modules and blocks to instances and groups.

use std::collections::BTreeSet;
use std::sync::Arc;

use portolan_lang::decode::decode;
use portolan_lang::{Address, Diagnostic, Diagnostics, Span, Step};
use rustc_hash::{FxHashMap, FxHashSet};

use super::awaited::awaited;
use super::connection::PROVIDER;
use super::data::{Asker, WantedData};
use super::dependencies::{Dependencies, of_domain, of_resource};
use super::desired::{Connection, Desired, Group, GroupId, Instance, InstanceId};
use super::domain;
use super::domain::availability::{self, Availability};
use super::evaluator::{Evaluator, Node, Settled};
use super::gather::{self, Gathered};
use super::inputs::Inputs;
use super::module::{Instances, ModuleId, ModuleInstance};
use super::scope::Each;
use super::unknown::Waits;
use super::{placements, places, repetition, unknown};
use crate::config::{DomainBlock, Lifecycle, ResourceBlock};

/// Where an instance comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    /// Its block.
    pub(super) node: Node,
    /// Which of the block's instances.
    pub(super) position: u32,
    /// Which of the resources that a domain block's instance compiles to.
    pub(super) resource: u32,
}

/// What evaluation needs to know about instances beside [`Desired`].
#[derive(Clone, Default)]
pub(super) struct Expansion {
    pub(super) settled: Option<Settled>,
    pub(super) origins: Vec<Origin>,
    pub(super) first: Arc<FxHashMap<Node, InstanceId>>,
    pub(super) gathered: Gathered,
}

/// Compiles a configuration: says what ought to exist, and all that is wrong with it.
pub fn compile(inputs: Inputs) -> (Desired, Diagnostics) {
    let evaluator = Evaluator::new(Arc::new(inputs));
    let modules = expand_modules(&evaluator);
    let mut builder = Builder::default();
    for module in &modules {
        builder.module(&evaluator, *module);
        if let Some(beyond) = builder.desired.instances.get(repetition::MAX_COUNT) {
            builder.problems.push(repetition::too_many("blocks", beyond.span));
            break;
        }
    }
    builder.providers(&evaluator);
    builder.connect(&evaluator);
    builder.gathered = gather::gathered(&builder.desired);
    builder.depend(&evaluator);
    for module in &modules {
        let problems = builder.desired.declare(&evaluator, *module);
        evaluator.report(problems);
    }
    evaluator.report(std::mem::take(&mut builder.problems));
    evaluator.report(domain::clashes(&builder.claims));
    builder.desired.withdrawn = placements::withdrawn(&evaluator);
    let decisions = evaluator.inputs.decisions.iter();
    builder.desired.withdrawn.extend(domain::switch::withdrawn(decisions, &builder.desired.backends));
    let decisions = evaluator.inputs.decisions.iter();
    let clusters: FxHashSet<&Address> = builder.desired.clusters().collect();
    let gone = availability::withdrawn(decisions, |cluster| clusters.contains(cluster));
    builder.desired.withdrawn.extend(gone);
    builder.desired.autoscales = placements::autoscales(&evaluator);
    let decisions = evaluator.inputs.decisions.iter();
    let is_scaled = |service: &Address| builder.desired.autoscales.contains_key(service);
    let gone = domain::autoscale::scale::withdrawn(decisions, is_scaled);
    builder.desired.withdrawn.extend(gone);
    builder.lose(&evaluator);
    let (problems, pending) = evaluator.take_diagnostics().split_pending();
    evaluator.report(problems);
    builder.desired.wanted = builder.wanted(&evaluator, !pending.is_empty());
    let mut problems = evaluator.take_diagnostics();
    if builder.desired.wanted.is_empty() {
        let explained = builder.explained(&evaluator, pending, problems.has_errors());
        problems.extend(explained);
    }
    let mut desired = builder.desired;
    desired.expansion = Arc::new(Expansion {
        settled: Some(evaluator.settle()),
        origins: builder.origins,
        first: Arc::new(builder.first),
        gathered: builder.gathered,
    });
    (desired, problems)
}

/// Every module instance, each before those that it calls, in the order of the source.
pub(super) fn expand_modules(evaluator: &Evaluator) -> Vec<ModuleId> {
    let mut ordered = Vec::new();
    let mut waiting = vec![ModuleId::ROOT];
    while let Some(module) = waiting.pop() {
        ordered.push(module);
        let calls = evaluator.module(module).module.calls.len();
        let children = (0..calls).flat_map(|at| evaluator.children(module, at).to_vec());
        let children: Vec<ModuleId> = children.collect();
        waiting.extend(children.into_iter().rev());
    }
    ordered
}

#[derive(Default)]
struct Builder {
    desired: Desired,
    origins: Vec<Origin>,
    first: FxHashMap<Node, InstanceId>,
    /// The groups that each block made.
    made: FxHashMap<Node, Vec<GroupId>>,
    /// What instances ask for by address: connections, with the place to blame, and instances or
    /// groups of their block.
    wanted_connections: Vec<(InstanceId, Address, Span)>,
    wanted_dependencies: Vec<(InstanceId, Vec<Address>)>,
    /// Connections that are declared and not known yet, and blocks of which it is not known which
    /// instances they have.
    unknown_connections: FxHashSet<Address>,
    /// Instances of which it is not known yet which connection they use.
    unknown_connection: FxHashSet<InstanceId>,
    /// What domain blocks want for themselves alone.
    claims: Vec<domain::Claim>,
    /// The groups that serve a host name, and those that publish one.
    served: FxHashMap<Arc<str>, Vec<GroupId>>,
    published: Vec<(Arc<str>, Vec<GroupId>)>,
    /// What instances stand for others.
    gathered: Gathered,
    problems: Diagnostics,
}

impl Builder {
    fn module(&mut self, evaluator: &Evaluator, id: ModuleId) {
        let instance = evaluator.module(id);
        for (position, block) in instance.module.resources.values().enumerate() {
            self.resource(evaluator, id, &instance, position, block);
        }
        for (position, block) in instance.module.domain.values().enumerate() {
            self.domain(evaluator, id, &instance, position, block);
        }
    }

    fn add_group(&mut self, node: Node, address: Address, lifecycle: Arc<Lifecycle>) -> GroupId {
        let id = GroupId(self.desired.groups.len() as u32);
        let (members, dependencies, awaited) = Default::default();
        self.desired.groups.push(Group { address, members, dependencies, awaited, lifecycle });
        self.made.entry(node).or_default().push(id);
        id
    }

    fn add_instance(&mut self, instance: Instance, origin: Origin) -> InstanceId {
        let id = InstanceId(self.desired.instances.len() as u32);
        self.desired.groups[instance.group.0 as usize].members.push(id);
        self.desired.instances.push(instance);
        self.origins.push(origin);
        id
    }

    fn resource(
        &mut self,
        evaluator: &Evaluator,
        id: ModuleId,
        module: &ModuleInstance,
        position: usize,
        block: &ResourceBlock,
    ) {
        let node = Node::Resource(id, position as u32);
        let catalog = &evaluator.inputs.catalog;
        let provider = match block.is_data {
            true => catalog.data(&block.resource_type.name).map(|(provider, _)| provider),
            false => catalog.resource(&block.resource_type.name).map(|(provider, _)| provider),
        };
        // Loading has told that there is no such type.
        let Some(provider) = provider else { return };
        let mut address = module.address.clone();
        if block.is_data {
            address = address.join("data");
        }
        let address = address.join(block.resource_type.name.clone()).join(block.name.name.clone());
        let group = self.add_group(node, address.clone(), Arc::new(block.lifecycle.clone()));
        let instances = evaluator.resource_instances(id, position, block);
        self.first.insert(node, InstanceId(self.desired.instances.len() as u32));
        let provider: Arc<str> = Arc::from(provider);
        let blamed = block.provider.as_ref().map_or(block.span, |wanted| wanted.block.span);
        for at in 0..instances.len() {
            let instance = Instance {
                address: address.instance(instances.key(at)),
                is_data: block.is_data,
                is_check: block.check.is_some(),
                resource_type: block.resource_type.name.clone(),
                provider: provider.clone(),
                connection: None,
                group,
                dependencies: Vec::new(),
                span: block.span,
            };
            let made = self.add_instance(instance, Origin { node, position: at as u32, resource: 0 });
            match evaluator.connection(id, block, &provider, instances.each(at)) {
                Ok(connection) => self.wanted_connections.extend(connection.map(|address| (made, address, blamed))),
                Err(()) => drop(self.unknown_connection.insert(made)),
            }
        }
    }

    fn domain(
        &mut self,
        evaluator: &Evaluator,
        id: ModuleId,
        module: &ModuleInstance,
        position: usize,
        block: &DomainBlock,
    ) {
        let node = Node::Domain(id, position as u32);
        let address = module.address.join(block.kind.name.clone()).join(block.name.name.clone());
        let instances = evaluator.domain_instances(id, position, block);
        if matches!(instances, Instances::Unknown(_)) {
            self.unknown_connections.insert(address.clone());
        }
        let lifecycle = Arc::new(block.lifecycle.clone());
        for (at, compiled) in evaluator.compiled(id, position).iter().enumerate() {
            self.claims.extend(compiled.claims.iter().cloned());
            let address = address.instance(instances.key(at));
            self.desired.decisions.extend(compiled.decisions.iter().cloned());
            if !compiled.hosts.served.is_empty() || !compiled.backends.is_empty() {
                self.desired.backends.insert(address.clone(), compiled.backends.clone());
            }
            if let Some(connection) = &compiled.connection {
                evaluator.blame(block.span, id, unknown::exprs(&block.body));
                self.connection(Connection {
                    address: address.clone(),
                    provider: Arc::from(connection.provider),
                    config: Arc::new(connection.config.clone()),
                    limit: connection.limit.clone(),
                    probe: connection.probe.clone(),
                    span: block.span,
                });
            }
            let groups = grouped(&compiled.resources);
            let mut own = Vec::with_capacity(groups.len());
            for (group, resources) in groups {
                let part: Vec<Step> = places::part(group).collect();
                let span = domain::span_within(&block.body, block.span, &part);
                let group = self.add_group(node, group.clone(), lifecycle.clone());
                own.push(group);
                for resource in resources {
                    let origin = Origin { node, position: at as u32, resource: resource as u32 };
                    self.compiled(evaluator, &compiled.resources[resource], group, span, origin);
                }
            }
            for host in &compiled.hosts.served {
                self.served.entry(host.clone()).or_default().extend(&own);
            }
            self.published.extend(compiled.hosts.published.clone().map(|host| (host, own)));
        }
    }

    fn compiled(
        &mut self,
        evaluator: &Evaluator,
        resource: &domain::CompiledResource,
        group: GroupId,
        span: Span,
        origin: Origin,
    ) {
        let Some((provider, _)) = evaluator.inputs.catalog.resource(resource.resource_type) else {
            self.problems.push(
                Diagnostic::error("Provider not built in")
                    .detail(format!("{} needs the resource type {}.", resource.address, resource.resource_type))
                    .at(span)
                    .help("Use a build of this program that has the provider."),
            );
            return;
        };
        let instance = Instance {
            address: resource.address.clone(),
            is_data: false,
            is_check: false,
            resource_type: Arc::from(resource.resource_type),
            provider: Arc::from(provider),
            connection: None,
            group,
            dependencies: Vec::new(),
            span,
        };
        let id = self.add_instance(instance, origin);
        if let Some(connection) = &resource.connection {
            self.wanted_connections.push((id, connection.clone(), span));
        }
        if !resource.dependencies.is_empty() {
            self.wanted_dependencies.push((id, resource.dependencies.clone()));
        }
    }

    /// The connections that `provider` blocks declare, at addresses of their own.
    fn providers(&mut self, evaluator: &Evaluator) {
        for block in evaluator.inputs.config.root.providers.values() {
            // Loading has told that there is no such provider.
            let Some(provider) = evaluator.inputs.catalog.provider(&block.provider.name) else { continue };
            let scope = evaluator.scope(ModuleId::ROOT, Each::None);
            let (config, problems) = decode(&block.body, &provider.schema().connection, &scope);
            let is_wrong = problems.has_errors();
            evaluator.report(problems);
            if !is_wrong {
                let names = [Some(&block.provider), block.alias.as_ref()].into_iter().flatten();
                let address = names.fold(Address::of([PROVIDER]), |address, name| address.join(name.name.clone()));
                evaluator.blame(block.span, ModuleId::ROOT, unknown::exprs(&block.body));
                let provider = block.provider.name.clone();
                self.connection(Connection {
                    address,
                    provider,
                    config: Arc::new(config),
                    limit: None,
                    probe: None,
                    span: block.span,
                });
            }
        }
    }

    fn connection(&mut self, connection: Connection) {
        let Connection { address, config, span, .. } = &connection;
        if !config.is_wholly_known() {
            self.problems.push(
                Diagnostic::error("Connection not known before apply")
                    .detail(format!("How to reach {address} depends on something that will only be known after apply."))
                    .at(*span)
                    .help("Use values that come from variables, locals, data sources that need no resource, or attributes that a block states itself.")
                    .pending(),
            );
            self.unknown_connections.insert(connection.address);
            return;
        }
        self.desired.connections.push(connection);
    }

    /// Gives each instance its connection.
    fn connect(&mut self, evaluator: &Evaluator) {
        let by_address: FxHashMap<&Address, usize> =
            self.desired.connections.iter().enumerate().map(|(at, connection)| (&connection.address, at)).collect();
        for (id, address, blamed) in &self.wanted_connections {
            let found = by_address.get(address).copied();
            self.desired.instances[id.0 as usize].connection = found;
            let instance = self.desired.instance(*id);
            let problem = match found.map(|at| &self.desired.connections[at]) {
                None if self.may_come(address) => continue,
                None => Diagnostic::error("No such connection")
                    .detail(format!("{} is to be reached through {address}, which is not declared.", instance.address)),
                Some(connection) if connection.provider != instance.provider => {
                    Diagnostic::error("Unsuitable connection").detail(format!(
                        "{} belongs to the provider {}, and {address} is a connection of the provider {}.",
                        instance.address, instance.provider, connection.provider
                    ))
                }
                Some(_) => continue,
            };
            self.problems.push(problem.at(*blamed));
        }
        let asked = self.wanted_connections.iter().map(|(id, ..)| *id).chain(self.unknown_connection.iter().copied());
        let asked: FxHashSet<InstanceId> = asked.collect();
        let missing = self.desired.iter().filter(|(id, instance)| !instance.is_data && !asked.contains(id));
        for (_, instance) in missing {
            let provider = evaluator.inputs.catalog.provider(&instance.provider);
            if provider.is_some_and(|provider| provider.schema().connection.names().next().is_some()) {
                let problem = Diagnostic::error("Missing connection")
                    .detail(format!("It is not said which system {} belongs to.", instance.address))
                    .at(instance.span)
                    .help("Set \"provider\" to the block of the system, for example provider = cluster.NAME.");
                self.problems.push(problem);
            }
        }
    }

    /// Whether a connection may be declared once more is known: it is already, but not how it is
    /// reached, or which instances its block has is not known.
    fn may_come(&self, address: &Address) -> bool {
        self.unknown_connections.contains(address) || self.unknown_connections.contains(&address.instance(None))
    }

    /// What is to be read before compiling again: what blocks of the domain ask for and, where the
    /// shape `is_incomplete`, the data sources that were asked for and need no resource.
    fn wanted(&self, evaluator: &Evaluator, is_incomplete: bool) -> Vec<WantedData> {
        let connected: FxHashSet<&Address> =
            self.desired.connections.iter().map(|connection| &connection.address).collect();
        let mut wanted = Vec::new();
        for (query, asked) in evaluator.asked.take() {
            let is_wanted = match asked.by {
                Asker::Domain => true,
                Asker::Data(node, _) => {
                    let groups = self.made.get(&node).map_or(&[][..], Vec::as_slice);
                    is_incomplete && groups.iter().all(|group| self.desired.group(*group).awaited.is_empty())
                }
            };
            if !is_wanted || query.connection.as_ref().is_some_and(|address| self.may_come(address)) {
                continue;
            }
            if let Some(missing) = query.connection.as_ref().filter(|address| !connected.contains(address)) {
                evaluator.report([Diagnostic::error("No such connection")
                    .detail(format!("{} is to be asked through {missing}, which is not declared.", asked.asker))
                    .at(asked.span)]);
            } else if evaluator.may_be_read(&asked) {
                wanted.push(WantedData { query, asker: asked.asker, span: asked.span });
            }
        }
        wanted
    }

    /// The pending problems, each with what it waits for. Where there are other problems, one that
    /// waits for nothing is a consequence of those.
    fn explained(&self, evaluator: &Evaluator, pending: Diagnostics, is_failed: bool) -> Vec<Diagnostic> {
        let mut dependencies = Dependencies::new(evaluator, &self.desired.groups, &self.made);
        let mut waits = Waits::new(evaluator, &self.desired.groups, &self.made);
        let explain = |problem: Diagnostic| {
            let explained = unknown::explained(&problem, evaluator, &mut dependencies, &mut waits);
            explained.or_else(|| (!is_failed).then_some(problem))
        };
        pending.into_iter().filter_map(explain).collect()
    }

    /// Which clusters are lost, and what goes with them.
    fn lose(&mut self, evaluator: &Evaluator) {
        let names = &evaluator.inputs.placement.lost;
        let (mut lost, problems) = self.desired.clusters_named(names);
        let decided: FxHashSet<&Address> =
            availability::clusters(&evaluator.inputs.decisions, Availability::Lost).collect();
        lost.extend(self.desired.clusters().filter(|cluster| decided.contains(cluster)).cloned());
        self.desired.lost = lost;
        if !names.is_empty() {
            self.desired.losses = placements::losses(evaluator);
            evaluator.report(problems);
        }
    }

    /// Gives each group and each instance what it waits for.
    fn depend(&mut self, evaluator: &Evaluator) {
        self.depend_instances();
        let mut found: Vec<BTreeSet<GroupId>> = vec![BTreeSet::new(); self.desired.groups.len()];
        let mut dependencies = Dependencies::new(evaluator, &self.desired.groups, &self.made);
        let mut nodes: Vec<(&Node, &Vec<GroupId>)> = self.made.iter().collect();
        nodes.sort_by_key(|(_, made)| made.first().copied());
        for (node, made) in nodes {
            match *node {
                Node::Resource(module, at) => {
                    let instance = evaluator.module(module);
                    if let Some((_, block)) = instance.module.resources.get_index(at as usize) {
                        let groups = of_resource(evaluator, &mut dependencies, module, block);
                        made.iter().for_each(|id| found[id.0 as usize].extend(groups.iter()));
                    }
                }
                Node::Domain(module, at) => {
                    let instance = evaluator.module(module);
                    if let Some((_, block)) = instance.module.domain.get_index(at as usize) {
                        of_domain(&mut dependencies, module, block, made, &self.desired.groups, &mut found);
                    }
                }
                _ => {}
            }
        }
        self.publish_after_serving(&mut found);
        self.publish_after_gathering(&mut found);
        for (at, groups) in found.into_iter().enumerate() {
            let group = &mut self.desired.groups[at];
            group.dependencies.extend(groups.into_iter().filter(|id| id.0 as usize != at));
            group.dependencies.sort();
            group.dependencies.dedup();
        }
        self.put_off(evaluator);
    }

    /// Gives each data source what it waits for before it is read.
    fn put_off(&mut self, evaluator: &Evaluator) {
        let mut dependencies = Dependencies::new(evaluator, &self.desired.groups, &self.made);
        let mut found = Vec::new();
        for (node, made) in &self.made {
            let Node::Resource(module, at) = *node else { continue };
            let instance = evaluator.module(module);
            let block = instance.module.resources.get_index(at as usize).map(|(_, block)| block);
            if let Some(block) = block.filter(|block| block.is_data) {
                let mut awaited = awaited(evaluator, &mut dependencies, &self.desired.groups, module, block);
                let is_read = |id: &InstanceId| self.desired.instance(*id).is_data;
                awaited.retain(|group| !self.desired.group(*group).members.iter().all(is_read));
                found.extend(made.iter().map(|id| (*id, awaited.iter().copied().collect())));
            }
        }
        for (id, awaited) in found {
            self.desired.groups[id.0 as usize].awaited = awaited;
        }
    }

    /// Who publishes a host name waits for who serves it, unless that one waits for the publisher.
    fn publish_after_serving(&self, found: &mut [BTreeSet<GroupId>]) {
        for (host, publishers) in &self.published {
            for server in self.served.get(host).into_iter().flatten() {
                for publisher in publishers {
                    if !self.waits(found, *server, *publisher) {
                        found[publisher.0 as usize].insert(*server);
                    }
                }
            }
        }
    }

    /// Who publishes a host name also waits for what stands for who serves it.
    fn publish_after_gathering(&self, found: &mut [BTreeSet<GroupId>]) {
        let servers = |host: &Arc<str>| self.served.get(host).cloned().unwrap_or_default();
        let published: Vec<(&[GroupId], Vec<GroupId>)> =
            self.published.iter().map(|(host, publishers)| (publishers.as_slice(), servers(host))).collect();
        gather::depend(&self.desired, &self.gathered, &published, found);
    }

    /// Whether a group waits for another one, directly or not.
    fn waits(&self, found: &[BTreeSet<GroupId>], from: GroupId, to: GroupId) -> bool {
        let mut seen = FxHashSet::default();
        let mut waiting = vec![from];
        while let Some(group) = waiting.pop() {
            if group == to {
                return true;
            }
            if seen.insert(group) {
                waiting
                    .extend(found[group.0 as usize].iter().chain(&self.desired.groups[group.0 as usize].dependencies));
            }
        }
        false
    }

    /// Turns the addresses that compiled resources depend on into positions.
    fn depend_instances(&mut self) {
        let wanted = std::mem::take(&mut self.wanted_dependencies);
        if wanted.is_empty() {
            return;
        }
        let instances: FxHashMap<Address, InstanceId> =
            self.desired.iter().map(|(id, instance)| (instance.address.clone(), id)).collect();
        let groups: FxHashMap<Address, GroupId> = self
            .desired
            .groups
            .iter()
            .enumerate()
            .map(|(at, group)| (group.address.clone(), GroupId(at as u32)))
            .collect();
        for (id, addresses) in wanted {
            for address in addresses {
                if let Some(dependency) = instances.get(&address) {
                    self.desired.instances[id.0 as usize].dependencies.push(*dependency);
                } else if let Some(group) = groups.get(&address) {
                    let own = self.desired.instances[id.0 as usize].group;
                    self.desired.groups[own.0 as usize].dependencies.push(*group);
                }
            }
        }
    }
}

/// Resources of a group stand together, the groups in the order in which they first occur.
fn grouped(resources: &[domain::CompiledResource]) -> indexmap::IndexMap<&Address, Vec<usize>> {
    let mut groups: indexmap::IndexMap<&Address, Vec<usize>> = indexmap::IndexMap::new();
    for (at, resource) in resources.iter().enumerate() {
        groups.entry(&resource.group).or_default().push(at);
    }
    groups
}
