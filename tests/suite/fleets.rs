//! Fleets from the configuration to requests: the built program publishes to a real etcd, agents
//! bring it to real nginxes, and clients ask on fresh connections all the time.

#![cfg(all(feature = "nginx", feature = "dns", feature = "agent"))]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use portolan_test_support::Etcd;
use tempfile::TempDir;

use crate::program::{Project, Said, until};

const NGINX: &str = "/usr/sbin/nginx";

/// Whether tests with servers are left out on purpose.
fn is_skipped() -> bool {
    let skipped = std::env::var_os("PORTOLAN_SKIP_SERVERS").is_some_and(|value| value == "1");
    if skipped {
        eprintln!("skipped: PORTOLAN_SKIP_SERVERS is set, nginx is not run");
    }
    skipped
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port()
}

/// A server that answers everything with its name until it is dropped.
struct Backend {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
}

impl Backend {
    fn start(name: &'static str) -> Backend {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten().take_while(|_| !over.load(Ordering::SeqCst)) {
                let mut reader = BufReader::new(stream);
                let head = reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty());
                head.for_each(drop);
                let length = name.len();
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{name}");
                // Whoever asked may have gone.
                let _ = reader.get_mut().write_all(answer.as_bytes());
            }
        });
        Backend { address, is_over }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // The listener wakes up, and is closed.
        let _ = TcpStream::connect(self.address);
    }
}

/// The code and the body of an answer on a fresh connection.
fn ask(port: u16, host: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let code = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    code.zip(body).ok_or_else(|| std::io::Error::other(format!("no answer: {answer:?}")))
}

/// Clients that ask for a host again and again.
struct Load {
    is_over: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<Vec<String>>>,
}

impl Load {
    fn start(port: u16, host: &'static str) -> Load {
        let (is_over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let client = |_| {
            let (is_over, asked) = (is_over.clone(), asked.clone());
            std::thread::spawn(move || {
                let mut failed = Vec::new();
                while !is_over.load(Ordering::SeqCst) {
                    match ask(port, host) {
                        Ok((200, _)) => {}
                        other => failed.push(format!("{other:?}")),
                    }
                    asked.fetch_add(1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(2));
                }
                failed
            })
        };
        let clients = (0..4).map(client).collect();
        Load { is_over, asked, clients }
    }

    /// No request may have failed.
    fn end(self) {
        self.is_over.store(true, Ordering::SeqCst);
        let failed: Vec<String> =
            self.clients.into_iter().flat_map(|client| client.join().expect("a client")).collect();
        let asked = self.asked.load(Ordering::SeqCst);
        assert!(asked > 100, "only {asked} requests");
        assert!(failed.is_empty(), "{} of {asked} requests failed: {:?}", failed.len(), failed.first());
    }
}

/// A node: an nginx and its agent.
struct Node {
    name: &'static str,
    directory: TempDir,
    status: u16,
    agent: Option<Child>,
    nginx: Option<Child>,
    checker: PathBuf,
}

impl Node {
    fn new(name: &'static str) -> Node {
        let directory = tempfile::tempdir().expect("a directory");
        Node { name, directory, status: free_port(), agent: None, nginx: None, checker: NGINX.into() }
    }

