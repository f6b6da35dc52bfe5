//! The seam between the engine and the systems that it changes.
//!
//! A [`Provider`] is a crate for one kind of system. It declares the schemas of its
//! resource types, checks configurations without I/O, and connects. A [`Session`] reads in
//! batches, plans one change, applies one change. Plain data crosses the seam; each method
//! says what both sides promise.
//!
//! What a provider leaves out: it never sees the engine, the state or the program; it does
//! not retry, does not order, does not compare for display and does not log. Its errors
//! carry a kind, so that the engine alone does those things, in one way for all.

#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod plan;
mod promise;
mod readiness;
#[cfg(feature = "scripted")]
pub mod scripted;
mod workload;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
pub use error::{Error, ErrorKind};
pub use plan::{plan_by_schema, propose};
use portolan_lang::{AttributePath, Schema, Value};
pub use promise::{departures_from_config, departures_from_plan};
pub use readiness::{Awaited, NotReady, Report, Waiting};
pub use workload::{
    Condition, Copy, Event, LogRequest, Output, Recorded, Sample, Samples, Status, Streams, Usage, Workload, Workloads,
};

/// A kind of system: Kubernetes, nginx, DNS.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The name that `provider` blocks and the state use: `kubernetes`.
    fn name(&self) -> &'static str;

    /// What can be configured. The same at every call.
    fn schema(&self) -> &ProviderSchema;

    /// Checks what the schema cannot say, without I/O. `config` fits the schema and may be
    /// unknown in parts; what is unknown is taken to be right. All problems at once.
    fn validate(&self, resource_type: &str, config: &Value) -> Vec<Error> {
        let _ = (resource_type, config);
        Vec::new()
    }

    /// What is declared of an object that keeps copies of a program running, without I/O; `None`
    /// for every other object. `value` fits the schema, and carries its marks.
    fn workload(&self, resource_type: &str, value: &Value) -> Option<Workload> {
        let _ = (resource_type, value);
        None
    }

    /// Plans a change without a connection, as [`Session::plan`] does, as far as that can be told
    /// without I/O.
    fn plan_offline(&self, proposal: Proposal<'_>) -> Result<Planned, Error> {
        match self.schema().resources.get(proposal.resource_type) {
            Some(resource) => Ok(plan_by_schema(&resource.schema, proposal)),
            None => Err(Error::invalid(format!("{} is not a resource type", proposal.resource_type))),
        }
    }

    /// Opens a session. `config` fits the connection schema and is wholly known. A wrong one
    /// fails here, before anything is changed. `owner` names the record of the objects among
    /// all records, and is empty where nothing was recorded yet: objects that can carry it say
    /// whose they are.
    async fn connect(&self, config: &Value, owner: &str) -> Result<Arc<dyn Session>, Error>;
}

/// What a provider can be asked for.
#[derive(Debug, Clone, Default)]
pub struct ProviderSchema {
    /// What a connection needs to know; empty for a provider without connections.
    pub connection: Schema,
    /// The resource types by name.
    pub resources: BTreeMap<&'static str, ResourceSchema>,
    /// The data sources by name.
    pub data: BTreeMap<&'static str, Schema>,
}

/// A resource type.
#[derive(Debug, Clone, Default)]
pub struct ResourceSchema {
    /// Rises when recorded values of older versions need to be read in another way.
    pub version: u64,
    /// Its attributes and blocks.
    pub schema: Schema,
}

/// An object that is to be read.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its resource type.
    pub resource_type: Arc<str>,
    /// What finds it, as [`Session::identity`] or [`Applied::identity`] gave it.
    pub identity: Arc<str>,
    /// What was recorded of it; `None` for an object that a killed run may have left. Where it
    /// can be told that somebody else made what is there, that object is not there.
    pub prior: Option<Value>,
}

/// A change that is to be planned.
#[derive(Debug, Clone, Copy)]
pub struct Proposal<'a> {
    /// The resource type.
    pub resource_type: &'a str,
    /// The object as it is now; `None` where it is to be created.
    pub prior: Option<&'a Value>,
    /// What the configuration says: null where it says nothing, unknown where that will only
    /// be known later.
    pub config: &'a Value,
    /// The configuration, completed from `prior` where the configuration says nothing about an
    /// attribute that the provider sets.
    pub proposed: &'a Value,
    /// Whether anything that the configuration says is sensitive: the values here carry no marks.
    pub is_sensitive: bool,
}

/// A planned change.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The object after the change, unknown where only the change itself can tell. What the
    /// configuration sets is in it unchanged, and what is known in it will be so.
    pub value: Value,
    /// What cannot be changed in place; not empty if and only if a new object is needed.
    pub replace: Vec<AttributePath>,
}

/// A change to carry out. What the configuration sets is wholly known in all values; what only
/// the change itself can tell is still unknown in `planned`.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// Makes an object that is not there.
    Create {
        /// What is wanted.
        planned: &'a Value,
    },
    /// Changes an object in place.
    Update {
        /// What finds it.
        identity: &'a str,
        /// What it was when it was last read.
        prior: &'a Value,
        /// What is wanted.
        planned: &'a Value,
    },
    /// Takes an object away.
    Delete {
        /// What finds it.
        identity: &'a str,
        /// What it was when it was last read.
        prior: &'a Value,
    },
}

