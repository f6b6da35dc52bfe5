//! What configurations compile to: each case is a folder under `tests/compiling`.
//!
//! A folder holds a configuration and, where something was decided before, `decisions.json`.
//! `overview.txt` says what is told and what there is to be: problems, connections, decisions,
//! groups, and resources with what each waits for. Where there is a `resources.txt`, it says what
//! each resource is to be. Running the tests with `SNAPSHOTS=overwrite` writes both anew; an
//! empty `resources.txt` asks for one.

#![cfg(all(feature = "builtin", feature = "kubernetes", feature = "nginx", feature = "dns", feature = "etcd"))]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use portolan::catalog::Catalog;
use portolan::compile::{
    Desired, Evaluation, GroupId, Inputs, InstanceId, PlacementRequest, UnknownRepetition, compile,
};
use portolan::config::{load, root_values};
use portolan::host::LocalHost;
use portolan_lang::{AttributePath, Data, Diagnostics, Severity, Sources, Value};
use portolan_provider::Provider;
use portolan_state::{Answer, Decision};
use snapbox::assert::Action;
use snapbox::{Assert, Data as Expected};

#[test]
fn configurations_compile_to_what_is_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compiling");
    let mut cases: Vec<_> = fs::read_dir(root).expect("the cases").map(|entry| entry.expect("a case").path()).collect();
    cases.sort();
    let different: Vec<String> = cases.iter().filter_map(|case| check(case).err()).collect();
    assert!(different.is_empty(), "{} of {} cases:\n{}", different.len(), cases.len(), different.join("\n"));
}

fn check(case: &Path) -> Result<(), String> {
    let compiled = Compiled::of(case);
    same(&case.join("overview.txt"), compiled.overview())?;
    let resources = case.join("resources.txt");
    if resources.exists() { same(&resources, compiled.resources()) } else { Ok(()) }
}

fn same(path: &Path, actual: String) -> Result<(), String> {
    let assert = Assert::new().action(Action::Verify).action_env("SNAPSHOTS");
    let compared = assert.try_eq(Some(&path.display()), Expected::text(actual), Expected::read_from(path, None).raw());
    compared.map_err(|error| error.to_string())
}

/// A configuration that was compiled.
pub(crate) struct Compiled {
    catalog: Arc<Catalog>,
    desired: Desired,
    diagnostics: Diagnostics,
    sources: Sources,
}

impl Compiled {
    pub(crate) fn of(case: &Path) -> Compiled {
        let providers: [Arc<dyn Provider>; 5] = [
            Arc::new(portolan_builtin::Builtin::new()),
            Arc::new(portolan_kubernetes::Kubernetes::new()),
            Arc::new(portolan_nginx::NginxProvider::new()),
            Arc::new(portolan_dns::DnsProvider::new()),
            Arc::new(portolan_etcd::Etcd::new()),
        ];
        let catalog = Arc::new(Catalog::new(providers));
        let (mut config, mut diagnostics) = load(case, &catalog);
        let (variables, problems) = root_values(&mut config, case, [], &[]);
        diagnostics.extend(problems);
        let sources = config.sources.clone();
        let mut desired = Desired::default();
        if !diagnostics.has_errors() {
            let inputs = Inputs {
                variables,
                config: Arc::new(config),
                decisions: decisions(case),
                data: Arc::default(),
                catalog: catalog.clone(),
                host: Arc::new(LocalHost::planning(case)),
                unknown_repetition: UnknownRepetition::Refuse,
                placement: PlacementRequest::default(),
                workspace: Arc::from("default"),
            };
            let (compiled, problems) = compile(inputs);
            diagnostics.extend(problems);
            desired = compiled;
        }
        Compiled { catalog, desired, diagnostics, sources }
    }

    /// Everything but what the resources are to be; parts of which there are none are left out.
    pub(crate) fn overview(&self) -> String {
        let parts = [
            ("problems", self.problems(&self.diagnostics)),
            ("connections", self.connections()),
            ("decisions", self.decisions()),
            ("groups", self.groups()),
            ("resources", self.instances()),
        ];
        let filled = parts.into_iter().filter(|(_, text)| !text.is_empty());
        filled.map(|(name, text)| format!("{name}\n{text}")).collect::<Vec<_>>().join("\n")
    }

    fn problems(&self, diagnostics: &Diagnostics) -> String {
        let mut text = String::new();
        for problem in diagnostics {
            let severity = if problem.severity == Severity::Error { "error" } else { "warning" };
            line(&mut text, 1, format_args!("{severity}: {}", problem.summary));
            for label in &problem.labels {
                let position = self.sources.position(label.span);
                let file = self.sources.get(label.span.file).map_or("?", |file| &*file.name);
                line(&mut text, 2, format_args!("{file}:{}:{} {}", position.line, position.column, label.message));
            }
            if !problem.detail.is_empty() {
                line(&mut text, 2, format_args!("{}", problem.detail));
            }
            if let Some(help) = &problem.help {
                line(&mut text, 2, format_args!("help: {help}"));
            }
        }
        text
    }

    fn connections(&self) -> String {
        let mut text = String::new();
        for connection in &self.desired.connections {
            line(&mut text, 1, format_args!("{} {}", connection.address, connection.provider));
            write_value(&mut text, 2, &connection.config);
        }
        text
    }

    fn decisions(&self) -> String {
        let mut text = String::new();
        for decision in &self.desired.decisions {
            line(&mut text, 1, format_args!("{} {}: {}", decision.subject, decision.kind, decision.reason));
            line(&mut text, 2, format_args!("{}", decision.value));
        }
        text
    }

