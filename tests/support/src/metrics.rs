//! What pods and nodes use, as tests say it.
//!
//! Hollow pods use nothing, so there is nothing to measure. Tests write the objects of
//! `metrics.k8s.io` themselves, as objects of two custom resources that have the names and the
//! form of what a metrics server serves.

use serde_json::{Value as Json, json};

use crate::{Cluster, Namespace, until};

const GROUP: &str = "metrics.k8s.io";
const VERSION: &str = "v1beta1";

/// The metrics of a cluster.
#[derive(Debug)]
pub struct Metrics<'a> {
    cluster: &'a Cluster,
}

impl<'a> Metrics<'a> {
    /// Lets a cluster serve metrics that are written to it.
    ///
    /// `None` where something measures what its pods use, as in clusters of the user's own.
    pub fn of(cluster: &'a Cluster) -> Option<Metrics<'a>> {
        let service = [
            "get",
            "apiservice",
            "v1beta1.metrics.k8s.io",
            "--ignore-not-found",
            "--output=jsonpath={.spec.service.name}",
        ];
        let measured_by = cluster.kubectl().text(&service);
        if !measured_by.is_empty() {
            eprintln!("skipped: {measured_by} measures what the pods of {} use", cluster.context());
            return None;
        }
        let definitions =
            [definition("pods", "PodMetrics", "Namespaced"), definition("nodes", "NodeMetrics", "Cluster")];
        let definitions = list(definitions);
        // Another test may be doing the same.
        let apply = || cluster.kubectl().run_with(&["apply", "--filename=-"], &definitions).succeeded();
        until("the cluster knows of metrics", apply);
        for kind in ["pods", "nodes"] {
            let path = format!("/apis/{GROUP}/{VERSION}/{kind}");
            until("the cluster serves metrics", || cluster.kubectl().run(&["get", "--raw", &path]).succeeded());
        }
        Some(Metrics { cluster })
    }

    /// What the containers of a pod use: name, processor and memory of each, as `("web", "250m",
    /// "64Mi")`. Labels are those by which metrics are selected.
    pub fn set_pod(
        &self,
        namespace: &Namespace,
        pod: &str,
        labels: &[(&str, &str)],
        containers: &[(&str, &str, &str)],
    ) {
        let containers =
            containers.iter().map(|(name, cpu, memory)| json!({ "name": name, "usage": usage(cpu, memory) }));
        let mut object = measured("PodMetrics", pod);
        object["metadata"]["labels"] = labels.iter().map(|(key, value)| (*key, *value)).collect::<Json>();
        object["containers"] = containers.collect();
        namespace.kubectl().apply(&object.to_string());
    }

    /// What a node uses.
    pub fn set_node(&self, node: &str, cpu: &str, memory: &str) {
        let mut object = measured("NodeMetrics", node);
        object["usage"] = usage(cpu, memory);
        self.cluster.kubectl().apply(&object.to_string());
    }
}

fn usage(cpu: &str, memory: &str) -> Json {
    json!({ "cpu": cpu, "memory": memory })
}

fn measured(kind: &str, name: &str) -> Json {
    json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": kind,
        "metadata": { "name": name },
        "timestamp": "2030-01-01T00:00:00Z",
        "window": "30s",
    })
}

/// One of the two custom resources. Groups that end in `k8s.io` belong to Kubernetes, and need a
/// word on who approved of them.
fn definition(plural: &str, kind: &str, scope: &str) -> Json {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{plural}.{GROUP}"),
            "annotations": { "api-approved.kubernetes.io": "unapproved, written by tests" },
        },
        "spec": {
            "group": GROUP,
            "scope": scope,
            "names": { "plural": plural, "kind": kind, "listKind": format!("{kind}List") },
            "versions": [{
                "name": VERSION,
                "served": true,
                "storage": true,
                "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } },
            }],
        },
    })
}

fn list(items: [Json; 2]) -> String {
    json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string()
}
