//! The nodes of a cluster as the data source `kubernetes_nodes` tells of them.

use std::sync::Arc;

use portolan_lang::{Number, Type, Value};

use crate::compile::domain::placement::node::{Effect, Labels, Node, Resources, Taint};

/// The data source.
pub(super) const NODES: &str = "kubernetes_nodes";

/// What it is asked: all nodes.
pub(super) fn question() -> Value {
    Value::object([("label_selector", Value::null(Type::String))])
}

/// Its answer; `None` where that is not known.
pub(super) fn nodes(answer: &Value) -> Option<Vec<Node>> {
    let list = answer.get("nodes")?;
    Some(list.items()?.iter().map(node).collect())
}

fn node(value: &Value) -> Node {
    let is = |name: &str| value.get(name).and_then(|value| value.as_bool()) == Some(true);
    let amounts = |name: &str| value.get(name).as_ref().map(resources).unwrap_or_default();
    let taints = value.get("taints");
    let taints = taints.as_ref().and_then(Value::items).unwrap_or_default();
    Node {
        labels: value.get("labels").as_ref().map(labels).unwrap_or_default(),
        ready: is("ready"),
        schedulable: is("schedulable"),
        taints: taints.iter().map(taint).collect(),
        allocatable: amounts("allocatable"),
        requested: amounts("requested"),
    }
}

fn labels(value: &Value) -> Labels {
    let entries = value.entries().into_iter().flat_map(|entries| entries.iter());
    entries.filter_map(|(name, value)| Some((name.clone(), Arc::from(value.as_str()?)))).collect()
}

fn taint(value: &Value) -> Taint {
    let text = |name: &str| Arc::from(value.get(name).as_ref().and_then(Value::as_str).unwrap_or_default());
    // What is not known of a taint keeps pods off.
    let effect = match value.get("effect").as_ref().and_then(Value::as_str) {
        Some("PreferNoSchedule") => Effect::PreferNoSchedule,
        Some("NoExecute") => Effect::NoExecute,
        _ => Effect::NoSchedule,
    };
    Taint { key: text("key"), value: text("value"), effect }
}

fn resources(value: &Value) -> Resources {
    let amount =
        |name: &str| value.get(name).and_then(|amount| amount.as_number().and_then(Number::to_u64)).unwrap_or(0);
    Resources {
        cpu: amount("cpu"),
        memory: amount("memory"),
        ephemeral_storage: amount("ephemeral_storage"),
        pods: amount("pods"),
    }
}
