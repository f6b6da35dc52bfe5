//! What is written is read back as it was.

use std::collections::BTreeSet;

use portolan_dns::name;
use portolan_dns::record::{self, RecordData};
use portolan_dns::zone::{Apex, Key, RecordSet, Soa, Zone};
use portolan_dns::zonefile;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

fn origin() -> name::Name {
    name::zone("example.com").expect("a zone")
}

fn soa(serial: u32) -> Soa {
    let host = |text| name::host(text, &origin()).expect("a name");
    let contact = name::mailbox("dns.admin@example.com", &origin()).expect("a mailbox");
    let (refresh, retry, expire, minimum, ttl) = (7200, 900, 1_209_600, 300, 3600);
    Soa { primary: host("ns1.example.net."), contact, serial, refresh, retry, expire, minimum, ttl }
}

fn owner() -> impl Strategy<Value = String> {
    prop_oneof![Just("@".to_owned()), "(\\*\\.)?[a-z0-9_]{1,12}(\\.[a-z0-9_]{1,12}){0,2}"]
}

fn value() -> impl Strategy<Value = (&'static str, String)> {
    let host = "[a-z0-9]{1,10}(\\.[a-z]{1,10}\\.)?";
    prop_oneof![
        any::<[u8; 4]>().prop_map(|octets| ("A", std::net::Ipv4Addr::from(octets).to_string())),
        any::<[u8; 16]>().prop_map(|octets| ("AAAA", std::net::Ipv6Addr::from(octets).to_string())),
        (any::<u16>(), host).prop_map(|(preference, host)| ("MX", format!("{preference} {host}"))),
        (any::<u16>(), any::<u16>(), host)
            .prop_map(|(weight, port, host)| ("SRV", format!("1 {weight} {port} {host}"))),
        any::<String>().prop_map(|text| ("TXT", text)),
        "[ -~\"\\\\;()@$]{0,700}".prop_map(|text| ("TXT", text)),
        "[!#-\\[\\]-~ ]{0,60}".prop_map(|value| ("CAA", format!("0 issue \"{value}\""))),
        host.prop_map(|host| ("PTR", host)),
    ]
}

fn zone() -> impl Strategy<Value = Zone> {
    let sets = btree_map(owner(), vec((value(), 0_u32..=i32::MAX as u32), 1..4), 0..20);
    (any::<u32>(), sets).prop_map(|(serial, sets)| {
        let data =
            BTreeSet::from([record::from_value(record::TYPES[7], "ns1.example.net.", &origin()).expect("a server")]);
        let mut zone = Zone::new(origin(), Apex { soa: soa(serial), nameservers: RecordSet { ttl: 60, data } });
        for (owner, values) in sets {
            let owner = name::owner(&owner, &origin()).expect("an owner");
            for ((rtype, text), ttl) in values {
                let rtype = record::rtype(rtype).expect("a type");
                let data: RecordData = record::from_value(rtype, &text, &origin()).expect("a value");
                let key = Key { owner: owner.clone(), rtype };
                zone.sets.entry(key).or_insert(RecordSet { ttl, data: BTreeSet::new() }).data.insert(data);
            }
        }
        zone
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn zones_are_read_as_they_were_written(zone in zone()) {
        let text = zonefile::write(&zone);
        let read = zonefile::read(text.as_bytes(), &origin());
        prop_assert_eq!(read.as_ref(), Ok(&zone), "{}", text);
        prop_assert_eq!(zonefile::write(&read.expect("a zone")), text);
    }

    #[test]
    fn no_text_panics_the_reader(text in any::<Vec<u8>>()) {
        let _ = zonefile::read(&text, &origin());
    }

    #[test]
    fn no_line_panics_the_reader(text in "([a-z@*$\\\\\"();. 0-9]|\n|IN|TXT|SOA|A|\\$TTL|\\$ORIGIN){0,60}") {
        let _ = zonefile::read(text.as_bytes(), &origin());
    }

    #[test]
    fn no_value_panics(rtype in 0..record::TYPES.len(), text in any::<String>()) {
        let _ = record::from_value(record::TYPES[rtype], &text, &origin());
        let _ = name::owner(&text, &origin());
        let _ = name::mailbox(&text, &origin());
    }
}
