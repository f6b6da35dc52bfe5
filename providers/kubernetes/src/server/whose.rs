//! To whom an object belongs.

use portolan_lang::Value;
use portolan_provider::Error;
use serde_json::Value as Json;

use super::observe::observe;
use super::wire::STATE_LABEL;
use crate::manifest::{OWNER, OWNER_LABEL, SET_BY_CLUSTER};

/// To whom an object belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Whose {
    /// To the record of this session.
    Ours,
    /// To another record of this program.
    OtherRecord(String),
    /// To somebody else, perhaps with a name.
    Others(Option<String>),
}

impl Whose {
    /// To whom an object belongs, for the record `owner`.
    pub(super) fn of(live: &Json, owner: &str) -> Whose {
        let label = |name: &str| live["metadata"]["labels"][name].as_str();
        match (label(OWNER_LABEL), label(STATE_LABEL)) {
            (Some(OWNER), Some(state)) if state == owner || owner.is_empty() => Whose::Ours,
            (Some(OWNER), Some(state)) => Whose::OtherRecord(state.to_owned()),
            (manager, _) => Whose::Others(manager.map(str::to_owned)),
        }
    }

    pub(super) fn told(&self) -> String {
        match self {
            Whose::Ours => "it is ours".to_owned(),
            Whose::OtherRecord(state) => {
                format!("it belongs to another record of this program: its label {STATE_LABEL} is {state:?}")
            }
            Whose::Others(Some(manager)) => format!("it is managed by {manager:?}, says its label {OWNER_LABEL}"),
            Whose::Others(None) => "it does not carry our labels".to_owned(),
        }
    }
}

/// The error for an object that is there already; `id` finds it for `import`.
pub(super) fn is_there(shown: &str, whose: &Whose, id: &str) -> Error {
    match whose {
        Whose::Ours => Error::conflict(format!("{shown} is there already, in another form")),
        _ => Error::conflict(format!("{shown} is there already: {}", whose.told())),
    }
    .help(format!("Take it over with an `import` block, id {id:?}, or choose another name."))
}

/// The annotation in which `kubectl apply` keeps what was declared.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The manifest of an object as somebody declared it, with the values that it has now; where that
/// is not known, all of it but what only the cluster sets.
pub(super) fn declared(live: &Json) -> Value {
    let last_applied =
        live["metadata"]["annotations"][LAST_APPLIED].as_str().and_then(|text| serde_json::from_str(text).ok());
    if let Some(manifest) =
        last_applied.as_ref().map(|manifest: &Json| Value::from_json_untyped(&without_status(manifest)))
    {
        return observe(&manifest, live).changed.unwrap_or(manifest);
    }
    Value::from_json_untyped(&without_status(live))
}

fn without_status(live: &Json) -> Json {
    let mut object = live.clone();
    let Some(fields) = object.as_object_mut() else { return object };
    fields.shift_remove("status");
    let Some(metadata) = fields.get_mut("metadata").and_then(Json::as_object_mut) else { return object };
    for name in SET_BY_CLUSTER.into_iter().chain(["generation", "selfLink"]) {
        metadata.shift_remove(name);
    }
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Json::as_object_mut) {
        annotations.shift_remove(LAST_APPLIED);
        if annotations.is_empty() {
            metadata.shift_remove("annotations");
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn owners_by_labels() {
        let whose = |labels: Json| Whose::of(&json!({"metadata": {"labels": labels}}), "a");
        assert_eq!(whose(json!({"app.kubernetes.io/managed-by": "portolan", "portolan.io/state": "a"})), Whose::Ours);
        assert_eq!(
            whose(json!({"app.kubernetes.io/managed-by": "portolan", "portolan.io/state": "b"})),
            Whose::OtherRecord("b".into())
        );
        assert_eq!(whose(json!({"app.kubernetes.io/managed-by": "Helm"})), Whose::Others(Some("Helm".into())));
        assert_eq!(Whose::of(&json!({"metadata": {}}), "a"), Whose::Others(None));
    }

    #[test]
    fn what_only_the_cluster_sets_is_not_declared() {
        let last =
            r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","annotations":{}},"data":{"x":"1"}}"#;
        let mut live = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"x": "2", "y": "3"}, "status": {},
            "metadata": {"name": "a", "uid": "u", "resourceVersion": "5", "annotations": {LAST_APPLIED: last}}});
        let told = |live: &Json| declared(live).to_json();
        assert_eq!(
            told(&live),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "2"}})
        );
        live["metadata"]["annotations"] = json!({});
        assert_eq!(
            told(&live),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "2", "y": "3"}})
        );
    }
}
