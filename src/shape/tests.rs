//! Configurations whose shape is decided by what a scripted world says.

use std::fs;

use indexmap::IndexMap;
use portolan_lang::Sources;
use portolan_provider::scripted::{OBJECT, Operation, Rule, VALUE, World};
use portolan_provider::{Error, Provider};
use portolan_state::Snapshot;

use super::*;
use crate::catalog::Catalog;
use crate::compile::{Evaluation, PlacementRequest, UnknownRepetition};
use crate::config::{load, root_values};
use crate::graph::Graph;
use crate::host::LocalHost;
use crate::plan::{Plan, Request, plan};

/// A world in which `list` lists the names `a` and `b`, `a` and `b` list one name each, and the
/// value of `number` is 2.
fn world() -> World {
    let world = World::new();
    put(&world, "list", Value::strings(["a", "b"]));
    put(&world, "a", Value::strings(["c"]));
    put(&world, "b", Value::strings(["d"]));
    put(&world, "number", Value::number(2));
    world
}

fn put(world: &World, name: &str, value: Value) {
    world.put(OBJECT, name, Value::object([("name", Value::string(name)), ("value", value)]));
}

/// A configuration in a world, and what was opened there.
struct Case {
    world: World,
    inputs: Inputs,
    sources: Sources,
    opened: OpenSessions,
}

impl Case {
    /// `text` may have a module in the directory `m`, after a line `-- m`.
    fn new(text: &str) -> Case {
        let directory = tempfile::tempdir().expect("a directory");
        let (root, module) = text.split_once("-- m\n").unwrap_or((text, ""));
        fs::create_dir(directory.path().join("m")).expect("a directory");
        fs::write(directory.path().join("m/main.hcl"), module).expect("a file");
        fs::write(directory.path().join("main.hcl"), root).expect("a file");
        let world = world();
        let catalog = Arc::new(Catalog::new([Arc::new(world.provider()) as Arc<dyn Provider>]));
        let (mut config, problems) = load(directory.path(), &catalog);
        assert!(!problems.has_errors(), "{problems:?}");
        let (variables, _): (IndexMap<_, _>, _) = root_values(&mut config, directory.path(), [], &[]);
        let sources = config.sources.clone();
        let inputs = Inputs {
            config: Arc::new(config),
            variables,
            decisions: Vec::new(),
            data: Arc::default(),
            catalog,
            host: Arc::new(LocalHost::planning(directory.path())),
            unknown_repetition: UnknownRepetition::Refuse,
            placement: PlacementRequest::default(),
            workspace: Arc::from("default"),
        };
        Case { world, inputs, sources, opened: OpenSessions::default() }
    }

    async fn settle(&self) -> (Desired, Diagnostics) {
        settle(self.inputs.clone(), &self.opened, 4).await
    }

    /// The addresses of everything that ought to exist but data sources.
    async fn wanted(&self) -> Vec<String> {
        let (desired, problems) = self.settle().await;
        assert!(!problems.has_errors(), "{problems:?}");
        addresses(&desired)
    }

    /// The problems, as `line summary: detail`.
    async fn problems(&self) -> Vec<String> {
        self.told(&self.settle().await.1)
    }

    fn told(&self, problems: &Diagnostics) -> Vec<String> {
        let line = |problem: &Diagnostic| {
            let line = problem.labels.first().map_or(0, |label| self.sources.position(label.span).line);
            format!("{line} {}: {}", problem.summary, problem.detail)
        };
        problems.iter().map(line).collect()
    }

    /// The names of what was read, in the order of reading.
    fn read(&self) -> Vec<String> {
        self.world.calls_of(Operation::Data)
    }

    async fn plan(&self, request: &Request) -> Plan {
        let (desired, problems) = self.settle().await;
        assert!(!problems.has_errors(), "{problems:?}");
        let graph = Graph::new(&desired).expect("no cycle");
        let sessions = Sessions::new(&self.inputs.catalog, &desired).sharing(&self.opened);
        plan(request, &sessions, &graph, &Snapshot::default(), &mut Evaluation::new(&desired)).await
    }
}

fn addresses(desired: &Desired) -> Vec<String> {
    let managed = desired.iter().filter(|(_, instance)| !instance.is_data);
    managed.map(|(_, instance)| instance.address.to_string()).collect()
}

