//! `dns_record`: the records of one name and type, in one zone or in several.

use std::collections::BTreeSet;
use std::sync::Arc;

use portolan_lang::decode::decode;
use portolan_lang::eval::Scope;
use portolan_lang::{Address, Attribute, Data, Diagnostic, Diagnostics, Schema, Type, Value};

use super::{reverse, with_final_dot};
use crate::compile::domain::{
    Block, Claim, Compiled, CompiledResource, Hosts, exports, known_text, object, referred, undecided, unknown_word,
};

/// The types of records.
const TYPES: [&str; 19] = [
    "A",
    "AAAA",
    "CNAME",
    "TXT",
    "MX",
    "SRV",
    "CAA",
    "NS",
    "PTR",
    "DNAME",
    "DS",
    "HTTPS",
    "NAPTR",
    "OPENPGPKEY",
    "RP",
    "SMIMEA",
    "SSHFP",
    "SVCB",
    "TLSA",
];

pub(super) fn schema() -> Schema {
    Schema::new("The records of one name and type.")
        .with(Attribute::required("zone", Type::Any).doc(
            "The zone: dns_zone.NAME. Where that has for_each, all its instances: several servers, or views of one.",
        ))
        .with(
            Attribute::required("name", Type::String).doc("The name, relative to the zone; \"@\" for the zone itself."),
        )
        .with(Attribute::required("type", Type::String).doc(concat!(
            "A, AAAA, CNAME, TXT, MX, SRV, CAA, NS, PTR, DNAME, DS, HTTPS, NAPTR, OPENPGPKEY, RP, SMIMEA, SSHFP, ",
            "SVCB or TLSA; the values of those from DNAME on as zone files hold them, with absolute names."
        )))
        .with(
            Attribute::optional("ttl", Type::Number)
                .doc("Seconds for which the answer is kept; the zone's if not given."),
        )
        .with(
            Attribute::required("values", Type::list(Type::String))
                .doc("The data of the records, each once: DNS has no weights but those of SRV, HTTPS and SVCB."),
        )
        .with(
            Attribute::optional("reverse", Type::Any)
                .doc("Of A and AAAA records: the zone of the PTR records that lead back from the addresses."),
        )
}

/// A zone that records go to.
struct Target {
    address: Address,
    /// Its key among the instances of a block with `for_each`.
    key: Option<Arc<str>>,
    value: Value,
}

pub(super) fn compile(block: &Block<'_>, scope: &dyn Scope) -> Compiled {
    let (value, mut diagnostics) = decode(block.body, &schema(), scope);
    if diagnostics.has_errors() {
        return Compiled::nothing(diagnostics);
    }
    let take = |name: &str| value.get(name).unwrap_or_else(|| Value::null(Type::Any));
    let zones = diagnostics.keep(targets(block, &take("zone"), "zone")).unwrap_or_default();
    let names = ["name", "type"].map(|name| diagnostics.keep(known_text(block, &value, name)));
    if let [Some(name), Some(kind)] = &names {
        diagnostics.extend(check_name(block, name, kind));
    }
    diagnostics.extend(said_twice(block, &take("values")));
    let host_values = matches!(names[1].as_deref(), Some("CNAME" | "NS" | "PTR"));
    let values = match (host_values, take("values").items()) {
        (true, Some(items)) => Value::list(Type::String, items.iter().map(with_final_dot)),
        _ => take("values"),
    };
    let first_ttl = zones.first().map_or_else(|| take("ttl"), |zone| ttl(&value, &zone.value));
    let shown = [("name", take("name")), ("type", take("type")), ("ttl", first_ttl), ("values", take("values"))];
    let mut claims = Vec::new();
    let mut resources = Vec::new();
    for zone in &zones {
        let zone_name = zone.value.get("name").unwrap_or_else(|| Value::unknown(Type::String));
        claims.extend(zone_name.as_str().and_then(|zone_name| claim(block, &zone.address, zone_name, &names)));
        let config = object([
            ("zone", zone_name),
            ("name", take("name")),
            ("type", take("type")),
            ("ttl", ttl(&value, &zone.value)),
            ("values", values.clone()),
            ("owner", owner(&zone.value)),
        ]);
        resources.push(rrset(block, zone, "rrset", config));
    }
    if let [Some(name), Some(kind)] = &names
        && let Some(zone) = zones.first().filter(|_| !take("reverse").is_null())
    {
        let made = resources.iter().map(|resource: &CompiledResource| resource.address.clone()).collect();
        let forward = reverse::Forward { zone: &zone.value, name, kind, ttl: take("ttl"), values: &values, made };
        let reversed = reverse::compile(block, &take("reverse"), &forward);
        if let Some((pointers, wanted)) = diagnostics.keep(reversed) {
            resources.extend(pointers);
            claims.extend(wanted);
        }
    }
    let published = zones.first().and_then(|zone| published(zone.value.get("name")?.as_str(), &names));
    Compiled {
        exports: exports(block.address, names[0].as_deref().unwrap_or(block.name), shown),
        connection: None,
        resources: if diagnostics.has_errors() { Vec::new() } else { resources },
        decisions: Vec::new(),
        claims,
        hosts: Hosts { served: Vec::new(), published },
        backends: Vec::new(),
        diagnostics,
    }
}

/// The record's time to live, or the zone's.
fn ttl(value: &Value, zone: &Value) -> Value {
    let own = value.get("ttl").filter(|ttl| !ttl.is_null());
    own.or_else(|| zone.get("ttl")).unwrap_or_else(|| Value::null(Type::Number))
}

/// Whose the records of a zone are.
pub(super) fn owner(zone: &Value) -> Value {
    zone.get("owner").unwrap_or_else(|| Value::null(Type::String))
}

