//! Resources and values in Terraform's JSON formats, as plans and states have them in common.
//!
//! Values that are sensitive are never written: where they stand, there is null, and what says
//! which parts are sensitive says so.

use std::collections::BTreeMap;

use portolan_lang::{Address, Data, InstanceKey, Type, Value};
use portolan_state::ResourceKey;
use serde_json::{Value as Json, json};

/// The version of Terraform whose formats these are. Tools refuse versions that they do not know.
pub(super) const TERRAFORM_VERSION: &str = "1.11.4";

/// How a document in a format of Terraform begins: with the format's version, and whose it is.
pub(super) fn document(format: &str) -> Json {
    json!({
        "format_version": format,
        "terraform_version": TERRAFORM_VERSION,
        "portolan_version": env!("CARGO_PKG_VERSION"),
    })
}

/// What tells a resource instance from all others, in the parts that Terraform knows.
pub(super) fn identity(key: &ResourceKey, resource_type: &str, provider: &str, is_data: bool) -> Json {
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
pub(super) fn local_name(address: &Address) -> String {
    let local = address.local();
    let names: Vec<&str> = local.segments().iter().map(|segment| &*segment.name).collect();
    let skip = if names.first() == Some(&"data") { 2 } else { 1 };
    let name = names.get(skip..).unwrap_or_default().join(".");
    match local.part_name() {
        Some(part) => format!("{name}/{part}"),
        None => name,
    }
}

pub(super) fn provider_name(provider: &str) -> String {
    match provider {
        "builtin" | "terraform" => "terraform.io/builtin/terraform".to_owned(),
        other => format!("portolan/{other}"),
    }
}

/// A resource's identity with its values. It stands in its module, so it does not name it.
pub(super) fn with_values(mut entry: Json, schema_version: u64, value: &Value) -> Json {
    if let Json::Object(entry) = &mut entry {
        entry.shift_remove("module_address");
        let deposed = entry.shift_remove("deposed");
        entry.extend(deposed.map(|id| ("deposed_key".to_owned(), id)));
    }
    entry["schema_version"] = json!(schema_version);
    entry["values"] = known(value);
    entry["sensitive_values"] = sensitive_parts(value);
    entry
}

/// A value without its unknown parts: left out of objects, null in sequences; sensitive parts are
/// null.
pub(super) fn known(value: &Value) -> Json {
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
pub(crate) fn unknown_parts(value: &Value) -> Json {
    parts(value, &|value| !value.is_known())
}

/// `true` where a value is sensitive, with the same entries left out.
pub(super) fn sensitive_parts(value: &Value) -> Json {
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

/// The resources of a module and the modules in it.
#[derive(Default)]
pub(super) struct Module {
    resources: Vec<Json>,
    children: BTreeMap<Address, Module>,
}

impl Module {
    /// Puts a resource where its address says.
    pub(super) fn insert(&mut self, address: &Address, entry: Json) {
        let mut module = self;
        let path = address.module();
        for length in (2..=path.segments().len()).step_by(2) {
            let inner = Address::new(path.segments()[..length].iter().cloned());
            module = module.children.entry(inner).or_default();
        }
        module.resources.push(entry);
    }

    /// The module's object; the root has no address.
    pub(super) fn into_json(self, address: Option<&Address>) -> Json {
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
