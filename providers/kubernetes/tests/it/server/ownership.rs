//! Fields of others, and what they do to ours.

use portolan_kubernetes::OBJECT;
use portolan_provider::ErrorKind;
use portolan_test_support::{Cluster, Verdict, Webhook};
use serde_json::{Value as Json, json};

use super::{config_map, connect, create, deployment, forcing, lost, manifest, object, read};

/// Whatever the server makes of it.
fn in_other_forms(namespace: &str) -> Json {
    let mut manifest = deployment(namespace, "web", "shop/web:1");
    manifest["metadata"]["annotations"] = json!({});
    let pod = &mut manifest["spec"]["template"]["spec"];
    pod["hostNetwork"] = false.into();
    pod["nodeSelector"] = json!({});
    pod["tolerations"] = json!([]);
    pod["volumes"] = json!([{"name": "tmp", "emptyDir": {}}]);
    let container = &mut pod["containers"][0];
    container["env"] = json!([{"name": "EMPTY", "value": ""}, {"name": "WHERE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]);
    container["ports"] = json!([{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}]);
    container["resources"] =
        json!({"requests": {"cpu": "1000m", "memory": "0.5Gi"}, "limits": {"cpu": 2, "memory": "1024Mi"}});
    container["securityContext"] = json!({});
    manifest
}

#[tokio::test]
async fn what_the_server_makes_of_a_manifest_is_no_drift() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("forms");
    let client = connect(&cluster).await;
    let policy = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "web", "namespace": namespace.name()},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 80}]}]},
    });
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": namespace.name()},
        "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}]},
    });
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web", "namespace": namespace.name()}, "stringData": {"key": "värde"},
    });
    let disruption = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web", "namespace": namespace.name()},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    });
    for wanted in [in_other_forms(namespace.name()), policy, service, secret, disruption] {
        let made = create(&client, &object(&wanted)).await;
        assert_eq!(read(&client, &made).await, made.value, "{wanted}");
    }
    assert!(namespace.kubectl().text(&["get", "secret", "web", "--output=jsonpath={.data.key}"]).starts_with("dsOk"));
}

#[tokio::test]
async fn what_others_add_is_not_seen_and_stays() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("others");
    let client = connect(&cluster).await;
    let made = create(&client, &object(&deployment(namespace.name(), "web", "shop/web:1"))).await;
    let sidecar =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "sidecar", "image": "shop/sidecar:1"}]}}}});
    namespace.kubectl().text(&["patch", "deployment", "web", "--patch", &sidecar.to_string()]);
    namespace.kubectl().text(&["annotate", "deployment", "web", "note=theirs"]);
    assert_eq!(read(&client, &made).await, made.value);
    client.update(OBJECT, &made, &object(&deployment(namespace.name(), "web", "shop/web:2"))).await.expect("updates");
    let live = namespace.kubectl().json(&["get", "deployment", "web"]);
    assert_eq!(live["metadata"]["annotations"]["note"], "theirs");
    assert_eq!(live["spec"]["template"]["spec"]["containers"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn drift_conflicts_and_taking_fields_over() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("conflict");
    let client = connect(&cluster).await;
    let config = object(&deployment(namespace.name(), "web", "shop/web:1"));
    let made = create(&client, &config).await;
    namespace.kubectl().text(&["set", "image", "deployment/web", "web=shop/web:9"]);

    let found = read(&client, &made).await;
    let image =
        |object: &portolan_lang::Value| manifest(object)["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    assert_eq!(image(&found), "shop/web:9");
    assert_eq!(lost(&found), json!({"spec.template.spec.containers[name=\"web\"].image": "kubectl-set"}));

    let error = client.plan(OBJECT, Some(&found), &config).await.expect_err("a conflict");
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(
        error.message.contains("spec.template.spec.containers[name=\"web\"].image is owned by \"kubectl-set\""),
        "{}",
        error.message
    );
    assert!(error.help.expect("help").contains("force_conflicts = true"));

    let drifted = portolan_provider::Applied { value: found, ..made };
    let mended = client.update(OBJECT, &drifted, &forcing(&config)).await.expect("takes it over");
    let found = read(&client, &mended).await;
    assert_eq!((image(&found), lost(&found)), (json!("shop/web:1"), Json::Null));
}

#[tokio::test]
async fn what_we_no_longer_declare_goes() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("shrink");
    let client = connect(&cluster).await;
    let made = create(&client, &config_map(namespace.name(), "map", &json!({"a": "1", "b": "2"}))).await;
    // As a record that was restored from an older one.
    let older = portolan_provider::Applied { value: config_map(namespace.name(), "map", &json!({"a": "1"})), ..made };
    let found = read(&client, &older).await;
    assert_eq!(manifest(&found)["data"], json!({"a": "1", "b": "2"}));
    client
        .update(OBJECT, &portolan_provider::Applied { value: found, ..older.clone() }, &older.value)
        .await
        .expect("updates");
    assert_eq!(namespace.kubectl().json(&["get", "configmap", "map"])["data"], json!({"a": "1"}));
}

#[tokio::test]
async fn what_a_webhook_changes_is_no_drift() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("webhook");
    let client = connect(&cluster).await;
    let patch = json!([{"op": "replace", "path": "/data", "value": {"key": "changed", "added": "x"}}]);
    let Some(_webhook) = Webhook::of(&cluster, &namespace, Verdict::Change(patch)) else { return };
    let made = create(&client, &config_map(namespace.name(), "map", &json!({"key": "declared"}))).await;
    assert_eq!(namespace.kubectl().json(&["get", "configmap", "map"])["data"]["key"], "changed");
    assert_eq!(read(&client, &made).await, made.value);
}

#[tokio::test]
async fn what_a_webhook_refuses_is_refused_before_anything_is_changed() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("refuse");
    let client = connect(&cluster).await;
    let Some(_webhook) = Webhook::of(&cluster, &namespace, Verdict::Refuse("not on a Friday".to_owned())) else {
        return;
    };
    let config = config_map(namespace.name(), "map", &json!({}));
    let error = client.plan(OBJECT, None, &config).await.expect_err("a refusal");
    assert!(
        error.message.contains("not on a Friday") && error.message.contains(&format!("ConfigMap {namespace}/map")),
        "{}",
        error.message
    );
}
