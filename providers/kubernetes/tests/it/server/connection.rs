//! Ways to a cluster, right and wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use portolan_kubernetes::Kubernetes;
use portolan_provider::conformance::Client;
use portolan_provider::{Error, ErrorKind};
use portolan_test_support::{Account, Cluster};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::{connect, connect_by, connection};

async fn by(attributes: &Json) -> Result<Client, Error> {
    Client::connect(Kubernetes::new(), &connection(attributes)).await
}

async fn refused(attributes: &Json) -> Error {
    by(attributes).await.expect_err("no connection")
}

/// A file of its own with this text.
fn file(text: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("kubeconfig");
    fs::write(&path, text).expect("writes");
    (directory, path)
}

/// The cluster's part of a kubeconfig, with the certificate in it.
fn server_of(cluster: &Cluster) -> Json {
    let view = cluster.kubectl().json(&["config", "view", "--raw", "--minify", "--flatten"]);
    view["clusters"][0]["cluster"].clone()
}

fn authorities(cluster: &Json) -> String {
    use base64::Engine;
    let data = cluster["certificate-authority-data"].as_str().expect("a certificate");
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(data).expect("base64")).expect("text")
}

fn kubeconfig(cluster: &Json, user: &Json, contexts: &[&str]) -> String {
    let contexts: Vec<Json> =
        contexts.iter().map(|name| json!({"name": name, "context": {"cluster": "c", "user": "u"}})).collect();
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "other", "contexts": contexts,
        "clusters": [{"name": "c", "cluster": cluster}], "users": [{"name": "u", "user": user}],
    })
    .to_string()
}

#[tokio::test]
async fn all_ways_lead_to_the_same_cluster() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let system = connect(&cluster).await.session.system().expect("an identity");
    let uid = cluster.kubectl().text(&["get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}"]);
    assert_eq!(&*system, uid.trim());

    let Some(token) = cluster.token() else { return };
    let server = server_of(&cluster);
    let host = server["server"].as_str().expect("an address");
    let authorities = authorities(&server);
    let mut ways = vec![
        json!({"host": host, "cluster_ca_certificate": authorities, "token": token}),
        json!({"host": host, "cluster_ca_certificate": authorities, "token": token, "impersonate": {"user": "admin", "groups": ["system:masters"]}}),
        json!({"host": host.replace("127.0.0.1", "localhost"), "tls_server_name": "kubernetes", "cluster_ca_certificate": authorities, "token": token}),
    ];
    if let Some(keys) = cluster.keys() {
        let text = |name: &str| fs::read_to_string(keys.join(name)).expect("a key");
        ways.push(json!({"host": host, "cluster_ca_certificate": authorities, "client_certificate": text("admin.crt"), "client_key": text("admin.key")}));
    }
    let credential = json!({"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential", "status": {"token": token}});
    ways.push(json!({"host": host, "cluster_ca_certificate": authorities, "exec": {
        "command": "sh", "args": ["-c", "printf %s \"$CREDENTIAL\""], "env": {"CREDENTIAL": credential.to_string()},
        "api_version": "client.authentication.k8s.io/v1beta1"}}));
    for way in ways {
        let client = by(&way).await.unwrap_or_else(|error| panic!("{way}: {error}"));
        assert_eq!(client.session.system().as_ref(), Some(&system), "{way}");
    }
    let (_directory, only) = file(&kubeconfig(&server, &json!({"token": token}), &["only"]));
    by(&json!({"config_path": only.to_str()})).await.expect("the only context");
}

#[tokio::test]
async fn a_wrong_context_is_told_and_none_is_guessed() {
    let cluster = json!({"server": "https://127.0.0.1:1"});
    let (_directory, path) = file(&kubeconfig(&cluster, &json!({}), &["beijing", "other"]));
    let error = connect_by(&path, "bejing").await.expect_err("no such context");
    assert!(error.message.ends_with("has no context \"bejing\""), "{}", error.message);
    assert_eq!(error.help.as_deref(), Some("Did you mean \"beijing\"?"));
    assert_eq!(error.path.expect("a path").to_string(), "kubernetes.context");
    let error = refused(&json!({"config_path": path.to_str()})).await;
    assert!(error.message.ends_with("has 2 contexts, and none is named"), "{}", error.message);
    assert_eq!(error.help.as_deref(), Some("Name one with `context`: beijing, other."));
}

