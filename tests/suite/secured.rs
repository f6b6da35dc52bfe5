//! A fleet over three members of etcd that speak TLS, ask for certificates, and know users with the roles of
//! docs/fleets.md; one member after the other is killed in the middle.

use std::process::Command;
use std::time::Duration;

use portolan_test_support::{Etcd, tools};

use crate::nodes::{Backend, Chance, Load, Node, begin, fleet, free_port, is_skipped};
use crate::program::{Project, Said, until};

/// Members of a cluster, of which users may do what the page about fleets says.
struct Members([Etcd; 3]);

impl Members {
    fn start() -> Members {
        let members = Members(Etcd::three_with_tls());
        members.control("user add root:root's");
        members.control("user grant-role root root");
        let page = include_str!("../../docs/fleets.md");
        let commands: Vec<&str> = page.lines().filter_map(|line| line.trim().strip_prefix("etcdctl ")).collect();
        assert_eq!(commands.iter().filter(|command| command.starts_with("role add")).count(), 4, "{commands:?}");
        commands.iter().for_each(|command| members.control(command));
        for user in ["publisher", "node", "endpoints", "looker"] {
            members.control(&format!("user add {user}:{user}'s"));
            members.control(&format!("user grant-role {user} {user}"));
        }
        members.control("auth enable");
        members
    }

    fn endpoints(&self) -> [String; 3] {
        self.0.each_ref().map(Etcd::endpoint)
    }

    fn file(&self, name: &str) -> String {
        self.0[0].file(name).display().to_string()
    }

    fn control(&self, command: &str) {
        let mut etcdctl = Command::new("etcdctl");
        etcdctl.env("ETCDCTL_API", "3").args(["--endpoints", &self.endpoints().join(",")]);
        etcdctl.args(["--cacert", &self.file("ca.crt"), "--cert", &self.file("client.crt")]);
        let output = tools::run(etcdctl.args(["--key", &self.file("client.key")]).args(command.split(' ')));
        assert!(output.status.success(), "{command}: {}", tools::said(&output));
    }

    /// How the publisher reaches them, in place of what a fleet says of one.
    fn reached_by(&self, text: &str) -> String {
        let one = format!("endpoints = [\"{}\"]", self.0[0].endpoint());
        assert!(text.contains(&one), "{text}");
        let endpoints = self.endpoints().map(|endpoint| format!("\"{endpoint}\"")).join(", ");
        let ways = format!(
            "endpoints = [{endpoints}]\n    username = var.user\n    password = var.password\n    certificate_authority = \
             file(\"{}\")\n    client_certificate = file(\"{}\")\n    client_key = file(\"{}\")",
            self.file("ca.crt"),
            self.file("client.crt"),
            self.file("client.key")
        );
        text.replace(&one, &ways) + VARIABLES
    }

    /// How the agent reaches them.
    fn ways(&self, password: &str) -> Vec<String> {
        let endpoints = self.endpoints().into_iter().flat_map(|endpoint| ["--etcd".to_owned(), endpoint]);
        let files = [("--ca", "ca.crt"), ("--cert", "client.crt"), ("--key", "client.key")];
        let files = files.into_iter().flat_map(|(option, file)| [option.to_owned(), self.file(file)]);
        let user = ["--user", "node", "--password-file", password].map(str::to_owned);
        endpoints.chain(files).chain(user).collect()
    }
}

const VARIABLES: &str = r#"
variable "user" {
  default = "publisher"
}
variable "password" {
  default   = "publisher's"
  sensitive = true
}
"#;

#[test]
fn whichever_member_is_lost_nothing_is_lost_and_no_request_fails() {
    if is_skipped() {
        return;
    }
    let (mut members, port) = (Members::start(), free_port());
    let one = Backend::start("one");
    let main = |members: &Members, seconds: usize| {
        members.reached_by(&fleet(&members.0[0], port, &[&one], &format!("timeout = \"{seconds}s\""), ""))
    };
    let project = Project::new(main(&members, 1));
    project.write("password", "node's\n");
    let mut node = Node::new("a");
    node.run_agent_with(&project, &members.ways(project.path("password").to_str().expect("text")));
    let applying = begin(&project);
    node.run_nginx();
    let said = Said::of(&applying.wait_with_output().expect("ends"));
    assert!(said.all().contains("Apply complete"), "{}\n{}", said.all(), node.log());
    node.comes_to(1);
    project.is_settled();

    // Who may only look changes nothing.
    project.write("main.hcl", main(&members, 2));
    project.refused(&["apply", "--auto-approve", "--var=user=looker", "--var=password=looker's"], "permission denied");
    project.refused(&["plan", "--var=password=wrong"], "invalid user ID or password");

    let load = Load::start(port, "shop.example.com");
    let mut chance = Chance::new();
    for round in 0..6 {
        project.write("main.hcl", main(&members, 10 + round));
        let applying = begin(&project);
        chance.sleep(Duration::from_secs(1));
        // Whoever leads them, it is its turn at some time.
        members.0[round % 3].kill();
        let said = Said::of(&applying.wait_with_output().expect("ends"));
        // What was in the hands of the one that was lost may be told as not done, and is done by the next one.
        if said.code != Some(0) {
            eprintln!("round {round}: {}", said.all());
            project.succeed(&["apply", "--auto-approve"]);
        }
        // An apply whose change was published by the one that failed does not wait for it.
        let served = || std::fs::read_to_string(node.path("good/conf.d/shop.conf")).unwrap_or_default();
        until(&format!("round {round} is served"), || served().contains(&format!("{}s", 10 + round)));
        members.0[round % 3].run();
    }
    until("the disk and the process are at the same", || {
        let serves = node.serves();
        serves.is_some()
            && [node.link("current"), node.link("good")].into_iter().all(|link| serves.as_ref() == Some(&link))
    });
    project.is_settled();
    let status = project.succeed(&["status"]);
    assert!(status.all().contains("1/1"), "{}", status.all());
    load.end();
    for log in [node.log(), said.all()] {
        assert!(!log.contains("node's") && !log.contains("publisher's"), "{log}");
    }
}
