//! Canaries: other servers for some of a location's requests.
//!
//! A request goes to the first canary whose header says so; then to the first whose cookie does;
//! then to one by its share; else to the location's own servers. "First" is by label. Where a
//! header or a cookie is asked for and says `never`, the request goes to the location's own.
//!
//! Each question is a `map` whose default is the next question's variable, and `proxy_pass` names
//! the group by the first one. nginx evaluates only what it needs.

use std::sync::Arc;

use portolan_lang::{Address, Attribute, Diagnostic, Number, Schema, Type, Value};
use sha2::{Digest, Sha256};

use super::build::{Build, Feature};
use super::directive::{block, words};
use super::keys;
use super::part::Part;

/// The value by which a request keeps away from a canary.
const NEVER: &str = "never";

pub(super) fn schema(target: impl Fn(Schema) -> Schema) -> Schema {
    let value =
        |name: &'static str, doc| Attribute::optional(name, Type::String).default(Value::string("always")).doc(doc);
    target(Schema::new("Other servers for some of the requests: by header, else by cookie, else by share."))
        .with(Attribute::optional("header", Type::String).doc("The header field that sends a request there."))
        .with(value("header_value", "What that has to say; \"never\" keeps a request away."))
        .with(Attribute::optional("cookie", Type::String).doc("The cookie that sends a request there."))
        .with(value("cookie_value", "What that has to say; \"never\" keeps a request away."))
        .with(Attribute::optional("weight", Type::Number).doc("Its share of the other requests, in percent."))
        .with(Attribute::optional("key", Type::String).default(Value::string("request")).doc(
            "What goes the same way each time: request (each goes its own), client, user, header:NAME, cookie:NAME.",
        ))
}

/// A canary, and the group of its servers.
pub(super) struct Canary<'a> {
    pub(super) part: Part<'a>,
    pub(super) group: String,
}

/// Names the variables of a block's questions, so that no two blocks of a fleet share one.
pub(super) struct Names(String);

impl Names {
    /// Of a block, or of what is at a path in it.
    pub(super) fn new(block: &Address, path: &str) -> Names {
        let digest = Sha256::digest(format!("{block}\n{path}").as_bytes());
        Names(digest.iter().take(5).map(|byte| format!("{byte:02x}")).collect())
    }

    fn variable(&self, what: &str, number: usize) -> String {
        format!("$canary_{}_{what}_{number}", self.0)
    }

    /// The variable that names the servers for the host of a TLS handshake.
    pub(super) fn host(&self) -> String {
        format!("$host_{}", self.0)
    }
}

/// The variable of a name, where it is one.
type VariableOf = fn(&str) -> Option<String>;

/// The questions, and the variable that names the group; `own` is the location's own.
pub(super) fn questions(
    canaries: &[Canary<'_>],
    own: &str,
    names: &Names,
    build: &Build,
) -> Result<(Vec<Value>, String), Diagnostic> {
    let mut made = Vec::new();
    let mut next = own.to_owned();
    if let Some((question, variable)) = by_share(canaries, own, names, build)? {
        made.push(question);
        next = variable;
    }
    let ways: [(&str, &str, VariableOf); 2] =
        [("cookie", "cookie_value", keys::cookie), ("header", "header_value", keys::header)];
    for (way, value, variable_of) in ways {
        for (number, canary) in canaries.iter().enumerate().rev() {
            let Some(name) = canary.part.text(way)? else { continue };
            let source = variable_of(&name).ok_or_else(|| {
                let detail = format!("\"{name}\" is not the name of a {way}.");
                canary.part.problem(way, "Unsuitable name", detail)
            })?;
            let value = word(&canary.part, value)?;
            let variable = names.variable(way, number);
            let mut answers = vec![words("default", &[&next]), words(&value, &[&canary.group])];
            answers.extend((*value != *NEVER).then(|| words(NEVER, &[own])));
            made.push(block("map", [source, variable.clone()].map(Value::string), answers));
            next = variable;
        }
    }
    Ok((made, next))
}

/// A value that a header or a cookie may have: nothing that a map would read as more than a text.
fn word(part: &Part<'_>, name: &str) -> Result<Arc<str>, Diagnostic> {
    const RESERVED: [&str; 5] = ["default", "hostnames", "include", "volatile", NEVER];
    let text = part.text(name)?.unwrap_or_default();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if text.is_empty() || !text.bytes().all(allowed) || RESERVED.contains(&&*text) {
        let detail = format!("\"{text}\" cannot be told from other texts.");
        return Err(part
            .problem(name, "Unsuitable value", detail)
            .help(format!("Use letters, digits, \"_\", \".\" and \"-\", and none of {}.", RESERVED.join(", "))));
    }
    Ok(text)
}

/// `split_clients`, where a canary has a share.
fn by_share(
    canaries: &[Canary<'_>],
    own: &str,
    names: &Names,
    build: &Build,
) -> Result<Option<(Value, String)>, Diagnostic> {
    let mut shares = Vec::new();
    let mut sum = 0.0;
    let mut key = None;
    for canary in canaries {
        let Some(weight) = canary.part.number("weight")? else { continue };
        sum += weight.to_f64();
        if weight.is_negative() || sum > 100.0 || !is_share(&weight) {
            let detail = "The shares of a location's canaries are percents with at most two decimals, and not more than 100 together.";
            return Err(canary.part.problem("weight", "Unsuitable share", detail));
        }
        let of_this = keys::of(&canary.part, "key")?;
        if of_this == "$request_id" {
            build.require(&Feature::REQUEST_ID, canary.part.span("key"))?;
        }
        if key.get_or_insert_with(|| of_this.clone()) != &of_this {
            let detail = "The canaries of a location that have a share have it by the same key.";
            return Err(canary.part.problem("key", "Different keys", detail));
        }
        shares.extend((!weight.is_zero()).then(|| words(&format!("{weight}%"), &[&canary.group])));
    }
    let Some(key) = key else { return Ok(None) };
    shares.push(words("*", &[own]));
    let variable = names.variable("share", 0);
    // What is in front of the key keeps routes from choosing the same clients.
    let key = format!("{}{key}", names.0);
    Ok(Some((block("split_clients", [key, variable.clone()].map(Value::string), shares), variable)))
}

fn is_share(weight: &Number) -> bool {
    weight.mul(&Number::from(100)).is_some_and(|hundredths| hundredths.is_integer())
}

/// A canary that nothing leads to.
pub(super) fn unreachable(canary: &Part<'_>, label: &str) -> Option<Diagnostic> {
    let ways = ["header", "cookie", "weight"];
    let is_reached = ways.iter().any(|way| !canary.take(way).is_null());
    (!is_reached).then(|| {
        let detail = format!("Nothing sends requests to the canary \"{label}\".");
        canary.problem("", "Canary without requests", detail).help("Give it a header, a cookie or a weight.")
    })
}
