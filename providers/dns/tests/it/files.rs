//! What happens to the file of a zone.

use std::sync::atomic::Ordering;
use std::time::Instant;

use futures::future::join_all;
use portolan_lang::{AttributePath, Type, Value};
use portolan_provider::ErrorKind;

use crate::world::{RRSET, World, ZONE, rrset, zone};

#[tokio::test]
async fn a_zone_is_written_to_be_read_by_people() {
    let world = World::new().await;
    world.create(ZONE, &zone("example.com", &["ns1.example.net.", "ns2.example.net."])).await.expect("a zone");
    for (name, rtype, values) in [
        ("www", "CNAME", &["shop"][..]),
        ("shop", "A", &["192.0.2.2", "192.0.2.1"]),
        ("*.dev", "A", &["192.0.2.3"]),
        ("@", "MX", &["10 mail.example.net."]),
        ("@", "TXT", &["v=spf1 -all"]),
        ("@", "CAA", &["0 issue ca.example.net"]),
        ("_sip._tcp", "SRV", &["0 5 5060 sip.example.net."]),
        ("a.shop", "AAAA", &["2001:DB8::1"]),
    ] {
        world.create(RRSET, &rrset(name, rtype, values)).await.expect(name);
    }
    let want = r#"; Managed by Portolan. Records that are added by hand are kept, comments are not.
$ORIGIN example.com.
$TTL 3600
@         3600    IN SOA   ns1.example.net. hostmaster.example.com. (
                           2026030408 ; serial
                           7200       ; refresh
                           900        ; retry
                           1209600    ; expire
                           300        ; minimum
                           )
@         3600    IN NS    ns1.example.net.
@         3600    IN NS    ns2.example.net.
@         300     IN MX    10 mail.example.net.
@         300     IN TXT   "v=spf1 -all"
@         300     IN CAA   0 issue "ca.example.net"
_sip._tcp 300     IN SRV   0 5 5060 sip.example.net.
*.dev     300     IN A     192.0.2.3
shop      300     IN A     192.0.2.1
shop      300     IN A     192.0.2.2
a.shop    300     IN AAAA  2001:db8::1
www       300     IN CNAME shop.example.com.
"#;
    assert_eq!(world.text(), want);
}

#[tokio::test]
async fn the_serial_rises_with_a_change_and_only_then() {
    let world = World::with_zone().await;
    assert_eq!(world.serial(), 2_026_030_400);
    let shop = world.create(RRSET, &rrset("shop", "A", &["192.0.2.1"])).await.expect("a record");
    assert_eq!(world.serial(), 2_026_030_401);
    let before = world.text();
    world.create(RRSET, &rrset("shop", "A", &["192.0.2.1"])).await.expect("the same again");
    world.update(RRSET, &shop, &rrset("shop", "A", &["192.0.2.1"])).await.expect("no change");
    assert_eq!(world.text(), before);
    world.clock.0.store(20_260_305, Ordering::SeqCst);
    world.delete(RRSET, &shop).await.expect("deletes");
    assert_eq!(world.serial(), 2_026_030_500);
    world.delete(RRSET, &shop).await.expect("deletes again");
    assert_eq!(world.serial(), 2_026_030_500);
}

#[tokio::test]
async fn records_by_hand_are_kept() {
    let world = World::with_zone().await;
    let by_hand = "legacy 60 IN A 192.0.2.200\n\
                   legacy 60 IN TXT \"a\" \"b\"\n\
                   _443._tcp 60 IN TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n\
                   odd 60 IN TYPE65280 \\# 3 010203\n";
    world.edit(|text| text + by_hand);
    world.create(RRSET, &rrset("shop", "A", &["192.0.2.1"])).await.expect("a record");
    let text = world.text();
    for kept in ["192.0.2.200", "\"a\" \"b\"", "TLSA  3 1 1 ", "TYPE65280 \\# 3 01"] {
        assert!(text.contains(kept), "{kept} is not in\n{text}");
    }
    let error = world.create(RRSET, &rrset("legacy", "A", &["192.0.2.1"])).await.expect_err("it is there already");
    assert_eq!(error.kind, ErrorKind::Failed);
    let error = world.create(RRSET, &rrset("legacy", "CNAME", &["shop"])).await.expect_err("a conflict");
    assert_eq!(error.kind, ErrorKind::Transient);
    let imported = world.session.import(RRSET, "example.com/legacy.example.com/A").await.expect("reads");
    let imported = imported.expect("an object");
    assert_eq!(imported.value.get("ttl"), Some(Value::number(60)));
    world.update(RRSET, &imported, &rrset("legacy", "A", &["192.0.2.1"])).await.expect("updates");
    assert!(!world.text().contains("192.0.2.200"));
}

