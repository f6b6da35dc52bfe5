//! How often clients may ask, and how many connections they may have.
//!
//! What is counted is declared once for a fleet; locations refer to it by name.

use portolan_lang::diagnostic::did_you_mean;
use portolan_lang::{Attribute, Block as Nested, Diagnostic, Diagnostics, Schema, Type, Value};

use super::directive::directive;
use super::keys;
use super::part::Part;

/// The blocks of a fleet.
pub(super) const RATE: &str = "rate_limit";
pub(super) const CONNECTIONS: &str = "connection_limit";

fn counted(schema: Schema) -> Schema {
    schema
        .with(
            Attribute::optional("key", Type::String).default(Value::string("client")).doc(
                "What is counted apart: client, host, server, path, user, header:NAME, cookie:NAME or argument:NAME.",
            ),
        )
        .with(
            Attribute::optional("size", Type::String)
                .default(Value::string("10m"))
                .doc("The memory for what is counted; a megabyte holds some 8,000 clients."),
        )
}

/// What a fleet declares.
pub(super) fn fleet_blocks() -> [Nested; 2] {
    let rate = Schema::new("How often something may be asked; locations refer to it by the label.")
        .with(Attribute::required("rate", Type::String).doc("Requests a second or a minute: \"10r/s\", \"30r/m\"."));
    let connections = Schema::new("What connections are counted by; locations refer to it by the label.");
    [Nested::named(RATE, counted(rate)), Nested::named(CONNECTIONS, counted(connections))]
}

/// What a location says.
pub(super) fn location_blocks() -> [Nested; 2] {
    let status = || {
        Attribute::optional("status", Type::Number).default(Value::number(429)).doc("The answer to what is too much.")
    };
    let rate = Schema::new("How often requests are let through.")
        .with(Attribute::required("limit", Type::String).doc("The label of the fleet's rate_limit."))
        .with(Attribute::optional("burst", Type::Number).doc("How many more may come at once."))
        .with(
            Attribute::optional("delay", Type::Bool)
                .default(Value::FALSE)
                .doc("Whether those wait for their turn; otherwise they pass at once."),
        )
        .with(status());
    let connections = Schema::new("How many connections are served at the same time.")
        .with(Attribute::required("limit", Type::String).doc("The label of the fleet's connection_limit."))
        .with(Attribute::required("connections", Type::Number).doc("How many."))
        .with(status());
    [Nested::single(RATE, rate), Nested::single(CONNECTIONS, connections)]
}

/// What a reference to the fleet tells of its limits: their labels.
pub(super) fn labels(fleet: &Value, block: &str) -> Value {
    let entries = fleet.get(block).and_then(|blocks| blocks.entries().cloned());
    Value::strings(entries.iter().flat_map(|entries| entries.keys()).cloned())
}

/// The zones of a fleet, for its `http` block.
pub(super) fn zones(fleet: &Part<'_>) -> (Vec<Value>, Diagnostics) {
    let mut problems = Diagnostics::new();
    let mut lines = Vec::new();
    for (block, name) in [(RATE, "limit_req_zone"), (CONNECTIONS, "limit_conn_zone")] {
        for (label, part) in fleet.named(block) {
            let Some(key) = problems.keep(keys::of(&part, "key")) else { continue };
            let Some(size) = problems.keep(part.text("size")) else { continue };
            let zone = format!("zone={}:{}", zone(block, &label), size.unwrap_or_default());
            let rate = part.take("rate").as_str().map(|rate| Value::string(format!("rate={rate}")));
            lines.push(directive(name, [Value::string(key), Value::string(zone)].into_iter().chain(rate)));
        }
    }
    (lines, problems)
}

/// Both kinds share one space of names.
fn zone(block: &str, label: &str) -> String {
    format!("{}_{label}", if block == RATE { "rate" } else { "connections" })
}

/// The lines of a location. `fleet` is what a reference to its fleet gives.
pub(super) fn lines(location: &Part<'_>, fleet: &Value) -> Result<Vec<Value>, Diagnostic> {
    let mut lines = Vec::new();
    if let Some(part) = location.single(RATE) {
        let mut arguments = vec![Value::string(format!("zone={}", known(&part, fleet, RATE)?))];
        if let Some(burst) = part.number("burst")? {
            arguments.push(Value::string(format!("burst={burst}")));
            arguments.extend((!part.is("delay")).then(|| Value::string("nodelay")));
        }
        lines.push(directive("limit_req", arguments));
        lines.push(directive("limit_req_status", [part.take("status")]));
    }
    if let Some(part) = location.single(CONNECTIONS) {
        let zone = Value::string(known(&part, fleet, CONNECTIONS)?);
        lines.push(directive("limit_conn", [zone, part.take("connections")]));
        lines.push(directive("limit_conn_status", [part.take("status")]));
    }
    Ok(lines)
}

/// The zone of a limit that the fleet has.
fn known(part: &Part<'_>, fleet: &Value, block: &str) -> Result<String, Diagnostic> {
    let label = part.text("limit")?.unwrap_or_default();
    let declared = fleet.get(&format!("{block}s")).unwrap_or_else(|| Value::unknown(Type::Any));
    let names: Vec<&str> = declared.items().unwrap_or_default().iter().filter_map(Value::as_str).collect();
    if !declared.is_known() || names.contains(&&*label) {
        return Ok(zone(block, &label));
    }
    let problem = part.problem("limit", "Unknown limit", format!("The fleet has no {block} \"{label}\"."));
    Err(match did_you_mean(&label, names.iter().copied()) {
        Some(near) => problem.help(format!("Did you mean \"{near}\"?")),
        None => problem.help(format!("Declare it in the nginx block: {block} \"{label}\" {{ … }}")),
    })
}
