//! The ways to a cluster, each a nested block of the connection.

use std::path::PathBuf;

use portolan_lang::{Attribute, AttributePath, Block, Schema, Type, Value};
use portolan_provider::Error;

/// A way to a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Connection {
    /// A directory of manifests, which something else brings to a cluster.
    Directory {
        /// The directory; it is made where it does not exist.
        path: PathBuf,
    },
}

/// The blocks that name a connection; exactly one is set.
const KINDS: [&str; 1] = ["directory"];

pub(crate) fn schema() -> Schema {
    let path = Attribute::required("path", Type::String)
        .doc("The directory of the manifests; if relative, it counts from the working directory.");
    Schema::new("How the objects reach the cluster.")
        .block(Block::single("directory", Schema::new("A directory of manifests, one file an object.").with(path)))
}

impl Connection {
    /// The connection that a wholly known configuration names.
    pub(crate) fn of(config: &Value) -> Result<Connection, Error> {
        let set = config.entries().into_iter().flat_map(|entries| entries.iter());
        let set: Vec<&str> = set.filter(|(_, value)| !value.is_null()).map(|(name, _)| &**name).collect();
        match set.as_slice() {
            ["directory"] => Connection::directory(config),
            [] => Err(Error::invalid("the connection is missing").help("Add a block `directory` with a `path`.")),
            [other] => {
                let error = Error::invalid(format!("the connection {other:?} is not supported"));
                Err(error.at(AttributePath::attribute(*other)).help(format!("Supported: {}.", KINDS.join(", "))))
            }
            several => Err(Error::invalid(format!("one connection is needed, not {}", several.join(" and ")))),
        }
    }

    fn directory(config: &Value) -> Result<Connection, Error> {
        let blame = ["directory", "path"].map(|name| portolan_lang::Step::Attribute(name.into())).into_iter().collect();
        let path = config.get("directory").and_then(|directory| directory.get("path"));
        match path.as_ref().and_then(Value::as_str) {
            Some(path) if !path.is_empty() && !path.contains('\0') => Ok(Connection::Directory { path: path.into() }),
            _ => Err(Error::invalid("the path of a directory is required").at(blame)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_connection_is_refused() {
        let directory = |path: &str| Value::object([("path", Value::string(path))]);
        let null = || Value::null(Type::Any);
        let good = Value::object([("directory", directory("out")), ("kubernetes", null())]);
        assert_eq!(Connection::of(&good).expect("a connection"), Connection::Directory { path: "out".into() });
        let cases = [
            (Value::object([("directory", null())]), "the connection is missing"),
            (Value::object([("directory", directory(""))]), "the path of a directory is required"),
            (Value::object([("kubernetes", directory("a"))]), "the connection \"kubernetes\" is not supported"),
            (
                Value::object([("directory", directory("a")), ("kubernetes", directory("a"))]),
                "one connection is needed, not directory and kubernetes",
            ),
        ];
        for (config, expected) in cases {
            assert_eq!(Connection::of(&config).expect_err("an error").message, expected);
        }
    }
}