    fn run_agent(&mut self, project: &Project, etcd: &Etcd) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.path("agent.log")).expect("a log");
        let directory = self.directory.path().to_str().expect("text").to_owned();
        let mut command = project.command(&["agent", "nginx", "--prefix", "/portolan/edge", "--node", self.name]);
        command.args(["--etcd", &etcd.endpoint(), "--directory", &directory]);
        command.arg("--nginx").arg(&self.checker).args(["--status", &format!("127.0.0.1:{}", self.status)]);
        let agent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        self.agent = Some(agent.expect("the agent starts"));
    }

    /// Starts nginx as soon as there is something to serve.
    fn run_nginx(&mut self) {
        until("there is something to serve", || self.path("current/nginx.conf").exists());
        let mut command = Command::new(NGINX);
        command.arg("-p").arg(self.directory.path()).args(["-c", "current/nginx.conf", "-g", "daemon off;"]);
        command.arg("-e").arg(self.path("error.log")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.nginx = Some(command.spawn().expect("nginx starts"));
        until("nginx says what it serves", || self.serves().is_some());
    }

    fn kill_agent(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            agent.kill().expect("the agent is killed");
            agent.wait().expect("the agent ends");
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("agent.log")).unwrap_or_default()
    }

    /// What nginx says that it serves.
    fn serves(&self) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.status)).ok()?;
        write!(stream, "GET /revision HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer.split_once("\r\n\r\n")?.1.to_owned())
    }

    fn link(&self, name: &str) -> String {
        let target = std::fs::read_link(self.path(name)).unwrap_or_default();
        target.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned()
    }

    /// Waits until the disk and the process are at the same revision.
    fn comes_to(&self, revision: u64) {
        let prefix = format!("{revision}-");
        let is_there = || {
            let (current, good, serves) = (self.link("current"), self.link("good"), self.serves());
            current.starts_with(&prefix) && good == current && serves.as_ref() == Some(&current)
        };
        let begun = std::time::Instant::now();
        while !is_there() {
            let told = (self.link("current"), self.link("good"), self.serves());
            assert!(begun.elapsed() < Duration::from_secs(60), "{} is at {told:?}:\n{}", self.name, self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(agent) = &mut self.agent {
            let _ = agent.kill();
            let _ = agent.wait();
        }
        if let Some(nginx) = &mut self.nginx {
            // Its quick way to stop takes its workers along.
            let _ = Command::new("kill").args(["-TERM", &nginx.id().to_string()]).status();
            let _ = nginx.wait();
        }
    }
}

/// A configuration of a fleet; `more` are further blocks and `hosts` those of its one sound route.
fn fleet(etcd: &Etcd, port: u16, backends: &[&Backend], settings: &str, more: &str) -> String {
    let addresses: Vec<String> = backends.iter().map(|backend| format!("\"{}\"", backend.address)).collect();
    format!(
        r#"
cluster "here" {{
  directory {{
    path = "out/here"
  }}
}}
application "shop" {{
  placement {{
    clusters = [cluster.here]
  }}
  external "web" {{
    addresses = [{addresses}]
  }}
}}
nginx "edge" {{
  version    = "1.22"
  addresses  = ["192.0.2.1"]
  listen     = ["127.0.0.1"]
  http_port  = {port}
  https_port = {tls}
  etcd {{
    endpoints = ["{endpoint}"]
    prefix    = "/portolan/edge"
    timeout   = "60s"
  }}
}}
route "shop" {{
  nginx = nginx.edge
  hosts = ["shop.example.com"]
  location "/" {{
    to = application.shop.external.web
    {settings}
  }}
}}
dns_zone "corp" {{
  name        = "example.com"
  nameservers = ["ns1"]
  directory {{
    path = "zones"
  }}
}}
dns_record "shop" {{
  zone   = dns_zone.corp
  name   = "shop"
  type   = "A"
  values = nginx.edge.addresses
}}
{more}
"#,
        addresses = addresses.join(", "),
        // Below the ports that others are given by the system.
        tls = port / 2,
        endpoint = etcd.endpoint(),
    )
}

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

/// Begins to apply what stands there.
fn begin(project: &Project) -> Child {
    let mut command = project.command(&["apply", "--auto-approve"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

/// All that was said, without the places where it is folded.
fn told(said: &Said) -> String {
    format!("{}{}", said.text, said.error_in_one_line())
}

fn apply(project: &Project, main: &str) -> Said {
    project.write("main.hcl", main);
    project.run(&["apply", "--auto-approve"])
}

fn applied(project: &Project, main: &str) {
    project.write("main.hcl", main);
    project.succeed(&["apply", "--auto-approve"]);
}

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

    // A port that somebody else holds is found by nobody before the reload.
    let held = TcpListener::bind("127.0.0.1:0").expect("a port");
    let elsewhere = held.local_addr().expect("an address").port();
    let refused = apply(&project, &fleet(&etcd, elsewhere, &[&one, &two], "", OTHER));
    assert!(told(&refused).contains("Address already in use"), "{}", refused.all());
    assert_eq!(node.link("current"), node.link("good"));
    assert!(node.link("current").starts_with("6-"));
    applied(&project, &main("timeout = \"40s\"", OTHER));
    node.comes_to(8);

    drop(two);
    std::thread::sleep(Duration::from_millis(500));
    load.end();
    project.succeed(&["destroy", "--auto-approve"]);
    assert!(matches!(ask(port, "shop.example.com"), Ok((200, _))), "what is published no more stays served");
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
    for round in 0..8_u64 {
        project.write("main.hcl", main(&etcd, 10 + round as usize));
        let applying = begin(&project);
        // Somewhere between before the publication and after the reload.
        std::thread::sleep(Duration::from_millis(100 + round * 97));
        if round % 2 == 0 {
            node.kill_agent();
            std::thread::sleep(Duration::from_millis(50));
            node.run_agent(&project, &etcd);
        } else {
            etcd.kill();
            std::thread::sleep(Duration::from_millis(200));
            etcd.run();
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
