//! Zones on a real name server, by transfer and dynamic update.

use async_trait::async_trait;
use portolan_dns::DnsProvider;
use portolan_lang::Value;
use portolan_provider::conformance::{self, Client, Subject};
use portolan_provider::{Error, ErrorKind};
use portolan_test_support::Named;

use crate::world::{RRSET, ZONE, host, moved, rrset, zone};

/// A key that the server does not know.
const OTHER_KEY: &str = "hmac-sha256:portolan:YW5vdGhlci1zZWNyZXQ=";

/// A name server with the zone `example.com`.
struct Server(Named);

impl std::ops::Deref for Server {
    type Target = Named;

    fn deref(&self) -> &Named {
        &self.0
    }
}

/// A connection to a server with a key.
pub(crate) fn connection(server: &Named, key: &str) -> Value {
    let rfc2136 = [("server", Value::string(server.address())), ("key", Value::string(key))];
    Value::object([("rfc2136", Value::object(rfc2136))])
}

impl Server {
    fn start() -> Option<Server> {
        Named::dynamic(&[("example.com", "foreign IN A 192.0.2.99\n")]).map(Server)
    }

    async fn client(&self) -> Client {
        Client::connect(DnsProvider::new(), &connection(self, Named::KEY)).await.expect("connects")
    }
}

#[async_trait]
impl Subject for Server {
    fn resource_type(&self) -> &str {
        RRSET
    }

    fn config(&self, number: usize) -> Value {
        host(number)
    }

    fn changed(&self, config: &Value) -> Value {
        moved(config)
    }

