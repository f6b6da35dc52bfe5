//! The rows.

use std::sync::Arc;

use portolan_lang::{Address, Value};

use crate::Answer;

/// What tells one recorded object from all others: its address and, for one that is being
/// replaced and still waits for its deletion, the id it was put aside under.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceKey {
    /// The resource's address.
    pub address: Address,
    /// Set for an object that a newer one at the same address has taken the place of.
    pub deposed: Option<Arc<str>>,
}

impl ResourceKey {
    /// The current object at an address.
    pub fn current(address: Address) -> Self {
        ResourceKey { address, deposed: None }
    }
}

/// Whether a recorded object is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResourceStatus {
    /// The last change of it succeeded.
    #[default]
    Ready,
    /// The last change of it succeeded, and it was not seen ready since.
    Pending,
    /// Its creation failed half-way: the next plan replaces it.
    Tainted,
}

/// An object that exists because of us.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// Which object.
    pub key: ResourceKey,
    /// Its resource type.
    pub resource_type: Arc<str>,
    /// The provider that made it.
    pub provider: Arc<str>,
    /// The block that says how to connect: `cluster.beijing`; `None` for a provider without
    /// connections.
    pub connection: Option<Address>,
    /// The connection's configuration, so that the object can still be read and deleted when
    /// that block is gone.
    pub connection_config: Option<Arc<Value>>,
    /// What finds the object.
    pub identity: Arc<str>,
    /// The object as it was last read or changed, marks included.
    pub value: Value,
    /// The version of the schema that the value fits.
    pub schema_version: u64,
    /// What it depends on directly, without duplicates.
    pub dependencies: Vec<Address>,
    /// Whether it is whole.
    pub status: ResourceStatus,
    /// Whether a replacement is made before it is deleted.
    pub create_before_destroy: bool,
}

/// What the engine settled at run time.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// What was decided about: `application.shop.service.api`.
    pub subject: Address,
    /// Which question was decided: `replicas`, `image`, `route`.
    pub kind: Arc<str>,
    /// The answer, with the inputs that it rests on; its shape is the kind's.
    pub value: Answer,
    /// Why, in a sentence for people.
    pub reason: String,
    /// When: RFC 3339 in UTC.
    pub time: String,
}

impl Decision {
    /// When, as people read it: `2026-03-01T08:00:12Z`, without parts of seconds.
    pub fn second(&self) -> String {
        self.time.split_once('.').map_or_else(|| self.time.clone(), |(second, _)| format!("{second}Z"))
    }
}

/// A recorded output of the root module.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Its name.
    pub name: Arc<str>,
    /// Its value, marks included.
    pub value: Value,
}

/// What is done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// It is taken away.
    Delete,
}

/// A change that was about to be made: written before it starts, removed with its outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalEntry {
    /// The run that makes the change.
    pub run: Arc<str>,
    /// What is done.
    pub operation: Operation,
    /// The object as it was before, or as it is planned when it is created; its identity is
    /// what finds it after a crash and is empty where that was not known.
    pub resource: Resource,
}

/// How a change ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The object is now this.
    Put(Box<Resource>),
    /// The object is gone.
    Removed,
    /// The change failed and left the record as it was; the message is kept with the run's
    /// changes and must show no sensitive value.
    Failed(String),
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    /// It has not ended, or was killed.
    Running,
    /// Everything was done.
    Succeeded,
    /// Something was not done.
    Failed,
}

/// Who did what and when: the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// A unique id.
    pub id: Arc<str>,
    /// `apply`, `destroy`, …
    pub command: String,
    /// The user and the machine.
    pub who: String,
    /// When it began: RFC 3339 in UTC.
    pub started: String,
    /// When it ended.
    pub ended: Option<String>,
    /// How it ended.
    pub status: RunStatus,
    /// What the plan said in a line: `2 to create, 1 to change`.
    pub summary: String,
}

/// A change that a run made or tried: a line of the audit log, written when the change ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The object that the change began with.
    pub key: ResourceKey,
    /// What was done; `None` where it ended without having begun.
    pub operation: Option<Operation>,
    /// Why it failed; `None` where it succeeded.
    pub failure: Option<String>,
}

/// One change of the record.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// Adds or replaces an object without a journalled change (a refresh, a move's target).
    PutResource(Box<Resource>),
    /// Forgets an object.
    RemoveResource(ResourceKey),
    /// A change is about to start.
    Begin(Box<JournalEntry>),
    /// A change that had begun has ended. The outcome is recorded even where no such change
    /// is in the journal.
    End {
        /// The run that began it.
        run: Arc<str>,
        /// The object that it began with.
        key: ResourceKey,
        /// How it ended.
        outcome: Outcome,
    },
    /// Adds or replaces a decision.
    PutDecision(Decision),
    /// Forgets a decision.
    RemoveDecision {
        /// What it was about.
        subject: Address,
        /// Which question it answered.
        kind: Arc<str>,
    },
    /// Adds or replaces an output.
    PutOutput(Output),
    /// Forgets an output.
    RemoveOutput(Arc<str>),
    /// Adds or replaces a run's row.
    PutRun(Run),
}
