//! Chains of zone states from a public suite: each is reached from the one before.
//!
//! The file is read from the folder that `PORTOLAN_VECTORS` names. Types that cannot be
//! configured are left out of the states.

use std::collections::{BTreeMap, BTreeSet};

use portolan_dns::record::TYPES;
use portolan_lang::{Type, Value};
use portolan_provider::Applied;
use serde_json::Value as Json;

use crate::checkzone;
use crate::world::{RRSET, World, ZONE, zone};

const ORIGIN: &str = "example.test.";

type Sets = BTreeMap<(String, String), (i64, BTreeSet<String>)>;

/// The record sets of a state that can be configured.
fn sets(state: &Json) -> Sets {
    let mut sets = Sets::new();
    for record in state.as_array().expect("records") {
        let text = |name: &str| record[name].as_str().expect("text").to_owned();
        let (owner, rtype) = (text("name"), text("type"));
        let is_ours = TYPES.iter().any(|known| known.to_string() == rtype);
        if !is_ours || (owner == ORIGIN && rtype == "NS") {
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
    ])
}

async fn reach(world: &World, recorded: &mut BTreeMap<(String, String), Applied>, wanted: &Sets, id: &str) {
    let gone: Vec<_> = recorded.keys().filter(|key| !wanted.contains_key(*key)).cloned().collect();
    for key in gone {
        let object = recorded.remove(&key).expect("is recorded");
        world.delete(RRSET, &object).await.expect(id);
    }
    for (key, set) in wanted {
        let config = config(key, set);
        let object = match recorded.get(key) {
            Some(before) => world.update(RRSET, before, &config).await,
            None => world.create(RRSET, &config).await,
        };
        let object = object.unwrap_or_else(|error| panic!("{id}: {key:?}: {error}"));
        assert_eq!(world.read(RRSET, &object).await.expect(id), Some(object.value.clone()), "{id}");
        let again = world.plan(RRSET, Some(&object.value), &config).await.expect(id);
        assert_eq!(again.value, object.value, "{id}: a second plan is not empty");
        recorded.insert(key.clone(), object);
    }
}

#[tokio::test]
async fn every_state_is_reached_from_the_one_before() {
    let Some(folder) = std::env::var_os("PORTOLAN_VECTORS") else {
        eprintln!("skipped: PORTOLAN_VECTORS is not set");
        return;
    };
    let path = std::path::Path::new(&folder).join("upstream/dns.jsonl");
    let text = std::fs::read_to_string(path).expect("vectors");
    let mut group = String::new();
    let mut world = World::new().await;
    let mut recorded = BTreeMap::new();
    let mut states = 0;
    for line in text.lines().skip(1) {
        let case: Json = serde_json::from_str(line).expect("JSON");
        // Thousands of records one after another are a test of their own.
        if case["desired"].as_array().is_some_and(|desired| desired.len() > 200) {
            continue;
        }
        if case["group"] != group.as_str() {
            group = case["group"].as_str().expect("text").to_owned();
            world = World::new().await;
            recorded = BTreeMap::new();
            world.create(ZONE, &zone("example.test", &["ns.example.com."])).await.expect("a zone");
        }
        reach(&world, &mut recorded, &sets(&case["desired"]), case["id"].as_str().expect("text")).await;
        checkzone::accepts("example.test", &world.path("example.test"));
        states += 1;
    }
    assert!(states > 100, "{states}");
    eprintln!("{states} states");
}
