//! Rows to try backends with.

use std::sync::Arc;

use portolan_lang::{Address, InstanceKey, Type, Value};

use crate::Answer;
use crate::record::{
    Decision, Edit, JournalEntry, Operation, Outcome, Output, Resource, ResourceKey, ResourceStatus, Run, RunStatus,
};

/// The address of the n-th resource: a few parts in each block.
pub fn address(number: usize) -> Address {
    let block = Address::of(["application", "shop", "service"]).join(format!("s{}", number / 4));
    let key = InstanceKey::from(["north", "a \"quoted\" key/with a slash"][number % 2]);
    block.instance((number.is_multiple_of(3)).then_some(key)).part(format!("deployment@cluster{}", number % 4))
}

/// The n-th resource, of a few kilobytes of memory and with a value of every kind.
pub fn resource(number: usize) -> Resource {
    let config = Value::object([("context", Value::string("beijing")), ("token", Value::string("t0ken").sensitive())]);
    Resource {
        key: ResourceKey::current(address(number)),
        resource_type: "kubernetes_deployment".into(),
        provider: "kubernetes".into(),
        connection: Some(Address::of(["cluster", "beijing"])),
        connection_config: Some(Arc::new(config)),
        identity: format!("apps/Deployment/shop/s{number}").into(),
        value: value(number),
        schema_version: 3,
        dependencies: (1..3).filter_map(|back| number.checked_sub(back)).map(address).collect(),
        status: match number % 5 {
            0 => ResourceStatus::Tainted,
            1 => ResourceStatus::Pending,
            _ => ResourceStatus::Ready,
        },
        create_before_destroy: number.is_multiple_of(2),
    }
}

/// A value like a deployment's, without sensitive parts.
pub fn value(number: usize) -> Value {
    let labels = [("app.kubernetes.io/name", "shop"), ("app.kubernetes.io/managed-by", "portolan")];
    let port = |port: usize| Value::object([("number", Value::number(port)), ("name", Value::string("http"))]);
    let port_type = port(1).ty();
    Value::object([
        ("name", Value::string(format!("s{number}"))),
        ("namespace", Value::string("shop")),
        ("image", Value::string(format!("registry.example.com/shop/api:{number}"))),
        ("replicas", Value::number(number)),
        ("paused", Value::FALSE),
        ("labels", Value::map(Type::String, labels.map(|(name, value)| (name, Value::string(value))))),
        ("ports", Value::list(port_type, [port(8080), port(8443)])),
        ("zones", Value::set(Type::String, ["b", "a"].map(Value::string))),
        ("strategy", Value::null(Type::object([("type", Type::String)]))),
        ("extra", Value::tuple([Value::TRUE, Value::null(Type::Any), Value::strings(["x"])])),
    ])
}

/// The same resource after a change, with a sensitive part.
pub fn changed(mut resource: Resource) -> Resource {
    let password = Value::object([("password", Value::string("hunter2").sensitive()), ("user", Value::string("shop"))]);
    resource.value = Value::object([("data", password), ("revision", Value::number(2))]);
    resource.status = ResourceStatus::Ready;
    resource
}

/// A change of this resource by this run is about to start.
pub fn begin(run: &str, operation: Operation, resource: Resource) -> Edit {
    Edit::Begin(Box::new(JournalEntry { run: run.into(), operation, resource }))
}

/// The change that began with this key has ended.
pub fn end(run: &str, key: &ResourceKey, outcome: Outcome) -> Edit {
    Edit::End { run: run.into(), key: key.clone(), outcome }
}

/// A run that has just started.
pub fn run(id: &str) -> Run {
    Run {
        id: id.into(),
        command: "apply".to_owned(),
        who: "somebody@somewhere".to_owned(),
        started: "2026-01-02T03:04:05Z".to_owned(),
        ended: None,
        status: RunStatus::Running,
        summary: "1 to create".to_owned(),
    }
}

/// A decision about this application.
pub fn decision(application: &str, kind: &str) -> Decision {
    Decision {
        subject: Address::of(["application", application]),
        kind: kind.into(),
        value: Answer::of(&serde_json::json!({"total": 6, "clusters": {"beijing": 4, "shanghai": 2}, "weight": 0.5})),
        reason: "beijing has twice the free capacity".to_owned(),
        time: "2026-01-02T03:04:05Z".to_owned(),
    }
}

/// An output of this name, a part of which is sensitive.
pub fn output(name: &str) -> Output {
    let value = Value::tuple([Value::string("https://shop.example.com"), Value::string("hunter2").sensitive()]);
    Output { name: name.into(), value }
}
