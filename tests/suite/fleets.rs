//! Fleets from the configuration to requests: the built program publishes to a real etcd, agents
//! bring it to real nginxes, and clients ask on fresh connections all the time.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portolan_test_support::Etcd;

use crate::nodes::{
    Backend, Chance, Load, NGINX, Node, applied, apply, ask, begin, fleet, free_port, is_root, is_skipped, told,
};
use crate::program::{Project, Said, until};

const BAD: &str = r#"
route "bad" {
  nginx = nginx.edge
  hosts = ["bad.example.com"]
  tls {
    certificate = "no certificate"
    key         = "no key"
  }
  location "/" {
    redirect = "https://example.net"
  }
}
"#;

const OTHER: &str = r#"
route "other" {
  nginx = nginx.edge
  hosts = ["other.example.com"]
  location "/" {
    redirect = "https://example.net"
  }
}
"#;

#[test]
fn what_is_published_is_served_and_no_request_fails() {
    if is_skipped() {
        return;
    }
    let (etcd, port) = (Etcd::start(), free_port());
    let (one, two) = (Backend::start("one"), Backend::start("two"));
    let main = |settings: &str, more: &str| fleet(&etcd, port, &[&one, &two], settings, more);
    let project = Project::new(main("", ""));
    let mut node = Node::new("a");
    node.run_agent(&project, &etcd);
    // The name waits for the fleet, and the fleet for its agent, which waits for nginx.
    let applying = begin(&project);
    node.run_nginx();
    let applied_first = Said::of(&applying.wait_with_output().expect("ends"));
    assert!(applied_first.all().contains("Apply complete"), "{}\n{}", applied_first.all(), node.log());
    assert!(project.read("zones/example.com.zone").contains("192.0.2.1"));
    node.comes_to(1);
    project.is_settled();

    let load = Load::start(port, "shop.example.com");
    for (number, timeout) in (2..).zip(["10s", "20s", "30s"]) {
        applied(&project, &main(&format!("timeout = \"{timeout}\""), ""));
        node.comes_to(number);
    }

    // One route is bad: it is not served, what else changed is, and everybody is told.
    let bad = apply(&project, &main("timeout = \"40s\"", &format!("{BAD}{OTHER}")));
    assert!(told(&bad).contains("a: route.bad stays as it was: [emerg] cannot load certificate"), "{}", bad.all());
    until("the others are served", || matches!(ask(port, "other.example.com"), Ok((302, _))));
    assert!(node.serves().expect("serves").starts_with("5-"), "{:?}", node.serves());
    assert!(project.run(&["status"]).all().contains("route.bad stays as it was"));
    applied(&project, &main("timeout = \"40s\"", OTHER));
    node.comes_to(6);

    // A port that somebody else holds is found before nginx is told to take it.
    let held = TcpListener::bind("127.0.0.1:0").expect("a port");
    let elsewhere = held.local_addr().expect("an address").port();
    let moved = fleet(&etcd, elsewhere, &[&one, &two], "", OTHER);
    let refused = apply(&project, &moved);
    let why = format!("another program holds 127.0.0.1:{elsewhere}: Address already in use");
    assert!(told(&refused).contains(&why), "{}", refused.all());
    assert_eq!(node.link("current"), node.link("good"));
    assert!(matches!(ask(port, "shop.example.com"), Ok((200, _))));
    let words = std::fs::read_to_string(node.path("error.log")).expect("a log");
    assert!(!words.contains("Address already in use"), "nginx has tried: {words}");
    applied(&project, &main("timeout = \"40s\"", OTHER));
    node.comes_to(8);

    drop(two);
    std::thread::sleep(Duration::from_millis(500));
    load.end();
    // Once the port is free, it is taken without another word.
    assert!(told(&apply(&project, &moved)).contains(&why));
    drop(held);
    until("the port is taken", || matches!(ask(elsewhere, "shop.example.com"), Ok((200, _))));
    project.succeed(&["apply", "--auto-approve"]);
    project.succeed(&["destroy", "--auto-approve"]);
    assert!(matches!(ask(elsewhere, "shop.example.com"), Ok((200, _))), "what is published no more stays served");
}

