//! Manifests as they are sent: without nulls, with what says that they are ours, in the version
//! that the server offers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portolan_lang::value::Entries;
use portolan_lang::{Data, Value};
use serde_json::{Map, Value as Json, json};

use crate::identity::group_of;
use crate::manifest::{OWNER, OWNER_LABEL};
use crate::scope::is_own_group;

/// The label that says which record an object belongs to, among all records.
pub(super) const STATE_LABEL: &str = "portolan.io/state";

/// What is there of a field that we own but the manifest does not declare, without what we add to
/// every object; `path` leads to where the field is.
pub(super) fn beside_ours(path: &[String], name: &str, value: Value) -> Option<Value> {
    let is_ours = |name: &str| [OWNER_LABEL, STATE_LABEL].contains(&name);
    match path.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["metadata", "labels"] if is_ours(name) => None,
        // See `with_protocols`.
        [.., "ports"] | [.., "ports", _] if name == "protocol" && value.as_str() == Some(PROTOCOL) => None,
        ["metadata"] if name == "labels" => {
            let labels = value.entries()?.iter().filter(|(name, _)| !is_ours(name));
            let labels: Vec<_> = labels.map(|(name, value)| (name.clone(), value.clone())).collect();
            (!labels.is_empty()).then(|| Value::object(labels))
        }
        _ => Some(value),
    }
}

/// A value as JSON without entries that are null, which would mean that nobody may set them.
pub(super) fn to_json(value: &Value) -> Json {
    match (value.entries(), value.items()) {
        (Some(entries), _) => {
            let set = entries.iter().filter(|(_, value)| !value.is_null());
            set.map(|(name, value)| (name.to_string(), to_json(value))).collect::<Map<_, _>>().into()
        }
        (_, Some(items)) => items.iter().map(to_json).collect::<Vec<_>>().into(),
        _ => value.to_json(),
    }
}

/// The object to send: `manifest` in the version `api_version`, as an object of the record `owner`.
pub(super) fn object(manifest: &Value, api_version: &str, owner: &str) -> Json {
    let mut object = to_json(&with_data(manifest));
    if is_own_group(group_of(api_version)) {
        quantities_as_text(&mut object);
        with_protocols(&mut object);
    }
    object["apiVersion"] = api_version.into();
    let metadata = &mut object["metadata"];
    if !metadata["labels"].is_object() {
        metadata["labels"] = json!({});
    }
    metadata["labels"][OWNER_LABEL] = OWNER.into();
    if !owner.is_empty() {
        metadata["labels"][STATE_LABEL] = owner.into();
    }
    object
}

/// The protocol of ports that name none.
const PROTOCOL: &str = "TCP";

/// Gives ports their protocol where they leave it out: it is part of what tells them apart, and
/// servers before 1.21 refuse to fill it in.
fn with_protocols(value: &mut Json) {
    match value {
        Json::Array(items) => items.iter_mut().for_each(with_protocols),
        Json::Object(fields) => {
            for (name, value) in fields {
                with_protocols(value);
                let ports = value.as_array_mut().filter(|_| name == "ports");
                let ports = ports.into_iter().flatten().filter_map(Json::as_object_mut);
                for port in ports.filter(|port| port.contains_key("port") || port.contains_key("containerPort")) {
                    port.entry("protocol").or_insert_with(|| PROTOCOL.into());
                }
            }
        }
        _ => {}
    }
}

/// Maps of quantities in Kubernetes' own kinds.
const QUANTITIES: [&str; 4] = ["capacity", "hard", "limits", "requests"];

/// Quantities that are written as numbers, as text: server-side apply takes nothing else.
fn quantities_as_text(value: &mut Json) {
    match value {
        Json::Array(items) => items.iter_mut().for_each(quantities_as_text),
        Json::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Json::Object(amounts) if QUANTITIES.contains(&&**name) => amounts.values_mut().for_each(as_text),
                    other => quantities_as_text(other),
                }
            }
        }
        _ => {}
    }
}

fn as_text(value: &mut Json) {
    if let Json::Number(number) = value {
        *value = number.to_string().into();
    }
}

fn is_secret(manifest: &Value) -> bool {
    let text = |name: &str| manifest.entries().and_then(|entries| entries.get(name)).and_then(Value::as_str);
    text("kind") == Some("Secret") && text("apiVersion") == Some("v1")
}

