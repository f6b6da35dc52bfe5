//! Which requests are written down, and how.

use portolan_lang::{Attribute, Block as Nested, Diagnostic, Schema, Type, Value};

use super::build::{Build, Feature};
use super::directive::{directive, words};
use super::part::Part;

const FORMATS: [&str; 3] = ["combined", "json", "off"];

/// The name of the format that is not nginx's own.
const JSON: &str = "portolan_json";

const DEFAULT_PATH: &str = "access.log";

pub(super) fn block() -> Nested {
    let schema = Schema::new("Which requests are written down, and how.")
        .with(
            Attribute::optional("format", Type::String)
                .default(Value::string("combined"))
                .doc("combined, json (an object a line), or off."),
        )
        .with(
            Attribute::optional("path", Type::String)
                .default(Value::string(DEFAULT_PATH))
                .doc("The file: relative to the tree of the servers, or absolute."),
        );
    Nested::single("access_log", schema)
}

/// The definition of the format, for the `http` block.
pub(super) fn definition(build: &Build) -> Option<Value> {
    let fields = [
        ("time", "$time_iso8601"),
        ("client", "$remote_addr"),
        ("host", "$host"),
        ("method", "$request_method"),
        ("uri", "$request_uri"),
        ("protocol", "$server_protocol"),
        ("status", "$status"),
        ("bytes", "$body_bytes_sent"),
        ("seconds", "$request_time"),
        ("upstream", "$upstream_addr"),
        ("upstream_status", "$upstream_status"),
        ("upstream_seconds", "$upstream_response_time"),
        ("referer", "$http_referer"),
        ("user_agent", "$http_user_agent"),
        ("request_id", "$request_id"),
    ];
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
    let line = format!("{{{}}}", fields.join(","));
    build.has(&Feature::JSON_LOG).then(|| words("log_format", &[JSON, "escape=json", &line]))
}

/// `access_log …`, where a block says anything of it.
pub(super) fn line(part: &Part<'_>, build: &Build) -> Result<Option<Value>, Diagnostic> {
    let Some(log) = part.single("access_log") else { return Ok(None) };
    let path = log.take("path");
    Ok(Some(match log.word("format", &FORMATS)? {
        "off" => words("access_log", &["off"]),
        "json" => {
            build.require(&Feature::JSON_LOG, log.span("format"))?;
            directive("access_log", [path, Value::string(JSON)])
        }
        _ => directive("access_log", [path]),
    }))
}

/// The line of a fleet that says nothing of it.
pub(super) fn usual() -> Value {
    words("access_log", &[DEFAULT_PATH])
}

/// The name of the format of streams.
const STREAM: &str = "portolan_stream";

/// The definition of the format of streams, for the `stream` block.
pub(super) fn stream_definition() -> Value {
    let line = "$remote_addr [$time_local] $protocol $status $bytes_sent $bytes_received $session_time $upstream_addr";
    words("log_format", &[STREAM, line])
}

/// `access_log` of a stream; `off` where no path is said.
pub(super) fn stream_line(path: Value) -> Option<Value> {
    (!path.is_null()).then(|| directive("access_log", [path, Value::string(STREAM)]))
}
