//! Manifests that others have written, on a real cluster.

#![cfg(feature = "kubernetes")]

use portolan_test_support::Cluster;

use crate::program::Project;

pub(crate) const APPLY: [&str; 2] = ["apply", "--auto-approve"];

/// A project with a cluster, and what is to be in it; `NAME` is a name that nobody else has.
pub(crate) struct Written {
    pub(crate) project: Project,
    pub(crate) cluster: Cluster,
    pub(crate) name: String,
}

impl Written {
    pub(crate) fn new(blocks: &str) -> Option<Written> {
        let cluster = Cluster::shared("a")?;
        let name = format!("things-{:08x}", rand::random::<u32>());
        let connection = format!(
            "cluster \"a\" {{\n  kubernetes {{\n    config_path = {:?}\n    context = {:?}\n  }}\n}}\n",
            cluster.kubeconfig(),
            cluster.context()
        );
        let project = Project::new(format!("{connection}{}", blocks.replace("NAME", &name)));
        Some(Written { project, cluster, name })
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        self.project.write(path, text.replace("NAME", &self.name));
    }

    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        self.cluster.kubectl().within(&self.name).text(arguments)
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        self.cluster.kubectl().run(&["delete", "namespace", &self.name, "--ignore-not-found", "--wait=false"]);
        let definition = format!("things.{}.example.com", self.name);
        self.cluster.kubectl().run(&[
            "delete",
            "customresourcedefinition",
            &definition,
            "--ignore-not-found",
            "--wait=false",
        ]);
    }
}

pub(crate) const DEFINITION: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: things.NAME.example.com
  creationTimestamp: null
spec:
  group: NAME.example.com
  scope: Namespaced
  names: {plural: things, kind: Thing}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
";

/// As Helm writes it: nothing in order, and no namespaces.
const RELEASE: &str = "---
# Source: things/templates/first.yaml
apiVersion: NAME.example.com/v1
kind: Thing
metadata:
  name: first
  labels: {app.kubernetes.io/managed-by: Helm}
spec: {size: 3}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: \"things/web:1\"}]
---
apiVersion: v1
kind: Pod
metadata:
  name: test-connection
  annotations: {\"helm.sh/hook\": test}
spec: {containers: [{name: test, image: \"things/test:1-crashing\"}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: NAME}
";

#[test]
fn definitions_and_what_they_define_are_made_in_one_run() {
    let block =
        "manifests \"things\" {\n  clusters = [cluster.a]\n  directory = \"deploy\"\n  namespace = \"NAME\"\n}\n";
    let Some(written) = Written::new(block) else { return };
    written.write("deploy/release.yaml", RELEASE);
    written.write("deploy/crds/things.yaml", DEFINITION);
    written.write("deploy/README.md", "no manifest");
    let planned = written.project.succeed(&["plan"]);
    assert!(planned.text.contains("Plan: 4 to add, 0 to change, 0 to destroy."), "{}", planned.text);
    written.project.succeed(&APPLY);
    let kind = format!("things.{}.example.com", written.name);
    assert_eq!(written.kubectl(&["get", &kind, "first", "--output=jsonpath={.spec.size}"]), "3");
    assert_eq!(written.kubectl(&["get", "deployment", "web", "--output=jsonpath={.status.readyReplicas}"]), "1");
    assert!(!written.kubectl(&["get", "pods"]).contains("test-connection"), "tests of a release are left out");
    written.project.is_settled();

    written.write("deploy/release.yaml", &RELEASE.replace("size: 3", "size: 4"));
    let changed = written.project.succeed(&APPLY);
    assert!(changed.text.contains("Apply complete: 0 added, 1 changed, 0 destroyed."), "{}", changed.text);
    assert_eq!(written.kubectl(&["get", &kind, "first", "--output=jsonpath={.spec.size}"]), "4");
    written.project.succeed(&["destroy", "--auto-approve"]);
    assert!(!written.cluster.kubectl().run(&["get", "customresourcedefinition", &kind]).succeeded());
}

#[test]
fn a_manifest_can_stand_in_a_file() {
    let resource =
        "resource \"kubernetes_object\" \"NAME\" {\n  provider = cluster.a\n  manifest_file = \"one.yaml\"\n}\n";
    let Some(written) = Written::new(resource) else { return };
    written.cluster.kubectl().text(&["create", "namespace", &written.name]);
    let map = |value: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\n  namespace: NAME\ndata:\n  key: {value}\n")
    };
    written.write("one.yaml", &map("one"));
    written.project.succeed(&APPLY);
    written.project.is_settled();
    written.write("one.yaml", &map("two"));
    let planned = written.project.succeed(&["plan"]);
    assert!(planned.text.contains("\"one\" -> \"two\""), "{}", planned.text);
    written.project.succeed(&APPLY);
    assert_eq!(written.kubectl(&["get", "configmap", "one", "--output=jsonpath={.data.key}"]), "two");
    written.write("one.yaml", &(map("two") + "---\n" + &map("three")));
    written.project.refused(&["plan"], "it holds 2 documents, and one is wanted");
    written.write("one.yaml", "kind: ConfigMap\n");
    written.project.refused(&["plan"], "apiVersion");
    written.project.succeed(&["destroy", "--auto-approve"]);
}
