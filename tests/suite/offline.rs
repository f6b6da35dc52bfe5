//! Plans while a cluster is down.

#![cfg(feature = "kubernetes")]

use portolan_test_support::{Cluster, Proxy};

use crate::program::Project;

const OFFLINE: [&str; 3] = ["plan", "--offline", "--detailed-exitcode"];

#[test]
fn a_cluster_that_is_down_can_be_planned_for() {
    let Some(cluster) = Cluster::shared("a") else { return };
    let namespace = cluster.namespace("offline");
    let proxy = Proxy::before(&cluster);
    let main = |key: &str, cluster_ip: &str| {
        format!(
            "cluster \"a\" {{\n  kubernetes {{\n    config_path = {:?}\n    context = {:?}\n  }}\n}}\n\
             data \"kubernetes_nodes\" \"all\" {{\n  provider = cluster.a\n}}\n\
             resource \"kubernetes_object\" \"map\" {{\n  provider = cluster.a\n  manifest = {{\n    apiVersion = \"v1\"\n    \
             kind = \"ConfigMap\"\n    metadata = {{ name = \"map\", namespace = \"{namespace}\" }}\n    \
             data = {{ key = {key:?} }}\n  }}\n}}\n\
             resource \"kubernetes_object\" \"service\" {{\n  provider = cluster.a\n  manifest = {{\n    apiVersion = \"v1\"\n    \
             kind = \"Service\"\n    metadata = {{ name = \"web\", namespace = \"{namespace}\" }}\n    \
             spec = {{ clusterIP = {cluster_ip:?}, ports = [{{ port = 80, protocol = \"TCP\" }}] }}\n  }}\n}}\n",
            proxy.kubeconfig(),
            cluster.context()
        )
    };
    let project = Project::new(main("one", "None"));
    let first = project.run(&OFFLINE);
    assert_eq!(first.code, Some(2), "{}", first.all());
    assert!(first.text.contains("Plan: 2 to add"), "{}", first.text);
    assert!(!cluster.kubectl().within(namespace.name()).run(&["get", "configmap", "map"]).succeeded());
    project.succeed(&["apply", "--auto-approve"]);

    proxy.close();
    project.refused(&["plan"], "cannot be reached");
    proxy.forget();
    let settled = project.run(&OFFLINE);
    assert_eq!(settled.code, Some(0), "{}", settled.all());
    assert!(settled.text.contains("nothing was compared with what is really there"), "{}", settled.text);
    project.write("main.hcl", main("two", "10.0.0.200"));
    let changed = project.run(&OFFLINE);
    assert_eq!(changed.code, Some(2), "{}", changed.all());
    assert!(changed.text.contains("\"one\" -> \"two\""), "{}", changed.text);
    assert!(changed.text.contains("Plan: 1 to add, 1 to change, 1 to destroy."), "{}", changed.text);
    assert_eq!(proxy.requests(), Vec::<String>::new());
    project.refused(&["plan", "--offline", "--out", "saved"], "--out");
    proxy.open();
    project.write("main.hcl", main("one", "None"));
    project.is_settled();
}