    async fn change_outside(&self, identity: &str) {
        let owner = identity.split('/').nth(1).expect("an owner");
        self.change(
            "example.com",
            &format!("update delete {owner}. A 192.0.2.7\nupdate add {owner}. 300 A 192.0.2.99"),
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn record_sets_on_a_server_keep_the_promises() {
    let Some(server) = Server::start() else { return };
    assert_eq!(conformance::check(&server.client().await, &server).await, Ok(()));
}

#[tokio::test]
async fn what_was_configured_is_served_and_foreign_records_stay() {
    let Some(server) = Server::start() else { return };
    let client = server.client().await;
    let before = server.serial("example.com");
    client.create(ZONE, &zone("example.com", &["ns1.example.net.", "ns2.example.net."])).await.expect("takes over");
    assert_eq!(server.ask("example.com", "NS"), ["ns1.example.net.", "ns2.example.net."]);
    let long = "0123456789".repeat(40);
    let records = [
        ("shop", "A", &["192.0.2.1", "192.0.2.2"][..]),
        ("www", "CNAME", &["shop"]),
        ("*.dev", "A", &["192.0.2.3"]),
        ("@", "MX", &["10 mail.example.net."]),
        ("@", "TXT", &["say \"hi\"; $(reboot) \\ ü"]),
        ("long", "TXT", &[&long]),
        ("_sip._tcp", "SRV", &["0 5 5060 sip.example.net."]),
        ("@", "CAA", &["0 issue ca.example.net"]),
        ("bücher", "AAAA", &["2001:db8::1"]),
    ];
    let mut objects = Vec::new();
    for (name, rtype, values) in records {
        let object = client.create(RRSET, &rrset(name, rtype, values)).await.expect(name);
        assert_eq!(client.read(RRSET, &object).await.expect("reads"), Some(object.value.clone()), "{name} {rtype}");
        objects.push(object);
    }
    assert_eq!(server.ask("shop.example.com", "A"), ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(server.ask("www.example.com", "CNAME"), ["shop.example.com."]);
    assert_eq!(server.ask("any.dev.example.com", "A"), ["192.0.2.3"]);
    assert_eq!(server.ask("long.example.com", "TXT"), [format!("\"{}\" \"{}\"", &long[..255], &long[255..])]);
    assert_eq!(server.ask("xn--bcher-kva.example.com", "AAAA"), ["2001:db8::1"]);
    assert!(server.serial("example.com") > before, "{} is not beyond {before}", server.serial("example.com"));

    for object in &objects {
        client.delete(RRSET, object).await.expect("deletes");
    }
    assert_eq!(server.ask("shop.example.com", "A"), [""; 0]);
    assert_eq!(server.ask("foreign.example.com", "A"), ["192.0.2.99"]);
}

#[tokio::test]
async fn what_others_changed_meanwhile_is_not_lost() {
    let Some(server) = Server::start() else { return };
    let client = server.client().await;
    let shop = client.create(RRSET, &rrset("shop", "A", &["192.0.2.1"])).await.expect("creates");
    server.change("example.com", "update add shop.example.com. 300 A 192.0.2.50");
    let refused = client.update(RRSET, &shop, &rrset("shop", "A", &["192.0.2.2"])).await.expect_err("is refused");
    assert_eq!(refused.kind, ErrorKind::Conflict, "{refused:?}");
    assert_eq!(server.ask("shop.example.com", "A"), ["192.0.2.1", "192.0.2.50"]);
    let refused = client.create(RRSET, &rrset("foreign", "A", &["192.0.2.2"])).await.expect_err("is refused");
    assert!(refused.message.contains("foreign"), "{refused:?}");
}

#[tokio::test]
async fn thousands_of_records_need_few_messages() {
    let Some(server) = Server::start() else { return };
    let client = server.client().await;
    let before = server.serial("example.com");
    let sets: Vec<Value> = (0..5000)
        .map(|number| rrset(&format!("host{number}"), "A", &[&format!("192.0.{}.{}", number / 250, number % 250 + 1)]))
        .collect();
    let made = futures::future::join_all(sets.iter().map(|set| client.create(RRSET, set))).await;
    for outcome in made {
        outcome.expect("creates");
    }
    assert_eq!(server.ask("host4999.example.com", "A"), ["192.0.19.250"]);
    // The server counts a serial for each message.
    assert!(server.serial("example.com") - before < 20, "{} messages", server.serial("example.com") - before);
}

/// A server that was restored from an older copy has a serial that went back.
#[tokio::test]
async fn what_changed_is_told_and_a_zone_that_went_back_is_read_anew() {
    let Some(mut server) = Server::start() else { return };
    let client = server.client().await;
    let shop = client.create(RRSET, &rrset("shop", "A", &["192.0.2.1"])).await.expect("creates");
    let long = client.create(RRSET, &rrset("long", "TXT", &[&"x".repeat(600)])).await.expect("creates");
    let values = |object: Option<Value>| object.and_then(|object| object.get("values"));
    for change in [
        "update add shop.example.com. 300 A 192.0.2.2",
        "update delete shop.example.com. A 192.0.2.1",
        "update delete shop.example.com. A\nupdate add shop.example.com. 60 A 192.0.2.3\nupdate add new.example.com. 60 A 192.0.2.4",
        "update delete long.example.com.",
    ] {
        server.change("example.com", change);
        // Who never read it before sees the same as who is told what changed.
        for object in [&shop, &long] {
            let told = client.read(RRSET, object).await.expect("reads");
            assert_eq!(told, server.client().await.read(RRSET, object).await.expect("reads"), "{change}");
        }
    }
    server.0.stop();
    std::fs::remove_file(server.home().join("example.com.zone.jnl")).expect("a journal");
    server.0.run();
    assert_eq!(values(client.read(RRSET, &shop).await.expect("reads")), None);
}

#[tokio::test]
async fn a_key_needs_rights_to_the_types_that_are_used_alone() {
    let policy = "grant portolan zonesub A AAAA CNAME TXT MX SRV CAA PTR;";
    let Some(server) = Named::with_policy(&[("example.com", "")], policy).map(Server) else { return };
    let client = server.client().await;
    // The nameservers are as they are wanted, and so is the start of authority.
    client.create(ZONE, &zone("example.com", &["ns1.example.net."])).await.expect("takes over");
    let made = client.create(RRSET, &rrset("shop", "A", &["192.0.2.1"])).await.expect("creates");
    let made = client.update(RRSET, &made, &rrset("shop", "A", &["192.0.2.2"])).await.expect("updates");
    client.delete(RRSET, &made).await.expect("deletes");
    let refused = client.create(RRSET, &rrset("below", "NS", &["ns1.example.net."])).await.expect_err("is refused");
    assert_eq!(refused.kind, ErrorKind::Denied, "{refused:?}");
}

async fn problem(server: &Server, key: &str) -> Error {
    let client = Client::connect(DnsProvider::new(), &connection(server, key)).await.expect("connects");
    client.create(RRSET, &rrset("shop", "A", &["192.0.2.1"])).await.expect_err("is refused")
}

#[tokio::test]
async fn wrong_keys_and_servers_that_are_away_are_told() {
    let Some(mut server) = Server::start() else { return };
    let refused = problem(&server, OTHER_KEY).await;
    assert_eq!(refused.kind, ErrorKind::Denied, "{refused:?}");
    assert!(!refused.message.contains("YW5v"), "{refused:?}");
    server.0.stop();
    let away = problem(&server, Named::KEY).await;
    assert_eq!(away.kind, ErrorKind::Transient, "{away:?}");
    let Err(wrong) = Client::connect(DnsProvider::new(), &connection(&server, "no key")).await else {
        panic!("a key that is none is taken");
    };
    assert_eq!(wrong.kind, ErrorKind::Invalid, "{wrong:?}");
}
