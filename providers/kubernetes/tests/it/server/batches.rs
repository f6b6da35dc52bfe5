//! How many requests reading takes.

use portolan_kubernetes::{Kubernetes, OBJECT};
use portolan_provider::{Provider, Wanted};
use portolan_test_support::{Cluster, Proxy};
use serde_json::json;

use super::{config_map, connection};

/// More than are asked for one by one.
const MANY: usize = 40;

/// The request lines for one object, and for a list.
const ONE: &str = "GET [^?]*/configmaps/";
const LIST: &str = "GET [^?]*/configmaps[?]";

#[tokio::test]
async fn many_objects_without_our_label_are_read_from_lists() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("many");
    let proxy = Proxy::before(&cluster);
    let attributes = json!({ "config_path": proxy.kubeconfig().to_str().expect("text"), "context": cluster.context() });
    let session = Kubernetes::new().connect(&connection(&attributes), "").await.expect("connects");
    let wanted: Vec<Wanted> = (0..MANY)
        .map(|at| {
            let prior = config_map(namespace.name(), &format!("map-{at}"), &json!({"key": "one"}));
            let identity = session.identity(OBJECT, &prior).expect("an identity");
            Wanted { resource_type: OBJECT.into(), identity, prior: Some(prior) }
        })
        .collect();

    // None is there: their names alone are asked for.
    let found = session.read(&wanted).await;
    assert!(found.iter().all(|one| matches!(one, Ok(None))), "{found:?}");
    assert_eq!((proxy.count(ONE), proxy.count(LIST)), (0, 2), "{:?}", proxy.requests());

    // All are there, made by somebody else: one more list brings them.
    let items: Vec<_> =
        wanted.iter().map(|one| one.prior.as_ref().expect("a value").get("manifest").expect("one").to_json()).collect();
    namespace.kubectl().apply(&json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string());
    proxy.forget();
    for found in session.read(&wanted).await {
        let found = found.expect("reads").expect("an object");
        let lost = found.get("lost_fields").expect("what is lost").to_json();
        assert_eq!(lost["metadata.labels[\"app.kubernetes.io/managed-by\"]"], "it does not carry our labels", "{lost}");
    }
    assert_eq!((proxy.count(ONE), proxy.count(LIST)), (0, 3), "{:?}", proxy.requests());

    // Of a few, each is asked for.
    proxy.forget();
    let few = session.read(&wanted[..3]).await;
    assert!(few.iter().all(|one| matches!(one, Ok(Some(_)))), "{few:?}");
    assert_eq!((proxy.count(ONE), proxy.count(LIST)), (3, 1), "{:?}", proxy.requests());
}
