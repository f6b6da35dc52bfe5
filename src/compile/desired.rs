//! What ought to exist.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::{Address, Span, Value};
use portolan_state::Decision;

use super::data::{DataAnswers, DataQuery, WantedData};
use super::domain::autoscale::Autoscale;
use super::domain::probe::Probe;
use super::expand::Expansion;
use super::loss::Loss;
use crate::config::{Lifecycle, Module};

/// The position of an instance in [`Desired::instances`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(pub u32);

/// The position of a group in [`Desired::groups`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub u32);

/// Everything that ought to exist, and what it takes to say how each thing ought to be.
#[derive(Clone, Default)]
pub struct Desired {
    /// The resources and data sources. Those of a group stand together.
    pub instances: Vec<Instance>,
    /// The blocks, or parts of domain blocks, that they come from.
    pub groups: Vec<Group>,
    /// How to reach the systems.
    pub connections: Vec<Connection>,
    /// Decisions that compiling made or changed because of what is now wanted; they are
    /// recorded when the plan is applied.
    pub decisions: Vec<Decision>,
    /// Decisions about what is no longer wanted: what each is about, and which question it answers.
    pub withdrawn: Vec<(Address, Arc<str>)>,
    /// The routes, each with the backends between which people can switch its requests.
    pub backends: BTreeMap<Address, Vec<Arc<str>>>,
    /// The services whose number of copies follows their load, and how.
    pub autoscales: BTreeMap<Address, Autoscale>,
    /// The clusters that are taken to be dead: nothing is asked of them, and nothing done there.
    pub lost: Vec<Address>,
    /// What services lose with them.
    pub losses: Vec<Loss>,
    /// What was renamed: recorded objects at or under the first address now stand at or under
    /// the second one. In source order, so that chains are followed.
    pub moved: Vec<Moved>,
    /// What is to be taken out of the record, and whether the object is destroyed then.
    pub removed: Vec<Removed>,
    /// Objects that are there already and are to be recorded.
    pub imports: Vec<Import>,
    /// What has to be read before all of this can be said; empty where nothing has.
    pub wanted: Vec<WantedData>,
    /// What it takes to evaluate the instances.
    pub(super) expansion: Arc<Expansion>,
}

/// A rename, in absolute addresses.
#[derive(Debug, Clone)]
pub struct Moved {
    /// The old address.
    pub from: Address,
    /// The new address.
    pub to: Address,
    /// Where it is declared.
    pub span: Span,
}

/// A `removed` block, in absolute addresses.
#[derive(Debug, Clone)]
pub struct Removed {
    /// What is no longer declared.
    pub from: Address,
    /// Whether the object is destroyed or only forgotten.
    pub destroy: bool,
    /// Where it is declared.
    pub span: Span,
}

/// An `import` block, in absolute addresses.
#[derive(Debug, Clone)]
pub struct Import {
    /// Where the object is to be recorded.
    pub to: Address,
    /// What finds it.
    pub id: Arc<str>,
    /// Where it is said to what address.
    pub to_span: Span,
    /// Where it is declared.
    pub span: Span,
}

/// One resource that ought to exist, or one data source that ought to be read.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its address.
    pub address: Address,
    /// Whether it is read rather than managed.
    pub is_data: bool,
    /// Whether it is the data source of a `check` block: that it cannot be read is a warning.
    pub is_check: bool,
    /// Its resource type or data source.
    pub resource_type: Arc<str>,
    /// The provider of that type.
    pub provider: Arc<str>,
    /// The connection to use: its position in [`Desired::connections`].
    pub connection: Option<usize>,
    /// The group that it belongs to.
    pub group: GroupId,
    /// Instances that this one by itself depends on, beside what its group waits for.
    pub dependencies: Vec<InstanceId>,
    /// Where it is declared.
    pub span: Span,
}

/// The instances that one block stands for, or one service of an application. What refers to
/// a block waits for its group, and one edge to a group stands for an edge to each member,
/// so that two blocks of n instances have 2 n edges between them, not n².
#[derive(Debug, Clone)]
pub struct Group {
    /// The address of the block without an instance key, in its module instance; that of the
    /// instance for one that gathers.
    pub address: Address,
    /// Its instances.
    pub members: Vec<InstanceId>,
    /// What all of them wait for, without duplicates.
    pub dependencies: Vec<GroupId>,
    /// For data sources: the groups whose planned changes put reading them off until those are
    /// made. Empty for others.
    pub awaited: Vec<GroupId>,
    /// How their life is ruled.
    pub lifecycle: Arc<Lifecycle>,
}

/// How to reach a system.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The block that declares it: `cluster.beijing`.
    pub address: Address,
    /// The provider.
    pub provider: Arc<str>,
    /// Its configuration, which fits the provider's connection schema and is wholly known.
    pub config: Arc<Value>,
    /// How much of what is recorded of it a plan may delete, where that is limited.
    pub limit: Option<DeletionLimit>,
    /// How it is found out whether the system is alive, where that is wanted.
    pub probe: Option<Probe>,
    /// Where it is declared.
    pub span: Span,
}

/// How much of what is recorded of a system a plan may delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletionLimit {
    /// The share, in percent.
    pub percent: u64,
    /// Where fewer objects than this are recorded there is no limit.
    pub few: u64,
    /// Where it is declared.
    pub span: Span,
}

impl Group {
    /// Whether it is there for an instance that stands for all others of its connection: what
    /// refers to its block, or to its module, means those others.
    pub fn gathers(&self) -> bool {
        self.address.part_name().is_some()
    }
}

impl Desired {
    /// The instance at a position that this `Desired` gave out.
    pub fn instance(&self, id: InstanceId) -> &Instance {
        &self.instances[id.0 as usize]
    }

    /// The group at a position that this `Desired` gave out.
    pub fn group(&self, id: GroupId) -> &Group {
        &self.groups[id.0 as usize]
    }

    /// Whether the configuration has the block of an address, however many instances that has;
    /// `None` for a `Desired` that was not compiled from a configuration.
    pub fn has_block(&self, address: &Address) -> Option<bool> {
        self.expansion.settled.as_ref()?;
        let Some(module) = self.module(address) else { return Some(false) };
        let local = address.local();
        let names: Vec<&str> = local.segments().iter().map(|segment| &*segment.name).collect();
        let head = names.get(..2).unwrap_or(&names);
        Some(module.resources.contains_key(&*names.join(".")) || module.domain.contains_key(&*head.join(".")))
    }

    /// What data sources said that it was compiled from.
    pub fn answers(&self) -> Arc<DataAnswers> {
        self.expansion.settled.as_ref().map(|settled| settled.inputs.data.clone()).unwrap_or_default()
    }

    /// What a data source said, if it is among those that this was compiled from.
    pub fn data(&self, query: &DataQuery) -> Option<&Value> {
        self.expansion.settled.as_ref()?.inputs.data.get(query)
    }

    /// The module that holds what an address names, if the configuration has it.
    pub(super) fn module(&self, address: &Address) -> Option<&Module> {
        let mut module = &self.expansion.settled.as_ref()?.inputs.config.root;
        // "module" stands before each name of a call.
        for call in address.module().segments().iter().skip(1).step_by(2) {
            module = &module.calls.get(&call.name)?.module;
        }
        Some(module)
    }

    /// All instances with their positions.
    pub fn iter(&self) -> impl Iterator<Item = (InstanceId, &Instance)> {
        self.instances.iter().enumerate().map(|(at, instance)| (InstanceId(at as u32), instance))
    }
}
