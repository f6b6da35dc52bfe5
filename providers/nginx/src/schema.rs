//! What can be configured.

use std::collections::BTreeMap;

use portolan_lang::{Attribute, Block, Schema, Type};
use portolan_provider::{ProviderSchema, ResourceSchema};

/// The resource type of a configuration file.
pub(crate) const CONFIG: &str = "nginx_config";

/// The resource type of any other file.
pub(crate) const FILE: &str = "nginx_file";

pub(crate) fn provider() -> ProviderSchema {
    let resource = |schema| ResourceSchema { version: 0, schema };
    ProviderSchema {
        connection: connection(),
        resources: BTreeMap::from([(CONFIG, resource(config())), (FILE, resource(file()))]),
        data: BTreeMap::new(),
    }
}

fn connection() -> Schema {
    let directory = Schema::new("A directory that the fleet reads.")
        .with(Attribute::required("path", Type::String).doc("The directory; it is made where it is missing."));
    Schema::new("Where the configuration of a fleet lies, and what reads it.")
        .with(Attribute::optional("flavor", Type::String).doc("\"nginx\" or \"tengine\"; nginx if not given."))
        .with(Attribute::optional("version", Type::String).doc("The oldest version in the fleet: \"1.22\"."))
        .block(Block::single("directory", directory).required())
}

fn path() -> Attribute {
    Attribute::required("path", Type::String).replace().doc("Where the file lies, relative to the tree.")
}

fn config() -> Schema {
    Schema::new("A configuration file.")
        .with(path())
        .with(Attribute::required("directives", Type::Any).doc("The directives: objects of name, args and block."))
        .with(Attribute::optional("context", Type::String).doc("The block that includes the file."))
        .with(Attribute::optional("variables", Type::list(Type::String)).doc("Variables that other files define."))
        .with(Attribute::computed("content", Type::String).doc("The text of the file."))
}

fn file() -> Schema {
    Schema::new("A file beside the configuration: a certificate, a key, a page.")
        .with(path())
        .with(Attribute::required("content", Type::String).doc("The text of the file."))
        .with(Attribute::optional("mode", Type::String).or_computed().doc("Its permissions in octal: \"0644\"."))
}
