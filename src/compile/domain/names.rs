//! `dns_zone` and `dns_record`: zones, and the names in them.

use std::sync::Arc;

use portolan_lang::decode::decode;
use portolan_lang::eval::Scope;
use portolan_lang::{Address, Attribute, Diagnostic, Diagnostics, Schema, Type, Value};

use super::cluster::check_ways;
use super::{Block, Claim, Compiled, CompiledConnection, CompiledResource, Hosts, Kind, exports, object, reference};

/// `dns_zone "corp" { name = "example.com" … }`
pub(super) const ZONE: Kind = Kind { keyword: "dns_zone", schema: |_| zone_schema(), wants: None, compile: zone };

/// `dns_record "shop" { zone = dns_zone.corp … }`
pub(super) const RECORD: Kind =
    Kind { keyword: "dns_record", schema: |_| record_schema(), wants: None, compile: record };

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

fn zone_schema() -> Schema {
    use portolan_lang::Block as Nested;
    let seconds = |name: &'static str, doc| Attribute::optional(name, Type::Number).doc(doc);
    let soa = Schema::new("The start of authority. The serial is kept by the driver and only ever rises.")
        .with(Attribute::optional("primary", Type::String).doc("The primary server."))
        .with(Attribute::optional("contact", Type::String).doc("The mailbox of who is responsible."))
        .with(seconds("refresh", "Seconds between two looks of a secondary server."))
        .with(seconds("retry", "Seconds until it looks again after a failure."))
        .with(seconds("expire", "Seconds after which it stops answering."))
        .with(seconds("minimum", "Seconds for which the absence of a name is remembered."));
    let directory = Schema::new("A directory of zone files, in the format of RFC 1035.")
        .with(Attribute::required("path", Type::String).doc("The directory."));
    let server = Schema::new("A name server that has the zone and takes dynamic updates (RFC 2136).")
        .with(Attribute::required("server", Type::String).doc("Its address and port: \"192.0.2.53:53\"."))
        .with(
            Attribute::optional("key", Type::String)
                .sensitive()
                .doc("The TSIG key, \"[algorithm:]name:secret\", with the secret in base64; hmac-sha256 if not said."),
        );
    Schema::new("A DNS zone.")
        .with(Attribute::required("name", Type::String).doc("The domain: \"example.com\"."))
        .with(Attribute::required("nameservers", Type::list(Type::String)).doc("The servers of the zone."))
        .with(Attribute::optional("ttl", Type::Number).doc("Seconds for which its records are kept by default."))
        .block(Nested::single("soa", soa))
        .block(Nested::single("directory", directory))
        .block(Nested::single("rfc2136", server))
}

fn zone(block: &Block<'_>, scope: &dyn Scope) -> Compiled {
    let (value, mut diagnostics) = decode(block.body, &zone_schema(), scope);
    if diagnostics.has_errors() {
        return Compiled::nothing(diagnostics);
    }
    let take = |name: &str| value.get(name).unwrap_or_else(|| Value::null(Type::Any));
    let name = diagnostics.keep(super::known_text(block, &value, "name"));
    let nameservers = take("nameservers");
    let absolute = nameservers.items().map(|items| Value::list(Type::String, items.iter().map(with_final_dot)));
    let config = object([
        ("name", take("name")),
        ("nameservers", absolute.unwrap_or(nameservers)),
        ("ttl", take("ttl")),
        ("soa", take("soa")),
    ]);
    let apex = CompiledResource {
        address: block.address.part("zone"),
        group: block.address.clone(),
        resource_type: "dns_zone",
        connection: Some(block.address.clone()),
        config,
        dependencies: Vec::new(),
    };
    let shown = [("name", take("name")), ("ttl", take("ttl"))];
    let ways = ["directory", "rfc2136"].map(|way| (way, take(way)));
    diagnostics.extend(check_ways(block, "zone", &ways));
    Compiled {
        exports: exports(block.address, name.as_deref().unwrap_or(block.name), shown),
        connection: Some(CompiledConnection { provider: "dns", config: object(ways) }),
        resources: if name.is_some() { vec![apex] } else { Vec::new() },
        decisions: Vec::new(),
        claims: name.iter().map(|name| zone_claim(block, &value, name)).collect(),
        hosts: Hosts::default(),
        diagnostics,
    }
}

/// A zone stands once in a directory, which it shares with others, or on a server.
fn zone_claim(block: &Block<'_>, value: &Value, name: &str) -> Claim {
    let text = |way: &str, attribute: &str| Some(value.get(way)?.get(attribute)?.as_str()?.to_owned());
    let place = match text("rfc2136", "server") {
        Some(server) => format!("on the server \"{server}\""),
        None => format!("in the directory \"{}\"", text("directory", "path").unwrap_or_default()),
    };
    Claim {
        owner: block.address.clone(),
        what: format!("the zone \"{}\" {place}", name.trim_end_matches('.').to_lowercase()),
        share: None,
        span: block.attribute_span("name"),
        help: "Put all records of a zone into one dns_zone.",
    }
}

