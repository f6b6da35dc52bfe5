//! Clusters that die while `portolan watch` runs, and come back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use portolan_test_support::{Cluster, Kubectl, OwnCluster};

use crate::program::Project;
use crate::watching::Daemon;

/// What a cluster consists of, in the order in which it is started.
const PROCESSES: [&str; 6] = ["etcd", "apiserver", "controller-manager", "scheduler", "node-1", "node-2"];

const NAMES: [&str; 3] = ["a", "b", "v"];

/// A service on two clusters that stay, and on `v`, which may be killed.
struct Shop {
    project: Project,
    victim: OwnCluster,
    others: [Cluster; 2],
    namespace: String,
}

impl Shop {
    fn new() -> Option<Shop> {
        let others = [Cluster::shared("a")?, Cluster::shared("b")?];
        let victim = Cluster::own(2)?;
        let namespace = format!("shop-{:08x}", rand::random::<u32>());
        let shop = Shop { project: Project::new(""), victim, others, namespace };
        let clusters: String = NAMES.iter().map(|name| shop.declared(name)).collect();
        let web = crate::live::service("web", "shop/web:1", 6, "");
        let application = format!(
            "application \"shop\" {{\n  namespace = \"{}\"\n  placement {{\n    clusters = [cluster.a, cluster.b, cluster.v]\n    \
             strategy = \"weighted\"\n    weights = {{ a = 1, b = 1, v = 2 }}\n  }}\n{web}}}\n",
            shop.namespace
        );
        shop.project.write("main.hcl", format!("{clusters}{application}"));
        Some(shop)
    }

    fn cluster(&self, name: &str) -> &Cluster {
        match name {
            "a" => &self.others[0],
            "b" => &self.others[1],
            _ => &self.victim,
        }
    }

    fn declared(&self, name: &str) -> String {
        let cluster = self.cluster(name);
        format!(
            "cluster \"{name}\" {{\n  kubernetes {{\n    config_path = \"{}\"\n    context = \"{}\"\n  }}\n  \
             probe {{\n    interval = \"1s\"\n    stable = \"5s\"\n    timeout = \"10s\"\n  }}\n}}\n",
            cluster.kubeconfig().display(),
            cluster.context()
        )
    }

    fn kubectl(&self, name: &str) -> Kubectl {
        self.cluster(name).kubectl().within(&self.namespace)
    }

    /// A number of the workload in a cluster, 0 where it is not there or cannot be asked.
    fn number(&self, name: &str, path: &str) -> u64 {
        let answer = self.kubectl(name).run(&[
            "get",
            "deployment",
            "web",
            "-o",
            &format!("jsonpath={{{path}}}"),
            "--request-timeout=5s",
        ]);
        answer.text.trim().parse().unwrap_or(0)
    }

    fn wanted(&self) -> [u64; 3] {
        NAMES.map(|name| self.number(name, ".spec.replicas"))
    }

    fn ready(&self, name: &str) -> u64 {
        self.number(name, ".status.readyReplicas")
    }

    /// Whether the server of the victim answers.
    fn serves(&self) -> bool {
        self.victim.kubectl().run(&["get", "--raw", "/readyz", "--request-timeout=5s"]).succeeded()
    }

    /// Does something while it is looked again and again that there are never fewer replicas ready
    /// than this in some clusters.
    fn never_fewer<T>(&self, least: u64, names: &[&str], act: impl FnOnce() -> T) -> T {
        let is_done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    // Those that give come first: what has been handed over meanwhile counts twice, never not at all.
                    let ready: Vec<u64> = names.iter().map(|name| self.ready(name)).collect();
                    assert!(ready.iter().sum::<u64>() >= least, "{ready:?} are ready, and not {least}");
                }
            });
            // The thread ends however this one does.
            let _end = End(&is_done);
            act()
        })
    }
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        for other in &self.others {
            other.kubectl().run(&["delete", "namespace", &self.namespace, "--wait=false", "--ignore-not-found"]);
        }
    }
}

/// Waits for what takes long on a busy machine.
#[track_caller]
fn until(what: &str, daemon: &Daemon<'_>, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(300), "not within five minutes: {what}\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_cluster_that_dies_is_stood_in_for_and_gets_everything_back() {
    let Some(shop) = Shop::new() else { return };
    let daemon = Daemon::start(&shop.project, &[]);
    until("all are ready", &daemon, || NAMES.iter().map(|name| shop.ready(name)).sum::<u64>() == 6);
    daemon.says("everything is as it ought to be");
    let wanted = shop.wanted();

    // Its API server alone: its pods go on, and nothing is moved.
    shop.victim.kill("apiserver");
    until("it is told", &daemon, || daemon.log().contains("its nodes do: nothing is moved"));
    shop.victim.start("apiserver");
    until("it serves", &daemon, || shop.serves());
    assert!(!daemon.log().contains("given up"), "{}", daemon.log());
    assert_eq!(shop.wanted(), wanted);

    // All of it: what it ran runs elsewhere, and the others keep what they had.
    let began = Instant::now();
    shop.never_fewer(wanted[0] + wanted[1], &["a", "b"], || {
        PROCESSES.iter().rev().for_each(|process| shop.victim.kill(process));
        until("it is given up", &daemon, || daemon.log().contains("cluster.v: given up for lost by portolan watch"));
        eprintln!("given up after {:?}", began.elapsed());
        until("all are ready elsewhere", &daemon, || shop.ready("a") + shop.ready("b") == 6);
        eprintln!("ready elsewhere after {:?}", began.elapsed());
    });

    // It comes back with what it ran. The daemon is killed in the middle, and another one goes on.
    let daemon = shop.never_fewer(6, &NAMES, || {
        PROCESSES.iter().for_each(|process| shop.victim.start(process));
        until("it is reconciled", &daemon, || daemon.log().contains("cluster.v: drained by portolan watch"));
        drop(daemon);
        let daemon = Daemon::start(&shop.project, &[]);
        until("it is restored", &daemon, || daemon.log().contains("cluster.v: restored by portolan watch"));
        until("it has everything back", &daemon, || NAMES.map(|name| shop.ready(name)) == wanted);
        daemon
    });
    assert_eq!(shop.wanted(), wanted, "exactly what was");
    until("it is quiet", &daemon, || daemon.log().trim_end().ends_with("everything is as it ought to be"));
    daemon.end();
    shop.project.is_settled();
}
