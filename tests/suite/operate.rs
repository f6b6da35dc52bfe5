//! `portolan stop`, `start` and `restart`.

use std::collections::BTreeSet;

use portolan_test_support::until;

use crate::live::{Live, service};
use crate::program::{Project, Said};

/// Which workloads were changed, in the order in which that ended.
fn changed(said: &Said) -> Vec<&str> {
    let lines = said.text.lines().filter_map(|line| line.split_once(": changed after"));
    lines.map(|(address, _)| address.trim_start_matches("application.shop.service.")).collect()
}

/// Whether these were changed one before the other.
#[track_caller]
fn in_order(said: &Said, addresses: &[&str]) {
    let changed = changed(said);
    let places: Vec<Option<usize>> =
        addresses.iter().map(|address| changed.iter().position(|found| found == address)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{addresses:?} in\n{}", said.all());
}

fn in_directories() -> Project {
    let cluster = |name: &str| format!("cluster \"{name}\" {{\n  directory {{\n    path = \"out/{name}\"\n  }}\n}}\n");
    let services = [
        service("web", "shop/web:1", 2, "  depends_on = [service.api]"),
        service("api", "shop/api:1", 2, "  depends_on = [service.store]"),
        service("store", "shop/store:1", 1, "  kind = \"stateful_set\""),
        service("agent", "shop/agent:1", 1, "  kind = \"daemon_set\"").replace("  replicas = 1\n", ""),
    ];
    let placement = "  placement {\n    strategy = \"duplicated\"\n    clusters = [cluster.a, cluster.b]\n  }\n";
    let application = format!("application \"shop\" {{\n{placement}{}}}\n", services.concat());
    Project::new(format!("{}{}{application}", cluster("a"), cluster("b")))
}

#[test]
fn what_is_stopped_stays_stopped_until_it_is_started() {
    let project = in_directories();
    project.succeed(&["apply", "--auto-approve"]);
    let replicas = |part: &str| {
        let shown = project.succeed(&["state", "show", &format!("application.shop.service.{part}")]).text;
        shown
            .lines()
            .find_map(|line| line.trim().strip_prefix("replicas"))
            .map(|rest| rest.trim_matches([' ', '=']).to_owned())
    };
    let said = project.run(&["stop", "shop", "--reason", "a move"]);
    assert_eq!(said.code, Some(1), "{}", said.all());
    assert!(said.error.contains("there is nobody to ask") && said.text.contains("a: 2 → 0"), "{}", said.all());
    project.is_settled();

    let said = project.succeed(&["stop", "shop", "--reason", "a move", "--auto-approve"]);
    assert!(!said.error.contains("Resource targeting") && !said.error.contains("may be incomplete"), "{}", said.error);
    in_order(&said, &["web/deployment@a", "api/deployment@a", "store/stateful_set@a"]);
    in_order(&said, &["web/deployment@b", "api/deployment@b", "store/stateful_set@b"]);
    assert_eq!(replicas("web/deployment@a").as_deref(), Some("0"));
    // A daemon set has no number that could be none.
    assert!(!project.path("out/a/shop/daemonset-agent.yaml").exists());

    // The next plan leaves it so, and says so; so does one that changes something else.
    project.is_settled();
    let plan = project.succeed(&["plan"]).text;
    assert!(plan.contains("application.shop: stopped by ") && plan.contains(": a move (since "), "{plan}");
    assert!(project.succeed(&["plan", "--markdown"]).text.contains("stays as it was ordered"), "{plan}");
    let main = project.read("main.hcl");
    project.write("main.hcl", main.replace("shop/web:1", "shop/web:2").replace("  replicas = 2", "  replicas = 3"));
    project.succeed(&["apply", "--auto-approve"]);
    assert_eq!(replicas("web/deployment@a").as_deref(), Some("0"));
    let said = project.succeed(&["status"]);
    assert!(said.text.contains("shop         web      a        ?/0    stopped"), "{}", said.text);
    assert!(said.text.contains("shop.agent: stopped by ") && said.text.contains(": a move"), "{}", said.text);
    let said = project.succeed(&["stop", "shop", "--auto-approve"]);
    assert!(said.text.contains("No changes."), "{}", said.all());

    let said = project.succeed(&["start", "shop", "--auto-approve"]);
    in_order(&said, &["store/stateful_set@a", "api/deployment@a", "web/deployment@a"]);
    assert_eq!(replicas("web/deployment@a").as_deref(), Some("3"));
    assert!(project.path("out/a/shop/daemonset-agent.yaml").exists());
    project.is_settled();
    assert!(!project.succeed(&["plan"]).text.contains("ordered"));
}

#[test]
fn single_services_are_stopped_and_started() {
    let project = in_directories();
    project.succeed(&["apply", "--auto-approve"]);
    let said = project.succeed(&["stop", "shop.api", "--auto-approve"]);
    assert_eq!(
        changed(&said).into_iter().collect::<BTreeSet<_>>(),
        BTreeSet::from(["api/deployment@a", "api/deployment@b"])
    );
    assert!(said.error.contains("Something depends on what is stopped"), "{}", said.error);
    assert!(said.error.contains("application.shop.service.web"), "{}", said.error);

    // What was ordered about a service counts more than what was ordered about all.
    project.succeed(&["stop", "shop", "--auto-approve"]);
    project.succeed(&["start", "shop.store", "--auto-approve"]);
    let plan = project.succeed(&["plan"]).text;
    assert!(plan.contains("application.shop: stopped by") && plan.contains("service.store: started by"), "{plan}");
    let said = project.succeed(&["start", "shop", "--auto-approve"]);
    in_order(&said, &["api/deployment@a", "web/deployment@a"]);
    assert!(!said.text.contains("store/stateful_set@a: changed"), "{}", said.text);
    project.is_settled();

    let said = project.succeed(&["restart", "shop.web", "shop.api", "--reason", "new keys", "--auto-approve"]);
    in_order(&said, &["api/deployment@a", "web/deployment@a"]);
    assert!(said.text.contains("portolan/restarted-at"), "{}", said.text);
    project.is_settled();

    project.refused(&["stop", "shop.ap", "--auto-approve"], "Did you mean shop.api?");
    project.refused(&["stop", "cluster.a", "--auto-approve"], "Nothing that can be operated is declared at cluster.a");
    project.refused(&["restart", "manifests.things"], "other objects are as their manifests say");
    project.refused(&["stop", "shop", "--reason", "two\nlines"], "A reason is one line of text.");
    let said = project.run(&["stop"]);
    assert!(said.code == Some(1) && said.error.contains("<ADDRESS>"), "{}", said.all());
}

#[test]
fn an_order_can_be_saved_and_applied_later() {
    let project = in_directories();
    project.succeed(&["apply", "--auto-approve"]);
    let said = project.succeed(&["stop", "shop.web", "--reason", "a move", "--out", "later"]);
    assert!(said.text.contains("a: 2 → 0") && said.text.contains("portolan apply later"), "{}", said.text);
    assert!(!project.succeed(&["plan"]).text.contains("stopped by"), "nothing is changed yet");
    let said = project.succeed(&["apply", "later"]);
    assert!(!said.error.contains("may be incomplete"), "{}", said.error);
    let plan = project.succeed(&["plan"]).text;
    assert!(plan.contains("service.web: stopped by ") && plan.contains(": a move (since "), "{plan}");
    let since = plan.split_once("(since ").expect("a time").1.split_once(')').expect("its end").0;
    assert_eq!(since.len(), "2026-03-01T08:00:12Z".len(), "{since}");
    project.is_settled();
    project.refused(&["apply", "later"], "stale");
    project.succeed(&["start", "shop.web", "--out", "later"]);
    project.succeed(&["apply", "later"]);
    assert!(!project.succeed(&["plan"]).text.contains("stopped by"));
    project.succeed(&["restart", "shop.web", "--out", "later"]);
    assert!(project.succeed(&["apply", "later"]).text.contains("2 changed"));
    project.is_settled();
}

#[test]
fn jobs_and_what_runs_on_every_node() {
    let services = [
        service("load", "shop/load:1", 1, "  kind = \"job\"\n  rollout {\n    wait = false\n  }"),
        service("agent", "shop/agent:1", 1, "  kind = \"daemon_set\"").replace("  replicas = 1\n", ""),
    ];
    let Some(live) = Live::new(&["a"], &services.concat()) else { return };
    live.succeed(&["apply", "--auto-approve"]);
    let pods = |app: &str| -> BTreeSet<String> {
        let selector = format!("--selector=app.kubernetes.io/name={app}");
        let running = "--field-selector=status.phase=Running";
        let pods =
            live.kubectl("a").text(&["get", "pods", &selector, running, "--output=jsonpath={.items[*].metadata.uid}"]);
        pods.split_whitespace().map(str::to_owned).collect()
    };
    until("all run", || pods("load").len() == 1 && pods("agent").len() >= 2);
    let (load, agent) = (pods("load"), pods("agent"));

    let said = live.succeed(&["restart", "shop", "--auto-approve"]);
    let told = said.error_in_one_line();
    assert!(told.contains("Jobs are not restarted") && told.contains("service.load"), "{}", said.error);
    until("the agents are new", || pods("agent").len() == agent.len() && pods("agent").is_disjoint(&agent));
    assert_eq!(pods("load"), load);
    live.is_settled();

    live.succeed(&["stop", "shop", "--auto-approve"]);
    until("nothing runs", || pods("load").is_empty() && pods("agent").is_empty());
    assert!(!live.kubectl("a").run(&["get", "daemonset", "agent"]).succeeded());
    live.is_settled();
    live.succeed(&["start", "shop", "--auto-approve"]);
    until("the agents are there", || pods("agent").len() == agent.len());
    live.is_settled();
}

#[test]
fn pods_go_and_come_back_across_clusters() {
    let services = [
        service("web", "shop/web:1", 2, "  depends_on = [service.store]"),
        service("store", "shop/store:1", 1, ""),
        service("report", "shop/report:1", 1, "  kind = \"cron_job\"\n  schedule = \"0 0 1 1 *\""),
    ];
    let Some(live) = Live::new(&["a", "b"], &services.concat()) else { return };
    live.apply();
    let pods = |cluster: &str| -> BTreeSet<String> {
        let pods = live.kubectl(cluster).text(&["get", "pods", "--output=jsonpath={.items[*].metadata.uid}"]);
        pods.split_whitespace().map(str::to_owned).collect()
    };
    let before = pods("a");
    assert_eq!((before.len(), pods("b").len()), (3, 3));

    live.succeed(&["stop", "shop", "--auto-approve", "--reason", "power"]);
    until("all pods are gone", || pods("a").is_empty() && pods("b").is_empty());
    assert_eq!(live.kubectl("b").text(&["get", "cronjobs", "--output=jsonpath={.items[*].spec.suspend}"]), "true");
    live.is_settled();
    let (code, status) = live.status(&[]);
    assert_eq!(code, Some(0));
    let states: BTreeSet<&str> =
        status["services"].as_array().expect("services").iter().filter_map(|entry| entry["state"].as_str()).collect();
    assert_eq!(states, BTreeSet::from(["stopped"]));

    live.succeed(&["start", "shop", "--auto-approve"]);
    until("all pods are there", || live.status(&[]).0 == Some(0));
    let started = pods("a");
    assert_eq!(started.len(), 3);

    let all_new = || {
        let now = pods("a");
        now.len() == 3 && now.is_disjoint(&started) && live.status(&[]).0 == Some(0)
    };
    live.succeed(&["restart", "shop", "--auto-approve"]);
    until("all pods are new", all_new);
    live.is_settled();
}
