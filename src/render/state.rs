//! What is recorded, as text and as Terraform's JSON.

use std::fmt::Write as _;

use portolan::compile::OutputValue;
use portolan_lang::{Address, Value};
use portolan_state::{Output, Resource, ResourceStatus, Snapshot};
use serde_json::{Map, Value as Json, json};

use super::representation::{Module, document, identity, known, with_values};
use super::{plan, value};

/// Everything that is recorded, for people.
pub(crate) fn human(snapshot: &Snapshot) -> String {
    if snapshot.resources.is_empty() && snapshot.outputs.is_empty() {
        return "Nothing is recorded.\n".to_owned();
    }
    let resources: Vec<String> = snapshot.resources.iter().map(resource).collect();
    let shown = |output: &Output| OutputValue { name: output.name.clone(), value: output.value.clone() };
    let outputs: Vec<OutputValue> = snapshot.outputs.iter().map(shown).collect();
    let divisions: String = plan::recorded(&snapshot.decisions).iter().map(|line| format!("  {line}\n")).collect();
    let placement =
        if divisions.is_empty() { divisions } else { format!("\nWhere replicas run, and why:\n\n{divisions}") };
    resources.join("\n") + &placement + &plan::outputs(&outputs)
}

/// One object, as a block.
pub(crate) fn resource(resource: &Resource) -> String {
    let mut text = format!("# {}:", resource.key.address);
    if let Some(id) = &resource.key.deposed {
        let _ = write!(text, " (replaced, still to be deleted: {id})");
    }
    match resource.status {
        ResourceStatus::Ready => {}
        ResourceStatus::Pending => text.push_str(" (not ready when it was last changed)"),
        ResourceStatus::Tainted => text.push_str(" (tainted)"),
    }
    let _ = writeln!(text, "\n{} {{", header(resource));
    let entries = resource.value.entries().into_iter().flat_map(|entries| entries.iter());
    let set: Vec<(String, &Value)> =
        entries.filter(|(_, value)| !value.is_null()).map(|(name, value)| (value::key(name), value)).collect();
    let width = value::column(set.iter().map(|(name, _)| &**name));
    for (name, value) in set {
        let _ = writeln!(text, "  {name:width$} = {}", value::hcl(value, 2));
    }
    text.push_str("}\n");
    text
}

/// How a block for the object begins. An object that a block of the domain compiled to has no
/// name of its own but its address, which stands above.
fn header(resource: &Resource) -> String {
    let local = resource.key.address.local();
    let names: Vec<&str> = local.segments().iter().map(|segment| &*segment.name).collect();
    match names.as_slice() {
        ["data", source, name] => format!("data {} {}", value::quoted(source), value::quoted(name)),
        [resource_type, name] if **resource_type == *resource.resource_type => {
            format!("resource {} {}", value::quoted(resource_type), value::quoted(name))
        }
        _ => format!("resource {}", value::quoted(&resource.resource_type)),
    }
}

/// Everything that is recorded, in Terraform's state format 1.0.
pub(crate) fn json(snapshot: &Snapshot) -> Json {
    let mut document = document("1.0");
    if snapshot.resources.is_empty() && snapshot.outputs.is_empty() {
        return document;
    }
    let mut root = Module::default();
    for resource in &snapshot.resources {
        root.insert(&resource.key.address, resource_json(resource));
    }
    let mut values = json!({});
    if !snapshot.outputs.is_empty() {
        let outputs = snapshot.outputs.iter().map(|output| (output.name.to_string(), hidden_output(output)));
        values["outputs"] = Json::Object(outputs.collect());
    }
    values["root_module"] = root.into_json(None);
    document["values"] = values;
    document
}

/// One object, as it stands in the state's JSON.
pub(crate) fn resource_json(resource: &Resource) -> Json {
    let is_data = is_data(&resource.key.address);
    let entry = identity(&resource.key, &resource.resource_type, &resource.provider, is_data);
    let mut entry = with_values(entry, resource.schema_version, &resource.value);
    if !resource.dependencies.is_empty() {
        entry["depends_on"] = resource.dependencies.iter().map(ToString::to_string).collect();
    }
    if resource.status == ResourceStatus::Tainted {
        entry["tainted"] = json!(true);
    }
    entry
}

/// Whether an address is a data source's.
fn is_data(address: &Address) -> bool {
    address.local().segments().first().is_some_and(|first| &*first.name == "data")
}

fn hidden_output(output: &Output) -> Json {
    json!({"sensitive": output.value.is_sensitive(), "value": known(&output.value), "type": output.value.ty().to_json()})
}

/// The outputs, each on its own lines; sensitive ones are not shown.
pub(crate) fn outputs(outputs: &[Output]) -> String {
    let shown = |output: &Output| match output.value.is_sensitive() {
        true => format!("{} = <sensitive>\n", output.name),
        false => format!("{} = {}\n", output.name, value::console(&output.value)),
    };
    outputs.iter().map(shown).collect()
}

/// The outputs with their types. Sensitive ones are shown, as they are asked for by this form.
pub(crate) fn outputs_json(outputs: &[Output]) -> Json {
    let entries = outputs.iter().map(|output| {
        let value = &output.value;
        let entry = json!({"sensitive": value.is_sensitive(), "type": value.ty().to_json(), "value": value.to_json()});
        (output.name.to_string(), entry)
    });
    Json::Object(entries.collect::<Map<_, _>>())
}
