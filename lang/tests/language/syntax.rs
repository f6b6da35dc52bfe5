//! Text to tree: what is read, and where the problems are that are found.

use portolan_lang::diagnostic::Diagnostics;
use portolan_lang::syntax::{BlockShape, Body, parse_body, parse_expr, parse_json_body, parse_template};
use portolan_lang::{FileId, Sources};

/// The problems as `line:column summary`, one a line.
fn problems(sources: &Sources, problems: &Diagnostics) -> String {
    let line = |problem: &portolan_lang::Diagnostic| {
        let place = problem.labels.first().map(|label| sources.position(label.span));
        let place = place.map_or_else(String::new, |place| format!("{}:{} ", place.line, place.column));
        format!("{place}{}\n", problem.summary)
    };
    problems.iter().map(line).collect()
}

/// The names in a body, in one line.
fn outline(body: &Body) -> String {
    let attributes = body.attributes.iter().map(|attribute| attribute.name.name.to_string());
    let blocks = body.blocks.iter().map(|block| {
        let labels: String = block.labels.iter().map(|label| format!(" {}", label.name)).collect();
        format!("{}{labels} {{{}}}", block.keyword.name, outline(&block.body))
    });
    attributes.chain(blocks).collect::<Vec<_>>().join(", ")
}

#[track_caller]
fn check(text: &str, wanted_outline: &str, wanted_problems: &str) {
    let mut sources = Sources::new();
    let file = sources.add("main.hcl", text);
    let (body, found) = parse_body(file, text);
    assert_eq!(
        (outline(&body).as_str(), problems(&sources, &found).as_str()),
        (wanted_outline, wanted_problems),
        "{text}"
    );
}

#[test]
fn bodies_are_read() {
    check("", "", "");
    check("a = 1\nb \"l\" m {\n  c = 2\n}\n", "a, b l m {c}", "");
    check("a { b = 1 }\nc {}\nd {\n}", "a {b}, c {}, d {}", "");
    check(
        "\u{feff}locals {\r\n  a = 1\r\n}\r\noutput \"o\" { value = local.a }\r\n",
        "locals {a}, output o {value}",
        "",
    );
    check("a = 1 # one\n// two\nb = 2 /* three */\n/* four\n */ c = 3", "a, b, c", "");
    check("a = [\n  1, # one\n  2,\n]\nb = {\n  x = 1 // one\n  y = (\n    2\n  )\n}\n", "a, b", "");
    check("a = <<EOT\n}\n\"\n${\"}\"}\nEOT\nb = 1\n", "a, b", "");
    check("a = <<-EOT\r\n  x\r\n  EOT\r\nb = 1\r\n", "a, b", "");
    check("a = \"${\"${\"b\"}\"}\"\nb = 1", "a, b", "");
    check("\"a\" = 1\nb = 1", "b", "1:1 Invalid argument name\n");
}

#[test]
fn problems_are_told_where_they_are_and_hide_nothing() {
    check("locals {\n  a = \"x\n}", "locals {a}", "2:9 Unclosed string\n");
    check("locals {\n  a = <<EOT\nx\n}", "locals {a}", "4:2 Unclosed heredoc\n");
    check("locals {\n  a 1\n}", "locals {}", "2:3 Argument or block definition required\n");
    check("locals {\n  a = 'x'\n}", "locals {a}", "2:7 Invalid character\n");
    check("locals {\n  a = 1 b = 2\n}", "locals {a}", "2:9 Missing newline after argument\n");
    check("a = \nb = (1 +\nc = 3", "a, b, c", "1:5 Missing expression\n2:9 Incomplete expression\n");
    check("a {\n  b = 1\n", "a {b}", "1:3 Unclosed block\n");
    check("a = 1\na = 2\n", "a, a", "2:1 Attribute redefined\n");
    check("a {\n}\n}\nb = 1", "b, a {}", "3:1 Unexpected closing brace\n");
    check("a { b = 1 c = 2 }\nd = 1", "d, a {b}", "1:11 Missing newline after argument\n");
    check("a \"x${y}\" {\n}\nb = 1", "b, a  {}", "1:3 Invalid label\n");
    check("a = [1, 2\nb = 3\n", "a, b", "1:10 Incomplete expression\n");
    check(
        "a = 1 +\nb = \"${1 +}\"\nc = f(,)\n",
        "a, b, c",
        "1:8 Incomplete expression\n2:11 Incomplete expression\n3:7 Invalid expression\n",
    );
    check(
        "a = \"\\q\"\nb = \"%{ if true }\"\nc = \"%{ foo }\"",
        "a, b, c",
        "1:6 Invalid escape sequence\n2:6 Unexpected end of template\n3:9 Invalid template directive\n",
    );
    check(
        "resource \"a\" {\n}\nlocals {\n  b = \n}\nvariable \"1x\" {}\n",
        "resource a {}, locals {b}, variable 1x {}",
        "4:7 Missing expression\n",
    );
}

