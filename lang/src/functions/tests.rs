use proptest::prelude::*;
use serde_json::json;

use crate::eval::Host;
use crate::types::Type;
use crate::value::{Data, Marks, Value};

use super::table::Allows;
use super::{CallErrorKind, call, lookup, names};

/// A host with two files and a fixed time.
struct FixedHost;

impl Host for FixedHost {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        match path {
            "a.txt" | "/home/me/a.txt" => Ok(b"hello".to_vec()),
            "binary" => Ok(vec![0xff]),
            _ => Err(format!("no file exists at {path:?}")),
        }
    }

    fn exists(&self, path: &str) -> Result<bool, String> {
        Ok(path == "a.txt")
    }

    fn files(&self, _directory: &str) -> Result<Vec<String>, String> {
        Ok(vec!["a.txt".to_owned(), "b/c.txt".to_owned(), "b/d.json".to_owned()])
    }

    fn absolute(&self, path: &str) -> Result<String, String> {
        Ok(if path.starts_with('/') { path.to_owned() } else { format!("/here/{path}") })
    }

    fn home(&self) -> Option<String> {
        Some("/home/me".to_owned())
    }

    fn now(&self) -> Option<String> {
        Some("2024-02-29T12:00:00Z".to_owned())
    }

    fn plan_time(&self) -> Option<String> {
        Some("2024-02-29T11:00:00Z".to_owned())
    }
}

/// The value that JSON is, with arrays as tuples and objects as objects.
fn value(json: &serde_json::Value) -> Value {
    Value::from_json_untyped(json)
}

/// Calls a function with a JSON array of arguments; the result in debug form, or the message.
fn result(name: &str, arguments: &serde_json::Value) -> String {
    let arguments = arguments.as_array().expect("an array").iter().map(value).collect();
    match call(name, arguments, &FixedHost) {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("{}: {}", error.summary(), error.message),
    }
}

fn check(name: &str, arguments: serde_json::Value, expected: &str) {
    assert_eq!(result(name, &arguments), expected, "{name}({arguments})");
}

#[test]
fn the_table_is_complete() {
    let reference: serde_json::Value =
        serde_json::from_str(include_str!("../../tests/vectors/functions.json")).expect("JSON");
    let reference = reference.as_object().expect("an object");
    let mut expected: Vec<&str> = reference.keys().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(names().collect::<Vec<_>>(), expected);
    assert_eq!(expected.len(), 118);
    for (name, signature) in reference {
        let function = lookup(name).expect("a function");
        let describe = |parameter: &super::Parameter| {
            let mut described = json!({"name": parameter.name, "type": parameter.ty.to_json()});
            if parameter.allows.contains(Allows::NULL) {
                described["is_nullable"] = json!(true);
            }
            described
        };
        let parameters: Vec<_> = function.parameters.iter().map(describe).collect();
        assert_eq!(json!(parameters), signature["parameters"], "{name}");
        assert_eq!(function.variadic.as_ref().map(describe), signature.get("variadic_parameter").cloned(), "{name}");
        assert!(function.doc.ends_with('.'), "{name} is not documented");
    }
}

#[test]
fn what_is_wrong_with_a_call_is_told_apart() {
    let kind = |name, arguments| call(name, arguments, &FixedHost).expect_err("an error").kind;
    assert_eq!(kind("nosuch", vec![]), CallErrorKind::UnknownFunction);
    assert_eq!(kind("abs", vec![]), CallErrorKind::TooFewArguments);
    assert_eq!(kind("abs", vec![Value::TRUE, Value::TRUE]), CallErrorKind::TooManyArguments);
    assert_eq!(kind("abs", vec![Value::string("x")]), CallErrorKind::Argument);
    assert_eq!(kind("abs", vec![Value::null(Type::Number)]), CallErrorKind::Argument);
    assert_eq!(kind("try", vec![]), CallErrorKind::Failed);
}

