//! What data sources say decides which instances there are: the program from outside.

use crate::program::Project;

const CONFIGURATION: &str = r#"
data "terraform_remote_state" "network" {
  backend = "local"
  config  = { path = "network.json" }
}

resource "terraform_data" "zone" {
  for_each = data.terraform_remote_state.network.outputs.zones
  input    = each.value
}
"#;

/// A project, with a state file whose output `zones` maps these keys to `value`.
fn project(keys: &[&str]) -> Project {
    let project = Project::new(CONFIGURATION);
    network(&project, keys, "value");
    project
}

fn network(project: &Project, keys: &[&str], value: &str) {
    let zones: serde_json::Map<_, _> = keys.iter().map(|key| ((*key).to_owned(), value.into())).collect();
    let outputs = serde_json::json!({"zones": {"value": zones, "type": ["map", "string"]}});
    let state = serde_json::json!({"version": 4, "serial": 1, "lineage": "l", "outputs": outputs, "resources": []});
    project.write("network.json", state.to_string());
}

fn recorded(project: &Project) -> Vec<String> {
    project.succeed(&["state", "list"]).text.lines().map(str::to_owned).collect()
}

#[test]
fn instances_follow_what_a_data_source_says() {
    let project = project(&["a", "b"]);
    project.succeed(&["apply", "--auto-approve"]);
    assert_eq!(recorded(&project), [r#"terraform_data.zone["a"]"#, r#"terraform_data.zone["b"]"#]);
    project.is_settled();
    network(&project, &["b", "c"], "value");
    project.succeed(&["apply", "--auto-approve"]);
    assert_eq!(recorded(&project), [r#"terraform_data.zone["b"]"#, r#"terraform_data.zone["c"]"#]);
    project.succeed(&["destroy", "--auto-approve"]);
    assert_eq!(recorded(&project), Vec::<String>::new());
}

#[test]
fn a_saved_plan_keeps_what_was_read_for_it() {
    let project = project(&["a"]);
    let file = project.path("a.plan").display().to_string();
    project.succeed(&["plan", "--out", &file]);
    network(&project, &["b"], "other");
    project.succeed(&["apply", &file]);
    assert_eq!(recorded(&project), [r#"terraform_data.zone["a"]"#]);
}

#[test]
fn what_cannot_be_read_is_told_once() {
    let project = project(&["a"]);
    std::fs::remove_file(project.path("network.json")).expect("a file");
    let said = project.refused(&["plan"], "there is no state file network.json");
    assert_eq!(said.error.matches('×').count(), 1, "{}", said.error);
}

/// Checking and drawing a configuration reads nothing; a plan without reading is not made.
#[test]
fn nothing_is_read_unless_it_is_planned_with() {
    let project = project(&["a"]);
    project.succeed(&["apply", "--auto-approve"]);
    std::fs::remove_file(project.path("network.json")).expect("a file");
    project.succeed(&["validate"]);
    project.succeed(&["graph"]);
    let said = project.refused(&["plan", "--refresh=false"], "decides what there is to be");
    assert!(said.error.contains("--refresh=false"), "{}", said.error);
}

/// The namespace of an application is made while what one of its services reads is being made.
#[test]
fn what_is_evaluated_too_early_is_evaluated_again() {
    let project = Project::new(
        r#"
cluster "a" {
  directory {
    path = "out"
  }
  capacity {
    cpu    = "8"
    memory = "32Gi"
    pods   = 100
  }
}

locals {
  text = "x: ${terraform_data.last.output}"
}

application "shop" {
  placement {
    clusters = [cluster.a]
  }
  service "api" {
    image = "api:1"
    resources {
      cpu    = "100m"
      memory = "64Mi"
    }
    config = {
      "a.yaml" = local.text
    }
  }
}

resource "terraform_data" "first" {
  input = "thing"
}

resource "terraform_data" "last" {
  input = terraform_data.first.output
}
"#,
    );
    project.succeed(&["apply", "--auto-approve"]);
    assert!(project.files("out").values().any(|text| String::from_utf8_lossy(text).contains("x: thing")));
    project.is_settled();
}