#[tokio::test]
async fn a_change_by_hand_is_drift_and_a_later_one_a_conflict() {
    let world = World::with_zone().await;
    let shop = world.create(RRSET, &rrset("shop", "A", &["192.0.2.1"])).await.expect("a record");
    world.edit(|text| text.replace("192.0.2.1", "192.0.2.66"));
    let live = world.read(RRSET, &shop).await.expect("reads").expect("is there");
    assert_eq!(live.get("values"), Some(Value::set(Type::String, [Value::string("192.0.2.66")])));
    let error = world.update(RRSET, &shop, &rrset("shop", "A", &["192.0.2.2"])).await.expect_err("a conflict");
    assert_eq!(error.kind, ErrorKind::Conflict);
    let error = world.delete(RRSET, &shop).await.expect_err("a conflict");
    assert_eq!(error.kind, ErrorKind::Conflict);
}

#[tokio::test]
async fn what_could_not_be_configured_can_be_mended() {
    let world = World::with_zone().await;
    let shop = world.create(RRSET, &rrset("www", "CNAME", &["shop"])).await.expect("a record");
    world.edit(|text| text.replace("shop.example.com.", "shop\\ 1.example.com."));
    let live = world.read(RRSET, &shop).await.expect("reads").expect("is there");
    let live = portolan_provider::Applied { value: live, ..shop };
    world.update(RRSET, &live, &rrset("www", "CNAME", &["shop"])).await.expect("mends");
    assert!(world.text().contains("CNAME shop.example.com."), "{}", world.text());
}

#[tokio::test]
async fn words_that_mean_the_same_are_no_drift() {
    let world = World::with_zone().await;
    let long = "x".repeat(700);
    for (name, rtype, values) in [
        ("v6", "AAAA", &["2001:DB8:0::1"][..]),
        ("Mail", "MX", &["10 MAIL.example.net."]),
        ("text", "TXT", &[&long, "quote \" and \\ and ü"]),
        ("münchen", "CNAME", &["straße.example."]),
        ("none", "MX", &["0 ."]),
    ] {
        let object = world.create(RRSET, &rrset(name, rtype, values)).await.expect(name);
        assert_eq!(world.read(RRSET, &object).await.expect("reads"), Some(object.value.clone()), "{name}");
    }
}

#[tokio::test]
async fn a_broken_file_is_told_with_its_line_and_left_alone() {
    let world = World::with_zone().await;
    let lines = world.text().lines().count();
    world.edit(|text| text + "shop 300 IN A not-an-address\n");
    let broken = world.text();
    let error = world.create(RRSET, &rrset("www", "A", &["192.0.2.1"])).await.expect_err("broken");
    assert_eq!(error.kind, ErrorKind::Failed);
    assert!(error.message.contains(&format!("line {}", lines + 1)), "{error}");
    assert_eq!(world.text(), broken);
    for (by_hand, want) in [
        ("$INCLUDE other.zone\n", "$INCLUDE"),
        ("other.example.net. 1 IN A 192.0.2.1\n", "does not lie in the zone"),
        ("@ 1 IN SOA a. b. 1 1 1 1 1\n", "second SOA"),
        ("x 1 CH TXT \"a\"\n", "line"),
    ] {
        let world = World::with_zone().await;
        let lines = world.text().lines().count();
        world.edit(|text| format!("{text}\n{by_hand}"));
        let error = world.create(RRSET, &rrset("www", "A", &["192.0.2.1"])).await.expect_err(by_hand);
        assert!(error.message.contains(want), "{error}");
        assert!(error.message.contains(&format!("line {}", lines + 2)), "{error}");
    }
}

#[tokio::test]
async fn a_zone_goes_when_it_is_empty() {
    let world = World::new().await;
    let zone = world.create(ZONE, &zone("example.com", &["ns1.example.net."])).await.expect("a zone");
    let shop = world.create(RRSET, &rrset("shop", "A", &["192.0.2.1"])).await.expect("a record");
    let error = world.delete(ZONE, &zone).await.expect_err("not empty");
    assert!(error.message.contains("shop.example.com."), "{error}");
    world.delete(RRSET, &shop).await.expect("deletes");
    world.delete(ZONE, &zone).await.expect("deletes");
    assert!(!world.path("example.com").exists());
    assert_eq!(world.read(RRSET, &shop).await.expect("reads"), None);
    let error = world.create(RRSET, &rrset("shop", "A", &["192.0.2.1"])).await.expect_err("no zone");
    assert!(error.message.contains("there is no zone example.com"), "{error}");
}

