//! The API server of a cluster.
//!
//! Objects are changed by server-side apply, so that each field has an owner and what others own
//! stays theirs. `api` sends requests and `refusal` says what went wrong; `discovery` knows which
//! kinds there are; `wire` is the form in which manifests are sent; `owners` and `observe` say
//! what a live object makes of a manifest; `read`, `rehearse` and `change` are the session, and
//! `workloads` looks at what runs.
//!
//! Every object carries two labels: that it is managed by this program, and the name of the
//! record that it belongs to. What does not carry them is never changed unasked and never
//! deleted.

mod api;
mod certificate;
mod change;
mod connect;
mod discovery;
mod follow;
mod fresh;
mod gone;
mod lists;
mod looks;
mod nodes;
mod observe;
mod owners;
mod pages;
mod probe;
mod proxy;
mod quantity;
mod read;
mod ready;
mod refusal;
mod rehearse;
mod secret;
mod whose;
mod wire;
mod workloads;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use api::{Api, Target};
use async_trait::async_trait;
use discovery::{Discovery, Kind, Missing, version_of};
use follow::Followed;
use lists::{Lists, of_ours};
pub(crate) use nodes::{NODES, schema as nodes_schema};
use observe::{Observed, observe};
use portolan_lang::{AttributePath, Type, Value};
use portolan_provider::{
    Applied, Awaited, Change, Changed, Error, NotReady, Planned, Proposal, Report, Session, Wanted, Workloads,
};
use refusal::Trouble;
pub(crate) use secret::{SECRET, schema as secret_schema};
use serde_json::Value as Json;

use crate::connection::ServerAddress;
use crate::identity::{Identity, group_of};
use crate::manifest::ATTRIBUTE;
use crate::{ApiServer, FORCE_CONFLICTS, LOST_FIELDS, OBJECT, manifest_of};

/// The name under which this program owns fields.
pub(crate) const MANAGER: &str = "portolan";

/// The namespace of which the uid tells a cluster from every other one.
const SYSTEM_NAMESPACE: &str = "/api/v1/namespaces/kube-system";

/// A session with an API server.
pub(crate) struct ServerSession {
    api: Api,
    discovery: Discovery,
    lists: Lists,
    /// What is kept from one reading to the next.
    followed: OnceLock<Followed>,
    /// The record that objects belong to; empty where nothing was recorded yet.
    owner: String,
    system: Arc<str>,
    force_conflicts: bool,
}

impl ServerSession {
    /// A session with the server at this address, which has to answer.
    pub(crate) async fn open(address: &ServerAddress, owner: &str) -> Result<Self, Error> {
        let (client, server) = connect::client(address).await?;
        let api = Api::new(client, server);
        let system = system_of(&api).await?;
        let discovery = Discovery::new(api.clone());
        Ok(ServerSession {
            api,
            discovery,
            lists: Lists::default(),
            followed: OnceLock::new(),
            owner: owner.to_owned(),
            system,
            force_conflicts: address.force_conflicts,
        })
    }

    /// The kind of an object, in the version of its manifest if there is one.
    async fn kind(&self, identity: &Identity, api_version: Option<&str>) -> Result<Kind, Missing> {
        self.discovery.find(&identity.group, &identity.kind, api_version.map(version_of)).await
    }

    /// The object of this identity, as it is now.
    async fn live(&self, kind: &Kind, identity: &Identity) -> Result<Option<Json>, Error> {
        let found = self.api.find(&kind.object(identity.namespace.as_deref(), &identity.name)).await;
        found.map_err(|trouble| trouble.error(&self.shown(identity)))
    }

    /// An object as it is named in messages.
    fn shown(&self, identity: &Identity) -> String {
        format!("{} at {}", identity.shown(), self.api.server)
    }

    /// Whether the same cluster answers as before: an address may come to another one in the life of
    /// a session that is kept.
    async fn is_the_same(&self) -> Result<(), Error> {
        let system = system_of(&self.api).await?;
        if system == self.system {
            return Ok(());
        }
        Err(Error::failed(format!("{} is another cluster by now: {system}, not {}", self.api.server, self.system)))
    }

