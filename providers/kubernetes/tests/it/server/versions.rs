//! Manifests in versions that the server does not offer.

use portolan_kubernetes::OBJECT;
use portolan_provider::ErrorKind;
use portolan_test_support::Cluster;
use serde_json::{Value as Json, json};

use super::{connect, create, object, read};

/// Whether the cluster serves a version of a group.
fn serves(cluster: &Cluster, version: &str) -> bool {
    cluster.kubectl().text(&["api-versions"]).lines().any(|served| served == version)
}

/// Objects in their newest versions, which old servers have under other names.
fn newest(namespace: &str) -> Vec<Json> {
    let inside = json!({"name": "web", "namespace": namespace});
    let pods = json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "shop/job:1"}]}});
    vec![
        json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": inside, "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "minReplicas": 1, "maxReplicas": 4,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}}]}}),
        json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": inside, "spec": {
            "schedule": "0 4 * * *", "suspend": true, "jobTemplate": {"spec": {"template": pods}}}}),
        json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": inside, "spec": {
            "minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}}),
        json!({"apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "FlowSchema", "metadata": {"name": namespace}, "spec": {
            "matchingPrecedence": 9000, "priorityLevelConfiguration": {"name": "global-default"},
            "distinguisherMethod": {"type": "ByUser"}}}),
    ]
}

#[tokio::test]
async fn newer_versions_that_say_the_same_are_sent_in_those_that_are_served() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("versions");
    let client = connect(&cluster).await;
    for manifest in newest(namespace.name()) {
        let made = create(&client, &object(&manifest)).await;
        assert_eq!(read(&client, &made).await, made.value, "{manifest}");
        // It is the same object for the next change, and for its end.
        let mut changed = manifest.clone();
        changed["metadata"]["annotations"] = json!({"note": "changed"});
        let changed = client.update(OBJECT, &made, &object(&changed)).await.expect("updates");
        assert_eq!(read(&client, &changed).await, changed.value, "{manifest}");
        client.delete(OBJECT, &changed).await.expect("deletes");
    }
}

#[tokio::test]
async fn newer_versions_that_say_other_things_are_refused_with_those_that_are_served() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("versions");
    let client = connect(&cluster).await;
    let inside = json!({"name": "web", "namespace": namespace.name()});
    let cases = [
        json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": inside, "addressType": "IPv4", "endpoints": []}),
        json!({"apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "PriorityLevelConfiguration", "metadata": {"name": namespace.name()},
            "spec": {"type": "Limited", "limited": {"nominalConcurrencyShares": 5, "limitResponse": {"type": "Reject"}}}}),
    ];
    for manifest in cases {
        let (asked, kind) =
            (manifest["apiVersion"].as_str().expect("a version"), manifest["kind"].as_str().expect("a kind"));
        if serves(&cluster, asked) {
            continue;
        }
        let error = client.plan(OBJECT, None, &object(&manifest)).await.expect_err("another version");
        assert_eq!(error.kind, ErrorKind::Invalid, "{}", error.message);
        assert!(error.message.contains(&format!("does not serve {kind} as {asked}, but as ")), "{}", error.message);
    }
}
