//! A plan in Terraform's JSON format 1.2, which the tools around plans read.
//!
//! One thing is otherwise on purpose: values that are sensitive are never written. Where they
//! stand, there is null, and `before_sensitive` and `after_sensitive` say so.

use jiff::Timestamp;
use portolan::plan::{Action, Change, Drift, Mode, OutputChange, Plan, Reason};
use portolan_lang::Value;
use serde_json::{Map, Value as Json, json};

use crate::render::representation::{Module, identity, known, sensitive_parts, unknown_parts, with_values};

/// The document.
pub(crate) fn json(plan: &Plan) -> Json {
    let mut document = json!({
        "format_version": "1.2",
        "terraform_version": env!("CARGO_PKG_VERSION"),
        "planned_values": planned_values(plan),
    });
    if !plan.drift.is_empty() {
        document["resource_drift"] = plan.drift.iter().map(drift).collect();
    }
    let changes = plan.changes.iter().filter(|change| !change.is_data || change.action == Action::Read);
    document["resource_changes"] = changes.map(resource_change).collect();
    let outputs: Map<String, Json> =
        plan.outputs.iter().map(|output| (output.name.to_string(), output_change(output))).collect();
    document["output_changes"] = Json::Object(outputs);
    document["timestamp"] = json!(timestamp());
    document["applyable"] = json!(plan.is_applicable());
    document["complete"] = json!(plan.targets.is_empty() && !plan.diagnostics.has_errors());
    document["errored"] = json!(plan.diagnostics.has_errors());
    document
}

fn timestamp() -> String {
    jiff::fmt::strtime::format("%Y-%m-%dT%H:%M:%SZ", Timestamp::now()).unwrap_or_default()
}

fn drift(drift: &Drift) -> Json {
    let mut entry = identity(&drift.key, &drift.resource_type, &drift.provider, false);
    let action = if drift.live.is_some() { "update" } else { "delete" };
    entry["change"] = change_of(&[action], Some(&drift.recorded), drift.live.as_ref());
    entry
}

fn resource_change(change: &Change) -> Json {
    let mut entry = identity(&change.key, &change.resource_type, &change.provider, change.is_data);
    if let Some(previous) = &change.previous_address {
        entry["previous_address"] = json!(previous.to_string());
    }
    let mut inner = change_of(actions(change.action), change.before.as_ref(), change.after.as_ref());
    if !change.replace_paths.is_empty() {
        inner["replace_paths"] = change.replace_paths.iter().map(portolan_lang::AttributePath::to_json).collect();
    }
    if let Some(id) = &change.importing {
        inner["importing"] = json!({"id": &**id});
    }
    entry["change"] = inner;
    if let Some(reason) = change.reason {
        entry["action_reason"] = json!(reason_name(reason));
    }
    entry
}

fn actions(action: Action) -> &'static [&'static str] {
    match action {
        Action::NoOp => &["no-op"],
        Action::Create => &["create"],
        Action::Read => &["read"],
        Action::Update => &["update"],
        Action::DeleteThenCreate => &["delete", "create"],
        Action::CreateThenDelete => &["create", "delete"],
        Action::Delete => &["delete"],
        Action::Forget => &["forget"],
    }
}

fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::CannotUpdate => "replace_because_cannot_update",
        Reason::Tainted => "replace_because_tainted",
        Reason::Requested => "replace_by_request",
        Reason::Triggered => "replace_by_triggers",
        Reason::NoConfiguration => "delete_because_no_resource_config",
        Reason::CountIndex => "delete_because_count_index",
        Reason::EachKey => "delete_because_each_key",
        Reason::WrongRepetition => "delete_because_wrong_repetition",
        Reason::NoModule => "delete_because_no_module",
        Reason::NoMoveTarget => "delete_because_no_move_target",
        Reason::ConfigUnknown => "read_because_config_unknown",
        Reason::DependencyPending => "read_because_dependency_pending",
        Reason::CheckNested => "read_because_check_nested",
    }
}

fn change_of(actions: &[&str], before: Option<&Value>, after: Option<&Value>) -> Json {
    json!({
        "actions": actions,
        "before": before.map_or(Json::Null, known),
        "after": after.map_or(Json::Null, known),
        "after_unknown": after.filter(|after| !after.is_wholly_known()).map_or(json!({}), unknown_parts),
        "before_sensitive": before.map_or(json!(false), sensitive_parts),
        "after_sensitive": after.map_or(json!(false), sensitive_parts),
    })
}

fn output_change(output: &OutputChange) -> Json {
    let action = match (&output.before, &output.after) {
        (None, Some(_)) => "create",
        (Some(_), None) => "delete",
        (before, after) if before == after => "no-op",
        _ => "update",
    };
    let before = output.before.as_ref();
    let after = output.after.as_ref();
    let hidden = |value: Option<&Value>| value.is_some_and(Value::is_sensitive);
    // The mark of an output is that of the whole; it is the same before and after.
    let sensitive = hidden(after) || (after.is_none() && hidden(before));
    let mut change = json!({
        "actions": [action],
        "before": before.map_or(Json::Null, known),
    });
    let is_unknown = after.is_some_and(|after| !after.is_known());
    if !is_unknown {
        change["after"] = after.map_or(Json::Null, known);
    }
    change["after_unknown"] = match after {
        Some(after) if !after.is_wholly_known() => unknown_parts(after),
        _ => json!(false),
    };
    change["before_sensitive"] = json!(sensitive);
    change["after_sensitive"] = json!(sensitive);
    change
}

fn planned_values(plan: &Plan) -> Json {
    let outputs = plan.outputs.iter().filter_map(|output| {
        let after = output.after.as_ref()?;
        let mut entry = json!({"sensitive": after.is_sensitive()});
        if after.is_wholly_known() {
            entry["type"] = after.ty().to_json();
            entry["value"] = known(after);
        }
        Some((output.name.to_string(), entry))
    });
    let outputs: Map<String, Json> = outputs.collect();
    let mut root = Module::default();
    if plan.mode != Mode::Destroy {
        for change in &plan.changes {
            let Some(after) = &change.after else { continue };
            let entry = identity(&change.key, &change.resource_type, &change.provider, change.is_data);
            root.insert(&change.key.address, with_values(entry, 0, after));
        }
    }
    let mut values = json!({"root_module": root.into_json(None)});
    if !outputs.is_empty() {
        values["outputs"] = Json::Object(outputs);
    }
    values
}
