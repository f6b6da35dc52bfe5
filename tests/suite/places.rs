//! What a provider refuses is told where it is written: the attribute, not only the block.

use crate::program::{Project, Said};

/// The lines of the file that are pointed at, with what is underlined in them.
fn underlined(said: &Said) -> Vec<String> {
    let lines: Vec<&str> = said.error.lines().collect();
    let marks = lines.iter().enumerate().filter(|(_, line)| line.trim_start().starts_with('·'));
    let shown = marks.filter_map(|(at, marks)| {
        let source: Vec<char> = lines.get(at.checked_sub(1)?)?.chars().collect();
        let part: String =
            marks.chars().zip(&source).filter(|(mark, _)| "─┬▲".contains(*mark)).map(|(_, c)| c).collect();
        (!part.is_empty()).then_some(part)
    });
    shown.collect()
}

#[track_caller]
fn points_at(project: &Project, command: &[&str], wanted: &[&str]) {
    let said = project.run(command);
    assert_eq!(said.code, Some(1), "{}", said.all());
    assert_eq!(underlined(&said), wanted, "{}", said.error);
}

#[test]
fn while_planning() {
    let project = Project::new(
        r#"
data "terraform_remote_state" "a" {
  backend = "local"
  config = {
    path = "x"
    pth  = 3
  }
}

data "terraform_remote_state" "b" {
  backend = join("", ["s", "3"])
}

dns_zone "corp" {
  name        = "example.com"
  nameservers = ["ns1.example.net"]
  soa {
    refresh = 0 - 1
  }
  directory {
    path = "out"
  }
}

dns_record "bad" {
  zone   = dns_zone.corp
  name   = "-"
  type   = "A"
  values = ["192.0.2.1"]
}

dns_record "worse" {
  zone   = dns_zone.corp
  name   = "www"
  type   = "A"
  values = ["no address"]
}

resource "dns_rrset" "rrset" {
  provider = dns_zone.corp
  zone     = "example.com"
  name     = "d"
  type     = "A"
  ttl      = -5
  values   = ["192.0.2.7"]
}
"#,
    );
    let wanted = ["3", "join(\"\", [\"s\", \"3\"])", "-5", "0 - 1", "\"-\"", "[\"no address\"]"];
    points_at(&project, &["plan"], &wanted);
}

#[test]
fn in_the_json_form() {
    let project = Project::new("");
    project.write(
        "more.hcl.json",
        r#"{
  "data": {"terraform_remote_state": {"a": {"backend": "local", "config": {"pth": "x"}}}}
}"#,
    );
    points_at(&project, &["plan"], &["\"x\""]);
}

#[test]
fn in_modules_and_instances() {
    let project = Project::new("module \"m\" {\n  source = \"./m\"\n  each   = { a = \"local\", b = \"s3\" }\n}\n");
    project.write(
        "m/main.hcl",
        r#"
variable "each" {
  type = map(string)
}

data "terraform_remote_state" "a" {
  for_each = var.each
  backend  = each.value
  config   = { path = "${path.module}/main.tfstate" }
}
"#,
    );
    project.write("m/main.tfstate", r#"{"version": 4, "outputs": {}}"#);
    points_at(&project, &["plan"], &["each.value"]);
}

/// A zone, and a value that is known only once the plan is carried out.
const LATER: &str = r#"
resource "terraform_data" "later" {
  input = "no address"
}

dns_zone "corp" {
  name        = "example.com"
  nameservers = ["ns1.example.net"]
  directory {
    path = "out"
  }
}
"#;

#[test]
fn while_applying() {
    for (block, wanted) in [
        (
            "data \"terraform_remote_state\" \"a\" {\n  backend   = \"local\"\n  workspace = \"${terraform_data.later.output}/b\"\n}\n",
            "\"${terraform_data.later.output}/b\"",
        ),
        (
            "resource \"dns_rrset\" \"bad\" {\n  provider = dns_zone.corp\n  zone     = \"example.com\"\n  name     = \"www\"\n  type     = \"A\"\n  ttl      = 60\n  values   = [terraform_data.later.output]\n}\n",
            "[terraform_data.later.output]",
        ),
        (
            "dns_record \"bad\" {\n  zone   = dns_zone.corp\n  name   = \"www\"\n  type   = \"A\"\n  values = [terraform_data.later.output]\n}\n",
            "[terraform_data.later.output]",
        ),
    ] {
        let project = Project::new(format!("{LATER}\n{block}"));
        project.succeed(&["plan"]);
        points_at(&project, &["apply", "--auto-approve"], &[wanted]);
    }
}
