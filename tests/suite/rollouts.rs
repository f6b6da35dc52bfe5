//! Applications on real clusters: what starts after what, new revisions, and such that fail.

#![cfg(feature = "kubernetes")]

use portolan_test_support::{Cluster, Kubectl, until};
use serde_json::{Value as Json, json};

use crate::program::Project;

const APPLY: [&str; 2] = ["apply", "--auto-approve"];

/// An application in a namespace of its own, in two clusters. The namespace is deleted with this.
struct Shop {
    project: Project,
    namespace: String,
    clusters: [Cluster; 2],
}

impl Shop {
    /// With these services; `TAG` in them is the value of the variable `tag`.
    fn new(services: &str) -> Option<Shop> {
        let clusters = [Cluster::shared("a")?, Cluster::shared("b")?];
        let namespace = format!("shop-{:08x}", rand::random::<u32>());
        let block = |name: &str, cluster: &Cluster| {
            format!(
                "cluster {name:?} {{\n  kubernetes {{\n    config_path = {:?}\n    context = {:?}\n  }}\n}}\n",
                cluster.kubeconfig(),
                cluster.context()
            )
        };
        let (a, b) = (block("a", &clusters[0]), block("b", &clusters[1]));
        let main = format!(
            "variable \"tag\" {{\n  default = \"1\"\n}}\n{a}{b}application \"shop\" {{\n  namespace = {namespace:?}\n  \
             network_policy = false\n  placement {{\n    clusters = [{BOTH}]\n    strategy = \"duplicated\"\n  }}\n{}\n}}\n",
            services.replace("TAG", "${var.tag}")
        );
        Some(Shop { project: Project::new(main), namespace, clusters })
    }

    /// kubectl within the application, in the first or second cluster.
    fn kubectl(&self, cluster: usize) -> Kubectl {
        self.clusters[cluster].kubectl().within(&self.namespace)
    }

    fn deployment(&self, cluster: usize, name: &str) -> Json {
        self.kubectl(cluster).json(&["get", "deployment", name])
    }

