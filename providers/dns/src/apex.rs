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

/// The configuration with what it leaves to the provider.
pub(crate) fn planned(proposed: &Value) -> Value {
    let zone = zone(proposed).ok();
    let servers = zone.as_ref().and_then(|zone| nameservers(proposed, zone).ok());
    let known = proposed.get("nameservers").is_some_and(|servers| servers.is_wholly_known());
    // The least by name: a set has no first one.
    let primary = servers.filter(|_| known).and_then(|servers| servers.first().map(|data| data.value.clone()));
    let unknown = || Value::unknown_not_null(Type::String);
    let given = proposed.get("soa").filter(|soa| !soa.is_null()).unwrap_or_else(empty_soa);
    let given = if given.is_known() { given } else { empty_soa() };
    let contact = zone.map(|zone| Value::string(format!("hostmaster.{zone}."))).unwrap_or_else(unknown);
    let primary = primary.map(Value::string).unwrap_or_else(unknown);
    let texts =
        [("primary", field::or(&given, "primary", || primary)), ("contact", field::or(&given, "contact", || contact))];
    let numbers = NUMBERS.map(|(name, otherwise)| (name, field::or(&given, name, || field::number(otherwise))));
    let value = field::with(proposed, "soa", Value::object(texts.into_iter().chain(numbers)));
    field::with(&value, "ttl", field::or(&value, "ttl", || field::number(TTL)))
}

fn empty_soa() -> Value {
    Value::object::<&str>([])
}

/// The apex of a known, planned configuration. Its serial is zero: the zone keeps its own.
pub(crate) fn apex(value: &Value, zone: &Name) -> Result<Apex, Error> {
    let first = |errors: Vec<Error>| errors.into_iter().next().unwrap_or_else(|| Error::invalid("the zone is wrong"));
    let data = nameservers(value, zone).map_err(first)?;
    let value = planned(value);
    let soa = value.get("soa").unwrap_or_else(empty_soa);
    let ttl = field::seconds(&value, "ttl")?.unwrap_or(TTL);
    let text = |name: &'static str| field::required(&soa, name).map_err(inside_soa);
    let wrong = |name: &'static str| move |problem: String| inside_soa(Error::invalid(problem).at(field::path(name)));
    let number = |at: usize| {
        let (name, otherwise) = NUMBERS[at];
        field::seconds(&soa, name).map(|seconds| seconds.unwrap_or(otherwise)).map_err(inside_soa)
    };
    let soa = Soa {
        primary: name::host(&text("primary")?, zone).map_err(wrong("primary"))?,
        contact: name::mailbox(&text("contact")?, zone).map_err(wrong("contact"))?,
        serial: 0,
        refresh: number(0)?,
        retry: number(1)?,
        expire: number(2)?,
        minimum: number(3)?,
        ttl,
    };
    Ok(Apex { soa, nameservers: RecordSet { ttl, data } })
}

/// The object that an apex is. What means the same as what was recorded is told in the
/// recorded words.
pub(crate) fn live_value(zone: &Name, live: &Apex, prior: Option<&Value>) -> Value {
    let recorded = prior.and_then(|prior| apex(prior, zone).ok());
    let word = |same: &dyn Fn(&Apex) -> bool, recorded_word: Option<Value>, otherwise: Value| match recorded_word {
        Some(word) if !word.is_null() && recorded.as_ref().is_some_and(same) => word,
        _ => otherwise,
    };
    let of_soa = |name: &str| prior.and_then(|prior| prior.get("soa")).and_then(|soa| soa.get(name));
    let dotted = |name: &Name| Value::string(name::dotted(name));
    let primary = word(&|known| known.soa.primary == live.soa.primary, of_soa("primary"), dotted(&live.soa.primary));
    let contact = word(&|known| known.soa.contact == live.soa.contact, of_soa("contact"), dotted(&live.soa.contact));
    let servers = word(
        &|known| known.nameservers.data == live.nameservers.data,
        prior.and_then(|prior| prior.get("nameservers")),
        field::set(live.nameservers.data.iter().map(|data| data.value.clone())),
    );
    let soa = Value::object([
        ("primary", primary),
        ("contact", contact),
        ("refresh", field::number(live.soa.refresh)),
        ("retry", field::number(live.soa.retry)),
        ("expire", field::number(live.soa.expire)),
        ("minimum", field::number(live.soa.minimum)),
    ]);
    let name = prior.and_then(|prior| prior.get("name")).unwrap_or_else(|| Value::string(zone.to_string()));
    Value::object([("name", name), ("nameservers", servers), ("ttl", field::number(live.soa.ttl)), ("soa", soa)])
}

/// What makes a change need a new object.
pub(crate) fn replaced(prior: &Value, planned: &Value) -> Vec<AttributePath> {
    let same = match (zone(prior), zone(planned)) {
        (Ok(before), Ok(after)) => before == after,
        _ => prior.get("name") == planned.get("name"),
    };
    if same { Vec::new() } else { vec![field::path("name")] }
}
