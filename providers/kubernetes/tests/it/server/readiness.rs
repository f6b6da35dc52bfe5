//! Objects of real clusters that become ready, and such that do not.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures::future::join_all;
use portolan_kubernetes::OBJECT;
use portolan_lang::Value;
use portolan_provider::conformance::Client;
use portolan_provider::{Applied, Awaited, NotReady, Waiting};
use portolan_test_support::{Account, Cluster, Fault, Namespace, Proxy};
use serde_json::{Value as Json, json};

use super::{config_map, connect, connect_by, create, deployment, object, with};

/// Waits for an object, with all that is told meanwhile.
async fn wait(client: &Client, made: &Applied) -> (Result<(), NotReady>, Vec<Waiting>) {
    let told = Mutex::new(Vec::new());
    let report = |waiting| told.lock().expect("nobody panicked").push(waiting);
    let awaited = Awaited { resource_type: OBJECT, identity: &made.identity, value: &made.value };
    let ready = client.session.ready(awaited, &report).await;
    (ready, told.into_inner().expect("nobody panicked"))
}

/// Creates an object that may take so long, and says why it does not become ready.
async fn problem(client: &Client, manifest: &Json, timeout: &str) -> String {
    let made = create(client, &with(&object(manifest), "timeout", Value::string(timeout))).await;
    wait(client, &made).await.0.expect_err("not ready").error.message
}

fn pods(deployment: &Json) -> Json {
    deployment["spec"]["template"]["spec"].clone()
}

#[tokio::test]
async fn a_deployment_becomes_ready() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let (namespace, client) = (cluster.namespace("ready"), connect(&cluster).await);
    let made = create(&client, &object(&deployment(namespace.name(), "web", "shop/web:1"))).await;
    assert!(client.session.is_awaited(OBJECT, &made.value));
    let (ready, told) = wait(&client, &made).await;
    ready.expect("ready");
    let replicas = namespace.kubectl().text(&["get", "deployment", "web", "--output=jsonpath={.status.readyReplicas}"]);
    assert_eq!(replicas, "2");
    assert!(told.iter().all(|waiting| !waiting.why.is_empty()), "{told:?}");
    let (ready, told) = wait(&client, &made).await;
    ready.expect("ready");
    assert!(told.is_empty(), "it is ready at once when it is asked again: {told:?}");
}

#[tokio::test]
async fn an_old_status_does_not_count_for_a_new_revision() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let (namespace, client) = (cluster.namespace("revision"), connect(&cluster).await);
    let made = create(&client, &object(&deployment(namespace.name(), "web", "shop/web:1"))).await;
    wait(&client, &made).await.0.expect("ready");
    let changed =
        with(&object(&deployment(namespace.name(), "web", "shop/web:2-unpullable")), "timeout", Value::string("60s"));
    let changed = with(&changed, "on_failure", Value::string("rollback"));
    let changed = client.update(OBJECT, &made, &changed).await.expect("changes");
    let not_ready = wait(&client, &changed).await.0.expect_err("not ready");
    assert!(not_ready.goes_back);
    if cluster.has_telling_pods() {
        let message = not_ready.error.message;
        assert!(message.contains("the image shop/web:2-unpullable of container web cannot be pulled"), "{message}");
    }
}

#[tokio::test]
async fn what_no_node_takes_says_so() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let (namespace, client) = (cluster.namespace("unschedulable"), connect(&cluster).await);
    let mut manifest = deployment(namespace.name(), "web", "shop/web:1");
    manifest["spec"]["template"]["spec"]["nodeSelector"] = json!({ "disk": "none" });
    let message = problem(&client, &manifest, "40s").await;
    assert!(message.starts_with("0 of 2 replicas are ready, after 40s\n  2 pods, such as web-"), "{message}");
    assert!(message.contains("no node takes it: 0/"), "{message}");
    assert!(message.contains("FailedScheduling"), "the last events are told: {message}");
}

#[tokio::test]
async fn a_quota_that_is_exceeded_is_told() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let (namespace, client) = (cluster.namespace("quota"), connect(&cluster).await);
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}}});
    namespace.kubectl().apply(&quota.to_string());
    let message = problem(&client, &deployment(namespace.name(), "web", "shop/web:1"), "40s").await;
    assert!(message.contains("its pods cannot be made: ") && message.contains("exceeded quota: few"), "{message}");
}

