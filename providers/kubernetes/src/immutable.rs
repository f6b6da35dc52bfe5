//! What the Kubernetes API does not let be changed in place.
//!
//! The rules are those of the API server's update validation. A kind that is not listed is
//! taken to be changeable but for what makes up its identity.

use portolan_lang::{AttributePath, Data, Step, Value};

use crate::alike::are_alike;
use crate::identity::group_of;
use crate::manifest::ATTRIBUTE;

/// One rule.
enum Rule {
    /// The value at this path cannot change.
    Fixed(&'static [&'static str]),
    /// Of the entries at this path only these can change.
    AllBut(&'static [&'static str], &'static [&'static str]),
}

use Rule::{AllBut, Fixed};

/// What finds the object, beside its API group.
const IDENTITY: [Rule; 3] = [Fixed(&["kind"]), Fixed(&["metadata", "namespace"]), Fixed(&["metadata", "name"])];

const STATEFUL_SET_CHANGEABLE: &[&str] = &[
    "minReadySeconds",
    "ordinals",
    "persistentVolumeClaimRetentionPolicy",
    "replicas",
    "revisionHistoryLimit",
    "template",
    "updateStrategy",
];

const JOB: &[Rule] = &[
    Fixed(&["spec", "backoffLimitPerIndex"]),
    Fixed(&["spec", "completionMode"]),
    Fixed(&["spec", "managedBy"]),
    Fixed(&["spec", "podFailurePolicy"]),
    Fixed(&["spec", "selector"]),
    Fixed(&["spec", "successPolicy"]),
    Fixed(&["spec", "template"]),
];

const VOLUME_CHANGEABLE: &[&str] = &[
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeAttributesClassName",
];

const STORAGE_CLASS: &[Rule] =
    &[Fixed(&["parameters"]), Fixed(&["provisioner"]), Fixed(&["reclaimPolicy"]), Fixed(&["volumeBindingMode"])];

/// The rules of a kind, those that hold whatever else the object says.
fn rules_of(group: &str, kind: &str) -> &'static [Rule] {
    match (group, kind) {
        ("apps", "Deployment" | "DaemonSet" | "ReplicaSet") => &[Fixed(&["spec", "selector"])],
        ("apps", "StatefulSet") => &[AllBut(&["spec"], STATEFUL_SET_CHANGEABLE)],
        ("batch", "Job") => JOB,
        ("", "PersistentVolumeClaim") => &[AllBut(&["spec"], &["resources", "volumeAttributesClassName"])],
        ("", "PersistentVolume") => &[AllBut(&["spec"], VOLUME_CHANGEABLE)],
        ("", "Secret") => &[Fixed(&["type"])],
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => &[Fixed(&["roleRef"])],
        ("storage.k8s.io", "StorageClass") => STORAGE_CLASS,
        ("storage.k8s.io", "VolumeAttributesClass") => &[Fixed(&["driverName"]), Fixed(&["parameters"])],
        ("scheduling.k8s.io", "PriorityClass") => &[Fixed(&["preemptionPolicy"]), Fixed(&["value"])],
        ("networking.k8s.io", "IngressClass") => &[Fixed(&["spec", "controller"])],
        ("discovery.k8s.io", "EndpointSlice") => &[Fixed(&["addressType"])],
        ("node.k8s.io", "RuntimeClass") => &[Fixed(&["handler"])],
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            &[Fixed(&["spec", "group"]), Fixed(&["spec", "names"]), Fixed(&["spec", "scope"])]
        }
        _ => &[],
    }
}

/// The rules that hold because of what the object says now.
fn rules_by_content(group: &str, kind: &str, prior: &Value, planned: &Value) -> &'static [Rule] {
    let says_immutable = || entry(prior, &["immutable"]).and_then(Value::as_bool) == Some(true);
    match (group, kind) {
        ("", "ConfigMap") if says_immutable() => &[Fixed(&["binaryData"]), Fixed(&["data"]), Fixed(&["immutable"])],
        ("", "Secret") if says_immutable() => &[Fixed(&["data"]), Fixed(&["immutable"]), Fixed(&["stringData"])],
        ("", "Service") if has_cluster_ip(prior) && has_cluster_ip(planned) => {
            &[Fixed(&["spec", "clusterIP"]), Fixed(&["spec", "clusterIPs"])]
        }
        // An indexed job grows and shrinks with its parallelism.
        ("batch", "Job") if entry(prior, &["spec", "completionMode"]).and_then(Value::as_str) != Some("Indexed") => {
            &[Fixed(&["spec", "completions"])]
        }
        _ => &[],
    }
}

