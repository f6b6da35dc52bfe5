//! A real name server serves what is written.

use std::time::{Duration, Instant};

use portolan_test_support::Named;

use crate::world::{RRSET, World, rrset};

#[tokio::test]
async fn a_name_server_answers_what_was_configured() {
    let world = World::with_zone().await;
    let long = "0123456789".repeat(40);
    let records = [
        ("shop", "A", &["192.0.2.1", "192.0.2.2"][..]),
        ("shop", "AAAA", &["2001:db8::1"]),
        ("www", "CNAME", &["shop"]),
        ("*.dev", "A", &["192.0.2.3"]),
        ("@", "MX", &["10 mail.example.net."]),
        ("@", "TXT", &["say \"hi\""]),
        ("long", "TXT", &[&long]),
        ("_sip._tcp", "SRV", &["0 5 5060 sip.example.net."]),
        ("@", "CAA", &["0 issue ca.example.net"]),
        ("bücher", "A", &["192.0.2.4"]),
    ];
    let mut shop = None;
    for (name, rtype, values) in records {
        let object = world.create(RRSET, &rrset(name, rtype, values)).await.expect(name);
        shop = shop.or(Some(object));
    }
    let file = world.path("example.com");
    let zone = format!("zone \"example.com\" {{ type primary; file \"{}\"; }};\n", file.display());
    let Some(server) = Named::start(|_| zone) else { return };
    assert_eq!(server.ask("shop.example.com", "A"), ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(server.ask("shop.example.com", "AAAA"), ["2001:db8::1"]);
    assert_eq!(server.ask("www.example.com", "CNAME"), ["shop.example.com."]);
    assert_eq!(server.ask("anything.dev.example.com", "A"), ["192.0.2.3"]);
    assert_eq!(server.ask("example.com", "MX"), ["10 mail.example.net."]);
    assert_eq!(server.ask("example.com", "TXT"), [r#""say \"hi\"""#]);
    assert_eq!(server.ask("long.example.com", "TXT"), [format!("\"{}\" \"{}\"", &long[..255], &long[255..])]);
    assert_eq!(server.ask("_sip._tcp.example.com", "SRV"), ["0 5 5060 sip.example.net."]);
    assert_eq!(server.ask("example.com", "CAA"), [r#"0 issue "ca.example.net""#]);
    assert_eq!(server.ask("xn--bcher-kva.example.com", "A"), ["192.0.2.4"]);

    // The server takes the new file for newer, because the serial rose.
    let shop = shop.expect("an object");
    world.update(RRSET, &shop, &rrset("shop", "A", &["192.0.2.9"])).await.expect("updates");
    server.reload();
    let started = Instant::now();
    while server.ask("shop.example.com", "A") != ["192.0.2.9"] {
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", server.ask("shop.example.com", "A"));
        std::thread::sleep(Duration::from_millis(100));
    }
}