#[tokio::test]
async fn kubeconfigs_that_cannot_be_used() {
    let error = connect_by(Path::new("/none/kubeconfig"), "a").await.expect_err("no file");
    assert_eq!(error.message, "/none/kubeconfig cannot be read: No such file or directory (os error 2)");
    let (_directory, path) = file("apiVersion: v1\nusers: [{name: u, user: {token: [secret-of-mine]}}]\n");
    let error = connect_by(&path, "a").await.expect_err("no kubeconfig");
    assert!(
        error.message.ends_with("is not a kubeconfig") && !format!("{error:?}").contains("secret-of-mine"),
        "{error:?}"
    );
    let unverified = json!({"server": "https://127.0.0.1:1", "insecure-skip-tls-verify": true});
    let (_directory, path) = file(&kubeconfig(&unverified, &json!({}), &["a"]));
    let error = connect_by(&path, "a").await.expect_err("unverified");
    assert!(error.message.contains("insecure-skip-tls-verify"), "{}", error.message);
    assert!(refused(&json!({"host": "http://192.0.2.1:8080"})).await.message.contains("is not encrypted"));
    assert!(refused(&json!({"host": "192.0.2.1"})).await.message.contains("is not an address such as"));
    assert!(refused(&json!({"in_cluster": true})).await.message.contains("does not run in a pod"));
}

#[tokio::test]
async fn credentials_that_are_not_accepted() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let server = server_of(&cluster);
    let host = server["server"].as_str().expect("an address");
    let authorities = authorities(&server);
    let error = refused(&json!({"host": host, "cluster_ca_certificate": authorities, "token": "a-wrong-token"})).await;
    assert_eq!(error.kind, ErrorKind::Denied);
    assert!(
        error.message.contains("does not accept the credentials") && !error.message.contains("a-wrong-token"),
        "{}",
        error.message
    );
    let error = refused(&json!({"host": host, "token": "a"})).await;
    assert_eq!(error.kind, ErrorKind::Failed);
    assert!(error.message.to_lowercase().contains("certificate"), "{}", error.message);
    for (script, expected) in [
        ("echo no session >&2; echo secret; exit 3", "ended with exit status: 3: no session"),
        ("echo secret", "no ExecCredential"),
    ] {
        let exec = json!({"command": "sh", "args": ["-c", script]});
        let error = refused(&json!({"host": host, "cluster_ca_certificate": authorities, "exec": exec})).await;
        assert!(error.message.contains(expected) && !error.message.contains("secret"), "{}", error.message);
    }
    let exec = json!({"command": "/none/plugin"});
    let error = refused(&json!({"host": host, "cluster_ca_certificate": authorities, "exec": exec})).await;
    assert!(error.message.contains("cannot be started"), "{}", error.message);
}

/// A certificate of a user that the cluster's authority signed and that ended yesterday, and its key.
fn ended(keys: &Path) -> (String, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    // With an extension it is a certificate of version 3, the only one that is taken.
    fs::write(at("extensions"), "extendedKeyUsage=clientAuth").expect("writes");
    let openssl = |arguments: &[&str], files: &[(&str, PathBuf)]| {
        let mut command = Command::new("openssl");
        command.args(arguments);
        for (option, path) in files {
            command.arg(option).arg(path);
        }
        let output = command.output().expect("openssl starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    openssl(
        &[
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/O=system:masters/CN=late",
        ],
        &[("-keyout", at("key")), ("-out", at("request"))],
    );
    openssl(
        &["x509", "-req", "-set_serial", "1", "-days", "-1"],
        &[
            ("-in", at("request")),
            ("-CA", keys.join("ca.crt")),
            ("-CAkey", keys.join("ca.key")),
            ("-extfile", at("extensions")),
            ("-out", at("certificate")),
        ],
    );
    let text = |name: &str| fs::read_to_string(at(name)).expect("a file");
    (text("certificate"), text("key"))
}

#[tokio::test]
async fn a_certificate_that_has_ended() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let Some(keys) = cluster.keys() else { return };
    let server = server_of(&cluster);
    let (certificate, key) = ended(&keys);
    let error = refused(&json!({"host": server["server"], "cluster_ca_certificate": authorities(&server),
        "client_certificate": certificate, "client_key": key}))
    .await;
    assert_eq!(error.kind, ErrorKind::Denied, "{error:?}");
    assert!(error.message.contains(server["server"].as_str().expect("an address")), "{}", error.message);
    assert!(error.help.as_deref().is_some_and(|help| help.contains("expired")), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there() {
    let error = refused(&json!({"host": "https://127.0.0.1:1"})).await;
    assert_eq!(error.kind, ErrorKind::Transient);
    assert!(error.message.contains("https://127.0.0.1:1 cannot be reached"), "{}", error.message);
    let error = refused(&json!({"host": "https://none.invalid"})).await;
    assert_eq!(error.kind, ErrorKind::Failed, "{}", error.message);
}

#[tokio::test]
async fn rights_that_are_missing_are_told() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("rights");
    let account = Account::of(
        &cluster,
        &namespace,
        "deployer",
        &json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}]),
    );
    let error = connect_by(&account.kubeconfig(), cluster.context()).await.expect_err("may not");
    assert_eq!(error.kind, ErrorKind::Denied);
    assert!(error.message.contains("kube-system"), "{}", error.message);
}
