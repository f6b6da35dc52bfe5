//! A directory of zones with a clock that stands still.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use portolan_dns::DnsProvider;
use portolan_dns::serial::Clock;
use portolan_lang::{Type, Value};
use portolan_provider::{Applied, Change, Error, Planned, Proposal, Provider, Session, Wanted, propose};
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
    pub(crate) provider: DnsProvider,
    pub(crate) session: Arc<dyn Session>,
}

impl World {
    /// An empty directory on the fourth of March 2026.
    pub(crate) async fn new() -> World {
        let directory = tempfile::tempdir().expect("a directory");
        let clock = Arc::new(StandingClock(AtomicU32::new(20_260_304)));
        let provider = DnsProvider::with_clock(clock.clone());
        let path = Value::string(directory.path().to_str().expect("text"));
        let config = Value::object([("directory", Value::object([("path", path)]))]);
        let session = provider.connect(&config).await.expect("connects");
        World { directory, clock, provider, session }
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

    pub(crate) async fn plan(
        &self,
        resource_type: &str,
        prior: Option<&Value>,
        config: &Value,
    ) -> Result<Planned, Error> {
        let schema = &self.provider.schema().resources[resource_type].schema;
        let proposed = propose(schema, prior, config);
        self.session.plan(Proposal { resource_type, prior, config, proposed: &proposed }).await
    }

    pub(crate) async fn create(&self, resource_type: &str, config: &Value) -> Result<Applied, Error> {
        let planned = self.plan(resource_type, None, config).await?;
        let applied = self.session.apply(resource_type, Change::Create { planned: &planned.value }).await?;
        Ok(applied.expect("an object"))
    }

    pub(crate) async fn update(&self, resource_type: &str, before: &Applied, config: &Value) -> Result<Applied, Error> {
        let planned = self.plan(resource_type, Some(&before.value), config).await?;
        let change = Change::Update { identity: &before.identity, prior: &before.value, planned: &planned.value };
        Ok(self.session.apply(resource_type, change).await?.expect("an object"))
    }

    pub(crate) async fn delete(&self, resource_type: &str, object: &Applied) -> Result<(), Error> {
        let change = Change::Delete { identity: &object.identity, prior: &object.value };
        self.session.apply(resource_type, change).await.map(|left| assert_eq!(left, None))
    }

    pub(crate) async fn read(&self, resource_type: &str, object: &Applied) -> Result<Option<Value>, Error> {
        let wanted = Wanted {
            resource_type: Arc::from(resource_type),
            identity: object.identity.clone(),
            prior: Some(object.value.clone()),
        };
        self.session.read(&[wanted]).await.pop().expect("an answer")
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
    ])
}
