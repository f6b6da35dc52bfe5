//! Whatever an expression asks for, evaluating it ends, and before the memory does.

use portolan_lang::eval::evaluate;
use portolan_lang::syntax::parse_expr;
use portolan_lang::{FileId, Type, Value, limits};

use crate::scope::Tables;

/// The value of an expression in which `var.a` is this value, or the summaries of its problems.
fn value_of(text: &str, a: Value) -> Result<Value, Vec<String>> {
    let mut tables = Tables::default();
    tables.variables.insert("a".to_owned(), a);
    let (expr, problems) = parse_expr(FileId(0), text);
    assert!(!problems.has_errors(), "{problems:?}");
    let (value, problems) = evaluate(&expr, &tables);
    match problems.is_empty() {
        true => Ok(value),
        false => Err(problems.into_iter().map(|problem| format!("{}: {}", problem.summary, problem.detail)).collect()),
    }
}

/// Evaluates the expression again and again, each time with what came out before; the problems
/// that end it.
fn repeated(text: &str, first: Value) -> Vec<String> {
    let mut value = Ok(first);
    for _ in 0..200 {
        value = value.and_then(|value| value_of(text, value));
    }
    value.expect_err(text)
}

fn refused(text: &str, a: Value, why: &str) {
    let problems = value_of(text, a).expect_err(text);
    assert!(problems.iter().any(|problem| problem.contains(why)), "{text}: {problems:?}");
}

/// A text of a MiB: of values that hold it, not many are needed to be too large.
fn long() -> Value {
    Value::string("x".repeat(1 << 20))
}

/// A value of so many MiB, in little memory.
fn large(mebibytes: u64) -> Value {
    let mut value = long();
    while u64::from(value.size()) < mebibytes << 20 {
        value = Value::tuple([value.clone(), value]);
    }
    value
}

#[test]
fn values_that_double() {
    for (text, first, why) in [
        ("[var.a, var.a]", long(), "Value too large"),
        ("{x = var.a, y = {z = var.a}}", long(), "Value too large"),
        ("concat(var.a, var.a)", Value::tuple([long()]), "Value too large"),
        ("concat(var.a, var.a)", Value::list(Type::String, [long()]), "Value too large"),
        ("merge({x = var.a}, {y = var.a})", long(), "Value too large"),
        ("[for i in range(3) : var.a]", long(), "Value too large"),
        ("{for i in range(3) : i => var.a}", long(), "Value too large"),
        ("[var.a, var.a][*][*]", long(), "Value too large"),
        ("setproduct(var.a, [1, 2])", Value::tuple([long()]), "more than 256 MiB"),
        ("setproduct(var.a, toset(var.a))", Value::tuple([Value::string("x"), long()]), "more than 256 MiB"),
        ("chunklist([var.a, var.a], 1)", long(), "too large"),
        ("true ? [var.a, var.a] : null", long(), "Value too large"),
        ("[var.a]", Value::TRUE, "Nested too deeply"),
        ("{a = var.a}", Value::unknown(Type::Any), "Nested too deeply"),
        ("tolist([var.a])", Value::TRUE, "Nested too deeply"),
    ] {
        let problems = repeated(text, first);
        assert!(problems.iter().any(|problem| problem.contains(why)), "{text}: {problems:?}");
    }
}

/// A value of which only the type is known, or that is null, can have a type that doubles.
#[test]
fn types_that_double() {
    let ty = Type::object([("x".repeat(1 << 20), Type::String)]);
    for first in [Value::null(ty.clone()), Value::unknown(ty)] {
        for text in ["[var.a, var.a]", "true ? [var.a, var.a] : null", "{x = var.a, y = [var.a]}"] {
            let problems = repeated(text, first.clone());
            assert!(problems.iter().any(|problem| problem.contains("Value too large")), "{text}: {problems:?}");
        }
    }
}

#[test]
fn texts_that_double() {
    for text in [
        "\"${var.a}${var.a}\"",
        "join(var.a, [var.a, var.a])",
        "format(\"%s%s\", var.a, var.a)",
        "format(\"%[1]s%[1]s\", var.a)",
        "replace(var.a, \"/x+/\", \"$0$0\")",
        "base64encode(var.a)",
        "jsonencode([var.a, var.a])",
        "yamlencode([var.a, var.a])",
        "\"%{for x in [1, 2]}${var.a}%{endfor}\"",
        "templatestring(var.a, {}) == \"\" ? \"\" : \"${var.a}${var.a}\"",
    ] {
        let problems = repeated(text, Value::string("x".repeat(1 << 18)));
        assert!(problems.iter().any(|problem| problem.contains("too long")), "{text}: {problems:?}");
    }
}

