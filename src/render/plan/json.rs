//! A plan in Terraform's JSON format 1.2, which the tools around plans read.
//!
//! One thing is otherwise on purpose: values that are sensitive are never written. Where they
//! stand, there is null, and `before_sensitive` and `after_sensitive` say so.

use jiff::Timestamp;
use portolan::compile::Desired;
use portolan::plan::{Action, Change, Drift, Mode, OutputChange, Plan, Reason};
use portolan_lang::{Address, Data, InstanceKey, Type, Value};
use portolan_state::ResourceKey;
use serde_json::{Map, Value as Json, json};

/// The document.
pub(crate) fn json(plan: &Plan, desired: &Desired) -> Json {
    let _ = desired;
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

/// What tells a resource instance from all others, in the parts that Terraform knows.
fn identity(key: &ResourceKey, resource_type: &str, provider: &str, is_data: bool) -> Json {
    let address = &key.address;
    let module = address.module();
    let mut entry = json!({"address": address.to_string()});
    if !module.segments().is_empty() {
        entry["module_address"] = json!(module.to_string());
    }
    entry["mode"] = json!(if is_data { "data" } else { "managed" });
    entry["type"] = json!(resource_type);
    entry["name"] = json!(local_name(address));
    match address.key() {
        Some(InstanceKey::Index(index)) => entry["index"] = json!(index),
        Some(InstanceKey::Key(key)) => entry["index"] = json!(&**key),
        None => {}
    }
    entry["provider_name"] = json!(provider_name(provider));
    if let Some(deposed) = &key.deposed {
        entry["deposed"] = json!(&**deposed);
    }
    entry
}

/// The block's name; with what stands behind it for what a domain block compiles to.
pub(crate) fn local_name(address: &Address) -> String {
    let local = address.local();
    let names: Vec<&str> = local.segments().iter().map(|segment| &*segment.name).collect();
    let skip = if names.first() == Some(&"data") { 2 } else { 1 };
    let name = names.get(skip..).unwrap_or_default().join(".");
    match local.part_name() {
        Some(part) => format!("{name}/{part}"),
        None => name,
    }
}

fn provider_name(provider: &str) -> String {
    match provider {
        "builtin" | "terraform" => "terraform.io/builtin/terraform".to_owned(),
        other => format!("portolan/{other}"),
    }
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

/// A value without its unknown parts: left out of objects, null in sequences; sensitive parts are
/// null.
fn known(value: &Value) -> Json {
    if value.is_sensitive() {
        return Json::Null;
    }
    match value.data() {
        Data::List(_) | Data::Set(_) | Data::Tuple(_) => value.items().unwrap_or_default().iter().map(known).collect(),
        Data::Map(_) | Data::Object(_) => {
            let entries = value.entries().into_iter().flat_map(|entries| entries.iter());
            let shown = entries.filter(|(_, value)| value.is_known());
            Json::Object(shown.map(|(name, value)| (name.to_string(), known(value))).collect())
        }
        _ => value.to_json(),
    }
}

/// `true` where a value is unknown. Entries of objects are left out where nothing in them is;
/// what is empty or holds something stays, as in Terraform.
fn unknown_parts(value: &Value) -> Json {
    parts(value, &|value| !value.is_known())
}

/// `true` where a value is sensitive, with the same entries left out.
fn sensitive_parts(value: &Value) -> Json {
    parts(value, &Value::is_sensitive)
}

fn parts(value: &Value, is: &dyn Fn(&Value) -> bool) -> Json {
    if is(value) {
        return json!(true);
    }
    match value.data() {
        Data::List(_) | Data::Set(_) | Data::Tuple(_) => {
            value.items().unwrap_or_default().iter().map(|item| parts(item, is)).collect()
        }
        Data::Map(_) | Data::Object(_) => {
            let entries = value.entries().into_iter().flat_map(|entries| entries.iter());
            let parts = entries.map(|(name, child)| (name.to_string(), parts(child, is)));
            Json::Object(parts.filter(|(_, part)| *part != json!(false)).collect())
        }
        Data::Unknown(unknown) => match unknown.ty {
            Type::List(_) | Type::Set(_) | Type::Tuple(_) => json!([]),
            Type::Map(_) | Type::Object(_) => json!({}),
            _ => json!(false),
        },
        _ => json!(false),
    }
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
        for change in plan.changes.iter().filter(|change| change.after.is_some()) {
            root.insert(change);
        }
    }
    let mut values = json!({"root_module": root.into_json(None)});
    if !outputs.is_empty() {
        values["outputs"] = Json::Object(outputs);
    }
    values
}

/// The resources of a module and the modules in it.
#[derive(Default)]
struct Module {
    resources: Vec<Json>,
    children: std::collections::BTreeMap<Address, Module>,
}

impl Module {
    fn insert(&mut self, change: &Change) {
        let Some(after) = &change.after else { return };
        let mut entry = identity(&change.key, &change.resource_type, &change.provider, change.is_data);
        entry["schema_version"] = json!(0);
        entry["values"] = known(after);
        entry["sensitive_values"] = sensitive_parts(after);
        let mut module = self;
        let path = change.key.address.module();
        for length in (2..=path.segments().len()).step_by(2) {
            let address = Address::new(path.segments()[..length].iter().cloned());
            module = module.children.entry(address).or_default();
        }
        module.resources.push(entry);
    }

    fn into_json(self, address: Option<&Address>) -> Json {
        let mut module = json!({});
        if !self.resources.is_empty() {
            module["resources"] = Json::Array(self.resources);
        }
        if let Some(address) = address {
            module["address"] = json!(address.to_string());
        }
        if !self.children.is_empty() {
            module["child_modules"] =
                self.children.into_iter().map(|(address, child)| child.into_json(Some(&address))).collect();
        }
        module
    }
}
