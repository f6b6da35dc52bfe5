//! Instances that stand for all others of their connection: what a fleet serves is all of its
//! files together, whichever blocks those come from.
//!
//! Such an instance is the only one of a group of its own. Its configuration is made from what the
//! others are, it comes after them, and after what they wait for, since it is what really uses
//! that. Whoever refers to its block does not wait for it, as the others do so themselves.

use std::collections::BTreeSet;

use portolan_lang::{AttributePath, Type, Value};
use rustc_hash::{FxHashMap, FxHashSet};

use super::desired::{Desired, GroupId, InstanceId};
use super::domain::{self, Gather};
use super::evaluator::Evaluator;

/// The instances that each such instance stands for.
pub(super) type Gathered = FxHashMap<InstanceId, Vec<InstanceId>>;

/// Finds them, once all instances have their connections.
pub(super) fn gathered(desired: &Desired) -> Gathered {
    let is_one = |id: InstanceId| domain::gather(&desired.instance(id).resource_type).is_some();
    let ones: Vec<(InstanceId, usize)> =
        desired.iter().filter(|(id, _)| is_one(*id)).filter_map(|(id, one)| Some((id, one.connection?))).collect();
    if ones.is_empty() {
        return Gathered::default();
    }
    let mut by_connection: FxHashMap<usize, Vec<InstanceId>> = FxHashMap::default();
    for (id, instance) in desired.iter().filter(|(id, instance)| !instance.is_data && !is_one(*id)) {
        by_connection.entry(instance.connection.unwrap_or(usize::MAX)).or_default().push(id);
    }
    ones.into_iter().map(|(id, at)| (id, by_connection.get(&at).cloned().unwrap_or_default())).collect()
}

/// Lets each come after what it stands for and what that waits for, and whoever publishes a host
/// name after those that stand for who serves it. `published` has publishers with the groups that
/// serve their name.
pub(super) fn depend(
    desired: &Desired,
    gathered: &Gathered,
    published: &[(&[GroupId], Vec<GroupId>)],
    found: &mut [BTreeSet<GroupId>],
) {
    let mut ones: Vec<(&InstanceId, &Vec<InstanceId>)> = gathered.iter().collect();
    ones.sort();
    for (one, members) in ones {
        let own = desired.instance(*one).group;
        let groups: FxHashSet<GroupId> = members.iter().map(|member| desired.instance(*member).group).collect();
        let waited = groups.iter().flat_map(|group| &found[group.0 as usize]);
        let mut before: BTreeSet<GroupId> = waited.chain(&groups).copied().collect();
        before.remove(&own);
        found[own.0 as usize].extend(before);
        let reached = reached(desired, found, own);
        for (publishers, servers) in published {
            let is_served = servers.iter().any(|server| groups.contains(server));
            for publisher in publishers.iter().filter(|publisher| is_served && !reached.contains(publisher)) {
                found[publisher.0 as usize].insert(own);
            }
        }
    }
}

/// All that a group waits for, directly or not, with itself.
fn reached(desired: &Desired, found: &[BTreeSet<GroupId>], from: GroupId) -> FxHashSet<GroupId> {
    let mut reached = FxHashSet::default();
    let mut left = vec![from];
    while let Some(group) = left.pop() {
        if reached.insert(group) {
            left.extend(found[group.0 as usize].iter().chain(&desired.group(group).dependencies));
        }
    }
    reached
}

/// The configuration of an instance with what the instances are that it stands for; unknown while
/// one of them is.
pub(super) fn with_gathered(
    desired: &Desired,
    evaluator: &Evaluator,
    (id, members): (InstanceId, &[InstanceId]),
    config: Value,
) -> Value {
    let Some(Gather { attribute, of, .. }) = domain::gather(&desired.instance(id).resource_type) else { return config };
    let entry = |member: &InstanceId| {
        let group = desired.instance(*member).group;
        of(&desired.group(group).address, evaluator.instance_value(*member)?)
    };
    let entries: Option<Vec<_>> = members.iter().map(entry).collect();
    let value = entries.map_or_else(|| Value::unknown_not_null(Type::Any), Value::object::<std::sync::Arc<str>>);
    config.with(&AttributePath::attribute(*attribute), value)
}
