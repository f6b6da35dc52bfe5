//! Zones and their records.
//!
//! A record set, `dns_rrset` in a configuration, is checked and read into the model of a
//! zone ([`zone`], [`record`], [`name`]), which is kept in a place of zones ([`zones`]): a
//! directory of zone files ([`directory`], [`zonefile`]), or a name server that takes dynamic
//! updates ([`server`]). The shape of the data and the rules for names stand in `README.md` beside
//! the sources.
//!
//! It leaves out what a name is for: no route and no application is known here. It does not
//! start, reload or configure any name server.

mod apex;
pub mod directory;
mod draft;
mod field;
mod location;
mod marker;
pub mod name;
pub mod record;
mod resolver;
mod rrset;
mod schema;
pub mod serial;
pub mod server;
mod session;
mod turns;
pub mod zone;
pub mod zonefile;
pub mod zones;

use std::collections::HashMap;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use portolan_lang::{AttributePath, Step, Value};
use portolan_provider::{Error, Provider, ProviderSchema, Session};

use crate::directory::Directory;
use crate::resolver::Resolver;
use crate::serial::{Clock, SystemClock};
use crate::server::Server;
use crate::session::ZonesSession;
use crate::zones::Zones;

/// The address of a server, and the text of a key.
type Access = (String, Option<String>);

/// The provider of `dns_zone` and `dns_rrset`.
pub struct DnsProvider {
    schema: ProviderSchema,
    clock: Arc<dyn Clock>,
    /// One for each path, so that connections to the same files take turns.
    directories: Mutex<HashMap<PathBuf, Arc<Directory>>>,
    /// One for each address and key.
    servers: Mutex<HashMap<Access, Arc<Server>>>,
}

impl DnsProvider {
    /// The provider, with the clock of the machine.
    pub fn new() -> Self {
        DnsProvider::with_clock(Arc::new(SystemClock))
    }

    /// The provider with another clock, which serials are made from.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        DnsProvider { schema: schema::provider(), clock, directories: Mutex::default(), servers: Mutex::default() }
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
        let given = |block: &str| config.get(block).filter(|block| !block.is_null());
        let zones: Arc<dyn Zones> = match (given("directory"), given("rfc2136")) {
            (Some(directory), None) => self.directory(&directory)?,
            (None, Some(server)) => self.server(&server)?,
            _ => {
                return Err(Error::invalid("it is not said where the zone is kept")
                    .help("write directory { path = \"…\" } or rfc2136 { server = \"…\" } in the dns_zone block"));
            }
        };
        let resolver = Resolver::new(resolver(config)?);
        Ok(Arc::new(ZonesSession::new(zones, field::text(config, "owner"), resolver)))
    }
}

impl DnsProvider {
    fn directory(&self, config: &Value) -> Result<Arc<Directory>, Error> {
        let path = field::text(config, "path").filter(|path| !path.is_empty()).map(PathBuf::from);
        let path = path.ok_or_else(|| {
            Error::invalid("the directory of the zone files is missing").at(inside("directory", "path"))
        })?;
        let mut directories = self.directories.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || Arc::new(Directory::new(path.clone(), self.clock.clone()));
        Ok(directories.entry(path.clone()).or_insert_with(make).clone())
    }

    /// Connections to one server with one key take turns.
    fn server(&self, config: &Value) -> Result<Arc<Server>, Error> {
        let at = |attribute| inside("rfc2136", attribute);
        let address = field::text(config, "server").filter(|address| is_address(address)).ok_or_else(|| {
            Error::invalid("the server is not an address with a port").at(at("server")).help("write \"192.0.2.53:53\"")
        })?;
        let text = field::text(config, "key");
        let key = text.as_deref().map(str::parse).transpose();
        let key = key.map_err(|problem: String| Error::invalid(problem).at(at("key")))?;
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || Arc::new(Server::new(address.clone(), key));
        Ok(servers.entry((address.clone(), text)).or_insert_with(make).clone())
    }
}

/// The address of the resolver, where one is given.
fn resolver(config: &Value) -> Result<Option<SocketAddr>, Error> {
    let address = field::text(config, "resolver").map(|text| text.parse());
    address.transpose().map_err(|_| {
        Error::invalid("the resolver is not an IP address with a port")
            .at(AttributePath::attribute("resolver"))
            .help("write \"192.0.2.53:53\"")
    })
}

/// A host or an address, and a port.
fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match bare {
        Some(bare) => bare.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte)),
    };
    is_host && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn inside(block: &'static str, attribute: &'static str) -> AttributePath {
    [Step::Attribute(block.into()), Step::Attribute(attribute.into())].into_iter().collect()
}
