//! What can be configured.

use std::collections::BTreeMap;

use portolan_lang::{Attribute, Block, Schema, Type, Value};
use portolan_provider::{ProviderSchema, ResourceSchema};

/// The resource type of a configuration file.
pub(crate) const CONFIG: &str = "nginx_config";

/// The resource type of any other file.
pub(crate) const FILE: &str = "nginx_file";

/// The resource type of what a fleet serves, of all files together.
pub(crate) const RELEASE: &str = "nginx_release";

pub(crate) fn provider() -> ProviderSchema {
    let resource = |schema| ResourceSchema { version: 0, schema };
    ProviderSchema {
        connection: connection(),
        resources: BTreeMap::from([
            (CONFIG, resource(config())),
            (FILE, resource(file())),
            (RELEASE, resource(release())),
        ]),
        data: BTreeMap::new(),
    }
}

fn connection() -> Schema {
    let directory = Schema::new("A directory that the fleet reads.")
        .with(Attribute::required("path", Type::String).doc("The directory; it is made where it is missing."));
    let etcd = Schema::new("An etcd that the agents of the fleet read.")
        .with(Attribute::required("prefix", Type::String).doc("What its keys begin with: \"/portolan/edge\"."));
    let etcd = portolan_etcd_client::attributes().into_iter().fold(etcd, Schema::with);
    Schema::new("Where the configuration of a fleet lies, and what reads it.")
        .with(Attribute::optional("flavor", Type::String).doc("\"nginx\" or \"tengine\"; nginx if not given."))
        .with(Attribute::optional("version", Type::String).doc("The oldest version in the fleet: \"1.22\"."))
        .with(
            Attribute::optional("modules", Type::list(Type::String))
                .doc("The servers' modules beyond those that are always there; all that are known if not given."),
        )
        .block(Block::single("directory", directory))
        .block(Block::single("etcd", etcd))
}

fn release() -> Schema {
    Schema::new("What a fleet serves whose configuration is in etcd: all files together, of one moment.")
        .with(
            Attribute::required("files", Type::Any)
                .doc("The files by their paths: objects of sha256, mode and unit, which is what they belong to."),
        )
        .with(
            Attribute::optional("nodes", Type::Number)
                .default(Value::number(1))
                .doc("How many nodes have to serve it at least before it is ready; all that live have to."),
        )
        .with(
            Attribute::optional("wait", Type::Bool)
                .default(Value::TRUE)
                .doc("Whether to wait until the nodes serve it."),
        )
        .with(
            Attribute::optional("timeout", Type::String)
                .default(Value::string("2m"))
                .doc("How long to wait at most: \"90s\"."),
        )
        .with(Attribute::computed("revision", Type::Number).doc("Its number."))
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
        .with(Attribute::computed("content", Type::String).made_from("directives").doc("The text of the file."))
        .with(mode())
}

fn file() -> Schema {
    Schema::new("A file beside the configuration: a certificate, a key, a page.")
        .with(path())
        .with(Attribute::required("content", Type::String).doc("The text of the file."))
        .with(mode())
}

fn mode() -> Attribute {
    Attribute::optional("mode", Type::String).or_computed().doc("Its permissions in octal: \"0644\".")
}
