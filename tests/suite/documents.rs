//! Whole plans in Terraform's format, field by field.

use serde_json::{Map, Value as Json, json};

use crate::configurations::{Aspect, hide, normal};

/// The parts of a plan that are compared here. What it says of the time and of problems is not the
/// same; the rest is.
const FIELDS: [&str; 12] = [
    "format_version",
    "terraform_version",
    "variables",
    "planned_values",
    "resource_drift",
    "resource_changes",
    "output_changes",
    "prior_state",
    "configuration",
    "relevant_attributes",
    "checks",
    "errored",
];

/// Each part of a plan, here and in Terraform.
pub(crate) fn aspects(ours: &Json, theirs: &Json) -> Vec<Aspect> {
    let mut theirs = theirs.clone();
    hide_sensitive(&mut theirs);
    // What is empty is written here, and left out there.
    for (name, empty) in [("resource_changes", json!([])), ("output_changes", json!({}))] {
        theirs.as_object_mut().expect("a document").entry(name).or_insert(empty);
    }
    let of = |document: &Json, field: &str| document.get(field).map_or(Json::Null, |part| plain(field, part));
    let parts = FIELDS.iter().map(|field| (*field, of(ours, field), of(&theirs, field)));
    let fields = |document: &Json| -> Vec<String> {
        let mut names: Vec<String> = document.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
        names.retain(|name| name != "diagnostics" && name != "portolan_version");
        names.sort();
        names
    };
    parts.chain([("fields", json!(fields(ours)), json!(fields(&theirs)))]).collect()
}

/// A part without what differs in every run, and with lists in the order of their addresses.
fn plain(field: &str, part: &Json) -> Json {
    let mut part = normal(part);
    if field == "prior_state" {
        without(&mut part, "portolan_version");
        // What each object depends on stands in the configuration, for all of them.
        without(&mut part, "depends_on");
    }
    if field == "resource_drift" {
        // Terraform does not say in what an object was found changed.
        without(&mut part, "kinds");
    }
    if field == "configuration" {
        rename_connections(&mut part);
    }
    sort(&mut part);
    part
}

/// Connections are the root module's, whichever module uses them.
fn rename_connections(configuration: &mut Json) {
    let renamed = |name: &str| name.rsplit(':').next().unwrap_or(name).to_owned();
    if let Some(Json::Object(connections)) = configuration.get_mut("provider_config") {
        *connections = std::mem::take(connections).into_iter().map(|(name, entry)| (renamed(&name), entry)).collect();
        connections.iter_mut().for_each(|(_, entry)| without(entry, "module_address"));
    }
    for_each(configuration, "provider_config_key", &mut |key| *key = json!(renamed(key.as_str().unwrap_or_default())));
}

fn for_each(value: &mut Json, name: &str, work: &mut dyn FnMut(&mut Json)) {
    match value {
        Json::Array(items) => items.iter_mut().for_each(|item| for_each(item, name, work)),
        Json::Object(entries) => {
            entries.get_mut(name).into_iter().for_each(&mut *work);
            entries.iter_mut().for_each(|(_, value)| for_each(value, name, work));
        }
        _ => {}
    }
}

fn without(value: &mut Json, name: &str) {
    match value {
        Json::Array(items) => items.iter_mut().for_each(|item| without(item, name)),
        Json::Object(entries) => {
            entries.remove(name);
            entries.iter_mut().for_each(|(_, value)| without(value, name));
        }
        _ => {}
    }
}

/// The order of resources and the like says nothing.
fn sort(value: &mut Json) {
    match value {
        Json::Array(items) => {
            items.iter_mut().for_each(sort);
            let is_list = |item: &Json| item.get("address").is_some() || item.get("resource").is_some();
            if !items.is_empty() && items.iter().all(is_list) {
                items.sort_by_key(|item| (item["address"].to_string(), item.to_string()));
            }
        }
        Json::Object(entries) => entries.iter_mut().for_each(|(_, value)| sort(value)),
        _ => {}
    }
}

/// Makes null, wherever a plan has it, what the plan says is sensitive.
fn hide_sensitive(value: &mut Json) {
    if let Json::Array(items) = value {
        items.iter_mut().for_each(hide_sensitive);
    }
    let Json::Object(entries) = value else { return };
    for (part, marks) in [("before", "before_sensitive"), ("after", "after_sensitive"), ("values", "sensitive_values")]
    {
        let marks = entries.get(marks).cloned();
        if let (Some(part), Some(marks)) = (entries.get_mut(part), marks) {
            hide(part, &marks);
        }
    }
    if entries.get("sensitive") == Some(&json!(true)) {
        for part in ["value", "default"] {
            entries.get_mut(part).into_iter().for_each(|value| *value = Json::Null);
        }
    }
    hide_variables(entries);
    entries.iter_mut().for_each(|(_, value)| hide_sensitive(value));
}

/// Makes null the values of variables that the configuration calls sensitive.
fn hide_variables(document: &mut Map<String, Json>) {
    let declared = document.get("configuration").map(|configuration| configuration["root_module"]["variables"].clone());
    let Some(Json::Object(declared)) = declared else { return };
    for (name, _) in declared.iter().filter(|(_, variable)| variable["sensitive"] == json!(true)) {
        document["variables"][name]["value"] = Json::Null;
    }
}

/// What an apply tells line by line, without words, times and problems, in one order.
pub(crate) fn stream(lines: &[Json]) -> Json {
    let is_compared = |line: &&Json| {
        let operation = &line["changes"]["operation"];
        !matches!(line["type"].as_str(), Some("version" | "diagnostic" | "log")) && *operation != "plan"
    };
    let mut told: Vec<Json> = lines.iter().filter(is_compared).map(plain_line).collect();
    told.sort_by_key(Json::to_string);
    Json::Array(told)
}

fn plain_line(line: &Json) -> Json {
    let mut line = normal(line);
    // What finds an object is not told.
    for name in ["@level", "@message", "@module", "@timestamp", "elapsed_seconds", "id_key", "id_value"] {
        without(&mut line, name);
    }
    line.sort_all_objects();
    line
}
