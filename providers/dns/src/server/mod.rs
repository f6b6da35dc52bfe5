//! Zones on a name server: read by transfer (AXFR, IXFR), changed by dynamic update (RFC 2136).
//!
//! A change is made of what was read just before, and the server is asked to check that this still
//! holds. A server can accept an update and leave out what it does not like, so the zone is read
//! once more, and what is not as it was wanted is an error.
//!
//! The zones themselves are the server's: none is made or taken away. A `dns_zone` takes over the
//! start of authority and the nameservers of one that is there.

mod key;
mod link;
mod message;
mod transfer;
mod transfers;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use domain::base::iana::Rcode;
use portolan_provider::Error;

pub use self::key::Key;
use self::link::{Link, Trouble};
use self::transfers::Transfers;
use crate::draft::Draft;
use crate::marker;
use crate::name::Name;
use crate::turns::Turns;
use crate::zone::{Edit, Zone};
use crate::zones::Zones;

/// How often a change is made anew because others changed the zone at the same time.
const ATTEMPTS: usize = 3;

/// The zones of a name server.
pub struct Server {
    link: Link,
    zones: Mutex<HashMap<Name, Arc<Shared>>>,
}

/// What those share who read and change one zone.
#[derive(Default)]
struct Shared {
    transfers: Transfers,
    turns: Turns,
}

impl Server {
    /// The server at an address, `192.0.2.53:53`, with the key that signs what is asked of it.
    pub fn new(address: String, key: Option<Key>) -> Self {
        Server { link: Link { address, key }, zones: Mutex::default() }
    }

    fn shared(&self, zone: &Name) -> Arc<Shared> {
        let mut zones = self.zones.lock().unwrap_or_else(PoisonError::into_inner);
        zones.entry(zone.clone()).or_default().clone()
    }

    async fn transfer(&self, zone: &Name) -> Result<Arc<Zone>, Trouble> {
        self.shared(zone).transfers.now(&self.link, zone).await
    }

    /// Makes all changes; the outcome of each.
    async fn commit(&self, zone: &Name, edits: Vec<Edit>) -> Vec<Result<(), Error>> {
        for attempt in 1.. {
            let mut outcomes = Vec::new();
            match self.attempt(zone, &edits, &mut outcomes).await {
                Ok(()) => return outcomes,
                Err(Trouble::Refused(Rcode::NXRRSET | Rcode::YXRRSET)) if attempt < ATTEMPTS => {}
                Err(trouble) => {
                    outcomes.resize(edits.len(), Ok(()));
                    return self.done_before(zone, &trouble, &edits, outcomes).await;
                }
            }
        }
        Vec::new()
    }

    /// What became of changes some of which were refused: those of messages before are made, and are
    /// found by reading the zone. Of a server that fell silent nothing is known.
    async fn done_before(
        &self,
        zone: &Name,
        trouble: &Trouble,
        edits: &[Edit],
        outcomes: Vec<Result<(), Error>>,
    ) -> Vec<Result<(), Error>> {
        let error = self.error(zone, "change", trouble);
        let after = match trouble {
            Trouble::Unreachable(_) => None,
            Trouble::Refused(_) | Trouble::Untrusted(_) => self.transfer(zone).await.ok(),
        };
        let is_made = |edit: &Edit| after.as_ref().is_some_and(|after| is_done(edit, after));
        let outcome = |(edit, outcome): (&Edit, Result<(), Error>)| match is_made(edit) {
            true => outcome,
            false => outcome.and(Err(error.clone())),
        };
        edits.iter().zip(outcomes).map(outcome).collect()
    }

