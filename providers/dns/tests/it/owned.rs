//! Records that are marked as somebody's, on a real name server.

use portolan_dns::DnsProvider;
use portolan_lang::{AttributePath, Type, Value};
use portolan_provider::conformance::Client;
use portolan_provider::{ErrorKind, Wanted};
use portolan_test_support::Named;

use crate::dynamic::connection;
use crate::world::{RRSET, rrset};

const FOREIGN: &str = "foreign IN A 192.0.2.99\n";

async fn client(server: &Named, owner: Option<&str>) -> Client {
    let rfc2136 = connection(server, Named::KEY).get("rfc2136").expect("a block");
    let config = Value::object([("rfc2136", rfc2136), ("owner", text(owner))]);
    Client::connect(DnsProvider::new(), &config).await.expect("connects")
}

fn text(owner: Option<&str>) -> Value {
    owner.map_or_else(|| Value::null(Type::String), Value::string)
}

fn owned(name: &str, value: &str, owner: Option<&str>) -> Value {
    rrset(name, "A", &[value]).with(&AttributePath::attribute("owner"), text(owner))
}

fn server() -> Option<Named> {
    Named::dynamic(&[("example.com", FOREIGN)])
}

#[tokio::test]
async fn what_is_made_is_marked_and_the_mark_goes_with_it() {
    let Some(server) = server() else { return };
    let shop = client(&server, Some("shop")).await;
    let object = shop.create(RRSET, &owned("web", "192.0.2.1", Some("shop"))).await.expect("creates");
    assert_eq!(server.ask("web.a._portolan.example.com", "TXT"), ["\"portolan owner=shop\""]);
    assert_eq!(shop.read(RRSET, &object).await.expect("reads"), Some(object.value.clone()));
    shop.delete(RRSET, &object).await.expect("deletes");
    assert_eq!(server.transfer("example.com").len(), 3, "its own records, and the foreign one");
}

#[tokio::test]
async fn foreign_records_stay_when_the_state_is_lost_and_own_ones_are_known() {
    let Some(server) = server() else { return };
    let shop = client(&server, Some("shop")).await;
    shop.create(RRSET, &owned("web", "192.0.2.1", Some("shop"))).await.expect("creates");

    // Nothing is recorded any more. What is there by chance as it is wanted is not taken for one's own.
    let again = shop.create(RRSET, &owned("web", "192.0.2.2", Some("shop"))).await.expect("takes over");
    assert_eq!(server.ask("web.example.com", "A"), ["192.0.2.2"]);
    let refused = shop.create(RRSET, &owned("foreign", "192.0.2.99", Some("shop"))).await.expect_err("is refused");
    assert_eq!(refused.kind, ErrorKind::Conflict, "{refused:?}");
    assert!(refused.message.contains("not marked"), "{refused:?}");

    // Nor is what an interrupted run may have made.
    let wanted = |identity: &str| Wanted { resource_type: RRSET.into(), identity: identity.into(), prior: None };
    let sought = [wanted("example.com/foreign.example.com/A"), wanted("example.com/web.example.com/A")];
    let found: Vec<_> = shop.session.read(&sought).await.into_iter().map(|found| found.expect("reads")).collect();
    assert_eq!(found, [None, Some(again.value.clone())]);

    let other = client(&server, Some("other")).await;
    let mut theirs = again.clone();
    theirs.value = owned("web", "192.0.2.2", Some("other"));
    for refused in [
        other.create(RRSET, &owned("web", "192.0.2.2", Some("other"))).await.expect_err("is refused"),
        other.update(RRSET, &theirs, &owned("web", "192.0.2.3", Some("other"))).await.expect_err("is refused"),
        other.delete(RRSET, &theirs).await.expect_err("is refused"),
    ] {
        assert_eq!(refused.kind, ErrorKind::Conflict, "{refused:?}");
        assert!(refused.message.contains("that of \"shop\""), "{refused:?}");
    }
    assert_eq!(server.ask("web.example.com", "A"), ["192.0.2.2"]);
}

#[tokio::test]
async fn marks_are_switched_on_and_off() {
    let Some(server) = server() else { return };
    let plain = client(&server, None).await;
    let unmarked = plain.create(RRSET, &owned("web", "192.0.2.1", None)).await.expect("creates");
    let shop = client(&server, Some("shop")).await;
    let live = shop.read(RRSET, &unmarked).await.expect("reads").expect("is there");
    assert_eq!(live.get("owner"), Some(Value::null(Type::String)));
    let marked = shop.update(RRSET, &unmarked, &owned("web", "192.0.2.1", Some("shop"))).await.expect("marks");
    assert_eq!(server.ask("web.a._portolan.example.com", "TXT"), ["\"portolan owner=shop\""]);

    // A mark that was taken away is a difference.
    server.change("example.com", "update delete web.a._portolan.example.com. TXT");
    let live = shop.read(RRSET, &marked).await.expect("reads").expect("is there");
    assert_eq!(live.get("owner"), Some(Value::null(Type::String)));
    shop.update(RRSET, &unmarked, &owned("web", "192.0.2.1", Some("shop"))).await.expect("marks again");

    plain.update(RRSET, &marked, &owned("web", "192.0.2.1", None)).await.expect("takes the mark away");
    assert_eq!(server.ask("web.a._portolan.example.com", "TXT"), [""; 0]);
    assert_eq!(server.ask("web.example.com", "A"), ["192.0.2.1"]);
}

#[tokio::test]
async fn names_of_owners_are_checked() {
    let Some(server) = server() else { return };
    let shop = client(&server, None).await;
    for wrong in ["", "a b", "a\"b", &"x".repeat(101)] {
        let problems = shop.provider.validate(RRSET, &owned("web", "192.0.2.1", Some(wrong)));
        assert_eq!(problems.len(), 1, "{wrong:?}: {problems:?}");
    }
}
