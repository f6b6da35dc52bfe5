//! Which objects keep copies of a program running, and what they declare.

use portolan_lang::{AttributePath, Data, Step, Value};
use portolan_provider::Workload;

use crate::identity::group_of;

/// What a manifest declares, if it is of a kind that runs pods.
pub(crate) fn declared(manifest: &Value) -> Option<Workload> {
    let api_version = manifest.get("apiVersion")?;
    let kind = manifest.get("kind")?;
    let spec = manifest.get("spec").unwrap_or(Value::FALSE);
    let pods = at(&spec, &["template", "spec"]);
    let count = |name: &str, default| number(&spec, name).or(Some(default));
    let is_set = |name: &str| spec.get(name).and_then(|value| value.as_bool()).unwrap_or(false);
    let (wanted, pods, is_suspended) = match (group_of(api_version.as_str()?), kind.as_str()?) {
        ("apps", "Deployment" | "StatefulSet" | "ReplicaSet") | ("", "ReplicationController") => {
            (count("replicas", 1), pods, false)
        }
        ("apps", "DaemonSet") => (None, pods, false),
        ("batch", "Job") => {
            (count("completions", 1), pods, is_set("suspend") || number(&spec, "parallelism") == Some(0))
        }
        ("batch", "CronJob") => (None, at(&spec, &["jobTemplate", "spec", "template", "spec"]), is_set("suspend")),
        ("", "Pod") => (Some(1), Some(spec.clone()), false),
        _ => return None,
    };
    let is_stopped = is_suspended || wanted == Some(0);
    Some(Workload { wanted, images: pods.map(|pods| images(&pods)).unwrap_or_default(), is_stopped })
}

/// Whether a change lets a workload stand still that did not before, or does nothing but take
/// copies away from it.
pub(crate) fn is_withdrawal(prior: &Value, planned: &Value) -> bool {
    let is_stopped = |manifest: &Value| declared(manifest).is_some_and(|declared| declared.is_stopped);
    is_stopped(planned) && !is_stopped(prior) || is_smaller(prior, planned)
}

/// Whether a workload has fewer copies than before, and is otherwise the same.
fn is_smaller(prior: &Value, planned: &Value) -> bool {
    let path: AttributePath = ["spec", "replicas"].map(|name| Step::Attribute(name.into())).into_iter().collect();
    let replicas = |manifest: &Value| manifest.get("spec").and_then(|spec| number(&spec, "replicas"));
    let (Some(before), Some(after)) = (replicas(prior), replicas(planned)) else { return false };
    after < before && prior.with(&path, Value::number(after)) == *planned
}

fn at(value: &Value, path: &[&str]) -> Option<Value> {
    path.iter().try_fold(value.clone(), |value, name| value.get(name))
}

fn number(spec: &Value, name: &str) -> Option<u64> {
    spec.get(name)?.as_number()?.to_u64()
}

fn images(pods: &Value) -> Vec<String> {
    let containers = pods.get("containers");
    let image = |container: &Value| {
        let image = container.get("image").filter(|image| !image.is_sensitive())?;
        match image.data() {
            Data::String(text) => Some(text.to_string()),
            _ => None,
        }
    };
    containers.as_ref().and_then(Value::items).unwrap_or_default().iter().filter_map(image).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    #[test]
    fn what_is_declared() {
        let declared = |manifest: &str| {
            let found = declared(&yaml::read(manifest).expect("a manifest"));
            found.map(|found| (found.wanted, found.images.join(" "), found.is_stopped))
        };
        let pods = "template: {spec: {containers: [{image: a}, {image: b}]}}";
        let manifest =
            |api: &str, kind: &str, spec: &str| format!("{{apiVersion: {api}, kind: {kind}, spec: {{{spec}}}}}");
        let cases = [
            (manifest("apps/v1", "Deployment", &format!("replicas: 3, {pods}")), Some((Some(3), "a b", false))),
            (manifest("apps/v1", "StatefulSet", &format!("replicas: 0, {pods}")), Some((Some(0), "a b", true))),
            (manifest("apps/v1", "Deployment", pods), Some((Some(1), "a b", false))),
            (manifest("apps/v1", "DaemonSet", pods), Some((None, "a b", false))),
            (manifest("batch/v1", "Job", &format!("parallelism: 0, {pods}")), Some((Some(1), "a b", true))),
            (
                manifest("batch/v1beta1", "CronJob", &format!("suspend: true, jobTemplate: {{spec: {{{pods}}}}}")),
                Some((None, "a b", true)),
            ),
            (manifest("v1", "Pod", "containers: [{image: a}]"), Some((Some(1), "a", false))),
            (manifest("v1", "Service", ""), None),
            (manifest("example.com/v1", "Deployment", pods), None),
        ];
        for (manifest, wanted) in cases {
            let wanted = wanted.map(|(number, images, stopped)| (number, images.to_owned(), stopped));
            assert_eq!(declared(&manifest), wanted, "{manifest}");
        }
    }
}
