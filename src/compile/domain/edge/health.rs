//! How the servers behind a location are watched: by what becomes of requests, and where the fleet
//! can, by asking them.

use portolan_lang::{Attribute, Diagnostic, Schema, Type, Value};

use super::build::{Build, Feature};
use super::directive::{directive, words};
use super::part::Part;
use super::protocol::Protocol;
use super::times::milliseconds;

const TYPES: [&str; 3] = ["http", "tcp", "tls"];
const EXPECTED: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

pub(super) fn schema() -> Schema {
    let duration = |name: &'static str, default: &'static str, doc| {
        Attribute::optional(name, Type::String).default(Value::string(default)).doc(doc)
    };
    let count = |name: &'static str, default: i64, doc| {
        Attribute::optional(name, Type::Number).default(Value::number(default)).doc(doc)
    };
    Schema::new("Asks the servers whether they live, which only Tengine can.")
        .with(
            Attribute::optional("type", Type::String)
                .default(Value::string("http"))
                .doc("http for a request, tcp for a connection, tls for the beginning of a handshake."),
        )
        .with(duration("interval", "3s", "How often they are asked."))
        .with(duration("timeout", "1s", "How long an answer may take."))
        .with(count("fall", 3, "Failures after which a server is left out."))
        .with(count("rise", 2, "Answers after which it is back."))
        .with(Attribute::optional("path", Type::String).default(Value::string("/")).doc("The path that is asked for."))
        .with(Attribute::optional("host", Type::String).doc("The host that is asked for; none if not given."))
        .with(
            Attribute::optional("expect", Type::list(Type::String))
                .default(Value::strings(["2xx", "3xx"]))
                .doc("The answers of a server that lives: 2xx, 3xx, 4xx, 5xx."),
        )
}

/// The directives of active checks.
pub(super) fn checks(part: &Part<'_>, protocol: Protocol, build: &Build) -> Result<Vec<Value>, Diagnostic> {
    build.require(&Feature::CHECK, part.span(""))?;
    let kind = part.word("type", &TYPES)?;
    if kind == "http" && protocol != Protocol::HTTP {
        let detail = format!("Tengine checks by HTTP/1 without TLS, and the servers speak {}.", protocol.scheme());
        let problem = part.problem("type", "Unsuitable check", detail);
        return Err(problem.help("Write type = \"tcp\", or \"tls\" for servers that speak TLS."));
    }
    let time = |name: &str| {
        let given = part.text(name)?.unwrap_or_default();
        milliseconds(&given).filter(|time| *time > 0).ok_or_else(|| {
            part.problem(name, "Unsuitable time", format!("\"{given}\" is not a time, such as 500ms or 3s."))
        })
    };
    let count = |name: &str| part.number(name).map(|number| number.unwrap_or_else(|| 1.into()));
    let parameters = [
        format!("interval={}", time("interval")?),
        format!("rise={}", count("rise")?),
        format!("fall={}", count("fall")?),
        format!("timeout={}", time("timeout")?),
        format!("type={}", if kind == "tls" { "ssl_hello" } else { kind }),
    ];
    let mut lines = vec![directive("check", parameters.map(Value::string))];
    if kind == "http" {
        lines.push(directive("check_http_send", [Value::string(request(part)?)]));
        lines.push(expected(part)?);
    }
    Ok(lines)
}

/// The head of the request. The provider refuses what would be more than one.
fn request(part: &Part<'_>) -> Result<String, Diagnostic> {
    let path = part.text("path")?.unwrap_or_default();
    let host = part.text("host")?;
    let is_word = |text: &str| !text.chars().any(|char| char.is_whitespace() || char.is_control() || char == '$');
    for (name, text) in [("path", Some(&path)), ("host", host.as_ref())] {
        if text.is_some_and(|text| !is_word(text)) || (name == "path" && !path.starts_with('/')) {
            return Err(part.problem(
                name,
                "Unsuitable request",
                "It can hold neither white space nor \"$\"; a path begins with a slash.",
            ));
        }
    }
    let host = host.map(|host| format!("Host: {host}\r\n")).unwrap_or_default();
    Ok(format!("GET {path} HTTP/1.0\r\n{host}\r\n"))
}

fn expected(part: &Part<'_>) -> Result<Value, Diagnostic> {
    let given = part.take("expect");
    let given: Vec<&str> = given.items().unwrap_or_default().iter().filter_map(Value::as_str).collect();
    if let Some(other) = given.iter().find(|answer| !EXPECTED.contains(answer)).or(given.is_empty().then_some(&"")) {
        let detail = format!("\"{other}\" is none of {}.", EXPECTED.join(", "));
        return Err(part.problem("expect", "Unknown answers", detail));
    }
    let names: Vec<String> = given.iter().map(|answer| format!("http_{answer}")).collect();
    Ok(words("check_http_expect_alive", &names.iter().map(String::as_str).collect::<Vec<_>>()))
}