const LIST: &str = r#"
provider "scripted" {}
data "scripted_value" "list" {
  name = "list"
}
"#;

fn listing(rest: &str) -> Case {
    Case::new(&format!("{LIST}{rest}"))
}

#[tokio::test]
async fn data_decides_which_instances_there_are() {
    let case = listing(
        r#"
        resource "scripted_object" "x" {
          for_each = toset(data.scripted_value.list.value)
          name     = each.key
        }
        resource "scripted_object" "y" {
          count = length(data.scripted_value.list.value)
          name  = "y${count.index}"
        }
        "#,
    );
    let expected =
        ["scripted_object.x[\"a\"]", "scripted_object.x[\"b\"]", "scripted_object.y[0]", "scripted_object.y[1]"];
    assert_eq!(case.wanted().await, expected);
}

#[tokio::test]
async fn what_was_read_for_the_shape_is_not_read_again_while_planning() {
    let case = listing(
        r#"
        resource "scripted_object" "x" {
          for_each = toset(data.scripted_value.list.value)
          name     = "${each.key}${data.scripted_value.number.value}"
        }
        data "scripted_value" "number" {
          name = "number"
        }
        "#,
    );
    let plan = case.plan(&Request::default()).await;
    assert!(!plan.diagnostics.has_errors(), "{:?}", plan.diagnostics);
    assert_eq!(case.read(), ["list", "number"]);
    assert_eq!(case.world.calls_of(Operation::Connect).len(), 1);
    let names = plan.changes.iter().filter(|change| !change.is_data);
    let names: Vec<_> = names.filter_map(|change| change.after.as_ref()?.get("name")).collect();
    assert_eq!(names, [Value::string("a2"), Value::string("b2")]);
}

#[tokio::test]
async fn nothing_is_read_for_what_is_decided_already() {
    let case = listing(
        r#"
        resource "scripted_object" "x" {
          for_each = toset(["a"])
          name     = data.scripted_value.list.value[0]
        }
        "#,
    );
    assert_eq!(case.wanted().await, ["scripted_object.x[\"a\"]"]);
    assert_eq!(case.read(), Vec::<String>::new());
}

#[tokio::test]
async fn data_sources_decide_about_each_other() {
    let case = listing(
        r#"
        data "scripted_value" "each" {
          for_each = toset(data.scripted_value.list.value)
          name     = each.value
        }
        data "scripted_value" "counted" {
          count = length(data.scripted_value.list.value)
          name  = data.scripted_value.list.value[count.index]
        }
        resource "scripted_object" "x" {
          for_each = toset(flatten([for one in data.scripted_value.each : one.value]))
          name     = each.key
        }
        resource "scripted_object" "y" {
          for_each = toset(data.scripted_value.each["b"].value)
          name     = each.key
        }
        resource "scripted_object" "z" {
          for_each = toset(flatten(data.scripted_value.counted[*].value))
          name     = each.key
        }
        "#,
    );
    let expected = [
        "scripted_object.x[\"c\"]",
        "scripted_object.x[\"d\"]",
        "scripted_object.y[\"d\"]",
        "scripted_object.z[\"c\"]",
        "scripted_object.z[\"d\"]",
    ];
    assert_eq!(case.wanted().await, expected);
    let mut read = case.read();
    read.sort();
    assert_eq!(read, ["a", "a", "b", "b", "list"]);
}

#[tokio::test]
async fn data_decides_through_modules() {
    let case = listing(
        r#"
        module "m" {
          source   = "./m"
          for_each = toset(data.scripted_value.list.value)
          name     = each.key
        }
        resource "scripted_object" "x" {
          for_each = toset(flatten([for one in module.m : one.names]))
          name     = each.key
        }
-- m
        variable "name" {}
        data "scripted_value" "inner" {
          name = var.name
        }
        output "names" {
          value = data.scripted_value.inner.value
        }
        resource "scripted_object" "inner" {
          count = length(data.scripted_value.inner.value)
          name  = var.name
        }
        "#,
    );
    let expected = [
        "scripted_object.x[\"c\"]",
        "scripted_object.x[\"d\"]",
        "module.m[\"a\"].scripted_object.inner[0]",
        "module.m[\"b\"].scripted_object.inner[0]",
    ];
    assert_eq!(case.wanted().await, expected);
    assert_eq!(case.read(), ["list", "a", "b"]);
}

