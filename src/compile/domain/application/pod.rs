//! The pods of a service.

use std::sync::Arc;

use portolan_lang::{Data, Type, Value};
use sha2::{Digest, Sha256};

use super::Application;
use super::service::{Service, seconds};
use super::values::{fields, list, list_if_any, merged, null, text};
use crate::compile::domain::placement::node::{Effect, Toleration};
use crate::compile::domain::quantity::thousandths;

/// The labels by which the pods of a service are found; they never change.
pub(super) fn selector(application: &Application<'_>, service: &Service<'_>) -> Value {
    Value::object([
        ("app.kubernetes.io/name", text(&service.name)),
        ("app.kubernetes.io/part-of", text(application.block.name)),
    ])
}

/// The labels of all objects of the application.
pub(super) fn owner_labels(application: &Application<'_>) -> Value {
    let ours = Value::object([
        ("app.kubernetes.io/part-of", text(application.block.name)),
        ("app.kubernetes.io/managed-by", text("portolan")),
    ]);
    merged(&application.labels, &ours)
}

/// The labels of the objects and pods of a service.
pub(super) fn labels(application: &Application<'_>, service: &Service<'_>) -> Value {
    let own = merged(&service.take("labels"), &selector(application, service));
    merged(&owner_labels(application), &own)
}

/// The pod template. `restart` is its restart policy where that is not the default.
pub(super) fn template(application: &Application<'_>, service: &Service<'_>, restart: Option<&str>) -> Value {
    let digest = digest(service).map(|digest| ("portolan/config-digest", digest));
    let restarted = service.orders.restarted.as_ref().filter(|_| service.kind.is_lasting());
    let restarted = restarted.map(|time| ("portolan/restarted-at", text(time)));
    let annotations = merged(&service.take("annotations"), &Value::object(digest.into_iter().chain(restarted)));
    let some = |value: Value| if value.entries().is_some_and(|entries| entries.is_empty()) { null() } else { value };
    let hardened = service.is_on("hardened");
    let profile = || fields([("seccompProfile", fields([("type", text("RuntimeDefault"))]))]);
    // Kubernetes counts both together.
    let grace =
        of_seconds(service, "grace_period").map(|grace| grace.saturating_add(drain(service).unwrap_or_default()));
    let grace = grace.map(Value::number);
    fields([
        ("metadata", fields([("labels", labels(application, service)), ("annotations", some(annotations))])),
        (
            "spec",
            fields([
                ("serviceAccountName", text(&service.name)),
                ("automountServiceAccountToken", Value::bool(service.is_on("service_account_token"))),
                ("terminationGracePeriodSeconds", grace.unwrap_or_else(null)),
                ("restartPolicy", restart.map_or_else(null, text)),
                ("securityContext", if hardened { profile() } else { null() }),
                ("nodeSelector", service.take("node_selector")),
                ("tolerations", list_if_any(toleration_fields(service))),
                ("affinity", if is_spread(service) { anti_affinity(application, service) } else { null() }),
                ("containers", list([container(service, hardened)])),
                ("volumes", list_if_any(volumes(service))),
            ]),
        ),
    ])
}

fn toleration_fields(service: &Service<'_>) -> Vec<Value> {
    let given = service.take("toleration");
    let fields_of = |given: &Value| {
        let take = |name: &str| given.get(name).unwrap_or_else(null);
        let operator = if take("value").is_null() { "Exists" } else { "Equal" };
        fields([
            ("key", take("key")),
            ("operator", text(operator)),
            ("value", take("value")),
            ("effect", take("effect")),
        ])
    };
    given.items().unwrap_or_default().iter().map(fields_of).collect()
}

/// The taints that the pods of a service do not mind, from its decoded block.
pub(super) fn tolerations(service: &Value) -> impl Iterator<Item = Toleration> {
    let given = service.get("toleration");
    let items = given.as_ref().and_then(Value::items).unwrap_or_default().to_vec();
    items.into_iter().map(|given| {
        let part = |name: &str| given.get(name).and_then(|value| value.as_str().map(Arc::<str>::from));
        Toleration {
            key: part("key"),
            value: part("value"),
            effect: part("effect").and_then(|effect| Effect::parse(&effect)),
        }
    })
}

