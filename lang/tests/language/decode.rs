//! Blocks to values: text and schema in, values and problems out.

use portolan_lang::decode::{body_references, decode, expand, native, place_of, references_of, validate};
use portolan_lang::schema::{Attribute, Block, Schema};
use portolan_lang::syntax::{Body, parse_body, parse_json_body};
use portolan_lang::{AttributePath, Marks, Sources, Step, Type, Value};

use crate::scope::Tables;

/// A schema with a bit of everything.
fn schema() -> Schema {
    let port = Schema::new("A port.")
        .with(Attribute::required("number", Type::Number))
        .with(Attribute::optional("protocol", Type::String).default(Value::string("tcp")));
    let probe = Schema::new("A probe.").with(Attribute::optional("interval", Type::String));
    let rule = Schema::new("A rule.").with(Attribute::required("host", Type::String));
    Schema::new("A service.")
        .with(Attribute::required("image", Type::String))
        .with(Attribute::optional("replicas", Type::Number))
        .with(Attribute::optional("env", Type::map(Type::String)))
        .with(Attribute::computed("id", Type::String))
        .with(Attribute::references("depends_on"))
        .block(Block::single("probe", probe))
        .block(Block::list("rule", rule))
        .block(Block::named("port", port))
}

fn body(sources: &mut Sources, text: &str) -> Body {
    let is_json = text.trim_start().starts_with('{');
    let file = sources.add("main.hcl", text);
    let (body, problems) = if is_json { parse_json_body(file, text) } else { parse_body(file, text) };
    assert!(problems.is_empty(), "{problems:?}");
    body
}

fn tables() -> Tables {
    let mut tables = Tables::default();
    tables.variables.insert("unknown".to_owned(), Value::unknown(Type::list(Type::String)));
    tables.local("hosts", "[\"a\", \"b\"]");
    tables.local("nested", "{ a = [1], b = [2, 3] }");
    tables.local("secret", "sensitive([\"s\"])");
    tables
}

#[track_caller]
fn check(text: &str, wanted: &str) {
    let mut sources = Sources::new();
    let body = body(&mut sources, text);
    let (value, problems) = decode(&body, &schema(), &tables());
    let mut told = String::new();
    for problem in &problems {
        let place = problem.labels.first().map(|label| sources.position(label.span));
        let place = place.map_or_else(String::new, |place| format!("{}:{} ", place.line, place.column));
        let help = problem.help.as_ref().map_or_else(String::new, |help| format!(" ({help})"));
        told.push_str(&format!("{place}{}{help}\n", problem.summary));
    }
    let found = if problems.is_empty() { format!("{value:?}") } else { told };
    assert_eq!(found.trim_end(), wanted.trim_end(), "{text}");
    if problems.is_empty() {
        means_the_same_without_forms(body, &value);
    }
}

/// The value is the same where the JSON form is made native, and dynamic blocks are replaced.
fn means_the_same_without_forms(body: Body, value: &Value) {
    let (native, problems) = native(body, &schema());
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(decode(&native, &schema(), &tables()).0, *value);
    let tables = tables();
    let (expanded, problems) = expand(&native, &schema(), &tables);
    // Which blocks there are must be known, and is no secret.
    if problems.is_empty() {
        assert!(expanded.blocks("dynamic").next().is_none());
        assert_eq!(decode(&expanded, &schema(), &tables).0, *value);
    } else {
        let is_secret = value.deep_marks().contains(Marks::SENSITIVE);
        assert!(is_secret || !value.is_wholly_known(), "{problems:?}");
        assert!(problems.iter().all(|problem| problem.is_pending != is_secret), "{problems:?}");
    }
}

const MINIMAL: &str = r#"{"env": null(map(string)), "id": null(string), "image": "i", "port": {}, "probe": null(object({interval=string})), "replicas": null(number), "rule": list(object({host=string}))[]}"#;

#[test]
fn attributes_and_blocks_become_one_object() {
    check("image = \"i\"", MINIMAL);
    check("{\"image\": \"i\", \"//\": \"a comment\"}", MINIMAL);
    let whole = r#"{"env": map(string)[("A", "1")], "id": null(string), "image": "i", "port": {"http": {"number": 80, "protocol": "tcp"}}, "probe": {"interval": null(string)}, "replicas": 2, "rule": list(object({host=string}))[{"host": "a"}, {"host": "b"}]}"#;
    check(
        "image = \"i\"\nreplicas = \"2\"\nenv = { A = 1 }\ndepends_on = [a.b]\nport \"http\" {\n number = 80\n}\nprobe {}\nrule { host = \"a\" }\nrule { host = \"b\" }\n",
        whole,
    );
    check(
        r#"{"image": "i", "replicas": "${1 + 1}", "env": {"A": 1}, "depends_on": ["a.b"], "port": {"http": {"number": 80}}, "probe": {}, "rule": [{"host": "a"}, {"host": "${\"b\"}"}]}"#,
        whole,
    );
}

