//! What a live object says of the fields of a manifest.
//!
//! Of a live object three things count: the fields that the manifest declares, those that we own
//! and that it does not declare, and who owns them. Everything else belongs to somebody else:
//! what the server fills in, what webhooks and controllers add, and the status.
//!
//! A field that we own was not written by anybody else since we applied it. So where the server
//! keeps it in another form, as it does with quantities, or leaves it out because it is empty, it
//! is as declared.

use std::collections::BTreeMap;

use portolan_lang::Value;
use portolan_lang::value::Entries;
use serde_json::Value as Json;

use super::owners::{Key, Owners};
use super::quantity;
use super::wire::{beside_ours, to_json};
use crate::alike::like_recorded;

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Observed {
    /// The manifest as it is live; `None` where it is as declared.
    pub(super) changed: Option<Value>,
    /// Fields of the manifest that we own no more, each with those who do.
    pub(super) lost: BTreeMap<String, String>,
}

/// Looks at the fields of a manifest in a live object.
pub(super) fn observe(manifest: &Value, live: &Json) -> Observed {
    let owners = Owners::of(&live["metadata"]);
    let mut observer = Observer { path: Vec::new(), lost: BTreeMap::new() };
    let changed = match observer.fields(manifest, live, &owners) {
        Found::AsDeclared => None,
        Found::Is(value) => Some(like_recorded(manifest, value)),
        Found::Absent => Some(Value::null(portolan_lang::Type::Any)),
    };
    Observed { changed, lost: observer.lost }
}

/// How a declared value is found.
enum Found {
    AsDeclared,
    Is(Value),
    Absent,
}

struct Observer {
    path: Vec<String>,
    lost: BTreeMap<String, String>,
}

/// What finds the object, and of which nobody is an owner.
const UNOWNED: [&str; 4] = ["apiVersion", "kind", "metadata.name", "metadata.namespace"];

/// Maps of words, which the server leaves out where they are empty.
const MAPS: [&str; 9] =
    ["annotations", "binaryData", "data", "labels", "limits", "matchLabels", "nodeSelector", "requests", "stringData"];

impl Observer {
    fn value(&mut self, declared: &Value, live: Option<&Json>, owners: &Owners<'_>) -> Found {
        let live = live.filter(|live| !live.is_null());
        match live {
            _ if declared.is_null() => self.undeclared(live, owners),
            None => self.absent(declared, owners),
            Some(live) if live.is_object() && declared.entries().is_some_and(|entries| !entries.is_empty()) => {
                self.fields(declared, live, owners)
            }
            Some(Json::Array(items)) if declared.items().is_some_and(|declared| !declared.is_empty()) => {
                self.items(declared, items, owners)
            }
            Some(live) if declares_nothing(declared, live, owners) => Found::AsDeclared,
            Some(live) => self.leaf(declared, live, owners),
        }
    }

    /// A field that the manifest says nothing about is ours to tell of only if we own it.
    fn undeclared(&self, live: Option<&Json>, owners: &Owners<'_>) -> Found {
        match live {
            Some(live) if owners.has_ours() => owned(live, owners).map_or(Found::AsDeclared, Found::Is),
            _ => Found::AsDeclared,
        }
    }

    fn absent(&mut self, declared: &Value, owners: &Owners<'_>) -> Found {
        let is_empty_list = declared.items().is_some_and(<[Value]>::is_empty);
        let is_map = self.path.last().is_some_and(|name| MAPS.contains(&&**name));
        let is_empty_map = is_map && declared.entries().is_some_and(Entries::is_empty);
        if is_empty_list || is_empty_map || owners.has_ours() && is_zero(declared) {
            return Found::AsDeclared;
        }
        Found::Absent
    }

    fn leaf(&mut self, declared: &Value, live: &Json, owners: &Owners<'_>) -> Found {
        self.note_owner(owners);
        let json = to_json(declared);
        let is_same = same(&json, live)
            || owners.has_ours() && (quantity::are_equal(&json, live) || is_zero(declared) && is_zero_json(live));
        if is_same { Found::AsDeclared } else { Found::Is(Value::from_json_untyped(live)) }
    }

