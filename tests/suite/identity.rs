//! Which cluster answers.

#![cfg(feature = "kubernetes")]

use portolan_test_support::Cluster;

use crate::program::Project;

#[test]
fn another_cluster_is_never_taken_for_the_one_that_was_meant() {
    let (Some(meant), Some(other)) = (Cluster::shared("a"), Cluster::shared("b")) else { return };
    let [here, there] = [&meant, &other].map(|cluster| cluster.namespace("identity"));
    let main = |cluster: &Cluster, key: &str| {
        format!(
            "cluster \"a\" {{\n  kubernetes {{\n    config_path = {:?}\n    context = {:?}\n  }}\n}}\n\
             resource \"kubernetes_object\" \"map\" {{\n  provider = cluster.a\n  manifest = {{\n    apiVersion = \"v1\"\n    \
             kind = \"ConfigMap\"\n    metadata = {{ name = \"map\", namespace = \"{here}\" }}\n    \
             data = {{ key = {key:?} }}\n  }}\n}}\n",
            cluster.kubeconfig(),
            cluster.context()
        )
    };
    let project = Project::new(main(&meant, "one"));
    project.succeed(&["apply", "--auto-approve"]);

    // The kubeconfig leads elsewhere: nothing is planned, made or deleted there.
    project.write("main.hcl", main(&other, "two"));
    for arguments in [&["plan"][..], &["apply", "--auto-approve"], &["destroy", "--auto-approve"]] {
        let said = project.refused(arguments, "cluster.a is another system than before");
        assert!(said.all().contains("Nothing was read from it, and nothing was changed"), "{}", said.all());
    }
    let maps = |cluster: &Cluster, namespace: &str| {
        cluster.kubectl().within(namespace).text(&["get", "configmaps", "--output=jsonpath={.items[*].data.key}"])
    };
    assert!(!maps(&other, there.name()).contains("two"));
    assert!(maps(&meant, here.name()).contains("one"));
    project.write("main.hcl", main(&meant, "one"));
    project.is_settled();
}
