//! The stream of JSON lines that Terraform's machine-readable interface 1.2 defines: one
//! object a line, told apart by its `type`. What is sensitive is left out.

use std::io::Write;
use std::time::Duration;

use jiff::Timestamp;
use portolan::apply::{Observer, Progress, Report};
use portolan::compile::OutputValue;
use portolan::plan::{Action, Change, Drift, DriftKind, Mode, OperationKind, Plan, Reason};
use portolan_lang::{InstanceKey, Sources, Value};
use portolan_state::ResourceKey;
use serde_json::{Map, Value as Json, json};

use super::conclusion::Done;
use super::{Timers, in_short, name, shown, waited_for, words};
use crate::render::diagnostic;
use crate::render::plan::{Counts, summary};
use crate::render::representation::local_name;

/// Writes a line for everything that happens.
pub(super) struct Stream<'a, W> {
    plan: &'a Plan,
    out: W,
    timers: Timers,
}

impl<'a, W: Write> Stream<'a, W> {
    /// Tells at once what is planned.
    pub(super) fn new(plan: &'a Plan, out: W) -> Self {
        let mut stream = Stream { plan, out, timers: Timers::default() };
        let version = env!("CARGO_PKG_VERSION");
        let fields = json!({"portolan": version, "ui": "1.2"});
        stream.tell(&line("info", &format!("Portolan {version}"), "version", fields));
        plan.drift.iter().map(drifted).for_each(|line| stream.tell(&line));
        plan.changes.iter().filter_map(planned).for_each(|line| stream.tell(&line));
        stream.tell(&planned_summary(plan));
        stream
    }

    fn tell(&mut self, line: &Json) {
        // Where nobody reads any more, the work goes on.
        let _ = writeln!(self.out, "{line}");
    }

    fn told(&mut self, operation: usize, level: &str, message: &str, kind: &str, more: Json) {
        let mut hook = json!({"resource": self.resource(operation), "action": action_name(self.plan, operation)});
        if let (Json::Object(hook), Json::Object(more)) = (&mut hook, more) {
            hook.extend(more);
        }
        let message = format!("{}: {message}", name(self.plan, operation));
        self.tell(&line(level, &message, kind, json!({"hook": hook})));
    }

    fn resource(&self, operation: usize) -> Json {
        let change = self.plan.operations.get(operation).and_then(|operation| self.plan.changes.get(operation.change));
        change.map_or(Json::Null, |change| resource(&change.key, &change.resource_type, &change.provider))
    }
}

impl<W: Write> Observer for Stream<'_, W> {
    fn on(&mut self, progress: Progress<'_>) {
        let elapsed = |took: Duration| json!({"elapsed_seconds": took.as_secs()});
        match progress {
            Progress::Started(operation) => {
                self.timers.start(operation);
                let doing = words(self.plan, operation).doing;
                self.told(operation, "info", &format!("{doing}…"), "apply_start", json!({}));
            }
            Progress::Finished(operation) => {
                let took = self.timers.end(operation);
                let message = format!("{} after {}", words(self.plan, operation).done, shown(took));
                self.told(operation, "info", &message, "apply_complete", elapsed(took));
            }
            Progress::Failed(operation, problem) => {
                let took = self.timers.end(operation);
                let infinitive = words(self.plan, operation).infinitive;
                let message = format!("could not {infinitive} it, after {}: {}", shown(took), problem.summary);
                self.told(operation, "error", &message, "apply_errored", elapsed(took));
            }
            Progress::Waiting(operation, waiting) => {
                let so_far = self.timers.so_far(operation);
                let message = format!("not ready yet, after {}: {}", shown(so_far), waited_for(waiting));
                let (seconds, why, reasons) = (so_far.as_secs(), &waiting.why, &waiting.reasons);
                let more = json!({"elapsed_seconds": seconds, "waiting_for": why, "reasons": reasons});
                self.told(operation, "info", &message, "apply_progress", more);
            }
            Progress::NotReady(operation, problem) => {
                let took = self.timers.end(operation);
                let message = format!("not ready after {}: {}", shown(took), in_short(problem));
                self.told(operation, "error", &message, "apply_errored", elapsed(took));
            }
            Progress::GoingBack(operation, problem) => {
                let so_far = self.timers.so_far(operation);
                let message = format!("not ready, made again what it was: {}", in_short(problem));
                self.told(operation, "warn", &message, "apply_progress", elapsed(so_far));
            }
            Progress::Retrying { operation, attempts, pause, message } => {
                let message = format!("attempt {attempts} failed, again in {}: {message}", shown(pause));
                self.told(operation, "warn", &message, "apply_progress", json!({}));
            }
            Progress::Stopping => {
                self.tell(&line("warn", "Stopping: what runs is brought to its end.", "log", json!({})));
            }
        }
    }
}

/// The last lines: problems, what was done, and the outputs.
pub(crate) fn conclusion_json(plan: &Plan, report: &Report, outputs: &[OutputValue], sources: &Sources) -> String {
    let mut lines: Vec<Json> = Vec::new();
    for problem in &report.diagnostics {
        let (level, word) = if problem.is_error() { ("error", "Error") } else { ("warn", "Warning") };
        let fields = json!({"diagnostic": diagnostic::to_json(problem, sources)});
        lines.push(line(level, &format!("{word}: {}", problem.summary), "diagnostic", fields));
    }
    let done = Done::of(plan, report);
    let begin = if report.succeeded() { "Apply complete" } else { "Not everything was done" };
    let changes = json!({
        "add": done.added,
        "change": done.changed,
        "import": done.imported,
        "remove": done.destroyed,
        "operation": operation_name(plan.mode),
    });
    lines.push(line("info", &format!("{begin}: {}.", done.words()), "change_summary", json!({"changes": changes})));
    if report.succeeded() {
        let map: Map<String, Json> =
            outputs.iter().map(|output| (output.name.to_string(), output_json(&output.value))).collect();
        lines.push(line("info", &format!("Outputs: {}", map.len()), "outputs", json!({"outputs": map})));
    }
    lines.into_iter().map(|line| format!("{line}\n")).collect()
}

