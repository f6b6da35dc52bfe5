//! What pods use, as a metrics server measures it.

use std::collections::HashMap;

use portolan_lang::Number;
use portolan_provider::{Error, Usage};
use serde_json::Value as Json;

use super::Sought;
use super::namespace::{Namespace, collect, name_of, text};
use crate::server::ServerSession;
use crate::server::api::Target;
use crate::server::quantity;
use crate::server::refusal::Trouble;

/// The group and version of what a metrics server serves.
const METRICS: &str = "metrics.k8s.io/v1beta1";

/// What the pods of a namespace use, by their names.
pub(super) struct Measured(HashMap<String, Json>);

impl Measured {
    /// What was measured of a pod.
    pub(super) fn of(&self, pod: &Json) -> Option<&Json> {
        self.0.get(name_of(pod))
    }
}

impl ServerSession {
    /// What the pods of a namespace use now.
    pub(super) async fn measured(&self, namespace: &str) -> Result<Measured, Error> {
        let list = Target::path(format!("/apis/{METRICS}/namespaces/{namespace}/pods"));
        let found = collect(&self.api, &list, (METRICS, "PodMetrics")).await.map_err(|trouble| match &trouble {
            Trouble::Refused(refusal) if refusal.code == 404 => {
                Error::failed("nothing is measured there: the cluster has no metrics server (metrics.k8s.io)")
            }
            _ => trouble.error(&format!("asking the metrics server at {}", self.api.server)),
        })?;
        Ok(Measured(found.into_iter().map(|pod| (name_of(&pod).to_owned(), pod)).collect()))
    }
}

/// What a workload uses. Pods that were not measured yet count for nothing.
pub(super) fn usage(one: &Sought, namespace: &Namespace, measured: &Measured) -> Usage {
    let Some(live) = namespace.workload(&one.identity.kind, &one.identity.name) else { return Usage::default() };
    let mut usage = Usage { requested_cpu: Some(0), requested_memory: Some(0), ..Usage::default() };
    for pod in namespace.pods(live) {
        let Some(metrics) = measured.of(pod) else { continue };
        usage.copies += 1;
        for container in containers(metrics, "/containers") {
            usage.cpu += amount(container, "/usage/cpu", 1000).unwrap_or(0);
            usage.memory += amount(container, "/usage/memory", 1).unwrap_or(0);
        }
        usage.requested_cpu = usage.requested_cpu.zip(requested_cpu(pod)).map(|(a, b)| a + b);
        usage.requested_memory = usage.requested_memory.zip(requested_memory(pod)).map(|(a, b)| a + b);
    }
    usage
}

/// The processor time that a pod requests, in thousandths; `None` where a container requests none.
pub(super) fn requested_cpu(pod: &Json) -> Option<u64> {
    sum(pod, "/spec/containers", "/resources/requests/cpu", 1000)
}

/// The memory that a pod requests, in bytes; `None` where a container requests none.
pub(super) fn requested_memory(pod: &Json) -> Option<u64> {
    sum(pod, "/spec/containers", "/resources/requests/memory", 1)
}

/// An amount of all containers on a list, times a factor; `None` where one does not say it.
pub(super) fn sum(object: &Json, list: &str, pointer: &str, factor: u64) -> Option<u64> {
    containers(object, list).map(|container| amount(container, pointer, factor)).sum()
}

fn containers<'a>(object: &'a Json, pointer: &str) -> impl Iterator<Item = &'a Json> {
    object.pointer(pointer).and_then(Json::as_array).into_iter().flatten()
}

/// A quantity, times a factor, rounded up.
fn amount(container: &Json, pointer: &str, factor: u64) -> Option<u64> {
    let worth = quantity::parse(text(container, pointer))?.mul(&Number::from(factor))?;
    let whole = worth.trunc();
    let rest = u64::from(whole != worth);
    whole.to_u64()?.checked_add(rest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_are_rounded_up() {
        let found = |text: &str, factor| amount(&json!({ "a": text }), "/a", factor);
        assert_eq!((found("250m", 1000), found("1", 1000), found("1234567n", 1000)), (Some(250), Some(1000), Some(2)));
        assert_eq!((found("64Mi", 1), found("", 1), found("much", 1)), (Some(67_108_864), None, None));
    }
}