#[tokio::test]
async fn what_is_said_of_a_zone_is_kept_and_the_rest_is_mended() {
    let world = World::new().await;
    let soa = Value::object([
        ("primary", Value::string("ns2.example.net.")),
        ("contact", Value::string("dns.admin@example.com")),
        ("refresh", Value::number(60)),
        ("retry", Value::null(Type::Number)),
        ("expire", Value::null(Type::Number)),
        ("minimum", Value::null(Type::Number)),
    ]);
    let said = zone("example.com", &["ns1.example.net.", "ns2.example.net."]);
    let said = said.with(&AttributePath::attribute("soa"), soa);
    let object = world.create(ZONE, &said).await.expect("a zone");
    assert!(world.text().contains("ns2.example.net. dns\\.admin.example.com. ("), "{}", world.text());
    assert_eq!(world.read(ZONE, &object).await.expect("reads"), Some(object.value.clone()));
    assert_eq!(world.plan(ZONE, Some(&object.value), &said).await.expect("plans").value, object.value);

    world.edit(|text| text.replace("900 ", "901 ").replace("3600 ", "61 "));
    let live = world.read(ZONE, &object).await.expect("reads").expect("is there");
    assert_eq!(live.get("soa").and_then(|soa| soa.get("retry")), Some(Value::number(901)));
    let live = portolan_provider::Applied { value: live, ..object };
    world.update(ZONE, &live, &said).await.expect("mends");
    assert!(world.text().contains("900        ; retry"), "{}", world.text());
    assert!(world.text().contains("3600    IN NS"), "{}", world.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_records_are_few_writes() {
    let world = World::with_zone().await;
    let started = Instant::now();
    let configs: Vec<Value> = (0..10_000).map(|n| rrset(&format!("h{n}"), "A", &["192.0.2.1"])).collect();
    let outcomes = join_all(configs.iter().map(|config| world.create(RRSET, config))).await;
    assert!(outcomes.iter().all(Result::is_ok));
    let writes = world.serial() - 2_026_030_400;
    assert!(writes < 100, "{writes} writes");
    assert_eq!(world.text().lines().filter(|line| line.starts_with('h')).count(), 10_000);
    eprintln!("10,000 records: {writes} writes, {:?}", started.elapsed());
}

#[tokio::test]
async fn wrong_configurations_are_told_with_their_paths() {
    let world = World::new().await;
    let problems = |config: &Value| {
        let errors = world.provider.validate(RRSET, config);
        errors.iter().map(|error| format!("{}: {error}", error.path.as_ref().expect("a path"))).collect::<Vec<_>>()
    };
    assert_eq!(
        problems(&rrset("shop", "A", &["192.0.2.1", "300.1.1.1"])),
        ["values[1]: \"300.1.1.1\" is not an IPv4 address, such as 192.0.2.1"]
    );
    assert_eq!(
        problems(&rrset("www", "CNAME", &["shop.example.net"])),
        ["values[0]: \"shop.example.net\" must end in a dot: write \"shop.example.net.\""]
    );
    for (name, rtype, values) in [
        ("a b", "A", &["192.0.2.1"][..]),
        ("a", "a", &["192.0.2.1"]),
        ("a", "SOA", &["x"]),
        ("a", "A", &[]),
        ("@", "NS", &["ns1"]),
        ("@", "CNAME", &["a"]),
        ("a", "CNAME", &["a", "b"]),
        ("a", "MX", &["mail"]),
        ("a", "MX", &["70000 mail"]),
        ("a", "SRV", &["1 2 mail"]),
        ("a", "CAA", &["0 issue \"a\\b\""]),
        ("a", "CAA", &["256 issue a"]),
        ("a", "A", &["192.0.2.1\n@ IN NS evil."]),
        ("a", "CNAME", &["x ; y"]),
    ] {
        assert!(!problems(&rrset(name, rtype, values)).is_empty(), "{name} {rtype} {values:?}");
    }
    let unknown = rrset("shop", "A", &[]).with(&AttributePath::attribute("values"), Value::unknown(Type::Any));
    assert_eq!(problems(&unknown), [""; 0]);
}
