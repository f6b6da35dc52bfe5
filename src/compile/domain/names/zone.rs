//! `dns_zone`: a zone, and how to reach it.

use portolan_lang::decode::decode;
use portolan_lang::eval::Scope;
use portolan_lang::{Attribute, Diagnostic, Schema, Span, Type, Value};

use super::with_final_dot;
use crate::compile::DeletionLimit;
use crate::compile::domain::cluster::check_ways;
use crate::compile::domain::{
    Block, Claim, Compiled, CompiledConnection, CompiledResource, Hosts, exports, known_text, object,
};

/// A zone of fewer recorded sets may lose any of them.
const FEW: u64 = 10;

pub(super) fn schema() -> Schema {
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
    let safety = Schema::new("How much of the zone one plan may take away. `destroy` may take all of it.")
        .with(
            Attribute::required("max_delete", Type::String)
                .doc("The share of the zone's recorded objects that a plan may delete: \"30%\"."),
        )
        .with(
            Attribute::optional("few", Type::Number)
                .doc("As long as fewer objects than this are recorded, any of them may go; 10 if not given."),
        );
    Schema::new("A DNS zone.")
        .with(Attribute::required("name", Type::String).doc("The domain: \"example.com\"."))
        .with(Attribute::required("nameservers", Type::list(Type::String)).doc("The servers of the zone."))
        .with(Attribute::optional("ttl", Type::Number).doc("Seconds for which its records are kept by default."))
        .with(Attribute::optional("owner", Type::String).doc(
            "Whose the records of this configuration are. Each is marked with this name by a TXT record beside \
             it, and what is not marked so is never changed, even when the state is lost.",
        ))
        .with(Attribute::optional("resolver", Type::String).doc(
            "Who is asked for the addresses of what ALIAS records point to: \"192.0.2.53:53\". The system's \
             resolvers if not given.",
        ))
        .block(Nested::single("soa", soa))
        .block(Nested::single("directory", directory))
        .block(Nested::single("rfc2136", server))
        .block(Nested::single("safety", safety))
}

pub(super) fn compile(block: &Block<'_>, scope: &dyn Scope) -> Compiled {
    let (value, mut diagnostics) = decode(block.body, &schema(), scope);
    if diagnostics.has_errors() {
        return Compiled::nothing(diagnostics);
    }
    let take = |name: &str| value.get(name).unwrap_or_else(|| Value::null(Type::Any));
    let name = diagnostics.keep(known_text(block, &value, "name"));
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
    let shown = [("name", take("name")), ("ttl", take("ttl")), ("owner", take("owner"))];
    let ways = ["directory", "rfc2136"].map(|way| (way, take(way)));
    let [directory, server] = ways.clone();
    let limit = diagnostics.keep(limit(block, &take("safety"))).flatten();
    diagnostics.extend(check_ways(block, "zone", &ways));
    Compiled {
        exports: exports(block.address, name.as_deref().unwrap_or(block.name), shown),
        connection: Some(CompiledConnection {
            provider: "dns",
            config: object([directory, server, ("owner", take("owner")), ("resolver", take("resolver"))]),
            limit,
            probe: None,
        }),
        resources: if name.is_some() { vec![apex] } else { Vec::new() },
        decisions: Vec::new(),
        claims: name.iter().map(|name| claim(block, &value, name)).collect(),
        hosts: Hosts::default(),
        backends: Vec::new(),
        diagnostics,
    }
}

/// How much of the zone a plan may take away.
fn limit(block: &Block<'_>, safety: &Value) -> Result<Option<DeletionLimit>, Diagnostic> {
    let Some(share) = safety.get("max_delete").filter(|share| !share.is_null()) else { return Ok(None) };
    let span = safety_span(block);
    let percent = share.as_str().and_then(|text| text.strip_suffix('%')).and_then(|digits| digits.parse().ok());
    let Some(percent) = percent.filter(|percent| *percent <= 100) else {
        return Err(Diagnostic::error("Unsuitable share")
            .detail("\"max_delete\" is a share of the recorded objects, from \"0%\" to \"100%\".")
            .at(span)
            .help("Write max_delete = \"30%\"."));
    };
    let few = safety.get("few").and_then(|few| few.as_number()?.to_u64()).unwrap_or(FEW);
    Ok(Some(DeletionLimit { percent, few, span }))
}

fn safety_span(block: &Block<'_>) -> Span {
    let safety = block.body.blocks.iter().find(|inner| &*inner.keyword.name == "safety");
    safety.map_or(block.span, |safety| safety.header())
}

/// A zone stands once in a directory, which it shares with others, or on a server, where each key may
/// have a view of its own.
fn claim(block: &Block<'_>, value: &Value, name: &str) -> Claim {
    let text = |way: &str, attribute: &str| Some(value.get(way)?.get(attribute)?.as_str()?.to_owned());
    let place = match text("rfc2136", "server") {
        Some(server) => match text("rfc2136", "key").as_deref().and_then(key_name) {
            Some(key) => format!("on the server \"{server}\" with the key \"{key}\""),
            None => format!("on the server \"{server}\""),
        },
        None => format!("in the directory \"{}\"", text("directory", "path").unwrap_or_default()),
    };
    Claim {
        owner: block.address.clone(),
        what: format!("the zone \"{}\" {place}", name.trim_end_matches('.').to_lowercase()),
        share: None,
        span: block.attribute_span("name"),
        help: "Put all records of a zone into one dns_zone; views of a server have a key each.",
    }
}

/// The name of a key, of `[algorithm:]name:secret`. It is no secret.
fn key_name(key: &str) -> Option<&str> {
    key.rsplit(':').nth(1)
}
