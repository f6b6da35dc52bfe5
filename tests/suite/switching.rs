//! `portolan route switch`: the built program, a real etcd, a real nginx, and clients that ask all the
//! time.

use portolan_test_support::Etcd;

use crate::nodes::{Backend, Load, Node, ask, begin, fleet, free_port, is_skipped};
use crate::program::{Project, Said, until};

/// Who answers how often, of so many requests.
fn answers(port: u16, name: &str, requests: usize) -> usize {
    let is_by = |_: &usize| matches!(ask(port, "shop.example.com"), Ok((200, body)) if body == name);
    (0..requests).filter(is_by).count()
}

#[test]
fn requests_go_where_a_person_says_until_they_are_switched_back() {
    if is_skipped() {
        return;
    }
    let (etcd, port) = (Etcd::start(), free_port());
    let (one, two) = (Backend::start("one"), Backend::start("two"));
    let project = Project::new(fleet(&etcd, port, &[&one, &two], "", ""));
    let mut node = Node::new("a");
    node.run_agent(&project, &etcd);
    let applying = begin(&project);
    node.run_nginx();
    let applied = Said::of(&applying.wait_with_output().expect("ends"));
    assert!(applied.all().contains("Apply complete"), "{}\n{}", applied.all(), node.log());
    let before = std::fs::read_to_string(node.path("current/conf.d/shop.conf")).expect("a file");
    assert_eq!(answers(port, "two", 20), 10);

    let load = Load::start(port, "shop.example.com");
    let (first, second) = (one.address.to_string(), two.address.to_string());
    let why = ["--reason", "one is repaired", "--by", "joe", "--auto-approve"];
    let switch = |arguments: &[&str]| project.succeed(&[&["route", "switch", "shop"], arguments, &why[..]].concat());
    let said = switch(&["--to", &second]);
    assert!(said.text.contains(&format!("switched to {second} by joe: one is repaired")), "{}", said.text);
    assert!(!said.error.contains("may be incomplete"), "{}", said.error);
    until("all go to the second", || answers(port, "two", 20) == 20);
    // The next plans leave it so, and say so, and a change of something else does too.
    project.is_settled();
    let plan = project.succeed(&["plan"]).text;
    assert!(plan.contains("route.shop: switched to") && plan.contains("by joe: one is repaired (since "), "{plan}");
    project.write("main.hcl", fleet(&etcd, port, &[&one, &two], "timeout = \"30s\"", ""));
    project.succeed(&["apply", "--auto-approve"]);
    assert_eq!(answers(port, "two", 20), 20);
    let again = switch(&["--to", &second]);
    assert!(again.text.contains("No changes."), "{}", again.text);

    // A tenth, and then none of them.
    switch(&["--to", &first, "--weight", "10"]);
    until("a tenth goes to the first", || answers(port, "one", 50) == 5);
    project.is_settled();
    switch(&["--to", &second]);
    drop(one);
    until("all go to the second", || answers(port, "two", 20) == 20);
    load.end();

    project.write(
        "main.hcl",
        fleet(&etcd, port, &[&two], "", "")
            .replace(&format!("[\"{second}\"]"), &format!("[\"{first}\", \"{second}\"]")),
    );
    let said = switch(&["--back"]);
    assert!(said.text.contains("switched back by joe"), "{}", said.text);
    until("it is as it was", || {
        std::fs::read_to_string(node.path("current/conf.d/shop.conf")).is_ok_and(|text| text == before)
    });
    assert!(!project.succeed(&["plan"]).text.contains("switched"));
    project.is_settled();
}

#[test]
fn a_switch_that_cannot_be_is_refused_with_what_can_be() {
    let Some(project) = two_sites() else { return };
    project.succeed(&["apply", "--auto-approve"]);
    let refused = |arguments: &[&str], why: &str| {
        project.refused(&[&["route", "switch"], arguments, &["--auto-approve"]].concat(), why);
    };
    refused(&["shop", "--to", "nort"], "its backends are: north, south.");
    refused(&["shop", "--to", "nort"], "Did you mean --to north?");
    refused(&["shp", "--to", "north"], "routes: route.shop, route.sites[\"eu\"], route.sites[\"us\"].");
    refused(&["shp", "--to", "north"], "Did you mean shop?");
    refused(&["sites", "--to", "north"], "Several routes");
    refused(&["shop"], "--to");
    refused(&["shop", "--to", "north", "--back"], "cannot be used with");
    refused(&["shop", "--to", "north", "--weight", "0"], "0 is not in 1..=100");
    refused(&["shop", "--to", "north", "--by", "a\nb"], "A name is one line of text.");
}

