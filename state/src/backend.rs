//! The trait that every backend implements.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::record::{Change, Decision, Edit, JournalEntry, Output, Resource, ResourceKey, Run};

/// Counts the commits of a state; a plan made at one serial is stale at another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Serial(pub u64);

/// How many runs a state keeps, with their changes: recording one more forgets the oldest.
/// At a run a minute, as `watch` may make them, that is the better part of a day; at ten a
/// day, three months.
pub const KEPT_RUNS: usize = 1000;

/// Everything recorded, as of one serial.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Names this state among all states; made once. Empty for a state that was never
    /// written.
    pub lineage: Arc<str>,
    /// As of which commit.
    pub serial: Serial,
    /// The recorded objects, sorted by key.
    pub resources: Vec<Resource>,
    /// The decisions, sorted by subject and kind.
    pub decisions: Vec<Decision>,
    /// The outputs, sorted by name.
    pub outputs: Vec<Output>,
    /// Changes that began and of which no outcome is known, in the order in which they began:
    /// what a killed run left.
    pub unfinished: Vec<JournalEntry>,
}

impl Snapshot {
    /// The recorded object of this key.
    pub fn resource(&self, key: &ResourceKey) -> Option<&Resource> {
        let at = self.resources.binary_search_by(|resource| resource.key.cmp(key)).ok()?;
        self.resources.get(at)
    }
}

/// Who asks for the lock: shown to whoever finds it taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The user, the machine and the process.
    pub who: String,
    /// What it is doing: `apply`.
    pub command: String,
}

/// The right to write, for a limited time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Rises with every lease; a commit under an older number than the newest is refused.
    pub fence: u64,
    /// How long it holds from the last renewal.
    pub ttl: Duration,
}

/// What a backend can fail with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else holds the lock.
    #[error("the state is locked by {} ({}), for {} s more unless it is renewed", holder.who, holder.command, remaining.as_secs())]
    Locked {
        /// Who holds it.
        holder: Holder,
        /// How long the lease holds if it is not renewed.
        remaining: Duration,
    },
    /// The lease expired and somebody else took it: nothing was written.
    #[error("the lock was lost to another process; nothing was written")]
    Fenced,
    /// The state changed since the base serial: nothing was written.
    #[error("the state has changed meanwhile (serial {} instead of {})", found.0, base.0)]
    Stale {
        /// What the commit was based on.
        base: Serial,
        /// What is there.
        found: Serial,
    },
    /// A newer program wrote the state.
    #[error("the state at {place} has format {found}; this program knows formats up to {known}")]
    Newer {
        /// The state's file or address.
        place: String,
        /// Its format.
        found: u64,
        /// The newest format known.
        known: u64,
    },
    /// The state cannot be read as one.
    #[error("the state at {place} is damaged: {reason}")]
    Corrupt {
        /// The state's file or address.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A sealed value cannot be opened.
    #[error("a sensitive value of the state cannot be opened: {reason}")]
    Sealed {
        /// What is wrong: no key, or another one.
        reason: String,
    },
    /// A value cannot be recorded: nothing was written.
    #[error("{what} cannot be recorded: {reason}")]
    Unstorable {
        /// The row that holds the value: an address, or `the output url`.
        what: String,
        /// Why: part of it is unknown, or it nests too deep.
        reason: String,
    },
    /// The place of the state cannot be read or written.
    #[error("{doing} {place}: {reason}")]
    Io {
        /// What was tried: `opening`.
        doing: &'static str,
        /// The state's file or address.
        place: String,
        /// What the system said.
        reason: String,
    },
}

/// Keeps the rows.
///
/// Its methods are called from one task at a time for writing, and from any for reading.
/// Values come back as they were given, marks included, but for two kinds: of an ephemeral
/// value nothing is kept, it comes back as null; of an unknown value only the type is kept,
/// and only in the journal, elsewhere it is refused with [`Error::Unstorable`].
#[async_trait]
pub trait Backend: Send + Sync {
    /// Everything recorded, as of one serial. A state that does not exist yet is empty, and
    /// reading it does not create it.
    async fn load(&self) -> Result<Snapshot, Error>;

    /// The serial of the last commit, which tells whether anything was recorded since a snapshot.
    async fn serial(&self) -> Result<Serial, Error>;

    /// Takes the lock for `ttl`, or says who holds it. A lease that has expired is taken over.
    async fn lock(&self, holder: &Holder, ttl: Duration) -> Result<Lease, Error>;

    /// Holds the lock for the lease's time from now; [`Error::Fenced`] if it was lost.
    async fn renew(&self, lease: &Lease) -> Result<(), Error>;

    /// Gives the lock back; nothing happens if it was lost.
    async fn unlock(&self, lease: &Lease) -> Result<(), Error>;

    /// Carries out all edits or none, durably, and answers the new serial. Refused with
    /// [`Error::Fenced`] under a lease that was lost or given back, and otherwise with
    /// [`Error::Stale`] on another base than the current serial: so a holder who finds that the
    /// serial has moved by one since a commit that failed knows that it was written after all.
    async fn commit(&self, lease: &Lease, base: Serial, edits: &[Edit]) -> Result<Serial, Error>;

    /// The last runs, the newest first. The last [`KEPT_RUNS`] are kept.
    async fn runs(&self, limit: usize) -> Result<Vec<Run>, Error>;

    /// The changes of a run that have ended, in the order in which they ended; none for a run
    /// that is not known. They are kept as long as the run is.
    async fn changes(&self, run: &str) -> Result<Vec<Change>, Error>;
}