    fn groups(&self) -> String {
        let mut text = String::new();
        for group in &self.desired.groups {
            line(&mut text, 1, format_args!("{}", group.address));
            let name = |id: &GroupId| self.desired.group(*id).address.to_string();
            write_waits(&mut text, group.dependencies.iter().map(name));
            if !group.awaited.is_empty() {
                let awaited: Vec<String> = group.awaited.iter().map(name).collect();
                line(&mut text, 2, format_args!("is read after changes of {}", awaited.join(", ")));
            }
        }
        text
    }

    fn instances(&self) -> String {
        let mut text = String::new();
        for (_, instance) in self.desired.iter() {
            // Where a part of a block is, its address says.
            let connection = instance.connection.filter(|_| instance.address.part_name().is_none());
            let connection = connection.map(|at| format!(" in {}", self.desired.connections[at].address));
            line(&mut text, 1, format_args!("{}{}", instance.address, connection.unwrap_or_default()));
            let name = |id: &InstanceId| self.desired.instance(*id).address.to_string();
            write_waits(&mut text, instance.dependencies.iter().map(name));
        }
        text
    }

    /// What the resources of a type are to be, by their addresses.
    pub(crate) fn of_type(&self, resource_type: &str) -> Vec<(String, Value)> {
        let evaluation = Evaluation::new(&self.desired);
        let of_type = self.desired.iter().filter(|(_, instance)| &*instance.resource_type == resource_type);
        of_type.map(|(id, instance)| (instance.address.to_string(), evaluation.configuration(id).0)).collect()
    }

    /// What each resource is to be, and what evaluation and its provider say against that.
    pub(crate) fn resources(&self) -> String {
        let evaluation = Evaluation::new(&self.desired);
        let mut text = String::new();
        for (id, instance) in self.desired.iter() {
            line(&mut text, 0, format_args!("{}", instance.address));
            let (config, problems) = evaluation.configuration(id);
            text.push_str(&self.problems(&problems));
            let provider = self.catalog.provider(&instance.provider).expect("the provider");
            for error in provider.validate(&instance.resource_type, &config.unmark_deep()) {
                line(&mut text, 1, format_args!("refused: {error}"));
            }
            write_config(&mut text, &instance.resource_type, &config);
            text.push('\n');
        }
        text.truncate(text.trim_end().len());
        text + "\n"
    }
}

/// The decisions that were recorded before, from `decisions.json`: objects with `subject`, `kind`
/// and `value`.
fn decisions(case: &Path) -> Vec<Decision> {
    let Ok(text) = fs::read_to_string(case.join("decisions.json")) else { return Vec::new() };
    let rows: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
    rows.iter()
        .map(|row| Decision {
            subject: row["subject"].as_str().expect("a subject").parse().expect("an address"),
            kind: Arc::from(row["kind"].as_str().expect("a kind")),
            value: Answer::of(&row["value"]),
            reason: String::new(),
            time: String::new(),
        })
        .collect()
}

fn line(text: &mut String, level: usize, content: std::fmt::Arguments<'_>) {
    writeln!(text, "{:indent$}{content}", "", indent = level * 2).expect("a string takes all");
    while text.ends_with(" \n") {
        text.truncate(text.len() - 2);
        text.push('\n');
    }
}

fn write_waits(text: &mut String, names: impl Iterator<Item = String>) {
    for name in names {
        line(text, 2, format_args!("after {name}"));
    }
}

/// Directives as nginx reads them; everything else as data.
fn write_config(text: &mut String, resource_type: &str, config: &Value) {
    let directives = config.get("directives").filter(|_| resource_type == "nginx_config");
    let rendered = directives.and_then(|directives| {
        let tree = portolan_nginx::syntax::from_value(&directives, &AttributePath::default()).ok()?;
        portolan_nginx::render::render(&tree).ok()
    });
    match (rendered, config.get("path").as_ref().and_then(Value::as_str)) {
        (Some(rendered), Some(path)) => {
            line(text, 1, format_args!("{path}"));
            let lines = rendered.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
            lines.for_each(|directive| line(text, 2, format_args!("{directive}")));
        }
        _ => write_value(text, 1, config),
    }
}

/// A value in the manner of YAML, without what is null.
fn write_value(text: &mut String, level: usize, value: &Value) {
    let children: Vec<(String, &Value)> = match (value.entries(), value.items()) {
        (Some(entries), _) => entries.iter().map(|(name, value)| (format!("{name}:"), value)).collect(),
        (None, Some(items)) => items.iter().map(|item| ("-".to_owned(), item)).collect(),
        (None, None) => Vec::new(),
    };
    for (name, child) in children.into_iter().filter(|(_, child)| !child.is_null()) {
        match scalar(child) {
            Some(scalar) => line(text, level, format_args!("{name} {scalar}")),
            None => {
                let mark = if child.is_sensitive() { " (sensitive)" } else { "" };
                line(text, level, format_args!("{name}{mark}"));
                write_value(text, level + 1, child);
            }
        }
    }
}

/// A value that stands on one line; `None` for collections that hold something.
fn scalar(value: &Value) -> Option<String> {
    let plain = match value.data() {
        Data::Unknown(_) => "(known after apply)".to_owned(),
        Data::String(text) => format!("{text:?}"),
        Data::Bool(bool) => bool.to_string(),
        Data::Number(number) => number.to_string(),
        _ if value.entries().is_some_and(|entries| entries.is_empty()) => "{}".to_owned(),
        _ if value.items().is_some_and(<[Value]>::is_empty) => "[]".to_owned(),
        _ => return None,
    };
    Some(if value.is_sensitive() { format!("{plain} (sensitive)") } else { plain })
}