/// A service in two sites behind a fleet in a directory.
fn two_sites() -> Option<Project> {
    let site = |name: &str, node: &str| {
        format!(
            "cluster \"{name}\" {{\n  node_addresses = [\"{node}\"]\n  directory {{\n    path = \"out/{name}\"\n  }}\n}}\n"
        )
    };
    let service = crate::live::service(
        "web",
        "shop/web:1",
        3,
        "  port \"http\" {\n    number = 8080\n    node_port = 30080\n  }",
    );
    let application = format!(
        "application \"shop\" {{\n  placement {{\n    clusters = [cluster.north, cluster.south]\n    strategy = \"weighted\"\n    weights = {{ north = 2, south = 1 }}\n  }}\n{service}}}\n"
    );
    let route = |name: &str, more: &str, host: &str| {
        format!(
            "route \"{name}\" {{\n{more}  nginx = nginx.edge\n  hosts = [{host}]\n  location \"/\" {{\n    to = application.shop.service.web\n  }}\n}}\n"
        )
    };
    let sites = "  for_each = toset([\"eu\", \"us\"])\n";
    Some(Project::new(format!(
        "{}{}{application}nginx \"edge\" {{\n  version = \"1.22\"\n  directory {{\n    path = \"out/edge\"\n  }}\n}}\n{}{}",
        site("north", "192.0.2.10"),
        site("south", "192.0.2.20"),
        route("shop", "", "\"shop.example.com\""),
        route("sites", sites, "\"${each.key}.example.com\"")
    )))
}

#[test]
fn sites_are_switched_and_a_route_that_goes_takes_its_switch_along() {
    let Some(project) = two_sites() else { return };
    project.succeed(&["apply", "--auto-approve"]);
    let conf = |name: &str| {
        let folder = std::fs::read_dir(project.path("out/edge/conf.d")).expect("a folder");
        let file = folder
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.file_name().and_then(|file| file.to_str()).is_some_and(|file| file.starts_with(name)));
        std::fs::read_to_string(file.expect("a file")).expect("text")
    };
    let (shop, eu) = (conf("shop"), conf("sites_eu"));
    assert!(shop.contains("192.0.2.10:30080 weight=2") && shop.contains("192.0.2.20:30080 weight=1"), "{shop}");

    // What else waits to be done in the clusters is left alone.
    let main = project.read("main.hcl");
    project.write("main.hcl", main.replace("shop/web:1", "shop/web:2"));
    project.succeed(&["route", "switch", "shop", "--to", "south", "--out", "later"]);
    let said = project.succeed(&["apply", "later"]);
    assert!(said.text.contains("1 changed") && !said.text.contains("deployment"), "{}", said.text);
    let line = |text: &str, address: &str| text.lines().find(|line| line.contains(address)).map(str::to_owned);
    assert!(line(&conf("shop"), "192.0.2.10").is_some_and(|line| line.contains("backup")), "{}", conf("shop"));
    assert!(line(&conf("shop"), "192.0.2.20").is_some_and(|line| !line.contains("backup")), "{}", conf("shop"));
    assert_eq!(conf("sites_eu"), eu, "another route");
    project.succeed(&["route", "switch", "sites[\"eu\"]", "--to", "north", "--weight", "50", "--auto-approve"]);
    assert!(
        conf("sites_eu").contains("192.0.2.10:30080 weight=1")
            && conf("sites_eu").contains("192.0.2.20:30080 weight=1")
    );
    project.succeed(&["route", "switch", "sites[\"eu\"]", "--back", "--auto-approve"]);
    assert_eq!(conf("sites_eu"), eu);

    // Where the backend is gone, the route goes on without it, and everybody is told.
    let without =
        project.read("main.hcl").replace("cluster.north, cluster.south", "cluster.north").replace(", south = 1", "");
    project.write("main.hcl", without);
    let said = project.succeed(&["apply", "--auto-approve"]);
    assert!(said.error_in_one_line().contains("route.shop has no backend south"), "{}", said.error);
    assert!(!conf("shop").contains("backup"));
    let main = project.read("main.hcl");
    let from = main.find("route \"shop\"").expect("the route");
    let to = main.find("route \"sites\"").expect("the other one");
    project.write("main.hcl", format!("{}{}", &main[..from], &main[to..]));
    let said = project.succeed(&["apply", "--auto-approve"]);
    assert!(said.text.contains("switch of route.shop: no longer needed"), "{}", said.text);
    project.is_settled();
    assert!(!project.succeed(&["plan"]).text.contains("switch"));
}
