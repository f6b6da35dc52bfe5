//! Ways to a cluster that not everybody has: over a proxy, and from within.

#![cfg(feature = "kubernetes")]

use std::fs;
use std::process::{Command, Stdio};

use portolan_test_support::{Cluster, Namespace, Tunnel};
use serde_json::{Value as Json, json};

use crate::program::{Project, Said};

/// A ConfigMap in a cluster that is reached by these lines.
fn main(way: &str, namespace: &Namespace) -> String {
    format!(
        "cluster \"a\" {{\n  kubernetes {{\n    {way}\n  }}\n}}\n\
         resource \"kubernetes_object\" \"map\" {{\n  provider = cluster.a\n  manifest = {{\n    apiVersion = \"v1\"\n    \
         kind = \"ConfigMap\"\n    metadata = {{ name = \"map\", namespace = \"{namespace}\" }}\n    \
         data = {{ key = \"one\" }}\n  }}\n}}\n"
    )
}

fn is_made(namespace: &Namespace) -> bool {
    namespace.kubectl().run(&["get", "configmap", "map"]).succeeded()
}

/// A project whose cluster has a name that nobody but a proxy knows, with that proxy in its kubeconfig
/// or not.
fn beyond(cluster: &Cluster, namespace: &Namespace, proxy: Option<&str>) -> Project {
    let project = Project::new("");
    let mut kubeconfig = cluster.kubectl().json(&["config", "view", "--raw", "--minify", "--flatten"]);
    let entry = &mut kubeconfig["clusters"][0]["cluster"];
    entry["server"] = "https://beyond.invalid:6443".into();
    entry["tls-server-name"] = "localhost".into();
    if let Some(proxy) = proxy {
        entry["proxy-url"] = proxy.into();
    }
    project.write("kubeconfig", kubeconfig.to_string());
    let way = format!("config_path = {:?}\n    context = {:?}", project.path("kubeconfig"), cluster.context());
    project.write("main.hcl", main(&way, namespace));
    project
}

#[test]
fn a_cluster_beyond_a_proxy_is_reached_over_it() {
    let Some(cluster) = Cluster::shared("a") else { return };
    // The certificate has to be for the name that stands for it.
    if cluster.keys().is_none() {
        return;
    }
    let namespace = cluster.namespace("proxy");
    let tunnel = Tunnel::to(&cluster, Some("anna:pass-77-word"));
    let url = |credentials: &str| format!("http://{credentials}{}", tunnel.address());

    // Without the proxy, and without what it asks for, nothing is reached and nothing changed.
    for (proxy, asks) in [(None, false), (Some(url("")), true), (Some(url("anna:wrong-99-word@")), true)] {
        let before = tunnel.asked();
        let project = beyond(&cluster, &namespace, proxy.as_deref());
        let said = project.refused(&["apply", "--auto-approve"], "Cannot connect to cluster.a");
        assert_eq!(tunnel.asked() > before, asks, "{}", said.all());
        assert!(!said.all().contains("-word"), "{}", said.all());
        assert!(!is_made(&namespace));
    }

    let project = beyond(&cluster, &namespace, Some(&url("anna:pass-77-word@")));
    project.succeed(&["apply", "--auto-approve"]);
    assert!(is_made(&namespace));
    project.is_settled();

    // The environment says it as well, and says where it does not count.
    let project = beyond(&cluster, &namespace, None);
    project.write("main.hcl", project.read("main.hcl").replace("\"map\"", "\"other\""));
    let run = |name: &str, value: &str| {
        let mut command = project.command(&["plan"]);
        command.env("HTTPS_PROXY", url("anna:pass-77-word@")).env(name, value);
        Said::of(&command.output().expect("the program starts"))
    };
    let said = run("LANG", "C");
    assert_eq!(said.code, Some(0), "{}", said.all());
    assert_eq!(run("NO_PROXY", "beyond.invalid").code, Some(1));
}