#[test]
fn a_little_that_asks_for_much() {
    for (text, why) in [
        ("[for i in range(1024) : var.a]", "Value too large"),
        ("{for i in range(1024) : \"${i}${var.a}\" => i}", "Value too large"),
        ("[for i in range(1024) : [for j in range(1024) : [for k in range(1024) : [k, var.a]]]]", "Value too large"),
        ("{for i in range(1024) : \"same\" => var.a...}", "Value too large"),
        ("range(1024)[*]", ""),
        ("replace(var.a, \"x\", var.a)", "too long"),
        ("indent(1000, replace(var.a, \"x\", \"\\n\"))", "too long"),
        ("range(1e9)", "more than 1024 values"),
        ("range(0, 1, 1e-9)", "more than 1024 values"),
        ("setproduct(toset([var.a]), range(1000), range(900))", "more than 256 MiB"),
        ("setproduct(range(1024), range(1024), range(2))", "combinations"),
        ("jsondecode(\"[${join(\"\", [for i in range(9) : replace(var.a, \"x\", \"0,\")])}0]\")", "too many values"),
        ("cidrsubnets(\"10.0.0.0/8\", [for i in range(1024) : 20]...)", ""),
        (
            "\"%{for i in range(1024)}%{for j in range(1024)}LONG%{for k in range(1024)}LONG%{endfor}%{endfor}%{endfor}\"",
            "too long",
        ),
    ] {
        let text = text.replace("LONG", &"0123456789".repeat(1000));
        match value_of(&text, long()) {
            Ok(_) => assert_eq!(why, "", "{text}"),
            Err(problems) => assert!(problems.iter().any(|problem| problem.contains(why)), "{text}: {problems:?}"),
        }
    }
}

/// Each round is given a large value, so that many steps take a short time.
#[test]
fn loops_that_would_not_end() {
    let endless = "[for i in range(1024) : [for j in range(1024) : length(var.a)]]";
    refused(endless, large(128), "Evaluation takes too long");
    for text in ["try(X, 1)", "can(X)", "true ? 1 : X", "\"%{if true}a%{else}${X}%{endif}\"", "[X, X]"] {
        refused(&text.replace('X', endless), large(128), "Evaluation takes too long");
    }
    let hashes = "[for i in range(1024) : [for j in range(100) : rsadecrypt(\"\", \"\")]]";
    refused(hashes, Value::TRUE, "Evaluation takes too long");
}

#[test]
fn numbers_without_measure() {
    let large = Value::number("1e20000".parse::<portolan_lang::Number>().expect("a number"));
    for text in ["var.a * var.a", "var.a / 1e-20000", "-var.a * 1e10000 - var.a", "sum([var.a, var.a]) * 1e9000"] {
        let problems = repeated(text, large.clone());
        assert!(problems.iter().any(|problem| problem.contains("too large for a number")), "{text}: {problems:?}");
    }
    refused("tonumber(\"1e999999999\")", large.clone(), "number");
    refused("parseint(\"${join(\"\", [for i in range(1000) : \"99999999999\"])}\", 10)", large.clone(), "parse");
    refused("jsondecode(\"1e999999999\")", large.clone(), "");
    refused("yamldecode(\"1e999999999\") + 1", large.clone(), "");
    refused("pow(10, 1000000000)", large.clone(), "too large");
    let digits = value_of("length(tostring(var.a))", large).expect("digits");
    assert_eq!(digits, Value::number(20_001));
}

/// What is there already may be named, looked at and handed on, however large it is.
#[test]
fn large_values_can_be_used() {
    let huge = large(2 * (limits::MAX_SIZE >> 20));
    for (text, expected) in [("length(var.a)", 2), ("length(var.a[0][1])", 2), ("length(true ? var.a : null)", 2)] {
        assert_eq!(value_of(text, huge.clone()), Ok(Value::number(expected)), "{text}");
    }
    assert!(value_of("var.a", huge.clone()).is_ok());
    assert!(value_of("try(var.a, null)", huge.clone()).is_ok());
    refused("[var.a]", huge, "Value too large");
}
