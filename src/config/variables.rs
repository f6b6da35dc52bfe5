//! Values of the root module's variables: from files, from the environment, from flags.
//!
//! Later ones win over earlier ones: the environment, `portolan.vars.hcl`,
//! `portolan.vars.json`, `*.auto.vars.hcl` and `*.auto.vars.json` by name, then the flags in
//! their order. Messages never show a value of a sensitive variable.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use portolan_lang::syntax::{Body, Expr, parse_body, parse_expr, parse_json_body};
use portolan_lang::{Diagnostic, Diagnostics, Sources, Span, Type, Value};
use rustc_hash::FxHashMap;

use super::accept::Refusal;
use super::constant::constant;
use super::content::suggest;
use super::files::{list, read_source};
use super::model::{Config, Module, Variable};

/// What begins the names of variables in the environment.
pub const ENVIRONMENT_PREFIX: &str = "PORTOLAN_VAR_";

/// A value that was given when the program was started.
#[derive(Clone, PartialEq, Eq)]
pub enum VariableFlag {
    /// `--var name=value`
    Value {
        /// The name of the variable.
        name: String,
        /// Its value: text for what is a string, number or bool, otherwise an expression.
        text: String,
    },
    /// `--var-file path`
    File(PathBuf),
}

/// Finds the values that were given for the variables of the root module, converted to their
/// types. Variables that are not given have their defaults and are left out; all that must be
/// given and are not are told about at once.
///
/// `environment` is all of the environment; what does not begin with [`ENVIRONMENT_PREFIX`]
/// does not count. Files that are read are added to the configuration's sources.
pub fn root_values(
    config: &mut Config,
    directory: &Path,
    environment: impl IntoIterator<Item = (String, String)>,
    flags: &[VariableFlag],
) -> (IndexMap<Arc<str>, Value>, Diagnostics) {
    let root = config.root.clone();
    let mut gathering = Gathering {
        root: &root,
        sources: &mut config.sources,
        given: FxHashMap::default(),
        diagnostics: Diagnostics::new(),
    };
    gathering.environment(environment);
    gathering.directory(directory);
    flags.iter().for_each(|flag| gathering.flag(flag));
    gathering.values()
}

/// A value that was given, and by whom.
struct Given {
    origin: String,
    what: What,
}

enum What {
    /// Text, of which the variable's type says what it means.
    Text(String),
    /// An expression of a file.
    Expr(Arc<Expr>),
    /// A value of a JSON file, with its place.
    Json(Value, Span),
}

struct Gathering<'g> {
    root: &'g Module,
    sources: &'g mut Sources,
    given: FxHashMap<Arc<str>, Given>,
    diagnostics: Diagnostics,
}

