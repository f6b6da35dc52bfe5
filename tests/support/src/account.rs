//! Users who may do only some things.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::{Cluster, Kubectl, Namespace};

/// A service account of a namespace, with a kubeconfig that names it.
#[derive(Debug)]
pub struct Account {
    directory: TempDir,
    context: String,
}

impl Account {
    /// An account that may do in its namespace what these rules of a Role say, and nothing else:
    /// `json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"] }])`.
    pub fn of(cluster: &Cluster, namespace: &Namespace, name: &str, rules: &Json) -> Account {
        let kubectl = namespace.kubectl();
        kubectl.text(&["create", "serviceaccount", name]);
        let metadata = json!({ "name": name });
        let group = "rbac.authorization.k8s.io";
        let version = format!("{group}/v1");
        let role = json!({ "apiVersion": version, "kind": "Role", "metadata": metadata, "rules": rules });
        let binding = json!({
            "apiVersion": version, "kind": "RoleBinding", "metadata": metadata,
            "roleRef": { "apiGroup": group, "kind": "Role", "name": name },
            "subjects": [{ "kind": "ServiceAccount", "name": name, "namespace": namespace.name() }],
        });
        kubectl.apply(&json!({ "apiVersion": "v1", "kind": "List", "items": [role, binding] }).to_string());

        let mut kubeconfig = cluster.kubectl().json(&["config", "view", "--raw", "--minify"]);
        kubeconfig["users"][0]["user"] = json!({ "token": token(kubectl, namespace.name(), name) });
        let account =
            Account { directory: tempfile::tempdir().expect("a directory"), context: cluster.context().to_owned() };
        fs::write(account.kubeconfig(), kubeconfig.to_string()).expect("a kubeconfig");
        account
    }

    /// A kubeconfig like the cluster's, with the same context, for this account.
    pub fn kubeconfig(&self) -> PathBuf {
        self.directory.path().join("kubeconfig")
    }

    /// kubectl, as this account.
    pub fn kubectl(&self) -> Kubectl {
        Kubectl::new(self.kubeconfig(), self.context.clone()).caching_beside_kubeconfig()
    }
}

/// Asks for a token as the API is asked; kubectl has a command for it only since 1.24.
fn token(kubectl: &Kubectl, namespace: &str, name: &str) -> Json {
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
    let request = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {} });
    let answer = kubectl.run_with(&["create", "--raw", &path, "--filename=-"], &request.to_string());
    let answer: Json = serde_json::from_str(&answer.text).unwrap_or_else(|_| panic!("no token: {}", answer.error));
    answer["status"]["token"].clone()
}
