//! What has to be there before an object can be.

use std::collections::{HashMap, HashSet};

use super::documents::Document;

/// What is asked whenever objects are written: it has to be answered by pods first.
const ASKED: [&str; 3] = ["APIService", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

const DEFINITION: &str = "CustomResourceDefinition";

const WORKLOADS: [&str; 5] = ["DaemonSet", "Deployment", "Pod", "ReplicaSet", "StatefulSet"];

/// For each document, the positions of those that have to be ready before it: its namespace, and the
/// definition of its kind. Webhooks wait for the workloads that answer them, and what is of a kind
/// that is defined here waits for webhooks: they mostly look after such kinds.
pub(super) fn needed(documents: &[Document]) -> Vec<Vec<usize>> {
    let places = |wanted: &[&str]| -> Vec<usize> {
        let is_one = |at: &usize| wanted.contains(&documents[*at].kind.as_str());
        (0..documents.len()).filter(is_one).collect()
    };
    let namespaces: HashMap<&str, usize> =
        places(&["Namespace"]).into_iter().map(|at| (documents[at].name.as_str(), at)).collect();
    let definitions: HashMap<(String, String), usize> =
        places(&[DEFINITION]).into_iter().filter_map(|at| Some((defined(&documents[at])?, at))).collect();
    let (asked, workloads) = (places(&ASKED), places(&WORKLOADS));
    let of = |document: &Document| {
        let mut needed: Vec<usize> =
            document.namespace.as_deref().and_then(|name| namespaces.get(name)).copied().into_iter().collect();
        if let Some(at) = definitions.get(&(document.group().to_owned(), document.kind.clone())) {
            needed.push(*at);
            needed.extend(&asked);
        }
        if ASKED.contains(&document.kind.as_str()) {
            needed.extend(&workloads);
        }
        needed
    };
    documents.iter().map(of).collect()
}

/// The groups and kinds that are defined in these documents and live in namespaces.
pub(super) fn namespaced(documents: &[Document]) -> HashSet<(String, String)> {
    let is_definition = |document: &&Document| document.kind == DEFINITION;
    let lives_in_one = |definition: &&Document| {
        let scope = definition.manifest.get("spec").and_then(|spec| spec.get("scope"));
        scope.as_ref().and_then(portolan_lang::Value::as_str) == Some("Namespaced")
    };
    documents.iter().filter(is_definition).filter(lives_in_one).filter_map(defined).collect()
}

/// The group and the kind that a definition defines.
fn defined(definition: &Document) -> Option<(String, String)> {
    let spec = definition.manifest.get("spec")?;
    let (group, kind) = (spec.get("group")?, spec.get("names")?.get("kind")?);
    Some((group.as_str().map(str::to_owned)?, kind.as_str().map(str::to_owned)?))
}

#[cfg(test)]
mod tests {
    use portolan_lang::Value;

    use super::*;

    fn document(api_version: &str, kind: &str, namespace: Option<&str>, name: &str, spec: Value) -> Document {
        Document {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
            manifest: Value::object([("spec", spec)]),
            place: String::new(),
        }
    }

    #[test]
    fn what_comes_first() {
        let text = |text: &str| Value::string(text);
        let spec = Value::object([("group", text("example.com")), ("names", Value::object([("kind", text("Thing"))]))]);
        let none = || Value::object::<&str>([]);
        let documents = [
            document("example.com/v1", "Thing", Some("shop"), "a", none()),
            document("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", None, "things", none()),
            document("apps/v1", "Deployment", Some("shop"), "things", none()),
            document("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, "things.example.com", spec),
            document("v1", "Namespace", None, "shop", none()),
        ];
        assert_eq!(needed(&documents), [vec![4, 3, 1], vec![2], vec![4], vec![], vec![]]);
    }
}