impl Gathering<'_> {
    fn environment(&mut self, environment: impl IntoIterator<Item = (String, String)>) {
        for (key, text) in environment {
            // A name that is not declared is no mistake: the environment is shared by many
            // configurations.
            let Some(name) = key.strip_prefix(ENVIRONMENT_PREFIX) else { continue };
            if let Some((name, _)) = self.root.variables.get_key_value(name) {
                self.given.insert(name.clone(), Given { origin: key, what: What::Text(text) });
            }
        }
    }

    fn directory(&mut self, directory: &Path) {
        // That the directory cannot be read was told when the configuration was loaded.
        let names = list(directory).unwrap_or_default();
        let fixed = ["portolan.vars.hcl", "portolan.vars.json"].map(str::to_owned);
        let fixed = fixed.into_iter().filter(|name| names.contains(name));
        let is_auto = |name: &&String| {
            !name.starts_with('.') && (name.ends_with(".auto.vars.hcl") || name.ends_with(".auto.vars.json"))
        };
        let auto = names.iter().filter(is_auto).cloned();
        for name in fixed.chain(auto) {
            let path = directory.join(&name);
            if !path.is_dir() {
                self.file(&path, &name);
            }
        }
    }

    fn flag(&mut self, flag: &VariableFlag) {
        match flag {
            VariableFlag::File(path) => self.file(path, &path.display().to_string()),
            VariableFlag::Value { name, text } => match self.root.variables.get_key_value(&**name) {
                Some((name, _)) => {
                    let origin = format!("--var {name}=…");
                    self.given.insert(name.clone(), Given { origin, what: What::Text(text.clone()) });
                }
                None => {
                    let problem = Diagnostic::error("Value for undeclared variable").detail(format!(
                        "A value was given with --var for {name:?}, but the root module declares no such variable."
                    ));
                    self.diagnostics.push(suggest(problem, name, self.root.variables.keys().map(|name| &**name)));
                }
            },
        }
    }

    fn file(&mut self, path: &Path, shown: &str) {
        let Some(id) = self.diagnostics.keep(read_source(path, shown, self.sources)) else { return };
        let Some(source) = self.sources.get(id) else { return };
        let text = source.text.clone();
        let is_json = shown.ends_with(".json");
        let (body, problems) = if is_json { parse_json_body(id, &text) } else { parse_body(id, &text) };
        let is_broken = problems.has_errors();
        self.diagnostics.extend(problems);
        let (body, problems) = body.resolved(&[]);
        self.diagnostics.extend(problems);
        for block in &body.blocks {
            self.diagnostics.push(
                Diagnostic::error("Unexpected block")
                    .detail("A file of values has no blocks.")
                    .at(block.header())
                    .help(format!("If it is a value, write {} = … with an equals sign.", block.keyword.name)),
            );
        }
        match is_json {
            true if is_broken => {}
            true => self.json(&body, &text, shown),
            false => self.native(&body, shown),
        }
    }

    fn native(&mut self, body: &Body, shown: &str) {
        for attribute in &body.attributes {
            let what = What::Expr(attribute.expr.clone());
            self.in_file(&attribute.name.name, attribute.name.span, what, shown);
        }
    }

    /// In a JSON file of values, strings are no templates: they are what they are.
    fn json(&mut self, body: &Body, text: &str, shown: &str) {
        let json: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        for attribute in &body.attributes {
            let Some(json) = json.get(&*attribute.name.name) else { continue };
            let what = What::Json(Value::from_json_untyped(json), attribute.expr.span);
            self.in_file(&attribute.name.name, attribute.name.span, what, shown);
        }
    }

    fn in_file(&mut self, name: &str, span: Span, what: What, shown: &str) {
        match self.root.variables.get_key_value(name) {
            Some((name, _)) => {
                self.given.insert(name.clone(), Given { origin: shown.to_owned(), what });
            }
            None => {
                let problem = Diagnostic::warning("Value for undeclared variable")
                    .detail(format!(
                        "{shown} gives a value for {name:?}, but the root module declares no such variable."
                    ))
                    .label(span, "has no effect");
                self.diagnostics.push(suggest(problem, name, self.root.variables.keys().map(|name| &**name)));
            }
        }
    }

    fn values(mut self) -> (IndexMap<Arc<str>, Value>, Diagnostics) {
        let mut values = IndexMap::new();
        for (name, variable) in &self.root.variables {
            match self.given.remove(name) {
                Some(given) => {
                    if let Some(value) = self.value(variable, given) {
                        values.insert(name.clone(), value);
                    }
                }
                None if variable.default.is_none() => self.diagnostics.push(missing(variable)),
                None => {}
            }
        }
        (values, self.diagnostics)
    }

    /// The value that was given, converted; `None` where there is no use for it.
    fn value(&mut self, variable: &Variable, given: Given) -> Option<Value> {
        let (value, place) = match given.what {
            What::Text(text) => (self.read_text(variable, &text, &given.origin)?, None),
            What::Json(value, span) => (value, Some(span)),
            What::Expr(expr) => (self.read_expr(variable, &expr, &given.origin)?, Some(expr.span)),
        };
        let (name, origin) = (&variable.name.name, given.origin);
        match variable.accept(&value) {
            Ok(accepted) => return accepted,
            Err(Refusal::Null) => {
                let detail = format!("{origin} gives null for {name}, which cannot be null.");
                self.refuse("Required variable not set", detail, variable, place);
            }
            Err(Refusal::Unfit(error)) => {
                let detail = format!("The value that {origin} gives for {name} does not fit: {error}.");
                self.refuse("Invalid value for input variable", detail, variable, place);
            }
        }
        None
    }

    /// Tells that a value is not right, at its place, unless that would show a secret.
    fn refuse(&mut self, summary: &str, detail: String, variable: &Variable, place: Option<Span>) {
        let problem = Diagnostic::error(summary).detail(detail);
        self.diagnostics.push(match place.filter(|_| !variable.sensitive) {
            Some(place) => problem.at(place).label(variable.span, "declared here"),
            None => problem.at(variable.span),
        });
    }

    fn read_expr(&mut self, variable: &Variable, expr: &Expr, origin: &str) -> Option<Value> {
        let mut problems = Diagnostics::new();
        let value = constant(expr, &mut problems);
        self.tell(variable, problems, origin);
        value
    }

    /// What text means: itself for a string, a number or a bool and where no type is declared,
    /// otherwise an expression.
    fn read_text(&mut self, variable: &Variable, text: &str, origin: &str) -> Option<Value> {
        let is_literal =
            !variable.is_typed || matches!(variable.constraint.ty, Type::String | Type::Number | Type::Bool);
        if is_literal {
            return Some(Value::string(text));
        }
        let shown = if variable.sensitive { "" } else { text };
        let id = self.sources.add(format!("<{origin}>"), shown);
        let (expr, mut problems) = parse_expr(id, text);
        let value = if problems.has_errors() { None } else { constant(&expr, &mut problems) };
        self.tell(variable, problems, origin);
        value
    }

    /// Tells what is wrong with an expression, unless that would show a secret.
    fn tell(&mut self, variable: &Variable, problems: Diagnostics, origin: &str) {
        if !variable.sensitive {
            self.diagnostics.extend(problems);
        } else if problems.has_errors() {
            let name = &variable.name.name;
            let detail =
                format!("What {origin} gives for {name} is no constant expression. It is secret and not shown.");
            self.refuse("Invalid value for input variable", detail, variable, None);
        }
    }
}

