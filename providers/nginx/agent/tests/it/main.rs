//! The agent with a real etcd and a real nginx that checks.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test ends where something is not as it should be, and says what it leaves out"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use etcd_client::{Client, ConnectOptions, Permission, PermissionType};
use portolan_agent::Options;
use portolan_etcd_client::Connection;
use portolan_fleet::{Addresses, Entry, Manifest, Prefix, Release, State, Store};
use portolan_lang::Value;
use portolan_test_support::Etcd;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

const PREFIX: &str = "/portolan/edge";

/// Whether tests with servers are left out on purpose.
fn is_skipped() -> bool {
    let skipped = std::env::var_os("PORTOLAN_SKIP_SERVERS").is_some_and(|value| value == "1");
    if skipped {
        eprintln!("skipped: PORTOLAN_SKIP_SERVERS is set, nginx and etcd are not run");
    }
    skipped
}

fn prefix() -> Prefix {
    Prefix::new(PREFIX).expect("a prefix")
}

/// An agent that runs as long as this.
struct Agent {
    directory: TempDir,
    said: Arc<Mutex<String>>,
    _stop: UnboundedSender<()>,
}

impl Agent {
    /// One that reaches etcd as this user, whose password is his name.
    fn start(etcd: &Etcd, user: Option<&str>) -> Agent {
        let directory = tempfile::tempdir().expect("a directory");
        let mut config = BTreeMap::from([("endpoints", Value::strings([etcd.endpoint()]))]);
        if let Some(user) = user {
            config.extend([("username", Value::string(user)), ("password", Value::string(user))]);
        }
        let config = Value::object(config.into_iter().map(|(name, value)| (Arc::<str>::from(name), value)));
        let options = Options {
            etcd: Connection::of(&config).expect("a connection"),
            prefix: prefix(),
            node: "n".into(),
            directory: directory.path().to_owned(),
            nginx: Path::new("/usr/sbin/nginx").to_owned(),
            // Nobody is there, as no nginx runs.
            status: "127.0.0.1:1".parse().expect("an address"),
            version: "test".into(),
        };
        let (stop, stopped) = unbounded_channel();
        let said = Arc::new(Mutex::new(String::new()));
        let log = said.clone();
        tokio::spawn(async move {
            let say = |line: &str| log.lock().expect("a log").push_str(&format!("{line}\n"));
            portolan_agent::run(options, stopped, say).await.expect("the agent works");
        });
        Agent { directory, said, _stop: stop }
    }

