//! The resource `dns_zone`.

use std::collections::BTreeSet;

use domain::base::iana::Rtype;
use portolan_lang::{AttributePath, Step, Type, Value};
use portolan_provider::Error;

use crate::field;
use crate::name::{self, Name};
use crate::record;
use crate::zone::{Apex, RecordSet, Soa};

/// The time to live of a zone of which it is not said.
const TTL: u32 = 3600;

/// The numbers of the start of authority and what they are if they are not given.
const NUMBERS: [(&str, u32); 4] = [("refresh", 7200), ("retry", 900), ("expire", 1_209_600), ("minimum", 300)];

/// All that is wrong with a configuration; what is unknown is taken to be right.
pub(crate) fn validate(config: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    errors.extend(field::seconds(config, "ttl").err());
    let Some(text) = field::text(config, "name") else { return errors };
    let zone = match name::zone(&text) {
        Ok(zone) => zone,
        Err(problem) => {
            errors.push(Error::invalid(problem).at(field::path("name")));
            return errors;
        }
    };
    if let Err(problems) = nameservers(config, &zone) {
        errors.extend(problems);
    }
    let soa = config.get("soa").filter(|soa| soa.entries().is_some());
    errors.extend(soa.map(|soa| soa_errors(&soa, &zone)).unwrap_or_default());
    errors
}

fn soa_errors(soa: &Value, zone: &Name) -> Vec<Error> {
    let mut errors: Vec<Error> = NUMBERS.iter().filter_map(|(name, _)| field::seconds(soa, name).err()).collect();
    let mut check = |attribute, read: fn(&str, &Name) -> Result<Name, String>| {
        let problem = field::text(soa, attribute).and_then(|text| read(&text, zone).err());
        errors.extend(problem.map(|problem| Error::invalid(problem).at(field::path(attribute))));
    };
    check("primary", name::host);
    check("contact", name::mailbox);
    errors.into_iter().map(inside_soa).collect()
}

fn inside_soa(mut error: Error) -> Error {
    let inner = error.path.take().unwrap_or_default();
    let steps = field::path("soa").steps().iter().chain(inner.steps()).cloned().collect::<Vec<Step>>();
    error.at(steps.into_iter().collect())
}

fn nameservers(config: &Value, zone: &Name) -> Result<BTreeSet<record::RecordData>, Vec<Error>> {
    let Some(texts) = field::texts(config, "nameservers") else { return Ok(BTreeSet::new()) };
    let mut errors = Vec::new();
    let mut found = BTreeSet::new();
    if texts.is_empty() {
        errors.push(Error::invalid("a zone needs a nameserver").at(field::path("nameservers")));
    }
    for (path, text) in texts {
        match text.map(|text| record::from_value(Rtype::NS, &text, zone)) {
            Some(Ok(data)) => {
                found.insert(data);
            }
            Some(Err(problem)) => errors.push(Error::invalid(problem).at(path)),
            None => {}
        }
    }
    if errors.is_empty() { Ok(found) } else { Err(errors) }
}

/// The zone that a known configuration is about.
pub(crate) fn zone(config: &Value) -> Result<Name, Error> {
    name::zone(&field::required(config, "name")?).map_err(|problem| Error::invalid(problem).at(field::path("name")))
}

/// The planned object: as configured, with defaults where the configuration says nothing.
/// What it leaves out of `soa` stays out.
pub(crate) fn planned(config: &Value, proposed: &Value) -> Value {
    let ttl = field::or(config, "ttl", || field::number(TTL));
    let soa = field::or(config, "soa", || default_soa(config));
    field::with(&field::with(proposed, "ttl", ttl), "soa", soa)
}

/// The planned object once all that was configured is known.
pub(crate) fn completed(planned: &Value) -> Value {
    let is_known = planned.get("soa").is_some_and(|soa| soa.is_wholly_known());
    if is_known { planned.clone() } else { field::with(planned, "soa", default_soa(planned)) }
}

