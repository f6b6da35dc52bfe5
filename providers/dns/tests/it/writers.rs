//! What others write between the driver's reading and its update, on a real name server; messages of
//! which one is refused; and what the server accepts and leaves out.

use std::sync::Arc;

use futures::future::join_all;
use portolan_dns::DnsProvider;
use portolan_lang::Value;
use portolan_provider::conformance::Client;
use portolan_provider::{Applied, Error, ErrorKind};
use portolan_test_support::Named;

use crate::between::{Between, Moment};
use crate::world::{RRSET, ZONE, rrset, zone};

/// A server, somebody before it, and a driver that knows only the latter.
struct World {
    server: Arc<Named>,
    between: Between,
    client: Client,
}

impl World {
    async fn new(server: Option<Named>, does: impl Fn(&Named, Moment) + Send + Sync + 'static) -> Option<World> {
        let server = Arc::new(server?);
        let other = server.clone();
        let between = Between::stand(server.address(), move |moment| does(&other, moment));
        let way = [("server", Value::string(between.address())), ("key", Value::string(Named::KEY))];
        let config = Value::object([("rfc2136", Value::object(way))]);
        let client = Client::connect(DnsProvider::new(), &config).await.expect("connects");
        Some(World { server, between, client })
    }

    /// All sets at the same time, as the engine makes them.
    async fn create_all(&self, sets: &[Value]) -> Vec<Result<Applied, Error>> {
        join_all(sets.iter().map(|set| self.client.create(RRSET, set))).await
    }
}

fn server() -> Option<Named> {
    Named::dynamic(&[("example.com", "foreign IN A 192.0.2.99\nbelow IN NS ns1.example.net.\n")])
}

/// Changes `example.com` when it is time.
fn at(moment: Moment, commands: &'static str) -> impl Fn(&Named, Moment) + Send + Sync {
    move |server, now| {
        if now == moment {
            server.change("example.com", commands);
        }
    }
}

/// A set that was changed meanwhile is left alone, and what was sent with it is made: YXRRSET and
/// NXRRSET are answers to both.
#[tokio::test]
async fn what_others_write_between_reading_and_update_is_not_lost() {
    let writes = at(
        Moment::Before(2),
        "update delete shop.example.com. A\nupdate add shop.example.com. 300 A 192.0.2.50\n\
         update add taken.example.com. 300 A 192.0.2.51\nupdate add same.example.com. 300 A 192.0.2.1",
    );
    let Some(world) = World::new(server(), writes).await else { return };
    let shop = world.client.create(RRSET, &rrset("shop", "A", &["192.0.2.1"])).await.expect("creates");
    let news = ["free", "same", "taken"].map(|name| rrset(name, "A", &["192.0.2.1"]));
    let moved = rrset("shop", "A", &["192.0.2.2"]);
    let (changed, made) = futures::join!(world.client.update(RRSET, &shop, &moved), world.create_all(&news));
    assert_eq!(changed.expect_err("is another's").kind, ErrorKind::Conflict);
    let [free, same, taken] = made.try_into().expect("three");
    free.expect("is made");
    same.expect("is there as it is wanted");
    assert!(taken.expect_err("is another's").message.contains("taken.example.com. is there already"));
    for (name, value) in [("shop", "50"), ("free", "1"), ("same", "1"), ("taken", "51"), ("foreign", "99")] {
        let name = format!("{name}.example.com");
        assert_eq!(world.server.ask(&name, "A"), [format!("192.0.2.{value}")], "{name}");
    }
    assert_eq!(world.between.updates(), 3, "one that was refused, and one without what is another's");
}

/// Each change of a zone raises its serial, and so anything that anybody writes is in the way of a
/// change of the start of authority.
#[tokio::test]
async fn a_change_is_made_anew_of_what_is_there_then() {
    let writes = at(Moment::Before(1), "update add new.example.com. 300 A 192.0.2.50");
    let Some(world) = World::new(server(), writes).await else { return };
    let servers = zone("example.com", &["ns3.example.net.", "ns4.example.net."]);
    world.client.create(ZONE, &servers).await.expect("takes over");
    assert_eq!(world.between.updates(), 2);
    assert_eq!(world.server.ask("example.com", "NS"), ["ns3.example.net.", "ns4.example.net."]);
    assert_eq!(world.server.ask("new.example.com", "A"), ["192.0.2.50"]);
}

#[tokio::test]
async fn after_three_attempts_the_others_are_told_of() {
    // Whenever the zone is read all is well, and whenever it is changed it is not.
    let writes = |server: &Named, moment: Moment| match moment {
        Moment::Before(number) if number > 1 => {
            server.change("example.com", "update add shop.example.com. 300 A 192.0.2.50")
        }
        Moment::After(number) if number > 1 => {
            server.change("example.com", "update delete shop.example.com. A 192.0.2.50")
        }
        _ => {}
    };
    let Some(world) = World::new(server(), writes).await else { return };
    let shop = world.client.create(RRSET, &rrset("shop", "A", &["192.0.2.1"])).await.expect("creates");
    let moved = rrset("shop", "A", &["192.0.2.2"]);
    let refused = world.client.update(RRSET, &shop, &moved).await.expect_err("is refused");
    // The engine tries again, after some time.
    assert_eq!(refused.kind, ErrorKind::Transient, "{refused:?}");
    assert!(refused.message.contains("others change the same records again and again"), "{refused:?}");
    assert_eq!(world.between.updates(), 4);
    assert_eq!(world.server.ask("shop.example.com", "A"), ["192.0.2.1"]);
}

