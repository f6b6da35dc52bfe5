//! Pods that come and go behind an nginx with Lua: it is not reloaded, and no request fails.
//!
//! The tree is published as `portolan apply` does and the addresses as `portolan endpoints` does, by
//! their own library, so that there can be more changes than clusters make. One node has Lua and one
//! has not; both serve the same.

#![cfg(feature = "nginx")]

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use etcd_client::Client;
use portolan_fleet::{Addresses, Entry, Manifest, Prefix, Release, Store};
use portolan_test_support::Etcd;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::nodes::{Backend, Load, NGINX, Node, ask, free_port, is_skipped};
use crate::program::{Project, until};

/// What Debian's package loads.
const LUA: &str = "load_module /usr/lib/nginx/modules/ndk_http_module.so; load_module /usr/lib/nginx/modules/ngx_http_lua_module.so; ";

/// An nginx with Lua, as one that has it built in.
fn with_lua(directory: &Path) -> PathBuf {
    let path = directory.join("nginx-with-lua");
    let script = format!("#!/bin/sh\nexec {NGINX} -g '{LUA}' \"$@\"\n");
    std::fs::write(&path, script).expect("writes");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&path, mode).expect("may be run");
    path
}

/// What is published, and who publishes it.
struct World {
    runtime: Runtime,
    store: Store,
    revision: u64,
}

impl World {
    fn new(etcd: &Etcd) -> World {
        let runtime = Runtime::new().expect("a runtime");
        let client = runtime.block_on(Client::connect([etcd.endpoint()], None)).expect("a client");
        World { runtime, store: Store::new(client, Prefix::new("/portolan/edge").expect("a prefix")), revision: 0 }
    }

    /// A tree with a server on a port whose pods are those of the service `web` in the cluster `a`, by
    /// weights also those in `b`.
    fn publish(&mut self, port: u16, weights: [u64; 2], max_fails: u32) {
        self.revision += 1;
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path temp_{name};\n"))
            .concat();
        let main = format!(
            "worker_processes 2;\npid nginx.pid;\nerror_log error.log warn;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}\
             include conf.d/*.conf;\ninclude agent.d/*.conf;\n}}\n"
        );
        let route = format!(
            "upstream web {{\nzone upstreams 1m;\ninclude endpoints.d/web.conf;\nkeepalive 16;\n}}\nserver {{\nlisten \
             127.0.0.1:{port};\nlocation / {{\nproxy_pass http://web;\nproxy_next_upstream error timeout;\n\
             proxy_next_upstream_tries 3;\nproxy_connect_timeout 1s;\n}}\n}}\n"
        );
        let member = |cluster: &str, weight: u64| {
            let pods =
                json!({ "cluster": cluster, "namespace": "shop", "service": "web", "port": "http", "copies": 1 });
            json!({ "pods": pods, "weight": weight })
        };
        let needs = json!({ "format": 1, "upstreams": { "web": {
            "parameters": [format!("max_fails={max_fails}"), "fail_timeout=5s"], "standby": "backup", "balance": null,
            "servers": [member("a", weights[0]), member("b", weights[1])],
        } } });
        let files = [
            ("nginx.conf", "nginx.edge", main),
            ("conf.d/web.conf", "route.web", route),
            ("endpoints.d/web.json", "route.web", needs.to_string()),
        ];
        let (store, revision) = (self.store.clone(), self.revision);
        self.runtime.block_on(async {
            let mut tree = BTreeMap::new();
            for (path, unit, text) in files {
                let sha256 = store.put(text.as_bytes()).await.expect("writes");
                tree.insert(path.to_owned(), Entry { sha256, mode: "0644".into(), unit: unit.into() });
            }
            let manifest = store.put(&Manifest { files: tree }.encode()).await.expect("writes");
            let before = store.current().await.expect("reads");
            let release = Release::new(revision, manifest);
            assert!(store.publish(&release, before.as_ref()).await.expect("publishes"));
        });
    }

    /// Says where the pods of a cluster are.
    fn tell(&self, cluster: &str, addresses: Vec<String>) {
        let key = format!("{}{cluster}/shop/web/http", self.store.prefix().endpoints());
        let value = Addresses::new(addresses).encode();
        self.runtime.block_on(self.store.client().put(key, value, None)).expect("writes");
    }
}

fn addresses(backends: &[&Backend]) -> Vec<String> {
    backends.iter().map(|backend| backend.address.to_string()).collect()
}

/// A node whose agent and nginx run.
fn node(name: &'static str, has_lua: bool, etcd: &Etcd, project: &Project) -> Node {
    let mut node = Node::new(name);
    if has_lua {
        node.checker = with_lua(project.path("").as_path());
        node.loads = LUA.to_owned();
    }
    node.run_agent(project, etcd);
    node.run_nginx();
    node
}

/// Who answers, in so many requests.
fn answers(port: u16, count: usize) -> BTreeMap<String, usize> {
    let mut answers = BTreeMap::new();
    for _ in 0..count {
        let answer = ask(port, "web").map_or_else(|error| error.to_string(), |(code, body)| format!("{code} {body}"));
        *answers.entry(answer).or_default() += 1;
    }
    answers
}

fn is_asked(port: u16, name: &str) -> bool {
    answers(port, 12).contains_key(&format!("200 {name}"))
}

