//! Encryption towards clients.

use portolan_lang::{Attribute, Data, Diagnostic, Schema, Type, Value};

use super::build::{Build, Feature};
use super::directive::{directive, words};
use super::part::Part;
use super::times::milliseconds;

const PROTOCOLS: [&str; 2] = ["TLSv1.2", "TLSv1.3"];

/// The intermediate profile that Mozilla's server side TLS guidelines 5.7 recommend.
const CIPHERS: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
    ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

/// The attributes that say a certificate and its key.
pub(super) const PAIR: [&str; 4] = ["certificate", "key", "certificate_file", "key_file"];

/// The schema with the attributes of a certificate and its key.
pub(super) fn pair_attributes(schema: Schema) -> Schema {
    schema
        .with(Attribute::optional("certificate", Type::String).doc("The certificate with its chain, in PEM."))
        .with(Attribute::optional("key", Type::String).sensitive().doc("Its private key, in PEM."))
        .with(
            Attribute::optional("certificate_file", Type::String)
                .doc("In place of \"certificate\": a file that the servers have already."),
        )
        .with(
            Attribute::optional("key_file", Type::String)
                .doc("In place of \"key\": a file that the servers have already."),
        )
}

pub(super) fn schema() -> Schema {
    pair_attributes(Schema::new("Encryption, with today's protocols and ciphers."))
        .with(
            Attribute::optional("redirect", Type::Bool)
                .default(Value::TRUE)
                .doc("Whether plain HTTP is redirected to HTTPS."),
        )
        .with(
            Attribute::optional("protocols", Type::list(Type::String))
                .default(Value::strings(PROTOCOLS))
                .doc("TLSv1.2 and TLSv1.3, where the servers know it."),
        )
        .with(
            Attribute::optional("ciphers", Type::String)
                .default(Value::string(CIPHERS))
                .doc("The ciphers of TLS 1.2, as OpenSSL names them."),
        )
        .with(
            Attribute::optional("hsts", Type::String)
                .doc("For how long browsers only come encrypted: \"365d\". They cannot be told otherwise before."),
        )
        .with(
            Attribute::optional("hsts_subdomains", Type::Bool)
                .default(Value::FALSE)
                .doc("Whether that is so for all names below the hosts as well."),
        )
}

/// Where a certificate and its key come from.
pub(super) enum Pair {
    /// They are written beside the configuration: certificate and key.
    Written(Value, Value),
    /// The servers have them: paths.
    There(Value, Value),
}

pub(super) fn pair(tls: &Part<'_>, build: &Build) -> Result<Pair, Diagnostic> {
    build.require(&Feature::TLS, tls.span(""))?;
    let [certificate, key, certificate_file, key_file] = PAIR.map(|name| tls.take(name));
    match [&certificate, &key, &certificate_file, &key_file].map(Value::is_null) {
        [false, false, true, true] => Ok(Pair::Written(certificate, key.sensitive())),
        [true, true, false, false] => Ok(Pair::There(certificate_file, key_file)),
        _ => Err(tls
            .problem("", "Unclear certificate", "A certificate and its key are given either as text or as files.")
            .help("Write \"certificate\" and \"key\", or \"certificate_file\" and \"key_file\".")),
    }
}

/// The settings of a server; `files` are the paths of certificate and key.
pub(super) fn settings(tls: &Part<'_>, build: &Build, files: [Value; 2]) -> Result<Vec<Value>, Diagnostic> {
    let [certificate, key] = files;
    let mut lines = vec![
        directive("ssl_certificate", [certificate]),
        directive("ssl_certificate_key", [key]),
        directive("ssl_protocols", protocols(tls, build)?),
        directive("ssl_ciphers", [tls.take("ciphers")]),
        words("ssl_prefer_server_ciphers", &["off"]),
        words("ssl_session_cache", &["shared:portolan:10m"]),
        words("ssl_session_timeout", &["1d"]),
    ];
    lines.extend(build.has(&Feature::SESSION_TICKETS).then(|| words("ssl_session_tickets", &["off"])));
    Ok(lines)
}

/// Those that are asked for and that the servers know.
fn protocols(tls: &Part<'_>, build: &Build) -> Result<Vec<Value>, Diagnostic> {
    let given = tls.take("protocols");
    let Some(items) = given.items() else { return Ok(vec![Value::unknown(Type::String)]) };
    let unknown = items.iter().find(|item| item.as_str().is_some_and(|name| !PROTOCOLS.contains(&name)));
    if let Some(Data::String(unknown)) = unknown.map(Value::data) {
        let detail = format!("\"{unknown}\" is none of {}; older ones are broken.", PROTOCOLS.join(", "));
        return Err(tls.problem("protocols", "Unknown protocol", detail));
    }
    let is_there = |item: &&Value| item.as_str() != Some("TLSv1.3") || build.has(&Feature::TLS_1_3);
    let known: Vec<Value> = items.iter().filter(is_there).cloned().collect();
    match known.is_empty() {
        true => build
            .require(&Feature::TLS_1_3, tls.span("protocols"))
            .and_then(|()| Err(tls.problem("protocols", "No protocol", "At least one protocol is needed."))),
        false => Ok(known),
    }
}

/// The header by which browsers are told to come encrypted. A location with headers of its own
/// inherits none, so that each has it.
pub(super) fn hsts(tls: &Part<'_>) -> Result<Option<Value>, Diagnostic> {
    let Some(given) = tls.text("hsts")? else { return Ok(None) };
    let seconds = milliseconds(&given)
        .map(|time| time / 1000)
        .ok_or_else(|| tls.problem("hsts", "Unsuitable time", format!("\"{given}\" is not a time, such as 365d.")))?;
    let below = if tls.is("hsts_subdomains") { "; includeSubDomains" } else { "" };
    Ok(Some(words("add_header", &["Strict-Transport-Security", &format!("max-age={seconds}{below}"), "always"])))
}