#[tokio::test]
async fn connections_may_come_from_data() {
    let case = listing(
        r#"
        provider "scripted" {
          alias    = "east"
          endpoint = data.scripted_value.list.value[0]
        }
        data "scripted_value" "there" {
          provider = scripted.east
          name     = "number"
        }
        resource "scripted_object" "x" {
          count    = data.scripted_value.there.value
          provider = scripted.east
          name     = "x${count.index}"
        }
        "#,
    );
    assert_eq!(case.wanted().await, ["scripted_object.x[0]", "scripted_object.x[1]"]);
    assert_eq!(case.world.calls_of(Operation::Connect), ["", "a"]);
}

#[tokio::test]
async fn a_resource_is_named_that_the_shape_waits_for() {
    let case = Case::new(
        r#"
        provider "scripted" {}
        resource "scripted_numbered" "first" {}
        locals {
          names = [scripted_numbered.first.id]
        }
        data "scripted_value" "unknown" {
          name = local.names[0]
        }
        data "scripted_value" "later" {
          name       = "number"
          depends_on = [scripted_numbered.first]
        }
        # Another one with the same configuration waits for nothing.
        data "scripted_value" "now" {
          name = "number"
        }
        resource "scripted_object" "now" {
          count = data.scripted_value.now.value
          name  = "now"
        }
        resource "scripted_object" "x" {
          for_each = toset(local.names)
          name     = each.key
        }
        resource "scripted_object" "y" {
          count = data.scripted_value.unknown.value
          name  = "y"
        }
        resource "scripted_object" "z" {
          count = data.scripted_value.later.value
          name  = "z"
        }
        "#,
    );
    let problems = case.problems().await;
    let waits: Vec<_> = problems.iter().map(|problem| problem.rsplit_once("be. ").expect("a reason")).collect();
    assert!(waits[0].0.starts_with("23 Invalid for_each argument: "), "{waits:?}");
    assert!(waits[1].0.starts_with("27 Invalid count argument: "), "{waits:?}");
    let reasons: Vec<&str> = waits.iter().map(|(_, reason)| *reason).collect();
    assert_eq!(
        reasons,
        [
            "local.names waits for scripted_numbered.first.",
            "data.scripted_value.unknown.value waits for scripted_numbered.first.",
            "data.scripted_value.later.value waits for scripted_numbered.first.",
        ]
    );
    assert_eq!(case.read(), ["number"]);
}

#[tokio::test]
async fn what_does_not_wait_is_read_though_the_rest_does() {
    let case = listing(
        r#"
        resource "scripted_numbered" "first" {}
        resource "scripted_object" "x" {
          for_each = toset(data.scripted_value.list.value)
          name     = each.key
        }
        resource "scripted_object" "y" {
          for_each = toset([scripted_numbered.first.id])
          name     = each.key
        }
        "#,
    );
    let problems = case.problems().await;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with("13 Invalid for_each argument"), "{problems:?}");
}

#[tokio::test]
async fn an_error_of_reading_is_told_once_at_the_data_block() {
    let case = listing(
        r#"
        resource "scripted_object" "x" {
          for_each = toset(data.scripted_value.list.value)
          name     = each.key
        }
        resource "scripted_object" "y" {
          count = length(data.scripted_value.list.value)
          name  = "y${count.index}"
        }
        "#,
    );
    case.world.script(Rule::on(Operation::Data).of("list").fails(Error::denied("not for you")));
    assert_eq!(case.problems().await, ["3 Cannot read a data source: not for you"]);
}

