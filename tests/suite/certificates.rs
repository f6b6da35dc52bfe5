//! Certificates that a cluster keeps.

#![cfg(feature = "kubernetes")]

use std::os::unix::fs::PermissionsExt;

use portolan_test_support::Cluster;

use crate::program::Project;

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nhush-hush-4711\n-----END PRIVATE KEY-----\n";
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nfor-everybody\n-----END CERTIFICATE-----\n";

#[test]
fn a_certificate_comes_from_a_secret_of_a_cluster() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("certificates");
    let secret = serde_json::json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "shop-tls"}, "type": "kubernetes.io/tls",
        "stringData": {"tls.crt": CERTIFICATE, "tls.key": KEY},
    });
    namespace.kubectl().apply(&secret.to_string());
    let main = |name: &str| {
        format!(
            "cluster \"a\" {{\n  kubernetes {{\n    config_path = {:?}\n    context = {:?}\n  }}\n}}\n\
             data \"kubernetes_secret\" \"shop\" {{\n  provider = cluster.a\n  namespace = \"{namespace}\"\n  \
             name = {name:?}\n}}\n\
             nginx \"edge\" {{\n  directory {{\n    path = \"out\"\n  }}\n}}\n\
             application \"vms\" {{\n  external \"web\" {{\n    addresses = [\"192.0.2.7:80\"]\n  }}\n}}\n\
             route \"shop\" {{\n  nginx = nginx.edge\n  hosts = [\"shop.example.com\"]\n  tls {{\n    \
             certificate = data.kubernetes_secret.shop.data[\"tls.crt\"]\n    \
             key = data.kubernetes_secret.shop.data[\"tls.key\"]\n  }}\n  \
             location \"/\" {{\n    to = application.vms.external.web\n  }}\n}}\n",
            cluster.kubeconfig(),
            cluster.context()
        )
    };
    let project = Project::new(main("shop-tls"));
    let said = project.succeed(&["apply", "--auto-approve"]);
    assert!(!said.all().contains("hush-hush"), "{}", said.all());
    let has_key = |content: &[u8]| String::from_utf8_lossy(content).contains("hush-hush");
    let keys: Vec<_> = project.files("out").into_iter().filter(|(_, content)| has_key(content)).collect();
    let [(key, content)] = &keys[..] else { panic!("the key is in {} files", keys.len()) };
    assert_eq!(String::from_utf8_lossy(content), KEY);
    let mode = std::fs::metadata(project.path("out").join(key)).expect("is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    project.is_settled();

    // Its place is told, and nothing is taken back.
    project.write("main.hcl", main("another"));
    project.refused(&["apply", "--auto-approve"], "/another at");
    assert!(project.path("out").join(key).exists());
    project.write("main.hcl", main("../shop-tls"));
    project.refused(&["plan"], "is no name of Kubernetes");
}