#[test]
fn pods_come_and_go_without_a_reload_and_no_request_fails() {
    if is_skipped() {
        return;
    }
    let (etcd, port, project) = (Etcd::start(), free_port(), Project::new(""));
    let mut world = World::new(&etcd);
    world.publish(port, [1, 1], 3);
    let stays = Backend::start("stays");
    world.tell("b", addresses(&[&stays]));
    let mut lua = node("lua", true, &etcd, &project);
    lua.comes_to(1);
    let load = Load::start(port, "web");
    let (workers, release) = (lua.workers(), lua.link("good"));
    // Each is told of before it is asked, and is told to be gone before it goes.
    for _ in 0..20 {
        let comes = Backend::start("comes");
        world.tell("a", addresses(&[&comes]));
        until("it is asked", || is_asked(port, "comes"));
        world.tell("a", Vec::new());
        until("it is not asked", || !is_asked(port, "comes"));
    }
    // More changes than anybody can follow one by one.
    let comes = Backend::start("comes");
    for number in 0..1000 {
        world.tell("a", if number % 2 == 0 { addresses(&[&comes]) } else { Vec::new() });
    }
    world.tell("a", addresses(&[&comes]));
    until("it is asked", || is_asked(port, "comes"));
    // One that is lost, and nobody says so.
    drop(comes);
    std::thread::sleep(Duration::from_millis(500));
    world.tell("a", Vec::new());
    // The agent is away, and is back.
    lua.kill_agent();
    let other = Backend::start("other");
    world.tell("a", addresses(&[&other]));
    lua.run_agent(&project, &etcd);
    until("it is asked", || is_asked(port, "other"));
    assert_eq!((lua.workers(), lua.link("good")), (workers, release), "nginx was reloaded: {}", lua.log());

    // A release with other weights is a reload, and the pods are there from its first request on.
    world.publish(port, [3, 1], 3);
    lua.comes_to(2);
    load.end();
    let shares = answers(port, 80);
    assert!((50..=70).contains(&shares["200 other"]), "{shares:?}, where 60 are meant");

    // nginx starts by itself with what was last known.
    lua.kill_agent();
    lua.kill_nginx();
    lua.run_nginx();
    assert!(answers(port, 40).keys().all(|answer| answer.starts_with("200 ")));
    // Where nobody is left, clients hear so at once.
    lua.run_agent(&project, &etcd);
    world.tell("a", Vec::new());
    world.tell("b", Vec::new());
    until("nobody is left", || answers(port, 1).keys().all(|answer| answer.starts_with("502 ")));
}

#[test]
fn nodes_with_and_without_lua_serve_the_same() {
    if is_skipped() {
        return;
    }
    let (etcd, project) = (Etcd::start(), Project::new(""));
    let port = free_port();
    let mut world = World::new(&etcd);
    let (one, two) = (Backend::start("one"), Backend::start("two"));
    world.publish(port, [1, 1], 3);
    world.tell("a", addresses(&[&one]));
    // One after the other, as both listen on the same port.
    let mut plain = node("plain", false, &etcd, &project);
    world.tell("a", addresses(&[&one, &two]));
    until("both are asked", || is_asked(port, "one") && is_asked(port, "two"));
    // The agent has seen it too: one that does not takes the end of nginx for a release that failed.
    let good = || std::fs::read_to_string(plain.path("good/endpoints.d/web.conf")).unwrap_or_default();
    until("it is noted as good", || good().contains(&two.address.to_string()));
    plain.kill_nginx();
    let lua = node("lua", true, &etcd, &project);
    assert!(is_asked(port, "one") && is_asked(port, "two"));
    let conf = |node: &Node| std::fs::read_to_string(node.path("current/endpoints.d/web.conf")).expect("a file");
    assert!(conf(&plain).contains(&two.address.to_string()), "{}", conf(&plain));
    assert!(conf(&lua).contains("balancer_by_lua_block"), "{}", conf(&lua));
    // Both follow what changes from then on.
    world.tell("a", addresses(&[&two]));
    until("the one with Lua follows", || !is_asked(port, "one"));
    until("the one without follows", || !conf(&plain).contains(&one.address.to_string()));
}

#[test]
fn a_server_that_fails_is_left_out_by_all_workers_and_asked_again_later() {
    if is_skipped() {
        return;
    }
    let (etcd, port, project) = (Etcd::start(), free_port(), Project::new(""));
    let mut world = World::new(&etcd);
    let sound = Backend::start("sound");
    // It takes connections and hangs up.
    let broken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = broken.local_addr().expect("an address");
    let calls = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let counted = calls.clone();
    std::thread::spawn(move || {
        for stream in broken.incoming().flatten() {
            counted.lock().expect("a list").push(Instant::now());
            drop(stream);
        }
    });
    world.publish(port, [1, 1], 2);
    world.tell("a", vec![address.to_string()]);
    world.tell("b", addresses(&[&sound]));
    let lua = node("lua", true, &etcd, &project);
    let begun = Instant::now();
    assert_eq!(answers(port, 40), BTreeMap::from([("200 sound".to_owned(), 40)]));
    let count = || calls.lock().expect("a list").len();
    // Twice, and once more for each of two workers whenever the time is over.
    let most = 4 + 2 * usize::try_from(begun.elapsed().as_secs() / 5).expect("a number");
    assert!((2..=most).contains(&count()), "{} calls: {}", count(), lua.log());
    until("it is asked again", || {
        let before = count();
        answers(port, 10);
        count() > before
    });
    assert!(std::fs::read_to_string(lua.path("error.log")).expect("a log").contains("is left out for 5 s"));
}
