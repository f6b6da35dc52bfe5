//! `dns_zone` and `dns_record`: zones, and the names in them.

mod answers;
mod record;
mod reverse;
mod zone;

use portolan_lang::Value;

use super::Kind;

/// `dns_zone "corp" { name = "example.com" … }`
pub(super) const ZONE: Kind =
    Kind { keyword: "dns_zone", schema: |_| zone::schema(), wants: None, compile: zone::compile };

/// `dns_record "shop" { zone = dns_zone.corp … }`
pub(super) const RECORD: Kind =
    Kind { keyword: "dns_record", schema: |_| record::schema(), wants: None, compile: record::compile };

/// A name of several labels is meant to be absolute.
fn with_final_dot(name: &Value) -> Value {
    match name.as_str() {
        Some(text) if text.contains('.') && !text.ends_with('.') => {
            Value::string(format!("{text}.")).mark(name.marks())
        }
        _ => name.clone(),
    }
}
