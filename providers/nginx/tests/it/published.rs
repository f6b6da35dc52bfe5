//! Fleets whose configuration is in a real etcd.

use std::collections::BTreeMap;

use async_trait::async_trait;
use etcd_client::{Client as Etcd, DeleteOptions, GetOptions};
use portolan_fleet::{Digest, Prefix, Quarantined, Release, Report, State, Store};
use portolan_lang::{AttributePath, Type, Value};
use portolan_nginx::NginxProvider;
use portolan_nginx::syntax::{Directive, to_value};
use portolan_provider::conformance::{self, Client, Subject};
use portolan_provider::{Applied, Awaited, Change, Error, ErrorKind, Wanted};
use portolan_test_support::Etcd as Server;

use crate::world::{CONFIG, FILE, config, file};

const RELEASE: &str = "nginx_release";
const PREFIX: &str = "/portolan/edge";

struct World {
    _server: Server,
    client: Client,
    etcd: Etcd,
}

impl World {
    async fn start() -> World {
        let server = Server::start();
        let client = Client::connect(NginxProvider::new(), &connection(&server)).await.expect("connects");
        let etcd = Etcd::connect([server.endpoint()], None).await.expect("connects");
        World { _server: server, client, etcd }
    }

    fn store(&self) -> Store {
        Store::new(self.etcd.clone(), Prefix::new(PREFIX).expect("a prefix"))
    }

    async fn keys(&self, below: &str) -> Vec<String> {
        let options = GetOptions::new().with_prefix().with_keys_only();
        let answer = self.etcd.clone().get(format!("{PREFIX}/{below}"), Some(options)).await.expect("answers");
        answer.kvs().iter().map(|key| key.key_str().expect("text").to_owned()).collect()
    }

    async fn put(&self, path: &str, content: &str) -> Applied {
        let value = file(path, Value::string(content));
        let planned = self.client.plan(FILE, None, &value).await.expect("plans").value;
        let change = Change::Create { planned: &planned };
        self.client.session.apply(FILE, change).await.expect("writes").expect("a file")
    }

    /// Publishes files, which were written before, in place of what was published before.
    async fn publish(&self, prior: Option<&Value>, files: &[(&str, &str)]) -> Result<Value, Error> {
        let planned = self.client.plan(RELEASE, prior, &release(files)).await?.value;
        let change = match prior {
            None => Change::Create { planned: &planned },
            Some(prior) => Change::Update { identity: "release", prior, planned: &planned },
        };
        Ok(self.client.session.apply(RELEASE, change).await?.expect("a release").value)
    }

    async fn live(&self, prior: Option<&Value>) -> Option<Value> {
        let wanted = Wanted { resource_type: RELEASE.into(), identity: "release".into(), prior: prior.cloned() };
        self.client.session.read(&[wanted]).await.pop().expect("an answer").expect("reads")
    }

    async fn report(&self, node: &str, report: &Report) {
        let key = self.store().prefix().node(node);
        self.etcd.clone().put(key, report.encode(), None).await.expect("reports");
    }
}

fn connection(server: &Server) -> Value {
    let names = ["username", "password", "certificate_authority", "client_certificate", "client_key"];
    let unset = names.map(|name| (name, Value::null(Type::String)));
    let given = [("endpoints", Value::strings([server.endpoint()])), ("prefix", Value::string(PREFIX))];
    Value::object([
        ("directory", Value::null(Type::Any)),
        ("etcd", Value::object(unset.into_iter().chain(given))),
        ("flavor", Value::string("nginx")),
        ("version", Value::string("1.22.1")),
    ])
}

fn release(files: &[(&str, &str)]) -> Value {
    let entry = |content: &str| {
        let digest = Digest::of(content.as_bytes());
        let texts = [("sha256", digest.as_str()), ("mode", "0644"), ("unit", "route.a")];
        Value::object(texts.map(|(name, text)| (name, Value::string(text))))
    };
    Value::object([
        ("files", Value::object(files.iter().map(|(path, content)| (*path, entry(content))))),
        ("nodes", Value::number(1)),
        ("wait", Value::TRUE),
        ("timeout", Value::string("1s")),
        ("revision", Value::null(Type::Number)),
    ])
}

fn revision(value: &Value) -> Option<Value> {
    value.get("revision")
}

struct Configs(Etcd);

#[async_trait]
impl Subject for Configs {
    fn resource_type(&self) -> &str {
        CONFIG
    }

