//! Which cluster answers.

#![cfg(feature = "kubernetes")]

use portolan_test_support::Cluster;

use crate::program::Project;

/// A ConfigMap that is declared in a cluster, with this value.
pub(crate) fn main(cluster: &Cluster, namespace: &str, value: &str) -> String {
    format!(
        "cluster \"a\" {{\n  kubernetes {{\n    config_path = {:?}\n    context = {:?}\n  }}\n}}\n\
         resource \"kubernetes_object\" \"map\" {{\n  provider = cluster.a\n  manifest = {{\n    apiVersion = \"v1\"\n    \
         kind = \"ConfigMap\"\n    metadata = {{ name = \"map\", namespace = \"{namespace}\" }}\n    \
         data = {{ key = {value:?} }}\n  }}\n}}\n",
        cluster.kubeconfig(),
        cluster.context()
    )
}

#[test]
fn another_cluster_is_never_taken_for_the_one_that_was_meant() {
    let (Some(meant), Some(other)) = (Cluster::shared("a"), Cluster::shared("b")) else { return };
    let [here, there] = [&meant, &other].map(|cluster| cluster.namespace("identity"));
    let project = Project::new(main(&meant, here.name(), "one"));
    project.succeed(&["apply", "--auto-approve"]);

    // The kubeconfig leads elsewhere: nothing is planned, made or deleted there.
    project.write("main.hcl", main(&other, here.name(), "two"));
    for arguments in [&["plan"][..], &["apply", "--auto-approve"], &["destroy", "--auto-approve"]] {
        let said = project.refused(arguments, "cluster.a is another system than before");
        assert!(said.all().contains("Nothing was read from it, and nothing was changed"), "{}", said.all());
    }
    let maps = |cluster: &Cluster, namespace: &str| {
        cluster.kubectl().within(namespace).text(&["get", "configmaps", "--output=jsonpath={.items[*].data.key}"])
    };
    assert!(!maps(&other, there.name()).contains("two"));
    assert!(maps(&meant, here.name()).contains("one"));
    project.write("main.hcl", main(&meant, here.name(), "one"));
    project.is_settled();
}

#[test]
#[cfg(feature = "endpoints")]
fn pods_of_another_cluster_are_never_told_to_fleets() {
    let (Some(meant), Some(other)) = (Cluster::shared("a"), Cluster::shared("b")) else { return };
    let here = meant.namespace("identity");
    let etcd = portolan_test_support::Etcd::start();
    let project = Project::new(main(&meant, here.name(), "one"));
    project.succeed(&["apply", "--auto-approve"]);
    let fleet = format!(
        "nginx \"edge\" {{\n  version = \"1.22\"\n  etcd {{\n    endpoints = [{:?}]\n    prefix = \"/portolan/edge\"\n  }}\n}}\n",
        etcd.endpoint()
    );
    project.write("edge.hcl", fleet);
    project.write("main.hcl", main(&other, here.name(), "one"));
    let said = project.refused(&["endpoints"], "cluster.a is another system than before");
    assert!(said.all().contains("main.hcl:1"), "{}", said.all());
}
