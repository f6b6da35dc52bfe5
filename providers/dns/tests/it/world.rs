//! A directory of zones with a clock that stands still.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use portolan_dns::DnsProvider;
use portolan_dns::serial::Clock;
use portolan_lang::{AttributePath, Type, Value};
use portolan_provider::conformance::Client;
use tempfile::TempDir;

pub(crate) const RRSET: &str = "dns_rrset";
pub(crate) const ZONE: &str = "dns_zone";

/// A date that the test sets.
#[derive(Debug, Default)]
pub(crate) struct StandingClock(pub(crate) AtomicU32);

impl Clock for StandingClock {
    fn today(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) clock: Arc<StandingClock>,
    client: Client,
}

impl World {
    /// An empty directory on the fourth of March 2026.
    pub(crate) async fn new() -> World {
        let directory = tempfile::tempdir().expect("a directory");
        let clock = Arc::new(StandingClock(AtomicU32::new(20_260_304)));
        let path = Value::string(directory.path().to_str().expect("text"));
        let config = Value::object([("directory", Value::object([("path", path)]))]);
        let provider = DnsProvider::with_clock(clock.clone());
        let client = Client::connect(provider, &config).await.expect("connects");
        World { directory, clock, client }
    }

    /// The same with the zone `example.com`, served by `ns1.example.net`.
    pub(crate) async fn with_zone() -> World {
        let world = World::new().await;
        world.create(ZONE, &zone("example.com", &["ns1.example.net."])).await.expect("a zone");
        world
    }

    pub(crate) fn path(&self, zone: &str) -> PathBuf {
        self.directory.path().join(format!("{zone}.zone"))
    }

    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(self.path("example.com")).expect("a zone file")
    }

    /// Writes the zone file by hand.
    pub(crate) fn edit(&self, change: impl FnOnce(String) -> String) {
        std::fs::write(self.path("example.com"), change(self.text())).expect("writes");
    }

    pub(crate) fn serial(&self) -> u32 {
        let text = self.text();
        let line = text.lines().find(|line| line.ends_with("; serial")).expect("a serial");
        line.split_whitespace().next().expect("a number").parse().expect("a number")
    }
}

impl Deref for World {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// A `dns_zone`.
pub(crate) fn zone(name: &str, nameservers: &[&str]) -> Value {
    let servers = Value::set(Type::String, nameservers.iter().map(|name| Value::string(*name)));
    Value::object([
        ("name", Value::string(name)),
        ("nameservers", servers),
        ("ttl", Value::null(Type::Number)),
        ("soa", Value::null(Type::Any)),
    ])
}

/// A `dns_rrset` of `example.com`.
pub(crate) fn rrset(name: &str, rtype: &str, values: &[&str]) -> Value {
    Value::object([
        ("zone", Value::string("example.com")),
        ("name", Value::string(name)),
        ("type", Value::string(rtype)),
        ("ttl", Value::number(300)),
        ("values", Value::set(Type::String, values.iter().map(|value| Value::string(*value)))),
        ("owner", Value::null(Type::String)),
    ])
}

/// One of many sets of records that differ in their names.
pub(crate) fn host(number: usize) -> Value {
    rrset(&format!("host{number}"), "A", &["192.0.2.1"])
}

/// A set of records with other addresses.
pub(crate) fn moved(rrset: &Value) -> Value {
    let values = Value::set(Type::String, [Value::string("192.0.2.7"), Value::string("192.0.2.8")]);
    rrset.with(&AttributePath::attribute("values"), values)
}
