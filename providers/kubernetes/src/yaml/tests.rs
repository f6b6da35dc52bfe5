use portolan_lang::{Data, Number};
use proptest::prelude::*;

use super::*;
use portolan_lang::{Type, Value};

fn text() -> impl Strategy<Value = String> {
    let awkward = prop::sample::select(vec![
        "on",
        "1e3",
        "0x1f",
        "012",
        "null",
        "~",
        "yes",
        "1_000",
        "1:30",
        "2001-01-01",
        "a: b",
        "a #b",
        "- a",
        "",
        " ",
        "\n",
        "a\n",
        "a\n\n",
        "\na",
        " a\nb",
        "a\n b\n",
        "a \nb",
        "a\n\tb",
        "\ta\nb",
        "a\n \nb",
        "a\r\nb",
        "\u{85}",
        "\u{2028}",
        "\u{feff}a\nb",
        "---\na",
        "...\nb",
        "# a\n#b\n",
        "'",
        "\"",
        "\\n",
        "%TAG",
        "|\n",
        ">-\n",
        "é\nü",
    ]);
    prop_oneof![awkward.prop_map(str::to_owned), ".*", "[ a\n\t:#-]{0,12}", "(?s).{0,20}"]
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<f64>().prop_filter_map("finite", |float| float.to_string().parse().ok()),
        "-?[1-9][0-9]{0,60}".prop_filter_map("a number", |text| text.parse().ok()),
        "[0-9]{1,30}\\.[0-9]{1,30}".prop_filter_map("a number", |text| text.parse().ok()),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::null(Type::Any)),
        any::<bool>().prop_map(Value::bool),
        number().prop_map(Value::number),
        text().prop_map(Value::string),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::tuple),
            prop::collection::vec((text(), inner), 0..5).prop_map(Value::object),
        ]
    })
}

/// A value without null entries and of numbers that every reader keeps.
fn value_of_every_reader() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::bool),
        any::<i64>().prop_map(Value::number),
        text().prop_map(Value::string),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::tuple),
            prop::collection::vec((text(), inner), 0..5).prop_map(Value::object),
        ]
    })
}

/// The value as it is written: entries that are null are absent.
fn without_null_entries(value: &Value) -> Value {
    value.transform(&mut |value| match value.data() {
        Data::Object(entries) => {
            let present = entries.iter().filter(|(_, value)| !value.is_null());
            Value::object(present.map(|(name, value)| (name.clone(), value.clone())))
        }
        _ => value,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_written_is_read_back(value in value()) {
        let text = write(&value);
        let found = read(&text).map_err(|problem| TestCaseError::fail(format!("{problem}\n{text}")))?;
        prop_assert_eq!(found, without_null_entries(&value), "{}", text);
    }

    /// A reader of YAML 1.2 that keeps integers of 64 bits.
    #[test]
    fn other_readers_read_the_same(value in value_of_every_reader()) {
        let text = write(&value);
        let found: serde_json::Value = serde_norway::from_str(&text).map_err(|error| {
            TestCaseError::fail(format!("{error}\n{text}"))
        })?;
        prop_assert_eq!(found, value.to_json(), "{}", text);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "(?s)[-:?|>#&*!%@,\\[\\]{}'\" \na1\t]{0,40}|(?s).{0,60}") {
        let _ = read(&text);
    }
}

fn round_trip(value: Value, expected: &str) {
    assert_eq!(write(&value), expected);
    assert_eq!(read(expected), Ok(value));
}

#[test]
fn a_manifest_looks_as_people_write_it() {
    let container = Value::object([
        (
            "ports",
            Value::tuple([Value::object([("containerPort", Value::number(8080)), ("name", Value::string("http"))])]),
        ),
        ("image", Value::string("shop/api:1.2")),
        ("name", Value::string("api")),
        ("args", Value::tuple([Value::string("--verbose"), Value::string("8080")])),
        ("env", Value::tuple([Value::object([("name", Value::string("ON")), ("value", Value::string("true"))])])),
    ]);
    let labels = |value: &str| Value::object([("app", Value::string(value))]);
    let metadata = Value::object([
        ("namespace", Value::string("shop")),
        ("labels", labels("api")),
        ("name", Value::string("api")),
        ("annotations", Value::object::<&str>([])),
    ]);
    let deployment = Value::object([
        ("spec", Value::object([("containers", Value::tuple([container])), ("volumes", Value::tuple([]))])),
        ("metadata", metadata),
        ("kind", Value::string("Deployment")),
        ("apiVersion", Value::string("apps/v1")),
    ]);
    round_trip(
        deployment,
        "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
  namespace: shop
  labels:
    app: api
  annotations: {}
spec:
  containers:
  - name: api
    image: shop/api:1.2
    args:
    - --verbose
    - \"8080\"
    env:
    - name: \"ON\"
      value: \"true\"
    ports:
    - name: http
      containerPort: 8080
  volumes: []
",
    );
}

#[test]
fn text_of_several_lines_is_a_block() {
    let data = Value::object([
        ("a", Value::string("one\ntwo")),
        ("b", Value::string("one\n\n  two\n")),
        ("c", Value::string("one\n\n")),
        ("d", Value::string("  one\ntwo\n")),
        ("e", Value::string("one\r\ntwo")),
    ]);
    round_trip(
        Value::object([("data", data), ("list", Value::tuple([Value::string("x\ny\n")]))]),
        "\
data:
  a: |-
    one
    two
  b: |
    one

      two
  c: |+
    one

  d: |2
      one
    two
  e: \"one\\r\\ntwo\"
list:
- |
  x
  y
",
    );
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let deep = "- ".repeat(MAX_DEPTH + 1);
    let cases = [
        ("a: [1\nb: 2\n", "2:"),
        ("a: 1\na: 2\n", "2:1: the key \"a\" occurs twice"),
        ("a: &x 1\nb: *x\n", "2:4: aliases are not read here"),
        ("a: 1\n---\nb: 1\n", "2:1: a file holds one object"),
        ("<<: {a: 1}\n", "1:1: merge keys are not read here"),
        ("a: !secret b\n", "the tag !secret means nothing here"),
        ("a: .nan\n", "1:4: .nan is not a number"),
        ("? [a]\n: 1\n", "1:3: a key must be text"),
        (deep.as_str(), "more than 64 levels of nesting"),
    ];
    for (text, expected) in cases {
        let problem = read(text).expect_err("a problem").to_string();
        assert!(problem.contains(expected), "{text:?}: {problem}");
    }
    assert_eq!(read(""), Ok(Value::null(Type::Any)));
    assert_eq!(read("!!str 1"), Ok(Value::string("1")));
}
