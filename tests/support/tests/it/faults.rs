//! Each fault is what it says, and counts are right.

use std::time::{Duration, Instant};

use futures::{AsyncBufReadExt, StreamExt};
use kube::client::Body;
use portolan_test_support::{Cluster, Fault, Namespace, Proxy};

/// A namespace with a ConfigMap, and a proxy on the way there.
struct Place {
    namespace: Namespace,
    proxy: Proxy,
    client: kube::Client,
    /// Held for as long as it is used.
    _cluster: Cluster,
}

impl Place {
    async fn new() -> Option<Place> {
        let cluster = Cluster::shared("a")?;
        let namespace = cluster.namespace("faults");
        namespace.kubectl().text(&["create", "configmap", "first"]);
        let proxy = Proxy::before(&cluster);
        let mut config = config(&proxy).await;
        config.default_retry = false;
        let client = kube::Client::try_from(config).expect("a client");
        Some(Place { namespace, proxy, client, _cluster: cluster })
    }

    fn maps(&self) -> String {
        format!("/api/v1/namespaces/{}/configmaps", self.namespace)
    }

    /// Status, the header `Retry-After`, and the body.
    async fn get(&self, path: &str) -> Result<(u16, Option<String>, String), kube::Error> {
        self.send("GET", path, "").await
    }

    async fn send(&self, method: &str, path: &str, body: &str) -> Result<(u16, Option<String>, String), kube::Error> {
        let request = hyper::Request::builder().method(method).uri(path).header("content-type", "application/json");
        let response = self.client.send(request.body(Body::from(body.as_bytes().to_vec())).expect("a request")).await?;
        let retry_after = response.headers().get("retry-after").map(|value| value.to_str().expect("text").to_owned());
        let (parts, body) = response.into_parts();
        let body = body.collect_bytes().await?;
        Ok((parts.status.as_u16(), retry_after, String::from_utf8_lossy(&body).into_owned()))
    }

    async fn status(&self) -> u16 {
        self.get(&self.maps()).await.expect("an answer").0
    }
}

async fn config(proxy: &Proxy) -> kube::Config {
    let kubeconfig = kube::config::Kubeconfig::read_from(proxy.kubeconfig()).expect("a kubeconfig");
    kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.expect("a context")
}

#[tokio::test]
async fn requests_are_counted() {
    let Some(place) = Place::new().await else { return };
    assert_eq!(place.status().await, 200);
    assert_eq!(place.status().await, 200);
    let (status, _, body) = place.get(&format!("{}/first?a=b", place.maps())).await.expect("an answer");
    assert_eq!(status, 200, "{body}");
    assert_eq!(place.proxy.count("^GET .*/configmaps$"), 2);
    assert_eq!(place.proxy.count(r"/first\?a=b$"), 1);
    assert_eq!(place.proxy.requests().len(), 3);
    place.proxy.forget();
    assert_eq!(place.proxy.count(""), 0);
}

#[tokio::test]
async fn answers_are_refused_as_often_as_said() {
    let Some(place) = Place::new().await else { return };
    place.proxy.strike(Fault::answer(429).retry_after(7).to("GET .*/configmaps$").after(1).times(2));
    assert_eq!(place.status().await, 200);
    let (status, retry_after, body) = place.get(&place.maps()).await.expect("an answer");
    assert_eq!((status, retry_after.as_deref()), (429, Some("7")));
    assert!(body.contains(r#""reason":"TooManyRequests""#) && body.contains(r#""code":429"#), "{body}");
    let (other, ..) = place.get(&format!("{}/first", place.maps())).await.expect("an answer");
    assert_eq!(other, 200);
    assert_eq!(place.status().await, 429);
    assert_eq!(place.status().await, 200);

    place.proxy.strike(Fault::answer(503).always());
    for _ in 0..3 {
        assert_eq!(place.status().await, 503);
    }
    place.proxy.heal();
    assert_eq!(place.status().await, 200);
}

#[tokio::test]
async fn a_dropped_request_is_not_carried_out_and_an_unanswered_one_is() {
    let Some(place) = Place::new().await else { return };
    let made = |name: &str| place.namespace.kubectl().run(&["get", "configmap", name]).succeeded();
    let create = async |name: &str| {
        let object = format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}"}}}}"#);
        place.send("POST", &place.maps(), &object).await
    };
    place.proxy.strike(Fault::drop().to("POST"));
    create("dropped").await.expect_err("a dropped connection");
    assert!(!made("dropped"));
    place.proxy.strike(Fault::unanswered().to("POST"));
    create("unanswered").await.expect_err("a dropped connection");
    assert!(made("unanswered"));
    assert_eq!(create("unanswered").await.expect("an answer").0, 409);
}

#[tokio::test]
async fn answers_are_late_and_stale() {
    let Some(place) = Place::new().await else { return };
    place.proxy.strike(Fault::delay(Duration::from_millis(300)));
    let started = Instant::now();
    assert_eq!(place.status().await, 200);
    assert!(started.elapsed() >= Duration::from_millis(300));

    place.proxy.strike(Fault::stale().to("GET").times(2));
    let (_, _, first) = place.get(&place.maps()).await.expect("an answer");
    place.namespace.kubectl().text(&["create", "configmap", "second"]);
    let (_, _, stale) = place.get(&place.maps()).await.expect("an answer");
    assert_eq!(first, stale);
    let (_, _, fresh) = place.get(&place.maps()).await.expect("an answer");
    assert!(!stale.contains("second") && fresh.contains("second"), "{stale}\n{fresh}");
}

/// The lines of a watch, until it ends; and how it ends.
async fn watch(place: &Place, mut seen: impl FnMut()) -> (usize, bool) {
    let path = format!("{}?watch=true&fieldSelector=metadata.name!=kube-root-ca.crt", place.maps());
    let request = hyper::Request::get(path).body(Vec::new()).expect("a request");
    let mut lines = place.client.request_stream(request).await.expect("a watch").lines();
    let mut count = 0;
    while let Some(line) = lines.next().await {
        if line.is_err() {
            return (count, false);
        }
        count += 1;
        seen();
    }
    (count, true)
}

#[tokio::test]
async fn a_watch_is_cut() {
    let Some(place) = Place::new().await else { return };
    place.namespace.kubectl().text(&["create", "configmap", "second"]);
    place.namespace.kubectl().text(&["create", "configmap", "third"]);
    place.proxy.strike(Fault::cut_after(2).to("watch=true"));
    assert_eq!(watch(&place, || {}).await, (2, false));
    // Without a fault it goes on, until the proxy cuts all.
    let mut left = 3;
    let cut = watch(&place, || {
        left -= 1;
        if left == 0 {
            place.proxy.cut();
        }
    });
    assert_eq!(cut.await, (3, false));
}

#[tokio::test]
async fn a_closed_proxy_refuses_until_it_opens() {
    let Some(place) = Place::new().await else { return };
    assert_eq!(place.status().await, 200);
    place.proxy.close();
    tokio::time::sleep(Duration::from_millis(100)).await;
    place.get(&place.maps()).await.expect_err("nobody there");
    place.proxy.open();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(place.status().await, 200);
}
