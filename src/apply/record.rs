//! The rows that applying writes.

use std::sync::Arc;

use portolan_lang::{Address, Value};
use portolan_state::{Edit, Resource, ResourceKey, ResourceStatus, Snapshot};

use crate::compile::InstanceId;
use crate::plan::{Action, Change, Plan, row};
use crate::sessions::Sessions;

/// What is recorded before anything is done: what was found changed, what moved, what was
/// imported as it is wanted, and what is not there any more. Removals come first, because an
/// object may move to where another one moved away from.
pub(crate) fn edits_before(plan: &Plan, sessions: &Sessions<'_>, snapshot: &Snapshot) -> Vec<Edit> {
    let gone = plan.drift.iter().filter(|drift| drift.live.is_none());
    let mut removed: Vec<Edit> = gone.map(|drift| Edit::RemoveResource(drift.recorded_key())).collect();
    let mut put = Vec::new();
    for change in plan.changes.iter().filter(|change| !change.is_data) {
        let recorded = row(snapshot, change);
        if change.previous_address.is_some() {
            removed.extend(recorded.map(|row| Edit::RemoveResource(row.key.clone())));
        }
        let wanted = match change.action {
            Action::NoOp => unchanged_row(sessions, change, recorded),
            _ if change.previous_address.is_some() && change.before.is_some() => {
                recorded.map(|row| moved_row(row, change))
            }
            _ => None,
        };
        if let Some(wanted) = wanted.filter(|wanted| recorded != Some(wanted)) {
            put.push(Edit::PutResource(Box::new(wanted)));
        }
    }
    removed.extend(put);
    removed
}

/// The row of an object of which nothing becomes.
pub(crate) fn unchanged_row(sessions: &Sessions<'_>, change: &Change, recorded: Option<&Resource>) -> Option<Resource> {
    let (Some(value), Some(identity)) = (&change.after, &change.identity) else { return None };
    match (change.instance, recorded) {
        (Some(id), _) => {
            let is_pending = recorded.is_some_and(|row| row.status == ResourceStatus::Pending);
            let status = if is_pending { ResourceStatus::Pending } else { ResourceStatus::Ready };
            Some(new_row(sessions, change.key.clone(), id, identity.clone(), value.clone(), status))
        }
        (None, Some(recorded)) => Some(Resource { key: change.key.clone(), value: value.clone(), ..recorded.clone() }),
        (None, None) => None,
    }
}

/// The row of an object before it is changed or deleted: where it moved to, and as it was found.
pub(crate) fn moved_row(recorded: &Resource, change: &Change) -> Resource {
    let value = change.before.clone().unwrap_or_else(|| recorded.value.clone());
    Resource { key: change.key.clone(), value, ..recorded.clone() }
}

/// The row of an instance.
pub(crate) fn new_row(
    sessions: &Sessions<'_>,
    key: ResourceKey,
    id: InstanceId,
    identity: Arc<str>,
    value: Value,
    status: ResourceStatus,
) -> Resource {
    let desired = sessions.desired();
    let instance = desired.instance(id);
    let connection = sessions.connection(instance);
    let schema_version =
        sessions.catalog().resource(&instance.resource_type).map_or(0, |(_, resource)| resource.version);
    Resource {
        key,
        resource_type: instance.resource_type.clone(),
        provider: instance.provider.clone(),
        connection: connection.map(|connection| connection.address.clone()),
        connection_config: connection.map(|connection| connection.config.clone()),
        identity,
        value,
        schema_version,
        dependencies: dependencies(sessions, id),
        status,
        create_before_destroy: desired.group(instance.group).lifecycle.create_before_destroy,
    }
}

/// What an instance waits for directly: blocks, or parts of them, and instances.
fn dependencies(sessions: &Sessions<'_>, id: InstanceId) -> Vec<Address> {
    let desired = sessions.desired();
    let instance = desired.instance(id);
    let groups = desired.group(instance.group).dependencies.iter().map(|group| &desired.group(*group).address);
    let instances = instance.dependencies.iter().map(|other| &desired.instance(*other).address);
    let mut dependencies: Vec<Address> = groups.chain(instances).cloned().collect();
    dependencies.sort();
    dependencies.dedup();
    dependencies
}
