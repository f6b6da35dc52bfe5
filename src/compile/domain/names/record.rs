//! `dns_record`: the records of one name and type, in one zone or in several.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use portolan_lang::decode::decode;
use portolan_lang::eval::Scope;
use portolan_lang::{Address, Attribute, Data, Diagnostic, Diagnostics, Schema, Span, Type, Value};

use super::answers::Answers;
use super::{reverse, with_final_dot};
use crate::compile::domain::{
    Block, Claim, Compiled, CompiledResource, Hosts, exports, known_text, object, referred, undecided, unknown_word,
};

/// The types of records.
const TYPES: [&str; 22] = [
    "A",
    "AAAA",
    "ALIAS",
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
    "LOC",
    "DHCID",
];

/// The type of a record that takes over the addresses of another name.
const ALIAS: &str = "ALIAS";

/// What an alias consists of: parts, their types, and where the answer has their values.
const ADDRESS_SETS: [(&str, &str, &str); 2] = [("a", "A", "ipv4"), ("aaaa", "AAAA", "ipv6")];

/// The data source that tells the addresses of a name.
const ADDRESSES: &str = "dns_addresses";

/// There are many blocks.
static SCHEMA: LazyLock<Schema> = LazyLock::new(schema);

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
            "SVCB, TLSA, LOC or DHCID; the values of those from DNAME on as zone files hold them, with absolute ",
            "names. ALIAS is ",
            "the A and AAAA records that another name has when the plan is made."
        )))
        .with(
            Attribute::optional("ttl", Type::Number)
                .doc("Seconds for which the answer is kept; the zone's if not given."),
        )
        .with(
            Attribute::optional("values", Type::list(Type::String))
                .doc("The data of the records, each once. Servers answer with all of them, in turn."),
        )
        .with(Attribute::optional("answers", Type::map(Type::list(Type::String))).doc(
            "Where the zone has several views: the values in each, by its key; [] where it has no such name. The \
             views that are not named here have \"values\".",
        ))
        .with(Attribute::optional("weights", Type::map(Type::Number)).doc(
            "In place of values: how many of the zone's views answer with which value. 3 of 4 views, for instance, \
             with { \"192.0.2.1\" = 3, \"192.0.2.2\" = 1 }.",
        ))
        .with(
            Attribute::optional("reverse", Type::Any)
                .doc("Of A and AAAA records: the zone of the PTR records that lead back from the addresses."),
        )
}

/// A zone that records go to.
pub(super) struct Target {
    address: Address,
    /// Its key among the instances of a block with `for_each`.
    pub(super) key: Option<Arc<str>>,
    value: Value,
}

impl Target {
    /// The name of the zone.
    fn name(&self) -> Value {
        self.value.get("name").unwrap_or_else(|| Value::unknown(Type::String))
    }
}

pub(super) fn compile(block: &Block<'_>, scope: &dyn Scope) -> Compiled {
    let (given, mut diagnostics) = decode(block.body, &SCHEMA, scope);
    if diagnostics.has_errors() {
        return Compiled::nothing(diagnostics);
    }
    let zones = diagnostics.keep(targets(block, &attribute(&given, "zone"), "zone")).unwrap_or_default();
    let answers = Answers::of(block, &given, &zones).unwrap_or_else(|problems| {
        diagnostics.extend(problems);
        Answers::undecided()
    });
    let (record, problems) = Record::new(block, given, answers);
    diagnostics.extend(problems);
    let mut resources = record.sets(&zones);
    let mut claims: Vec<Claim> = zones.iter().flat_map(|zone| record.claims(zone)).collect();
    let reversed = zones.first().and_then(|zone| record.reversed(zone, &resources));
    if let Some((pointers, wanted)) = reversed.and_then(|reversed| diagnostics.keep(reversed)) {
        resources.extend(pointers);
        claims.extend(wanted);
    }
    Compiled {
        exports: record.exports(zones.first()),
        connection: None,
        resources: if diagnostics.has_errors() { Vec::new() } else { resources },
        decisions: Vec::new(),
        claims,
        hosts: Hosts { served: Vec::new(), published: zones.first().and_then(|zone| record.published(zone)) },
        backends: Vec::new(),
        diagnostics,
    }
}

