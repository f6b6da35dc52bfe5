//! Servers that are busy, broken, slow or gone, and what their answers come to.

use std::time::{Duration, Instant};

use portolan_kubernetes::OBJECT;
use portolan_provider::conformance::Client;
use portolan_provider::{Change, Error, ErrorKind, Wanted};
use portolan_test_support::{Cluster, Fault, Proxy};
use serde_json::json;

use super::{config_map, connect, connect_by, create, object};

async fn through(proxy: &Proxy, cluster: &Cluster) -> Client {
    connect_by(&proxy.kubeconfig(), cluster.context()).await.expect("connects")
}

async fn making(client: &Client, planned: &portolan_lang::Value) -> Result<(), Error> {
    client.session.apply(OBJECT, Change::Create { planned }).await.map(drop)
}

#[tokio::test]
async fn refusals_have_their_kinds() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("refusals");
    let proxy = Proxy::before(&cluster);
    let client = through(&proxy, &cluster).await;
    let config = config_map(namespace.name(), "map", &json!({}));
    for (status, kind) in [
        (401, ErrorKind::Denied),
        (403, ErrorKind::Failed),
        (422, ErrorKind::Invalid),
        (429, ErrorKind::Transient),
        (500, ErrorKind::Transient),
        (503, ErrorKind::Transient),
    ] {
        proxy.strike(Fault::answer(status).retry_after(3).to("^PATCH"));
        let error = making(&client, &config).await.expect_err("refused");
        assert_eq!(error.kind, kind, "{status}: {}", error.message);
        assert_eq!(error.retry_after, Some(Duration::from_secs(3)));
        assert!(error.message.starts_with(&format!("ConfigMap {namespace}/map at https://")), "{}", error.message);
    }
    proxy.strike(Fault::drop().to("^PATCH"));
    assert_eq!(making(&client, &config).await.expect_err("no answer").kind, ErrorKind::Transient);
    making(&client, &config).await.expect("at last");
}

#[tokio::test]
async fn nothing_is_made_or_deleted_twice() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("twice");
    let proxy = Proxy::before(&cluster);
    let client = through(&proxy, &cluster).await;
    let config = config_map(namespace.name(), "map", &json!({"a": "1"}));
    proxy.strike(Fault::unanswered().to("^PATCH"));
    assert_eq!(making(&client, &config).await.expect_err("no answer").kind, ErrorKind::Transient);
    let uid = || namespace.kubectl().text(&["get", "configmap", "map", "--output=jsonpath={.metadata.uid}"]);
    let before = uid();
    making(&client, &config).await.expect("it is there as it is wanted");
    assert_eq!(uid(), before);
    let made = portolan_provider::Applied { identity: format!("core/ConfigMap/{namespace}/map").into(), value: config };
    proxy.strike(Fault::unanswered().to("^DELETE"));
    assert_eq!(client.delete(OBJECT, &made).await.expect_err("no answer").kind, ErrorKind::Transient);
    client.delete(OBJECT, &made).await.expect("it is gone");
}

#[tokio::test]
async fn a_list_whose_continuation_is_forgotten_is_begun_anew() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("pages");
    let proxy = Proxy::before(&cluster);
    let client = through(&proxy, &cluster).await;
    let made = create(&client, &config_map(namespace.name(), "map", &json!({"a": "1"}))).await;
    proxy.strike(Fault::answer(410).to("labelSelector"));
    assert_eq!(client.read(OBJECT, &made).await.expect("reads").as_ref(), Some(&made.value));
    proxy.strike(Fault::answer(410).to("labelSelector").always());
    assert!(client.read(OBJECT, &made).await.is_err(), "a server that never has a list is no endless loop");
}

#[tokio::test]
async fn what_cannot_be_read_is_not_taken_for_gone() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("unread");
    let proxy = Proxy::before(&cluster);
    let client = through(&proxy, &cluster).await;
    let map = create(&client, &config_map(namespace.name(), "map", &json!({"a": "1"}))).await;
    let account = object(
        &json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a", "namespace": namespace.name()}}),
    );
    let account = create(&client, &account).await;
    let wanted: Vec<Wanted> = [&map, &account]
        .map(|one| Wanted {
            resource_type: OBJECT.into(),
            identity: one.identity.clone(),
            prior: Some(one.value.clone()),
        })
        .to_vec();
    for fault in [Fault::answer(500), Fault::answer(403), Fault::drop()] {
        proxy.strike(fault.to("configmaps"));
        let answers = client.session.read(&wanted).await;
        assert!(answers[0].is_err(), "{answers:?}");
        assert_eq!(answers[1].as_ref().expect("reads").as_ref(), Some(&account.value));
    }
    // A group of kinds that is not there for the moment.
    let fresh = through(&proxy, &cluster).await;
    proxy.strike(Fault::answer(503).to("/api/v1$").always());
    assert!(fresh.session.read(&wanted).await.iter().all(Result::is_err));
}