    fn config(&self, number: usize) -> Value {
        config(&format!("conf.d/{number}.conf"), &[Directive::simple("keepalive_timeout", &[&format!("{number}s")])])
    }

    fn changed(&self, config: &Value) -> Value {
        config.with(&AttributePath::attribute("directives"), to_value(&[Directive::simple("gzip", &["off"])]))
    }

    async fn change_outside(&self, _: &str) {
        let mut etcd = self.0.clone();
        let all = etcd.get(format!("{PREFIX}/blobs/"), Some(GetOptions::new().with_prefix())).await.expect("answers");
        for found in all.kvs() {
            etcd.put(found.key(), "by hand", None).await.expect("writes");
        }
    }
}

struct Files(Etcd);

#[async_trait]
impl Subject for Files {
    fn resource_type(&self) -> &str {
        FILE
    }

    fn config(&self, number: usize) -> Value {
        // Long ones are kept in pieces.
        let length = if number == 1 { 400_000 } else { 1 };
        file(&format!("pages/{number}.html"), Value::string(format!("{number} ").repeat(length)))
    }

    fn changed(&self, config: &Value) -> Value {
        config.with(&AttributePath::attribute("content"), Value::string("another page"))
    }

    async fn change_outside(&self, identity: &str) {
        Configs(self.0.clone()).change_outside(identity).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn configurations_in_etcd_keep_the_promises() {
    let world = World::start().await;
    let configs = Configs(world.etcd.clone());
    assert_eq!(conformance::check(&world.client, &configs).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_in_etcd_keep_the_promises() {
    let world = World::start().await;
    assert_eq!(conformance::check(&world.client, &Files(world.etcd.clone())).await, Ok(()));
    assert_eq!(world.keys("").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_counts_changes_at_once_and_has_numbers() {
    let world = World::start().await;
    world.put("a.conf", "one").await;
    let first = world.publish(None, &[("a.conf", "one")]).await.expect("publishes");
    assert_eq!(revision(&first), Some(Value::number(1)));
    assert_eq!(world.live(Some(&first)).await, Some(first.clone()));
    world.put("a.conf", "two").await;
    assert_eq!(world.live(Some(&first)).await, Some(first.clone()), "what is only written does not count");
    let second = world.publish(Some(&first), &[("a.conf", "two")]).await.expect("publishes");
    assert_eq!(revision(&second), Some(Value::number(2)));
    let repeated = world.publish(Some(&first), &[("a.conf", "two")]).await.expect("publishes");
    assert_eq!(repeated, second, "a repeated publication is another one");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_no_tree_names_go_with_the_release_after() {
    let world = World::start().await;
    let mut prior = None;
    for (content, blobs) in [("one", 2), ("two", 4), ("three", 4)] {
        world.put("a.conf", content).await;
        prior = Some(world.publish(prior.as_ref(), &[("a.conf", content)]).await.expect("publishes"));
        // Each is a file and a manifest; an agent may still be at the tree before.
        assert_eq!(world.keys("blobs/").await.len(), blobs, "{content}");
    }
    let prior = prior.expect("a release");
    let change = Change::Delete { identity: "release", prior: &prior };
    assert!(world.client.session.apply(RELEASE, change).await.expect("withdraws").is_none());
    assert_eq!(world.live(Some(&prior)).await, None);
    let file = world.put("a.conf", "three").await;
    let change = Change::Delete { identity: "a.conf", prior: &file.value };
    world.client.session.apply(FILE, change).await.expect("deletes");
    assert_eq!(world.keys("").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_served_stays_until_another_tree_counts() {
    let world = World::start().await;
    let file = world.put("a.conf", "one").await;
    let release = world.publish(None, &[("a.conf", "one")]).await.expect("publishes");
    let change = Change::Delete { identity: "a.conf", prior: &file.value };
    world.client.session.apply(FILE, change).await.expect("deletes");
    assert_eq!(world.keys("blobs/").await.len(), 2);
    world.put("b.conf", "two").await;
    world.publish(Some(&release), &[("b.conf", "two")]).await.expect("publishes");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_published_is_not_lost() {
    let mut world = World::start().await;
    world.put("a.conf", "one").await;
    let ours = world.publish(None, &[("a.conf", "one")]).await.expect("publishes");
    world.put("a.conf", "two").await;
    world.put("a.conf", "theirs").await;
    let theirs = world.publish(Some(&ours), &[("a.conf", "theirs")]).await.expect("publishes");

    let refused = world.publish(Some(&ours), &[("a.conf", "two")]).await.expect_err("is refused");
    assert_eq!(refused.kind, ErrorKind::Conflict, "{refused:?}");
    let refused = world.publish(None, &[("a.conf", "two")]).await.expect_err("is refused");
    assert_eq!(refused.kind, ErrorKind::Failed, "{refused:?}");
    let change = Change::Delete { identity: "release", prior: &ours };
    let refused = world.client.session.apply(RELEASE, change).await.expect_err("is refused");
    assert_eq!(refused.kind, ErrorKind::Conflict, "{refused:?}");
    assert_eq!(world.live(Some(&ours)).await, Some(theirs.clone()));

    // The bytes of a file are gone, and then what counts.
    let blobs = format!("{PREFIX}/blobs/");
    world.etcd.delete(blobs, Some(DeleteOptions::new().with_prefix())).await.expect("deletes");
    let live = world.live(Some(&theirs)).await.expect("is there");
    assert_eq!(live.get("files"), Some(Value::object::<&str>([])), "the manifest is gone");
    let refused = world.publish(Some(&live), &[("a.conf", "two")]).await.expect_err("is refused");
    assert_eq!(refused.message, "the bytes of a.conf were taken away since they were written");
    world.put("a.conf", "two").await;
    let mended = world.publish(Some(&live), &[("a.conf", "two")]).await.expect("publishes");
    assert_eq!(revision(&mended), Some(Value::number(3)));
    world.etcd.delete(format!("{PREFIX}/release"), None).await.expect("deletes");
    assert_eq!(world.live(Some(&mended)).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_ready_once_all_nodes_serve_it() {
    let world = World::start().await;
    world.put("a.conf", "one").await;
    let value = world.publish(None, &[("a.conf", "one")]).await.expect("publishes");
    let ready = async || {
        let awaited = Awaited { resource_type: RELEASE, identity: "release", value: &value };
        world.client.session.ready(awaited, &|_| {}).await.map_err(|not_ready| not_ready.error.message)
    };
    let nobody = "it is published, but by now 0 of 1 nodes serve revision 1: no agent reports; each node needs one: \
                  portolan agent nginx";
    assert_eq!(ready().await, Err(nobody.to_owned()));

    let published = world.store().current().await.expect("reads").expect("a release").release;
    assert_eq!(published, Release::new(1, published.manifest.clone()));
    let mut report = Report {
        revision: 1,
        manifest: Some(published.manifest),
        state: State::Serving,
        serves: None,
        why: String::new(),
        quarantined: Vec::new(),
        agent: String::new(),
        nginx: "nginx/1.22.1".into(),
        since: 0,
    };
    world.report("a", &report).await;
    assert_eq!(ready().await, Ok(()));
    report.quarantined =
        vec![Quarantined { unit: "route.a".into(), error: "unknown directive".into(), is_awaited: false }];
    world.report("b", &report).await;
    let quarantined = "revision 1 is not served as it was published: b: route.a stays as it was: unknown directive";
    assert_eq!(ready().await, Err(quarantined.to_owned()));

    let recorded = portolan_provider::Recorded { resource_type: RELEASE, identity: "release", value: &value };
    let workloads = world.client.session.workloads().expect("has them");
    let status = workloads.status(&[recorded]).await.pop().expect("one").expect("is told").expect("is there");
    assert_eq!((status.ready, status.wanted), (Some(1), Some(2)), "{status:?}");
    assert_eq!(status.images, ["nginx/1.22.1"]);
    assert_eq!(status.reasons, ["b: route.a stays as it was: unknown directive"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_is_needed_and_a_way_has_to_be_clear() {
    let server = Server::start();
    let whole = connection(&server);
    let etcd = whole.get("etcd").expect("a block");
    let without = etcd.with(&AttributePath::attribute("prefix"), Value::string("/"));
    let cases: BTreeMap<&str, Value> = BTreeMap::from([
        ("no prefix", whole.with(&AttributePath::attribute("etcd"), without)),
        ("no way", whole.with(&AttributePath::attribute("etcd"), Value::null(Type::Any))),
    ]);
    for (what, config) in cases {
        let refused = Client::connect(NginxProvider::new(), &config).await.map(|_| ()).expect_err(what);
        assert_eq!(refused.kind, ErrorKind::Invalid, "{what}: {refused:?}");
    }
}
