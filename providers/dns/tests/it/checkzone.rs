//! `named-checkzone` accepts what is written.

use std::path::Path;
use std::process::Command;

use portolan_test_support::tools;

use crate::world::{RRSET, World, rrset};

/// Has the real program look at a zone file; false where servers are left out.
pub(crate) fn accepts(zone: &str, path: &Path) -> bool {
    let Some(program) = tools::program("named-checkzone", "bind9-utils") else { return false };
    let output = tools::run(Command::new(program).args(["-i", "local", zone]).arg(path));
    let text = std::fs::read_to_string(path).unwrap_or_default();
    assert!(output.status.success(), "{}\n{text}", tools::said(&output));
    true
}

#[tokio::test]
async fn every_type_is_accepted() {
    let world = World::with_zone().await;
    let long = "long text \" \\ ; ( ) ü ".repeat(60);
    let records = [
        ("a", "A", &["192.0.2.1", "192.0.2.2"][..]),
        ("a", "AAAA", &["2001:db8::1"]),
        ("*.b", "A", &["192.0.2.1"]),
        ("c", "CNAME", &["a"]),
        ("@", "MX", &["10 a", "20 mail.example.net."]),
        ("nomail", "MX", &["0 ."]),
        ("t", "TXT", &["", "$TTL 0 ; x", &long, "tab\tnew\nline"]),
        ("_sip._tcp", "SRV", &["0 5 5060 a"]),
        ("@", "CAA", &["0 issue \";\"", "128 issuewild ca.example.net; x=y"]),
        ("sub", "NS", &["ns1.example.net."]),
        ("p", "PTR", &["a"]),
        ("0/25", "PTR", &["a"]),
        ("bücher", "A", &["192.0.2.1"]),
    ];
    for (name, rtype, values) in records {
        world.create(RRSET, &rrset(name, rtype, values)).await.expect(name);
        if !accepts("example.com", &world.path("example.com")) {
            return;
        }
    }
}