#[test]
fn marks_of_arguments_go_to_the_result() {
    let upper = call("upper", vec![Value::string("a").sensitive()], &FixedHost).expect("a value");
    assert_eq!(upper, Value::string("A").sensitive());
    let inner = Value::tuple([Value::string("a").sensitive()]);
    assert!(call("join", vec![Value::string(","), inner.clone()], &FixedHost).expect("a value").is_sensitive());
    assert!(!call("reverse", vec![inner], &FixedHost).expect("a value").is_sensitive());
    let secret = call("parseint", vec![Value::string("hunter2").sensitive(), Value::number(10)], &FixedHost);
    assert!(!secret.expect_err("not a number").message.contains("hunter2"));
}

#[test]
fn unknown_arguments_make_unknown_results() {
    let result = call("upper", vec![Value::unknown(Type::String).sensitive()], &FixedHost).expect("a value");
    let Data::Unknown(unknown) = result.data() else { panic!("known: {result:?}") };
    assert!(unknown.not_null && unknown.ty == Type::String && result.is_sensitive());
    let open = call("regex", vec![Value::unknown(Type::String), Value::string("a")], &FixedHost).expect("a value");
    assert_eq!(open.ty(), Type::Any);
    assert!(call("regex", vec![Value::string("("), Value::unknown(Type::String)], &FixedHost).is_err());
}