#[test]
fn a_proxy_that_is_down_is_told_with_the_cluster() {
    let Some(cluster) = Cluster::shared("a") else { return };
    if cluster.keys().is_none() {
        return;
    }
    let namespace = cluster.namespace("proxy");
    let tunnel = Tunnel::to(&cluster, None);
    let project = beyond(&cluster, &namespace, Some(&format!("http://{}", tunnel.address())));
    project.succeed(&["plan"]);
    drop(tunnel);
    let said = project.refused(&["apply", "--auto-approve"], "Cannot connect to cluster.a");
    assert!(said.error_in_one_line().contains("beyond.invalid"), "{}", said.all());
    assert!(!is_made(&namespace));
}

/// Runs a program where a directory is what pods find of their service account.
const INSIDE: &str = "mount -t tmpfs tmpfs /run && mkdir -p /run/secrets/kubernetes.io/serviceaccount && \
                      cp \"$1\"/* /run/secrets/kubernetes.io/serviceaccount/ && shift && exec \"$@\"";

#[test]
fn the_cluster_around_a_pod_is_reached_as_its_service_account() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let may_mount = Command::new("unshare").args(["-m", "mount", "-t", "tmpfs", "tmpfs", "/run"]).output();
    if !may_mount.is_ok_and(|output| output.status.success()) {
        println!("skipped: a mount namespace takes rights that this user does not have");
        return;
    }
    let Some(keys) = cluster.keys() else { return };
    let namespace = cluster.namespace("inside");
    let rules = json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"] }]);
    let account = portolan_test_support::Account::of(&cluster, &namespace, "robot", &rules);
    let kubeconfig = fs::read_to_string(account.kubeconfig()).expect("a kubeconfig");
    let kubeconfig: Json = serde_json::from_str(&kubeconfig).expect("JSON");
    let token = kubeconfig["users"][0]["user"]["token"].as_str().expect("a token").to_owned();

    // What a pod finds: its token, its namespace, and the authority of the cluster.
    let project = Project::new(main("in_cluster = true", &namespace));
    let view = cluster.kubectl().json(&["config", "view", "--raw", "--minify", "--flatten"]);
    let entry = &view["clusters"][0]["cluster"];
    project.write("account/ca.crt", fs::read(keys.join("ca.crt")).expect("an authority"));
    project.write("account/token", &token);
    project.write("account/namespace", namespace.name());
    let server = entry["server"].as_str().expect("a server").trim_start_matches("https://").trim_end_matches('/');
    let (host, port) = server.rsplit_once(':').expect("a port");
    let run = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", INSIDE, "sh"]).arg(project.path("account"));
        command.arg(env!("CARGO_BIN_EXE_portolan")).arg("-C").arg(project.root()).args(arguments);
        command.env("KUBERNETES_SERVICE_HOST", host).env("KUBERNETES_SERVICE_PORT", port).stdin(Stdio::null());
        Said::of(&command.output().expect("unshare starts"))
    };

    // It may not know which cluster it is in.
    let said = run(&["apply", "--auto-approve"]);
    assert_eq!(said.code, Some(1), "{}", said.all());
    assert!(said.error_in_one_line().contains("kube-system, which cannot be read"), "{}", said.all());
    assert!(!is_made(&namespace) && !said.all().contains(&token));

    let name = namespace.name();
    let role = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": name, "namespace": "kube-system" },
        "rules": [{ "apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["kube-system"], "verbs": ["get"] }] });
    let binding = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": name, "namespace": "kube-system" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name },
        "subjects": [{ "kind": "ServiceAccount", "name": "robot", "namespace": name }] });
    cluster.kubectl().apply(&json!({ "apiVersion": "v1", "kind": "List", "items": [role, binding] }).to_string());
    let said = run(&["apply", "--auto-approve"]);
    cluster.kubectl().text(&["delete", "role,rolebinding", name, "--namespace=kube-system"]);
    assert_eq!(said.code, Some(0), "{}", said.all());
    assert!(is_made(&namespace) && !said.all().contains(&token));
}
