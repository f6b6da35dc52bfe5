//! What can be configured.

use std::collections::BTreeMap;

use portolan_lang::{Attribute, Block, Schema, Type};
use portolan_provider::{ProviderSchema, ResourceSchema};

/// The resource type of a record set.
pub(crate) const RRSET: &str = "dns_rrset";

/// The resource type of a zone.
pub(crate) const ZONE: &str = "dns_zone";

pub(crate) fn provider() -> ProviderSchema {
    let resource = |schema| ResourceSchema { version: 0, schema };
    ProviderSchema {
        connection: connection(),
        resources: BTreeMap::from([(RRSET, resource(rrset())), (ZONE, resource(zone()))]),
        data: BTreeMap::new(),
    }
}

fn connection() -> Schema {
    let directory = Schema::new("A directory of zone files.")
        .with(Attribute::required("path", Type::String).doc("The directory; a zone's file is <zone>.zone in it."));
    Schema::new("Where zones are kept.").block(Block::single("directory", directory).required())
}

fn rrset() -> Schema {
    Schema::new("All records of one name and type.")
        .with(Attribute::required("zone", Type::String).replace().doc("The zone: \"example.com\"."))
        .with(
            Attribute::required("name", Type::String)
                .replace()
                .doc("The owner, relative to the zone; @ for the zone itself; absolute with a dot at the end."),
        )
        .with(Attribute::required("type", Type::String).replace().doc("A, AAAA, CNAME, TXT, MX, SRV, CAA, NS or PTR."))
        .with(Attribute::optional("ttl", Type::Number).or_computed().doc("Seconds; 3600 if not given."))
        .with(Attribute::required("values", Type::set(Type::String)).doc("The data of the records."))
}

fn zone() -> Schema {
    let seconds = |name: &'static str, doc| Attribute::optional(name, Type::Number).or_computed().doc(doc);
    let soa = Schema::new("The start of authority. The serial is kept by the provider.")
        .with(Attribute::optional("primary", Type::String).or_computed().doc("The primary server; the first by name."))
        .with(Attribute::optional("contact", Type::String).or_computed().doc("A mailbox; hostmaster of the zone."))
        .with(seconds("refresh", "Seconds between two looks of a secondary; 7200 if not given."))
        .with(seconds("retry", "Seconds until a secondary looks again after a failure; 900 if not given."))
        .with(seconds("expire", "Seconds after which a secondary stops answering; 1209600 if not given."))
        .with(seconds("minimum", "Seconds for which the absence of a name is remembered; 300 if not given."));
    Schema::new("A zone.")
        .with(Attribute::required("name", Type::String).replace().doc("The zone: \"example.com\"."))
        .with(Attribute::required("nameservers", Type::set(Type::String)).doc("The servers of the zone."))
        .with(seconds("ttl", "Seconds for which SOA and NS are kept, and the zone's default; 3600 if not given."))
        .block(Block::single("soa", soa))
}