#[test]
fn what_does_not_fit_the_schema_is_told_all_at_once() {
    check(
        "imag = \"i\"\nid = \"x\"\nprobe = {}\nreplicas {}\nport {\n  number = 1\n}\nprob {}\n",
        "1:1 Unsupported argument (did you mean \"image\"?)
2:1 Value for unconfigurable attribute
3:1 Unsupported argument (probe is a block: write probe { … } without an equals sign)
4:1 Unsupported block type (replicas is an argument: write replicas = …)
5:6 Missing name for port (write port \"name\" { … })
8:1 Unsupported block type (did you mean \"probe\"?)
1:1 Missing required argument",
    );
    check(
        "image = \"i\"\nprobe {}\nprobe {}\nport \"a\" { number = 1 }\nport \"a\" { number = 2 }\nrule \"x\" { host = \"h\" }\n",
        "6:6 Extraneous label for rule
3:1 Duplicate probe block
5:1 Duplicate port block",
    );
    check(
        "image = null\nreplicas = \"x\"\nenv = {\n  a = \"1\"\n  b = [\"2\"]\n}\nport \"p\" {\n}\n",
        "1:9 Missing required argument
2:12 Incorrect attribute value type
5:7 Incorrect attribute value type
7:10 Missing required argument",
    );
    check(
        "image = var.nope\nreplicas = local.hosts.x\n",
        "1:9 Reference to undeclared name\n2:24 Unsupported attribute (write [*].x for the attribute of every element)",
    );
}

#[test]
fn dynamic_blocks_make_blocks() {
    check(
        "image = \"i\"\ndynamic \"rule\" {\n  for_each = local.hosts\n  content {\n    host = \"${rule.key}-${rule.value}\"\n  }\n}\n",
        &MINIMAL.replace(
            "list(object({host=string}))[]",
            r#"list(object({host=string}))[{"host": "0-a"}, {"host": "1-b"}]"#,
        ),
    );
    check(
        "image = \"i\"\ndynamic \"port\" {\n  for_each = { http = 80 }\n  iterator = it\n  labels = [it.key]\n  content {\n    number = it.value\n  }\n}\n",
        &MINIMAL.replace(r#""port": {}"#, r#""port": {"http": {"number": 80, "protocol": "tcp"}}"#),
    );
    // Iterators are bound in the labels and in the content alone, and an inner one hides an outer one.
    check(
        "image = \"i\"\ndynamic \"rule\" {\n  for_each = local.nested\n  content {\n    host = join(\",\", [for rule in rule.value : \"${rule}\"], [rule.key])\n  }\n}\n",
        &MINIMAL.replace(
            "list(object({host=string}))[]",
            r#"list(object({host=string}))[{"host": "1,a"}, {"host": "2,3,b"}]"#,
        ),
    );
    check(
        r#"{"image": "i", "dynamic": {"rule": {"for_each": ["a"], "content": {"host": "${rule.value}"}}}}"#,
        &MINIMAL.replace("list(object({host=string}))[]", r#"list(object({host=string}))[{"host": "a"}]"#),
    );
    check(
        "image = \"i\"\ndynamic \"rule\" {\n  for_each = var.unknown\n  content {\n    host = rule.value\n  }\n}\n",
        &MINIMAL.replace("list(object({host=string}))[]", "unknown(list(object({host=string})))"),
    );
    check(
        "image = \"i\"\ndynamic \"rule\" {\n  for_each = local.secret\n  content {\n    host = \"h\"\n  }\n}\n",
        &MINIMAL.replace("list(object({host=string}))[]", "list(object({host=string}))[(sensitive)]"),
    );
    check(
        "image = \"i\"\ndynamic \"rul\" {}\ndynamic \"rule\" {\n  each = 1\n}\ndynamic \"rule\" {\n  for_each = 1\n  content {\n    hos = 1\n  }\n}",
        "2:9 Unsupported block type (did you mean \"rule\"?)
4:3 Unsupported argument (the arguments of the blocks that it makes stand in content { … })
3:1 Missing for_each in dynamic block
3:1 Missing content in dynamic block
7:14 Invalid dynamic for_each value
9:5 Unsupported argument (did you mean \"host\"?)
8:11 Missing required argument",
    );
}

#[test]
fn shapes_are_checked_without_evaluation() {
    let mut sources = Sources::new();
    let body = body(
        &mut sources,
        "image = var.nope\nport \"a\" {\n  numbr = 1\n}\ndynamic \"rule\" {\n  for_each = x\n  content {}\n}\n",
    );
    let problems = validate(&body, &schema());
    let told: Vec<&str> = problems.iter().map(|problem| problem.summary.as_str()).collect();
    assert_eq!(told, ["Unsupported argument", "Missing required argument", "Missing required argument"]);
}

#[test]
fn references_of_bodies_are_complete() {
    let mut sources = Sources::new();
    let native = body(
        &mut sources,
        "image = \"${var.a}:${[for x in local.b[var.c]: \"${x}${each.key}\"][0]}\"\ndepends_on = [service.d]\nport \"p\" {\n  number = f(x.e[*].y[z.f])\n}\ndynamic \"rule\" {\n  for_each = g.h\n  content {\n    host = \"${rule.value}${i.j}%{ for q in k.l }${q}%{ endfor }\"\n  }\n}\n",
    );
    let names =
        |body: &Body| -> Vec<String> { body_references(body, &schema()).iter().map(ToString::to_string).collect() };
    let wanted =
        ["var.a", "local.b", "var.c", "each.key", "service.d", "x.e", "z.f", "g.h", "i.j", "k.l"].map(str::to_owned);
    assert_eq!(names(&native), wanted);
    let json = body(&mut sources, r#"{"image": "${var.a}", "depends_on": ["service.d"]}"#);
    assert_eq!(names(&json), ["var.a", "service.d"]);
}

#[test]
fn lists_of_references_hold_nothing_else() {
    let mut sources = Sources::new();
    let body = body(&mut sources, "depends_on = [a.b[\"k\"], c.d[0].e, \"f.g\", 1, h[i]]");
    let problems = references_of(&body.attributes[0]).expect_err("three of them are none");
    let places: Vec<&str> = problems.iter().map(|problem| sources.slice(problem.labels[0].span)).collect();
    assert_eq!(places, ["\"f.g\"", "1", "h[i]"]);
}

/// The text that stands at the place of a part; the steps are names, and numbers for positions.
fn written<'t>(text: &'t str, steps: &[&str]) -> Option<&'t str> {
    let mut sources = Sources::new();
    let body = body(&mut sources, text);
    let step = |step: &&str| match step.parse() {
        Ok(at) => Step::Index(at),
        Err(_) => Step::Attribute((*step).into()),
    };
    let path: AttributePath = steps.iter().map(step).collect();
    place_of(&body, &schema(), &tables(), path.steps()).map(|span| &text[span.range()])
}

#[test]
fn parts_are_found_where_they_are_written() {
    let text = r#"
image = "i"
env   = { A = "1", "B" = (upper("b")) }
probe {
  interval = "5s"
}
rule {
  host = "first"
}
dynamic "rule" {
  for_each = local.hosts
  content {
    host = rule.value
  }
}
rule {
}
port "http" {
  number = 80
}
dynamic "port" {
  for_each = local.hosts
  labels   = ["port-${port.value}"]
  content {
    number = 80 + port.key
  }
}
"#;
    for (path, place) in [
        (&["image"][..], "\"i\""),
        (&["env"], "{ A = \"1\", \"B\" = (upper(\"b\")) }"),
        (&["env", "A"], "\"1\""),
        (&["env", "B"], "(upper(\"b\"))"),
        (&["env", "C"], "{ A = \"1\", \"B\" = (upper(\"b\")) }"),
        (&["probe", "interval"], "\"5s\""),
        (&["probe"], "probe"),
        (&["probe", "nothing"], "probe"),
        (&["rule", "0", "host"], "\"first\""),
        (&["rule", "1", "host"], "rule.value"),
        (&["rule", "2", "host"], "rule.value"),
        (&["rule", "3", "host"], "rule"),
        (&["rule", "4", "host"], "rule"),
        (&["port", "http", "number"], "80"),
        (&["port", "port-b", "number"], "80 + port.key"),
        (&["port", "port-b"], "dynamic \"port\""),
        (&["port", "other"], "port \"http\""),
    ] {
        assert_eq!(written(text, path), Some(place), "{path:?}");
    }
    assert_eq!(written(text, &["replicas"]), None);
    assert_eq!(written(text, &[]), None);
}

#[test]
fn parts_are_found_in_the_json_form() {
    let text = r#"{"image": "i", "env": {"A": "1"}, "rule": [{"host": "first"}, {"host": "second"}],
        "port": {"http": {"number": 80}}, "dynamic": {"rule": {"for_each": "${local.hosts}",
        "content": {"host": "${rule.value}"}}}}"#;
    for (path, place) in [
        (&["image"][..], "\"i\""),
        (&["env", "A"], "\"1\""),
        (&["rule", "1", "host"], "\"second\""),
        (&["rule", "3", "host"], "\"${rule.value}\""),
        (&["port", "http", "number"], "80"),
    ] {
        assert_eq!(written(text, path), Some(place), "{path:?}");
    }
}