    /// The images that the deployment `api` asks for in both clusters.
    fn images(&self) -> [String; 2] {
        [0, 1].map(|cluster| {
            let deployment = self.deployment(cluster, "api");
            deployment["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap_or_default().to_owned()
        })
    }

    /// Where failing pods are told apart.
    fn has_telling_pods(&self) -> bool {
        self.clusters.iter().all(Cluster::has_telling_pods)
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        for cluster in &self.clusters {
            cluster.kubectl().run(&["delete", "namespace", &self.namespace, "--ignore-not-found", "--wait=false"]);
        }
    }
}

/// A service in these clusters with more of its own.
fn service(name: &str, image: &str, clusters: &str, more: &str) -> String {
    format!(
        "  service {name:?} {{\n    image = {image:?}\n    replicas = 2\n    placement {{\n      clusters = [{clusters}]\n      \
         strategy = \"duplicated\"\n    }}\n    resources {{\n      cpu = \"10m\"\n      memory = \"16Mi\"\n    }}\n    \
         {more}\n  }}\n"
    )
}

const BOTH: &str = "cluster.a, cluster.b";

/// The position of a line that begins so.
fn line(text: &str, begin: &str) -> usize {
    text.lines().position(|line| line.starts_with(begin)).unwrap_or_else(|| panic!("no line {begin:?} in\n{text}"))
}

#[test]
fn services_start_once_what_they_need_is_ready_in_another_cluster() {
    let store = service("store", "shop/store:1", "cluster.a", "");
    let api = service("api", "shop/api:1", "cluster.b", "depends_on = [service.store]");
    let Some(shop) = Shop::new(&(api + &store)) else { return };
    let planned = shop.project.succeed(&["plan"]);
    assert!(planned.text.contains("Applying it waits until "), "{}", planned.text);
    assert!(planned.text.contains("before what depends on it: application.shop"), "{}", planned.text);
    let text = shop.project.succeed(&APPLY).text;
    let ready = line(&text, "application.shop.service.store/deployment@a: created after");
    assert!(ready < line(&text, "application.shop.service.api/deployment@b: creating"), "{text}");
    assert_eq!(shop.deployment(0, "store")["status"]["readyReplicas"], json!(2));
    shop.project.is_settled();
    let text = shop.project.succeed(&["destroy", "--auto-approve"]).text;
    let gone = line(&text, "application.shop.service.api/deployment@b: deleted");
    assert!(gone < line(&text, "application.shop.service.store/deployment@a: deleting"), "{text}");
}

#[test]
fn what_does_not_become_ready_stops_its_dependants_only() {
    let health = "port \"http\" { number = 8080 }\n    health {\n      path = \"/\"\n      port = \"http\"\n    }\n    \
                  rollout { timeout = var.tag == \"1\" ? \"3m\" : \"40s\" }";
    let store = service("store", "shop/store:TAG", "cluster.a", health);
    let api = service("api", "shop/api:1", BOTH, "depends_on = [service.store]");
    let other = service("other", "shop/other:1", "cluster.b", "");
    let Some(shop) = Shop::new(&(store + &api + &other)) else { return };
    if !shop.has_telling_pods() {
        return;
    }
    let said = shop.project.refused(
        &["apply", "--auto-approve", "--var", "tag=1-unready"],
        "application.shop.service.store/deployment@a is not ready",
    );
    assert!(said.error.contains("0 of 2 replicas are ready, after 40s"), "{}", said.error);
    assert!(said.error.contains("Startup probe failed"), "its reason is told: {}", said.error);
    assert!(said.error.contains("ago, Pod store-"), "and the last events: {}", said.error);
    assert!(said.text.contains("create application.shop.service.api/deployment@b"), "{}", said.text);
    assert_eq!(shop.deployment(1, "other")["status"]["readyReplicas"], json!(2));
    assert!(!shop.kubectl(1).run(&["get", "deployment", "api"]).succeeded(), "it was not begun");
    shop.project.succeed(&APPLY);
    shop.project.is_settled();
}

#[test]
fn a_revision_that_fails_in_the_first_cluster_goes_back_and_reaches_no_other() {
    let rollout = "rollout {\n      canary = cluster.b\n      on_failure = \"rollback\"\n      timeout = var.tag == \"2-unpullable\" ? \"60s\" : \"3m\"\n    }";
    let api = service("api", "shop/api:TAG", BOTH, rollout);
    let Some(shop) = Shop::new(&api) else { return };
    if !shop.has_telling_pods() {
        return;
    }
    let text = shop.project.succeed(&APPLY).text;
    let ready = line(&text, "application.shop.service.api/deployment@b: created after");
    assert!(ready < line(&text, "application.shop.service.api/deployment@a: creating"), "{text}");

    let bad = ["--var", "tag=2-unpullable"];
    let said = shop.project.refused(
        &["apply", "--auto-approve", bad[0], bad[1]],
        "application.shop.service.api/deployment@b is not ready",
    );
    assert!(said.error.contains("cannot be pulled"), "{}", said.error);
    assert!(said.error.contains("It is what it was before, and ready."), "{}", said.error);
    assert!(said.text.contains("0 added, 0 changed"), "{}", said.text);
    line(&said.text, "Made again what it was, because it did not become ready (1):");
    assert_eq!(shop.images(), ["shop/api:1", "shop/api:1"]);
    assert_eq!(shop.deployment(1, "api")["status"]["readyReplicas"], json!(2));
    // The record says what is there, and the next plan shows the change again.
    let recorded = shop.project.succeed(&["state", "show", "application.shop.service.api/deployment@b"]);
    assert!(recorded.text.contains("\"shop/api:1\"") && !recorded.text.contains("unpullable"), "{}", recorded.text);
    shop.project.is_settled();
    let again = shop.project.run(&["plan", "--detailed-exitcode", bad[0], bad[1]]);
    assert_eq!(again.code, Some(2), "{}", again.all());

    let text = shop.project.succeed(&["apply", "--auto-approve", "--var", "tag=3"]).text;
    let changed = line(&text, "application.shop.service.api/deployment@b: changed after");
    assert!(changed < line(&text, "application.shop.service.api/deployment@a: changing"), "{text}");
    assert_eq!(shop.images(), ["shop/api:3", "shop/api:3"]);
}

#[test]
fn a_run_that_is_killed_in_the_middle_of_a_rollout_is_taken_up_again() {
    let api = service("api", "shop/api:TAG", "cluster.a", "");
    let web = service("web", "shop/web:TAG", "cluster.a", "depends_on = [service.api]");
    let Some(shop) = Shop::new(&(api + &web)) else { return };
    shop.project.succeed(&APPLY);
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": {"pods": "4"}}});
    shop.kubectl(0).apply(&quota.to_string());
    until("the quota counts", || {
        shop.kubectl(0).json(&["get", "resourcequota", "few"])["status"]["used"]["pods"] == "4"
    });

    let mut run = shop.project.start(&["apply", "--auto-approve", "--var", "tag=2"]);
    let is_changed = || shop.deployment(0, "api")["spec"]["template"]["spec"]["containers"][0]["image"] == "shop/api:2";
    until("the deployment is changed", is_changed);
    run.kill().expect("kills");
    run.wait().expect("its end");
    let before = shop.deployment(0, "api")["metadata"].clone();
    shop.kubectl(0).text(&["delete", "resourcequota", "few"]);

    let text = shop.project.succeed(&["apply", "--auto-approve", "--var", "tag=2"]).text;
    let ready = line(&text, "application.shop.service.api/deployment@a: ready after");
    assert!(ready < line(&text, "application.shop.service.web/deployment@a: changing"), "{text}");
    let after = shop.deployment(0, "api")["metadata"].clone();
    assert_eq!((&after["uid"], &after["generation"]), (&before["uid"], &before["generation"]), "nothing twice");
    assert_eq!(shop.deployment(0, "web")["status"]["updatedReplicas"], json!(2));
    let settled = shop.project.run(&["plan", "--detailed-exitcode", "--var", "tag=2"]);
    assert_eq!(settled.code, Some(0), "{}", settled.all());
}
