//! Other writers, leases, and an etcd that goes away.

use std::sync::Arc;

use etcd_client::PutOptions;
use portolan_lang::{AttributePath, Type, Value};
use portolan_provider::conformance::Client;
use portolan_provider::{Change, Error, ErrorKind, Wanted};

use crate::world::World;

fn key(name: &str, value: &str) -> Value {
    Value::object([("key", Value::string(name)), ("value", Value::string(value)), ("expires", Value::FALSE)])
}

async fn read(provider: &Client, name: &str) -> Result<Option<Value>, Error> {
    let wanted = Wanted { resource_type: Arc::from("etcd_key"), identity: Arc::from(name), prior: None };
    provider.session.read(&[wanted]).await.pop().expect("an answer")
}

async fn create(provider: &Client, name: &str, value: &str) -> Result<(), Error> {
    provider.session.apply("etcd_key", Change::Create { planned: &key(name, value) }).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_wrote_is_not_lost() {
    let world = World::start();
    let provider = world.provider().await;
    let mut other = world.client().await;
    other.put("/a", "theirs", None).await.expect("writes");

    let refused = create(&provider, "/a", "ours").await.expect_err("is refused");
    assert_eq!(refused.kind, ErrorKind::Conflict, "{refused:?}");

    create(&provider, "/b", "ours").await.expect("creates");
    other.put("/b", "theirs", None).await.expect("writes");
    let (prior, planned) = (key("/b", "ours"), key("/b", "ours, newer"));
    let change = Change::Update { identity: "/b", prior: &prior, planned: &planned };
    let refused = provider.session.apply("etcd_key", change).await.expect_err("is refused");
    assert_eq!(refused.kind, ErrorKind::Conflict, "{refused:?}");
    let change = Change::Delete { identity: "/b", prior: &prior };
    let refused = provider.session.apply("etcd_key", change).await.expect_err("is refused");
    assert_eq!(refused.kind, ErrorKind::Conflict, "{refused:?}");
    assert_eq!(read(&provider, "/b").await.expect("reads"), Some(key("/b", "theirs")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_would_expire_is_unbound() {
    let world = World::start();
    let provider = world.provider().await;
    let mut other = world.client().await;
    let lease = other.lease_grant(600, None).await.expect("a lease").id();
    other.put("/a", "ours", Some(PutOptions::new().with_lease(lease))).await.expect("writes");

    let live = read(&provider, "/a").await.expect("reads").expect("is there");
    assert_eq!(live.get("expires"), Some(Value::TRUE));
    let config = key("/a", "ours").with(&AttributePath::attribute("expires"), Value::null(Type::Bool));
    let planned = provider.plan("etcd_key", Some(&live), &config).await.expect("plans");
    assert_eq!(planned.value, key("/a", "ours"));
    let change = Change::Update { identity: "/a", prior: &live, planned: &planned.value };
    provider.session.apply("etcd_key", change).await.expect("updates");

    other.lease_revoke(lease).await.expect("revokes");
    assert_eq!(read(&provider, "/a").await.expect("reads"), Some(key("/a", "ours")));
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_are_told() {
    let world = World::start();
    world.client().await.put("/a", [0xff, 0xfe], None).await.expect("writes");
    let refused = read(&world.provider().await, "/a").await.expect_err("is refused");
    assert_eq!(refused.message, "/a holds bytes that are no text");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_keys_than_a_transaction_takes_are_read_in_order() {
    let world = World::start();
    let provider = world.provider().await;
    for number in (0..250).step_by(2) {
        create(&provider, &format!("/{number}"), &number.to_string()).await.expect("creates");
    }
    let wanted = |number| Wanted {
        resource_type: Arc::from("etcd_key"),
        identity: Arc::from(format!("/{number}")),
        prior: None,
    };
    let answers = provider.session.read(&(0..250).map(wanted).collect::<Vec<_>>()).await;
    assert_eq!(answers.len(), 250);
    for (number, answer) in answers.into_iter().enumerate() {
        let there = (number % 2 == 0).then(|| key(&format!("/{number}"), &number.to_string()));
        assert_eq!(answer.expect("reads"), there);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etcd_that_goes_away_is_waited_for() {
    let mut world = World::start();
    let provider = world.provider().await;
    create(&provider, "/a", "ours").await.expect("creates");
    world.kill();
    let gone = read(&provider, "/a").await.expect_err("nobody answers");
    assert_eq!(gone.kind, ErrorKind::Transient, "{gone:?}");
    let gone = world.connect([]).await.expect_err("nobody answers");
    assert_eq!(gone.kind, ErrorKind::Transient, "{gone:?}");
    assert!(gone.message.starts_with(&format!("etcd at {}", world.endpoint())), "{gone:?}");
    world.run();
    assert_eq!(read(&provider, "/a").await.expect("reads"), Some(key("/a", "ours")));
}
