//! What keeps the copies of a service running: a Deployment, a StatefulSet, …

use std::sync::Arc;

use portolan_lang::Value;

use super::Application;
use super::objects::{Head, object};
use super::pod::{selector, template};
use super::service::{Kind, Service};
use super::values::{fields, list, list_if_any, null, text};

/// The workload of a service with this many copies; `None` where it is stopped and has no number
/// of copies that could be none.
pub(super) fn manifest(application: &Application<'_>, service: &Service<'_>, copies: u32) -> Option<Value> {
    let is_stopped = service.orders.is_stopped;
    if is_stopped && service.kind.is_everywhere() {
        return None;
    }
    let running = Value::number(if is_stopped { 0 } else { copies });
    let head = |version, kind| Head::of(application, service, version, kind, service.name.to_string());
    let copies = Value::number(copies);
    let selector = || fields([("matchLabels", selector(application, service))]);
    Some(match service.kind {
        Kind::Deployment => object(
            &head("apps/v1", "Deployment"),
            fields([
                ("replicas", running),
                ("selector", selector()),
                ("strategy", strategy(service)),
                ("template", template(application, service, None)),
            ]),
        ),
        Kind::StatefulSet => object(
            &head("apps/v1", "StatefulSet"),
            fields([
                ("replicas", running),
                ("serviceName", text(headless_name(service))),
                ("selector", selector()),
                ("template", template(application, service, None)),
                ("volumeClaimTemplates", list_if_any(claim_templates(service))),
            ]),
        ),
        Kind::DaemonSet => object(
            &head("apps/v1", "DaemonSet"),
            fields([("selector", selector()), ("template", template(application, service, None))]),
        ),
        Kind::Job => object(&head("batch/v1", "Job"), job(application, service, copies, running)),
        Kind::CronJob => {
            let inner = fields([("spec", job(application, service, copies.clone(), copies))]);
            let spec = fields([
                ("schedule", service.take("schedule")),
                ("suspend", if is_stopped { Value::TRUE } else { null() }),
                ("concurrencyPolicy", text("Forbid")),
                ("jobTemplate", inner),
            ]);
            object(&head("batch/v1", "CronJob"), spec)
        }
    })
}

/// The name of the Service that gives each pod of a stateful set a name of its own.
pub(super) fn headless_name(service: &Service<'_>) -> String {
    format!("{}-pods", service.name)
}

/// The name of the claim for a volume of a service that is not a stateful set.
pub(super) fn claim_name(service: &Service<'_>, volume: &str) -> String {
    format!("{}-{volume}", service.name)
}

/// New pods are ready before old ones go, unless they would fight for the same disk.
fn strategy(service: &Service<'_>) -> Value {
    if super::pod::has_entries(&service.take("volume")) {
        return fields([("type", text("Recreate"))]);
    }
    let update = fields([("maxSurge", text("25%")), ("maxUnavailable", Value::number(0))]);
    fields([("type", text("RollingUpdate")), ("rollingUpdate", update)])
}

/// A job of so many copies, of which so many run at the same time.
fn job(application: &Application<'_>, service: &Service<'_>, copies: Value, running: Value) -> Value {
    fields([
        ("parallelism", running),
        ("completions", copies),
        ("backoffLimit", service.take("retries")),
        ("template", template(application, service, Some("Never"))),
    ])
}

fn claim_templates(service: &Service<'_>) -> Vec<Value> {
    let volumes = service.take("volume");
    let entries = volumes.entries().into_iter().flat_map(|entries| entries.iter());
    let claim = |(name, volume): (&Arc<str>, &Value)| {
        fields([("metadata", fields([("name", text(name))])), ("spec", claim_spec(volume))])
    };
    entries.map(claim).collect()
}

/// The `spec` of the claim for a volume.
pub(super) fn claim_spec(volume: &Value) -> Value {
    let take = |name: &str| volume.get(name).unwrap_or_else(null);
    fields([
        ("accessModes", list([take("access")])),
        ("storageClassName", take("storage_class")),
        ("resources", fields([("requests", fields([("storage", take("size"))]))])),
    ])
}