/// A name of several labels is meant to be absolute.
fn with_final_dot(name: &Value) -> Value {
    match name.as_str() {
        Some(text) if text.contains('.') && !text.ends_with('.') => {
            Value::string(format!("{text}.")).mark(name.marks())
        }
        _ => name.clone(),
    }
}

fn record_schema() -> Schema {
    Schema::new("The records of one name and type.")
        .with(Attribute::required("zone", Type::Any).doc("The zone: dns_zone.NAME."))
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
        .with(Attribute::required("values", Type::list(Type::String)).doc("The data of the records."))
}

fn record(block: &Block<'_>, scope: &dyn Scope) -> Compiled {
    let (value, mut diagnostics) = decode(block.body, &record_schema(), scope);
    if diagnostics.has_errors() {
        return Compiled::nothing(diagnostics);
    }
    let take = |name: &str| value.get(name).unwrap_or_else(|| Value::null(Type::Any));
    let zone = take("zone");
    let connection = diagnostics.keep(reference(block, &value, "zone", "dns_zone"));
    let names = ["name", "type"].map(|name| diagnostics.keep(super::known_text(block, &value, name)));
    if let [Some(name), Some(kind)] = &names {
        diagnostics.extend(check_name(block, name, kind));
    }
    let zone_name = zone.get("name").unwrap_or_else(|| Value::unknown(Type::String));
    let ttl = if take("ttl").is_null() { zone.get("ttl").unwrap_or_else(|| take("ttl")) } else { take("ttl") };
    let host_values = matches!(names[1].as_deref(), Some("CNAME" | "NS" | "PTR"));
    let values = match (host_values, take("values").items()) {
        (true, Some(items)) => Value::list(Type::String, items.iter().map(with_final_dot)),
        _ => take("values"),
    };
    let shown = [("name", take("name")), ("type", take("type")), ("ttl", ttl.clone()), ("values", take("values"))];
    let exported = exports(block.address, names[0].as_deref().unwrap_or(block.name), shown);
    let claims = connection.iter().filter_map(|zone| record_claim(block, zone, zone_name.as_str()?, &names)).collect();
    let hosts = Hosts { served: Vec::new(), published: published(zone_name.as_str(), &names) };
    let resources = connection.into_iter().map(|zone: Address| CompiledResource {
        address: block.address.part("rrset"),
        group: block.address.clone(),
        resource_type: "dns_rrset",
        config: object([
            ("zone", zone_name.clone()),
            ("name", take("name")),
            ("type", take("type")),
            ("ttl", ttl.clone()),
            ("values", values.clone()),
        ]),
        connection: Some(zone),
        dependencies: Vec::new(),
    });
    let resources = if diagnostics.has_errors() { Vec::new() } else { resources.collect() };
    Compiled { exports: exported, connection: None, resources, decisions: Vec::new(), claims, hosts, diagnostics }
}

/// A name has one set of records of each type, and an alias stands alone (RFC 1034, 3.6.2).
fn record_claim(block: &Block<'_>, zone: &Address, zone_name: &str, names: &[Option<Arc<str>>; 2]) -> Option<Claim> {
    let [Some(name), Some(kind)] = names else { return None };
    let zone_name = zone_name.trim_end_matches('.');
    let absolute = match &**name {
        "@" => zone_name.to_lowercase(),
        name => match name.strip_suffix('.') {
            Some(absolute) => absolute.to_lowercase(),
            None => format!("{name}.{zone_name}").to_lowercase(),
        },
    };
    let is_alias = &**kind == "CNAME";
    Some(Claim {
        owner: block.address.clone(),
        what: format!("the name \"{absolute}\" in {zone}"),
        share: (!is_alias).then(|| kind.clone()),
        span: block.attribute_span("name"),
        help: "A name has one dns_record of each type, with all its values; beside a CNAME it has no other.",
    })
}

fn check_name(block: &Block<'_>, name: &str, kind: &str) -> Diagnostics {
    let mut problems = Diagnostics::new();
    if !TYPES.contains(&kind) {
        let problem = super::unknown_word("Unknown record type", &Value::string(kind), &TYPES);
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
                    _ => "Use A and AAAA records there.",
                }),
        );
    }
    problems
}

/// The name of which a record tells the addresses.
fn published(zone: Option<&str>, [name, kind]: &[Option<Arc<str>>; 2]) -> Option<Arc<str>> {
    let (zone, name) = (zone?.trim_end_matches('.'), name.as_deref()?);
    let whole = match name {
        _ if !matches!(kind.as_deref(), Some("A" | "AAAA" | "CNAME")) => return None,
        "@" => zone.to_owned(),
        absolute if absolute.ends_with('.') => absolute.trim_end_matches('.').to_owned(),
        relative => format!("{relative}.{zone}"),
    };
    Some(Arc::from(whole.to_lowercase()))
}
