//! `portolan status` over real clusters.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use portolan_test_support::{Proxy, until};
use serde_json::{Value as Json, json};

use crate::live::{Live, service};
use crate::program::Project;

/// The entry of a service in a cluster.
fn entry<'a>(status: &'a Json, service: &str, cluster: &str) -> &'a Json {
    let services = status["services"].as_array().expect("services");
    let is_it = |entry: &&Json| entry["service"] == service && entry["cluster"] == cluster;
    services.iter().find(is_it).unwrap_or_else(|| panic!("{service} in {cluster} is not in {status}"))
}

/// Nobody waits until it is ready.
const UNAWAITED: &str = "  rollout {\n    wait = false\n  }";

#[test]
fn services_are_shown_with_what_keeps_them() {
    let good = service("web", "shop/web:1", 2, "");
    let Some(live) = Live::new(&["a", "b"], &good) else { return };
    live.apply();
    let (code, status) = live.status(&[]);
    assert_eq!((code, &status["healthy"]), (Some(0), &json!(true)));
    for cluster in ["a", "b"] {
        let web = entry(&status, "web", cluster);
        assert_eq!((&web["application"], &web["state"]), (&json!("shop"), &json!("ready")));
        assert_eq!((&web["wanted"], &web["ready"], &web["restarts"]), (&json!(2), &json!(2), &json!(0)));
        assert_eq!(web["images"], json!(["shop/web:1"]));
    }
    if !live.cluster("a").has_telling_pods() {
        return;
    }
    let bad = [
        good,
        service("bad", "shop/bad:crashing", 1, UNAWAITED),
        service("missing", "shop/missing:unpullable", 1, UNAWAITED),
    ];
    live.declare(&bad.concat());
    // Whether it waits for what is never ready, and how long, is not what this is about.
    live.run(&["apply", "--auto-approve"]);
    let told = |status: &Json, service: &str| entry(status, service, "a")["reasons"].to_string();
    until("the pods have told why", || {
        let (_, status) = live.status(&[]);
        told(&status, "bad").contains("exit code 1") && told(&status, "missing").contains("cannot be pulled")
    });
    let (code, status) = live.status(&[]);
    assert_eq!((code, &status["healthy"]), (Some(2), &json!(false)));
    assert_eq!(entry(&status, "bad", "b")["ready"], 0);
    assert!(told(&status, "missing").contains("shop/missing:unpullable"), "{status}");
    assert!(entry(&status, "web", "a")["healthy"].as_bool().expect("a word on it"));

    let said = live.run(&["status"]);
    assert_eq!(said.code, Some(2));
    assert!(said.text.starts_with("APPLICATION  SERVICE"), "{}", said.text);
    assert!(said.text.contains("shop.missing in a: 0 of 1 replicas are ready"), "{}", said.text);

    // Only what is asked for counts.
    assert_eq!(live.status(&["shop.web"]).0, Some(0));
    assert_eq!(live.status(&["application.shop.service.bad"]).0, Some(2));
    assert_eq!(live.status(&["shop"]).1["services"].as_array().map(Vec::len), Some(6));
    let part = live.status(&["shop.web/deployment@b"]).1;
    assert_eq!(part["services"].as_array().map(Vec::len), Some(1));
    live.refused(&["status", "shop.wep"], "Did you mean shop.web?");
    live.refused(&["status", "not an address"], "is not an address");
}

#[test]
fn a_cluster_that_cannot_be_reached_hides_nothing_of_the_others() {
    let Some(live) = Live::new(&["a", "b"], &service("web", "shop/web:1", 1, "")) else { return };
    let proxy = Proxy::before(live.cluster("b"));
    live.reach(&[("a", live.cluster("a").kubeconfig()), ("b", &proxy.kubeconfig())]);
    live.apply();
    proxy.close();
    let (code, status) = live.status(&[]);
    assert_eq!((code, &entry(&status, "web", "a")["state"]), (Some(2), &json!("ready")));
    let away = entry(&status, "web", "b");
    assert_eq!((&away["state"], &away["wanted"], &away["ready"]), (&json!("unreachable"), &json!(1), &Json::Null));
    assert!(away["why"].as_str().expect("why").contains("cannot be reached"), "{away}");
    let said = live.run(&["status"]);
    assert!(said.text.contains("?/1") && said.text.contains("\nb: no connection: https://127.0.0.1:"), "{}", said.text);

    // What is recorded is enough, whatever stands in the configuration by now.
    proxy.open();
    live.write("main.hcl", "resource \"terraform_data\" \"x\" {\n  input = var.missing\n}\n");
    live.write("clusters.hcl", "");
    assert_eq!(live.status(&[]).0, Some(0));
}

