//! A scope made of tables, for tests.

use std::collections::BTreeMap;

use portolan_lang::diagnostic::Diagnostic;
use portolan_lang::eval::{Host, Reference, Resolved, Scope, evaluate};
use portolan_lang::syntax::{Expr, parse_expr};
use portolan_lang::{FileId, Value};

/// Variables, locals and files.
#[derive(Default)]
pub(crate) struct Tables {
    /// What `var.NAME` is.
    pub(crate) variables: BTreeMap<String, Value>,
    /// What `local.NAME` is made from.
    pub(crate) locals: BTreeMap<String, Expr>,
    /// The files by path.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

impl Tables {
    /// Adds a local from its text.
    pub(crate) fn local(&mut self, name: &str, text: &str) {
        let (expr, problems) = parse_expr(FileId(0), text);
        assert!(!problems.has_errors(), "{name}: {problems:?}");
        self.locals.insert(name.to_owned(), expr);
    }

    fn value(&self, reference: &Reference) -> Option<Value> {
        match (&*reference.root, reference.name(1)?) {
            ("var", name) => self.variables.get(name).cloned(),
            ("local", name) => self.locals.get(name).map(|expr| evaluate(expr, self).0),
            ("path", "module" | "root") => Some(Value::string(".")),
            ("path", "cwd") => Some(Value::string("/here")),
            ("terraform", "workspace") => Some(Value::string("default")),
            _ => None,
        }
    }
}

impl Scope for Tables {
    fn resolve(&self, reference: &Reference) -> Result<Resolved, Diagnostic> {
        match self.value(reference) {
            Some(value) => Ok(Resolved { value, steps: 1 }),
            None => Err(Diagnostic::error("Reference to undeclared name").detail(reference.to_string())),
        }
    }

    fn host(&self) -> &dyn Host {
        self
    }
}

fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." && parts.last().is_some_and(|last| *last != "..") {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

impl Host for Tables {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.files.get(&clean(path)).cloned().ok_or_else(|| format!("there is no file {path:?}"))
    }

    fn exists(&self, path: &str) -> Result<bool, String> {
        let path = clean(path);
        let is_directory = path.is_empty() || self.files.keys().any(|file| file.starts_with(&format!("{path}/")));
        if is_directory {
            Err(format!("{path:?} is a directory, not a file"))
        } else {
            Ok(self.files.contains_key(&path))
        }
    }

    fn files(&self, directory: &str) -> Result<Vec<String>, String> {
        let directory = clean(directory);
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        Ok(self.files.keys().filter_map(|file| file.strip_prefix(&prefix)).map(str::to_owned).collect())
    }

    fn absolute(&self, path: &str) -> Result<String, String> {
        Ok(if path.starts_with('/') { path.to_owned() } else { format!("/here/{}", clean(path)) })
    }

    fn home(&self) -> Option<String> {
        Some("/home/someone".to_owned())
    }

    fn now(&self) -> Option<String> {
        Some("2025-01-02T03:04:05Z".to_owned())
    }

    fn plan_time(&self) -> Option<String> {
        Some("2025-01-02T03:04:05Z".to_owned())
    }
}
