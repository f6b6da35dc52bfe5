//! The promises of the seam.

use async_trait::async_trait;
use portolan_lang::{AttributePath, Value};
use portolan_provider::conformance::{self, Subject};

use crate::world::{RRSET, World, ZONE, host, moved, zone};

struct Records {
    path: std::path::PathBuf,
}

#[async_trait]
impl Subject for Records {
    fn resource_type(&self) -> &str {
        RRSET
    }

    fn config(&self, number: usize) -> Value {
        host(number)
    }

    fn changed(&self, config: &Value) -> Value {
        moved(config)
    }

    async fn change_outside(&self, _identity: &str) {
        let text = std::fs::read_to_string(&self.path).expect("a zone file");
        std::fs::write(&self.path, text.replace("192.0.2.7", "192.0.2.99")).expect("writes");
    }
}

struct Zones {
    directory: std::path::PathBuf,
}

#[async_trait]
impl Subject for Zones {
    fn resource_type(&self) -> &str {
        ZONE
    }

    fn config(&self, number: usize) -> Value {
        zone(&format!("zone{number}.example"), &["NS1.example.net.", "ns2.example.net."])
    }

    fn changed(&self, config: &Value) -> Value {
        config.with(&AttributePath::attribute("ttl"), Value::number(60))
    }

    async fn change_outside(&self, identity: &str) {
        let path = self.directory.join(format!("{identity}.zone"));
        let text = std::fs::read_to_string(&path).expect("a zone file");
        std::fs::write(&path, text.replace("ns2.example.net.", "ns3.example.net.")).expect("writes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn record_sets_keep_the_promises() {
    let world = World::with_zone().await;
    let subject = Records { path: world.path("example.com") };
    assert_eq!(conformance::check(&world, &subject).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn zones_keep_the_promises() {
    let world = World::new().await;
    let subject = Zones { directory: world.directory.path().to_owned() };
    assert_eq!(conformance::check(&world, &subject).await, Ok(()));
}