#[test]
fn each_namespace_is_read_with_a_few_lists() {
    let services: Vec<String> = (0..5).map(|at| service(&format!("s{at}"), "shop/web:1", 1, "")).collect();
    let Some(live) = Live::new(&["a"], &services.concat()) else { return };
    let proxy = Proxy::before(live.cluster("a"));
    live.reach(&[("a", &proxy.kubeconfig())]);
    live.apply();
    proxy.forget();
    live.status(&[]);
    let lists = proxy.count(&format!("^GET .*/namespaces/{}/(deployments|pods|replicasets)\\?", live.namespace));
    // The others find out which kinds there are, and which cluster it is.
    assert!(lists == 3 && proxy.requests().len() <= 8, "{:?}", proxy.requests());
}

/// What a pod or an event says may hold anything.
#[test]
fn what_clusters_say_does_not_reach_the_terminal_as_it_is() {
    let Some(live) = Live::new(
        &["a"],
        &service(
            "web",
            "shop/web:unready",
            1,
            "  health {\n    command = [\"true\"]\n  }\n  rollout {\n    wait = false\n  }",
        ),
    ) else {
        return;
    };
    if !live.cluster("a").has_telling_pods() {
        return;
    }
    live.run(&["apply", "--auto-approve"]);
    let kubectl = live.kubectl("a");
    let pods = || kubectl.json(&["get", "pods"])["items"].clone();
    until("there is a pod that runs", || pods()[0]["status"]["phase"] == "Running");
    let pod = pods()[0]["metadata"].clone();
    let event = json!({
        "apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": "Unhealthy",
        "metadata": {"name": "forged", "namespace": live.namespace},
        "lastTimestamp": "2090-01-01T00:00:00Z", "message": "look \u{1b}]0;title\u{7}\u{1b}[2J here",
        "involvedObject": {"kind": "Pod", "namespace": live.namespace, "name": pod["name"], "uid": pod["uid"]},
    });
    kubectl.apply(&event.to_string());
    until("the event is told", || live.run(&["status"]).text.contains("look"));
    let said = live.run(&["status"]);
    assert!(said.text.contains("look \u{fffd}]0;title\u{fffd}\u{fffd}[2J here"), "{:?}", said.text);
}

#[test]
fn a_watch_shows_what_changes() {
    let Some(live) = Live::new(&["a"], &service("web", "shop/web:1", 1, "")) else { return };
    live.apply();
    let said = live.in_terminal("status --watch", "", Duration::from_secs(15));
    let shown = said.text.matches("APPLICATION").count();
    assert!(shown >= 2 && said.text.contains("\u{1b}[2A\r\u{1b}[J"), "{:?}", said.text);

    let mut command = live.command(&["status", "--watch", "--json"]);
    let mut watch = command.stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut lines = BufReader::new(watch.stdout.take().expect("its output")).lines();
    let mut next = || -> Json {
        let line = lines.by_ref().find(|line| line.as_ref().is_ok_and(|line| !line.is_empty()));
        serde_json::from_str(&line.expect("a line").expect("text")).expect("JSON")
    };
    assert_eq!(entry(&next(), "web", "a")["wanted"], 1);
    live.kubectl("a").text(&["scale", "deployment/web", "--replicas=2"]);
    assert_eq!(entry(&next(), "web", "a")["wanted"], 2);
    watch.kill().expect("that it runs");
    watch.wait().expect("its end");
}

#[test]
fn a_directory_says_what_is_wanted() {
    let project = Project::example("shop");
    let said = project.run(&["status"]);
    assert!(said.code == Some(0) && said.error.contains("Nothing that runs is recorded"), "{}", said.all());
    project.succeed(&["apply", "--auto-approve"]);
    let said = project.succeed(&["status", "shop.web"]);
    assert!(said.text.contains("shop         web      beijing   ?/"), "{}", said.text);
    assert!(said.text.contains("unknown"), "{}", said.text);
}