/// Sets that fill more than one message, sent in the order of their names.
fn many() -> Vec<Value> {
    (0..300).map(|number| rrset(&format!("a{number:03}"), "TXT", &[&format!("{number} {}", "x".repeat(400))])).collect()
}

#[tokio::test]
async fn what_is_refused_of_a_later_message_takes_nothing_of_the_others_back() {
    let writes = at(Moment::Before(2), "update add a299.example.com. 300 TXT other");
    let Some(world) = World::new(server(), writes).await else { return };
    let outcomes = world.create_all(&many()).await;
    let refused: Vec<&Error> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert!(matches!(&refused[..], [only] if only.message.contains("a299.example.com.")), "{refused:?}");
    assert_eq!(world.server.ask("a299.example.com", "TXT"), ["\"other\""]);
    // Three that were sent, of which the last was refused, and that one without what is another's.
    assert_eq!(world.between.updates(), 4);
    assert_eq!(world.server.transfer("example.com").len(), 300 + 4, "all of them, and what was there");
}

#[tokio::test]
async fn a_message_without_rights_is_refused_whole_and_those_before_are_known_to_be_made() {
    let policy = "grant portolan zonesub TXT;";
    let Some(world) = World::new(Named::with_policy(&[("example.com", "")], policy), |_, _| {}).await else { return };
    let mut sets = many();
    sets.push(rrset("b", "A", &["192.0.2.1"]));
    let outcomes = world.create_all(&sets).await;
    let made: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
    let count = made.iter().filter(|made| **made).count();
    assert!((100..300).contains(&count), "{count} are made");
    assert!(made.is_sorted_by(|one, next| one >= next), "the first ones, by name: {made:?}");
    let denied = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    assert!(denied.clone().all(|error| error.kind == ErrorKind::Denied), "{:?}", denied.collect::<Vec<_>>());
    assert_eq!(world.server.transfer("example.com").len(), count + 2, "what is said to be made, and nothing else");

    // Once the set without rights is taken out, the rest goes on.
    for outcome in world.create_all(&many()).await {
        outcome.expect("is made, or was");
    }
    assert_eq!(world.server.transfer("example.com").len(), 300 + 2);
}

/// BIND answers that all is well, and does nothing.
#[tokio::test]
async fn what_the_server_leaves_out_is_told() {
    for (writes, set) in [
        ("update add www.example.com. 300 A 192.0.2.50", rrset("www", "CNAME", &["shop"])),
        ("update add www.example.com. 300 CNAME shop.example.com.", rrset("www", "A", &["192.0.2.1"])),
        ("update delete below.example.com. NS", rrset("below", "DS", &[&format!("1 13 2 {}", "ab".repeat(32))])),
    ] {
        let Some(world) = World::new(server(), at(Moment::Before(1), writes)).await else { return };
        let ignored = world.client.create(RRSET, &set).await.expect_err(writes);
        assert_eq!(ignored.kind, ErrorKind::Failed, "{writes}: {ignored:?}");
        assert!(ignored.message.contains("accepted a change of"), "{writes}: {ignored:?}");
        assert_eq!(world.between.updates(), 1, "{writes}");
    }
}

/// The last nameserver cannot be taken away: it goes after the others have come, whoever takes away
/// what was read.
#[tokio::test]
async fn a_zone_keeps_a_nameserver_whatever_others_do() {
    let writes = at(Moment::Before(1), "update add example.com. 3600 NS ns9.example.net.");
    let Some(world) = World::new(server(), writes).await else { return };
    let made = world.client.create(ZONE, &zone("example.com", &["ns1.example.net."])).await.expect("takes over");
    // The zone was as it was wanted, and nothing was sent.
    assert_eq!(world.between.updates(), 0);
    world.server.change("example.com", "update delete example.com. NS");
    assert_eq!(world.server.ask("example.com", "NS"), ["ns1.example.net."], "the server left it out");
    let next = zone("example.com", &["ns2.example.net."]);
    let refused = world.client.update(ZONE, &made, &next).await.expect_err("another's nameserver is there");
    assert_eq!(refused.kind, ErrorKind::Conflict, "{refused:?}");
    assert_eq!(world.server.ask("example.com", "NS"), ["ns1.example.net.", "ns9.example.net."]);
    world.server.change("example.com", "update delete example.com. NS ns9.example.net.");
    world.client.update(ZONE, &made, &next).await.expect("changes");
    assert_eq!(world.server.ask("example.com", "NS"), ["ns2.example.net."]);
}

/// A zone of which a little changed is not transferred whole.
#[tokio::test]
async fn only_what_changed_is_transferred_where_the_server_tells() {
    let Some(world) = World::new(server(), |_, _| {}).await else { return };
    for outcome in world.create_all(&many()).await {
        outcome.expect("creates");
    }
    let count = |what: &str| world.server.log().matches(what).count();
    let (whole, changes) = (count("AXFR started"), count("IXFR started"));
    let shop = world.client.create(RRSET, &rrset("shop", "A", &["192.0.2.1"])).await.expect("creates");
    world.client.read(RRSET, &shop).await.expect("reads").expect("is there");
    assert_eq!(count("AXFR started"), whole, "{}", world.server.log());
    assert!(count("IXFR started") > changes, "{}", world.server.log());
}
