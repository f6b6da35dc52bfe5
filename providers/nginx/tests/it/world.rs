//! A directory that a session keeps.

use std::sync::Arc;

use portolan_lang::{Type, Value};
use portolan_nginx::NginxProvider;
use portolan_nginx::syntax::{Directive, to_value};
use portolan_provider::{Applied, Change, Error, Planned, Proposal, Provider, Session, Wanted, propose};
use tempfile::TempDir;

pub(crate) const CONFIG: &str = "nginx_config";
pub(crate) const FILE: &str = "nginx_file";

pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) provider: NginxProvider,
    pub(crate) session: Arc<dyn Session>,
}

impl World {
    pub(crate) async fn new() -> World {
        World::of("nginx", "1.22.1").await
    }

    pub(crate) async fn of(flavor: &str, version: &str) -> World {
        let directory = tempfile::tempdir().expect("a directory");
        let provider = NginxProvider::new();
        let path = Value::string(directory.path().to_str().expect("text"));
        let config = Value::object([
            ("directory", Value::object([("path", path)])),
            ("flavor", Value::string(flavor)),
            ("version", Value::string(version)),
        ]);
        let session = provider.connect(&config).await.expect("connects");
        World { directory, provider, session }
    }

    pub(crate) fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.directory.path().join(path)).expect("a file")
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.directory.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("makes");
        std::fs::write(path, text).expect("writes");
    }

    pub(crate) async fn plan(
        &self,
        resource_type: &str,
        prior: Option<&Value>,
        config: &Value,
    ) -> Result<Planned, Error> {
        let schema = &self.provider.schema().resources[resource_type].schema;
        let proposed = propose(schema, prior, config);
        self.session.plan(Proposal { resource_type, prior, config, proposed: &proposed }).await
    }

    pub(crate) async fn create(&self, resource_type: &str, config: &Value) -> Result<Applied, Error> {
        let planned = self.plan(resource_type, None, config).await?;
        let change = Change::Create { planned: &planned.value };
        Ok(self.session.apply(resource_type, change).await?.expect("an object"))
    }

    pub(crate) async fn update(&self, resource_type: &str, prior: &Applied, config: &Value) -> Result<Applied, Error> {
        let planned = self.plan(resource_type, Some(&prior.value), config).await?;
        let change = Change::Update { identity: &prior.identity, prior: &prior.value, planned: &planned.value };
        Ok(self.session.apply(resource_type, change).await?.expect("an object"))
    }

    pub(crate) async fn delete(&self, resource_type: &str, object: &Applied) -> Result<(), Error> {
        let change = Change::Delete { identity: &object.identity, prior: &object.value };
        self.session.apply(resource_type, change).await.map(|left| assert_eq!(left, None))
    }

    pub(crate) async fn read(&self, resource_type: &str, object: &Applied) -> Result<Option<Value>, Error> {
        let wanted = Wanted {
            resource_type: Arc::from(resource_type),
            identity: object.identity.clone(),
            prior: Some(object.value.clone()),
        };
        self.session.read(&[wanted]).await.pop().expect("an answer")
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
    ])
}

/// An `nginx_file`.
pub(crate) fn file(path: &str, content: Value) -> Value {
    Value::object([("path", Value::string(path)), ("content", content), ("mode", Value::null(Type::String))])
}
