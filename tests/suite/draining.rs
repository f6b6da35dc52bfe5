//! `portolan cluster drain` and `portolan cluster restore`.

use std::collections::BTreeMap;

use crate::program::{Project, Said};

/// Three clusters, a service that can move, one that is bound by volumes, and a route.
fn shop() -> Project {
    let cluster = |name: &str, node: u8| {
        format!(
            "cluster \"{name}\" {{\n  node_addresses = [\"192.0.2.{node}\"]\n  directory {{\n    path = \"out/{name}\"\n  }}\n}}\n"
        )
    };
    let web = "  port \"http\" {\n    number = 8080\n    node_port = 30080\n  }\n  health {\n    path = \"/\"\n    port = \"http\"\n  }";
    let web = crate::live::service("web", "shop/web:1", 8, web);
    let store = "  kind = \"stateful_set\"\n  volume \"data\" {\n    path = \"/data\"\n    size = \"1Gi\"\n  }";
    let store = crate::live::service("store", "shop/store:1", 3, store);
    let placement = "  placement {\n    clusters = [cluster.a, cluster.b, cluster.c]\n    strategy = \"weighted\"\n    weights = { a = 4, b = 2, c = 2 }\n  }\n";
    let route = "nginx \"edge\" {\n  version = \"1.22\"\n  directory {\n    path = \"out/edge\"\n  }\n}\nroute \"shop\" {\n  nginx = nginx.edge\n  hosts = [\"shop.example.com\"]\n  location \"/\" {\n    to = application.shop.service.web\n  }\n}\n";
    let application = format!("application \"shop\" {{\n{placement}{web}{store}}}\n");
    let project =
        Project::new(format!("{}{}{}{application}{route}", cluster("a", 1), cluster("b", 2), cluster("c", 3)));
    project.succeed(&["apply", "--auto-approve"]);
    project
}

/// How many replicas of `web` each cluster is to run.
fn replicas(project: &Project) -> BTreeMap<&'static str, u32> {
    let number = |name: &&'static str| {
        let file = project.path(&format!("out/{name}/shop/deployment-web.yaml"));
        let text = std::fs::read_to_string(file).ok()?;
        let line = text.lines().find_map(|line| line.trim().strip_prefix("replicas: ").map(str::to_owned))?;
        Some((*name, line.parse().expect("a number")))
    };
    ["a", "b", "c"].iter().filter_map(number).collect()
}

/// Whether requests are sent to a node.
fn is_served_by(project: &Project, node: &str) -> bool {
    let files = project.files("out/edge/conf.d");
    files.values().any(|text| String::from_utf8_lossy(text).contains(&format!("{node}:30080")))
}

/// Where something is said first.
#[track_caller]
fn at(said: &Said, what: &str) -> usize {
    said.text.find(what).unwrap_or_else(|| panic!("{what:?} is not in\n{}", said.all()))
}

#[test]
fn a_drained_cluster_gives_its_replicas_to_the_others_and_gets_them_back() {
    let project = shop();
    let before = project.files("out");
    assert_eq!(replicas(&project), BTreeMap::from([("a", 4), ("b", 2), ("c", 2)]));

    let said = project.succeed(&["cluster", "drain", "a", "--reason", "new kernel", "--by", "joe", "--auto-approve"]);
    assert_eq!(replicas(&project), BTreeMap::from([("b", 4), ("c", 4)]));
    assert!(!is_served_by(&project, "192.0.2.1") && is_served_by(&project, "192.0.2.2"));
    // The others first, then the traffic, and only then what nobody uses any more.
    let (other, gone) = (at(&said, "web/deployment@b: changed"), at(&said, "web/deployment@a: deleted"));
    let traffic = at(&said, "route.shop/");
    assert!(other < gone && traffic < gone, "{}", said.all());
    // What is bound to the cluster stays there.
    assert!(project.path("out/a/shop/statefulset-store.yaml").exists());

    // The next plans leave it so, and say why.
    project.is_settled();
    let plan = project.succeed(&["plan"]).text;
    assert!(plan.contains("cluster.a: drained by joe: new kernel (since "), "{plan}");
    let again = project.succeed(&["cluster", "drain", "a", "--auto-approve"]);
    assert!(again.text.contains("No changes."), "{}", again.all());

    // What comes back first, then the traffic, and only then what stood in for it.
    let said = project.succeed(&["cluster", "restore", "cluster.a", "--auto-approve"]);
    let (back, traffic) = (at(&said, "web/deployment@a: created"), at(&said, "route.shop/"));
    for stood_in in ["web/deployment@b: changed", "web/deployment@c: changed"] {
        let gives = at(&said, stood_in);
        assert!(back < gives && traffic < gives, "{}", said.all());
    }
    assert_eq!(project.files("out"), before, "exactly what was");
    assert!(!project.succeed(&["plan"]).text.contains("drained"));
    project.is_settled();
}

#[test]
fn nothing_is_asked_of_a_cluster_that_is_given_up_for_lost() {
    let project = shop();
    let before = project.files("out");
    // It is no directory any more, so that it can neither be read nor written.
    std::fs::rename(project.path("out/a"), project.path("away")).expect("moves");
    project.write("out/a", "");
    assert_eq!(project.run(&["plan"]).code, Some(1));

    project.succeed(&["cluster", "drain", "a", "--lost", "--reason", "fire", "--out", "later"]);
    assert_eq!(replicas(&project), BTreeMap::from([("b", 2), ("c", 2)]));
    project.succeed(&["apply", "later"]);
    assert_eq!(replicas(&project), BTreeMap::from([("b", 4), ("c", 4)]));
    assert!(!is_served_by(&project, "192.0.2.1"));
    project.is_settled();
    assert!(project.succeed(&["plan"]).text.contains("cluster.a: given up for lost by "));

    // It is back, with what it ran before: that is taken away first, and then it takes part again.
    std::fs::remove_file(project.path("out/a")).expect("removes");
    std::fs::rename(project.path("away"), project.path("out/a")).expect("moves");
    assert_eq!(replicas(&project)["a"], 4);
    project.succeed(&["cluster", "drain", "a", "--auto-approve"]);
    assert_eq!(replicas(&project), BTreeMap::from([("b", 4), ("c", 4)]));
    project.succeed(&["cluster", "restore", "a", "--auto-approve"]);
    assert_eq!(project.files("out"), before);
    project.is_settled();
}

#[test]
fn a_cluster_that_is_not_declared_is_told() {
    let project = shop();
    project.refused(&["cluster", "drain", "aa", "--auto-approve"], "There is no cluster \"aa\"");
    project.refused(&["cluster", "drain", "a", "--reason", "two\nlines"], "A reason is one line of text.");
    // The decision goes with the cluster.
    project.succeed(&["cluster", "drain", "c", "--auto-approve"]);
    let main = project.read("main.hcl").replace("cluster.b, cluster.c]", "cluster.b]").replace(", c = 2", "");
    let (start, rest) = main.split_once("cluster \"c\"").expect("the cluster");
    let (_, rest) = rest.split_once("application").expect("what follows");
    project.write("main.hcl", format!("{start}application{rest}"));
    project.succeed(&["apply", "--auto-approve"]);
    assert!(!project.succeed(&["plan"]).text.contains("cluster.c"));
}