    fn fields(&mut self, declared: &Value, live: &Json, owners: &Owners<'_>) -> Found {
        let none = Entries::default();
        let declared = declared.entries().unwrap_or(&none);
        let mut found: Vec<(std::sync::Arc<str>, Value)> = Vec::with_capacity(declared.len());
        let mut is_changed = false;
        for (name, value) in declared.iter() {
            self.path.push(name.to_string());
            match self.value(value, live.get(&**name), &owners.field(name)) {
                Found::AsDeclared => found.push((name.clone(), value.clone())),
                Found::Is(value) => {
                    is_changed = true;
                    found.push((name.clone(), value));
                }
                Found::Absent => is_changed = true,
            }
            self.path.pop();
        }
        for name in owners.our_fields().filter(|name| declared.get(name).is_none()) {
            let extra = live.get(name).and_then(|live| owned(live, &owners.field(name)));
            let extra = extra.and_then(|value| beside_ours(&self.path, name, value));
            is_changed |= extra.is_some();
            found.extend(extra.map(|value| (name.into(), value)));
        }
        if is_changed { Found::Is(Value::object(found)) } else { Found::AsDeclared }
    }

    fn items(&mut self, declared: &Value, live: &[Json], owners: &Owners<'_>) -> Found {
        let items = declared.items().unwrap_or_default();
        let keys = owners.keys();
        match keys.first().map(|key| key.fields.keys().cloned().collect::<Vec<String>>()) {
            Some(names) if live.iter().all(Json::is_object) => self.keyed(items, live, &Keys { keys, names }, owners),
            _ if owners.is_set() => self.set(items, live, owners),
            _ => self.sequence(items, live, owners),
        }
    }

    /// Items that are found by keys, wherever they stand.
    fn keyed(&mut self, declared: &[Value], live: &[Json], keys: &Keys<'_>, owners: &Owners<'_>) -> Found {
        let mut found = Vec::with_capacity(declared.len());
        let mut is_changed = false;
        let mut seen = vec![false; live.len()];
        for item in declared {
            let json = to_json(item);
            let at = live.iter().enumerate().position(|(at, live)| !seen[at] && keys.match_up(&json, live));
            let Some(at) = at else {
                is_changed = true;
                continue;
            };
            seen[at] = true;
            let Some(key) = keys.of(&live[at]) else {
                found.push(item.clone());
                continue;
            };
            self.path.push(key.shown());
            match self.value(item, Some(&live[at]), &owners.item(key)) {
                Found::AsDeclared => found.push(item.clone()),
                Found::Is(value) => {
                    is_changed = true;
                    found.push(value);
                }
                Found::Absent => is_changed = true,
            }
            self.path.pop();
        }
        for (item, _) in live.iter().zip(seen).filter(|(_, seen)| !seen) {
            let ours = keys.of(item).map(|key| owners.item(key)).filter(Owners::has_ours);
            let extra = ours.and_then(|owners| owned(item, &owners));
            is_changed |= extra.is_some();
            found.extend(extra);
        }
        if is_changed { Found::Is(Value::tuple(found)) } else { Found::AsDeclared }
    }

    /// Items that are there or not.
    fn set(&mut self, declared: &[Value], live: &[Json], owners: &Owners<'_>) -> Found {
        let is_there = |item: &Value| live.iter().any(|live| same(&to_json(item), live));
        if declared.iter().all(is_there) {
            return Found::AsDeclared;
        }
        self.note_owner(owners);
        Found::Is(Value::tuple(declared.iter().filter(|item| is_there(item)).cloned()))
    }

    /// Items that are owned together. What the server fills into an item counts only where
    /// somebody else wrote the list.
    fn sequence(&mut self, declared: &[Value], live: &[Json], owners: &Owners<'_>) -> Found {
        self.note_owner(owners);
        let is_as_declared = declared.len() == live.len()
            && declared.iter().zip(live).all(|(declared, live)| {
                let json = to_json(declared);
                if owners.has_ours() { covers(&json, live) } else { same(&json, live) }
            });
        match is_as_declared {
            true => Found::AsDeclared,
            false => Found::Is(Value::tuple(live.iter().map(Value::from_json_untyped))),
        }
    }

