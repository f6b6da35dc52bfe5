//! A zone as it is kept, and changes of it.

use std::collections::{BTreeMap, BTreeSet};

use domain::base::iana::Rtype;
use portolan_provider::Error;

use crate::name::{self, Name};
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
    },
    /// Takes a record set away.
    DeleteSet {
        /// Which.
        key: Key,
        /// What was there.
        before: RecordSet,
    },
    /// Takes the whole zone away.
    DeleteZone,
}

impl Edit {
    /// The place in the order in which changes that came together are made: a zone comes
    /// before what lies in it, and what goes makes room for what comes.
    pub fn rank(&self) -> u8 {
        match self {
            Edit::PutApex { .. } => 0,
            Edit::DeleteSet { .. } => 1,
            Edit::PutSet { .. } => 2,
            Edit::DeleteZone => 3,
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
    fn apex_key(&self) -> Key {
        Key { owner: self.origin.clone(), rtype: Rtype::NS }
    }

    /// What the resource `dns_zone` would hold.
    pub fn apex(&self) -> Apex {
        let none = RecordSet { ttl: self.soa.ttl, data: BTreeSet::new() };
        let nameservers = self.sets.get(&self.apex_key()).cloned().unwrap_or(none);
        Apex { soa: self.soa.clone(), nameservers }
    }

    /// Carries out a change of a zone that is there, and says whether it changed anything.
    /// Repeating a change that was made changes nothing and succeeds.
    pub fn apply(&mut self, edit: &Edit) -> Result<bool, Error> {
        match edit {
            Edit::PutApex { before, wanted } => self.put_apex(before.as_ref(), wanted),
            Edit::PutSet { key, before, wanted } => self.put_set(key, before.as_ref(), wanted),
            Edit::DeleteSet { key, before } => self.delete_set(key, before),
            Edit::DeleteZone => self.may_go().map(|()| true),
        }
    }

    fn put_apex(&mut self, before: Option<&Apex>, wanted: &Apex) -> Result<bool, Error> {
        let mut live = self.apex();
        live.soa.serial = wanted.soa.serial;
        if live == *wanted {
            return Ok(false);
        }
        match before {
            None => {
                return Err(already_there(&format!("the zone {}", self.origin)).help("import it by its name"));
            }
            Some(before) => {
                live.soa.serial = before.soa.serial;
                if live != *before {
                    return Err(changed_meanwhile(&format!("the zone {}", self.origin)));
                }
            }
        }
        let serial = self.soa.serial;
        self.soa = Soa { serial, ..wanted.soa.clone() };
        self.sets.insert(self.apex_key(), wanted.nameservers.clone());
        Ok(true)
    }

    fn put_set(&mut self, key: &Key, before: Option<&RecordSet>, wanted: &RecordSet) -> Result<bool, Error> {
        let live = self.sets.get(key);
        if live == Some(wanted) {
            return Ok(false);
        }
        match (live, before) {
            (Some(_), None) => return Err(already_there(&described(key)).help("import it, or delete it")),
            (Some(live), Some(before)) if live != before => return Err(changed_meanwhile(&described(key))),
            _ => {}
        }
        self.fits(key)?;
        self.sets.insert(key.clone(), wanted.clone());
        Ok(true)
    }

    fn delete_set(&mut self, key: &Key, before: &RecordSet) -> Result<bool, Error> {
        match self.sets.get(key) {
            None => Ok(false),
            Some(live) if live != before => Err(changed_meanwhile(&described(key))),
            Some(_) => Ok(self.sets.remove(key).is_some()),
        }
    }

    /// A CNAME stands alone at its name (RFC 1034, 3.6.2). What is in its way may be on its
    /// way out, so the engine is to try again.
    fn fits(&self, key: &Key) -> Result<(), Error> {
        let conflict = |other: &str| {
            Error::transient(format!("{} cannot stand beside the {other} record of the same name", described(key)))
                .help("a CNAME record must be the only one of its name")
        };
        if key.rtype == Rtype::CNAME && key.owner == self.origin {
            return Err(conflict("SOA"));
        }
        let others = self.types_at(&key.owner).filter(|rtype| *rtype != key.rtype);
        // Signatures and their proofs stand beside every record.
        let mut others = others.filter(|rtype| ![Rtype::RRSIG, Rtype::NSEC, Rtype::NSEC3].contains(rtype));
        match others.find(|other| key.rtype == Rtype::CNAME || *other == Rtype::CNAME) {
            Some(other) => Err(conflict(&other.to_string())),
            None => Ok(()),
        }
    }

    fn types_at<'a>(&'a self, owner: &'a Name) -> impl Iterator<Item = Rtype> + 'a {
        let first = Key { owner: owner.clone(), rtype: Rtype::from(0) };
        self.sets.range(first..).map(|(key, _)| key).take_while(move |key| key.owner == *owner).map(|key| key.rtype)
    }

    /// A zone goes only when nothing is left in it that is not its own.
    fn may_go(&self) -> Result<(), Error> {
        let apex = self.apex_key();
        let left: Vec<&Key> = self.sets.keys().filter(|key| **key != apex).collect();
        let Some(first) = left.first() else { return Ok(()) };
        let message =
            format!("the zone {} still holds {} record sets, such as {}", self.origin, left.len(), described(first));
        Err(Error::failed(message)
            .help("delete them first: records that were added by hand are not deleted with a zone"))
    }
}

fn described(key: &Key) -> String {
    format!("the {} record of {}", key.rtype, name::dotted(&key.owner))
}

fn already_there(what: &str) -> Error {
    Error::failed(format!("{what} is there already and is not the wanted one"))
}

fn changed_meanwhile(what: &str) -> Error {
    Error::conflict(format!("{what} was changed by somebody else since it was read"))
}
