//! The JSON form means what the native form means: examples and cases are written in JSON, as a
//! person would write them, and compile to the very same.
//!
//! Constants become JSON, references where references are expected become strings, types become
//! their text, and everything else `${ }`.

#![cfg(all(feature = "builtin", feature = "kubernetes", feature = "nginx", feature = "dns"))]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use portolan_lang::syntax::{Block, Body, Expr, ExprKind, parse_body};
use portolan_lang::{Data, FileId};
use serde_json::{Map, Value as Json, json};
use tempfile::TempDir;

use crate::compiling::Compiled;

/// Attributes that hold references rather than values.
const REFERENCES: [&str; 3] = ["depends_on", "connects", "replace_triggered_by"];

#[test]
fn the_json_form_compiles_to_the_same() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut directories: Vec<PathBuf> =
        ["shop", "modules", "hello"].map(|name| root.join("examples").join(name)).into();
    let cases = fs::read_dir(root.join("tests/compiling")).expect("the cases");
    directories.extend(cases.map(|case| case.expect("a case").path()));
    directories.sort();
    let mut compared = 0;
    for directory in directories {
        let native = Compiled::of(&directory);
        if native.overview().starts_with("problems") {
            continue;
        }
        let written = written(&directory);
        let json = Compiled::of(written.path());
        // The properties of an object have no order, so blocks come in another one.
        same_parts("\n", &json.overview(), &native.overview(), &directory);
        same_parts("\n\n", &json.resources(), &native.resources(), &directory);
        compared += 1;
    }
    assert!(compared > 10, "{compared}");
}

/// The texts are the same but for the order of their parts.
fn same_parts(between: &str, json: &str, native: &str, directory: &Path) {
    let parts = |text: &str| {
        let mut parts: Vec<String> = text.split(between).map(|part| part.trim_end().to_owned()).collect();
        parts.sort();
        parts
    };
    assert_eq!(parts(json), parts(native), "{}", directory.display());
}

/// The configuration in a directory, written in JSON.
fn written(directory: &Path) -> TempDir {
    let target = tempfile::tempdir().expect("a directory");
    write_all(directory, target.path());
    target
}

fn write_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(OsStr::to_str).expect("a name");
        if path.is_dir() {
            write_all(&path, &to.join(name));
        } else if name.ends_with(".hcl") && !name.ends_with(".vars.hcl") {
            let text = fs::read_to_string(&path).expect("a file");
            let (body, problems) = parse_body(FileId(0), &text);
            assert!(!problems.has_errors(), "{problems:?}");
            let json = Writer { text: &text }.body(&body, false);
            fs::write(to.join(format!("{name}.json")), format!("{json:#}")).expect("a file");
        } else {
            fs::copy(&path, to.join(name)).expect("a file");
        }
    }
}

struct Writer<'t> {
    text: &'t str,
}

impl Writer<'_> {
    fn body(&self, body: &Body, is_variable: bool) -> Json {
        let mut properties = Map::new();
        for attribute in &body.attributes {
            let name = &*attribute.name.name;
            let value = match name {
                "type" if is_variable => json!(self.source(&attribute.expr)),
                _ if REFERENCES.contains(&name) => self.references(&attribute.expr),
                _ => self.value(&attribute.expr),
            };
            properties.insert(name.to_owned(), value);
        }
        for block in &body.blocks {
            self.block(block, &mut properties);
        }
        Json::Object(properties)
    }

    /// `{"keyword": {"label": {…}}}`; several blocks of the same name are an array.
    fn block(&self, block: &Block, properties: &mut Map<String, Json>) {
        let keyword = &*block.keyword.name;
        let mut place = properties.entry(keyword).or_insert(Json::Null);
        for label in &block.labels {
            if place.is_null() {
                *place = json!({});
            }
            place = place.as_object_mut().expect("labels").entry(&*label.name).or_insert(Json::Null);
        }
        let body = self.body(&block.body, keyword == "variable");
        match place {
            Json::Null => *place = body,
            Json::Array(several) => several.push(body),
            first => *first = json!([first.take(), body]),
        }
    }

    fn value(&self, expr: &Expr) -> Json {
        match &expr.kind {
            ExprKind::Literal(value) => match value.data() {
                Data::String(text) => json!(text.replace("${", "$${").replace("%{", "%%{")),
                _ => value.to_json(),
            },
            ExprKind::Tuple(items) => items.iter().map(|item| self.value(item)).collect(),
            ExprKind::Object(items) => {
                let entries = items.iter().map(|(key, value)| (self.key(key), self.value(value)));
                Json::Object(entries.collect())
            }
            _ => json!(format!("${{{}}}", self.source(expr))),
        }
    }

    fn key(&self, key: &Expr) -> String {
        match (key.as_name(), &key.kind) {
            (Some(name), _) => name.to_string(),
            (None, ExprKind::Literal(value)) => value.as_str().expect("a name").to_owned(),
            _ => format!("${{{}}}", self.source(key)),
        }
    }

    /// Every second one in `${ }`, as both are understood.
    fn references(&self, expr: &Expr) -> Json {
        let ExprKind::Tuple(items) = &expr.kind else { panic!("no list: {}", self.source(expr)) };
        let written = |(at, item): (usize, &std::sync::Arc<Expr>)| match at % 2 {
            0 => json!(self.source(item)),
            _ => json!(format!("${{{}}}", self.source(item))),
        };
        items.iter().enumerate().map(written).collect()
    }

    fn source(&self, expr: &Expr) -> &str {
        &self.text[expr.span.start as usize..expr.span.end as usize]
    }
}

#[test]
fn references_are_strings_in_the_json_form() {
    let project = crate::program::Project::new("");
    project.write(
        "more.hcl.json",
        r#"{
          "resource": {"terraform_data": {
            "a": {"input": 1},
            "b": {"input": 2, "depends_on": ["terraform_data.a"]},
            "c": {
              "depends_on": ["${terraform_data.a}"],
              "lifecycle": {"replace_triggered_by": ["terraform_data.b", "${terraform_data.a.id}"], "ignore_changes": ["input"]}
            },
            "d": {"count": 1, "lifecycle": {"ignore_changes": "all"}}
          }},
          "moved": {"from": "terraform_data.old", "to": "terraform_data.a"}
        }"#,
    );
    let graph = project.succeed(&["graph", "--format", "dot"]).text;
    for edge in ["b\" -> \"terraform_data.a", "c\" -> \"terraform_data.b"] {
        assert!(graph.contains(edge), "{graph}");
    }
    project.succeed(&["apply", "--auto-approve"]);
    project
        .write("more.hcl.json", r#"{"resource": {"terraform_data": {"a": {"depends_on": ["terraform_data.none"]}}}}"#);
    let said = project.refused(&["validate"], "terraform_data.none");
    assert!(said.error.contains("more.hcl.json:1:"), "{}", said.error);
}