/// A service that is only a name elsewhere has no address, and can be given and lose one.
fn has_cluster_ip(service: &Value) -> bool {
    entry(service, &["spec", "type"]).and_then(Value::as_str) != Some("ExternalName")
}

/// The paths of what changed and cannot be changed in place; what is unknown counts as changed.
pub(crate) fn replaced(prior: &Value, planned: &Value) -> Vec<AttributePath> {
    let root = AttributePath::attribute(ATTRIBUTE);
    if !planned.is_known() {
        return vec![root];
    }
    let text = |name: &str| entry(prior, &[name]).and_then(Value::as_str).unwrap_or_default();
    let (group, kind) = (group_of(text("apiVersion")), text("kind"));
    let rules = IDENTITY.iter().chain(rules_of(group, kind));
    let mut found: Vec<AttributePath> = changed(prior, planned, &["apiVersion"]).into_iter().collect();
    // Another version of the same group is another way to say the same object.
    found.retain(|_| entry(planned, &["apiVersion"]).and_then(Value::as_str).is_none_or(|new| group_of(new) != group));
    for rule in rules.chain(rules_by_content(group, kind, prior, planned)) {
        match rule {
            Fixed(names) => found.extend(changed(prior, planned, names)),
            AllBut(names, changeable) => {
                for name in names_in_both(entry(prior, names), entry(planned, names)) {
                    if !changeable.contains(&&*name) {
                        let names: Vec<&str> = names.iter().copied().chain([&*name]).collect();
                        found.extend(changed(prior, planned, &names));
                    }
                }
            }
        }
    }
    found.dedup();
    found
}

/// The path of the value if it changed; where a value on the way to it is unknown, that one's.
fn changed(prior: &Value, planned: &Value, names: &[&str]) -> Option<AttributePath> {
    let mut path = AttributePath::attribute(ATTRIBUTE);
    let mut at = Some(planned);
    for name in names {
        if at.is_some_and(|value| !value.is_known()) {
            return Some(path);
        }
        let in_map = at.is_some_and(|value| matches!(value.data(), Data::Map(_)));
        path.push(if in_map { Step::Key((*name).into()) } else { Step::Attribute((*name).into()) });
        at = at.and_then(Value::entries).and_then(|entries| entries.get(name));
    }
    let old = entry(prior, names).filter(|value| !value.is_null());
    let new = at.filter(|value| !value.is_null());
    let same = match (old, new) {
        (Some(old), Some(new)) => are_alike(old, new),
        (old, new) => old.is_none() && new.is_none(),
    };
    (!same).then_some(path)
}

/// The value at the end of these names.
fn entry<'a>(value: &'a Value, names: &[&str]) -> Option<&'a Value> {
    names.iter().try_fold(value, |value, name| value.entries()?.get(name))
}

fn names_in_both(left: Option<&Value>, right: Option<&Value>) -> std::collections::BTreeSet<std::sync::Arc<str>> {
    let names = |value: Option<&Value>| value.and_then(Value::entries).map(|entries| entries.keys().cloned().collect());
    let mut all: std::collections::BTreeSet<_> = names(left).unwrap_or_default();
    all.extend(names(right).unwrap_or_default());
    all
}

#[cfg(test)]
mod tests {
    use portolan_lang::Type;

    use super::*;
    use crate::yaml;

    /// The paths that a change of a manifest replaces; each is written without `manifest.`.
    fn check(before: &str, after: &str, expected: &[&str]) {
        let read = |text: &str| yaml::read(text).expect("a manifest");
        let paths: Vec<String> = replaced(&read(before), &read(after)).iter().map(ToString::to_string).collect();
        let short: Vec<&str> = paths.iter().map(|path| path.trim_start_matches("manifest.")).collect();
        assert_eq!(short, expected, "{before}\n{after}");
    }