    /// Takes note of an object as it was just written.
    fn wrote(&self, kind: &Kind, identity: &Identity, written: &Json) {
        let version = written["metadata"]["resourceVersion"].as_str();
        let (Some(followed), Some(version)) = (self.followed.get(), version) else { return };
        let namespace = identity.namespace.as_deref();
        let lists = [None, namespace].map(|namespace| of_ours(kind.list(namespace)));
        followed.wrote(&lists, namespace, &identity.name, version);
    }

    fn forces(&self, object: &Value) -> bool {
        object.get(FORCE_CONFLICTS).and_then(|value| value.as_bool()).unwrap_or(self.force_conflicts)
    }
}

/// The server at an address.
pub(crate) async fn reach(address: &ServerAddress) -> Result<ApiServer, Error> {
    let (client, server) = connect::client(address).await?;
    Ok(ApiServer { client, address: server })
}

/// What tells the cluster of a server from every other one.
pub(crate) async fn system(client: kube::Client, server: String) -> Result<Arc<str>, Error> {
    system_of(&Api::new(client, server)).await
}

async fn system_of(api: &Api) -> Result<Arc<str>, Error> {
    let namespace = api.find(&Target::path(SYSTEM_NAMESPACE)).await.map_err(|trouble| {
        let what = match &trouble {
            Trouble::Refused(refusal) if refusal.code == 403 => {
                "the identity of the cluster is the uid of the namespace kube-system, which cannot be read".to_owned()
            }
            Trouble::Refused(_) => format!("asking {} who it is", api.server),
            Trouble::NoAnswer(_) => return trouble.error("no connection"),
        };
        trouble.error(&what)
    })?;
    let uid = namespace.as_ref().and_then(|namespace| namespace["metadata"]["uid"].as_str());
    let uid =
        uid.ok_or_else(|| Error::failed(format!("{} is no cluster: it has no namespace kube-system", api.server)))?;
    Ok(Arc::from(uid))
}

/// An object that is to be there.
struct Wish {
    identity: Identity,
    api_version: String,
    manifest: Value,
    object: Value,
    force: bool,
}

impl ServerSession {
    /// What is wanted, if it can be sent.
    fn wish(&self, object: &Value) -> Result<Wish, Error> {
        let manifest = manifest_of(object)?;
        if let Some(error) = crate::manifest::check(&manifest).into_iter().next() {
            return Err(error);
        }
        if let Some(path) = object.paths(&|value| !value.is_known()).into_iter().next() {
            return Err(Error::invalid("a manifest must be known to be applied").at(path));
        }
        let no_object = || Error::invalid("the manifest names no object");
        let identity = Identity::of(&manifest).ok_or_else(no_object)?;
        let api_version = api_version_of(&manifest).ok_or_else(no_object)?;
        Ok(Wish { identity, api_version, force: self.forces(object), manifest, object: object.clone() })
    }
}

impl Wish {
    /// What is left once it is there.
    fn applied(self) -> Applied {
        Applied { identity: Arc::from(self.identity.to_string()), value: self.object }
    }
}

fn api_version_of(manifest: &Value) -> Option<String> {
    manifest.get("apiVersion").and_then(|version| version.as_str().map(str::to_owned))
}

fn parse_identity(text: &str) -> Result<Identity, Error> {
    text.parse().map_err(|_| {
        Error::invalid(format!("{text:?} is not the identity of an object"))
            .help("It is API version, kind, namespace and name: \"apps/v1/Deployment/shop/api\"; for what has no namespace, \"v1/Namespace/_cluster/shop\".")
    })
}

/// The object as it was found, and whether it is otherwise than the one it is compared with.
fn found_object(prior: &Value, observed: Observed) -> Value {
    let manifest = observed.changed;
    let object =
        manifest.map_or_else(|| prior.clone(), |manifest| prior.with(&AttributePath::attribute(ATTRIBUTE), manifest));
    object.with(&AttributePath::attribute(LOST_FIELDS), lost_fields(&observed.lost))
}