#[test]
fn what_nests_too_deeply_is_refused() {
    let cases = [
        "a = ".to_owned() + &"(".repeat(100_000),
        "a = ".to_owned() + &"[".repeat(5_000) + &"]".repeat(5_000),
        "a = ".to_owned() + &"!".repeat(100_000) + "true",
        "a = ".to_owned() + &"-".repeat(100_000) + "x",
        "a = 1".to_owned() + &" + 1".repeat(100_000),
        "a = x".to_owned() + &".x".repeat(100_000),
        "a = x".to_owned() + &"[*]".repeat(100_000),
        "a = ".to_owned() + &"true ? 1 : ".repeat(100_000) + "2",
        "a = ".to_owned() + &"\"${".repeat(10_000) + &"}\"".repeat(10_000),
        "a = \"".to_owned() + &"%{ if true }".repeat(10_000) + &"%{ endif }".repeat(10_000) + "\"",
        "a {\n".repeat(10_000),
    ];
    for text in cases {
        let (_, problems) = parse_body(FileId(0), &text);
        assert!(problems.has_errors(), "{}", &text[..60]);
    }
    for text in ["[".repeat(100_000), "{\"a\":".repeat(100_000), "[".repeat(300) + &"]".repeat(300)] {
        let (_, problems) = parse_json_body(FileId(0), &text);
        assert!(problems.has_errors());
    }
}

#[test]
fn blocks_of_the_json_form_are_found_by_their_shape() {
    let text = r#"{
        "//": "a comment",
        "resource": {"t": {"a": {"count": 2}, "b": [{"x": 1}, {"x": 2}]}},
        "locals": {"//": "none", "y": "${var.x * 2}"},
        "output": null,
        "name": "n"
    }"#;
    let (body, found) = parse_json_body(FileId(0), text);
    assert!(found.is_empty(), "{found:?}");
    let shapes = [
        BlockShape { keyword: "resource", labels: 2 },
        BlockShape { keyword: "locals", labels: 0 },
        BlockShape { keyword: "output", labels: 1 },
    ];
    let (body, found) = body.resolved(&shapes);
    assert!(found.is_empty(), "{found:?}");
    assert_eq!(outline(&body), "name, resource t a {}, resource t b {}, resource t b {}, locals {}");
    let (locals, _) = body.blocks[3].body.resolved(&[]);
    assert_eq!(outline(&locals), "y");
}

#[track_caller]
fn check_json(text: &str, wanted: &str) {
    let mut sources = Sources::new();
    let file = sources.add("main.hcl.json", text);
    let (body, mut found) = parse_json_body(file, text);
    let (body, more) = body.resolved(&[BlockShape { keyword: "output", labels: 1 }]);
    found.extend(more);
    for block in &body.blocks {
        found.extend(block.body.resolved(&[]).1);
    }
    assert_eq!(problems(&sources, &found), wanted, "{text}");
}

#[test]
fn problems_of_the_json_form_are_told_where_they_are() {
    check_json(r#"{"output":{"o":{"value":"${"}}}"#, "1:28 Unclosed template sequence\n");
    check_json(r#"{"output":{"o":{"value":"\n\u00e9${1 +}"}}}"#, "1:39 Incomplete expression\n");
    check_json(r#"{"output":"#, "1:11 Unclosed JSON\n");
    check_json("[]", "");
    check_json("1", "1:1 A JSON object is required\n");
    check_json(r#"{"output": 1}"#, "1:12 A JSON object is required\n");
    check_json(r#"{"a": 1, "a": 2}"#, "1:10 Attribute redefined\n");
    check_json(r#"{"a": 1, /* no */ "b": 2}"#, "1:10 Invalid JSON\n");
    check_json(r#"{"a": 1,}"#, "1:8 Invalid JSON\n");
}

#[test]
fn places_of_parts_are_exact() {
    let text = "x[ \"k\" ].y.0[*].z + \"a${ b . c }d\" # e";
    let mut sources = Sources::new();
    let file = sources.add("e", text);
    let (expr, found) = parse_expr(file, text);
    assert!(found.is_empty(), "{found:?}");
    let references = portolan_lang::eval::references(&expr);
    let places: Vec<&str> = references.iter().map(|reference| sources.slice(reference.span)).collect();
    assert_eq!(places, ["x[ \"k\" ].y.0", "b . c"]);
    let (_, found) = parse_template(file, "plain $${x} %%{y} $ % $$ {");
    assert!(found.is_empty(), "{found:?}");
}