/// A block as it was read.
struct Record<'a> {
    block: &'a Block<'a>,
    given: Value,
    /// The name and the type, where they are known.
    names: [Option<Arc<str>>; 2],
    answers: Answers,
}

impl<'a> Record<'a> {
    fn new(block: &'a Block<'a>, given: Value, answers: Answers) -> (Record<'a>, Diagnostics) {
        let mut problems = Diagnostics::new();
        let names = ["name", "type"].map(|name| problems.keep(known_text(block, &given, name)));
        if let [Some(name), Some(kind)] = &names {
            problems.extend(check_name(block, name, kind));
        }
        let span = block.attribute_span(answers.attribute);
        let is_alias = names[1].as_deref() == Some(ALIAS);
        for values in answers.lists() {
            problems.extend(said_twice(values, span));
            problems.extend(if is_alias { unsuitable_alias(values, span) } else { None });
        }
        (Record { block, given, names, answers }, problems)
    }

    /// The sets of records in all zones. A name that a view is not to have has none.
    fn sets(&self, zones: &[Target]) -> Vec<CompiledResource> {
        let is_left_out =
            |values: &Value| self.answers.attribute == "answers" && values.items().is_some_and(<[Value]>::is_empty);
        let answered = zones.iter().zip(&self.answers.each).filter(|(_, values)| !is_left_out(values));
        answered.flat_map(|(zone, values)| self.sets_in(zone, self.as_data(values))).collect()
    }

    /// Values as DNS takes them.
    fn as_data(&self, values: &Value) -> Value {
        let are_hosts = matches!(self.names[1].as_deref(), Some("CNAME" | "NS" | "PTR" | ALIAS));
        match values.items().filter(|_| are_hosts) {
            Some(hosts) => Value::list(Type::String, hosts.iter().map(with_final_dot)).mark(values.marks()),
            None => values.clone(),
        }
    }

    /// The sets of records in a zone: one, or of an alias one for each kind of addresses.
    fn sets_in(&self, zone: &Target, values: Value) -> Vec<CompiledResource> {
        if self.names[1].as_deref() != Some(ALIAS) {
            return vec![self.set_in(zone, "rrset", attribute(&self.given, "type"), values)];
        }
        let target = values.items().and_then(<[Value]>::first).cloned();
        let question = object([("name", target.unwrap_or_else(|| Value::unknown(Type::String)))]);
        let Some(answer) = self.block.read(&zone.address, ADDRESSES, &question) else { return Vec::new() };
        let sets = ADDRESS_SETS.into_iter().map(|(part, kind, family)| (part, kind, attribute(&answer, family)));
        let some = sets.filter(|(_, _, values)| values.items().is_none_or(|values| !values.is_empty()));
        some.map(|(part, kind, values)| self.set_in(zone, part, Value::string(kind), values)).collect()
    }

    /// A set of records in a zone; of several zones each has a resource of its own.
    fn set_in(&self, zone: &Target, part: &str, kind: Value, values: Value) -> CompiledResource {
        let config = object([
            ("zone", zone.name()),
            ("name", attribute(&self.given, "name")),
            ("type", kind),
            ("ttl", self.ttl(zone)),
            ("values", values),
            ("owner", owner(&zone.value)),
        ]);
        let part = match &zone.key {
            Some(key) => format!("{part}@{key}"),
            None => part.to_owned(),
        };
        resource(self.block, &zone.address, part, config)
    }

    /// The record's time to live, or the zone's.
    fn ttl(&self, zone: &Target) -> Value {
        let own = self.given.get("ttl").filter(|ttl| !ttl.is_null());
        own.or_else(|| zone.value.get("ttl")).unwrap_or_else(|| Value::null(Type::Number))
    }