    fn note_owner(&mut self, owners: &Owners<'_>) {
        if owners.has_ours() || UNOWNED.contains(&&*self.path.join(".")) {
            return;
        }
        let others = owners.others().join(", ");
        let others = if others.is_empty() { "nobody".to_owned() } else { others };
        self.lost.insert(shown(&self.path), others);
    }
}

/// How the items of a list are found.
struct Keys<'a> {
    keys: Vec<Key<'a>>,
    names: Vec<String>,
}

impl Keys<'_> {
    /// Whether a declared item is this live one: where it leaves a key out, the server fills it in.
    fn match_up(&self, declared: &Json, live: &Json) -> bool {
        self.names.iter().all(|name| declared.get(name).is_none_or(|value| live.get(name) == Some(value)))
            && self.names.iter().any(|name| declared.get(name).is_some())
    }

    fn of(&self, live: &Json) -> Option<&Key<'_>> {
        self.keys.iter().find(|key| key.finds(live))
    }
}

/// Whether a manifest leaves all of a value to others: an object without fields, or no items of a
/// list whose items are owned one by one.
fn declares_nothing(declared: &Value, live: &Json, owners: &Owners<'_>) -> bool {
    let is_empty_object = declared.entries().is_some_and(Entries::is_empty) && live.is_object();
    let is_empty_list = declared.items().is_some_and(<[Value]>::is_empty) && live.is_array();
    is_empty_object || is_empty_list && (owners.is_set() || !owners.keys().is_empty())
}

/// What of a live value we own.
fn owned(live: &Json, owners: &Owners<'_>) -> Option<Value> {
    if owners.is_wholly_ours() {
        return Some(Value::from_json_untyped(live));
    }
    if let Some(items) = live.as_array() {
        let keys = owners.keys();
        let ours = items.iter().filter_map(|item| {
            let key = keys.iter().find(|key| key.finds(item))?;
            owned(item, &owners.item(key)).filter(|_| owners.item(key).has_ours())
        });
        let ours: Vec<Value> = ours.collect();
        return (!ours.is_empty()).then(|| Value::tuple(ours));
    }
    let fields = owners.our_fields().filter_map(|name| Some((name, owned(live.get(name)?, &owners.field(name))?)));
    let fields: Vec<(&str, Value)> = fields.collect();
    (!fields.is_empty()).then(|| Value::object(fields))
}

/// Whether a server keeps this and says nothing where nobody asked for more.
fn is_zero(value: &Value) -> bool {
    is_zero_json(&to_json(value))
}

fn is_zero_json(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Bool(bool) => !bool,
        Json::Number(number) => number.as_f64() == Some(0.0),
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(fields) => fields.values().all(is_zero_json),
    }
}

/// Whether two values are the same, numbers by what they are worth.
fn same(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => left == right || left.as_f64() == right.as_f64(),
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Json::Object(left), Json::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, value)| right.get(name).is_some_and(|right| same(value, right)))
        }
        (left, right) => left == right,
    }
}

/// Whether everything that is declared is live, in this form or in that of the server.
fn covers(declared: &Json, live: &Json) -> bool {
    match (declared, live) {
        (Json::Object(declared), Json::Object(live)) => declared.iter().all(|(name, value)| match live.get(name) {
            Some(live) => covers(value, live),
            None => is_zero_json(value),
        }),
        (Json::Array(declared), Json::Array(live)) => {
            declared.len() == live.len() && declared.iter().zip(live).all(|(declared, live)| covers(declared, live))
        }
        _ => same(declared, live) || quantity::are_equal(declared, live),
    }
}

