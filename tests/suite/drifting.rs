//! What a plan says of objects of a cluster that others have changed.

#![cfg(feature = "kubernetes")]

use portolan_test_support::{Cluster, Namespace};
use serde_json::{Value as Json, json};

use crate::program::Project;

/// A project with one ConfigMap, of two keys.
struct Drifting {
    _cluster: Cluster,
    namespace: Namespace,
    project: Project,
}

const ADDRESS: &str = "kubernetes_object.map";

impl Drifting {
    fn new() -> Option<Drifting> {
        let cluster = Cluster::shared("a")?;
        let namespace = cluster.namespace("drift");
        let project = Project::new(format!(
            "cluster \"a\" {{\n  kubernetes {{\n    config_path = {:?}\n    context = {:?}\n  }}\n}}\n\
             resource \"kubernetes_object\" \"map\" {{\n  provider = cluster.a\n  force_conflicts = true\n  manifest = {{\n    \
             apiVersion = \"v1\"\n    kind = \"ConfigMap\"\n    metadata = {{ name = \"map\", namespace = \"{namespace}\" }}\n    \
             data = {{ first = \"one\", second = \"two\" }}\n  }}\n}}\n",
            cluster.kubeconfig(),
            cluster.context()
        ));
        project.succeed(&["apply", "--auto-approve"]);
        Some(Drifting { _cluster: cluster, namespace, project })
    }

    /// Somebody else writes into the object.
    fn patch(&self, data: &Json) {
        let patch = json!({ "data": data }).to_string();
        let arguments = ["patch", "configmap", "map", "--type=merge", "--field-manager=somebody", "--patch", &patch];
        self.namespace.kubectl().text(&arguments);
    }

    /// What the plan says was changed outside, and the one entry of its document about that.
    fn found(&self) -> (String, Json) {
        let said = self.project.succeed(&["plan"]);
        let (_, rest) = said.text.split_once("Changed outside since it was recorded:\n\n").expect("drift");
        let (drift, _) = rest.split_once("\n\n").expect("its end");
        let document = self.project.succeed(&["plan", "--json"]);
        let document: Json = serde_json::from_str(&document.text).expect("a document");
        assert_eq!(document["resource_drift"].as_array().map(Vec::len), Some(1), "{document}");
        (drift.to_owned(), document["resource_drift"][0].clone())
    }

    /// The next apply makes it as it is declared, and everything is ours again.
    fn is_put_right(&self) {
        self.project.succeed(&["apply", "--auto-approve"]);
        let data = self.namespace.kubectl().json(&["get", "configmap", "map"])["data"].clone();
        assert_eq!(data, json!({"first": "one", "second": "two"}));
        self.project.is_settled();
        assert!(!self.project.succeed(&["plan"]).text.contains("Changed outside"));
    }
}

#[test]
fn an_object_that_is_gone_is_told() {
    let Some(drifting) = Drifting::new() else { return };
    drifting.namespace.kubectl().text(&["delete", "configmap", "map"]);
    let (text, json) = drifting.found();
    assert_eq!(text, format!("  - {ADDRESS} is gone"));
    assert_eq!((&json["kinds"], &json["lost_fields"]), (&json!(["gone"]), &Json::Null));
    assert_eq!(json["change"]["actions"], json!(["delete"]));
    drifting.is_put_right();
}

#[test]
fn other_values_of_an_object_are_told() {
    let Some(drifting) = Drifting::new() else { return };
    drifting.patch(&json!({"second": null}));
    let (text, json) = drifting.found();
    assert!(text.starts_with(&format!("  ~ {ADDRESS} has other values\n      ~ manifest = {{")), "{text}");
    assert!(text.contains("- second = \"two\" -> null") && !text.contains("lost fields"), "{text}");
    assert_eq!((&json["kinds"], &json["lost_fields"]), (&json!(["values"]), &Json::Null));
    drifting.is_put_right();
}

#[test]
fn fields_that_others_have_taken_are_told_with_their_names() {
    let Some(drifting) = Drifting::new() else { return };
    // Somebody else holds what is declared, after having held something else.
    drifting.patch(&json!({"first": "changed"}));
    drifting.patch(&json!({"first": "one"}));
    let (text, json) = drifting.found();
    assert_eq!(text, format!("  ! {ADDRESS} has lost fields to others\n      data.first belongs to somebody"));
    assert_eq!((&json["kinds"], &json["lost_fields"]), (&json!(["ownership"]), &json!({"data.first": "somebody"})));
    drifting.is_put_right();
}

#[test]
fn both_are_told_where_both_are_so() {
    let Some(drifting) = Drifting::new() else { return };
    drifting.patch(&json!({"first": "changed"}));
    let (text, json) = drifting.found();
    assert!(
        text.contains("~ first  = \"one\" -> \"changed\"") || text.contains("~ first = \"one\" -> \"changed\""),
        "{text}"
    );
    assert!(text.contains(&format!("! {ADDRESS} has lost fields to others")), "{text}");
    assert_eq!(
        (&json["kinds"], &json["lost_fields"]),
        (&json!(["values", "ownership"]), &json!({"data.first": "somebody"}))
    );
    let markdown = drifting.project.succeed(&["plan", "--markdown"]).text;
    assert!(markdown.contains("has other values, and has lost data.first to somebody"), "{markdown}");
    drifting.is_put_right();
}