/// A daemon set has one copy on each node anyway.
fn is_spread(service: &Service<'_>) -> bool {
    service.is_on("anti_affinity") && !service.kind.is_everywhere()
}

/// Copies avoid nodes that have one already, as long as there are others.
fn anti_affinity(application: &Application<'_>, service: &Service<'_>) -> Value {
    let term = fields([
        ("labelSelector", fields([("matchLabels", selector(application, service))])),
        ("topologyKey", text("kubernetes.io/hostname")),
    ]);
    let preferred = fields([("weight", Value::number(100)), ("podAffinityTerm", term)]);
    fields([("podAntiAffinity", fields([("preferredDuringSchedulingIgnoredDuringExecution", list([preferred]))]))])
}

fn container(service: &Service<'_>, hardened: bool) -> Value {
    let secret = fields([("secretRef", fields([("name", text(&service.name))]))]);
    let has_secret = has_entries(&service.take("secret"));
    let (ready, alive, startup) = probes(service);
    fields([
        ("name", text(&service.name)),
        ("image", service.take("image")),
        ("command", service.take("command")),
        ("args", service.take("args")),
        ("ports", list_if_any(ports(service))),
        ("env", list_if_any(environment(service))),
        ("envFrom", if has_secret { list([secret]) } else { null() }),
        ("resources", resources(service)),
        ("startupProbe", startup),
        ("readinessProbe", ready),
        ("livenessProbe", alive),
        ("volumeMounts", list_if_any(mounts(service))),
        ("lifecycle", lifecycle(service)),
        ("securityContext", if hardened { fields([("allowPrivilegeEscalation", Value::FALSE)]) } else { null() }),
    ])
}

fn of_seconds(service: &Service<'_>, name: &str) -> Option<u32> {
    service.take(name).as_str().and_then(seconds)
}

/// How many seconds pass before a copy hears that it is to stop.
fn drain(service: &Service<'_>) -> Option<u32> {
    of_seconds(service, "drain").filter(|drain| *drain > 0)
}

/// What comes before a copy is told to stop: it waits until nobody sends it requests any more.
fn lifecycle(service: &Service<'_>) -> Value {
    let Some(drain) = drain(service) else { return null() };
    let waits = match service.take("drain_by").as_str() {
        Some("kubelet") => ("sleep", fields([("seconds", Value::number(drain))])),
        _ => ("exec", fields([("command", list([text("sleep"), text(drain.to_string())]))])),
    };
    fields([("preStop", fields([waits]))])
}

pub(super) fn has_entries(value: &Value) -> bool {
    match value.data() {
        Data::Null(_) => false,
        Data::Unknown(_) => true,
        _ => value.entries().is_some_and(|entries| !entries.is_empty()),
    }
}

fn ports(service: &Service<'_>) -> Vec<Value> {
    let port = |(name, port): (&Arc<str>, &Value)| {
        let take = |attribute: &str| port.get(attribute).unwrap_or_else(null);
        fields([("name", text(name)), ("containerPort", take("number")), ("protocol", take("protocol"))])
    };
    service.ports().iter().map(port).collect()
}

fn environment(service: &Service<'_>) -> Vec<Value> {
    let env = service.take("env");
    let given = |name: &str| env.entries().is_some_and(|entries| entries.get(name).is_some());
    let entry = |name: &str, value: Value| fields([("name", text(name)), ("value", value)]);
    let declared = env.entries().into_iter().flat_map(|entries| entries.iter());
    let mut all: Vec<Value> = declared.map(|(name, value)| entry(name, value.clone())).collect();
    if service.take("runtime").as_str() == Some("java") && !given(JAVA_OPTIONS) {
        all.push(entry(JAVA_OPTIONS, java_options(service)));
    }
    all
}

const JAVA_OPTIONS: &str = "JAVA_TOOL_OPTIONS";

/// The share of the memory limit that the heap may take; the rest is for threads, code, buffers
/// and the collector.
const HEAP_PERCENT: u64 = 70;

