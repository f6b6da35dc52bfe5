//! Which objects have to be ready before something else begins: of those of which nothing becomes,
//! and of those that are made or changed.

use portolan_lang::Value;
use rustc_hash::FxHashSet;

use super::elsewhere::{Thing, thing_of};
use super::model::{Action, Change};
use crate::compile::InstanceId;
use crate::graph::{Graph, Vertex};
use crate::sessions::Sessions;

/// By the position of the change, whether it is of an object that stays as it is, that is needed
/// for what is done, and that can be there without being ready: something depends on it that is
/// created, changed or read, or it has to stand for what is taken away in another place. What cannot be connected to is not waited for: applying would fail on it anyway.
pub(crate) async fn awaited(sessions: &Sessions<'_>, changes: &[Change], graph: &Graph) -> Vec<bool> {
    let is_needed = is_needed(changes, graph);
    let given_up = given_up(changes);
    let stands_for_others = |change: &Change| thing_of(change).is_some_and(|thing| given_up.contains(&thing));
    let mut awaited = vec![false; changes.len()];
    for (at, change) in changes.iter().enumerate().filter(|(_, change)| change.action == Action::NoOp) {
        let (Some(id), Some(_), Some(value)) = (change.instance, &change.identity, &change.after) else { continue };
        if is_needed[graph.position(Vertex::Instance(id))] || stands_for_others(change) {
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

/// What is deleted or withdrawn in a place.
fn given_up(changes: &[Change]) -> FxHashSet<Thing<'_>> {
    changes.iter().filter(|change| change.gives_up()).filter_map(thing_of).collect()
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
