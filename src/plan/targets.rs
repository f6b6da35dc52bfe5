//! What `--target` selects: the targets, what they depend on, and, of what is deleted, what
//! depends on it.

use portolan_lang::Address;
use rustc_hash::{FxHashMap, FxHashSet};

use super::model::Mode;
use super::recorded_order::RecordedOrder;
use super::request::Request;
use crate::compile::{Desired, Instance, InstanceId};
use crate::graph::{Graph, Vertex};
use crate::plan::records::{Record, Records};

/// The instances by their address.
pub(crate) type ByAddress<'a> = FxHashMap<&'a Address, InstanceId>;

/// Marks the records that the plan is about, and answers which instances it is about, by
/// their position.
pub(crate) fn select(
    request: &Request,
    desired: &Desired,
    graph: &Graph,
    by_address: &ByAddress<'_>,
    records: &mut Records<'_>,
) -> Vec<bool> {
    if request.targets.is_empty() {
        return vec![true; desired.instances.len()];
    }
    let is_target = |address: &Address, connection: Option<&Address>| match &request.system {
        Some(system) => connection == Some(system),
        None => request.targets.iter().any(|target| target.contains(address)),
    };
    let is_target_instance = |instance: &Instance| {
        is_target(&instance.address, instance.connection.map(|at| &desired.connections[at].address))
    };
    let mut instances = with_dependencies(desired, graph, &is_target_instance);
    if request.system.is_some() {
        // What is read is read; all else that they depend on is as it is recorded.
        let stays = |(is_selected, instance): (&mut bool, &Instance)| {
            *is_selected &= instance.is_data || is_target_instance(instance);
        };
        instances.iter_mut().zip(&desired.instances).for_each(stays);
    }
    let is_target = |record: &Record<'_>| is_target(&record.key.address, record.resource.connection.as_ref());
    let is_deleted = |address: &Address| request.mode == Mode::Destroy || !by_address.contains_key(address);
    let order = recorded_order(records);
    let taken_away =
        records.list.iter().enumerate().filter(|(_, record)| {
            is_target(record) && (is_deleted(&record.key.address) || record.key.deposed.is_some())
        });
    let with_dependants = order.dependants_of(taken_away.map(|(at, _)| at));
    for (record, depends) in records.list.iter_mut().zip(with_dependants) {
        let address = &record.key.address;
        let is_wanted =
            request.mode != Mode::Destroy && by_address.get(address).is_some_and(|id| instances[id.0 as usize]);
        record.selected = is_wanted || is_target(record) || (depends && is_deleted(address));
    }
    instances
}

/// The data sources that would have to be read in clusters that are lost.
pub(crate) fn unread(desired: &Desired) -> Vec<Address> {
    let is_lost = |instance: &Instance| {
        let connection = instance.connection.and_then(|id| desired.connections.get(id));
        connection.is_some_and(|connection| desired.lost.contains(&connection.address))
    };
    let data = desired.iter().filter(|(_, instance)| instance.is_data && !desired.lost.is_empty());
    data.filter(|(_, instance)| is_lost(instance)).map(|(_, instance)| instance.address.clone()).collect()
}

/// Leaves alone what belongs to clusters that are lost: nobody can say how it is, or change it.
pub(crate) fn leave_lost(desired: &Desired, selected: &mut [bool], records: &mut Records<'_>) {
    if desired.lost.is_empty() {
        return;
    }
    let lost: FxHashSet<&Address> = desired.lost.iter().collect();
    for record in &mut records.list {
        record.selected &= !record.resource.connection.as_ref().is_some_and(|connection| lost.contains(connection));
    }
    for (id, instance) in desired.iter() {
        let connection = instance.connection.map(|at| &desired.connections[at].address);
        selected[id.0 as usize] &= !connection.is_some_and(|connection| lost.contains(connection));
    }
}

fn recorded_order(records: &Records<'_>) -> RecordedOrder {
    let objects: Vec<(&Address, &[Address])> =
        records.list.iter().map(|record| (&record.resource.key.address, &*record.resource.dependencies)).collect();
    RecordedOrder::new(&objects)
}

fn with_dependencies(desired: &Desired, graph: &Graph, is_target: &dyn Fn(&Instance) -> bool) -> Vec<bool> {
    let mut reached = vec![false; graph.len()];
    let targets = desired.iter().filter(|(_, instance)| is_target(instance));
    let mut left: Vec<Vertex> = targets.map(|(id, _)| Vertex::Instance(id)).collect();
    while let Some(vertex) = left.pop() {
        if !std::mem::replace(&mut reached[graph.position(vertex)], true) {
            left.extend(graph.dependencies(vertex));
        }
    }
    desired.iter().map(|(id, _)| reached[graph.position(Vertex::Instance(id))]).collect()
}