/// Lost fields as a value: null where there are none.
fn lost_fields(lost: &BTreeMap<String, String>) -> Value {
    if lost.is_empty() {
        return Value::null(Type::map(Type::String));
    }
    Value::map(Type::String, lost.iter().map(|(path, owners)| (path.as_str(), Value::string(owners.as_str()))))
}

#[async_trait]
impl Session for ServerSession {
    fn identity(&self, _resource_type: &str, planned: &Value) -> Option<Arc<str>> {
        crate::identity_of(planned)
    }

    fn system(&self) -> Option<Arc<str>> {
        Some(self.system.clone())
    }

    fn knows_its_own(&self) -> bool {
        true
    }

    async fn read(&self, wanted: &[Wanted]) -> Vec<Result<Option<Value>, Error>> {
        self.read_batch(wanted).await
    }

    fn follow(&self, changed: Changed) -> bool {
        self.followed.set(Followed::new(changed)).is_ok()
    }

    async fn plan(&self, proposal: Proposal<'_>) -> Result<Planned, Error> {
        let planned = crate::plan(proposal)?;
        let is_same = proposal.prior == Some(&planned.value);
        if is_same || !planned.replace.is_empty() || !manifest_of(&planned.value)?.is_wholly_known() {
            return Ok(planned);
        }
        let replace = self.rehearse(&self.wish(&planned.value)?, proposal.prior.is_some()).await?;
        Ok(Planned { replace, ..planned })
    }

    async fn probe(&self, nodes: usize) -> Result<BTreeMap<String, String>, Error> {
        probe::read(&self.api, nodes).await
    }

    fn is_withdrawal(&self, _resource_type: &str, prior: &Value, planned: &Value) -> bool {
        crate::is_withdrawal(prior, planned)
    }

    async fn apply(&self, resource_type: &str, change: Change<'_>) -> Result<Option<Applied>, Error> {
        if resource_type != OBJECT {
            return Err(Error::invalid(format!("{resource_type} is not a resource type")));
        }
        match change {
            Change::Create { planned } => self.create(self.wish(planned)?).await.map(Some),
            Change::Update { identity, prior, planned } => {
                let wish = self.wish(planned)?;
                if wish.identity != parse_identity(identity)? {
                    return Err(Error::conflict(format!("{identity} would become {}, another object", wish.identity)));
                }
                self.update(wish, prior).await.map(Some)
            }
            Change::Delete { identity, prior } => {
                let is_going = self.delete(&parse_identity(identity)?, prior).await?;
                Ok(is_going.then(|| Applied { identity: Arc::from(identity), value: prior.clone() }))
            }
        }
    }

    async fn data(&self, source: &str, config: &Value) -> Result<Value, Error> {
        match source {
            NODES => nodes::read(&self.api, config).await,
            SECRET => secret::read(&self.api, config).await,
            _ => Err(Error::invalid(format!("{source} is not a data source"))),
        }
    }

    fn workloads(&self) -> Option<&dyn Workloads> {
        Some(self)
    }

    fn is_awaited(&self, resource_type: &str, value: &Value) -> bool {
        resource_type == OBJECT && ready::is_awaited(value)
    }

    async fn ready(&self, awaited: Awaited<'_>, report: Report<'_>) -> Result<(), NotReady> {
        self.wait(awaited, report).await
    }

    async fn gone(&self, awaited: Awaited<'_>, report: Report<'_>) -> Result<(), Error> {
        self.wait_until_gone(awaited, report).await
    }

    async fn import(&self, _resource_type: &str, id: &str) -> Result<Option<Applied>, Error> {
        let api_version = id.rsplitn(4, '/').nth(3).filter(|_| id.parse::<Identity>().is_ok());
        let identity = parse_identity(id)?;
        let asked = api_version.filter(|text| group_of(text) == identity.group);
        let kind = self.kind(&identity, asked).await.map_err(Missing::error)?;
        let live = self.live(&kind, &identity).await?;
        Ok(live.map(|live| Applied {
            identity: Arc::from(identity.to_string()),
            value: crate::object_of(whose::declared(&live)),
        }))
    }
}