/// The manifest of a Secret with its `stringData` as `data`, which is how a server keeps it; any
/// other manifest as it is.
pub(super) fn with_data(manifest: &Value) -> Value {
    let entries = manifest.entries().filter(|_| is_secret(manifest));
    let Some((entries, texts)) = entries.and_then(|entries| Some((entries, entries.get("stringData")?.entries()?)))
    else {
        return manifest.clone();
    };
    let none = Entries::default();
    let data = entries.get("data").and_then(Value::entries).unwrap_or(&none);
    let encoded = texts.iter().map(|(name, text)| (name.clone(), encoded(text)));
    let data = data.iter().map(|(name, value)| (name.clone(), value.clone())).chain(encoded);
    let others = entries.iter().filter(|(name, _)| !["data", "stringData"].contains(&&***name));
    let others: Entries = others.map(|(name, value)| (name.clone(), value.clone())).collect();
    object_of(others.with("data", Value::object(data)))
}

fn object_of(entries: Entries) -> Value {
    Data::Object(std::sync::Arc::new(entries)).into()
}

fn encoded(text: &Value) -> Value {
    text.as_str().map_or_else(|| text.clone(), |text| Value::string(STANDARD.encode(text)))
}

/// What was found of a manifest made by [`with_data`], said as the manifest says it.
pub(super) fn with_string_data(manifest: &Value, found: Value) -> Value {
    let texts =
        manifest.entries().filter(|_| is_secret(manifest)).and_then(|entries| entries.get("stringData")?.entries());
    let (Some(texts), Some(entries)) = (texts, found.entries()) else { return found };
    let none = Entries::default();
    let data = entries.get("data").and_then(Value::entries).unwrap_or(&none);
    let decoded = |value: &Value| {
        let bytes = STANDARD.decode(value.as_str()?).ok()?;
        Some(Value::string(String::from_utf8(bytes).ok()?))
    };
    let (mut as_text, mut as_data) = (Vec::new(), Vec::new());
    for (name, value) in data.iter() {
        match decoded(value).filter(|_| texts.get(name).is_some()) {
            Some(text) => as_text.push((name.clone(), text)),
            None => as_data.push((name.clone(), value.clone())),
        }
    }
    let others = entries.iter().filter(|(name, _)| &***name != "data");
    let mut all: Entries = others.map(|(name, value)| (name.clone(), value.clone())).collect();
    if !as_text.is_empty() {
        all = all.with("stringData", Value::object(as_text));
    }
    if !as_data.is_empty() {
        all = all.with("data", Value::object(as_data));
    }
    object_of(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    #[test]
    fn what_is_sent() {
        let manifest = yaml::read(
            "{apiVersion: policy/v1, kind: A, metadata: {name: a, labels: {x: w, z: null}}, spec: {b: null, c: [{d: null}]}}",
        );
        let sent = object(&manifest.expect("a manifest"), "policy/v1beta1", "s");
        let labels = json!({"x": "w", "app.kubernetes.io/managed-by": "portolan", "portolan.io/state": "s"});
        assert_eq!(
            sent,
            json!({"apiVersion": "policy/v1beta1", "kind": "A", "metadata": {"name": "a", "labels": labels}, "spec": {"c": [{}]}})
        );
    }

    #[test]
    fn ports_have_a_protocol() {
        let manifest = yaml::read(
            "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 80}, {port: 53, protocol: UDP}]}}",
        );
        let sent = object(&manifest.expect("a manifest"), "v1", "");
        assert_eq!(sent["spec"]["ports"], json!([{"port": 80, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]));
        let spec = ["spec", "ports"].map(str::to_owned);
        assert_eq!(beside_ours(&spec, "protocol", Value::string("TCP")), None);
        assert!(beside_ours(&spec, "protocol", Value::string("UDP")).is_some());
    }

    #[test]
    fn the_text_of_secrets_is_encoded_and_back() {
        let manifest =
            yaml::read("{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {a: b}, data: {c: ZA==}}")
                .expect("a manifest");
        let encoded = with_data(&manifest);
        assert_eq!(encoded.get("data").map(|data| data.to_json()), Some(json!({"a": "Yg==", "c": "ZA=="})));
        assert_eq!(with_string_data(&manifest, encoded), manifest);
    }
}
