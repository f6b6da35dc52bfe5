//! `portolan logs`, `exec`, `top` and `events` over real clusters.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::Duration;

use portolan_test_support::{Proxy, until};
use serde_json::{Value as Json, json};

use crate::live::{Live, service, unawaited};
use crate::program::{Project, Said};

/// The application on these clusters, where pods have logs and know some commands.
fn talking(clusters: &[&'static str], services: &str) -> Option<Live> {
    let live = Live::new(clusters, services)?;
    if !live.cluster(clusters[0]).has_telling_pods() {
        return None;
    }
    live.apply();
    Some(live)
}

fn pods(live: &Live, cluster: &str) -> Vec<String> {
    let names = live.kubectl(cluster).text(&["get", "pods", "--output=jsonpath={.items[*].metadata.name}"]);
    names.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn logs_of_all_clusters_at_the_same_time() {
    let services = [service("web", "shop/web:1", 2, ""), service("api", "shop/api:1", 1, "")];
    let Some(live) = talking(&["a", "b"], &services.concat()) else { return };
    let said = live.succeed(&["logs", "shop.web"]);
    let mut wanted: Vec<String> = Vec::new();
    for cluster in ["a", "b"] {
        let own = pods(&live, cluster).into_iter().filter(|pod| pod.starts_with("web-"));
        wanted.extend(own.map(|pod| format!("{cluster}/{pod} web of {pod} runs shop/web:1")));
    }
    let mut lines: Vec<&str> = said.text.lines().collect();
    lines.sort_unstable();
    wanted.sort_unstable();
    assert_eq!((lines.len(), lines), (4, wanted.iter().map(String::as_str).collect::<Vec<_>>()));
    assert_eq!(live.succeed(&["logs", "shop", "--cluster", "b"]).text.lines().count(), 3);
    assert_eq!(live.succeed(&["logs", "shop", "--tail", "0"]).text, "");
    assert_eq!(live.succeed(&["logs", "shop", "--since", "1s", "--container", "web"]).code, Some(0));
    live.refused(&["logs", "shop.web", "--container", "other"], "has no such container; it has: web");
    live.refused(&["logs", "shop.web", "--previous"], "previous terminated container");
    live.refused(&["logs", "shop.web", "--cluster", "c"], "It runs in: a, b.");
    live.refused(&["logs", "shop.web", "--since", "soon"], "\"soon\" is not a duration");

    let said = live.in_terminal("logs shop.api", "", Duration::from_secs(60));
    assert!(said.text.contains("\u{1b}[36ma/api-") || said.text.contains("\u{1b}[36mb/api-"), "{:?}", said.text);
}

#[test]
fn logs_are_followed_into_pods_that_come_later() {
    let Some(live) = talking(&["a"], &service("web", "shop/web:1", 1, "")) else { return };
    let mut command = live.command(&["logs", "--follow", "shop.web"]);
    let mut follow = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program starts");
    let mut lines = BufReader::new(follow.stdout.take().expect("its output")).lines();
    let mut next = || lines.next().expect("a line").expect("text");
    let first = pods(&live, "a");
    assert_eq!(next(), format!("a/{0} web of {0} runs shop/web:1", first[0]));
    live.kubectl("a").text(&["delete", "pod", &first[0], "--wait=false"]);
    // The node may say that the old one is gone.
    let second = std::iter::repeat_with(&mut next).find(|line| !line.contains(&first[0])).expect("a line");
    assert!(second.starts_with("a/web-") && second.ends_with("runs shop/web:1"), "{second}");
    follow.kill().expect("that it runs");
    follow.wait().expect("its end");
}

/// Runs the program with an input.
/// The input stays open until the end: servers before 1.30 learn of its end by the end of all.
fn with_input(live: &Live, arguments: &[&str], input: &str) -> Said {
    let mut command = live.command(arguments);
    let mut process =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    let mut open = process.stdin.take().expect("its input");
    open.write_all(input.as_bytes()).expect("that it reads");
    let output = process.wait_with_output().expect("its end");
    drop(open);
    Said::of(&output)
}

#[test]
fn commands_run_in_a_pod_and_end_as_they_do() {
    let services = [
        service("web", "shop/web:1", 1, ""),
        unawaited("bad", "shop/bad:unready", "  health {\n    command = [\"true\"]\n  }"),
    ];
    let Some(live) = Live::new(&["a", "b"], &services.concat()) else { return };
    if !live.cluster("a").has_telling_pods() {
        return;
    }
    live.run(&["apply", "--auto-approve"]);
    until("the service is ready", || live.status(&["shop.web"]).0 == Some(0));
    let pod = |cluster: &str| pods(&live, cluster).into_iter().find(|pod| pod.starts_with("web-")).expect("a pod");
    let said = live.succeed(&["exec", "shop.web", "--", "hostname"]);
    assert_eq!(said.text.trim(), pod("a"));
    let said = live.succeed(&["exec", "shop.web", "--cluster", "b", "--", "sh", "-c", "hostname; echo wrong >&2"]);
    assert_eq!((said.text.trim(), said.error.trim()), (&*pod("b"), "wrong"));
    let said = live.run(&["exec", "shop.web", "--", "sh", "-c", "echo before; exit 42"]);
    assert_eq!((said.code, said.text.trim()), (Some(42), "before"), "{}", said.error);
    // What looks like a flag of the program's own is the command's.
    assert_eq!(
        live.succeed(&["exec", "shop.web", "--", "echo", "-chdir", "--no-color"]).text.trim(),
        "-chdir --no-color"
    );

    live.refused(&["exec", "shop.web", "--", "none"], "executable file not found");
    live.refused(&["exec", "shop", "--", "hostname"], "A command runs in one of them");
    live.refused(&["exec", "shop.bad", "--", "hostname"], "No copy is ready");
    live.refused(&["exec", "shop.web", "--pod", "other", "--", "hostname"], "No copy is named \"other\"");
    live.refused(&["exec", "shop.web", "--container", "other", "--", "hostname"], "has: web.");
    live.refused(&["exec", "shop.web", "--tty", "--", "hostname"], "There is no terminal");
    let bad = pods(&live, "b").into_iter().find(|pod| pod.starts_with("bad-")).expect("a pod");
    assert_eq!(live.succeed(&["exec", "shop.bad", "--pod", &bad, "--", "hostname"]).text.trim(), bad);

    // A terminal of its own, with the size of this one, and nothing of what is typed shown twice.
    let said = live.in_terminal("exec -it shop.web -- stty size", "", Duration::from_secs(60));
    assert_eq!(said.text.trim(), "30 120", "{:?}", said);
    // The second answer waits for a second size.
    let resizing = "for size in $(seq 1 20); do sleep 1; stty -F /dev/tty rows $((40 + size)); done &";
    let command = "exec -it shop.web -- sh -c 'stty size; stty size'";
    let said = live.in_terminal_beside(resizing, command, "", Duration::from_secs(60));
    let lines: Vec<&str> = said.text.split_whitespace().collect();
    assert!(lines.len() == 4 && lines[2] != "30" && lines[0] != lines[2], "{said:?}");
    let said = with_input(&live, &["exec", "--stdin", "shop.web", "--", "sh", "-c", "echo read"], "unread\n");
    assert!(said.text.contains("read"), "{}", said.all());
}

#[test]
fn what_services_use_is_held_against_what_they_request() {
    let Some(live) = talking(&["a", "b"], &service("web", "shop/web:1", 2, "")) else { return };
    if portolan_test_support::metrics::Metrics::of(live.cluster("a")).is_none() {
        return;
    }
    for pod in pods(&live, "a") {
        let measured = json!({
            "apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics",
            "metadata": {"name": pod, "namespace": live.namespace}, "timestamp": "2030-01-01T00:00:00Z", "window": "30s",
            "containers": [{"name": "web", "usage": {"cpu": "2500001n", "memory": "24Mi"}}],
        });
        live.kubectl("a").apply(&measured.to_string());
    }
    let proxy = Proxy::before(live.cluster("b"));
    live.reach(&[("a", live.cluster("a").kubeconfig()), ("b", &proxy.kubeconfig())]);
    live.apply();
    proxy.strike(portolan_test_support::Fault::answer(404).to("metrics").times(9));
    let said = live.run(&["top", "--json"]);
    let json: Json = serde_json::from_str(&said.text).expect("JSON");
    let of = |cluster: &str| {
        let rows = json["services"].as_array().expect("services");
        rows.iter().find(|row| row["cluster"] == cluster).expect("a row").clone()
    };
    let a = of("a");
    assert_eq!((&a["copies"], &a["cpu_millis"], &a["requested_cpu_millis"]), (&json!(2), &json!(6), &json!(20)), "{a}");
    assert_eq!((&a["memory_bytes"], &a["requested_memory_bytes"]), (&json!(48 << 20), &json!(32 << 20)), "{a}");
    assert!(of("b")["why"].as_str().expect("why").contains("has no metrics server"), "{json}");
    let said = live.run(&["top", "shop.web"]);
    assert_eq!(said.code, Some(2), "{}", said.all());
    assert!(said.text.contains("6m   30% of 20m  48Mi    150% of 32Mi"), "{}", said.text);
    assert!(said.text.contains("\nb: nothing is measured there"), "{}", said.text);
}

#[test]
fn what_happened_is_told_in_the_order_of_time() {
    let Some(live) = talking(&["a", "b"], &service("web", "shop/web:1", 1, "")) else { return };
    let events = |arguments: &[&str]| -> Vec<Json> {
        let said = live.succeed(&[&["events", "--json"], arguments].concat());
        said.text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let found = events(&["shop.web"]);
    let times: Vec<&str> = found.iter().filter_map(|event| event["time"].as_str()).collect();
    assert!(times.is_sorted() && times.len() == found.len(), "{found:?}");
    let clusters: BTreeSet<&str> = found.iter().filter_map(|event| event["cluster"].as_str()).collect();
    assert_eq!(clusters, BTreeSet::from(["a", "b"]));
    let reasons: BTreeSet<&str> = found.iter().filter_map(|event| event["reason"].as_str()).collect();
    assert!(
        ["ScalingReplicaSet", "SuccessfulCreate", "Scheduled", "Started"].iter().all(|reason| reasons.contains(reason)),
        "{reasons:?}"
    );

    // Those of pods that are gone are still told, and what comes is told as it comes.
    let before = pods(&live, "a");
    let mut command = live.command(&["events", "--watch", "--json", "shop.web"]);
    let mut watch = command.stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut lines = BufReader::new(watch.stdout.take().expect("its output")).lines();
    live.kubectl("a").text(&["delete", "pod", &before[0], "--now"]);
    let killing = lines.by_ref().map(|line| line.expect("text")).find(|line| line.contains("\"Killing\""));
    assert!(killing.is_some_and(|line| line.contains(&before[0])));
    watch.kill().expect("that it runs");
    watch.wait().expect("its end");
    assert!(events(&["shop.web"]).iter().any(|event| event["object"] == format!("Pod {}", before[0])));

    let said = live.succeed(&["events", "shop.web"]);
    assert!(said.text.contains(" a Deployment web: ScalingReplicaSet: Scaled up replica set"), "{}", said.text);
}

#[test]
fn nothing_runs_in_a_directory() {
    let project = Project::example("shop");
    project.succeed(&["apply", "--auto-approve"]);
    let why = "nothing runs there: it is only written down what is wanted";
    project.refused(&["logs", "shop.web"], why);
    project.refused(&["exec", "shop.web", "--", "true"], why);
    let said = project.run(&["top"]);
    assert!(said.code == Some(2) && said.text.contains(why), "{}", said.all());
    let said = project.run(&["events"]);
    assert!(said.code == Some(2) && said.error.contains("only written down what is"), "{}", said.all());
}
