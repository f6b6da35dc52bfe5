//! Chains of zone states from a public suite: each is reached from the one before, in a directory and
//! on a real name server, and a second plan is empty.
//!
//! The file is read from the folder that `PORTOLAN_VECTORS` names. What a state holds beside what is
//! wanted is left alone: it is somebody else's from then on. Where that is one record of a set of which
//! the others are wanted, the whole set is wanted, because a set has one owner.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use portolan_lang::{Type, Value};
use portolan_provider::conformance::Client;
use portolan_provider::{Applied, ErrorKind};
use portolan_test_support::Named;
use serde_json::Value as Json;

use crate::checkzone;
use crate::dynamic::connection;
use crate::world::{RRSET, World, ZONE, zone};
use portolan_dns::DnsProvider;

const ORIGIN: &str = "example.test.";

/// The types that are left out of all states, and why.
const LEFT_OUT: [(&str, &str); 2] = [
    ("SOA", "it is not a set of its own but the zone's, written in dns_zone"),
    ("DNSKEY", "keys are made and published by the server that signs"),
];

type Key = (String, String);
type Sets = BTreeMap<Key, (i64, BTreeSet<String>)>;

/// The record sets of a state.
fn sets(state: &Json) -> Sets {
    let mut sets = Sets::new();
    for record in state.as_array().expect("records") {
        let text = |name: &str| record[name].as_str().expect("text").to_owned();
        let (owner, rtype) = (text("name"), text("type"));
        let is_left_out = LEFT_OUT.iter().any(|(left_out, _)| *left_out == rtype);
        if is_left_out || (owner == ORIGIN && rtype == "NS") {
            continue;
        }
        let value = if rtype == "TXT" { unquoted(&text("rdata")) } else { text("rdata") };
        let ttl = record["ttl"].as_i64().expect("a number");
        let set = sets.entry((owner.to_lowercase(), rtype)).or_insert((ttl, BTreeSet::new()));
        set.1.insert(value);
    }
    sets
}

/// The text of a TXT record in the form of zone files.
fn unquoted(rdata: &str) -> String {
    let mut text = String::new();
    let mut quoted = false;
    let mut characters = rdata.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => quoted = !quoted,
            '\\' => text.extend(characters.next()),
            ' ' if !quoted => {}
            other => text.push(other),
        }
    }
    text
}

fn config(key: &(String, String), set: &(i64, BTreeSet<String>)) -> Value {
    Value::object([
        ("zone", Value::string("example.test")),
        ("name", Value::string(key.0.as_str())),
        ("type", Value::string(key.1.as_str())),
        ("ttl", Value::number(set.0)),
        ("values", Value::set(Type::String, set.1.iter().map(|value| Value::string(value.as_str())))),
        ("owner", Value::null(Type::String)),
    ])
}

/// A place of zones, and what is recorded of it.
struct Place<'a> {
    client: &'a Client,
    recorded: BTreeMap<Key, Applied>,
}

impl Place<'_> {
    /// Makes all changes to what is wanted at the same time, as the engine does; what was refused.
    async fn reach(&mut self, wanted: &Sets, after: &Sets, id: &str) -> Vec<(Key, String)> {
        let is_foreign = |key: &Key| !wanted.contains_key(key) && after.contains_key(key);
        self.recorded.retain(|key, _| !is_foreign(key));
        let (stays, goes): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.recorded).into_iter().partition(|(key, _)| wanted.contains_key(key));
        let this = &*self;
        let put = |key: &Key| {
            let (key, set) = (key.clone(), if after.contains_key(key) { &after[key] } else { &wanted[key] });
            let before = stays.get(&key).cloned();
            let config = config(&key, set);
            async move {
                let before = match before {
                    Some(before) => Some(before),
                    None => this.import(&key, id).await,
                };
                let object = match before {
                    Some(before) => this.client.update(RRSET, &before, &config).await,
                    None => this.client.create(RRSET, &config).await,
                };
                (key, config, object)
            }
        };
        let gone = join_all(goes.values().map(|object| this.client.delete(RRSET, object)));
        let (gone, put) = futures::join!(gone, join_all(wanted.keys().map(put)));
        gone.into_iter().for_each(|outcome| outcome.expect(id));
        let (mut refused, mut made) = (Vec::new(), BTreeMap::new());
        for (key, config, object) in put {
            // What others were in the way of is tried again, as the engine does.
            let object = match object {
                Err(error) if error.kind == ErrorKind::Transient => this.client.create(RRSET, &config).await,
                object => object,
            };
            match object {
                Ok(object) => {
                    let live = self.client.read(RRSET, &object).await.expect(id);
                    assert_eq!(live.as_ref(), Some(&object.value), "{id}");
                    let again = self.client.plan(RRSET, live.as_ref(), &config).await.expect(id);
                    assert_eq!(again.value, object.value, "{id}: a second plan is not empty");
                    made.insert(key, object);
                }
                Err(error) => refused.push((key, error.message)),
            }
        }
        self.recorded = made;
        refused
    }

    /// What was somebody else's.
    async fn import(&self, (owner, rtype): &Key, id: &str) -> Option<Applied> {
        let identity = format!("example.test/{}/{rtype}", owner.trim_end_matches('.'));
        self.client.session.import(RRSET, &identity).await.expect(id)
    }
}