    /// A name has one set of records of each type, and a CNAME stands alone (RFC 1034, 3.6.2).
    fn claims(&self, zone: &Target) -> Vec<Claim> {
        let [Some(name), Some(kind)] = &self.names else { return Vec::new() };
        let Some(absolute) = zone.name().as_str().map(|zone| absolute(name, zone)) else { return Vec::new() };
        let shares = match &**kind {
            "CNAME" => vec![None],
            ALIAS => ADDRESS_SETS.map(|(_, kind, _)| Some(Arc::from(kind))).into(),
            _ => vec![Some(kind.clone())],
        };
        let claim = |share| Claim {
            owner: self.block.address.clone(),
            what: format!("the name \"{absolute}\" in {}", zone.address),
            share,
            span: self.block.attribute_span("name"),
            help: "A name has one dns_record of each type, with all its values; beside a CNAME it has no other.",
        };
        shares.into_iter().map(claim).collect()
    }

    /// What leads back from the addresses, where that is wanted.
    fn reversed(&self, zone: &Target, made: &[CompiledResource]) -> Option<Result<reverse::Pointers, Diagnostic>> {
        let [Some(name), Some(kind)] = &self.names else { return None };
        let reverse = attribute(&self.given, "reverse");
        let forward = reverse::Forward {
            zone: &zone.value,
            name,
            kind,
            ttl: attribute(&self.given, "ttl"),
            values: &self.answers.all,
            made: made.iter().map(|resource| resource.address.clone()).collect(),
        };
        (!reverse.is_null()).then(|| reverse::compile(self.block, &reverse, &forward))
    }

    /// What other blocks see of it.
    fn exports(&self, zone: Option<&Target>) -> Value {
        let take = |name| attribute(&self.given, name);
        let ttl = zone.map_or_else(|| take("ttl"), |zone| self.ttl(zone));
        let shown =
            [("name", take("name")), ("type", take("type")), ("ttl", ttl), ("values", self.answers.all.clone())];
        exports(self.block.address, self.names[0].as_deref().unwrap_or(self.block.name), shown)
    }

    /// The name of which the record tells the addresses.
    fn published(&self, zone: &Target) -> Option<Arc<str>> {
        let [Some(name), Some("A" | "AAAA" | "CNAME" | ALIAS)] = self.names.each_ref().map(Option::as_deref) else {
            return None;
        };
        Some(Arc::from(absolute(name, zone.name().as_str()?)))
    }
}

/// An attribute, which is null where it is not given.
fn attribute(value: &Value, name: &str) -> Value {
    value.get(name).unwrap_or_else(|| Value::null(Type::Any))
}

/// Whose the records of a zone are.
pub(super) fn owner(zone: &Value) -> Value {
    zone.get("owner").unwrap_or_else(|| Value::null(Type::String))
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
fn said_twice(values: &Value, span: Span) -> Option<Diagnostic> {
    let mut seen = BTreeSet::new();
    let twice = values.items()?.iter().filter_map(Value::as_str).find(|text| !seen.insert(*text))?;
    Some(
        Diagnostic::error("The same value twice")
            .detail(format!("\"{twice}\" is written twice; a set of records holds each value once."))
            .at(span)
            .help(
                "A server answers with all values alike. Views have \"weights\", and so have SRV records and routes.",
            ),
    )
}

/// The problem of an alias of several names, or of one that is not known yet.
fn unsuitable_alias(values: &Value, span: Span) -> Option<Diagnostic> {
    if !values.is_wholly_known() {
        return Some(undecided("What an alias stands for", span));
    }
    let count = values.items()?.len();
    (count != 1).then(|| {
        Diagnostic::error("An alias of one name")
            .detail(format!("ALIAS takes over the addresses of one name; {count} are given."))
            .at(span)
            .help("Write values = [\"www.example.net.\"].")
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
