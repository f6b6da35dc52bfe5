//! Which objects have to be ready before something else begins: of those of which nothing becomes,
//! and of those that are made or changed.

use portolan_lang::Value;

use super::model::{Action, Change};
use crate::compile::InstanceId;
use crate::graph::{Graph, Vertex};
use crate::sessions::Sessions;

/// By the position of the change, whether it is of an object that stays as it is, on which
/// something depends that is created, changed or read, and that can be there without being
/// ready. What cannot be connected to is not waited for: applying would fail on it anyway.
pub(crate) async fn awaited(sessions: &Sessions<'_>, changes: &[Change], graph: &Graph) -> Vec<bool> {
    let is_needed = is_needed(changes, graph);
    let mut awaited = vec![false; changes.len()];
    for (at, change) in changes.iter().enumerate().filter(|(_, change)| change.action == Action::NoOp) {
        let (Some(id), Some(_), Some(value)) = (change.instance, &change.identity, &change.after) else { continue };
        if is_needed[graph.position(Vertex::Instance(id))] {
            awaited[at] = is_awaited(sessions, id, value).await;
        }
    }
    awaited
}

/// The same of objects that are made or changed, as far as that is known.
pub(crate) async fn made(sessions: &Sessions<'_>, changes: &[Change]) -> Vec<bool> {
    let mut made = vec![false; changes.len()];
    let is_made = |change: &Change| !change.is_data && change.action != Action::NoOp;
    for (at, change) in changes.iter().enumerate().filter(|(_, change)| is_made(change)) {
        if let (Some(id), Some(value)) = (change.instance, &change.after) {
            made[at] = is_awaited(sessions, id, value).await;
        }
    }
    made
}

async fn is_awaited(sessions: &Sessions<'_>, id: InstanceId, value: &Value) -> bool {
    let instance = sessions.desired().instance(id);
    let session = sessions.of_instance(instance).await;
    session.is_ok_and(|session| session.is_awaited(&instance.resource_type, &value.unmark_deep()))
}

/// By the position of the vertex, whether an instance depends on it directly that is created,
/// changed or read.
fn is_needed(changes: &[Change], graph: &Graph) -> Vec<bool> {
    let mut begins = vec![false; graph.len()];
    for change in changes.iter().filter(|change| change.key.deposed.is_none()) {
        if let (Some(id), (Some(_), _)) = (change.instance, change.action.operations()) {
            begins[graph.position(Vertex::Instance(id))] = true;
        }
    }
    let mut is_needed = vec![false; graph.len()];
    for vertex in graph.order().iter().rev() {
        is_needed[graph.position(*vertex)] = graph.dependants(*vertex).any(|dependant| match dependant {
            Vertex::Instance(_) => begins[graph.position(dependant)],
            Vertex::Start(_) | Vertex::End(_) => is_needed[graph.position(dependant)],
        });
    }
    is_needed
}
