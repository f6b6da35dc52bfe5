//! Routes to containers: the built program, real clusters, a real etcd, a real nginx, and clients that
//! ask all the time. The pods of the clusters are hollow and never ready; what stands in for them
//! are servers at an address of this machine, in slices of their own.

use std::collections::BTreeSet;
use std::net::{IpAddr, UdpSocket};
use std::process::Child;
use std::time::Duration;

use etcd_client::{Client, GetOptions};
use portolan_test_support::{Etcd, Proxy};
use serde_json::json;

use crate::live::{Live, service};
use crate::nodes::{self, Backend, Chance, Load, Node, ask, begin, free_port};
use crate::program::{Project, Said, until};

/// An address of this machine that is none of the loopback's, which clusters do not take.
fn own_address() -> IpAddr {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    // Nothing is sent.
    socket.connect("192.0.2.254:9").expect("a route");
    socket.local_addr().expect("an address").ip()
}

fn web() -> String {
    let rest = "  drain = \"5s\"\n  port \"http\" {\n    number = 8080\n  }\n  health {\n    command = [\"true\"]\n  }\n  rollout {\n    wait = false\n  }";
    service("web", "shop/web:unready", 2, rest)
}

/// What makes nginx follow pods without a reload.
const LUA: &str =
    r#"load_modules = ["/usr/lib/nginx/modules/ndk_http_module.so", "/usr/lib/nginx/modules/ngx_http_lua_module.so"]"#;

const STREAM: &str = r#"load_modules = ["/usr/lib/nginx/modules/ngx_stream_module.so"]"#;

/// A port whose connections go to the same service.
fn stream(port: u16) -> String {
    format!(
        "stream \"raw\" {{\n  nginx = nginx.edge\n  listen = {port}\n  to = application.shop.service.web\n  connect_timeout = \"1s\"\n}}\n"
    )
}

/// The fleet, with more said of it, and a route to the service.
fn edge(etcd: &Etcd, port: u16, more: &str) -> String {
    let route = r#"
route "shop" {
  nginx = nginx.edge
  hosts = ["shop.example.com"]
  location "/" {
    to              = application.shop.service.web
    connect_timeout = "1s"
  }
}
"#;
    nodes::edge(etcd, port, more) + route
}

/// The publisher. It is killed with this.
struct Publisher(Child);

impl Publisher {
    fn start(project: &Project) -> Publisher {
        let log = project.path("endpoints.log");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log).expect("a log");
        let mut command = project.command(&["endpoints"]);
        Publisher(command.stdout(std::process::Stdio::null()).stderr(log).spawn().expect("the publisher starts"))
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Lets a cluster say that a server is a pod of the service.
fn tell(live: &Live, cluster: &str, name: &str, backend: &Backend, is_ready: bool) {
    let versions = live.kubectl(cluster).text(&["api-versions"]);
    let is_new = versions.lines().any(|version| version == "discovery.k8s.io/v1");
    let slice = json!({
        "apiVersion": if is_new { "discovery.k8s.io/v1" } else { "discovery.k8s.io/v1beta1" },
        "kind": "EndpointSlice",
        "metadata": {
            "name": format!("test-{name}"),
            "labels": { "kubernetes.io/service-name": "web", "endpointslice.kubernetes.io/managed-by": "test" },
        },
        "addressType": "IPv4",
        "ports": [{ "name": "http", "port": backend.address.port(), "protocol": "TCP" }],
        "endpoints": [{ "addresses": [backend.address.ip().to_string()], "conditions": { "ready": is_ready } }],
    });
    live.kubectl(cluster).apply(&slice.to_string());
}

fn forget(live: &Live, cluster: &str, name: &str) {
    live.kubectl(cluster).text(&["delete", "endpointslice", &format!("test-{name}")]);
}

/// The servers that nginx has for the service.
fn served(node: &Node) -> BTreeSet<String> {
    let text = std::fs::read_to_string(node.path("good/endpoints.d/shop_web_http.conf")).unwrap_or_default();
    if !text.contains("balancer_by_lua_block") {
        return text.lines().filter_map(|line| line.split(' ').nth(1).map(str::to_owned)).collect();
    }
    let table = std::fs::read_to_string(node.path("pods.table")).unwrap_or_default();
    let line = table.lines().find(|line| line.starts_with("shop_web_http-")).unwrap_or_default();
    let address = |word: &str| word.split('|').take(2).collect::<Vec<_>>().join(":");
    line.split(' ').filter(|word| word.contains('|')).map(address).collect()
}

fn addresses(backends: &[&Backend]) -> BTreeSet<String> {
    backends.iter().map(|backend| backend.address.to_string()).collect()
}

/// What stands in etcd of pods.
fn stored(etcd: &Etcd) -> Vec<(String, String)> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut client = Client::connect([etcd.endpoint()], None).await.expect("a client");
        let below = GetOptions::new().with_prefix();
        let answer = client.get("/portolan/edge/endpoints/", Some(below)).await.expect("an answer");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        answer.kvs().iter().map(|found| (text(found.key()), text(found.value()))).collect()
    })
}