/// What a change left.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// What finds the object from now on.
    pub identity: Arc<str>,
    /// The object.
    pub value: Value,
}

/// Called, from any task and at any time, whenever something may have changed that was read.
pub type Changed = Arc<dyn Fn() + Send + Sync>;

/// A connection to one system.
///
/// Its methods are called at the same time from several tasks.
#[async_trait]
pub trait Session: Send + Sync {
    /// What finds the object that this configuration would create, if that can be told before
    /// it is created. It is written down before the creation starts, and read after a crash.
    fn identity(&self, resource_type: &str, planned: &Value) -> Option<Arc<str>>;

    /// What tells the system that was reached from every other one, whatever its address, and
    /// stays the same for as long as the system is there; `None` where nothing does.
    fn system(&self) -> Option<Arc<str>> {
        None
    }

    /// Whether the system tells who made an object, so that what is read without a prior value is
    /// never what somebody else made.
    fn knows_its_own(&self) -> bool {
        false
    }

    /// Reads many objects with few calls. The answers stand in the order of `wanted`; `None`
    /// says that the object is certainly not there. An object that cannot be read is an
    /// error, never `None`.
    async fn read(&self, wanted: &[Wanted]) -> Vec<Result<Option<Value>, Error>>;

    /// From now on calls `changed` whenever something may have changed outside that was read, and reads
    /// what did not change from memory. For a process that lives long, of which each run reads the same.
    /// Calls are hints: one too many costs time and nothing else, and what was read is the truth as of
    /// the reading all the same. The answer is whether it does that; a session that does not is not
    /// kept from one run to the next.
    fn follow(&self, changed: Changed) -> bool {
        let _ = changed;
        false
    }

    /// Plans a change. Changes nothing. The answer for an object that is as it is wanted is
    /// the prior value.
    async fn plan(&self, proposal: Proposal<'_>) -> Result<Planned, Error>;

    /// Whether an update only takes away from what the object does for others, or ends it, though
    /// the object stays: a workload that goes down to fewer copies, or to none. Like a deletion it
    /// comes after what depends on the object, and after what stands for it in other places.
    /// Without I/O; both values fit the schema.
    fn is_withdrawal(&self, resource_type: &str, prior: &Value, planned: &Value) -> bool {
        let _ = (resource_type, prior, planned);
        false
    }

    /// Asks the system whether it is alive, with one cheap call. Answers where some of the nodes that it
    /// consists of can be asked by themselves, `host:port` by the node's name: as many as are wanted, if
    /// there are.
    async fn probe(&self, nodes: usize) -> Result<BTreeMap<String, String>, Error> {
        let _ = nodes;
        Ok(BTreeMap::new())
    }

    /// Whether changes that are asked for at the same time are made together, so that many cost
    /// little more than one. All that are ready are then asked for at once, however many they are,
    /// and count as one among those that are carried out at the same time.
    fn gathers(&self) -> bool {
        false
    }

    /// Carries out a change. Safe to repeat: creating what is there already as wanted, and
    /// deleting what is gone, succeed. For [`Change::Delete`] the answer is `None`, or the object
    /// where it takes its time to go away: [`Session::gone`] waits for that.
    async fn apply(&self, resource_type: &str, change: Change<'_>) -> Result<Option<Applied>, Error>;

    /// Whether an object can be there and not be ready, so that there is something to wait for.
    /// Without I/O; `value` fits the schema.
    fn is_awaited(&self, resource_type: &str, value: &Value) -> bool {
        let _ = (resource_type, value);
        false
    }

    /// Waits until an object is ready: it does what it is there for. Returns at once where it is,
    /// and fails where it cannot become so by itself or does not within the time that it is given.
    ///
    /// Nothing is changed, and the engine can end the waiting at any time by dropping the future.
    /// Many objects are waited for at the same time: they should share what is read. Trouble with
    /// reading that may go away is borne and reported, until the time is over.
    async fn ready(&self, awaited: Awaited<'_>, report: Report<'_>) -> Result<(), NotReady> {
        let _ = (awaited, report);
        Ok(())
    }

    /// Waits until an object is gone that [`Session::apply`] said is on its way. As with
    /// [`Session::ready`], many are waited for at the same time, and the engine can end the waiting.
    async fn gone(&self, awaited: Awaited<'_>, report: Report<'_>) -> Result<(), Error> {
        let _ = (awaited, report);
        Ok(())
    }

    /// The workloads of the system; `None` for one that runs nothing.
    fn workloads(&self) -> Option<&dyn Workloads> {
        None
    }

    /// Finds an object by the id that a person gave to `import`.
    async fn import(&self, resource_type: &str, id: &str) -> Result<Option<Applied>, Error> {
        let _ = id;
        Err(Error::invalid(format!("{resource_type} cannot be imported")))
    }

    /// Reads a data source.
    async fn data(&self, source: &str, config: &Value) -> Result<Value, Error> {
        let _ = config;
        Err(Error::invalid(format!("{source} is not a data source")))
    }
}
