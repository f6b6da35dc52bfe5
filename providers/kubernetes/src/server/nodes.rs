//! The nodes of a cluster, what they have, and what the pods on them have asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::{Attribute, Number, Schema, Type, Value};
use portolan_provider::Error;
use serde::Deserialize;

use super::api::{Api, Target};
use super::pages::{Next, PageMetadata, Pages};
use super::quantity;
use super::refusal::Trouble;
use crate::manifest::{OWNER, OWNER_LABEL};

/// The data source of the nodes of a cluster.
pub(crate) const NODES: &str = "kubernetes_nodes";

/// The labels that say which service of which application a pod of ours belongs to.
const SERVICE_LABEL: &str = "app.kubernetes.io/name";
const APPLICATION_LABEL: &str = "app.kubernetes.io/part-of";

/// Where nodes say where they are, the older names last.
const REGION_LABELS: [&str; 2] = ["topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"];
const ZONE_LABELS: [&str; 2] = ["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"];

pub(crate) fn schema() -> Schema {
    Schema::new("The nodes of a cluster, what they have, and what the pods on them have asked for. Processors are counted in thousandths, memory and disk in bytes.")
        .with(
            Attribute::optional("label_selector", Type::String)
                .doc("Which nodes, as Kubernetes selects by labels: \"pool=web,!spot\". All if not given."),
        )
        .with(Attribute::computed("nodes", Type::list(node_type())).doc("The nodes, sorted by name."))
}