/// The start of authority of which nothing is said. Unknown where it rests on what is.
fn default_soa(config: &Value) -> Value {
    let zone = zone(config).ok();
    let are_known = config.get("nameservers").is_some_and(|servers| servers.is_wholly_known());
    let servers = zone.as_ref().filter(|_| are_known).and_then(|zone| nameservers(config, zone).ok());
    let text = |text: Option<String>| text.map_or_else(|| Value::unknown_not_null(Type::String), Value::string);
    let texts = [
        ("primary", text(servers.and_then(|servers| first_by_name(&servers)))),
        ("contact", text(zone.map(|zone| hostmaster(&zone)))),
    ];
    Value::object(texts.into_iter().chain(NUMBERS.map(|(name, number)| (name, field::number(number)))))
}

/// A set has no first one; this is the least.
fn first_by_name(servers: &BTreeSet<record::RecordData>) -> Option<String> {
    servers.first().map(|data| data.value.clone())
}

fn hostmaster(zone: &Name) -> String {
    format!("hostmaster@{zone}")
}

/// The apex of a known object that was validated, or read. Its serial is zero: the zone keeps
/// its own.
pub(crate) fn apex(value: &Value, zone: &Name) -> Result<Apex, Error> {
    let data = record::kept(Rtype::NS, &field::known_texts(value, "nameservers"), zone);
    let ttl = field::seconds(value, "ttl")?.unwrap_or(TTL);
    let given = value.get("soa").unwrap_or_else(|| Value::null(Type::Any));
    let wrong = |name: &'static str| move |problem: String| inside_soa(Error::invalid(problem).at(field::path(name)));
    let primary = field::text(&given, "primary").or_else(|| first_by_name(&data)).unwrap_or_default();
    let contact = field::text(&given, "contact").unwrap_or_else(|| hostmaster(zone));
    let [refresh, retry, expire, minimum] =
        NUMBERS.map(|(name, otherwise)| field::seconds(&given, name).map(|seconds| seconds.unwrap_or(otherwise)));
    let soa = Soa {
        primary: name::kept(&primary, zone, name::host).map_err(wrong("primary"))?,
        contact: name::kept(&contact, zone, name::mailbox).map_err(wrong("contact"))?,
        serial: 0,
        refresh: refresh.map_err(inside_soa)?,
        retry: retry.map_err(inside_soa)?,
        expire: expire.map_err(inside_soa)?,
        minimum: minimum.map_err(inside_soa)?,
        ttl,
    };
    Ok(Apex { soa, nameservers: RecordSet { ttl, data } })
}

/// The object that an apex is. What means the same as what was recorded is told in the
/// recorded words.
pub(crate) fn live_value(zone: &Name, live: &Apex, prior: Option<&Value>) -> Value {
    let recorded = prior.and_then(|prior| apex(prior, zone).ok());
    let words = |name: &str, same: bool| prior.filter(|_| same).and_then(|prior| prior.get(name));
    // The serial is the zone's own affair, and the time to live has an attribute of its own.
    let heard = |soa: &Soa| Soa { serial: 0, ttl: 0, ..soa.clone() };
    let same_soa = recorded.as_ref().is_some_and(|recorded| heard(&recorded.soa) == heard(&live.soa));
    let same_servers = recorded.as_ref().is_some_and(|recorded| recorded.nameservers.data == live.nameservers.data);
    let servers = || field::set(live.nameservers.data.iter().map(|data| data.value.clone()));
    Value::object([
        ("name", words("name", true).unwrap_or_else(|| Value::string(zone.to_string()))),
        ("nameservers", words("nameservers", same_servers).unwrap_or_else(servers)),
        ("ttl", field::number(live.soa.ttl)),
        ("soa", words("soa", same_soa).filter(|soa| !soa.is_null()).unwrap_or_else(|| soa_value(&live.soa))),
    ])
}

fn soa_value(soa: &Soa) -> Value {
    Value::object([
        ("primary", Value::string(name::dotted(&soa.primary))),
        ("contact", Value::string(name::mailbox_text(&soa.contact))),
        ("refresh", field::number(soa.refresh)),
        ("retry", field::number(soa.retry)),
        ("expire", field::number(soa.expire)),
        ("minimum", field::number(soa.minimum)),
    ])
}

/// What makes a change need a new object.
pub(crate) fn replaced(prior: &Value, planned: &Value) -> Vec<AttributePath> {
    let same = match (zone(prior), zone(planned)) {
        (Ok(before), Ok(after)) => before == after,
        _ => prior.get("name") == planned.get("name"),
    };
    if same { Vec::new() } else { vec![field::path("name")] }
}
