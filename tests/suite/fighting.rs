//! `portolan watch` and somebody else who writes the same objects of a real cluster.

#![cfg(feature = "kubernetes")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use portolan_test_support::{Cluster, Namespace, until};
use serde_json::json;

use crate::program::Project;
use crate::watching::Daemon;

/// Two ConfigMaps, each with these lines in its `lifecycle`.
fn project(cluster: &Cluster, namespace: &Namespace, lifecycle: [&str; 2]) -> Project {
    let cluster = format!(
        "cluster \"a\" {{\n  kubernetes {{\n    config_path = {:?}\n    context = {:?}\n  }}\n}}\n",
        cluster.kubeconfig(),
        cluster.context()
    );
    let map = |name: &str, lifecycle: &str| {
        format!(
            "resource \"kubernetes_object\" \"{name}\" {{\n  provider = cluster.a\n  force_conflicts = true\n  manifest = {{\n    \
             apiVersion = \"v1\"\n    kind = \"ConfigMap\"\n    metadata = {{ name = \"{name}\", namespace = \"{namespace}\" }}\n    \
             data = {{ key = \"declared\" }}\n  }}\n  lifecycle {{\n    {lifecycle}\n  }}\n}}\n"
        )
    };
    Project::new(format!("{cluster}{}{}", map("one", lifecycle[0]), map("two", lifecycle[1])))
}

fn value(namespace: &Namespace, name: &str) -> String {
    namespace.kubectl().run(&["get", "configmap", name, "--output=jsonpath={.data.key}"]).text
}

/// Another one writes into an object.
fn write(namespace: &Namespace, name: &str, value: &str) {
    let patch = json!({"data": {"key": value}}).to_string();
    let arguments = ["patch", "configmap", name, "--type=merge", "--field-manager=rival", "--patch", &patch];
    namespace.kubectl().text(&arguments);
}

#[test]
fn what_is_fought_for_rests_while_the_rest_is_put_right() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("fought");
    let project = project(&cluster, &namespace, ["", ""]);
    let daemon = Daemon::start(&project, &[]);
    until("both are made", || ["one", "two"].iter().all(|name| value(&namespace, name) == "declared"));

    let (is_over, fights) = (AtomicBool::new(false), AtomicUsize::new(0));
    let began = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                if value(&namespace, "one") == "declared" {
                    write(&namespace, "one", "theirs");
                    fights.fetch_add(1, Ordering::Relaxed);
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let log = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            daemon.says("kubernetes_object.one is changed back again and again by rival");
            // Everything else is put right.
            for turn in 0..3 {
                write(&namespace, "two", &format!("theirs {turn}"));
                until("it is put right", || value(&namespace, "two") == "declared");
                if turn == 1 {
                    break;
                }
            }
        }));
        is_over.store(true, Ordering::Relaxed);
        log.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    // Five at once, and no more than one behind each rest of at least half a minute.
    let most = 6 + began.elapsed().as_secs() / 30;
    assert!(fights.load(Ordering::Relaxed) as u64 <= most, "{fights:?} of {most}\n{}", daemon.log());
    let log = daemon.end();
    assert_eq!(log.matches("changed back again and again").count(), 1, "{log}");
    // A person puts it right at once.
    project.succeed(&["apply", "--auto-approve"]);
    assert_eq!(value(&namespace, "one"), "declared");
}

#[test]
fn objects_of_a_cluster_are_left_where_that_is_declared() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("left");
    let project = project(&cluster, &namespace, ["on_drift = \"ignore\"", "on_drift = \"report\""]);
    let daemon = Daemon::start(&project, &["--interval=500ms"]);
    until("both are made", || ["one", "two"].iter().all(|name| value(&namespace, name) == "declared"));
    daemon.says("everything is as it ought to be");
    write(&namespace, "one", "theirs");
    write(&namespace, "two", "theirs");
    daemon.says("this was changed outside: kubernetes_object.two, and is left as it is:");
    daemon.says("data.key belongs to rival");
    // One of them is changed again, and it is told again.
    write(&namespace, "two", "theirs as well");
    daemon.says("\"theirs as well\"");
    assert_eq!(
        (value(&namespace, "one"), value(&namespace, "two")),
        ("theirs".to_owned(), "theirs as well".to_owned())
    );
    // What the configuration changes is carried out all the same.
    let main = project.read("main.hcl");
    project.write("main.hcl", main.replace("key = \"declared\"", "key = \"new\""));
    until("both are new", || ["one", "two"].iter().all(|name| value(&namespace, name) == "new"));
    let log = daemon.end();
    assert_eq!(log.matches("this was changed outside").count(), 2, "{log}");
    assert!(!log.contains("kubernetes_object.one, and is left"), "{log}");
    project.is_settled();
}
