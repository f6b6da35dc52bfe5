//! Objects of Kubernetes clusters: the resource type `kubernetes_object`.
//!
//! An object is its manifest; its identity is its API group, kind, namespace and name. A
//! connection is the API server of a cluster, or a directory of manifests, one file an object,
//! made to be read and to be committed to Git.
//!
//! What it leaves out: nothing here knows of applications or of any kind in particular, but
//! for what the API does not let be changed in place and where objects live.

mod alike;
mod connection;
mod directory;
pub mod health;
mod identity;
mod immutable;
mod manifest;
mod names;
mod rollout;
mod scope;
mod server;
mod workload;
mod yaml;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use connection::Connection;
use directory::DirectorySession;
use identity::Identity;
use portolan_lang::{Attribute, AttributePath, Schema, Type, Value};
use portolan_provider::{Error, Planned, Proposal, Provider, ProviderSchema, ResourceSchema, Session, Workload};
use server::{NODES, SECRET, ServerSession};

/// The resource type of all objects.
pub const OBJECT: &str = "kubernetes_object";

/// Whether fields are taken from other managers.
const FORCE_CONFLICTS: &str = "force_conflicts";

/// The file that the manifest stands in.
const MANIFEST_FILE: &str = "manifest_file";

/// The fields that other managers have taken.
const LOST_FIELDS: &str = "lost_fields";

/// The provider of Kubernetes objects.
pub struct Kubernetes {
    schema: ProviderSchema,
}

impl Kubernetes {
    /// The provider; it has no state of its own.
    pub fn new() -> Self {
        let manifest = Attribute::optional(manifest::ATTRIBUTE, Type::Any)
            .doc("The object as Kubernetes knows it: apiVersion, kind, metadata and the rest.");
        let file = Attribute::optional(MANIFEST_FILE, Type::String)
            .document_of(manifest::ATTRIBUTE)
            .doc("The path of a file that holds the manifest, in YAML or JSON, instead of `manifest`; if relative, it counts from the working directory.");
        let force = Attribute::optional(FORCE_CONFLICTS, Type::Bool)
            .doc("Whether fields are taken from other managers where they want another value. If not given, what the cluster says.");
        let lost = Attribute::computed(LOST_FIELDS, Type::map(Type::String))
            .telling_owners()
            .doc("The fields of the manifest that belong to other managers by now, each with the names of those; null if there are none.");
        let object = Schema::new("An object of a Kubernetes cluster.").with(manifest).with(file).with(force).with(lost);
        let object = rollout::with_rollout(object);
        let schema = ProviderSchema {
            connection: connection::schema(),
            resources: BTreeMap::from([(OBJECT, ResourceSchema { version: 0, schema: object })]),
            data: BTreeMap::from([(NODES, server::nodes_schema()), (SECRET, server::secret_schema())]),
        };
        Kubernetes { schema }
    }
}

impl Default for Kubernetes {
    fn default() -> Self {
        Kubernetes::new()
    }
}

#[async_trait]
impl Provider for Kubernetes {
    fn name(&self) -> &'static str {
        "kubernetes"
    }

    fn schema(&self) -> &ProviderSchema {
        &self.schema
    }

    fn validate(&self, resource_type: &str, config: &Value) -> Vec<Error> {
        if resource_type != OBJECT {
            return Vec::new();
        }
        let mut problems = config.get(manifest::ATTRIBUTE).map(|found| manifest::check(&found)).unwrap_or_default();
        problems.extend(rollout::check(config));
        problems
    }

    fn workload(&self, resource_type: &str, value: &Value) -> Option<Workload> {
        value.get(manifest::ATTRIBUTE).filter(|_| resource_type == OBJECT).and_then(|found| workload::declared(&found))
    }

    fn plan_offline(&self, proposal: Proposal<'_>) -> Result<Planned, Error> {
        plan(proposal)
    }

    async fn connect(&self, config: &Value, owner: &str) -> Result<Arc<dyn Session>, Error> {
        match Connection::of(config)? {
            Connection::Directory { path } => Ok(Arc::new(DirectorySession::open(path).await?)),
            Connection::Server(address) => Ok(Arc::new(ServerSession::open(&address, owner).await?)),
        }
    }
}

/// An API server that something else than a session deals with.
pub struct ApiServer {
    /// What sends requests to it.
    pub client: kube::Client,
    /// Its address.
    address: String,
}

impl ApiServer {
    /// The API server that a configuration of a connection names; `None` for a directory.
    ///
    /// # Errors
    ///
    /// Why there is no way there.
    pub async fn of(config: &Value) -> Result<Option<ApiServer>, Error> {
        match Connection::of(config)? {
            Connection::Directory { .. } => Ok(None),
            Connection::Server(address) => server::reach(&address).await.map(Some),
        }
    }

    /// What tells its cluster from every other one, as [`Session::system`] does.
    ///
    /// # Errors
    ///
    /// Why it cannot be told.
    pub async fn system(&self) -> Result<Arc<str>, Error> {
        server::system(self.client.clone(), self.address.clone()).await
    }
}

/// The manifest of an object of [`OBJECT`].
fn manifest_of(object: &Value) -> Result<Value, Error> {
    object.get(manifest::ATTRIBUTE).ok_or_else(|| Error::invalid("an object needs a manifest"))
}

/// The object of a manifest, of which nothing else is known.
fn object_of(manifest: Value) -> Value {
    let own = [
        (manifest::ATTRIBUTE, manifest),
        (MANIFEST_FILE, Value::null(Type::String)),
        (FORCE_CONFLICTS, Value::null(Type::Bool)),
        (LOST_FIELDS, Value::null(Type::map(Type::String))),
    ];
    Value::object(own.into_iter().chain(rollout::unsaid()))
}

/// What finds the object that is planned, if its manifest tells.
fn identity_of(planned: &Value) -> Option<Arc<str>> {
    let identity = Identity::of(&planned.get(manifest::ATTRIBUTE)?)?;
    Some(Arc::from(identity.to_string()))
}

/// Whether an update lets a workload stand still, or only takes copies away from it.
fn is_withdrawal(prior: &Value, planned: &Value) -> bool {
    let both = prior.get(manifest::ATTRIBUTE).zip(planned.get(manifest::ATTRIBUTE));
    both.is_some_and(|(prior, planned)| workload::is_withdrawal(&prior, &planned))
}

/// The plan of a change, whatever the connection: the object becomes what is configured, and a
/// new one is needed where the API does not let it be changed.
fn plan(proposal: Proposal<'_>) -> Result<Planned, Error> {
    if proposal.resource_type != OBJECT {
        return Err(Error::invalid(format!("{} is not a resource type", proposal.resource_type)));
    }
    let wanted = manifest_of(proposal.proposed)?;
    let replace = match proposal.prior {
        Some(prior) => immutable::replaced(&manifest_of(prior)?, &wanted),
        None => Vec::new(),
    };
    // Whatever is applied is ours again.
    let lost = AttributePath::attribute(LOST_FIELDS);
    let value = proposal.proposed.with(&lost, Value::null(Type::map(Type::String)));
    Ok(Planned { value, replace })
}
