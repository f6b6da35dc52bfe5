//! `portolan watch` hears of what is changed in clusters, and asks for nothing twice. In all of these
//! the interval is an hour.

use std::cell::Cell;
use std::time::{Duration, Instant};

use portolan_test_support::{Cluster, Fault, Namespace, Proxy, until};
use serde_json::json;

use crate::program::Project;
use crate::watching::Daemon;

/// The lines of requests for a whole list, and for a watch.
const LIST: &str = r"GET [^?]*/configmaps\?(?!.*watch=1)";
const WATCH: &str = r"GET [^?]*/configmaps\?.*watch=1";

/// How many objects there are: none of them is changed so often that it is taken for a fight.
const MAPS: usize = 4;

/// ConfigMaps of a cluster that is reached over a proxy.
struct Followed {
    namespace: Namespace,
    proxy: Proxy,
    project: Project,
    /// How often somebody has changed an object.
    turns: Cell<usize>,
}

impl Followed {
    fn of(cluster: &Cluster) -> Followed {
        let (namespace, proxy) = (cluster.namespace("followed"), Proxy::before(cluster));
        let project = Project::new("");
        project.write(
            "cluster.hcl",
            format!(
                "cluster \"a\" {{\n  kubernetes {{\n    config_path = {:?}\n    context = {:?}\n  }}\n}}\n",
                proxy.kubeconfig(),
                cluster.context()
            ),
        );
        let followed = Followed { namespace, proxy, project, turns: Cell::default() };
        followed.declare("one");
        followed
    }

    fn declare(&self, value: &str) {
        self.project.write(
            "main.hcl",
            format!(
                "resource \"kubernetes_object\" \"map\" {{\n  count = {MAPS}\n  provider = cluster.a\n  force_conflicts = true\n  \
                 manifest = {{\n    apiVersion = \"v1\"\n    kind = \"ConfigMap\"\n    \
                 metadata = {{ name = \"map-${{count.index}}\", namespace = \"{}\" }}\n    data = {{ key = {value:?} }}\n  }}\n}}\n",
                self.namespace
            ),
        );
    }

    fn is(&self, value: &str) -> bool {
        let names: Vec<String> = (0..MAPS).map(|number| format!("map-{number}")).collect();
        let names = names.iter().map(String::as_str);
        let arguments: Vec<&str> =
            ["get", "configmaps"].into_iter().chain(names).chain(["--output=jsonpath={.items[*].data.key}"]).collect();
        self.namespace.kubectl().run(&arguments).text == [value; MAPS].join(" ")
    }

    fn becomes(&self, value: &str) {
        until(&format!("all are {value}"), || self.is(value));
    }

    /// Somebody changes one of them, in turn, and it is put right.
    fn is_kept(&self, value: &str) {
        let name = format!("map-{}", self.turns.replace(self.turns.get() + 1) % MAPS);
        let patch = json!({"data": {"key": "changed"}}).to_string();
        self.namespace.kubectl().text(&["patch", "configmap", &name, "--type=merge", "--patch", &patch]);
        self.becomes(value);
    }

    /// Waits until the daemon hears of changes.
    fn is_heard(&self, watches: usize) {
        until("the list is watched", || self.count(WATCH) >= watches);
    }

    fn count(&self, pattern: &str) -> usize {
        match pattern.split_once("(?!") {
            // The list, which is what is no watch.
            Some((all, _)) => self.proxy.count(all) - self.proxy.count(WATCH),
            None => self.proxy.count(pattern),
        }
    }
}

#[test]
fn what_others_change_in_a_cluster_is_put_right_without_asking_for_lists() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let followed = Followed::of(&cluster);
    let daemon = Daemon::start(&followed.project, &[]);
    followed.becomes("one");
    followed.is_heard(1);
    followed.proxy.forget();

    followed.is_kept("one");
    followed.namespace.kubectl().text(&["delete", "configmap", "map-1"]);
    followed.becomes("one");
    // A new configuration, and a run that finds nothing to do.
    followed.declare("two");
    followed.becomes("two");
    let runs = || followed.proxy.count("GET /api/v1/namespaces/kube-system");
    let before = runs();
    followed.project.write("cluster.hcl", format!("{}\n# The same.\n", followed.project.read("cluster.hcl")));
    until("another run", || runs() > before);
    followed.is_kept("two");
    assert_eq!(followed.count(LIST), 0, "{:#?}", followed.proxy.requests());
    daemon.end();
    followed.project.is_settled();
}

#[test]
fn a_watch_that_is_cut_off_is_gone_on_with() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let followed = Followed::of(&cluster);
    let daemon = Daemon::start(&followed.project, &[]);
    followed.becomes("one");
    followed.is_heard(1);

    // The connection ends, twice.
    for watches in [2, 3] {
        followed.proxy.cut();
        followed.is_heard(watches);
        followed.is_kept("one");
    }
    // Each of these ends after one event.
    followed.proxy.strike(Fault::cut_after(1).to("watch=1").times(3));
    followed.proxy.cut();
    for _ in 0..4 {
        followed.is_kept("one");
    }
    // The server has forgotten the version: the list is asked for anew.
    followed.proxy.forget();
    followed.proxy.strike(Fault::answer(410).to("watch=1"));
    followed.proxy.cut();
    until("the list is asked for anew", || followed.count(LIST) > 0);
    followed.is_heard(2);
    followed.is_kept("one");
    daemon.end();
}

#[test]
fn a_server_that_was_away_is_heard_again() {
    let Some(cluster) = Cluster::own(1) else { return };
    let followed = Followed::of(&cluster);
    let daemon = Daemon::start(&followed.project, &[]);
    followed.becomes("one");
    followed.is_heard(1);
    followed.proxy.forget();
    cluster.kill("apiserver");
    until("it is asked for changes in vain", || followed.count(WATCH) > 0);
    cluster.start("apiserver");
    let patch = json!({"data": {"key": "changed"}}).to_string();
    let patch = ["patch", "configmap", "map-0", "--type=merge", "--patch", &patch];
    until("the server answers", || followed.namespace.kubectl().run(&patch).succeeded());
    // The pauses may have come to their longest by then.
    let started = Instant::now();
    while !followed.is("one") {
        assert!(started.elapsed() < Duration::from_secs(240), "it is not put right: {}", daemon.log());
        std::thread::sleep(Duration::from_millis(200));
    }
    daemon.end();
}