fn amounts_type() -> [(&'static str, Type); 4] {
    ["cpu", "memory", "ephemeral_storage", "pods"].map(|name| (name, Type::Number))
}

fn object_type(attributes: impl IntoIterator<Item = (&'static str, Type)>) -> Type {
    Type::object(attributes.into_iter().map(|(name, ty)| (Arc::from(name), ty)))
}

fn taint_type() -> Type {
    object_type(["key", "value", "effect"].map(|name| (name, Type::String)))
}

fn service_type() -> Type {
    let names = ["application", "service"].map(|name| (name, Type::String));
    object_type(names.into_iter().chain(amounts_type()))
}

fn node_type() -> Type {
    let text = |name| (name, Type::String);
    object_type([
        text("name"),
        ("labels", Type::map(Type::String)),
        text("region"),
        text("zone"),
        ("ready", Type::Bool),
        ("schedulable", Type::Bool),
        ("taints", Type::list(taint_type())),
        ("allocatable", object_type(amounts_type())),
        ("requested", object_type(amounts_type())),
        ("services", Type::list(service_type())),
    ])
}

/// Reads the data source: one list of nodes and one of pods.
pub(super) async fn read(api: &Api, config: &Value) -> Result<Value, Error> {
    let told = |what: &'static str| move |trouble: Trouble| trouble.error(&format!("listing {what} at {}", api.server));
    let selector = config.get("label_selector");
    let list = Target::path("/api/v1/nodes");
    let list = match selector.as_ref().and_then(Value::as_str).filter(|selector| !selector.is_empty()) {
        Some(selector) => list.with("labelSelector", selector),
        None => list,
    };
    let nodes: BTreeMap<String, Node> =
        items(api, list, |node: Node| (node.metadata.name.clone(), node)).await.map_err(told("nodes"))?;
    // Pods that have ended take nothing any more.
    let running = Target::path("/api/v1/pods").with("fieldSelector", "status.phase!=Succeeded,status.phase!=Failed");
    let load = load(api, running).await.map_err(told("pods"))?;
    let idle = Load::default();
    let nodes = nodes.values().map(|node| node.value(load.get(&node.metadata.name).unwrap_or(&idle)));
    Ok(config.with(&portolan_lang::AttributePath::attribute("nodes"), Value::list(node_type(), nodes)))
}

/// The items of a list, by a key.
async fn items<T: for<'a> Deserialize<'a>>(
    api: &Api,
    list: Target,
    keyed: impl Fn(T) -> (String, T),
) -> Result<BTreeMap<String, T>, Trouble> {
    let mut found = BTreeMap::new();
    let mut pages = Pages::of(api, list);
    loop {
        match pages.next().await? {
            Next::Page(answer) => {
                let page: TypedPage<T> = answer.parse()?;
                found.extend(page.items.into_iter().map(&keyed));
                pages.continue_with(page.metadata);
            }
            Next::Restarted => found.clear(),
            Next::End => return Ok(found),
        }
    }
}

/// What the pods of each node ask for. Pods are summed up page by page, as there may be very many.
async fn load(api: &Api, list: Target) -> Result<BTreeMap<String, Load>, Trouble> {
    let mut load: BTreeMap<String, Load> = BTreeMap::new();
    let mut pages = Pages::of(api, list);
    loop {
        match pages.next().await? {
            Next::Page(answer) => {
                let page: TypedPage<Pod> = answer.parse()?;
                for pod in page.items {
                    let Some(node) = &pod.spec.node_name else { continue };
                    load.entry(node.clone()).or_default().add(&pod);
                }
                pages.continue_with(page.metadata);
            }
            Next::Restarted => load.clear(),
            Next::End => return Ok(load),
        }
    }
}

/// Amounts of what pods ask for and nodes have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Amounts {
    /// Thousandths of a processor.
    cpu: u64,
    memory: u64,
    ephemeral_storage: u64,
    pods: u64,
}

impl Amounts {
    /// From quantities by their names.
    fn of(quantities: &BTreeMap<String, String>) -> Amounts {
        let amount = |name: &str, factor: i64| {
            let worth = quantities.get(name).and_then(|text| quantity::parse(text));
            worth.and_then(|worth| worth.mul(&Number::from(factor))?.ceil().to_u64()).unwrap_or(0)
        };
        Amounts {
            cpu: amount("cpu", 1000),
            memory: amount("memory", 1),
            ephemeral_storage: amount("ephemeral-storage", 1),
            pods: amount("pods", 1),
        }
    }

    fn each(self, other: Amounts, of: fn(u64, u64) -> u64) -> Amounts {
        Amounts {
            cpu: of(self.cpu, other.cpu),
            memory: of(self.memory, other.memory),
            ephemeral_storage: of(self.ephemeral_storage, other.ephemeral_storage),
            pods: of(self.pods, other.pods),
        }
    }

    fn plus(self, other: Amounts) -> Amounts {
        self.each(other, u64::saturating_add)
    }

    fn entries(self) -> [(&'static str, Value); 4] {
        [("cpu", self.cpu), ("memory", self.memory), ("ephemeral_storage", self.ephemeral_storage), ("pods", self.pods)]
            .map(|(name, amount)| (name, Value::number(i64::try_from(amount).unwrap_or(i64::MAX))))
    }
}

/// What runs on a node.
#[derive(Debug, Default)]
struct Load {
    requested: Amounts,
    /// Of that, what services of ours have asked for, by application and service.
    services: BTreeMap<(String, String), Amounts>,
}

impl Load {
    fn add(&mut self, pod: &Pod) {
        let requests = pod.requests();
        self.requested = self.requested.plus(requests);
        if let Some(service) = pod.service() {
            let own = self.services.entry(service).or_default();
            *own = own.plus(requests);
        }
    }
}

#[derive(Deserialize)]
struct TypedPage<T> {
    metadata: PageMetadata,
    items: Vec<T>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Node {
    metadata: Metadata,
    #[serde(default)]
    spec: NodeSpec,
    #[serde(default)]
    status: NodeStatus,
}

#[derive(Deserialize, Default)]
struct NodeSpec {
    #[serde(default)]
    unschedulable: bool,
    #[serde(default)]
    taints: Vec<Taint>,
}

#[derive(Deserialize)]
struct Taint {
    key: String,
    #[serde(default)]
    value: String,
    effect: String,
}

#[derive(Deserialize, Default)]
struct NodeStatus {
    #[serde(default)]
    allocatable: BTreeMap<String, String>,
    #[serde(default)]
    conditions: Vec<Condition>,
}

#[derive(Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

impl Node {
    fn value(&self, load: &Load) -> Value {
        let text = |text: &str| Value::string(text);
        let labels = &self.metadata.labels;
        let place = |names: [&str; 2]| {
            let found = names.into_iter().find_map(|name| labels.get(name));
            found.map_or_else(|| Value::null(Type::String), |place| text(place))
        };
        let taint = |taint: &Taint| {
            Value::object([("key", text(&taint.key)), ("value", text(&taint.value)), ("effect", text(&taint.effect))])
        };
        let service = |((application, service), amounts): (&(String, String), &Amounts)| {
            let names = [("application", text(application)), ("service", text(service))];
            Value::object(names.into_iter().chain(amounts.entries()))
        };
        let is_ready = |condition: &Condition| condition.kind == "Ready" && condition.status == "True";
        Value::object([
            ("name", text(&self.metadata.name)),
            ("labels", Value::map(Type::String, labels.iter().map(|(name, value)| (name.as_str(), text(value))))),
            ("region", place(REGION_LABELS)),
            ("zone", place(ZONE_LABELS)),
            ("ready", Value::bool(self.status.conditions.iter().any(is_ready))),
            ("schedulable", Value::bool(!self.spec.unschedulable)),
            ("taints", Value::list(taint_type(), self.spec.taints.iter().map(taint))),
            ("allocatable", Value::object(Amounts::of(&self.status.allocatable).entries())),
            ("requested", Value::object(load.requested.entries())),
            ("services", Value::list(service_type(), load.services.iter().map(service))),
        ])
    }
}

#[derive(Deserialize)]
struct Pod {
    metadata: Metadata,
    spec: PodSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    node_name: Option<String>,
    #[serde(default)]
    containers: Vec<Container>,
    #[serde(default)]
    init_containers: Vec<Container>,
    #[serde(default)]
    overhead: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    #[serde(default)]
    resources: ContainerResources,
    restart_policy: Option<String>,
}

#[derive(Deserialize, Default)]
struct ContainerResources {
    #[serde(default)]
    requests: BTreeMap<String, String>,
}

impl Pod {
    /// What it asks for, as the scheduler counts it: its containers together, or the largest that
    /// runs before them if that is more. What is started before and goes on counts with both.
    fn requests(&self) -> Amounts {
        let requests = |container: &Container| Amounts::of(&container.resources.requests);
        let (mut beside, mut largest) = (Amounts::default(), Amounts::default());
        for container in &self.spec.init_containers {
            let alone = beside.plus(requests(container));
            if container.restart_policy.as_deref() == Some("Always") {
                beside = alone;
            }
            largest = largest.each(alone, u64::max);
        }
        let together = self.spec.containers.iter().map(requests).fold(beside, Amounts::plus);
        let all = together.each(largest, u64::max).plus(Amounts::of(&self.spec.overhead));
        Amounts { pods: 1, ..all }
    }

    /// The application and the service of ours that it belongs to.
    fn service(&self) -> Option<(String, String)> {
        let label = |name: &str| self.metadata.labels.get(name);
        label(OWNER_LABEL).filter(|owner| *owner == OWNER)?;
        Some((label(APPLICATION_LABEL)?.clone(), label(SERVICE_LABEL)?.clone()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_pod_asks_for() {
        let pod = |spec: serde_json::Value| -> Pod {
            serde_json::from_value(json!({"metadata": {"name": "a"}, "spec": spec})).expect("a pod")
        };
        let asking = |cpu: &str, memory: &str| json!({"resources": {"requests": {"cpu": cpu, "memory": memory}}});
        let amounts = pod(json!({
            "containers": [asking("100m", "1Gi"), asking("0.25", "1Mi"), {}],
            "initContainers": [asking("1", "1Ki")],
            "overhead": {"cpu": "10m"},
        }));
        assert_eq!(
            amounts.requests(),
            Amounts { cpu: 1010, memory: (1 << 30) + (1 << 20), ephemeral_storage: 0, pods: 1 }
        );
        let mut sidecar = asking("200m", "0");
        sidecar["restartPolicy"] = "Always".into();
        let amounts =
            pod(json!({"containers": [asking("100m", "0")], "initContainers": [sidecar, asking("50m", "0")]}));
        assert_eq!(amounts.requests().cpu, 300);
    }

    #[test]
    fn a_node_has_the_type_that_is_declared() {
        let node: Node = serde_json::from_value(json!({
            "metadata": {"name": "a", "labels": {"topology.kubernetes.io/zone": "z"}},
            "spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]},
            "status": {"allocatable": {"cpu": "4", "memory": "1Ki", "pods": "110"}, "conditions": [{"type": "Ready", "status": "True"}]},
        }))
        .expect("a node");
        let mut load = Load::default();
        load.services.insert(("shop".into(), "web".into()), Amounts::default());
        let value = node.value(&load);
        assert_eq!(value.ty(), node_type());
        assert_eq!(
            value.get("allocatable").map(|value| value.to_json()),
            Some(json!({"cpu": 4000, "memory": 1024, "ephemeral_storage": 0, "pods": 110}))
        );
        assert_eq!(value.get("zone"), Some(Value::string("z")));
    }
}
