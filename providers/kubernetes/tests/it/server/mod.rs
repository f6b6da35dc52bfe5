//! A real API server keeps the promises of the seam, and the ways in which others deal with the
//! same objects are seen.

mod batches;
mod conformance;
mod connection;
mod faults;
mod life;
mod nodes;
mod ownership;
mod readiness;
mod versions;

use portolan_kubernetes::{Kubernetes, OBJECT};
use portolan_lang::{AttributePath, Type, Value};
use portolan_provider::conformance::Client;
use portolan_provider::{Applied, Error};
use portolan_test_support::Cluster;
use serde_json::{Value as Json, json};
use std::path::Path;

/// A connection block `kubernetes` of these attributes.
fn connection(attributes: &Json) -> Value {
    Value::from_json_untyped(&json!({ "kubernetes": attributes }))
}

async fn connect_by(kubeconfig: &Path, context: &str) -> Result<Client, Error> {
    let attributes = json!({ "config_path": kubeconfig.to_str().expect("text"), "context": context });
    Client::connect(Kubernetes::new(), &connection(&attributes)).await
}

async fn connect(cluster: &Cluster) -> Client {
    connect_by(cluster.kubeconfig(), cluster.context()).await.expect("connects")
}

/// The configuration of an object.
fn object(manifest: &Json) -> Value {
    Value::object([
        ("manifest", Value::from_json_untyped(manifest)),
        ("manifest_file", Value::null(Type::String)),
        ("force_conflicts", Value::null(Type::Bool)),
        ("lost_fields", Value::null(Type::map(Type::String))),
        ("wait", Value::null(Type::Bool)),
        ("timeout", Value::null(Type::String)),
        ("on_failure", Value::null(Type::String)),
    ])
}

/// The same with another value of an attribute.
fn with(object: &Value, name: &str, value: Value) -> Value {
    object.with(&AttributePath::attribute(name), value)
}

fn forcing(object: &Value) -> Value {
    with(object, "force_conflicts", Value::TRUE)
}

fn config_map(namespace: &str, name: &str, data: &Json) -> Value {
    object(&json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data,
    }))
}

fn deployment(namespace: &str, name: &str, image: &str) -> Json {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
    })
}

async fn create(client: &Client, config: &Value) -> Applied {
    client.create(OBJECT, config).await.expect("creates")
}

async fn read(client: &Client, object: &Applied) -> Value {
    client.read(OBJECT, object).await.expect("reads").expect("an object")
}

/// The manifest of an object as JSON.
fn manifest(object: &Value) -> Json {
    object.get("manifest").expect("a manifest").to_json()
}

/// The fields that others have taken, each with their names.
fn lost(object: &Value) -> Json {
    object.get("lost_fields").expect("lost fields").to_json()
}
