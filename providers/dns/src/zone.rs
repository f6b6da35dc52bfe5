//! A zone as it is kept, and changes of it.

use std::collections::{BTreeMap, BTreeSet};

use domain::base::iana::Rtype;

use crate::draft::Changes;
use crate::name::Name;
use crate::record::RecordData;

/// All records of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// Its name.
    pub origin: Name,
    /// What the zone says of itself.
    pub soa: Soa,
    /// All other records, in canonical order.
    pub sets: BTreeMap<Key, RecordSet>,
}

/// The start of authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Soa {
    /// The primary server.
    pub primary: Name,
    /// The mailbox of who is responsible.
    pub contact: Name,
    /// Rises with every change.
    pub serial: u32,
    /// Seconds between two looks of a secondary.
    pub refresh: u32,
    /// Seconds after which a secondary that found no primary looks again.
    pub retry: u32,
    /// Seconds after which a secondary that finds no primary stops answering.
    pub expire: u32,
    /// Seconds for which an answer that there is nothing may be kept.
    pub minimum: u32,
    /// Seconds for which the record itself may be kept, and the zone's default.
    pub ttl: u32,
}

/// What finds a record set in a zone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The name that owns the records.
    pub owner: Name,
    /// Their type.
    pub rtype: Rtype,
}

/// The records of one owner and type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordSet {
    /// Seconds for which they may be kept.
    pub ttl: u32,
    /// Their data.
    pub data: BTreeSet<RecordData>,
}

/// What the resource `dns_zone` holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apex {
    /// The start of authority; its serial is not compared and not taken over.
    pub soa: Soa,
    /// The servers of the zone.
    pub nameservers: RecordSet,
}

/// Whose a set is said to be in the zone itself; nothing is said where both are `None`.
#[derive(Debug, Clone, Default)]
pub struct Ownership {
    /// Who it was when the change was planned.
    pub before: Option<String>,
    /// Who makes the change, and marks what it makes. What is marked as somebody else's stays.
    pub own: Option<String>,
}

/// A change of a zone. `before` is what was there when it was planned.
#[derive(Debug, Clone)]
pub enum Edit {
    /// Makes or changes the zone itself.
    PutApex {
        /// What was there; `None` where the zone is to be made.
        before: Option<Apex>,
        /// What is wanted.
        wanted: Apex,
    },
    /// Makes or changes a record set.
    PutSet {
        /// Which.
        key: Key,
        /// What was there; `None` where it is to be made.
        before: Option<RecordSet>,
        /// What is wanted.
        wanted: RecordSet,
        /// Whose it is to be.
        owner: Ownership,
    },
    /// Takes a record set away.
    DeleteSet {
        /// Which.
        key: Key,
        /// What was there.
        before: RecordSet,
        /// Whose it was.
        owner: Ownership,
    },
    /// Takes the whole zone away.
    DeleteZone,
}

impl Edit {
    /// The place in the order in which changes that came together are made: a zone comes
    /// before what lies in it, what goes makes room for what comes, and the keys of a zone below
    /// come after its servers.
    pub fn rank(&self) -> u8 {
        match self {
            Edit::PutApex { .. } => 0,
            Edit::DeleteSet { .. } => 1,
            Edit::PutSet { key, .. } if key.rtype != Rtype::DS => 2,
            Edit::PutSet { .. } => 3,
            Edit::DeleteZone => 4,
        }
    }
}

impl Zone {
    /// A zone of which nothing but its apex is there.
    pub fn new(origin: Name, apex: Apex) -> Zone {
        let key = Key { owner: origin.clone(), rtype: Rtype::NS };
        Zone { origin, soa: apex.soa, sets: BTreeMap::from([(key, apex.nameservers)]) }
    }

    /// Where the servers of the zone stand.
    pub(crate) fn apex_key(&self) -> Key {
        Key { owner: self.origin.clone(), rtype: Rtype::NS }
    }

    /// What the resource `dns_zone` would hold.
    pub fn apex(&self) -> Apex {
        let none = RecordSet { ttl: self.soa.ttl, data: BTreeSet::new() };
        let nameservers = self.sets.get(&self.apex_key()).cloned().unwrap_or(none);
        Apex { soa: self.soa.clone(), nameservers }
    }

    /// Makes it what a draft of it says.
    pub(crate) fn take(&mut self, (soa, sets): Changes) {
        self.soa = soa;
        for (key, set) in sets {
            match set {
                Some(set) => self.sets.insert(key, set),
                None => self.sets.remove(&key),
            };
        }
    }
}