    /// Makes all changes of the zone as it is now. Where the server refuses them, or they cannot be
    /// sent, nothing is known of their outcomes.
    async fn attempt(&self, zone: &Name, edits: &[Edit], outcomes: &mut Vec<Result<(), Error>>) -> Result<(), Trouble> {
        let before = self.transfer(zone).await?;
        let mut draft = Draft::new(&before);
        outcomes.extend(edits.iter().map(|edit| apply(&mut draft, edit)));
        let Some(changes) = draft.changes() else { return Ok(()) };
        let messages = message::updates(&before, &changes).map_err(Trouble::Untrusted)?;
        // What is transferred next is changed in place where nobody else holds it.
        drop(before);
        for message in messages {
            self.link.update(message).await?;
        }
        let after = self.transfer(zone).await?;
        for (edit, outcome) in edits.iter().zip(outcomes) {
            if outcome.is_ok() && !is_done(edit, &after) {
                *outcome = Err(self.ignored(zone, edit));
            }
        }
        Ok(())
    }

    fn ignored(&self, zone: &Name, edit: &Edit) -> Error {
        let what = match edit {
            Edit::PutSet { key, .. } | Edit::DeleteSet { key, .. } => format!("{} {}", key.owner, key.rtype),
            Edit::PutApex { .. } | Edit::DeleteZone => "the start of authority and the nameservers".to_owned(),
        };
        Error::failed(format!(
            "the name server at {} accepted a change of {what} in {zone}, and has something else afterwards",
            self.link.address
        ))
        .help("look into its log: it leaves out what does not fit, or somebody else writes the same records")
    }

    fn error(&self, zone: &Name, doing: &str, trouble: &Trouble) -> Error {
        let told =
            |why: &str| format!("cannot {doing} the zone {zone} on the name server at {}: {why}", self.link.address);
        match trouble {
            Trouble::Unreachable(why) => Error::transient(told(why)),
            Trouble::Untrusted(why) => Error::failed(told(why)),
            Trouble::Refused(code @ (Rcode::REFUSED | Rcode::NOTAUTH)) => Error::denied(told(&code.to_string())).help(
                "let the key transfer and update the zone, which must be there: allow-transfer and update-policy",
            ),
            Trouble::Refused(code @ Rcode::SERVFAIL) => Error::transient(told(&code.to_string())),
            Trouble::Refused(Rcode::NXRRSET | Rcode::YXRRSET) => {
                Error::transient(told("others change the same records again and again"))
            }
            Trouble::Refused(code) => Error::failed(told(&code.to_string())),
        }
    }
}

/// Makes a change of a zone that is the server's: it is taken over rather than made, and stays.
fn apply(draft: &mut Draft<'_>, edit: &Edit) -> Result<(), Error> {
    match edit {
        Edit::DeleteZone => Ok(()),
        Edit::PutApex { before: None, wanted } => {
            draft.take_apex(wanted);
            Ok(())
        }
        edit => draft.apply(edit),
    }
}

/// Whether a change is in the zone that was read `after` it.
fn is_done(edit: &Edit, after: &Zone) -> bool {
    match edit {
        Edit::PutSet { key, wanted, owner, .. } => {
            let is_marked = owner.own.is_none() || marker::owner_of(key, after) == owner.own.as_deref();
            after.sets.get(key) == Some(wanted) && is_marked
        }
        Edit::DeleteSet { key, .. } => !after.sets.contains_key(key),
        Edit::PutApex { wanted, .. } => {
            let mut after = after.apex();
            after.soa.serial = wanted.soa.serial;
            *wanted == after
        }
        Edit::DeleteZone => true,
    }
}

#[async_trait]
impl Zones for Server {
    /// A server that does not have the zone is an error: what it says of other zones than its own
    /// is no reason to take names for gone.
    async fn read(&self, zone: &Name) -> Result<Option<Arc<Zone>>, Error> {
        self.transfer(zone).await.map(Some).map_err(|trouble| self.error(zone, "read", &trouble))
    }

    async fn change(&self, zone: &Name, edit: Edit) -> Result<(), Error> {
        let shared = self.shared(zone);
        shared.turns.take(edit, |edits| self.commit(zone, edits)).await
    }
}
