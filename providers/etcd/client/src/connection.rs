//! The way to an etcd cluster.

use std::time::Duration;

use etcd_client::{Certificate, Client, ConnectOptions, Identity, TlsOptions};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use portolan_lang::{Attribute, AttributePath, Type, Value};
use portolan_provider::{Error, ErrorKind};

use crate::errors::error_of;

/// How long a member may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a member may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// How long other members may take once one has answered.
const GRACE: Duration = Duration::from_millis(500);

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

    /// A client that has answered, of all members that are there.
    ///
    /// A client sends each request to one of its members by chance, also the one that asks for its token. So
    /// members that are away are left out, until the connection is opened once more.
    ///
    /// # Errors
    ///
    /// What etcd says, or that nobody answers.
    pub async fn open(&self) -> Result<Client, Error> {
        // One may be lost after it was found.
        for _ in 1..self.endpoints.len() {
            match self.client(&self.present().await?).await {
                Err(error) if error.kind == ErrorKind::Transient => {}
                client => return client,
            }
        }
        self.client(&self.endpoints).await
    }

    /// The members that answer; fails where none does.
    async fn present(&self) -> Result<Vec<String>, Error> {
        let ask = |endpoint: &String| {
            let endpoint = endpoint.clone();
            async move { self.client(std::slice::from_ref(&endpoint)).await.map(|_| endpoint) }
        };
        let mut asked: FuturesUnordered<_> = self.endpoints.iter().map(ask).collect();
        let (mut present, mut problems) = (Vec::new(), Vec::new());
        while let Some(answer) = next(&mut asked, !present.is_empty()).await {
            match answer {
                Ok(endpoint) => present.push(endpoint),
                Err(error) => problems.push(error),
            }
        }
        // What a member says counts more than that another one says nothing.
        problems.sort_by_key(|error| error.kind == ErrorKind::Transient);
        match problems.into_iter().next() {
            Some(problem) if present.is_empty() => Err(problem),
            _ => Ok(present),
        }
    }

    /// A client of these members that has answered.
    async fn client(&self, endpoints: &[String]) -> Result<Client, Error> {
        let unreachable = |error| error_of(&format!("etcd at {}", endpoints.join(", ")), error);
        let connecting = Client::connect(endpoints, Some(self.options.clone()));
        let mut client = connecting.await.map_err(unreachable)?;
        client.status().await.map_err(unreachable)?;
        Ok(client)
    }
}

/// The next answer; once somebody has answered, the others are not waited for long.
async fn next<F: Future>(asked: &mut FuturesUnordered<F>, is_answered: bool) -> Option<F::Output> {
    match is_answered {
        true => tokio::time::timeout(GRACE, asked.next()).await.ok().flatten(),
        false => asked.next().await,
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
