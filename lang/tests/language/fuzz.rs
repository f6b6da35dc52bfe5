//! No text makes the language panic, and all problems point into the text.

use portolan_lang::diagnostic::Diagnostics;
use portolan_lang::eval::{evaluate, references};
use portolan_lang::syntax::{BlockShape, Body, parse_body, parse_expr, parse_json_body, parse_template};
use portolan_lang::{FileId, Type, Value};
use proptest::prelude::*;

use crate::scope::Tables;

/// Pieces of the language, put together at random.
const PIECES: &[&str] = &[
    "a",
    "b.c",
    "var.s",
    "var.u",
    "var.l",
    "1",
    "0.5",
    "1e9",
    "\"",
    "'",
    "${",
    "%{",
    "}",
    "~}",
    "{",
    "[",
    "]",
    "(",
    ")",
    "[*]",
    ".*",
    ".0",
    "...",
    "=>",
    "=",
    "==",
    "!",
    "!=",
    "<",
    ">=",
    "&&",
    "||",
    "?",
    ":",
    "+",
    "-",
    "*",
    "/",
    "%",
    ",",
    "\n",
    "\r\n",
    " ",
    "<<EOT\n",
    "<<-E\n",
    "EOT\n",
    "E\n",
    "# c\n",
    "// c\n",
    "/*",
    "*/",
    "for x in ",
    "for k, v in ",
    " if ",
    "if ",
    "else",
    "endif",
    "endfor",
    "in",
    "null",
    "true",
    "false",
    "try(",
    "can(",
    "length(",
    "templatestring(",
    "upper(\"x\")",
    "\\n",
    "\\u00e9",
    "\\",
    "$${",
    "%%{",
    "é",
    "\u{0301}",
    "😀",
    "\u{feff}",
    "a { b = 1 }\n",
    "a \"l\" {\n",
    "a = ",
    "{\"a\": ",
    "\"a\"",
];

fn pieces() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(PIECES), 0..24).prop_map(|pieces| pieces.concat())
}

fn tables() -> Tables {
    let mut tables = Tables::default();
    tables.variables.insert("s".to_owned(), Value::string("s").sensitive());
    tables.variables.insert("u".to_owned(), Value::unknown(Type::Any));
    tables.variables.insert("l".to_owned(), Value::tuple([Value::number(1), Value::null(Type::String)]));
    tables
}

fn check_places(text: &str, problems: &Diagnostics) {
    for label in problems.iter().flat_map(|problem| &problem.labels) {
        let range = label.span.range();
        assert!(text.get(range.clone()).is_some(), "{range:?} is no place in {text:?}");
    }
}

fn evaluate_all(body: &Body, text: &str, tables: &Tables) {
    for attribute in &body.attributes {
        references(&attribute.expr);
        let (_, problems) = evaluate(&attribute.expr, tables);
        check_places(text, &problems);
    }
    for block in &body.blocks {
        evaluate_all(&block.body, text, tables);
    }
}

fn run(text: &str) {
    let tables = tables();
    let (body, problems) = parse_body(FileId(0), text);
    check_places(text, &problems);
    evaluate_all(&body, text, &tables);
    for parse in [parse_expr, parse_template] {
        let (expr, problems) = parse(FileId(0), text);
        check_places(text, &problems);
        let (_, problems) = evaluate(&expr, &tables);
        check_places(text, &problems);
    }
    for text in [text.to_owned(), serde_json::json!({ "a": text, "b": [{ "c": text }], text: 1 }).to_string()] {
        let (body, problems) = parse_json_body(FileId(0), &text);
        check_places(&text, &problems);
        let (body, problems) = body.resolved(&[BlockShape { keyword: "b", labels: 0 }]);
        check_places(&text, &problems);
        evaluate_all(&body, &text, &tables);
    }
}

#[test]
fn texts_that_once_went_wrong() {
    for text in [
        "",
        "\"",
        "a = \"",
        "a = <<EOT",
        "a = <<EOT\n",
        "${",
        "%{",
        "%{~",
        "${~}",
        "%{~}",
        "${~~}",
        "a = \"${~}\"",
        "a = \"\\",
        "a = \"\\u12",
        "a = \"\\ué\"",
        "a = 'é",
        "a = é +",
        "a = [é",
        "a {",
        "a \"",
        "a = {\"x\" = 1, \"x\" = 2, x = 3, \"\" = 4, \"\" = 5}",
        "a = -",
        "a = 1.",
        "a = 1e",
        "a = 99999999999999999999999999e99999",
        "a = x.99999999999999999999",
        "a.b = 1",
        "/*",
        "a = /*",
        "a = 1 /*",
        "$",
        "%",
        "\u{feff}",
        "a = {for",
        "a = [for x in",
        "{\"a\":\"\\ud83d\"}",
        "{\"a\":\"\\ud83d\\u0041${\"}",
        "\"${\"",
        "\\",
        "a = x.*.y.*.z",
        "a = \"\\u 𞹬\"",
        "%{\u{301}}",
        "a = (\"%{ if true }\")",
    ] {
        run(text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_of_the_language(text in pieces()) {
        run(&text);
        run(&format!("a = {text}"));
        run(&format!("a = \"{text}\""));
    }

    #[test]
    fn any_text(text in any::<String>()) {
        run(&text);
        run(&format!("a = \"{text}\""));
    }
}