fn output_json(value: &Value) -> Json {
    let hidden = !value.deep_marks().is_empty();
    let mut output = json!({"sensitive": hidden, "type": value.ty().to_json()});
    if !hidden {
        output["value"] = value.to_json();
    }
    output
}

/// One line: what all of them have, and the fields of its type.
/// A line of the stream.
pub(crate) fn line(level: &str, message: &str, kind: &str, fields: Json) -> Json {
    let time = jiff::fmt::strtime::format("%Y-%m-%dT%H:%M:%S%.6fZ", Timestamp::now()).unwrap_or_default();
    let mut line = json!({"@level": level, "@message": message, "@module": "portolan.ui", "@timestamp": time});
    if let (Json::Object(line), Json::Object(fields)) = (&mut line, fields) {
        line.extend(fields);
        line.insert("type".to_owned(), json!(kind));
    }
    line
}

fn resource(key: &ResourceKey, resource_type: &str, provider: &str) -> Json {
    let address = &key.address;
    let instance_key = match address.key() {
        Some(InstanceKey::Index(index)) => json!(index),
        Some(InstanceKey::Key(key)) => json!(&**key),
        None => Json::Null,
    };
    json!({
        "addr": address.to_string(),
        "module": address.module().to_string(),
        "resource": address.local().to_string(),
        "implied_provider": provider,
        "resource_type": resource_type,
        "resource_name": local_name(address),
        "resource_key": instance_key,
    })
}

fn drifted(drift: &Drift) -> Json {
    let (action, word) = match &*drift.kinds() {
        [DriftKind::Gone] => ("delete", "deleted"),
        [DriftKind::Ownership] => ("update", "taken over in parts"),
        _ => ("update", "changed"),
    };
    let change = json!({"resource": resource(&drift.key, &drift.resource_type, &drift.provider), "action": action});
    let message = format!("{}: was {word} outside", drift.key.address);
    line("info", &message, "resource_drift", json!({"change": change}))
}

/// What becomes of a resource, where anything does.
fn planned(change: &Change) -> Option<Json> {
    let action = match change.action {
        Action::NoOp if change.importing.is_some() => "import",
        Action::NoOp if change.previous_address.is_some() => "move",
        Action::NoOp => return None,
        Action::Create => "create",
        Action::Read => "read",
        Action::Update => "update",
        Action::DeleteThenCreate | Action::CreateThenDelete => "replace",
        Action::Delete => "delete",
        Action::Forget => "remove",
    };
    let mut fields =
        json!({"resource": resource(&change.key, &change.resource_type, &change.provider), "action": action});
    if let Some(previous) = &change.previous_address {
        let key = ResourceKey::current(previous.clone());
        fields["previous_resource"] = resource(&key, &change.resource_type, &change.provider);
    }
    if let Some(reason) = change.reason.and_then(reason_name) {
        fields["reason"] = json!(reason);
    }
    if let Some(id) = &change.importing {
        fields["importing"] = json!({"id": &**id});
    }
    let message = format!("{}: planned to {action}", change.key.address);
    Some(line("info", &message, "planned_change", json!({"change": fields})))
}

fn planned_summary(plan: &Plan) -> Json {
    let counts = Counts::of(plan);
    let changes = json!({
        "add": counts.add,
        "change": counts.change,
        "import": counts.import,
        "remove": counts.remove,
        "operation": "plan",
    });
    line("info", &format!("Plan: {}.", summary(plan)), "change_summary", json!({"changes": changes}))
}

fn operation_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Normal | Mode::RefreshOnly => "apply",
        Mode::Destroy => "destroy",
    }
}

fn action_name(plan: &Plan, operation: usize) -> &'static str {
    match plan.operations.get(operation).map(|operation| operation.kind) {
        Some(OperationKind::Create) => "create",
        Some(OperationKind::Update) => "update",
        Some(OperationKind::Delete) => "delete",
        Some(OperationKind::Forget) => "remove",
        Some(OperationKind::Read) | None => "read",
        Some(OperationKind::Await) => "noop",
    }
}

fn reason_name(reason: Reason) -> Option<&'static str> {
    Some(match reason {
        Reason::CannotUpdate => "cannot_update",
        Reason::Tainted => "tainted",
        Reason::Requested => "requested",
        Reason::Triggered => "replace_triggered_by",
        Reason::NoConfiguration => "delete_because_no_resource_config",
        Reason::CountIndex => "delete_because_count_index",
        Reason::EachKey => "delete_because_each_key",
        Reason::WrongRepetition => "delete_because_wrong_repetition",
        Reason::NoModule => "delete_because_no_module",
        Reason::NoMoveTarget => "delete_because_no_move_target",
        Reason::ConfigUnknown => "read_because_config_unknown",
        Reason::DependencyPending => "read_because_dependency_pending",
        Reason::CheckNested => "read_because_check_nested",
        // Terraform has no word for it.
        Reason::Withdrawal => return None,
    })
}