/// A set of records in a zone; of several zones each has a resource of its own.
fn rrset(block: &Block<'_>, zone: &Target, part: &str, config: Value) -> CompiledResource {
    let part = match &zone.key {
        Some(key) => format!("{part}@{key}"),
        None => part.to_owned(),
    };
    resource(block, &zone.address, part, config)
}

pub(super) fn resource(block: &Block<'_>, zone: &Address, part: String, config: Value) -> CompiledResource {
    CompiledResource {
        address: block.address.part(part),
        group: block.address.clone(),
        resource_type: "dns_rrset",
        config,
        connection: Some(zone.clone()),
        dependencies: Vec::new(),
    }
}

/// The zones that an attribute refers to: one, or all instances of a block with `for_each`.
fn targets(block: &Block<'_>, value: &Value, attribute: &str) -> Result<Vec<Target>, Diagnostic> {
    if !value.is_known() {
        return Err(undecided(&format!("\"{attribute}\""), block.attribute_span(attribute)));
    }
    if let Some(address) = referred(value, "dns_zone") {
        return Ok(vec![Target { address, key: None, value: value.clone() }]);
    }
    let instances = match value.data() {
        Data::Object(entries) => entries.iter().map(|(key, zone)| instance(key, zone)).collect(),
        Data::Map(map) => map.entries.iter().map(|(key, zone)| instance(key, zone)).collect(),
        _ => None,
    };
    instances.filter(|instances: &Vec<Target>| !instances.is_empty()).ok_or_else(|| {
        Diagnostic::error("Unsuitable reference")
            .detail(format!(
                "\"{attribute}\" must refer to a dns_zone block, or to all instances of one with for_each."
            ))
            .at(block.attribute_span(attribute))
            .help("Write dns_zone.NAME, without quotes. Keys of several may hold letters, digits, and any of _-.:")
    })
}

/// One instance of a block with `for_each`, whose key has to fit into an address.
fn instance(key: &str, zone: &Value) -> Option<Target> {
    let fits = !key.is_empty() && key.chars().all(|char| char.is_ascii_alphanumeric() || "_-.:".contains(char));
    let address = referred(zone, "dns_zone").filter(|_| fits)?;
    Some(Target { address, key: Some(Arc::from(key)), value: zone.clone() })
}

/// The problem of a value that is written twice, as somebody does who takes it for a weight.
fn said_twice(block: &Block<'_>, values: &Value) -> Option<Diagnostic> {
    let mut seen = BTreeSet::new();
    let twice = values.items()?.iter().filter_map(Value::as_str).find(|text| !seen.insert(*text))?;
    Some(
        Diagnostic::error("The same value twice")
            .detail(format!("\"{twice}\" is written twice; a set of records holds each value once."))
            .at(block.attribute_span("values"))
            .help("DNS answers with all values alike. Weights are those of SRV records, or of a route."),
    )
}

/// A name has one set of records of each type, and an alias stands alone (RFC 1034, 3.6.2).
fn claim(block: &Block<'_>, zone: &Address, zone_name: &str, names: &[Option<Arc<str>>; 2]) -> Option<Claim> {
    let [Some(name), Some(kind)] = names else { return None };
    let absolute = absolute(name, zone_name);
    let is_alias = &**kind == "CNAME";
    Some(Claim {
        owner: block.address.clone(),
        what: format!("the name \"{absolute}\" in {zone}"),
        share: (!is_alias).then(|| kind.clone()),
        span: block.attribute_span("name"),
        help: "A name has one dns_record of each type, with all its values; beside a CNAME it has no other.",
    })
}

/// A name with its zone, in lower case and in the form of DNS, without a dot at the end.
pub(super) fn absolute(name: &str, zone: &str) -> String {
    let zone = zone.trim_end_matches('.');
    let whole = match name {
        "@" => zone.to_owned(),
        absolute if absolute.ends_with('.') => absolute.trim_end_matches('.').to_owned(),
        relative => format!("{relative}.{zone}"),
    };
    let label = |label: &str| match label.is_ascii() {
        true => label.to_lowercase(),
        false => idna::domain_to_ascii(label).unwrap_or_else(|_| label.to_lowercase()),
    };
    whole.split(['.', '\u{3002}', '\u{FF0E}']).map(label).collect::<Vec<_>>().join(".")
}

fn check_name(block: &Block<'_>, name: &str, kind: &str) -> Diagnostics {
    let mut problems = Diagnostics::new();
    if !TYPES.contains(&kind) {
        let problem = unknown_word("Unknown record type", &Value::string(kind), &TYPES);
        let problem = problem.at(block.attribute_span("type"));
        let upper = kind.to_ascii_uppercase();
        problems.push(if TYPES.contains(&&*upper) {
            problem.help(format!("Write it in capitals: \"{upper}\"."))
        } else {
            problem
        });
    }
    if name == "@" && matches!(kind, "CNAME" | "NS" | "DS") {
        problems.push(
            Diagnostic::error("Record not possible at the zone itself")
                .detail(format!("{kind} cannot stand at the top of a zone."))
                .at(block.attribute_span("name"))
                .help(match kind {
                    "NS" => "The servers of the zone itself are the \"nameservers\" of its dns_zone block.",
                    "DS" => "The keys of a zone stand in the zone above.",
                    _ => "Use A and AAAA records there, with the values of another one: dns_record.NAME.values.",
                }),
        );
    }
    problems
}

/// The name of which a record tells the addresses.
fn published(zone: Option<&str>, [name, kind]: &[Option<Arc<str>>; 2]) -> Option<Arc<str>> {
    let tells = matches!(kind.as_deref(), Some("A" | "AAAA" | "CNAME"));
    tells.then_some(())?;
    Some(Arc::from(absolute(name.as_deref()?, zone?)))
}
