//! Who owns which fields of an object, as its `managedFields` say (FieldsV1 of server-side apply).
//!
//! A set of fields is a tree: `f:NAME` leads to a field, `k:{…}` to the item of a list that these
//! keys find, `v:…` is an item of a set, and `.` stands for the node itself. A node without
//! anything under it is owned with all that it holds.

use serde_json::{Map, Value as Json};

use super::MANAGER;

/// What a manager owns at a place and below it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Share<'a> {
    Nothing,
    /// All of it.
    Whole,
    /// What the tree says.
    Part(&'a Map<String, Json>),
}

impl<'a> Share<'a> {
    fn of(node: Option<&'a Json>) -> Share<'a> {
        match node.and_then(Json::as_object) {
            None => Share::Nothing,
            Some(node) if node.keys().all(|key| key == ".") => Share::Whole,
            Some(node) => Share::Part(node),
        }
    }

    fn child(self, element: &str) -> Share<'a> {
        match self {
            Share::Part(node) => Share::of(node.get(element)),
            other => other,
        }
    }

    fn is_any(self) -> bool {
        !matches!(self, Share::Nothing)
    }
}

/// Who owns what at a place and below it.
#[derive(Debug, Clone)]
pub(super) struct Owners<'a> {
    ours: Share<'a>,
    others: Vec<(&'a str, Share<'a>)>,
}

/// The keys that find an item of a list, as the server writes them and as what they are.
#[derive(Debug, Clone)]
pub(super) struct Key<'a> {
    element: &'a str,
    pub(super) fields: Map<String, Json>,
}

impl<'a> Owners<'a> {
    /// The owners of an object with these `metadata`.
    pub(super) fn of(metadata: &'a Json) -> Owners<'a> {
        let mut owners = Owners { ours: Share::Nothing, others: Vec::new() };
        for entry in metadata["managedFields"].as_array().into_iter().flatten() {
            let manager = entry["manager"].as_str().unwrap_or("unknown");
            let Some(share) = entry["fieldsV1"].as_object().map(Share::Part) else { continue };
            if manager == MANAGER && entry["operation"] == "Apply" && entry.get("subresource").is_none() {
                owners.ours = share;
            } else {
                owners.others.push((manager, share));
            }
        }
        owners
    }

    fn child(&self, element: &str) -> Owners<'a> {
        let others = self.others.iter().map(|(manager, share)| (*manager, share.child(element)));
        Owners { ours: self.ours.child(element), others: others.filter(|(_, share)| share.is_any()).collect() }
    }

    /// The owners of a field.
    pub(super) fn field(&self, name: &str) -> Owners<'a> {
        self.child(&format!("f:{name}"))
    }

    /// The owners of an item of a list.
    pub(super) fn item(&self, key: &Key<'_>) -> Owners<'a> {
        self.child(key.element)
    }

    /// The keys by which the items of a list are found; none for one that is owned as a whole.
    pub(super) fn keys(&self) -> Vec<Key<'a>> {
        let mut keys: Vec<Key<'a>> = Vec::new();
        for share in self.shares() {
            let Share::Part(node) = share else { continue };
            for element in node.keys() {
                let is_new = !keys.iter().any(|key| key.element == element);
                let fields = element.strip_prefix("k:").filter(|_| is_new).map(serde_json::from_str);
                if let Some(Ok(fields)) = fields {
                    keys.push(Key { element, fields });
                }
            }
        }
        keys
    }

    /// Whether the items of a list are owned one by one, as those of a set.
    pub(super) fn is_set(&self) -> bool {
        let is_item =
            |share: Share<'_>| matches!(share, Share::Part(node) if node.keys().any(|key| key.starts_with("v:")));
        self.shares().any(is_item)
    }

    fn shares(&self) -> impl Iterator<Item = Share<'a>> + '_ {
        std::iter::once(self.ours).chain(self.others.iter().map(|(_, share)| *share))
    }

    /// Whether we own the place or anything in it.
    pub(super) fn has_ours(&self) -> bool {
        self.ours.is_any()
    }

    /// Whether we own the place with all that it holds.
    pub(super) fn is_wholly_ours(&self) -> bool {
        matches!(self.ours, Share::Whole)
    }

    /// The fields that we own here, each by its name.
    pub(super) fn our_fields(&self) -> impl Iterator<Item = &'a str> {
        let node = if let Share::Part(node) = self.ours { Some(node) } else { None };
        node.into_iter().flat_map(|node| node.keys()).filter_map(|element| element.strip_prefix("f:"))
    }

    /// The other managers that own the place or a part of it, each once.
    pub(super) fn others(&self) -> Vec<&'a str> {
        let mut names: Vec<&str> = self.others.iter().map(|(manager, _)| *manager).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Key<'_> {
    /// Whether it finds this item.
    pub(super) fn finds(&self, item: &Json) -> bool {
        self.fields.iter().all(|(name, value)| item.get(name) == Some(value))
    }

    /// As it stands in a path: `[name="web"]`.
    pub(super) fn shown(&self) -> String {
        let fields: Vec<String> = self.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("[{}]", fields.join(","))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn shares_are_followed() {
        let metadata = json!({"managedFields": [
            {"manager": "portolan", "operation": "Apply", "fieldsV1": {
                "f:spec": {"f:replicas": {}, "f:selector": {}, "f:list": {"k:{\"name\":\"a\"}": {".": {}, "f:name": {}}}}}},
            {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {"f:image": {}}}},
            {"manager": "portolan", "operation": "Update", "fieldsV1": {"f:status": {}}},
        ]});
        let owners = Owners::of(&metadata);
        let spec = owners.field("spec");
        assert!(
            spec.field("replicas").is_wholly_ours() && spec.field("selector").field("matchLabels").is_wholly_ours()
        );
        assert!(!spec.field("image").has_ours() && !owners.field("status").has_ours());
        assert_eq!(spec.field("image").others(), ["kubectl-edit"]);
        assert_eq!(spec.our_fields().collect::<Vec<_>>(), ["replicas", "selector", "list"]);
        let keys = spec.field("list").keys();
        assert_eq!(keys.iter().map(Key::shown).collect::<Vec<_>>(), ["[name=\"a\"]"]);
        assert!(keys[0].finds(&json!({"name": "a", "more": 1})) && !keys[0].finds(&json!({"name": "b"})));
        assert!(spec.field("list").item(&keys[0]).field("name").is_wholly_ours());
    }
}