fn missing(variable: &Variable) -> Diagnostic {
    let name = &variable.name.name;
    Diagnostic::error("No value for required variable")
        .detail(format!("The variable {name:?} has no default, and no value is given for it."))
        .at(variable.span)
        .help(format!("Give one with --var {name}=…, with {ENVIRONMENT_PREFIX}{name} or in portolan.vars.hcl."))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use portolan_lang::Severity;

    use super::*;
    use crate::catalog::Catalog;
    use crate::config::load;

    /// The values and the problems of a configuration with these files, variables of the
    /// environment and flags.
    fn values(files: &[(&str, &str)], environment: &[(&str, &str)], flags: &[&str]) -> (String, Vec<String>) {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            fs::write(directory.path().join(name), text).expect("a file");
        }
        let flags: Vec<VariableFlag> = flags
            .iter()
            .map(|flag| match flag.split_once('=') {
                Some((name, text)) => VariableFlag::Value { name: name.to_owned(), text: text.to_owned() },
                None => VariableFlag::File(directory.path().join(flag)),
            })
            .collect();
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let (mut config, loading) = load(directory.path(), &Catalog::default());
        assert!(loading.is_empty(), "{loading:?}");
        let (values, diagnostics) = root_values(&mut config, directory.path(), environment, &flags);
        let place = |span: Span| {
            let position = config.sources.position(span);
            let name = config.sources.get(span.file).map_or("", |file| &*file.name);
            format!(" {}:{}:{}", name.rsplit('/').next().unwrap_or(name), position.line, position.column)
        };
        let problems = diagnostics.iter().map(|diagnostic| {
            let severity = if diagnostic.severity == Severity::Error { "error" } else { "warning" };
            let places: String = diagnostic.labels.iter().map(|label| place(label.span)).collect();
            format!("{severity} {}{places}", diagnostic.summary)
        });
        let problems = problems.collect();
        (format!("{values:?}"), problems)
    }

    #[test]
    fn later_values_win() {
        let declarations =
            "variable \"a\" {}\nvariable \"b\" {}\nvariable \"c\" {}\nvariable \"d\" {}\nvariable \"e\" {}\n";
        let files = [
            ("main.hcl", declarations),
            ("portolan.vars.hcl", "b = 2\nc = 2\nd = 2\ne = 2\n"),
            ("portolan.vars.json", r#"{"c": 3, "d": 3, "e": 3}"#),
            ("z.auto.vars.hcl", "d = 4\ne = 4\n"),
            ("other.vars.hcl", "e = 5\n"),
        ];
        let environment = [("PORTOLAN_VAR_a", "1"), ("PORTOLAN_VAR_b", "1"), ("PORTOLAN_VAR_nobody", "1")];
        let (found, problems) = values(&files, &environment, &["other.vars.hcl"]);
        assert_eq!(found, r#"{"a": "1", "b": 2, "c": 3, "d": 4, "e": 5}"#);
        assert_eq!(problems, Vec::<String>::new());
        let (found, _) = values(&files, &environment, &["e=6", "other.vars.hcl", "a=7"]);
        assert_eq!(found, r#"{"a": "7", "b": 2, "c": 3, "d": 4, "e": 5}"#);
    }

    #[test]
    fn text_means_what_the_type_says() {
        let declarations = "variable \"any\" { type = any }\nvariable \"untyped\" {}\nvariable \"number\" { type = number }\n\
                            variable \"list\" { type = list(string) }\nvariable \"text\" { type = string }\n";
        let flags = ["any=[1]", "untyped=[1]", "number=5", r#"list=["a", 1]"#, "text=${x}"];
        let (found, problems) = values(&[("main.hcl", declarations)], &[], &flags);
        assert_eq!(
            found,
            r#"{"any": [1], "untyped": "[1]", "number": 5, "list": list(string)["a", "1"], "text": "${x}"}"#
        );
        assert_eq!(problems, Vec::<String>::new());
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let files = [
            (
                "main.hcl",
                "variable \"a\" {}\nvariable \"b\" { type = number }\nvariable \"c\" { type = list(any) }\nvariable \"d\" {}\n",
            ),
            ("portolan.vars.hcl", "b = \"x\"\nnobody = 1\nblock {}\n"),
        ];
        let (_, problems) = values(&files, &[], &["c=[", "nobody=1"]);
        assert_eq!(
            problems,
            [
                "error Unexpected block portolan.vars.hcl:3:1",
                "warning Value for undeclared variable portolan.vars.hcl:2:1",
                "error Value for undeclared variable",
                "error No value for required variable main.hcl:1:1",
                "error Invalid value for input variable portolan.vars.hcl:1:5 main.hcl:2:1",
                "error Incomplete expression <--var c=…>:1:2",
                "error No value for required variable main.hcl:4:1",
            ]
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        let files = [
            (
                "main.hcl",
                "variable \"a\" {\n  type      = list(number)\n  sensitive = true\n}\nvariable \"b\" {\n  sensitive = true\n}\n",
            ),
            ("portolan.vars.hcl", "b = upper(\"hunter2\")\n"),
        ];
        for flag in ["a=hunter2", "a=[hunter2", "a=[\"hunter2\"]"] {
            let directory = tempfile::tempdir().expect("a directory");
            for (name, text) in files {
                fs::write(directory.path().join(name), text).expect("a file");
            }
            let (mut config, _) = load(directory.path(), &Catalog::default());
            let flag = VariableFlag::Value { name: "a".to_owned(), text: flag.trim_start_matches("a=").to_owned() };
            let (_, diagnostics) = root_values(&mut config, directory.path(), [], &[flag]);
            assert_eq!(diagnostics.iter().count(), 2);
            let declared = config.root.variables["a"].span.file;
            for diagnostic in &diagnostics {
                assert!(!format!("{diagnostic:?}").contains("hunter2"), "{diagnostic:?}");
                assert!(diagnostic.labels.iter().all(|label| label.span.file == declared), "{diagnostic:?}");
            }
        }
    }
}
