//! `etcd_key`: a key with a text.

use portolan_lang::{Attribute, AttributePath, Schema, Type, Value};
use portolan_provider::Error;

use crate::record::Record;

/// A key with a text.
pub(crate) struct EtcdKey;

impl Record for EtcdKey {
    fn resource_type(&self) -> &'static str {
        "etcd_key"
    }

    fn attributes(&self) -> Schema {
        Schema::new("A key in etcd.")
            .with(Attribute::required("key", Type::String).replace().doc("The key: \"/config/limits\"."))
            .with(Attribute::required("value", Type::String).doc("The text in it."))
    }

    fn check(&self, config: &Value) -> Vec<Error> {
        match config.get("key").as_ref().and_then(Value::as_str) {
            Some("") => vec![Error::invalid("a key must not be empty").at(AttributePath::attribute("key"))],
            _ => Vec::new(),
        }
    }

    fn key(&self, object: &Value) -> Option<String> {
        object.get("key")?.as_str().map(str::to_owned)
    }

    fn encode(&self, object: &Value, _present: Option<&[u8]>) -> Result<Vec<u8>, Error> {
        let value = object.get("value");
        value.as_ref().and_then(Value::as_str).map(Vec::from).ok_or_else(|| Error::invalid("a key needs a value"))
    }

    fn decode(&self, key: &str, bytes: &[u8]) -> Result<Value, Error> {
        let text = std::str::from_utf8(bytes).map_err(|_| {
            Error::failed(format!("{key} holds bytes that are no text"))
                .help("Take the key away by hand; only texts are kept here.")
        })?;
        Ok(Value::object([("key", Value::string(key)), ("value", Value::string(text))]))
    }
}
