//! The way to an etcd cluster.

use std::time::Duration;

use etcd_client::{Certificate, Client, ConnectOptions, Identity, TlsOptions};
use portolan_lang::{Attribute, AttributePath, Type, Value};
use portolan_provider::Error;

use crate::errors::error_of;

/// How long a member may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a member may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// What a configuration says of a connection.
pub fn attributes() -> [Attribute; 6] {
    let text = |name: &'static str, doc| Attribute::optional(name, Type::String).doc(doc);
    [
        Attribute::required("endpoints", Type::list(Type::String))
            .doc("The URLs of its members: [\"https://192.0.2.5:2379\"]."),
        text("username", "The user, where etcd asks for one."),
        text("password", "The user's password.").sensitive(),
        text("certificate_authority", "The certificates, in PEM, that the members' certificates must be signed by."),
        text("client_certificate", "The certificate, in PEM, that is shown to them."),
        text("client_key", "The key of that certificate, in PEM.").sensitive(),
    ]
}

/// A client of the cluster that a wholly known object of [`attributes`] names, which has answered.
///
/// # Errors
///
/// Of kind invalid, at the attribute, where the object is wrong; otherwise what etcd says.
pub async fn open(config: &Value) -> Result<Client, Error> {
    Connection::of(config)?.open().await
}

/// A connection that can be made.
#[derive(Clone)]
pub struct Connection {
    endpoints: Vec<String>,
    options: ConnectOptions,
}

impl std::fmt::Debug for Connection {
    /// Without the options, which hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "etcd at {}", self.endpoints.join(", "))
    }
}

impl Connection {
    /// What a wholly known object of [`attributes`] says.
    ///
    /// # Errors
    ///
    /// Of kind invalid, at the attribute that is wrong.
    pub fn of(config: &Value) -> Result<Connection, Error> {
        let endpoints = endpoints(config)?;
        let options = options(config, &endpoints)?;
        Ok(Connection { endpoints, options })
    }

    /// A client that has answered.
    ///
    /// # Errors
    ///
    /// What etcd says, or that nobody answers.
    pub async fn open(&self) -> Result<Client, Error> {
        let unreachable = |error| error_of(&format!("etcd at {}", self.endpoints.join(", ")), error);
        let connecting = Client::connect(&self.endpoints, Some(self.options.clone()));
        let mut client = connecting.await.map_err(unreachable)?;
        client.status().await.map_err(unreachable)?;
        Ok(client)
    }
}

fn endpoints(config: &Value) -> Result<Vec<String>, Error> {
    let listed = config.get("endpoints");
    let listed = listed.as_ref().and_then(Value::items).unwrap_or_default();
    let endpoints: Vec<String> = listed.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let path = || AttributePath::attribute("endpoints");
    if endpoints.is_empty() {
        return Err(Error::invalid("an etcd cluster needs at least one endpoint").at(path()));
    }
    let has_scheme = |endpoint: &&String| endpoint.starts_with("https://") || endpoint.starts_with("http://");
    match endpoints.iter().find(|endpoint| !has_scheme(endpoint)) {
        Some(wrong) => Err(Error::invalid(format!("the endpoint {wrong:?} is no URL"))
            .at(path())
            .help("Write https://HOST:2379, or http://HOST:2379 for one without TLS.")),
        None => Ok(endpoints),
    }
}

fn options(config: &Value, endpoints: &[String]) -> Result<ConnectOptions, Error> {
    let text = |name: &str| config.get(name).and_then(|value| value.as_str().map(str::to_owned));
    let invalid = |name: &'static str, message: &str| Error::invalid(message).at(AttributePath::attribute(name));
    let mut options = ConnectOptions::new()
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_timeout(ANSWER_TIMEOUT)
        .with_require_leader(true);
    options = match (text("username"), text("password")) {
        (Some(username), Some(password)) => options.with_user(username, password),
        (Some(_), None) => return Err(invalid("username", "a username needs a password")),
        (None, Some(_)) => return Err(invalid("password", "a password needs a username")),
        (None, None) => options,
    };
    let mut tls = TlsOptions::new().with_enabled_roots();
    if let Some(authority) = text("certificate_authority") {
        tls = TlsOptions::new().ca_certificate(Certificate::from_pem(authority));
    }
    tls = match (text("client_certificate"), text("client_key")) {
        (Some(certificate), Some(key)) => tls.identity(Identity::from_pem(certificate, key)),
        (Some(_), None) => return Err(invalid("client_certificate", "a client certificate needs its key")),
        (None, Some(_)) => return Err(invalid("client_key", "a client key needs its certificate")),
        (None, None) => tls,
    };
    let encrypted = endpoints.iter().any(|endpoint| endpoint.starts_with("https://"));
    Ok(if encrypted { options.with_tls(tls) } else { options })
}
