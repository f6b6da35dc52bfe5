//! Secrets that somebody else keeps in a cluster, such as certificates.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portolan_lang::{Attribute, AttributePath, Schema, Type, Value};
use portolan_provider::Error;

use super::api::{Api, Target};

/// The data source of a Secret.
pub(crate) const SECRET: &str = "kubernetes_secret";

pub(crate) fn schema() -> Schema {
    Schema::new("What a Secret of a cluster holds.")
        .with(Attribute::required("namespace", Type::String).doc("Its namespace."))
        .with(Attribute::required("name", Type::String).doc("Its name."))
        .with(
            Attribute::computed("data", Type::map(Type::String)).sensitive().doc(
                "Its entries as texts, such as \"tls.crt\" and \"tls.key\". What is no text in UTF-8 is left out.",
            ),
        )
}

/// Reads the data source.
pub(super) async fn read(api: &Api, config: &Value) -> Result<Value, Error> {
    let [namespace, name] = ["namespace", "name"].map(|attribute| part(config, attribute));
    let (namespace, name) = (namespace?, name?);
    let shown = format!("the Secret {namespace}/{name} at {}", api.server);
    let found = api.find(&Target::path(format!("/api/v1/namespaces/{namespace}/secrets/{name}"))).await;
    let secret = found.map_err(|trouble| trouble.error(&format!("reading {shown}")))?;
    let secret =
        secret.ok_or_else(|| Error::invalid(format!("{shown} is not there")).at(AttributePath::attribute("name")))?;
    let entries = secret["data"].as_object().into_iter().flatten();
    let texts = entries.filter_map(|(key, encoded)| {
        let text = String::from_utf8(STANDARD.decode(encoded.as_str()?).ok()?).ok()?;
        Some((key.as_str(), Value::string(text)))
    });
    Ok(config.with(&AttributePath::attribute("data"), Value::map(Type::String, texts)))
}

/// A name that can stand in a path (RFC 1123).
fn part(config: &Value, attribute: &str) -> Result<String, Error> {
    let text = config.get(attribute).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    let begins_well = text.starts_with(|char: char| char.is_ascii_alphanumeric());
    if begins_well && text.len() <= 253 && text.bytes().all(fits) {
        return Ok(text);
    }
    Err(Error::invalid(format!("{text:?} is no name of Kubernetes")).at(AttributePath::attribute(attribute)))
}
