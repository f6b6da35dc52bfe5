//! Configuration of nginx fleets.
//!
//! The engine hands over syntax trees as data ([`syntax`]); this crate knows which
//! directives there are ([`directives`]) and what their arguments may be ([`kind`],
//! [`variable`], [`regex`]), refuses everything else ([`check`]), writes the text in one
//! way ([`render`]) and keeps it where the fleet reads it: in a [`directory`], or in etcd,
//! from where agents fetch it. The shape of the data and the list of directives stand in
//! `README.md` beside the sources.
//!
//! It leaves out what a configuration means: no route, no upstream and no application is
//! known here. It does not start, reload or ask any nginx.

pub mod check;
mod config;
pub mod directives;
pub mod directory;
mod file;
pub mod kind;
mod nodes;
mod published;
pub mod regex;
mod release;
pub mod render;
mod schema;
mod session;
pub mod store;
pub mod syntax;
mod traps;
pub mod variable;
pub mod version;

use std::sync::Arc;

use async_trait::async_trait;
use portolan_lang::{AttributePath, Step, Value};
use portolan_provider::{Error, Provider, ProviderSchema, Session, Workload};

use crate::check::Target;
use crate::directory::Directory;
use crate::published::PublishedSession;
use crate::session::FilesSession;

/// The provider of `nginx_config`, `nginx_file` and `nginx_release`.
#[derive(Debug)]
pub struct NginxProvider {
    schema: ProviderSchema,
}

impl NginxProvider {
    /// The provider.
    pub fn new() -> Self {
        NginxProvider { schema: schema::provider() }
    }
}

impl Default for NginxProvider {
    fn default() -> Self {
        NginxProvider::new()
    }
}

#[async_trait]
impl Provider for NginxProvider {
    fn name(&self) -> &'static str {
        "nginx"
    }

    fn schema(&self) -> &ProviderSchema {
        &self.schema
    }

    fn validate(&self, resource_type: &str, config: &Value) -> Vec<Error> {
        match resource_type {
            schema::CONFIG => config::validate(config),
            schema::FILE => file::validate(config),
            schema::RELEASE => release::validate(config),
            _ => Vec::new(),
        }
    }

    fn workload(&self, resource_type: &str, _value: &Value) -> Option<Workload> {
        (resource_type == schema::RELEASE).then(Workload::default)
    }

    async fn connect(&self, config: &Value, _owner: &str) -> Result<Arc<dyn Session>, Error> {
        let target = Target::of(config)?;
        let block = |name: &'static str| config.get(name).filter(|block| !block.is_null());
        match (block("directory"), block("etcd")) {
            (Some(directory), None) => Ok(Arc::new(FilesSession::new(Arc::new(open(&directory)?), target))),
            (None, Some(etcd)) => Ok(Arc::new(PublishedSession::open(&etcd, target).await?)),
            _ => Err(Error::invalid("it is not clear where the configuration of the fleet lies")
                .at(AttributePath::attribute("directory"))
                .help("write either directory { … } or etcd { … } in the nginx block")),
        }
    }
}

fn open(directory: &Value) -> Result<Directory, Error> {
    let path = directory.get("path");
    let path = path.as_ref().and_then(Value::as_str).filter(|path| !path.is_empty());
    path.map(Directory::new).ok_or_else(|| {
        Error::invalid("the directory of the configuration is missing")
            .at([Step::Attribute(Arc::from("directory")), Step::Attribute(Arc::from("path"))].into_iter().collect())
            .help("write directory { path = \"…\" } in the nginx block")
    })
}