    /// Waits until it says something.
    async fn says(&self, words: &str) {
        let begun = Instant::now();
        while !self.said.lock().expect("a log").contains(words) {
            assert!(begun.elapsed() < Duration::from_secs(60), "{}", self.said.lock().expect("a log"));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the release of this number lies there.
    async fn comes_to(&self, revision: u64) {
        let begun = Instant::now();
        let is_there = || {
            let target = std::fs::read_link(self.directory.path().join("current")).unwrap_or_default();
            target.to_string_lossy().starts_with(&format!("releases/{revision}-"))
        };
        while !is_there() {
            assert!(begun.elapsed() < Duration::from_secs(60), "revision {revision} does not come");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Publishes a tree of one file.
async fn publish(store: &Store, revision: u64) {
    let text = format!(
        "# {revision}\nerror_log error.log;\npid nginx.pid;\nevents {{}}\nhttp {{\n    access_log off;\n    include agent.d/*.conf;\n}}\n"
    );
    let sha256 = store.put(text.as_bytes()).await.expect("writes");
    let entry = Entry { sha256, mode: "0644".into(), unit: "nginx.edge".into() };
    let manifest = Manifest { files: BTreeMap::from([("nginx.conf".to_owned(), entry)]) };
    let manifest = store.put(&manifest.encode()).await.expect("writes");
    let before = store.current().await.expect("reads");
    assert!(store.publish(&Release::new(revision, manifest), before.as_ref()).await.expect("publishes"));
}

async fn client(etcd: &Etcd, user: Option<&str>) -> Client {
    let options = user.map(|user| ConnectOptions::new().with_user(user, user));
    Client::connect([etcd.endpoint()], options).await.expect("a client")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_compacted_is_not_missed() {
    if is_skipped() {
        return;
    }
    let mut etcd = Etcd::start();
    let agent = Agent::start(&etcd, None);
    let compact = async |etcd: &Etcd| {
        let mut client = client(etcd, None).await;
        let now = client.get("x", None).await.expect("answers").header().map_or(0, |header| header.revision());
        client.compact(now, None).await.expect("compacts");
    };
    for revision in 1..5 {
        let store = Store::new(client(&etcd, None).await, prefix());
        publish(&store, revision).await;
        if revision % 2 == 0 {
            // What the agent watched from is gone when it comes back.
            compact(&etcd).await;
            etcd.kill();
            etcd.run();
        } else {
            compact(&etcd).await;
        }
        agent.comes_to(revision).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_later_version_publishes_is_refused_until_it_is_understood() {
    if is_skipped() {
        return;
    }
    let etcd = Etcd::start();
    let agent = Agent::start(&etcd, None);
    let store = Store::new(client(&etcd, None).await, prefix());
    publish(&store, 1).await;
    agent.comes_to(1).await;
    let manifest = store.current().await.expect("reads").expect("a release").release.manifest;
    let later = format!("{{\"format\":2,\"revision\":2,\"manifest\":\"{manifest}\"}}");
    store.client().put(prefix().release(), later, None).await.expect("writes");
    // An agent that comes then serves nothing of it, and says why; one that runs goes on.
    let other = Agent::start(&etcd, None);
    other.says("cannot be followed: the release has the format 2, and only 1 is known").await;
    assert!(!other.directory.path().join("current").exists());
    agent.says("cannot be followed: the release has the format 2, and only 1 is known").await;
    agent.comes_to(1).await;
    store.client().delete(prefix().release(), None).await.expect("deletes");
    publish(&store, 3).await;
    agent.comes_to(3).await;
    other.comes_to(3).await;
}

/// The users that the page for fleets names, each with his name as the password.
async fn with_users(etcd: &Etcd) {
    use PermissionType::{Read, Readwrite};
    let mut client = client(etcd, None).await;
    let rights = [
        ("publisher", vec![(Readwrite, "/")]),
        ("node", vec![(Read, "/"), (Readwrite, "/nodes/")]),
        ("endpoints", vec![(Read, "/"), (Readwrite, "/endpoints/")]),
        ("looker", vec![(Read, "/nodes/")]),
    ];
    for (name, permissions) in rights {
        client.role_add(name).await.expect("a role");
        for (kind, below) in permissions {
            let permission = Permission::new(kind, format!("{PREFIX}{below}")).with_prefix();
            client.role_grant_permission(name, permission).await.expect("a right");
        }
        client.user_add(name, name, None).await.expect("a user");
        client.user_grant_role(name, name).await.expect("a role");
    }
    client.user_add("root", "root", None).await.expect("a user");
    client.user_grant_role("root", "root").await.expect("a role");
    client.auth_enable().await.expect("users are asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_needs_more_rights_than_the_page_says() {
    if is_skipped() {
        return;
    }
    let etcd = Etcd::start();
    with_users(&etcd).await;
    let store = async |user| Store::new(client(&etcd, Some(user)).await, prefix());
    let agent = Agent::start(&etcd, Some("node"));
    let publisher = store("publisher").await;
    publish(&publisher, 1).await;
    agent.comes_to(1).await;
    let begun = Instant::now();
    loop {
        let reports = publisher.reports().await.expect("reads");
        if reports.get("n").is_some_and(|report| report.state == State::NotRunning) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{reports:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(store("looker").await.reports().await.expect("reads").contains_key("n"));
    assert!(store("looker").await.digests().await.is_err(), "who looks sees no files");

    // Who tells of pods writes that and nothing else; agents write only what they report.
    let addresses = Addresses::new(vec!["10.0.0.1:80".into()]).encode();
    let key = format!("{}cluster.a/shop/web/http", prefix().endpoints());
    let mut endpoints = client(&etcd, Some("endpoints")).await;
    endpoints.put(key.as_str(), addresses.clone(), None).await.expect("writes");
    let mut node = client(&etcd, Some("node")).await;
    assert!(node.put(key.as_str(), addresses, None).await.is_err());
    for user in ["node", "endpoints", "looker"] {
        let mut client = client(&etcd, Some(user)).await;
        assert!(client.put(prefix().release(), "x", None).await.is_err(), "{user}");
        assert!(client.put("/elsewhere", "x", None).await.is_err(), "{user}");
    }
}
