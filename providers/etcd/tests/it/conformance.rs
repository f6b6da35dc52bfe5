//! The promises of the seam, for each resource type.

use async_trait::async_trait;
use etcd_client::Client;
use portolan_lang::{AttributePath, Type, Value};
use portolan_provider::conformance::{self, Subject};

use crate::world::World;

struct Keys(Client);

struct Networks(Client);

struct Subnets(Client);

/// Replaces a text in a key, as somebody else would.
async fn replace(client: &Client, key: &str, old: &str, new: &str) {
    let found = client.clone().get(key, None).await.expect("reads");
    let text = found.kvs()[0].value_str().expect("a text");
    assert!(text.contains(old), "{text}");
    client.clone().put(key, text.replace(old, new), None).await.expect("writes");
}

#[async_trait]
impl Subject for Keys {
    fn resource_type(&self) -> &str {
        "etcd_key"
    }

    fn config(&self, number: usize) -> Value {
        let key = Value::string(format!("/keys/{number}"));
        Value::object([("key", key), ("value", Value::string("one")), ("expires", Value::null(Type::Bool))])
    }

    fn changed(&self, config: &Value) -> Value {
        config.with(&AttributePath::attribute("value"), Value::string("two"))
    }

    async fn change_outside(&self, identity: &str) {
        replace(&self.0, identity, "two", "three").await;
    }
}

#[async_trait]
impl Subject for Networks {
    fn resource_type(&self) -> &str {
        "flannel_network"
    }

    fn config(&self, number: usize) -> Value {
        let unset = [("subnet_min", Type::String), ("subnet_max", Type::String), ("port", Type::Number)];
        let others = [("mtu", Type::Number), ("group_policy", Type::Bool), ("expires", Type::Bool)];
        let unset = unset.into_iter().chain(others).map(|(name, ty)| (name, Value::null(ty)));
        let given = [
            ("prefix", Value::string(format!("/networks/{number}"))),
            ("network", Value::string("10.244.0.0/16")),
            ("backend", Value::string("vxlan")),
            ("subnet_length", Value::number(24)),
            ("vni", Value::number(1)),
            ("direct_routing", Value::TRUE),
        ];
        Value::object(unset.chain(given))
    }

    fn changed(&self, config: &Value) -> Value {
        config.with(&AttributePath::attribute("vni"), Value::number(42))
    }

    async fn change_outside(&self, identity: &str) {
        replace(&self.0, identity, "42", "43").await;
    }
}

#[async_trait]
impl Subject for Subnets {
    fn resource_type(&self) -> &str {
        "flannel_subnet"
    }

    fn config(&self, number: usize) -> Value {
        Value::object([
            ("prefix", Value::string("/coreos.com/network")),
            ("subnet", Value::string(format!("10.244.{number}.0/24"))),
            ("address", Value::string("192.0.2.1")),
            ("backend", Value::string("vxlan")),
            ("vni", Value::number(1)),
            ("mac", Value::null(Type::String)),
            ("expires", Value::null(Type::Bool)),
        ])
    }

    fn changed(&self, config: &Value) -> Value {
        config.with(&AttributePath::attribute("address"), Value::string("192.0.2.2"))
    }

    async fn change_outside(&self, identity: &str) {
        replace(&self.0, identity, "192.0.2.2", "192.0.2.3").await;
    }
}

async fn keeps_promises(subject: impl FnOnce(Client) -> Box<dyn Subject>) {
    let world = World::start();
    let subject = subject(world.client().await);
    if let Err(violation) = conformance::check(&world.provider().await, &*subject).await {
        panic!("{violation}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_keep_the_promises() {
    keeps_promises(|client| Box::new(Keys(client))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn networks_keep_the_promises() {
    keeps_promises(|client| Box::new(Networks(client))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn subnets_keep_the_promises() {
    keeps_promises(|client| Box::new(Subnets(client))).await;
}
