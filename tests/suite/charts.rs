//! What Helm and Kustomize print, on a real cluster.

#![cfg(feature = "kubernetes")]

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use crate::manifests::{APPLY, DEFINITION, Written};

/// The program that `tools/install helm` installs, or another one on the path.
fn helm() -> Option<Command> {
    let cache = env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")));
    let installed = cache.map(|cache| cache.join("portolan/helm/helm")).filter(|path| path.exists());
    let program = installed.map_or_else(|| OsString::from("helm"), OsString::from);
    let is_there = Command::new(&program).arg("version").output().is_ok_and(|output| output.status.success());
    if !is_there {
        eprintln!("skipped: helm is missing (tools/install helm)");
    }
    is_there.then(|| Command::new(program))
}

const BLOCK: &str = "manifests \"web\" {\n  clusters = [cluster.a]\n  files = [\"built.yaml\"]\n  namespace = \"NAME\"\n}\n\
                     resource \"kubernetes_object\" \"namespace\" {\n  provider = cluster.a\n  manifest = {\n    apiVersion = \"v1\"\n    \
                     kind = \"Namespace\"\n    metadata = { name = \"NAME\" }\n  }\n}\n";

const VALUES: &str = "size: 2\ntag: \"1\"\n";

const LABELS: &str = "{{- define \"web.labels\" -}}\nhelm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}\n\
                      app.kubernetes.io/instance: {{ .Release.Name }}\napp.kubernetes.io/managed-by: {{ .Release.Service }}\n{{- end }}\n";

