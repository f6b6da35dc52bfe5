//! What a fleet serves whose configuration is in etcd: the files of all its routes together.

use std::sync::Arc;

use portolan_lang::{Address, Type, Value};
use sha2::{Digest, Sha256};

use crate::compile::domain::{Gather, object};

/// How a release comes to know the files.
pub(in crate::compile::domain) const RELEASE: Gather =
    Gather { resource_type: "nginx_release", attribute: "files", of: file };

/// The path of a file, and what the release says of it; `None` while the path is not known.
///
/// What a sensitive file is called by is sensitive too: short contents could be guessed from it.
fn file(unit: &Address, file: &Value) -> Option<(Arc<str>, Value)> {
    let path = file.get("path").and_then(|path| path.as_str().map(Arc::from))?;
    let content = file.get("content").unwrap_or_else(|| Value::unknown(Type::String));
    let marks = content.marks().union(file.deep_marks());
    let digest = match content.as_str() {
        Some(text) => Value::string(hexadecimal(&Sha256::digest(text.as_bytes()))),
        None => Value::unknown_not_null(Type::String),
    };
    let mode = file.get("mode").unwrap_or_else(|| Value::null(Type::String));
    let entry = [("sha256", digest.mark(marks)), ("mode", mode), ("unit", Value::string(unit.to_string()))];
    Some((path, object(entry)))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