#[test]
fn after_kills_the_disk_the_process_and_the_report_are_at_what_is_published() {
    if is_skipped() {
        return;
    }
    let (mut etcd, port) = (Etcd::start(), free_port());
    let one = Backend::start("one");
    let main = |etcd: &Etcd, seconds: usize| fleet(etcd, port, &[&one], &format!("timeout = \"{seconds}s\""), "");
    let project = Project::new(main(&etcd, 1));
    let mut node = Node::new("a");
    node.run_agent(&project, &etcd);
    let applying = begin(&project);
    node.run_nginx();
    applying.wait_with_output().expect("ends");
    let load = Load::start(port, "shop.example.com");
    let mut chance = Chance::new();
    for round in 0..9 {
        project.write("main.hcl", main(&etcd, 10 + round));
        let mut applying = begin(&project);
        // Somewhere between before the publication and after the reload.
        chance.sleep(Duration::from_secs(1));
        match round % 3 {
            0 => {
                node.kill_agent();
                chance.sleep(Duration::from_millis(100));
                node.run_agent(&project, &etcd);
            }
            1 => {
                etcd.kill();
                chance.sleep(Duration::from_millis(400));
                etcd.run();
            }
            // It may have ended by itself.
            _ => drop(applying.kill()),
        }
        // What could not be done is done by the next one.
        applying.wait_with_output().expect("ends");
    }
    applied(&project, &main(&etcd, 99));
    let serves = node.serves().expect("serves");
    assert_eq!((node.link("current"), node.link("good")), (serves.clone(), serves));
    assert!(std::fs::read_to_string(node.path("current/conf.d/shop.conf")).expect("a file").contains("99s"));
    load.end();
    project.is_settled();
}

#[test]
fn an_agent_refuses_to_be_root_unless_it_is_told() {
    let project = Project::new("");
    let directory = project.path("node").display().to_string();
    let agent = ["agent", "nginx", "--etcd", "http://127.0.0.1:1", "--prefix", "/p", "--directory", &directory];
    let mut command = project.command(&agent);
    command.args(["--nginx", "/nowhere/nginx"]);
    let said = |mut command: std::process::Command| Said::of(&command.output().expect("the agent starts"));
    if !is_root() {
        // It comes so far as to look for nginx.
        assert!(said(command).error_in_one_line().contains("/nowhere/nginx"));
        return;
    }
    let refused = said(command);
    assert_eq!(refused.code, Some(1), "{}", refused.all());
    assert!(refused.error_in_one_line().contains("does not work as root"), "{}", refused.all());
    assert!(refused.error_in_one_line().contains("CAP_NET_BIND_SERVICE"), "{}", refused.all());
    assert!(!project.path("node").exists(), "it did something");
    let mut allowed = project.command(&agent);
    allowed.args(["--nginx", "/nowhere/nginx", "--allow-root"]);
    assert!(said(allowed).error_in_one_line().contains("/nowhere/nginx"));
}

/// A program that takes no tree at all.
fn refusing(directory: &Path) -> PathBuf {
    let path = directory.join("refusing");
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = -t ]; then echo 'nginx: [emerg] not this' >&2; exit 1; fi\nexec {NGINX} \"$@\"\n"
    );
    std::fs::write(&path, script).expect("writes");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&path, mode).expect("may be run");
    path
}

#[test]
fn one_node_goes_first_and_the_others_follow_only_where_it_takes_it() {
    if is_skipped() {
        return;
    }
    let (etcd, port) = (Etcd::start(), free_port());
    let one = Backend::start("one");
    let main = |settings: &str| fleet(&etcd, port, &[&one], settings, "");
    let project = Project::new(main(""));
    let (mut first, mut second) = (Node::new("a"), Node::new("b"));
    first.checker = refusing(first.directory.path());
    first.run_agent(&project, &etcd);
    second.run_agent(&project, &etcd);
    let applying = begin(&project);
    // A node that serves nothing waits for nobody.
    second.run_nginx();
    second.comes_to(1);
    let first_time = Said::of(&applying.wait_with_output().expect("ends"));
    assert!(told(&first_time).contains("a: [emerg] not this"), "{}", first_time.all());
    let second_time = apply(&project, &main("timeout = \"10s\""));
    assert!(told(&second_time).contains("a: [emerg] not this"), "{}", second_time.all());
    until("b is told", || second.log().contains("revision 2: waiting: a did not take it"));
    second.comes_to(1);
    assert!(project.run(&["status"]).all().contains("a did not take it"));
    // Whoever is gone holds nobody up.
    first.kill_agent();
    second.comes_to(2);
    project.succeed(&["apply", "--auto-approve"]);
    project.is_settled();
}
