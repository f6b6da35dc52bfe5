//! What is written for nginx means what the tree says, as a parser reads it that is not ours.
//!
//! This is also how what is written for Tengine is checked, which no distribution has.

#![cfg(feature = "nginx")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use portolan_lang::AttributePath;
use portolan_nginx::syntax::{Argument, Block, Directive, from_value};
use portolan_nginx::{render, syntax};
use serde_json::{Value as Json, json};

use crate::compiling::Compiled;
use crate::program::Said;

/// The parser leaves all escapes but those of quotes as they are written.
fn unescaped(text: &str) -> String {
    let mut meant = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match (char, chars.as_str().chars().next()) {
            ('\\', Some(escaped @ ('\\' | '"' | '\'' | 't' | 'r' | 'n'))) => {
                chars.next();
                meant.push(match escaped {
                    't' => '\t',
                    'r' => '\r',
                    'n' => '\n',
                    other => other,
                });
            }
            (other, _) => meant.push(other),
        }
    }
    meant
}

fn read(json: &Json) -> Vec<Directive> {
    let text = |json: &Json| Argument::Text(unescaped(json.as_str().expect("text")).into());
    let directive = |json: &Json| Directive {
        name: text(&json["name"]),
        arguments: json["args"].as_array().expect("arguments").iter().map(text).collect(),
        block: if json["block"].is_null() { Block::None } else { Block::Directives(read(&json["block"])) },
    };
    json.as_array().expect("directives").iter().map(directive).collect()
}

/// Has the parser read trees, each with the block that it stands in.
fn parsed(trees: &BTreeMap<String, (&str, Vec<Directive>)>) -> BTreeMap<String, Vec<Directive>> {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, (context, tree)) in trees {
        let write = |ending: &str, text: String| {
            std::fs::write(directory.path().join(format!("{name}.{ending}")), text).expect("writes");
        };
        write("conf", render::render(tree).expect("it is known"));
        write("json", json!({ "context": context }).to_string());
    }
    let check = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/crossplane/check");
    let said = Said::of(&Command::new(check).arg(directory.path()).output().expect("it starts"));
    assert_eq!(said.code, Some(0), "{}", said.error);
    let read_all: BTreeMap<String, Json> = serde_json::from_str(&said.text).expect("JSON");
    read_all.iter().map(|(name, tree)| (name.clone(), read(tree))).collect()
}

fn is_skipped() -> bool {
    let skipped = std::env::var_os("PORTOLAN_SKIP_SERVERS").is_some_and(|value| value == "1");
    if skipped {
        eprintln!("skipped: PORTOLAN_SKIP_SERVERS is set, crossplane is not installed");
    }
    skipped
}

#[test]
fn another_parser_reads_what_was_meant() {
    if is_skipped() {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compiling");
    let mut trees = BTreeMap::new();
    for case in ["edge", "tengine", "streams", "routes", "published_routes", "edge_injection"] {
        for (address, config) in Compiled::of(&root.join(case)).of_type("nginx_config") {
            let directives = config.get("directives").expect("directives");
            let tree = from_value(&directives, &AttributePath::root()).expect("a tree");
            let path = config.get("path").and_then(|path| path.as_str().map(str::to_owned)).expect("a path");
            let context = match path.split('/').next() {
                Some("nginx.conf") => "main",
                Some("stream.d") => "stream",
                _ => "http",
            };
            trees.insert(format!("{case}_{}", address.replace('/', "_")), (context, tree));
        }
    }
    assert!(trees.len() > 15, "{}", trees.len());
    let read = parsed(&trees);
    for (name, (_, tree)) in &trees {
        assert_eq!(&read[name], tree, "{name}");
    }
}

#[test]
fn another_parser_reads_every_text_as_it_is_meant() {
    if is_skipped() {
        return;
    }
    let texts = [
        "a;b",
        "a; return 200 pwned; #",
        "a} location /x {",
        "\"; return 200 pwned; \"",
        "'; x; '",
        "\\\"; x",
        "\\",
        "a\\",
        "#comment",
        "{{",
        "a\tb",
        "\\t",
        "it's",
        "",
        " ",
        "\u{fc}",
        "a\\\\\"b",
        "}",
        "{",
        "\\n\\r",
    ];
    let lines = texts.iter().map(|text| Directive::simple("add_header", &["X-A", text]));
    let server = Directive::with_block("server", &[], lines.collect());
    let trees = BTreeMap::from([("texts".to_owned(), ("http", vec![server.clone()]))]);
    assert_eq!(parsed(&trees)["texts"], [server]);
    // What is read goes back to the form that the engine hands over.
    assert!(syntax::to_value(&parsed(&trees)["texts"]).is_wholly_known());
}