#[test]
fn containers_are_reached_where_they_are_and_no_request_fails() {
    let Some(live) = Live::new(&["a", "b"], &web()) else { return };
    let proxy = Proxy::before(live.cluster("b"));
    live.reach(&[("a", live.cluster("a").kubeconfig()), ("b", &proxy.kubeconfig())]);
    let (etcd, port, host) = (Etcd::start(), free_port(), own_address());
    live.write("edge.hcl", edge(&etcd, port, LUA));
    let mut node = Node::new("n");
    node.run_agent(&live, &etcd);
    let applying = begin(&live);
    node.run_nginx();
    until("it is told that addresses are missing", || node.log().contains("`portolan endpoints` tells them"));
    let publisher = Publisher::start(&live);
    until("it is told that nobody is ready", || node.log().contains("takes requests yet"));
    assert!(
        !live.path("zones/example.com.zone").exists() || !live.read("zones/example.com.zone").contains("192.0.2.1")
    );

    // The route is served, and the name published, once there is somebody.
    let (one, two, three) =
        (Backend::start_at(host, "one"), Backend::start_at(host, "two"), Backend::start_at(host, "three"));
    tell(&live, "a", "one", &one, true);
    let applied = Said::of(&applying.wait_with_output().expect("ends"));
    assert!(applied.all().contains("Apply complete"), "{}\n{}", applied.all(), node.log());
    assert!(live.read("zones/example.com.zone").contains("192.0.2.1"));
    assert!(matches!(ask(port, "shop.example.com"), Ok((200, body)) if body == "one"));
    live.is_settled();

    let load = Load::start(port, "shop.example.com");
    let (workers, release) = (node.workers(), node.link("good"));
    tell(&live, "a", "two", &two, true);
    tell(&live, "b", "three", &three, true);
    until("all are asked", || served(&node) == addresses(&[&one, &two, &three]));
    live.is_settled();
    // One that is told to stop is asked no more before it does.
    tell(&live, "a", "one", &one, false);
    until("it is left out", || served(&node) == addresses(&[&two, &three]));
    std::thread::sleep(Duration::from_millis(500));
    drop(one);

    assert_eq!((node.workers(), node.link("good")), (workers, release), "nginx was reloaded");

    // A cluster that does not answer keeps what was known of it, also for a new publisher.
    proxy.close();
    drop(publisher);
    let publisher = Publisher::start(&live);
    let four = Backend::start_at(host, "four");
    tell(&live, "a", "four", &four, true);
    until("the other one goes on", || served(&node) == addresses(&[&two, &three, &four]));
    // It can be led away from by hand.
    live.succeed(&["route", "switch", "shop", "--to", "a", "--auto-approve"]);
    let is_asked = |name: &str| (0..20).any(|_| matches!(ask(port, "shop.example.com"), Ok((_, body)) if body == name));
    until("b stands by", || !is_asked("three"));
    live.succeed(&["route", "switch", "shop", "--back", "--auto-approve"]);
    until("b is asked", || is_asked("three"));
    proxy.open();
    forget(&live, "b", "three");
    until("it is known again", || served(&node) == addresses(&[&two, &four]));
    // One that is lost, and nobody says so.
    drop(four);
    std::thread::sleep(Duration::from_secs(1));
    drop(three);
    load.end();

    // Where a cluster says that there is nobody, nobody is asked in their place.
    forget(&live, "a", "two");
    forget(&live, "a", "four");
    until("nobody is left", || matches!(ask(port, "shop.example.com"), Ok((502, _))));
    let stopped = live.run(&["stop", "shop", "--auto-approve"]);
    assert_eq!(stopped.code, Some(0), "{}", stopped.all());
    drop(publisher);
}

#[test]
fn after_kills_of_the_publisher_all_agree() {
    let Some(live) = Live::new(&["a"], &web()) else { return };
    let (etcd, port, host) = (Etcd::start(), free_port(), own_address());
    let raw = free_port();
    live.write("edge.hcl", edge(&etcd, port, STREAM) + &stream(raw));
    let mut node = Node::new("n");
    node.run_agent(&live, &etcd);
    let mut backends = vec![Backend::start_at(host, "web"), Backend::start_at(host, "web")];
    let applying = begin(&live);
    node.run_nginx();
    let mut publisher = Publisher::start(&live);
    until("the service is there", || live.kubectl("a").run(&["get", "service", "web"]).succeeded());
    tell(&live, "a", "0", &backends[0], true);
    tell(&live, "a", "1", &backends[1], true);
    let applied = Said::of(&applying.wait_with_output().expect("ends"));
    assert!(applied.all().contains("Apply complete"), "{}\n{}", applied.all(), node.log());
    let load = Load::start(port, "shop.example.com");
    let mut chance = Chance::new();
    for round in 0..8_usize {
        let new = Backend::start_at(host, "web");
        tell(&live, "a", &format!("{}", round + 2), &new, true);
        backends.push(new);
        forget(&live, "a", &round.to_string());
        chance.sleep(Duration::from_millis(600));
        drop(publisher);
        if round % 2 == 0 {
            node.kill_agent();
            node.run_agent(&live, &etcd);
        }
        publisher = Publisher::start(&live);
    }
    let last: Vec<&Backend> = backends.iter().rev().take(2).collect();
    until("nginx has what is there", || served(&node) == addresses(&last));
    let keys = stored(&etcd);
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert!(last.iter().all(|backend| keys[0].1.contains(&backend.address.to_string())), "{keys:?}");
    assert_eq!(node.serves(), Some(node.link("good")));
    load.end();
    // A stream reaches the same pods.
    until("the stream has them too", || matches!(ask(raw, "any"), Ok((200, body)) if body == "web"));
    let servers = std::fs::read_to_string(node.path("good/endpoints.d/stream.raw_web_http.conf")).expect("a file");
    assert!(last.iter().all(|backend| servers.contains(&backend.address.to_string())), "{servers}");

    // What nobody needs any more goes from etcd.
    let text = live.read("edge.hcl").replace(&stream(raw), "");
    live.write(
        "edge.hcl",
        text.replace("to              = application.shop.service.web", "redirect = \"https://example.net\""),
    );
    live.succeed(&["apply", "--auto-approve"]);
    until("it is gone from etcd", || stored(&etcd).is_empty());
}
