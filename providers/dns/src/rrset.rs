//! The resource `dns_rrset`.

use domain::base::iana::Rtype;
use portolan_lang::{AttributePath, Type, Value};
use portolan_provider::Error;

use crate::field;
use crate::marker;
use crate::name::{self, Name};
use crate::record;
use crate::zone::{Key, RecordSet};

/// The time to live of records of which it is not said.
const TTL: u32 = 3600;

/// Which record set a configuration is about.
pub(crate) struct Place {
    /// The zone.
    pub(crate) zone: Name,
    /// The set in it.
    pub(crate) key: Key,
}

impl Place {
    /// What finds the set: `example.com/shop.example.com/A`.
    pub(crate) fn identity(&self) -> String {
        format!("{}/{}/{}", self.zone, self.key.owner, self.key.rtype)
    }

    /// Reads what [`Place::identity`] wrote. An owner may hold slashes itself.
    pub(crate) fn from_identity(identity: &str) -> Result<Place, Error> {
        let problem =
            || Error::invalid(format!("{identity:?} is not zone/name/type, such as example.com/a.example.com/A"));
        let (zone, rest) = identity.split_once('/').ok_or_else(problem)?;
        let (owner, rtype) = rest.rsplit_once('/').ok_or_else(problem)?;
        let zone = name::zone(zone).map_err(Error::invalid)?;
        let owner = name::owner(&format!("{}.", owner.trim_end_matches('.')), &zone).map_err(Error::invalid)?;
        let rtype = record::rtype(rtype).map_err(Error::invalid)?;
        Ok(Place { zone, key: Key { owner, rtype } })
    }
}

/// All that is wrong with a configuration; what is unknown is taken to be right.
pub(crate) fn validate(config: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let zone = keep(&mut errors, zone(config));
    let rtype = keep(&mut errors, rtype(config));
    let owner = zone.as_ref().and_then(|zone| keep(&mut errors, owner(config, zone)));
    keep(&mut errors, field::seconds(config, "ttl").map(Some));
    let owner_problem = field::text(config, "owner").and_then(|owner| marker::check(&owner).err());
    errors.extend(owner_problem.map(wrong("owner")));
    if let (Some(zone), Some(rtype)) = (&zone, rtype) {
        if owner.as_ref() == Some(zone) && [Rtype::NS, Rtype::CNAME, Rtype::DS].contains(&rtype) {
            errors.push(not_at_the_apex(rtype));
        }
        errors.extend(value_errors(config, rtype, zone));
    }
    errors
}

fn not_at_the_apex(rtype: Rtype) -> Error {
    let error =
        Error::invalid(format!("the zone itself cannot have a {rtype} record set of its own")).at(field::path("name"));
    match rtype {
        Rtype::NS => error.help("its nameservers are written in dns_zone"),
        Rtype::DS => error.help("it stands in the zone above"),
        _ => error.help("a CNAME record must be the only one of its name, and the zone has others; use A and AAAA"),
    }
}

/// Keeps the error, or gives what is known.
fn keep<T>(errors: &mut Vec<Error>, result: Result<Option<T>, Error>) -> Option<T> {
    result.unwrap_or_else(|error| {
        errors.push(error);
        None
    })
}

fn wrong(name: &'static str) -> impl Fn(String) -> Error {
    move |problem| Error::invalid(problem).at(field::path(name))
}

fn zone(config: &Value) -> Result<Option<Name>, Error> {
    field::text(config, "zone").map(|text| name::zone(&text).map_err(wrong("zone"))).transpose()
}

fn owner(config: &Value, zone: &Name) -> Result<Option<Name>, Error> {
    field::text(config, "name").map(|text| name::owner(&text, zone).map_err(wrong("name"))).transpose()
}

fn rtype(config: &Value) -> Result<Option<Rtype>, Error> {
    field::text(config, "type").map(|text| record::rtype(&text).map_err(wrong("type"))).transpose()
}

/// All that is wrong with the values that are known.
fn value_errors(config: &Value, rtype: Rtype, zone: &Name) -> Vec<Error> {
    let Some(texts) = field::texts(config, "values") else { return Vec::new() };
    let mut errors = Vec::new();
    if texts.is_empty() {
        errors.push(Error::invalid("a record set needs a value").at(field::path("values")));
    }
    if rtype == Rtype::CNAME && texts.len() > 1 {
        errors.push(Error::invalid("a CNAME record has one value").at(field::path("values")));
    }
    for (path, text) in texts {
        let problem = text.and_then(|text| record::from_value(rtype, &text, zone).err());
        errors.extend(problem.map(|problem| Error::invalid(problem).at(path)));
    }
    errors
}

/// Which record set a known configuration is about.
pub(crate) fn place(config: &Value) -> Result<Place, Error> {
    let zone = name::zone(&field::required(config, "zone")?).map_err(wrong("zone"))?;
    let owner = name::owner(&field::required(config, "name")?, &zone).map_err(wrong("name"))?;
    let rtype = record::rtype(&field::required(config, "type")?).map_err(wrong("type"))?;
    Ok(Place { zone, key: Key { owner, rtype } })
}

/// The record set of a known object that was validated, or read.
pub(crate) fn records(value: &Value, place: &Place) -> Result<RecordSet, Error> {
    let data = record::kept(place.key.rtype, &field::known_texts(value, "values"), &place.zone);
    Ok(RecordSet { ttl: field::seconds(value, "ttl")?.unwrap_or(TTL), data })
}

/// The planned object: as configured, with the default where the configuration says nothing.
pub(crate) fn planned(config: &Value, proposed: &Value) -> Value {
    field::with(proposed, "ttl", field::or(config, "ttl", || field::number(TTL)))
}

/// The object that a record set is. What means the same as what was recorded is told in the
/// recorded words.
pub(crate) fn live_value(place: &Place, set: &RecordSet, marked: Option<&str>, prior: Option<&Value>) -> Value {
    let recorded = |name: &'static str| prior.and_then(|prior| prior.get(name));
    let text = |text: String| Value::string(text);
    let zone = recorded("zone").unwrap_or_else(|| text(place.zone.to_string()));
    let owner = recorded("name").unwrap_or_else(|| text(name::relative(&place.key.owner, &place.zone)));
    let rtype = recorded("type").unwrap_or_else(|| text(place.key.rtype.to_string()));
    let same = prior.and_then(|prior| records(prior, place).ok()).is_some_and(|recorded| recorded.data == set.data);
    let values = match recorded("values") {
        Some(values) if same => values,
        other => {
            let marks = other.map(|values| values.marks()).unwrap_or_default();
            field::set(set.data.iter().map(|data| data.value.clone())).mark(marks)
        }
    };
    Value::record([
        ("zone", zone),
        ("name", owner),
        ("type", rtype),
        ("ttl", field::number(set.ttl)),
        ("values", values),
        ("owner", marked.map_or_else(|| Value::null(Type::String), Value::string)),
    ])
}

/// What makes a change need a new object.
pub(crate) fn replaced(prior: &Value, planned: &Value) -> Vec<AttributePath> {
    let (Ok(before), Ok(after)) = (place(prior), place(planned)) else {
        let changed = |name: &&str| prior.get(name) != planned.get(name);
        return ["zone", "name", "type"].into_iter().filter(changed).map(field::path).collect();
    };
    let changed = [
        ("zone", before.zone != after.zone),
        ("name", before.key.owner != after.key.owner),
        ("type", before.key.rtype != after.key.rtype),
    ];
    changed.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| field::path(name)).collect()
}