#[test]
fn ephemeral_values_become_null() {
    let value = Value::object([("a", Value::string("x").mark(Marks::EPHEMERAL)), ("b", Value::TRUE)]);
    let result = call("ephemeralasnull", vec![value], &FixedHost).expect("a value");
    assert_eq!(format!("{result:?}"), r#"{"a": null(string), "b": true}"#);
    assert!(result.deep_marks().is_empty());
}

#[test]
fn formats() {
    check("format", json!(["%05.1f|%-6d|%+d|%x", 2.71, 42, 7, 255]), r#""002.7|42    |+7|ff""#);
    check("format", json!(["%v %v", 1000000, [null]]), r#""1e+06 [null]""#);
    check("format", json!(["%.0f %.0f %.2e", 0.5, 1.5, 12345]), r#""0 2 1.23e+04""#);
    check(
        "format",
        json!(["%s", "a", "b"]),
        "Invalid function argument: too many arguments; only 1 used by format string",
    );
    check("format", json!(["%100001d", 1]), "Error in function call: widths and precisions must not exceed 100000");
}

#[test]
fn times() {
    check("timeadd", json!(["2024-02-29T23:00:00+02:00", "1h30m"]), r#""2024-03-01T00:30:00+02:00""#);
    check("timecmp", json!(["2024-02-29T23:00:00+01:00", "2024-02-29T22:00:00Z"]), "0");
    check(
        "formatdate",
        json!(["EEE D 'o''clock' HH aa ZZZ", "2024-02-29T00:00:00-05:30"]),
        r#""Thu 29 o'clock 12 am -0530""#,
    );
    check("timestamp", json!([]), r#""2024-02-29T12:00:00Z""#);
    check("plantimestamp", json!([]), r#""2024-02-29T11:00:00Z""#);
}

#[test]
fn networks() {
    check("cidrhost", json!(["10.0.0.0/8", -1]), r#""10.255.255.255""#);
    check("cidrsubnet", json!(["2001:db8::/32", 32, 5]), r#""2001:db8:0:5::/64""#);
    check("cidrsubnets", json!(["0.0.0.0/0", 1, 1]), r#"list(string)["0.0.0.0/1", "128.0.0.0/1"]"#);
    check(
        "cidrsubnet",
        json!(["10.0.0.0/8", -1, 0]),
        "Error in function call: insufficient address space to extend prefix of 8 by -1",
    );
    check("cidrnetmask", json!(["010.0.0.0/0"]), r#""0.0.0.0""#);
}

#[test]
fn files() {
    check("file", json!(["~/a.txt"]), r#""hello""#);
    check("file", json!(["none"]), "Error in function call: no file exists at \"none\"");
    check("filesha1", json!(["a.txt"]), r#""aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d""#);
    check("fileset", json!([".", "**/*.txt"]), r#"set(string)["a.txt", "b/c.txt"]"#);
    check("abspath", json!(["x/../y"]), r#""/here/y""#);
    assert!(result("file", &json!(["binary"])).contains("not valid UTF-8"));
}

#[test]
fn yaml() {
    check(
        "yamldecode",
        json!(["a: &x [1, '1', 0x1f]\nb:\n  <<: {c: 1, d: 2}\n  c: 3\ne: *x\n"]),
        r#"{"a": [1, "1", 31], "b": {"c": 3, "d": 2}, "e": [1, "1", 31]}"#,
    );
    check(
        "yamlencode",
        json!([{"a": [1, {"b": "x\ny\n", "c": []}], "d": "l1\nl2", "e": {}}]),
        "\"\\\"a\\\":\\n- 1\\n- \\\"b\\\": |\\n    x\\n    y\\n  \\\"c\\\": []\\n\\\"d\\\": |-\\n  l1\\n  l2\\n\\\"e\\\": {}\\n\"",
    );
    let laughs = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned()
        + &(b'b'..=b'm')
            .map(|c| {
                let (c, p) = (char::from(c), char::from(c - 1));
                format!("{c}: &{c} [*{p},*{p},*{p},*{p},*{p},*{p},*{p},*{p},*{p}]\n")
            })
            .collect::<String>();
    assert!(result("yamldecode", &json!([laughs])).contains("too many values"));
}

#[test]
fn hostile_arguments_are_refused() {
    check(
        "range",
        json!([1e18]),
        "Error in function call: more than 1024 values were generated; either decrease the difference between start and end or use a smaller step",
    );
    check("indent", json!([1e9, "a\nb"]), "Error in function call: the number of spaces must be between 0 and 1000");
    check("bcrypt", json!(["x", 31]), "Invalid function argument: cost must be between 4 and 16");
    check("pow", json!([10, 400]), "Error in function call: the result is not a number, or too large for one");
    let hundred: Vec<u32> = (0..100).collect();
    check(
        "setproduct",
        json!([hundred, hundred, hundred, hundred]),
        "Error in function call: more than 1000000 combinations would be generated",
    );
    let long = "a".repeat(10_000);
    check("replace", json!([long, "a", long]), "Error in function call: the result would be too long");
    assert!(result("jsondecode", &json!(["[".repeat(100_000)])).starts_with("Error in function call"));
    assert!(result("yamldecode", &json!(["[".repeat(100_000)])).starts_with("Error in function call"));
}

#[test]
fn passwords_are_hashed() {
    let hash = call("bcrypt", vec![Value::string("secret"), Value::number(4)], &FixedHost).expect("a value");
    let hash = hash.as_str().expect("a string");
    assert!(hash.starts_with("$2a$04$"));
    assert!(bcrypt::verify("secret", hash).expect("a hash"));
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::null(Type::Any)),
        any::<bool>().prop_map(Value::bool),
        (-20_i64..2000).prop_map(Value::number),
        any::<i64>().prop_map(Value::number),
        (-1.0e30..1.0e30_f64).prop_map(|float| crate::Number::from_f64(float).map_or(Value::TRUE, Value::number)),
        ".{0,12}".prop_map(Value::string),
        "[a-z ]{70,200}".prop_map(Value::string),
        "[a \\n\\t]{0,20}".prop_map(Value::string),
        "[-+ 0-9#.]{0,4}%[-+ 0#]{0,3}[0-9]{0,3}(\\.[0-9]{0,2})?(\\[[0-9]\\])?[a-zA-Z%]".prop_map(Value::string),
        "[0-9a-f:.]{1,12}/[0-9]{1,3}".prop_map(Value::string),
        "\\PC{0,6}[\\[\\](){}?*+\\\\|^$.]{0,6}".prop_map(Value::string),
        Just(Value::string("2024-02-29T12:00:00Z")),
        Just(Value::unknown(Type::String)),
        Just(Value::unknown(Type::set(Type::String))),
        Just(Value::unknown(Type::Any)),
        Just(Value::unknown(Type::list(Type::Number))),
        Just(Value::unknown(Type::tuple([Type::Bool]))),
    ];
    let leaf = (leaf, any::<bool>()).prop_map(|(value, secret)| if secret { value.sensitive() } else { value });
    leaf.prop_recursive(3, 12, 4, |inner| {
        let items = prop::collection::vec(inner.clone(), 0..4);
        let entries = prop::collection::vec(("[a-c]", inner), 0..4);
        prop_oneof![
            items.prop_map(Value::tuple),
            entries.clone().prop_map(Value::object),
            prop::collection::vec("[a-c]{0,2}", 0..4).prop_map(Value::strings),
            entries.prop_map(|e| Value::map(Type::String, e.into_iter().map(|(k, _)| (k, Value::string("v"))))),
        ]
    })
}

proptest! {
    #[test]
    fn no_function_panics_or_loses_marks(arguments in prop::collection::vec(any_value(), 0..4)) {
        for name in names() {
            // Made to be slow, or to take marks away.
            if ["bcrypt", "nonsensitive", "issensitive", "can", "ephemeralasnull"].contains(&name) {
                continue;
            }
            let secret = arguments.iter().any(Value::is_sensitive);
            // Which argument coalesce and lookup give depends on the others alone in part.
            let picks = ["lookup"].contains(&name);
            if let Ok(result) = call(name, arguments.clone(), &FixedHost) {
                prop_assert!(picks || !secret || !result.deep_marks().is_empty(), "{name} lost a mark");
            }
        }
    }

    #[test]
    fn format_never_panics(verb in "%[-+ 0#]{0,3}[0-9]{0,3}(\\.[0-9]{0,2})?(\\[[0-9]\\])?.", argument in any_value()) {
        let _ = call("format", vec![Value::string(verb), argument], &FixedHost);
    }

    #[test]
    fn json_comes_back(value in any_value()) {
        let known = value.unmark_deep();
        prop_assume!(known.is_wholly_known());
        let text = call("jsonencode", vec![known.clone()], &FixedHost).expect("encodes");
        let back = call("jsondecode", vec![text], &FixedHost).expect("decodes");
        prop_assert_eq!(back.to_json(), known.to_json());
    }

    #[test]
    fn yaml_comes_back(value in any_value()) {
        let known = value.unmark_deep();
        prop_assume!(known.is_wholly_known());
        let text = call("yamlencode", vec![known.clone()], &FixedHost).expect("encodes");
        let back = call("yamldecode", vec![text.clone()], &FixedHost);
        let back = back.map_err(|error| TestCaseError::fail(format!("{}: {text:?}", error.message)))?;
        prop_assert_eq!(back.to_json(), known.to_json(), "{:?}", text);
    }

    #[test]
    fn base64_comes_back(text in ".*") {
        let encoded = call("base64encode", vec![Value::string(text.as_str())], &FixedHost).expect("encodes");
        prop_assert_eq!(call("base64decode", vec![encoded], &FixedHost), Ok(Value::string(text)));
    }

    #[test]
    fn subnets_lie_in_their_prefix(base in any::<u32>(), length in 0_u32..=32, bits in 0_u32..=32, number in any::<u16>()) {
        let prefix = format!("{}/{length}", std::net::Ipv4Addr::from(base));
        let arguments = vec![Value::string(prefix.as_str()), Value::number(bits), Value::number(i64::from(number))];
        if let Ok(subnet) = call("cidrsubnet", arguments, &FixedHost) {
            let subnet: ipnet::Ipv4Net = subnet.as_str().expect("a string").parse().expect("a prefix");
            let prefix: ipnet::Ipv4Net = prefix.parse().expect("a prefix");
            prop_assert!(prefix.contains(&subnet));
            prop_assert_eq!(u32::from(subnet.prefix_len()), length + bits);
        }
    }
}
