//! Clusters run pods, lose nodes, and can be measured.

use portolan_test_support::metrics::Metrics;
use portolan_test_support::{Account, Cluster, Namespace, Proxy, until};
use serde_json::json;

/// A Deployment of two pods whose container is called `web`.
fn deployment(image: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: web }}\nspec:\n  replicas: 2\n  \
         selector: {{ matchLabels: {{ app: web }} }}\n  template:\n    metadata: {{ labels: {{ app: web }} }}\n    \
         spec:\n      containers:\n        - name: web\n          image: {image}\n          \
         readinessProbe: {{ httpGet: {{ path: /, port: 80 }}, periodSeconds: 1 }}\n"
    )
}

fn ready(namespace: &Namespace) -> String {
    namespace.kubectl().text(&["get", "deployment", "web", "--output=jsonpath={.status.readyReplicas}"])
}

/// Why each pod's container waits or waited last, in one text.
fn reasons(namespace: &Namespace) -> String {
    let pods = namespace.kubectl().json(&["get", "pods"]);
    pods["items"].as_array().expect("pods").iter().map(|pod| pod["status"]["containerStatuses"].to_string()).collect()
}

#[test]
fn pods_run_and_speak() {
    let Some(cluster) = Cluster::shared("a") else { return };
    if !cluster.has_telling_pods() {
        return;
    }
    let namespace = cluster.namespace("speak");
    namespace.kubectl().apply(&deployment("shop/web:1"));
    until("two pods are ready", || ready(&namespace) == "2");

    let pods = namespace.kubectl().json(&["get", "pods"]);
    let pod = pods["items"][0]["metadata"]["name"].as_str().expect("a name");
    // Through the proxy, which carries what other protocols say.
    let proxy = Proxy::before(&cluster);
    let kubectl = proxy.kubectl().within(namespace.name());
    assert_eq!(kubectl.text(&["logs", pod]), format!("web of {pod} runs shop/web:1\n"));
    let said = kubectl.run(&["exec", pod, "--", "sh", "-c", "hostname ; echo no >&2 ; exit 3"]);
    assert_eq!(said.text, format!("{pod}\n"));
    assert_eq!((said.code, said.error.lines().next()), (Some(3), Some("no")), "{said:?}");
    assert!(proxy.count(&format!("(GET|POST) .*/pods/{pod}/exec")) > 0, "{:?}", proxy.requests());
}

#[test]
fn pods_fail_by_their_images() {
    let Some(cluster) = Cluster::shared("a") else { return };
    if !cluster.has_telling_pods() {
        return;
    }
    let failing = [("crashing", "CrashLoopBackOff"), ("unpullable", "ImagePullBackOff"), ("outofmemory", "OOMKilled")];
    let failing = failing.map(|(tag, reason)| {
        let namespace = cluster.namespace(tag);
        namespace.kubectl().apply(&deployment(&format!("shop/web:1-{tag}")));
        (namespace, reason)
    });
    for (namespace, reason) in &failing {
        until(reason, || reasons(namespace).contains(reason));
        assert_eq!(ready(namespace), "", "{reason}");
    }
}

#[test]
fn pods_that_are_not_ready_say_so() {
    let Some(cluster) = Cluster::shared("a") else { return };
    if !cluster.has_telling_pods() {
        return;
    }
    let namespace = cluster.namespace("unready");
    namespace.kubectl().apply(&deployment("shop/web:1-unready"));
    let events = || namespace.kubectl().text(&["get", "events"]);
    until("a probe fails", || events().contains("Readiness probe failed"));
    assert_eq!(ready(&namespace), "");
    assert!(reasons(&namespace).contains("running"), "{}", reasons(&namespace));
}

#[test]
fn pods_are_measured() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let Some(metrics) = Metrics::of(&cluster) else { return };
    let namespace = cluster.namespace("measured");
    metrics.set_pod(&namespace, "web", &[("app", "web")], &[("web", "250m", "64Mi"), ("beside", "50m", "16Mi")]);
    let top = namespace.kubectl().text(&["top", "pod", "--no-headers"]);
    assert_eq!(top.split_whitespace().collect::<Vec<_>>(), ["web", "300m", "80Mi"]);
}

#[test]
fn a_lost_node_is_noticed() {
    let Some(cluster) = Cluster::own(2) else { return };
    let states = || cluster.kubectl().text(&["get", "nodes", "--no-headers"]);
    assert_eq!(states().matches(" Ready").count(), 2, "{}", states());
    cluster.kill("node-2");
    until("a node is lost", || states().contains("NotReady"));
    cluster.start("node-2");
    until("it is back", || !states().contains("NotReady"));

    cluster.kill("apiserver");
    assert!(!cluster.kubectl().run(&["get", "nodes"]).succeeded());
    cluster.start("apiserver");
    until("it serves again", || cluster.kubectl().run(&["get", "nodes"]).succeeded());
}

#[test]
fn an_account_may_do_only_what_its_rules_say() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("account");
    let rules = json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"] }]);
    let account = Account::of(&cluster, &namespace, "reader", &rules);
    let kubectl = account.kubectl().within(namespace.name());
    kubectl.text(&["get", "configmaps"]);
    let refused = kubectl.run(&["create", "configmap", "settings"]);
    assert!(refused.error.contains("Forbidden") || refused.error.contains("forbidden"), "{refused:?}");
    assert!(!kubectl.run(&["get", "secrets"]).succeeded());
}

#[test]
fn a_cluster_knows_users_by_certificates_too() {
    let Some(cluster) = Cluster::shared("a") else { return };
    // A cluster of the user's own has other ways.
    let Some(keys) = cluster.keys() else { return };
    let certificate = format!("--client-certificate={}", keys.join("admin.crt").display());
    let key = format!("--client-key={}", keys.join("admin.key").display());
    let user = "--user=nobody";
    let refused = cluster.kubectl().run(&["auth", "can-i", "delete", "nodes", user]);
    assert!(!refused.succeeded());
    assert_eq!(cluster.kubectl().text(&["auth", "can-i", "delete", "nodes", &certificate, &key]).trim(), "yes");
}
