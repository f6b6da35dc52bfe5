//! A directory that a session keeps.

use std::ops::Deref;

use portolan_lang::{Type, Value};
use portolan_nginx::NginxProvider;
use portolan_nginx::syntax::{Directive, to_value};
use portolan_provider::conformance::Client;
use tempfile::TempDir;

pub(crate) const CONFIG: &str = "nginx_config";
pub(crate) const FILE: &str = "nginx_file";

pub(crate) struct World {
    pub(crate) directory: TempDir,
    client: Client,
}

impl World {
    pub(crate) async fn new() -> World {
        World::of("nginx", "1.22.1").await
    }

    pub(crate) async fn of(flavor: &str, version: &str) -> World {
        let directory = tempfile::tempdir().expect("a directory");
        let path = Value::string(directory.path().to_str().expect("text"));
        let config = Value::object([
            ("directory", Value::object([("path", path)])),
            ("flavor", Value::string(flavor)),
            ("version", Value::string(version)),
        ]);
        let client = Client::connect(NginxProvider::new(), &config).await.expect("connects");
        World { directory, client }
    }

    pub(crate) fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.directory.path().join(path)).expect("a file")
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.directory.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("makes");
        std::fs::write(path, text).expect("writes");
    }
}

impl Deref for World {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// An `nginx_config`.
pub(crate) fn config(path: &str, directives: &[Directive]) -> Value {
    Value::object([
        ("path", Value::string(path)),
        ("directives", to_value(directives)),
        ("context", Value::null(Type::String)),
        ("variables", Value::null(Type::list(Type::String))),
        ("content", Value::null(Type::String)),
        ("mode", Value::null(Type::String)),
    ])
}

/// An `nginx_file`.
pub(crate) fn file(path: &str, content: Value) -> Value {
    Value::object([("path", Value::string(path)), ("content", content), ("mode", Value::null(Type::String))])
}
