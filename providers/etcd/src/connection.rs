//! The way to an etcd cluster.

use std::time::Duration;

use etcd_client::{Certificate, Client, ConnectOptions, Identity, TlsOptions};
use portolan_lang::{Attribute, AttributePath, Schema, Type, Value};
use portolan_provider::Error;

use crate::errors::error_of;

/// How long a member may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a member may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) fn schema() -> Schema {
    Schema::new("How an etcd cluster is reached.")
        .with(
            Attribute::required("endpoints", Type::list(Type::String))
                .doc("The URLs of its members: [\"https://192.0.2.5:2379\"]."),
        )
        .with(Attribute::optional("username", Type::String).doc("The user, where etcd asks for one."))
        .with(Attribute::optional("password", Type::String).sensitive().doc("The user's password."))
        .with(
            Attribute::optional("certificate_authority", Type::String)
                .doc("The certificates, in PEM, that the members' certificates must be signed by."),
        )
        .with(
            Attribute::optional("client_certificate", Type::String)
                .doc("The certificate, in PEM, that is shown to them."),
        )
        .with(Attribute::optional("client_key", Type::String).sensitive().doc("The key of that certificate, in PEM."))
}

/// A client of the cluster that a wholly known configuration names, which has answered.
pub(crate) async fn open(config: &Value) -> Result<Client, Error> {
    let endpoints = endpoints(config)?;
    let options = options(config, &endpoints)?;
    let unreachable = |error| error_of(&format!("etcd at {}", endpoints.join(", ")), error);
    let mut client = Client::connect(&endpoints, Some(options)).await.map_err(unreachable)?;
    client.status().await.map_err(unreachable)?;
    Ok(client)
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
