//! What can be configured.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::types::{AttributeType, ObjectType};
use portolan_lang::{Attribute, Block, Schema, Type};
use portolan_provider::{ProviderSchema, ResourceSchema};

/// The resource type of a record set.
pub(crate) const RRSET: &str = "dns_rrset";

/// The types of [`crate::record::TYPES`], as documents name them.
const TYPES: &str = "A, AAAA, CNAME, TXT, MX, SRV, CAA, NS, PTR, DNAME, DS, HTTPS, NAPTR, OPENPGPKEY, RP, SMIMEA, \
                     SSHFP, SVCB, TLSA, LOC or DHCID.";

/// The data source of a name's addresses.
pub(crate) const ADDRESSES: &str = "dns_addresses";

/// The resource type of a zone.
pub(crate) const ZONE: &str = "dns_zone";

pub(crate) fn provider() -> ProviderSchema {
    let resource = |schema| ResourceSchema { version: 0, schema };
    ProviderSchema {
        connection: connection(),
        resources: BTreeMap::from([(RRSET, resource(rrset())), (ZONE, resource(zone()))]),
        data: BTreeMap::from([(ADDRESSES, addresses())]),
    }
}

fn addresses() -> Schema {
    let set = |name: &'static str| Attribute::computed(name, Type::set(Type::String));
    Schema::new("The addresses that a name has now, at the end of its aliases.")
        .with(Attribute::required("name", Type::String).doc("The name: \"www.example.net\"."))
        .with(set("ipv4").doc("Its IPv4 addresses."))
        .with(set("ipv6").doc("Its IPv6 addresses."))
}

fn connection() -> Schema {
    let directory = Schema::new("A directory of zone files.")
        .with(Attribute::required("path", Type::String).doc("The directory; a zone's file is <zone>.zone in it."));
    let server = Schema::new("A name server that takes dynamic updates (RFC 2136).")
        .with(Attribute::required("server", Type::String).doc("Its address: \"192.0.2.53:53\"."))
        .with(
            Attribute::optional("key", Type::String)
                .sensitive()
                .doc("The TSIG key, \"[algorithm:]name:secret\" with the secret in base64; hmac-sha256 if not said."),
        );
    Schema::new("Where zones are kept: one of the blocks.")
        .with(
            Attribute::optional("owner", Type::String)
                .doc("Whose the record sets are that are made here. What is marked as somebody else's is not changed."),
        )
        .with(Attribute::optional("resolver", Type::String).doc(
            "Who is asked for the addresses of other names, \"192.0.2.53:53\"; the system's resolvers if not given.",
        ))
        .block(Block::single("directory", directory))
        .block(Block::single("rfc2136", server))
}

fn rrset() -> Schema {
    Schema::new("All records of one name and type.")
        .with(Attribute::required("zone", Type::String).replace().doc("The zone: \"example.com\"."))
        .with(
            Attribute::required("name", Type::String)
                .replace()
                .doc("The owner, relative to the zone; @ for the zone itself; absolute with a dot at the end."),
        )
        .with(Attribute::required("type", Type::String).replace().doc(TYPES))
        .with(Attribute::optional("ttl", Type::Number).or_computed().doc("Seconds; 3600 if not given."))
        .with(Attribute::required("values", Type::set(Type::String)).doc("The data of the records."))
        .with(
            Attribute::optional("owner", Type::String)
                .doc("Whose the set is: it is marked so by a TXT record at NAME.TYPE._portolan in the zone."),
        )
}

fn zone() -> Schema {
    let ttl = "Seconds for which SOA and NS are kept, and the zone's default; 3600 if not given.";
    Schema::new("A zone.")
        .with(Attribute::required("name", Type::String).replace().doc("The zone: \"example.com\"."))
        .with(Attribute::required("nameservers", Type::set(Type::String)).doc("The servers of the zone."))
        .with(Attribute::optional("ttl", Type::Number).or_computed().doc(ttl))
        .with(Attribute::optional("soa", soa()).or_computed().doc("The start of authority without its serial."))
}

/// The start of authority: primary server and mailbox, and four numbers of seconds. All may
/// be left out.
fn soa() -> Type {
    let texts = ["primary", "contact"].map(|name| (name, Type::String));
    let numbers = ["refresh", "retry", "expire", "minimum"].map(|name| (name, Type::Number));
    let optional = |(name, ty): (&str, Type)| (Arc::from(name), AttributeType { ty, optional: true });
    let attributes = texts.into_iter().chain(numbers).map(optional).collect();
    Type::Object(Arc::new(ObjectType::new(attributes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_name_every_type() {
        let named: Vec<&str> =
            TYPES.trim_end_matches('.').split([',', ' ']).filter(|word| !["", "or"].contains(word)).collect();
        let known: Vec<String> = crate::record::TYPES.iter().map(ToString::to_string).collect();
        assert_eq!(named, known);
    }
}
