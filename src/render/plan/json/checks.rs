//! Whether the conditions hold that variables, outputs, resources and checks have.

use portolan::compile::{CheckStatus, Checked, CheckedInstance};
use portolan_lang::{Address, InstanceKey};
use serde_json::{Value as Json, json};

/// Everything that has conditions.
pub(super) fn json(checks: &[Checked]) -> Json {
    checks.iter().map(checked).collect()
}

fn checked(checked: &Checked) -> Json {
    let mut entry = json!({"address": subject(&checked.subject), "status": status(checked.status())});
    if !checked.instances.is_empty() {
        entry["instances"] = checked.instances.iter().map(instance).collect();
    }
    entry
}

fn subject(address: &Address) -> Json {
    let local = address.local();
    let names: Vec<&str> = local.segments().iter().map(|segment| &*segment.name).collect();
    let mut entry = match names.as_slice() {
        ["var", name] => json!({"kind": "var", "name": name}),
        ["output", name] => json!({"kind": "output_value", "name": name}),
        ["check", name] => json!({"kind": "check", "name": name}),
        ["data", source, name] => json!({"kind": "resource", "mode": "data", "type": source, "name": name}),
        [kind, name] => json!({"kind": "resource", "mode": "managed", "type": kind, "name": name}),
        _ => json!({}),
    };
    within_module(&mut entry, address);
    entry
}

fn instance(instance: &CheckedInstance) -> Json {
    let mut address = json!({});
    match instance.address.key() {
        Some(InstanceKey::Index(index)) => address["instance_key"] = json!(index),
        Some(InstanceKey::Key(key)) => address["instance_key"] = json!(&**key),
        None => {}
    }
    within_module(&mut address, &instance.address);
    let mut entry = json!({"address": address, "status": status(instance.status)});
    if !instance.problems.is_empty() {
        entry["problems"] = instance.problems.iter().map(|message| json!({"message": message})).collect();
    }
    entry
}

fn within_module(entry: &mut Json, address: &Address) {
    let module = address.module();
    if !module.segments().is_empty() {
        entry["module"] = json!(module.to_string());
    }
    entry["to_display"] = json!(address.to_string());
}

fn status(status: CheckStatus) -> &'static str {
    match status {
        CheckStatus::Pass => "pass",
        CheckStatus::Unknown => "unknown",
        CheckStatus::Fail => "fail",
        CheckStatus::Error => "error",
    }
}
