//! What the provider's tests ask of an etcd.

use std::ops::{Deref, DerefMut};

use etcd_client::Client;
use portolan_etcd::Etcd;
use portolan_lang::{Type, Value};
use portolan_provider::Error;
use portolan_provider::conformance::Client as Provider;
use portolan_test_support::Etcd as Server;

/// An etcd, and who speaks with it.
pub(crate) struct World(Server);

impl World {
    /// With an etcd that anybody may use.
    pub(crate) fn start() -> World {
        World(Server::start())
    }

    /// With one that speaks TLS alone and asks for a client certificate.
    pub(crate) fn start_with_tls() -> World {
        World(Server::start_with_tls())
    }

    /// A connection with these beside the endpoint.
    pub(crate) fn connection<const N: usize>(&self, given: [(&'static str, Value); N]) -> Value {
        let names = ["username", "password", "certificate_authority", "client_certificate", "client_key"];
        let unset = names.map(|name| (name, Value::null(Type::String)));
        let endpoints = ("endpoints", Value::strings([self.endpoint()]));
        Value::object(unset.into_iter().chain([endpoints]).chain(given))
    }

    pub(crate) async fn connect<const N: usize>(&self, given: [(&'static str, Value); N]) -> Result<Provider, Error> {
        Provider::connect(Etcd::new(), &self.connection(given)).await
    }

    pub(crate) async fn provider(&self) -> Provider {
        self.connect([]).await.expect("connects")
    }

    /// A client beside the provider's.
    pub(crate) async fn client(&self) -> Client {
        Client::connect([self.endpoint()], None).await.expect("connects")
    }
}

impl Deref for World {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.0
    }
}