/// All chains of the file, one after the other; how many states were reached. `looks` judges each.
async fn walk(client: &Client, mut looks: impl FnMut(&Sets, &str)) -> Option<usize> {
    let Some(folder) = std::env::var_os("PORTOLAN_VECTORS") else {
        eprintln!("skipped: PORTOLAN_VECTORS is not set");
        return None;
    };
    let path = std::path::Path::new(&folder).join("upstream/dns.jsonl");
    let text = std::fs::read_to_string(path).expect("vectors");
    let mut group = String::new();
    let mut place = Place { client, recorded: BTreeMap::new() };
    let mut foreign = Sets::new();
    let mut states = 0;
    for line in text.lines().skip(1) {
        let case: Json = serde_json::from_str(line).expect("JSON");
        let id = case["id"].as_str().expect("text");
        if case["group"] != group.as_str() {
            // Every chain begins with nothing.
            group = case["group"].as_str().expect("text").to_owned();
            place.reach(&std::mem::take(&mut foreign), &Sets::new(), id).await;
            place.reach(&Sets::new(), &Sets::new(), id).await;
        }
        let (wanted, mut after) = (sets(&case["desired"]), sets(&case["after"]));
        let refused = place.reach(&wanted, &after, id).await;
        // A server would accept the keys of a zone below where there is none, and leave them out.
        for ((owner, rtype), why) in refused {
            assert!(case["bind918"] == "silently_ignored" && rtype == "DS", "{id}: {owner} {rtype}: {why}");
            let is_told = match owner == ORIGIN {
                true => why.contains("cannot have a DS record set"),
                false => why.contains("needs NS records of the same name"),
            };
            assert!(is_told, "{id}: {why}");
            after.remove(&(owner, rtype));
        }
        looks(&after, id);
        foreign = after;
        states += 1;
    }
    Some(states)
}

#[tokio::test]
async fn every_state_is_reached_in_a_directory() {
    let world = World::new().await;
    world.create(ZONE, &zone("example.test", &["ns.example.com."])).await.expect("a zone");
    let path = world.path("example.test");
    let states = walk(&world, |_, _| {
        checkzone::accepts("example.test", &path);
    })
    .await;
    assert!(states.is_none_or(|states| states == 284), "{states:?}");
}

#[tokio::test]
async fn every_state_is_reached_on_a_server() {
    let Some(server) = Named::dynamic(&[("example.test", "")]) else { return };
    let client = Client::connect(DnsProvider::new(), &connection(&server, Named::KEY)).await.expect("connects");
    let states = walk(&client, |after, id| {
        let mut wanted: Vec<(String, String, i64)> = after
            .iter()
            .flat_map(|((owner, rtype), (ttl, data))| data.iter().map(|_| (owner.clone(), rtype.clone(), *ttl)))
            .collect();
        wanted.sort();
        assert_eq!(transferred(&server), wanted, "{id}");
    })
    .await;
    assert!(states.is_none_or(|states| states == 284), "{states:?}");
}

/// The owner, type and time to live of each record that another program transfers, without what every
/// zone has.
fn transferred(server: &Named) -> Vec<(String, String, i64)> {
    let mut records: Vec<(String, String, i64)> = server
        .transfer("example.test")
        .iter()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [owner, ttl, _, rtype, ..] = fields.as_slice() else { return None };
            let is_base = *rtype == "SOA" || (*rtype == "NS" && *owner == ORIGIN);
            (!is_base).then(|| (owner.to_lowercase(), (*rtype).to_owned(), ttl.parse().expect("a number")))
        })
        .collect();
    records.sort();
    records
}
