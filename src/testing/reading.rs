//! A kind of domain block that needs something read, for the tests of reading.
//!
//! ```text
//! reading "r" {
//!   name = "a"      # an object whose value lists names …
//!   then = true     # … of objects whose values are lists of names, which are read too
//! }
//! ```
//!
//! It compiles to a `scripted_object` for each name that it ends with.

use portolan_lang::decode::decode;
use portolan_lang::eval::Scope;
use portolan_lang::{Address, Attribute, Diagnostics, Schema, Type, Value};
use portolan_provider::scripted::{OBJECT, VALUE};

use crate::compile::domain::{Block, Compiled, CompiledResource, Hosts, Kind, exports, known_text, object};

pub(crate) const READING: Kind = Kind { keyword: "reading", schema: |_| schema(), wants: None, compile };

fn schema() -> Schema {
    Schema::new("Objects that are named by what others say.")
        .with(Attribute::required("name", Type::String))
        .with(Attribute::optional("then", Type::Bool))
        .with(Attribute::optional("connection", Type::String).default(Value::string("provider.scripted")))
}

fn compile(block: &Block<'_>, scope: &dyn Scope) -> Compiled {
    let (value, mut diagnostics) = decode(block.body, &schema(), scope);
    let Some(name) = diagnostics.keep(known_text(block, &value, "name")) else {
        return Compiled::nothing(diagnostics);
    };
    let connection = value.get("connection").and_then(|address| address.as_str()?.parse().ok()).expect("an address");
    let read = |name: &str| names(block, &connection, name);
    let follows = value.get("then").is_some_and(|then| then.as_bool() == Some(true));
    let found = match read(&name) {
        Some(found) if follows => {
            found.iter().map(|name| read(name)).collect::<Option<Vec<_>>>().map(|all| all.concat())
        }
        found => found,
    };
    let Some(found) = found else { return Compiled::nothing(Diagnostics::new()) };
    let resource = |name: &String| CompiledResource {
        address: block.address.part(name.as_str()),
        group: block.address.clone(),
        resource_type: OBJECT,
        connection: Some(connection.clone()),
        config: object([("name", Value::string(name.as_str()))]),
        dependencies: Vec::new(),
    };
    Compiled {
        exports: exports(block.address, block.name, []),
        connection: None,
        resources: found.iter().map(resource).collect(),
        decisions: Vec::new(),
        claims: Vec::new(),
        hosts: Hosts::default(),
        backends: Vec::new(),
        diagnostics,
    }
}

/// The names that an object lists; `None` where it has to be read first.
fn names(block: &Block<'_>, connection: &Address, name: &str) -> Option<Vec<String>> {
    let answer = block.read(connection, VALUE, &object([("name", Value::string(name))]))?;
    let listed = answer.get("value").unwrap_or_else(|| Value::tuple([]));
    let listed = listed.items().unwrap_or_default().iter();
    Some(listed.filter_map(Value::as_str).map(str::to_owned).collect())
}
