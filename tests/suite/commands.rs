//! The commands that look at things: graph, show, state, output; and new, which begins one.

use serde_json::Value;

use crate::program::Project;

const VALUES: &str = r#"
variable "unset" {
  type    = string
  default = "a"
}

resource "terraform_data" "each" {
  count = 11
  input = count.index
}

resource "terraform_data" "secret" {
  input = sensitive("hidden-from-all")
}

output "text" {
  value = "a ${var.unset}"
}

output "list" {
  value = ["x"]
}

output "secret" {
  value     = terraform_data.secret.output
  sensitive = true
}
"#;

fn applied() -> Project {
    let project = Project::new(VALUES);
    project.succeed(&["apply", "--auto-approve"]);
    project
}

#[test]
fn a_first_project_plans_and_applies_at_once() {
    let project = Project::new("");
    project.refused(&["new", "."], "is not empty");
    std::fs::remove_file(project.path("main.hcl")).expect("removes");
    let said = project.succeed(&["new", "."]);
    assert!(said.text.contains("portolan plan"), "{}", said.text);
    project.succeed(&["apply", "--auto-approve"]);
    project.is_settled();
}

#[test]
fn commands_of_terraform_have_their_like() {
    let project = Project::new("");
    project.refused(&["init"], "a configuration plans at once");
    project.refused(&["taint", "a.b"], "portolan apply --replace ADDRESS");
    let said = project.run(&["plna"]);
    assert!(said.error.contains("'plan'") && !said.error.contains("instead:"), "{}", said.error);
}

#[test]
fn a_later_value_of_a_variable_counts_more() {
    let project = Project::new("variable \"v\" {\n}\n\noutput \"v\" {\n  value = var.v\n}\n");
    project.write("f.vars.hcl", "v = \"file\"\n");
    for (arguments, wanted) in [
        (["--var=v=flag", "--var-file=f.vars.hcl"], "\"file\""),
        (["--var-file=f.vars.hcl", "--var=v=flag"], "\"flag\""),
        (["--var=v=flag", "--var=v=last"], "\"last\""),
    ] {
        let said = project.succeed(&["plan", arguments[0], arguments[1]]);
        assert!(said.text.contains(wanted), "{arguments:?}\n{}", said.text);
    }
}

#[test]
fn objects_are_listed_in_natural_order_and_shown_by_address() {
    let project = applied();
    let said = project.succeed(&["state", "list"]);
    let listed: Vec<&str> = said.text.lines().collect();
    assert_eq!(listed.len(), 12);
    assert_eq!(listed[2..=10], (2..=10).map(|at| format!("terraform_data.each[{at}]")).collect::<Vec<_>>());
    assert_eq!(project.succeed(&["state", "list", "terraform_data.secret"]).text, "terraform_data.secret\n");
    assert!(project.succeed(&["state", "show", "terraform_data.each[3]"]).text.contains("input  = 3\n"));
    project.refused(&["state", "show", "terraform_data.secre"], "Did you mean terraform_data.secret?");
    project.refused(&["state", "list", "a b"], "is not an address");
}

#[test]
fn outputs_are_shown_as_asked_for() {
    let project = applied();
    let said = project.succeed(&["output"]);
    assert!(said.text.contains("secret = <sensitive>"), "{}", said.text);
    assert!(said.text.contains("text = \"a a\""), "{}", said.text);
    assert_eq!(project.succeed(&["output", "--raw", "text"]).text, "a a");
    assert_eq!(project.succeed(&["output", "secret"]).text, "\"hidden-from-all\"\n");
    let json: Value = serde_json::from_str(&project.succeed(&["output", "--json"]).text).expect("JSON");
    assert_eq!(json["secret"], serde_json::json!({"sensitive": true, "type": "string", "value": "hidden-from-all"}));
    project.refused(&["output", "--raw", "list"], "--raw prints strings");
    project.refused(&["output", "tex"], "Did you mean \"text\"?");
}

#[test]
fn the_state_is_shown_without_secrets() {
    let project = applied();
    for arguments in [&["show"][..], &["show", "--json"], &["state", "show", "terraform_data.secret"]] {
        let said = project.succeed(arguments);
        assert!(said.text.contains("terraform_data"), "{}", said.text);
        assert!(!said.all().contains("hidden-from-all"), "{arguments:?}");
    }
    let json: Value = serde_json::from_str(&project.succeed(&["show", "--json"]).text).expect("JSON");
    assert_eq!(json["format_version"], "1.0");
    assert_eq!(json["values"]["root_module"]["resources"].as_array().map(Vec::len), Some(12));
}

#[test]
fn a_saved_plan_is_shown_and_not_the_state() {
    let project = applied();
    let file = project.path("later.plan").display().to_string();
    project.succeed(&["plan", "--var", "unset=b", "--out", &file]);
    let said = project.succeed(&["show", &file]);
    assert!(said.text.contains("a b"), "{}", said.text);
    let json: Value = serde_json::from_str(&project.succeed(&["show", "--json", &file]).text).expect("JSON");
    assert_eq!(json["output_changes"]["text"]["actions"], serde_json::json!(["update"]));
}

#[test]
fn the_graph_is_drawn_in_each_format() {
    let project = Project::example("shop");
    let drawn = |format| project.succeed(&["graph", "--format", format]).text;
    assert!(drawn("dot").contains("\"application.shop.service.web\" -> \"application.shop.service.catalog\""));
    assert!(drawn("mermaid").starts_with("flowchart TB\n"));
    assert_eq!(drawn("svg").matches("<title>").count(), 15);
    let json: Value = serde_json::from_str(&drawn("json")).expect("JSON");
    let edges = json["edges"].as_array().expect("edges");
    let wanted = serde_json::json!(
        {"from": "route.shop", "to": "application.shop.service.web", "meaning": "depends_on"}
    );
    assert!(edges.contains(&wanted), "{edges:?}");
}
