//! A plan in Terraform's JSON format 1.2, which the tools around plans read.
//!
//! One thing is otherwise on purpose: values that are sensitive are never written. Where they
//! stand, there is null, and `before_sensitive` and `after_sensitive` say so.

mod checks;
mod configuration;
mod references;
mod relevant;

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use portolan::catalog::Catalog;
use portolan::compile::accept;
use portolan::config::{Config, Variable};
use portolan::host::LocalHost;
use portolan::plan::{Action, Change, Drift, DriftKind, Mode, OutputChange, Plan, Reason};
use portolan_lang::Value;
use serde_json::{Map, Value as Json, json};

use super::{loss, placement};
use crate::render::diagnostic::list_json;
use crate::render::representation::{Module, document, identity, known, sensitive_parts, unknown_parts, with_values};

/// What a plan was made from, as far as it is told beside the plan.
pub(crate) struct Basis<'a> {
    pub(crate) config: &'a Config,
    pub(crate) catalog: &'a Catalog,
    /// The values that are given for the root module's variables.
    pub(crate) variables: &'a IndexMap<Arc<str>, Value>,
    /// When the plan was made: RFC 3339 in UTC.
    pub(crate) plan_time: String,
}

/// The document.
pub(crate) fn json(plan: &Plan, basis: &Basis<'_>) -> Json {
    let Basis { config, catalog, .. } = *basis;
    let mut document = document("1.2");
    let variables = variables(basis);
    if !variables.is_empty() {
        document["variables"] = Json::Object(variables);
    }
    document["planned_values"] = planned_values(plan, catalog);
    if !plan.drift.is_empty() {
        document["resource_drift"] = plan.drift.iter().map(drift).collect();
    }
    let changes = plan.changes.iter().filter(|change| !change.is_data || change.action == Action::Read);
    document["resource_changes"] = changes.map(resource_change).collect();
    let outputs: Map<String, Json> =
        plan.outputs.iter().map(|output| (output.name.to_string(), output_change(output))).collect();
    document["output_changes"] = Json::Object(outputs);
    if let Some(prior) = prior_state(plan, catalog) {
        document["prior_state"] = prior;
    }
    document["configuration"] = configuration::json(config, catalog);
    let relevant = relevant::json(config, catalog, plan);
    if relevant.as_array().is_some_and(|found| !found.is_empty()) {
        document["relevant_attributes"] = relevant;
    }
    if !plan.checks.is_empty() {
        document["checks"] = checks::json(&plan.checks);
    }
    let placement = placement::json(plan);
    if !placement.is_empty() {
        document["placement"] = Json::Array(placement);
    }
    if !plan.lost.is_empty() {
        document["simulated_loss"] = loss::json(plan);
    }
    document["timestamp"] = json!(basis.plan_time);
    document["applyable"] = json!(plan.is_applicable());
    document["complete"] = json!(plan.targets.is_empty() && !plan.diagnostics.has_errors());
    document["errored"] = json!(plan.diagnostics.has_errors());
    document["diagnostics"] = list_json(&plan.diagnostics, &config.sources);
    document
}

fn drift(drift: &Drift) -> Json {
    let mut entry = identity(&drift.key, &drift.resource_type, &drift.provider, false);
    if let Some(previous) = &drift.previous_address {
        entry["previous_address"] = json!(previous.to_string());
    }
    let action = if drift.live.is_some() { "update" } else { "delete" };
    entry["change"] = change_of(&[action], Some(&drift.recorded), drift.live.as_ref());
    entry["kinds"] = drift.kinds().into_iter().map(kind_name).collect();
    let lost = drift.lost_fields();
    if !lost.is_empty() {
        entry["lost_fields"] = lost.into_iter().collect::<BTreeMap<String, String>>().into_iter().collect();
    }
    entry
}

fn kind_name(kind: DriftKind) -> &'static str {
    match kind {
        DriftKind::Gone => "gone",
        DriftKind::Values => "values",
        DriftKind::Ownership => "ownership",
    }
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
    if let Some(reason) = change.reason.and_then(reason_name) {
        entry["action_reason"] = json!(reason);
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

fn reason_name(reason: Reason) -> Option<&'static str> {
    Some(match reason {
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
        // Terraform has no word for it.
        Reason::Withdrawal => return None,
    })
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

fn planned_values(plan: &Plan, catalog: &Catalog) -> Json {
    let outputs = plan.outputs.iter().filter_map(|output| {
        let after = output.after.as_ref()?;
        let known = after.is_wholly_known().then_some(after);
        Some((output.name.to_string(), output_value(known, after.is_sensitive())))
    });
    let mut root = Module::default();
    if plan.mode != Mode::Destroy {
        // Data sources that were read while planning are part of what there was before.
        let planned = plan.changes.iter().filter(|change| !change.is_data || change.action == Action::Read);
        let planned = planned.filter_map(|change| Some((change, change.after.as_ref()?)));
        planned.for_each(|(change, after)| insert(&mut root, change, after, catalog));
    }
    values(root, outputs.collect())
}

/// What there was before: the recorded objects as they are now, data sources that were read, and
/// outputs as far as they are known. Nothing where there was none of it.
fn prior_state(plan: &Plan, catalog: &Catalog) -> Option<Json> {
    let outputs = plan.outputs.iter().filter_map(|output| {
        let known = output.after.as_ref().filter(|after| after.is_wholly_known());
        let value = known.or(output.before.as_ref()).filter(|value| !value.is_null())?;
        Some((output.name.to_string(), output_value(Some(value), value.is_sensitive())))
    });
    let outputs: Map<String, Json> = outputs.collect();
    let mut root = Module::default();
    let mut existing = plan.changes.iter().filter_map(|change| Some((change, change.before.as_ref()?))).peekable();
    if outputs.is_empty() && existing.peek().is_none() {
        return None;
    }
    existing.for_each(|(change, before)| insert(&mut root, change, before, catalog));
    let mut state = document("1.0");
    state["values"] = values(root, outputs);
    Some(state)
}

fn output_value(value: Option<&Value>, sensitive: bool) -> Json {
    let mut entry = json!({"sensitive": sensitive});
    if let Some(value) = value {
        entry["type"] = value.ty().to_json();
        entry["value"] = known(value);
    }
    entry
}

fn insert(root: &mut Module, change: &Change, value: &Value, catalog: &Catalog) {
    let version = if change.is_data { None } else { catalog.resource(&change.resource_type) };
    let version = version.map_or(0, |(_, resource)| resource.version);
    let entry = identity(&change.key, &change.resource_type, &change.provider, change.is_data);
    root.insert(&change.key.address, with_values(entry, version, value));
}

fn values(root: Module, outputs: Map<String, Json>) -> Json {
    let mut values = json!({});
    if !outputs.is_empty() {
        values["outputs"] = Json::Object(outputs);
    }
    values["root_module"] = root.into_json(None);
    values
}

/// The values of the root module's variables, given or by default.
fn variables(basis: &Basis<'_>) -> Map<String, Json> {
    let host = LocalHost::planning(".");
    let value = |name: &Arc<str>, variable: &Variable| match basis.variables.get(name) {
        _ if variable.sensitive || variable.ephemeral => Json::Null,
        Some(given) => known(given),
        None => known(&accept(variable, None, variable.span, &host).0),
    };
    let variables = basis.config.root.variables.iter();
    variables.map(|(name, variable)| (name.to_string(), json!({"value": value(name, variable)}))).collect()
}