#[tokio::test]
async fn quotas_and_validation_name_the_object_and_the_cause() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("quota");
    let client = connect(&cluster).await;
    namespace.kubectl().text(&["create", "quota", "few", "--hard=count/configmaps=0"]);
    let config = config_map(namespace.name(), "map", &json!({}));
    let mut refused = making(&client, &config).await;
    for _ in 0..50 {
        // The quota counts only once its controller has seen it.
        if refused.is_err() {
            break;
        }
        namespace.kubectl().text(&["delete", "configmap", "map"]);
        tokio::time::sleep(Duration::from_millis(200)).await;
        refused = making(&client, &config).await;
    }
    let error = refused.expect_err("a quota");
    assert!(error.message.contains("exceeded quota: few") && error.message.contains("/map"), "{}", error.message);
    assert_eq!(error.kind, ErrorKind::Failed);
    let wrong = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": namespace.name()},
        "spec": {"ports": [{"port": 99999, "protocol": "TCP"}]},
    });
    let error = client.plan(OBJECT, None, &object(&wrong)).await.expect_err("a wrong port");
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.message.contains("spec.ports[0].port"), "{}", error.message);
}

#[tokio::test]
async fn a_namespace_that_cannot_go_is_told_with_its_finalizers() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("stuck");
    let client = connect(&cluster).await;
    namespace.kubectl().apply(
        &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "holds", "finalizers": ["example.com/never"]}}).to_string(),
    );
    namespace.kubectl().text(&["delete", "namespace", namespace.name(), "--wait=false"]);
    let config = config_map(namespace.name(), "map", &json!({}));
    let error = making(&client, &config).await.expect_err("it goes away");
    namespace.kubectl().text(&[
        "patch",
        "configmap",
        "holds",
        "--type=merge",
        "--patch",
        r#"{"metadata": {"finalizers": null}}"#,
    ]);
    assert!(error.message.contains(&format!("the namespace {namespace} is being deleted")), "{}", error.message);
    assert!(error.message.contains("its finalizers kubernetes"), "{}", error.message);
}

#[tokio::test]
async fn a_slow_server_is_waited_for() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("slow");
    let proxy = Proxy::before(&cluster);
    let client = through(&proxy, &cluster).await;
    let late = Duration::from_secs(3);
    proxy.strike(Fault::delay(late).to("^PATCH"));
    let begun = Instant::now();
    making(&client, &config_map(namespace.name(), "map", &json!({}))).await.expect("it answers at last");
    assert!(begun.elapsed() >= late);
}

#[tokio::test]
async fn two_who_make_the_same_object_make_it_once() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("both");
    let (one, other) = (connect(&cluster).await, connect(&cluster).await);
    for at in 0..10 {
        let config = config_map(namespace.name(), &format!("map{at}"), &json!({"at": "1"}));
        let (first, second) = futures::join!(making(&one, &config), making(&other, &config));
        first.and(second).expect("it is there as both want it");
    }
    let made = namespace.kubectl().json(&["get", "configmaps", "--selector=app.kubernetes.io/managed-by=portolan"]);
    assert_eq!(made["items"].as_array().map(Vec::len), Some(10));
}

#[tokio::test]
async fn what_changed_since_it_was_read_is_deleted_only_as_it_is_now() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("stale");
    let proxy = Proxy::before(&cluster);
    let client = through(&proxy, &cluster).await;
    let made = create(&client, &config_map(namespace.name(), "map", &json!({"a": "1"}))).await;
    proxy.strike(Fault::stale().to("^GET .*/configmaps/map").always());
    client.session.read(&[Wanted { resource_type: OBJECT.into(), identity: made.identity.clone(), prior: None }]).await;
    namespace.kubectl().text(&["get", "configmap", "map"]);
    let stale = proxy.kubectl().within(namespace.name()).json(&["get", "configmap", "map"]);
    namespace.kubectl().text(&["annotate", "configmap", "map", "seen=later"]);
    let again = proxy.kubectl().within(namespace.name()).json(&["get", "configmap", "map"]);
    assert_eq!(stale["metadata"]["resourceVersion"], again["metadata"]["resourceVersion"], "the answer is stale");
    let error = client.delete(OBJECT, &made).await.expect_err("it is another version by now");
    assert_eq!(error.kind, ErrorKind::Transient);
    assert!(error.message.contains("changes while it is deleted"), "{}", error.message);
    proxy.heal();
    client.delete(OBJECT, &made).await.expect("deletes what is there now");
}
