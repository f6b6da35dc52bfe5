//! The nodes of a cluster as a data source.

use portolan_kubernetes::Kubernetes;
use portolan_lang::Value;
use portolan_provider::Provider;
use portolan_provider::conformance::Client;
use portolan_test_support::{Cluster, Fault, Proxy, until};
use serde_json::{Value as Json, json};

use super::{connect, connect_by};

async fn nodes(client: &Client, selector: Option<&str>) -> Json {
    let selector = selector.map_or_else(|| Value::null(portolan_lang::Type::String), Value::string);
    let config = Value::object([("label_selector", selector), ("nodes", Value::null(portolan_lang::Type::Any))]);
    let answer = client.session.data("kubernetes_nodes", &config).await.expect("reads");
    let provider = Kubernetes::new();
    let schema = &provider.schema().data["kubernetes_nodes"];
    assert_eq!(answer.get("nodes").expect("nodes").ty(), schema.attribute("nodes").expect("declared").ty);
    answer.get("nodes").expect("nodes").to_json()
}

fn total(nodes: &Json, of: &str, what: &str) -> u64 {
    nodes.as_array().expect("nodes").iter().map(|node| node[of][what].as_u64().expect("a number")).sum()
}

#[tokio::test]
async fn nodes_are_told_with_what_is_asked_of_them() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("nodes");
    let client = connect(&cluster).await;
    let found = nodes(&client, None).await;
    let names: Vec<&str> = found.as_array().expect("nodes").iter().filter_map(|node| node["name"].as_str()).collect();
    let known = cluster.kubectl().text(&["get", "nodes", "--output=jsonpath={.items[*].metadata.name}"]);
    assert_eq!(names, known.split_whitespace().collect::<Vec<_>>());
    assert!(found.as_array().expect("nodes").iter().all(|node| node["ready"] == true && node["schedulable"] == true));
    assert!(total(&found, "allocatable", "cpu") >= 1000 && total(&found, "allocatable", "pods") > 10);

    let labels = json!({"app.kubernetes.io/managed-by": "portolan", "app.kubernetes.io/part-of": namespace.name(), "app.kubernetes.io/name": "web"});
    namespace.kubectl().apply(
        &json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": labels},
            "spec": {"containers": [{"name": "web", "image": "shop/web:1", "resources": {"requests": {"cpu": "20m", "memory": "3Mi"}}}]},
        })
        .to_string(),
    );
    let placed = || namespace.kubectl().text(&["get", "pod", "web", "--output=jsonpath={.spec.nodeName}"]);
    until("the pod has a node", || !placed().is_empty());
    let found = nodes(&client, None).await;
    let name = placed();
    let node = found.as_array().expect("nodes").iter().find(|node| node["name"] == *name).expect("its node");
    let ours = node["services"].as_array().expect("services").iter().find(|own| own["application"] == namespace.name());
    let expected = json!({"application": namespace.name(), "service": "web", "cpu": 20, "memory": 3 << 20, "ephemeral_storage": 0, "pods": 1});
    assert_eq!(ours, Some(&expected));
    assert!(node["requested"]["cpu"].as_u64() >= Some(20));
    assert_eq!(nodes(&client, Some("kubernetes.io/hostname=none")).await, json!([]));
}

#[tokio::test]
async fn a_list_of_pods_that_is_begun_anew_counts_nothing_twice() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let proxy = Proxy::before(&cluster);
    let client = connect_by(&proxy.kubeconfig(), cluster.context()).await.expect("connects");
    proxy.strike(Fault::answer(410).to("/api/v1/pods"));
    nodes(&client, None).await;
    assert_eq!(proxy.count("/api/v1/pods"), 2);
    proxy.strike(Fault::answer(503).to("/api/v1/nodes"));
    let config = Value::object([("label_selector", Value::null(portolan_lang::Type::String))]);
    let error = client.session.data("kubernetes_nodes", &config).await.expect_err("busy");
    assert!(error.message.starts_with("listing nodes at https://"), "{}", error.message);
}
