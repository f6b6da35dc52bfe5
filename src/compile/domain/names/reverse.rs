//! PTR records that lead back from the addresses of a name.

use std::net::IpAddr;

use portolan_lang::{Address, Diagnostic, Type, Value};

use super::record::{absolute, owner, resource};
use crate::compile::domain::{Block, Claim, CompiledResource, object, reference, undecided};

/// The records that are led back to.
pub(super) struct Forward<'a> {
    /// The zone that they are in.
    pub(super) zone: &'a Value,
    pub(super) name: &'a str,
    pub(super) kind: &'a str,
    /// Null where it is the zone's.
    pub(super) ttl: Value,
    pub(super) values: &'a Value,
    /// What is made before what leads back to it.
    pub(super) made: Vec<Address>,
}

/// The PTR records, and their claims to their names.
pub(super) type Pointers = (Vec<CompiledResource>, Vec<Claim>);

/// A PTR record for each address, in the zone that `reverse` refers to.
pub(super) fn compile(block: &Block<'_>, reverse: &Value, forward: &Forward<'_>) -> Result<Pointers, Diagnostic> {
    let span = block.attribute_span("reverse");
    if !matches!(forward.kind, "A" | "AAAA") || forward.name.starts_with('*') {
        return Err(Diagnostic::error("Nothing to lead back from")
            .detail(format!("A {} record of \"{}\" has no addresses of its own.", forward.kind, forward.name))
            .at(span)
            .help("Leave \"reverse\" out, or give it to the A and AAAA records of a name."));
    }
    let given = Value::object([("reverse", reverse.clone())]);
    let zone = reference(block, &given, "reverse", "dns_zone")?;
    let (Some(zone_name), Some(forward_zone)) = (name_of(reverse), name_of(forward.zone)) else {
        return Err(undecided("\"reverse\"", span));
    };
    let Some(texts) = forward.values.items().filter(|_| forward.values.is_wholly_known()) else {
        return Err(undecided("\"values\"", block.attribute_span("values")));
    };
    let target = Value::string(format!("{}.", absolute(forward.name, &forward_zone)));
    // What is no address is told where the records themselves are checked.
    let addresses = texts.iter().filter_map(|text| text.as_str()?.parse::<IpAddr>().ok());
    let pointers = addresses.map(|address| {
        let name = pointer_within(address, &zone_name).map_err(|problem| problem.at(span))?;
        let claim = Claim {
            owner: block.address.clone(),
            what: format!("the name \"{name}\" in {zone}"),
            share: Some("PTR".into()),
            span,
            help: "An address leads back to one name: give \"reverse\" to one dns_record of it.",
        };
        let config = object([
            ("zone", Value::string(zone_name.clone())),
            ("name", Value::string(format!("{name}."))),
            ("type", Value::string("PTR")),
            ("ttl", ttl(reverse, forward)),
            ("values", Value::list(Type::String, [target.clone()])),
            ("owner", owner(reverse)),
        ]);
        let made = resource(block, &zone, format!("ptr@{address}"), config);
        Ok((CompiledResource { dependencies: forward.made.clone(), ..made }, claim))
    });
    pointers.collect::<Result<Vec<_>, _>>().map(|pointers| pointers.into_iter().unzip())
}

/// The record's time to live, or that of the zone of the pointers.
fn ttl(reverse: &Value, forward: &Forward<'_>) -> Value {
    let ttl = Some(forward.ttl.clone()).filter(|ttl| !ttl.is_null());
    ttl.or_else(|| reverse.get("ttl")).unwrap_or_else(|| Value::null(Type::Number))
}

/// The name of an address, which has to lie in a zone.
fn pointer_within(address: IpAddr, zone: &str) -> Result<String, Diagnostic> {
    let name = pointer(address);
    if format!(".{name}").ends_with(&format!(".{zone}")) {
        return Ok(name);
    }
    Err(Diagnostic::error("Address outside of the reverse zone")
        .detail(format!("{address} is \"{name}\" in DNS, which does not lie in \"{zone}\"."))
        .help("Refer to the reverse zone of the addresses, such as \"2.0.192.in-addr.arpa\"."))
}

fn name_of(zone: &Value) -> Option<String> {
    Some(absolute("@", zone.get("name")?.as_str()?))
}

/// The name of an address (RFC 1035, 3.5, and RFC 3596, 2.5), without a dot at the end.
fn pointer(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let nibbles = address.octets().into_iter().rev().flat_map(|octet| [octet & 15, octet >> 4]);
            nibbles.map(|nibble| format!("{nibble:x}.")).collect::<String>() + "ip6.arpa"
        }
    }
}