fn java_options(service: &Service<'_>) -> Value {
    let limit = memory_limit(service);
    match limit.as_str().and_then(thousandths) {
        Some(limit) => {
            let mebibytes = limit / 1000 / 100 * HEAP_PERCENT / (1024 * 1024);
            text(format!("-Xmx{}m -XX:+ExitOnOutOfMemoryError", mebibytes.max(1)))
        }
        None => Value::unknown(Type::String),
    }
}

fn memory_limit(service: &Service<'_>) -> Value {
    let limit = service.inner("resources", "memory_limit");
    if limit.is_null() { service.inner("resources", "memory") } else { limit }
}

fn resources(service: &Service<'_>) -> Value {
    let take = |name: &str| service.inner("resources", name);
    fields([
        ("requests", fields([("cpu", take("cpu")), ("memory", take("memory"))])),
        (
            "limits",
            fields([
                ("cpu", take("cpu_limit")),
                ("memory", memory_limit(service)),
                ("ephemeral-storage", take("ephemeral_storage")),
            ]),
        ),
    ])
}

/// The probes for readiness, for life, and for the time until the first success.
fn probes(service: &Service<'_>) -> (Value, Value, Value) {
    if service.take("health").is_null() {
        return (null(), null(), null());
    }
    let command = service.inner("health", "command");
    let request = || {
        let port = service.health_port().map_or_else(|_| null(), text);
        fields([("path", service.inner("health", "path")), ("port", port)])
    };
    let how = || match command.is_null() {
        true => ("httpGet", request()),
        false => ("exec", fields([("command", command.clone())])),
    };
    let in_seconds = |name: &str| service.inner("health", name).as_str().and_then(seconds);
    let (period, timeout) = (in_seconds("period").unwrap_or(10).max(1), in_seconds("timeout").unwrap_or(2).max(1));
    let startup = in_seconds("startup").unwrap_or(300);
    let probe = |failures: u32| {
        fields([
            how(),
            ("periodSeconds", Value::number(period)),
            ("timeoutSeconds", Value::number(timeout)),
            ("failureThreshold", Value::number(failures)),
        ])
    };
    (probe(3), probe(3), probe(startup.div_ceil(period).max(1)))
}

fn mounts(service: &Service<'_>) -> Vec<Value> {
    let mut all = Vec::new();
    if has_entries(&service.take("config")) {
        all.push(fields([
            ("name", text(CONFIG_VOLUME)),
            ("mountPath", service.take("config_path")),
            ("readOnly", Value::TRUE),
        ]));
    }
    let volumes = service.take("volume");
    for (name, volume) in volumes.entries().into_iter().flat_map(|entries| entries.iter()) {
        all.push(fields([("name", text(name)), ("mountPath", volume.get("path").unwrap_or_else(null))]));
    }
    all
}

const CONFIG_VOLUME: &str = "config-files";

/// Volumes of the pod; those of a stateful set come from its claim templates.
fn volumes(service: &Service<'_>) -> Vec<Value> {
    let mut all = Vec::new();
    if has_entries(&service.take("config")) {
        let map = fields([("name", text(&service.name))]);
        all.push(fields([("name", text(CONFIG_VOLUME)), ("configMap", map)]));
    }
    if service.kind == super::service::Kind::StatefulSet {
        return all;
    }
    let volumes = service.take("volume");
    for name in volumes.entries().into_iter().flat_map(|entries| entries.keys()) {
        let claim = fields([("claimName", text(super::workload::claim_name(service, name)))]);
        all.push(fields([("name", text(name)), ("persistentVolumeClaim", claim)]));
    }
    all
}

/// A digest of the configuration and the secrets, so that a change of them replaces the pods.
/// It is as sensitive as they are.
fn digest(service: &Service<'_>) -> Option<Value> {
    let parts = [service.take("config"), service.take("secret").sensitive()];
    if !parts.iter().any(has_entries) {
        return None;
    }
    if !parts.iter().all(Value::is_wholly_known) {
        return Some(Value::unknown(Type::String));
    }
    let mut hasher = Sha256::new();
    for part in &parts {
        hasher.update(part.to_json().to_string().as_bytes());
        hasher.update([0]);
    }
    let hex: String = hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let marks = parts.iter().fold(portolan_lang::Marks::NONE, |marks, part| marks.union(part.deep_marks()));
    Some(text(hex).mark(marks))
}