#[tokio::test]
async fn all_errors_of_a_round_are_told() {
    let case = Case::new(
        r#"
        data "scripted_value" "absent" {
          for_each = toset(["q", "r"])
          name     = each.key
        }
        resource "scripted_object" "x" {
          count = length(data.scripted_value.absent["q"].value) + length(data.scripted_value.absent["r"].value)
          name  = "x"
        }
        "#,
    );
    let expected = ["q", "r"].map(|name| format!("2 Cannot read a data source: name: there is no object {name}"));
    assert_eq!(case.problems().await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_passes_is_waited_out() {
    let case = listing(
        r#"
        resource "scripted_object" "x" {
          count = length(data.scripted_value.list.value)
          name  = "x${count.index}"
        }
        "#,
    );
    case.world.script(Rule::on(Operation::Data).of("list").times(2).fails(Error::transient("busy")));
    assert_eq!(case.wanted().await.len(), 2);
}

#[tokio::test]
async fn a_data_source_is_read_only_where_its_preconditions_hold() {
    let case = Case::new(
        r#"
        data "scripted_value" "list" {
          name = "list"
          lifecycle {
            precondition {
              condition     = path.module == "x"
              error_message = "never"
            }
          }
        }
        resource "scripted_object" "x" {
          count = length(data.scripted_value.list.value)
          name  = "x"
        }
        "#,
    );
    let problems = case.problems().await;
    assert_eq!(problems[0], "6 Resource precondition failed: never");
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(case.read(), Vec::<String>::new());
}

#[tokio::test]
async fn other_errors_are_told_before_anything_is_read() {
    let case = listing(
        r#"
        resource "scripted_object" "x" {
          count = length(data.scripted_value.list.value)
          name  = "x"
        }
        resource "scripted_object" "y" {
          count = -1
          name  = "y"
        }
        "#,
    );
    let problems = case.problems().await;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with("12 Invalid count argument"), "{problems:?}");
    assert_eq!(case.read(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_read_as_sensitive_decides_nothing() {
    let case = Case::new(
        r#"
        data "scripted_value" "list" {
          name = sensitive("list")
        }
        resource "scripted_object" "x" {
          for_each = toset([data.scripted_value.list.name])
          name     = "x"
        }
        "#,
    );
    let problems = case.problems().await;
    assert!(problems[0].contains("Sensitive values"), "{problems:?}");
}

#[tokio::test]
async fn nothing_is_read_where_that_is_asked_for() {
    let case = listing(
        r#"
        resource "scripted_object" "x" {
          count = length(data.scripted_value.list.value)
          name  = "x"
        }
        "#,
    );
    let (_, problems) = settle_unread(case.inputs.clone());
    let detail = "What data.scripted_value.list says decides what there is to be, and it is not read for this plan.";
    assert_eq!(case.told(&problems), [format!("3 Data source not read: {detail}")]);
    let sketch = Inputs { unknown_repetition: UnknownRepetition::Represent, ..case.inputs.clone() };
    let (desired, problems) = compile(sketch);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(addresses(&desired), ["scripted_object.x"]);
    assert!(Evaluation::new(&desired).validate().is_empty());
    assert_eq!(case.world.calls(), []);
}

#[tokio::test]
async fn a_block_of_the_domain_has_something_read() {
    let text = r#"
        provider "scripted" {}
        reading "one" {
          name = "list"
        }
        reading "two" {
          name = "list"
          then = true
        }
        "#;
    let case = Case::new(text);
    assert_eq!(case.wanted().await, ["reading.one/a", "reading.one/b", "reading.two/c", "reading.two/d"]);
    // Blocks that ask the same share the answer.
    assert_eq!(case.read(), ["list", "a", "b"]);
    let case = Case::new(text);
    case.world.script(Rule::on(Operation::Data).of("list").fails(Error::failed("no")));
    assert_eq!(case.problems().await, ["3 Cannot read a data source: no"]);
    let (_, problems) = settle_unread(case.inputs.clone());
    let detail =
        format!("What the data source {VALUE} says decides what there is to be, and it is not read for this plan.");
    assert_eq!(case.told(&problems), [format!("3 Data source not read: {detail}")]);
}

#[tokio::test]
async fn a_block_of_the_domain_is_decided_by_a_data_block() {
    let case = listing(
        r#"
        reading "each" {
          for_each = toset(data.scripted_value.list.value)
          name     = each.key
        }
        reading "named" {
          name = data.scripted_value.list.value[1]
        }
        "#,
    );
    assert_eq!(case.wanted().await, ["reading.each[\"a\"]/c", "reading.each[\"b\"]/d", "reading.named/d"]);
}

#[tokio::test]
async fn a_block_of_the_domain_asks_a_connection_that_is_there() {
    let case = Case::new("reading \"one\" {\n  name = \"list\"\n}\n");
    let problems = case.problems().await;
    assert_eq!(
        problems,
        ["1 No such connection: reading.one is to be asked through provider.scripted, which is not declared."]
    );
}