#[tokio::test]
async fn what_pods_suffer_from_is_told() {
    let Some(cluster) = Cluster::shared("a") else { return };
    if !cluster.has_telling_pods() {
        return;
    }
    let (namespace, client) = (cluster.namespace("suffering"), connect(&cluster).await);
    let cases = [
        ("shop/web:2-crashing", "container web ended with exit code 1"),
        ("shop/web:2-outofmemory", "container web was killed because it used more memory than its limit"),
        ("shop/web:2-unpullable", "the image shop/web:2-unpullable of container web cannot be pulled"),
        ("shop/web:2-unready", "container web is not ready: Readiness probe failed"),
    ];
    let told = join_all(cases.iter().enumerate().map(|(at, (image, _))| {
        let mut manifest = deployment(namespace.name(), &format!("web{at}"), image);
        manifest["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] =
            json!({"httpGet": {"path": "/", "port": 80}, "periodSeconds": 1});
        let client = &client;
        async move { problem(client, &manifest, "30s").await }
    }));
    for (message, (image, wanted)) in told.await.iter().zip(cases) {
        assert!(message.contains(wanted), "{image}: {message}");
    }
}

#[tokio::test]
async fn a_job_is_ready_at_its_end() {
    let Some(cluster) = Cluster::shared("a") else { return };
    if !cluster.has_telling_pods() {
        return;
    }
    let (namespace, client) = (cluster.namespace("job"), connect(&cluster).await);
    let job = |name: &str, image: &str| {
        let mut spec = pods(&deployment(namespace.name(), name, image));
        spec["restartPolicy"] = json!("Never");
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": namespace.name()},
            "spec": {"backoffLimit": 0, "template": {"spec": spec}}})
    };
    let made = create(&client, &object(&job("good", "shop/job:1-completing"))).await;
    wait(&client, &made).await.0.expect("done");
    let message = problem(&client, &job("bad", "shop/job:1-crashing"), "1m").await;
    assert!(message.contains("backoff limit"), "{message}");
}

#[tokio::test]
async fn a_claim_without_a_class_is_not_bound() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let (namespace, client) = (cluster.namespace("claim"), connect(&cluster).await);
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": namespace.name()},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "nowhere", "resources": {"requests": {"storage": "1Gi"}}}});
    let message = problem(&client, &claim, "3s").await;
    assert!(message.starts_with("it is not bound to a volume yet, after 3s"), "{message}");
}

#[tokio::test]
async fn a_claim_that_waits_for_its_first_pod_holds_nothing_up() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let (namespace, client) = (cluster.namespace("consumer"), connect(&cluster).await);
    let class = format!("{}-late", namespace.name());
    let made_class = create(
        &client,
        &object(&json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": class}, "provisioner": "example.com/none", "volumeBindingMode": "WaitForFirstConsumer"})),
    )
    .await;
    assert!(!client.session.is_awaited(OBJECT, &made_class.value));
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": namespace.name()},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": class, "resources": {"requests": {"storage": "1Gi"}}}});
    let made = create(&client, &object(&claim)).await;
    wait(&client, &made).await.0.expect("nothing to wait for");
    client.delete(OBJECT, &made).await.expect("deletes");
    client.delete(OBJECT, &made_class).await.expect("deletes");
}

#[tokio::test]
async fn what_has_nothing_to_become_is_not_waited_for() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let client = connect(&cluster).await;
    let web = object(&deployment("shop", "web", "shop/web:1"));
    let service = |of_type: &str| {
        object(&json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"type": of_type, "ports": [{"port": 80}]}}))
    };
    let is_awaited = |object: &Value| client.session.is_awaited(OBJECT, object);
    assert!(is_awaited(&web) && !is_awaited(&with(&web, "wait", Value::FALSE)));
    assert!(is_awaited(&service("LoadBalancer")) && !is_awaited(&service("ClusterIP")));
    assert!(!is_awaited(&config_map("shop", "web", &json!({}))));
}

#[tokio::test]
async fn many_objects_are_looked_for_on_one_list() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("many");
    let proxy = Proxy::before(&cluster);
    let client = connect_by(&proxy.kubeconfig(), cluster.context()).await.expect("connects");
    let configs: Vec<Value> = (0..20)
        .map(|at| {
            let mut manifest = deployment(namespace.name(), &format!("web{at}"), "shop/web:1");
            manifest["spec"]["replicas"] = json!(1);
            object(&manifest)
        })
        .collect();
    let made = join_all(configs.iter().map(|config| create(&client, config))).await;
    proxy.forget();
    let begun = Instant::now();
    for (ready, _) in join_all(made.iter().map(|made| wait(&client, made))).await {
        ready.expect("ready");
    }
    let lists = proxy.count("^GET /apis/apps/v1/deployments");
    let looks = begun.elapsed().as_millis() / 500 + 2;
    assert!(lists > 0 && lists as u128 <= looks, "{lists} lists in {:?}", begun.elapsed());
    assert_eq!(proxy.count("^GET /apis/apps/v1/namespaces/.*/deployments/"), 0, "no object is asked for by itself");
}

#[tokio::test]
async fn a_server_that_is_away_for_a_while_is_borne() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("away");
    let proxy = Proxy::before(&cluster);
    let client = connect_by(&proxy.kubeconfig(), cluster.context()).await.expect("connects");
    let made = create(&client, &object(&deployment(namespace.name(), "web", "shop/web:1"))).await;
    proxy.strike(Fault::answer(503).to("deployments").times(2));
    proxy.strike(Fault::drop().to("deployments"));
    let (ready, told) = wait(&client, &made).await;
    ready.expect("ready");
    assert!(told[0].why.contains("listing "), "{told:?}");
    proxy.close();
    let hurried = Applied { value: with(&made.value, "timeout", Value::string("3s")), ..made };
    let message = wait(&client, &hurried).await.0.expect_err("nobody answers").error.message;
    assert!(message.contains("cannot be reached") && message.contains("after 3s"), "{message}");
}