    #[test]
    fn another_identity_is_another_object() {
        let before = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: n}}";
        check(before, before, &[]);
        check(
            before,
            "{apiVersion: a/v1, kind: Map, metadata: {name: b, namespace: m}}",
            &["apiVersion", "kind", "metadata.namespace", "metadata.name"],
        );
    }

    #[test]
    fn workloads() {
        let deployment = |spec: &str| format!("{{apiVersion: apps/v1, kind: Deployment, spec: {spec}}}");
        check(
            &deployment("{replicas: 1, selector: {matchLabels: {a: b}}}"),
            &deployment("{replicas: 2, selector: {matchLabels: {a: c}}}"),
            &["spec.selector"],
        );
        let set = |spec: &str| format!("{{apiVersion: apps/v1, kind: StatefulSet, spec: {spec}}}");
        check(&set("{replicas: 1, template: {a: 1}}"), &set("{replicas: 2, template: {a: 2}}"), &[]);
        check(
            &set("{serviceName: a, podManagementPolicy: Parallel}"),
            &set("{serviceName: b, volumeClaimTemplates: [{}]}"),
            &["spec.podManagementPolicy", "spec.serviceName", "spec.volumeClaimTemplates"],
        );
        let job = |spec: &str| format!("{{apiVersion: batch/v1, kind: Job, spec: {spec}}}");
        check(
            &job("{template: {a: 1}, completions: 1, parallelism: 1}"),
            &job("{template: {a: 2}, completions: 2, parallelism: 2}"),
            &["spec.template", "spec.completions"],
        );
        let indexed = |count: u8| job(&format!("{{completionMode: Indexed, completions: {count}}}"));
        check(&indexed(1), &indexed(2), &[]);
    }

    #[test]
    fn services_and_claims() {
        let service = |spec: &str| format!("{{apiVersion: v1, kind: Service, spec: {spec}}}");
        check(&service("{clusterIP: None}"), &service("{clusterIP: 10.0.0.1}"), &["spec.clusterIP"]);
        check(&service("{type: ExternalName}"), &service("{clusterIP: None}"), &[]);
        check(&service("{selector: {a: b}}"), &service("{selector: {a: c}}"), &[]);
        let claim = |spec: &str| format!("{{apiVersion: v1, kind: PersistentVolumeClaim, spec: {spec}}}");
        check(
            &claim("{resources: {requests: {storage: 1Gi}}, storageClassName: a}"),
            &claim("{resources: {requests: {storage: 2Gi}}, storageClassName: b}"),
            &["spec.storageClassName"],
        );
    }

    #[test]
    fn what_says_that_it_is_immutable_is() {
        let map = |text: &str| format!("{{apiVersion: v1, kind: ConfigMap, {text}}}");
        check(&map("data: {a: b}"), &map("data: {a: c}, immutable: true"), &[]);
        check(&map("immutable: true, data: {a: b}"), &map("data: {a: c}"), &["data", "immutable"]);
        let secret = |text: &str| format!("{{apiVersion: v1, kind: Secret, {text}}}");
        check(&secret("type: a, data: {a: b}"), &secret("type: b, data: {a: c}"), &["type"]);
    }

    #[test]
    fn what_is_unknown_may_have_changed() {
        let prior = yaml::read("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}").expect("a manifest");
        let at = |names: &[&str]| names.iter().map(|name| Step::Attribute((*name).into())).collect::<AttributePath>();
        let unknown = |names: &[&str]| prior.with(&at(names), Value::unknown(Type::Any));
        let paths = |planned: &Value| replaced(&prior, planned).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(paths(&unknown(&["metadata", "name"])), ["manifest.metadata.name"]);
        assert_eq!(paths(&unknown(&["metadata"])), ["manifest.metadata"]);
        assert_eq!(paths(&Value::unknown(Type::Any)), ["manifest"]);
    }
}
