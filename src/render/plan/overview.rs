//! What will happen to applications, routes and names, in a few lines.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use portolan::plan::{Action, Change, Plan};
use portolan_lang::{Address, Data, Value};

use crate::render::palette::Palette;
use crate::render::value::{UNKNOWN, column};

/// The parts of addresses that are workloads.
const WORKLOADS: [&str; 5] = ["deployment", "stateful_set", "daemon_set", "job", "cron_job"];

/// Lines, and a blank one behind them where there are any.
pub(super) fn text(plan: &Plan, palette: Palette) -> String {
    let lines = lines(plan);
    if lines.is_empty() {
        return String::new();
    }
    let width = column(lines.iter().map(|line| &*line.what));
    let mut text = format!("{}\n\n", palette.bold("What will happen:"));
    for line in lines {
        let _ = writeln!(text, "  {:width$}  {}", line.what, line.happens);
    }
    text.push('\n');
    text
}

/// One thing that people know, and what happens to it.
pub(super) struct Line {
    pub(super) what: String,
    pub(super) happens: String,
}

/// Services, then routes, then names, each in the order of their addresses.
pub(super) fn lines(plan: &Plan) -> Vec<Line> {
    let mut services: BTreeMap<Address, Service<'_>> = BTreeMap::new();
    let mut routes: BTreeMap<Address, Vec<&Change>> = BTreeMap::new();
    let mut names = Vec::new();
    for change in &plan.changes {
        let address = &change.key.address;
        let Some(part) = address.part_name() else { continue };
        let local = address.local();
        match local.segments().first().map(|segment| &*segment.name) {
            Some("application") => {
                let (kind, cluster) = part.split_once('@').unwrap_or((part, ""));
                let service = services.entry(address.block()).or_default();
                service.changed |= change.action != Action::NoOp;
                if WORKLOADS.contains(&kind) {
                    service.workloads.push((cluster, change));
                }
            }
            Some("route") if change.action != Action::NoOp => {
                routes.entry(address.block()).or_default().push(change);
            }
            Some("dns_record") if change.action != Action::NoOp => names.push(change),
            _ => {}
        }
    }
    let services = services.iter().filter(|(_, service)| service.changed && !service.workloads.is_empty());
    let mut lines: Vec<Line> = services.map(|(address, service)| service.line(address)).collect();
    lines.extend(routes.iter().map(|(address, changes)| route(address, changes)));
    lines.extend(names.into_iter().map(name));
    lines
}

#[derive(Default)]
struct Service<'a> {
    /// The workloads with their clusters.
    workloads: Vec<(&'a str, &'a Change)>,
    changed: bool,
}

impl Service<'_> {
    fn line(&self, address: &Address) -> Line {
        let mut parts: Vec<String> = self.workloads.iter().map(|(cluster, change)| copies(cluster, change)).collect();
        let image = |value: Option<&Value>| value.and_then(image);
        let changes =
            self.workloads.iter().map(|(_, change)| (image(change.before.as_ref()), image(change.after.as_ref())));
        let mut images: Vec<String> = changes.filter_map(|(before, after)| transition(before, after)).collect();
        images.dedup();
        parts.extend(images);
        Line { what: address.to_string(), happens: parts.join(", ") }
    }
}

/// `beijing 3 → 4`
fn copies(cluster: &str, change: &Change) -> String {
    let count = |value: &Option<Value>| value.as_ref().map(replicas);
    let words = match (count(&change.before), count(&change.after)) {
        (None, Some(after)) => format!("new with {after}"),
        (Some(_), None) => "gone".to_owned(),
        (Some(before), Some(after)) if before == after => match change.action {
            Action::NoOp => after,
            Action::Update => format!("{after}, updated"),
            _ => format!("{after}, replaced"),
        },
        (Some(before), Some(after)) => format!("{before} → {after}"),
        (None, None) => "unchanged".to_owned(),
    };
    format!("{cluster}: {words}")
}

/// How many copies a workload has; one that has no number runs as it is told to.
fn replicas(value: &Value) -> String {
    let spec = value.get("manifest").and_then(|manifest| manifest.get("spec"));
    let count = ["replicas", "parallelism"].iter().find_map(|name| spec.as_ref()?.get(name));
    match count.as_ref().map(Value::data) {
        Some(Data::Number(number)) => number.to_string(),
        Some(Data::Unknown(_)) => UNKNOWN.to_owned(),
        _ => "a copy as scheduled".to_owned(),
    }
}

fn image(value: &Value) -> Option<String> {
    let spec = value.get("manifest")?.get("spec")?;
    let pods = spec.get("jobTemplate").and_then(|template| template.get("spec")).unwrap_or(spec);
    let containers = pods.get("template")?.get("spec")?.get("containers")?;
    let image = containers.items()?.first()?.get("image")?;
    match image.data() {
        _ if image.is_sensitive() => None,
        Data::String(image) => Some(image.to_string()),
        _ => Some(UNKNOWN.to_owned()),
    }
}

fn transition(before: Option<String>, after: Option<String>) -> Option<String> {
    match (before, after) {
        (None, Some(after)) => Some(after),
        (Some(before), Some(after)) if before != after => Some(format!("{before} → {after}")),
        _ => None,
    }
}

/// What happens, by the strongest of the changes.
fn verb(changes: &[&Change]) -> &'static str {
    let all = |action: Action| changes.iter().all(|change| change.action == action);
    if all(Action::Create) {
        "new"
    } else if all(Action::Delete) {
        "gone"
    } else {
        "changed"
    }
}

fn route(address: &Address, changes: &[&Change]) -> Line {
    let server = changes.iter().find(|change| change.key.address.part_name() == Some("server"));
    let value = server.and_then(|change| change.after.as_ref().or(change.before.as_ref()));
    let hosts = value.map(hosts).unwrap_or_default();
    let happens =
        if hosts.is_empty() { verb(changes).to_owned() } else { format!("{}: {}", verb(changes), hosts.join(", ")) };
    Line { what: address.to_string(), happens }
}

/// The names of the servers in a configuration file.
fn hosts(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let directives = value.get("directives");
    for server in directives.as_ref().and_then(Value::items).unwrap_or_default() {
        let block = server.get("block");
        for line in block.as_ref().and_then(Value::items).unwrap_or_default() {
            if line.get("name").is_some_and(|name| name.as_str() == Some("server_name")) {
                let args = line.get("args");
                let names = args.as_ref().and_then(Value::items).unwrap_or_default();
                found.extend(names.iter().filter_map(Value::as_str).map(str::to_owned));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

fn name(change: &Change) -> Line {
    let text = |value: &Option<Value>| {
        let value = value.as_ref()?;
        let values = value.get("values");
        let items = values.as_ref().and_then(Value::items).unwrap_or_default();
        let data: Vec<String> =
            items.iter().map(|item| item.as_str().map_or_else(|| UNKNOWN.to_owned(), str::to_owned)).collect();
        let part = |name: &str| value.get(name).and_then(|part| part.as_str().map(str::to_owned)).unwrap_or_default();
        Some((format!("{}.{} {}", part("name"), part("zone"), part("type")), data.join(", ")))
    };
    let (before, after) = (text(&change.before), text(&change.after));
    let what = change.key.address.block().to_string();
    let happens = match (before, after) {
        (None, Some((name, data))) => format!("new: {name} {data}"),
        (Some((name, _)), None) => format!("gone: {name}"),
        (Some((_, before)), Some((name, after))) if before != after => format!("{name} {before} → {after}"),
        (_, Some((name, _))) => format!("changed: {name}"),
        (None, None) => String::new(),
    };
    Line { what, happens }
}