#[tokio::test]
async fn credentials_that_end_meanwhile_end_the_waiting() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("ended");
    let proxy = Proxy::before(&cluster);
    let client = connect_by(&proxy.kubeconfig(), cluster.context()).await.expect("connects");
    let mut manifest = deployment(namespace.name(), "web", "shop/web:1");
    manifest["spec"]["template"]["spec"]["nodeSelector"] = json!({ "disk": "none" });
    let made = create(&client, &object(&manifest)).await;
    for status in [401, 403] {
        proxy.strike(Fault::answer(status).to("deployments").always());
        let begun = Instant::now();
        let error = wait(&client, &made).await.0.expect_err("refused").error;
        assert!(begun.elapsed() < Duration::from_secs(200), "it is not waited for the whole time");
        assert!(error.message.starts_with("listing ") && error.message.contains("https://"), "{}", error.message);
        proxy.heal();
    }
}

#[tokio::test]
async fn a_server_that_is_too_busy_is_left_alone_for_a_while() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("busy");
    let proxy = Proxy::before(&cluster);
    let client = connect_by(&proxy.kubeconfig(), cluster.context()).await.expect("connects");
    let made = create(&client, &object(&deployment(namespace.name(), "web", "shop/web:1"))).await;
    proxy.strike(Fault::answer(429).retry_after(3).to("deployments"));
    let begun = Instant::now();
    let (ready, told) = wait(&client, &made).await;
    ready.expect("ready");
    assert!(begun.elapsed() >= Duration::from_secs(3), "{:?}", begun.elapsed());
    assert!(told[0].why.contains("the server is too busy"), "{told:?}");
}

#[tokio::test]
async fn what_somebody_deletes_is_not_waited_for_any_more() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let (namespace, client) = (cluster.namespace("gone"), connect(&cluster).await);
    let made = create(&client, &object(&deployment(namespace.name(), "web", "shop/web:1-unpullable"))).await;
    namespace.kubectl().text(&["delete", "deployment", "web"]);
    let message = wait(&client, &made).await.0.expect_err("it is gone").error.message;
    assert!(message.contains("is gone") || message.contains("deleted"), "{message}");
}

#[tokio::test]
async fn rights_in_one_namespace_are_enough() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("rights");
    let account = account(&cluster, &namespace);
    let client = connect_by(&account.kubeconfig(), cluster.context()).await.expect("connects");
    let made = create(&client, &object(&deployment(namespace.name(), "web", "shop/web:1"))).await;
    wait(&client, &made).await.0.expect("ready");
    // It may not see pods and events, so it cannot say why.
    let mut manifest = deployment(namespace.name(), "other", "shop/web:1");
    manifest["spec"]["template"]["spec"]["nodeSelector"] = json!({ "disk": "none" });
    let message = problem(&client, &manifest, "20s").await;
    assert_eq!(message, "0 of 2 replicas are ready, after 20s");
}

/// Somebody who may deal with the deployments of a namespace, and may know which cluster it is.
fn account(cluster: &Cluster, namespace: &Namespace) -> Account {
    let rules = json!([{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["*"]}]);
    let account = Account::of(cluster, namespace, "deployer", &rules);
    let group = "rbac.authorization.k8s.io";
    let (version, name) = (format!("{group}/v1"), format!("{}-who", namespace.name()));
    let role = json!({"apiVersion": version, "kind": "ClusterRole", "metadata": {"name": name}, "rules": [
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"], "resourceNames": ["kube-system"]}]});
    let binding = json!({"apiVersion": version, "kind": "ClusterRoleBinding", "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": namespace.name()}]});
    cluster.kubectl().apply(&json!({"apiVersion": "v1", "kind": "List", "items": [role, binding]}).to_string());
    account
}

#[tokio::test]
async fn a_kind_is_ready_once_it_is_served() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let (namespace, client) = (cluster.namespace("kind"), connect(&cluster).await);
    let group = format!("{}.example.com", namespace.name());
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("things.{group}")},
        "spec": {"group": group, "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}});
    let definition = create(&client, &object(&definition)).await;
    wait(&client, &definition).await.0.expect("served");
    let thing = json!({"apiVersion": format!("{group}/v1"), "kind": "Thing", "metadata": {"name": "a", "namespace": namespace.name()}});
    let thing = create(&client, &with(&object(&thing), "timeout", Value::string("60s"))).await;
    assert!(client.session.is_awaited(OBJECT, &thing.value));
    wait(&client, &thing).await.0.expect("a kind of which nothing is known is ready");
    client.delete(OBJECT, &definition).await.expect("deletes");
}