/// A path as the server writes it: `spec.containers[name="web"].image`.
fn shown(path: &[String]) -> String {
    path.iter().fold(String::new(), |text, step| match step.starts_with('[') {
        true => text + step,
        false if text.is_empty() => step.clone(),
        false if step.contains('.') => format!("{text}[{step:?}]"),
        false => format!("{text}.{step}"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::yaml;

    /// An object of which we own what `ours` says and `kubectl-edit` what `theirs` says.
    fn live(fields: Json, ours: Json, theirs: Json) -> Json {
        let mut object = json!({"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "a", "uid": "u", "managedFields": [
            {"manager": "portolan", "operation": "Apply", "fieldsV1": ours},
            {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": theirs},
        ]}});
        fields.as_object().expect("fields").iter().for_each(|(name, value)| object[name] = value.clone());
        object
    }

    fn look(manifest: &str, live: &Json) -> (Option<String>, Vec<String>) {
        let manifest = format!("apiVersion: v1\nkind: Thing\nmetadata: {{name: a}}\n{manifest}");
        let observed = observe(&yaml::read(&manifest).expect("a manifest"), live);
        let spec =
            observed.changed.map(|value| value.get("spec").map_or("gone".into(), |spec| spec.to_json().to_string()));
        (spec, observed.lost.into_iter().map(|(path, owners)| format!("{path}: {owners}")).collect())
    }

    #[test]
    fn what_others_fill_in_is_not_seen() {
        let object = live(
            json!({"spec": {"a": 1, "b": 2, "inner": {"c": "x", "d": "y"}}, "status": {"e": 1}}),
            json!({"f:spec": {"f:a": {}, "f:inner": {"f:c": {}}}}),
            json!({"f:spec": {"f:b": {}}, "f:status": {"f:e": {}}}),
        );
        assert_eq!(look("spec: {a: 1, inner: {c: x}}", &object), (None, vec![]));
        assert_eq!(look("spec: {a: 1, b: null, inner: {c: x}, f: []}", &object), (None, vec![]));
        assert_eq!(look("spec: {a: 1, inner: {c: x}}\nstatus: {}", &object), (None, vec![]));
    }

    #[test]
    fn other_forms_of_what_we_own_are_as_declared() {
        let object = live(
            json!({"spec": {"cpu": "1", "memory": "1Gi", "rules": [{"port": 80, "protocol": "TCP"}]}}),
            json!({"f:spec": {"f:cpu": {}, "f:memory": {}, "f:rules": {}, "f:off": {}}}),
            json!({}),
        );
        assert_eq!(
            look("spec: {cpu: 1000m, memory: 1024Mi, rules: [{port: 80}], off: false}", &object),
            (None, vec![])
        );
        let theirs = live(json!({"spec": {"cpu": "1"}}), json!({}), json!({"f:spec": {"f:cpu": {}}}));
        let (changed, lost) = look("spec: {cpu: 1000m}", &theirs);
        assert_eq!((changed.as_deref(), lost), (Some(r#"{"cpu":"1"}"#), vec!["spec.cpu: kubectl-edit".to_owned()]));
    }

    #[test]
    fn changes_removals_and_what_we_own_beside_are_seen() {
        let object = live(
            json!({"spec": {"a": 2, "kept": "x"}}),
            json!({"f:spec": {"f:kept": {}}}),
            json!({"f:spec": {"f:a": {}}}),
        );
        let (changed, lost) = look("spec: {a: 1, gone: true}", &object);
        assert_eq!(changed.as_deref(), Some(r#"{"a":2,"kept":"x"}"#));
        assert_eq!(lost, ["spec.a: kubectl-edit"]);
    }

    #[test]
    fn items_are_found_by_their_keys() {
        let item = |name: &str, image: &str| json!({"name": name, "image": image, "pullPolicy": "Always"});
        let ours = |names: &[&str]| {
            let keys = names
                .iter()
                .map(|name| (format!("k:{{\"name\":\"{name}\"}}"), json!({".": {}, "f:name": {}, "f:image": {}})));
            json!({"f:spec": {"f:list": keys.collect::<serde_json::Map<_, _>>()}})
        };
        let theirs = json!({"f:spec": {"f:list": {"k:{\"name\":\"sidecar\"}": {".": {}}}}});
        let manifest = "spec: {list: [{name: web, image: w}, {name: log, image: l}]}";
        let object = live(
            json!({"spec": {"list": [item("sidecar", "s"), item("log", "l"), item("web", "w")]}}),
            ours(&["web", "log"]),
            theirs.clone(),
        );
        assert_eq!(look(manifest, &object), (None, vec![]));
        let object = live(
            json!({"spec": {"list": [item("log", "l"), item("web", "v"), item("old", "o")]}}),
            ours(&["web", "log", "old"]),
            theirs,
        );
        let (changed, _) = look(manifest, &object);
        assert_eq!(
            changed.as_deref(),
            Some(r#"{"list":[{"image":"v","name":"web"},{"image":"l","name":"log"},{"image":"o","name":"old"}]}"#)
        );
    }
}
