//! The pods of workloads.

use jiff::Timestamp;
use portolan_provider::Copy;
use serde_json::Value as Json;

use super::Sought;
use super::namespace::{Namespace, name_of, text};
use crate::health::{State, health};

/// The copies of a workload that have not come to their end, or failed to; those that are ready
/// first, then the youngest. Of what has an end, all.
pub(super) fn copies(one: &Sought, namespace: &Namespace) -> Vec<Copy> {
    let Some(live) = namespace.workload(&one.identity.kind, &one.identity.name) else { return Vec::new() };
    let now = Timestamp::now();
    let mut pods: Vec<(bool, &Json)> =
        namespace.pods(live).into_iter().map(|pod| (health(pod, now).state == State::Ready, pod)).collect();
    let age = |pod: &Json| std::cmp::Reverse(text(pod, "/metadata/creationTimestamp").to_owned());
    pods.sort_by_key(|(is_ready, pod)| (!is_ready, age(pod), name_of(pod).to_owned()));
    pods.into_iter().map(|(is_ready, pod)| copy(pod, is_ready)).collect()
}

fn copy(pod: &Json, is_ready: bool) -> Copy {
    let list = |pointer: &str| pod.pointer(pointer).and_then(Json::as_array).into_iter().flatten();
    let containers = list("/spec/containers").chain(list("/spec/initContainers"));
    Copy {
        id: format!("{}/{}", text(pod, "/metadata/namespace"), name_of(pod)),
        name: name_of(pod).to_owned(),
        is_ready: is_ready && pod.pointer("/metadata/deletionTimestamp").is_none(),
        containers: containers.map(|container| text(container, "/name").to_owned()).collect(),
    }
}
