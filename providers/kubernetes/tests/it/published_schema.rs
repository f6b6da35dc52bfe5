//! The files of a directory fit the schemas that Kubernetes publishes, as another reader of
//! YAML reads them.

use std::path::Path;
use std::process::Command;

use portolan_kubernetes::{Kubernetes, OBJECT};
use portolan_lang::Value;
use portolan_provider::{Change, Provider};

/// What `check` ends with where the schemas cannot be installed.
const UNAVAILABLE: i32 = 69;

/// What the check says of a directory, or `None` where it cannot be run here. CI must run it.
fn problems(directory: &Path) -> Option<Vec<String>> {
    let check = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/kubernetes_schema/check");
    let output = Command::new(check).arg(directory).output().expect("a shell");
    let told = String::from_utf8_lossy(&output.stdout);
    match output.status.code() {
        Some(0) => Some(Vec::new()),
        Some(1) => Some(told.lines().filter(|line| line.contains(".yaml: ")).map(str::to_owned).collect()),
        Some(UNAVAILABLE) if std::env::var_os("CI").is_none() => {
            eprintln!("skipped: {}", String::from_utf8_lossy(&output.stderr));
            None
        }
        other => panic!("the check ended with {other:?}: {told}{}", String::from_utf8_lossy(&output.stderr)),
    }
}

async fn apply(directory: &Path, manifests: &[serde_json::Value]) {
    let path = Value::object([("path", Value::string(directory.to_str().expect("text")))]);
    let provider = Kubernetes::new();
    let session = provider.connect(&Value::object([("directory", path)]), "").await.expect("connects");
    for manifest in manifests {
        let planned = Value::object([("manifest", Value::from_json_untyped(manifest))]);
        let errors = provider.validate(OBJECT, &planned);
        assert!(errors.is_empty(), "{errors:?}");
        session.apply(OBJECT, Change::Create { planned: &planned }).await.expect("creates");
    }
}

fn deployment(ports: serde_json::Value) -> serde_json::Value {
    serde_json::json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "api", "namespace": "shop", "labels": {"version": "1.0", "on": "yes"}},
        "spec": {
            "replicas": 3,
            "paused": null,
            "selector": {"matchLabels": {"app": "api"}},
            "template": {
                "metadata": {"labels": {"app": "api"}, "annotations": {"checked": "2026-01-01", "mode": "0644"}},
                "spec": {
                    "containers": [{
                        "name": "api",
                        "image": "shop/api:1.2",
                        "args": ["--verbose", "8080", "null", "- x", "a: b"],
                        "env": [{"name": "Y", "value": "1e3"}, {"name": "PORT", "value": "0x1f"}],
                        "ports": ports,
                        "resources": {"limits": {"cpu": "500m", "memory": "1Gi", "ephemeral-storage": "10Gi"}}
                    }],
                    "volumes": [{"name": "tmp", "emptyDir": {}}]
                }
            }
        }
    })
}

fn config_map() -> serde_json::Value {
    let awkward =
        ["", " ", "~", "on", "n", "012", "1_000", "1:30", ".5", "=", "<<", "---\n", "|\n", "a\n\n", " a\nb", "é"];
    let data: serde_json::Map<_, _> =
        awkward.iter().enumerate().map(|(number, text)| (format!("key-{number}"), serde_json::json!(text))).collect();
    serde_json::json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": "shop"},
        "data": data
    })
}

#[tokio::test]
async fn what_is_written_fits() {
    let directory = tempfile::tempdir().expect("a directory");
    let ports = serde_json::json!([{"name": "http", "containerPort": 8080}]);
    let namespace = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
    let service = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "api", "namespace": "shop"},
        "spec": {"selector": {"app": "api"}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}
    });
    apply(directory.path(), &[namespace, service, deployment(ports), config_map()]).await;
    let problems = problems(directory.path()).unwrap_or_default();
    assert!(problems.is_empty(), "{problems:#?}");
}

#[tokio::test]
async fn what_does_not_fit_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let wrong = serde_json::json!([{"name": "http", "containerPort": "8080", "portt": 1}]);
    apply(directory.path(), &[deployment(wrong)]).await;
    let Some(problems) = problems(directory.path()) else { return };
    let all = problems.join("\n");
    assert!(all.contains("deployment-api.yaml: 1.30: $.spec.template.spec.containers[0].ports[0]"), "{all}");
    assert!(all.contains("containerPort: '8080' is not of type 'integer'"), "{all}");
    assert!(all.contains("'portt' was unexpected"), "{all}");
}
