//! Zones and their records.
//!
//! A record set, `dns_rrset` in a configuration, is checked and read into the model of a
//! zone ([`zone`], [`record`], [`name`]), which is kept in a place of zones ([`zones`]): a
//! directory of zone files today ([`directory`], [`zonefile`]). The shape of the data and
//! the rules for names stand in `README.md` beside the sources.
//!
//! It leaves out what a name is for: no route and no application is known here. It does not
//! start, reload or ask any name server.

mod apex;
pub mod directory;
mod field;
pub mod name;
pub mod record;
mod rrset;
mod schema;
pub mod serial;
mod session;
pub mod zone;
pub mod zonefile;
pub mod zones;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use portolan_lang::Value;
use portolan_provider::{Error, Provider, ProviderSchema, Session};

use crate::directory::Directory;
use crate::serial::{Clock, SystemClock};
use crate::session::ZonesSession;

/// The provider of `dns_zone` and `dns_rrset`.
pub struct DnsProvider {
    schema: ProviderSchema,
    clock: Arc<dyn Clock>,
    /// One for each path, so that connections to the same files take turns.
    directories: Mutex<HashMap<PathBuf, Arc<Directory>>>,
}

impl DnsProvider {
    /// The provider, with the clock of the machine.
    pub fn new() -> Self {
        DnsProvider::with_clock(Arc::new(SystemClock))
    }

    /// The provider with another clock, which serials are made from.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        DnsProvider { schema: schema::provider(), clock, directories: Mutex::default() }
    }
}

impl Default for DnsProvider {
    fn default() -> Self {
        DnsProvider::new()
    }
}

#[async_trait]
impl Provider for DnsProvider {
    fn name(&self) -> &'static str {
        "dns"
    }

    fn schema(&self) -> &ProviderSchema {
        &self.schema
    }

    fn validate(&self, resource_type: &str, config: &Value) -> Vec<Error> {
        match resource_type {
            schema::ZONE => apex::validate(config),
            schema::RRSET => rrset::validate(config),
            _ => Vec::new(),
        }
    }

    async fn connect(&self, config: &Value, _owner: &str) -> Result<Arc<dyn Session>, Error> {
        let path = config.get("directory").and_then(|directory| field::text(&directory, "path"));
        let Some(path) = path.filter(|path| !path.is_empty()).map(PathBuf::from) else {
            return Err(Error::invalid("the directory of the zone files is missing")
                .at(field::path("directory"))
                .help("write directory { path = \"…\" } in the dns_zone block"));
        };
        let mut directories = self.directories.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || Arc::new(Directory::new(path.clone(), self.clock.clone()));
        let directory = directories.entry(path.clone()).or_insert_with(make).clone();
        Ok(Arc::new(ZonesSession::new(directory)))
    }
}