const TEMPLATES: [(&str, &str); 4] = [
    (
        "web.yaml",
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: web\n  labels: {{- include \"web.labels\" . | nindent 4 }}\n---\n\
         apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  labels: {{- include \"web.labels\" . | nindent 4 }}\nspec:\n  \
         replicas: {{ .Values.size }}\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata:\n      \
         annotations: {checksum/values: {{ toYaml .Values | sha256sum }}}\n      labels:\n        app: web\n        \
         {{- include \"web.labels\" . | nindent 8 }}\n    spec:\n      serviceAccountName: web\n      \
         containers: [{name: web, image: \"shop/web:{{ .Values.tag }}\"}]\n",
    ),
    (
        "thing.yaml",
        "apiVersion: NAME.example.com/v1\nkind: Thing\nmetadata:\n  name: web\n  \
         labels: {{- include \"web.labels\" . | nindent 4 }}\nspec: {size: {{ .Values.size }}}\n",
    ),
    (
        "migrate.yaml",
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: migrate\n  annotations: {helm.sh/hook: \"pre-install,pre-upgrade\"}\n\
         spec:\n  template:\n    spec:\n      restartPolicy: Never\n      \
         containers: [{name: migrate, image: \"shop/migrate:1-completing\"}]\n",
    ),
    (
        "tests/reach.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: reach, annotations: {helm.sh/hook: test}}\n\
         spec: {containers: [{name: reach, image: \"shop/reach:1-crashing\"}]}\n",
    ),
];

/// Renders the chart with another value.
fn render(written: &Written, set: &str) -> Option<()> {
    let mut helm = helm()?;
    let chart = written.project.path("chart");
    let output =
        helm.args(["template", "web"]).arg(chart).args(["--include-crds", "--namespace", "x", "--set", set]).output();
    let output = output.expect("helm starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    written.project.write("built.yaml", output.stdout);
    Some(())
}

#[test]
fn a_chart_with_definitions_hooks_and_tests() {
    let Some(written) = Written::new(BLOCK) else { return };
    written.write("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n");
    written.write("chart/values.yaml", VALUES);
    written.write("chart/templates/_labels.tpl", LABELS);
    written.write("chart/crds/things.yaml", DEFINITION);
    for (path, text) in TEMPLATES {
        written.write(&format!("chart/templates/{path}"), text);
    }
    let Some(()) = render(&written, "size=2") else { return };
    // What is in the chart's namespace waits for it by a reference of the person's own.
    written.project.succeed(&["apply", "--auto-approve", "--target=kubernetes_object.namespace"]);
    let planned = written.project.succeed(&["plan"]);
    assert!(planned.text.contains("Plan: 5 to add, 0 to change, 0 to destroy."), "{}", planned.text);
    written.project.succeed(&APPLY);
    let kind = format!("things.{}.example.com", written.name);
    // No namespace stands in it: its definition says that it lives in one.
    assert_eq!(written.kubectl(&["get", &kind, "web", "--output=jsonpath={.spec.size}"]), "2");
    let managed = "--output=jsonpath={.metadata.labels.app\\.kubernetes\\.io/managed-by}";
    assert_eq!(written.kubectl(&["get", "deployment", "web", managed]), "portolan");
    assert_eq!(written.kubectl(&["get", "job", "migrate", "--output=jsonpath={.status.succeeded}"]), "1");
    assert!(!written.kubectl(&["get", "pods"]).contains("reach"), "tests of a release are left out");
    written.project.is_settled();

    render(&written, "size=3").expect("helm is there");
    let changed = written.project.succeed(&APPLY);
    assert!(changed.text.contains("Apply complete: 0 added, 2 changed, 0 destroyed."), "{}", changed.text);
    assert_eq!(written.kubectl(&["get", "deployment", "web", "--output=jsonpath={.status.readyReplicas}"]), "3");
    written.project.is_settled();
    written.project.succeed(&["destroy", "--auto-approve"]);
}

const BASE: [(&str, &str); 3] = [
    (
        "base/web.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n  template:\n    \
         metadata: {labels: {app: web}}\n    spec:\n      containers: [{name: web, image: shop/web, envFrom: [{configMapRef: {name: settings}}]}]\n",
    ),
    (
        "base/service.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n",
    ),
    ("base/kustomization.yaml", "resources: [web.yaml, service.yaml]\n"),
];

const OVERLAY: &str = "namespace: NAME\nnamePrefix: east-\nresources: [../base]\nimages: [{name: shop/web, newTag: \"2\"}]\n\
                       replicas: [{name: web, count: 2}]\nlabels: [{pairs: {team: shop}, includeSelectors: true}]\n\
                       configMapGenerator: [{name: settings, literals: [colour=blue]}]\n\
                       secretGenerator: [{name: keys, literals: [key=value]}]\n";

fn build(written: &Written) {
    let overlay = written.project.path("overlay");
    let built = written.cluster.kubectl().text(&["kustomize", overlay.to_str().expect("text")]);
    written.project.write("built.yaml", built);
}

#[test]
fn a_kustomization_whose_generated_names_change() {
    let Some(written) = Written::new(BLOCK) else { return };
    for (path, text) in BASE {
        written.write(path, text);
    }
    written.write("overlay/kustomization.yaml", OVERLAY);
    build(&written);
    written.project.succeed(&["apply", "--auto-approve", "--target=kubernetes_object.namespace"]);
    written.project.succeed(&APPLY);
    let settings = "--output=jsonpath={.spec.template.spec.containers[0].envFrom[0].configMapRef.name}";
    let first = written.kubectl(&["get", "deployment", "east-web", settings]);
    assert!(first.starts_with("east-settings-"), "{first}");
    assert_eq!(written.kubectl(&["get", "deployment", "east-web", "--output=jsonpath={.status.readyReplicas}"]), "2");
    written.project.is_settled();

    written.write("overlay/kustomization.yaml", &OVERLAY.replace("blue", "green"));
    build(&written);
    let changed = written.project.succeed(&APPLY);
    assert!(changed.text.contains("Apply complete: 1 added, 1 changed, 1 destroyed."), "{}", changed.text);
    let second = written.kubectl(&["get", "deployment", "east-web", settings]);
    assert_ne!(first, second);
    assert_eq!(written.kubectl(&["get", "configmap", &second, "--output=jsonpath={.data.colour}"]), "green");
    assert!(!written.cluster.kubectl().within(&written.name).run(&["get", "configmap", &first]).succeeded());
    written.project.is_settled();
    written.project.succeed(&["destroy", "--auto-approve"]);
}
