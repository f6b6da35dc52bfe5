//! A zone as it is, with the changes that are to be made of it.
//!
//! Only what changes is held, so that changing a few records of a large zone costs little.

use std::collections::BTreeMap;

use domain::base::iana::Rtype;
use portolan_provider::Error;

use crate::zone::{Apex, Edit, Key, Ownership, RecordSet, Soa, Zone};
use crate::{marker, name};

/// What is to become of a zone.
pub(crate) struct Draft<'a> {
    zone: &'a Zone,
    soa: Soa,
    /// The sets that are to be other than they are; `None` where one is to go.
    sets: BTreeMap<Key, Option<RecordSet>>,
}

/// What is to change of a zone: its start of authority, and sets, of which `None` is to go.
pub(crate) type Changes = (Soa, BTreeMap<Key, Option<RecordSet>>);

impl<'a> Draft<'a> {
    pub(crate) fn new(zone: &'a Zone) -> Self {
        Draft { zone, soa: zone.soa.clone(), sets: BTreeMap::new() }
    }

    /// What is to change, where anything is.
    pub(crate) fn changes(self) -> Option<Changes> {
        let sets: BTreeMap<_, _> =
            self.sets.into_iter().filter(|(key, set)| self.zone.sets.get(key) != set.as_ref()).collect();
        (self.soa != self.zone.soa || !sets.is_empty()).then_some((self.soa, sets))
    }

    fn set(&self, key: &Key) -> Option<&RecordSet> {
        match self.sets.get(key) {
            Some(changed) => changed.as_ref(),
            None => self.zone.sets.get(key),
        }
    }

    fn apex(&self) -> Apex {
        let none = || RecordSet { ttl: self.soa.ttl, data: Default::default() };
        let nameservers = self.set(&self.zone.apex_key()).cloned().unwrap_or_else(none);
        Apex { soa: self.soa.clone(), nameservers }
    }

    /// Makes a change. Repeating one that was made changes nothing and succeeds.
    pub(crate) fn apply(&mut self, edit: &Edit) -> Result<(), Error> {
        match edit {
            Edit::PutApex { before, wanted } => self.put_apex(before.as_ref(), wanted),
            Edit::PutSet { key, before, wanted, owner } => {
                let is_own = self.check_owner(key, before.is_none(), owner)?;
                self.put_set(key, before.as_ref(), wanted, is_own)?;
                self.mark(key, owner, owner.own.as_deref())
            }
            Edit::DeleteSet { key, before, owner } => {
                self.check_owner(key, false, owner)?;
                self.delete_set(key, before)?;
                self.mark(key, owner, None)
            }
            Edit::DeleteZone => self.may_go(),
        }
    }

    fn put_apex(&mut self, before: Option<&Apex>, wanted: &Apex) -> Result<(), Error> {
        let mut live = self.apex();
        live.soa.serial = wanted.soa.serial;
        if live == *wanted {
            return Ok(());
        }
        match before {
            None => {
                return Err(already_there(&format!("the zone {}", self.zone.origin)).help("import it by its name"));
            }
            Some(before) => {
                live.soa.serial = before.soa.serial;
                if live != *before {
                    return Err(changed_meanwhile(&format!("the zone {}", self.zone.origin)));
                }
            }
        }
        self.take_apex(wanted);
        Ok(())
    }

    /// Takes over what a zone says of itself, whatever it said before.
    pub(crate) fn take_apex(&mut self, wanted: &Apex) {
        self.soa = Soa { serial: self.soa.serial, ..wanted.soa.clone() };
        self.sets.insert(self.zone.apex_key(), Some(wanted.nameservers.clone()));
    }

    /// Refuses to change what is marked as somebody else's, and to take for one's own what is there
    /// without a marker. Says whether the set is marked as the own one.
    fn check_owner(&self, key: &Key, is_new: bool, owner: &Ownership) -> Result<bool, Error> {
        let Some(own) = &owner.own else { return Ok(false) };
        let marker = marker::key(key, &self.zone.origin)?;
        match self.set(&marker).map(marker::owner) {
            Some(Some(other)) if other == own => Ok(true),
            Some(other) => Err(foreign(key, other, &marker)),
            None if is_new && self.set(key).is_some() => Err(foreign(key, None, &marker)),
            None => Ok(false),
        }
    }

    /// Says whose a set is from now on. A marker that says something else than was known stays.
    fn mark(&mut self, key: &Key, owner: &Ownership, wanted: Option<&str>) -> Result<(), Error> {
        if owner.before.is_none() && owner.own.is_none() {
            return Ok(());
        }
        let marker = marker::key(key, &self.zone.origin)?;
        let marked = self.set(&marker).and_then(marker::owner);
        match wanted {
            Some(own) => self.sets.insert(marker, Some(marker::set(own, &self.zone.origin)?)),
            None if marked.is_some() && (marked == owner.own.as_deref() || marked == owner.before.as_deref()) => {
                self.sets.insert(marker, None)
            }
            None => None,
        };
        Ok(())
    }

    /// What is marked as the own one may be other than it was, because the record of it was lost.
    fn put_set(
        &mut self,
        key: &Key,
        before: Option<&RecordSet>,
        wanted: &RecordSet,
        is_own: bool,
    ) -> Result<(), Error> {
        let live = self.set(key);
        if live == Some(wanted) {
            return Ok(());
        }
        match (live, before) {
            (Some(_), None) if is_own => {}
            (Some(_), None) => return Err(already_there(&described(key)).help("import it, or delete it")),
            (Some(live), Some(before)) if live != before => return Err(changed_meanwhile(&described(key))),
            _ => {}
        }
        self.fits(key)?;
        self.sets.insert(key.clone(), Some(wanted.clone()));
        Ok(())
    }

    fn delete_set(&mut self, key: &Key, before: &RecordSet) -> Result<(), Error> {
        match self.set(key) {
            None => Ok(()),
            Some(live) if live != before => Err(changed_meanwhile(&described(key))),
            Some(_) => {
                self.sets.insert(key.clone(), None);
                Ok(())
            }
        }
    }

    /// A CNAME stands alone at its name (RFC 1034, 3.6.2), and the keys of a zone below stand where its
    /// servers do (RFC 4034, 5). What is in the way may be on its way out, and what is missing on its
    /// way in, so the engine is to try again.
    fn fits(&self, key: &Key) -> Result<(), Error> {
        let conflict = |other: &str| {
            Error::transient(format!("{} cannot stand beside the {other} record of the same name", described(key)))
                .help("a CNAME record must be the only one of its name")
        };
        let servers = Key { owner: key.owner.clone(), rtype: Rtype::NS };
        if key.rtype == Rtype::DS && self.set(&servers).is_none() {
            return Err(Error::transient(format!("{} needs NS records of the same name", described(key)))
                .help("write a record of type NS for the zone below"));
        }
        if key.rtype == Rtype::CNAME && key.owner == self.zone.origin {
            return Err(conflict("SOA"));
        }
        let others = self.types_at(key).into_iter().filter(|rtype| *rtype != key.rtype);
        // Signatures and their proofs stand beside every record.
        let mut others = others.filter(|rtype| ![Rtype::RRSIG, Rtype::NSEC, Rtype::NSEC3].contains(rtype));
        match others.find(|other| key.rtype == Rtype::CNAME || *other == Rtype::CNAME) {
            Some(other) => Err(conflict(&other.to_string())),
            None => Ok(()),
        }
    }

    /// The types of the sets at the name of a key.
    fn types_at(&self, key: &Key) -> Vec<Rtype> {
        let first = Key { owner: key.owner.clone(), rtype: Rtype::from(0) };
        let stays = self.zone.sets.range(&first..).map(|(key, _)| key).take_while(|at| at.owner == key.owner);
        let comes = self.sets.range(&first..).take_while(|(at, _)| at.owner == key.owner);
        let stays = stays.filter(|at| !self.sets.contains_key(at)).map(|at| at.rtype);
        stays.chain(comes.filter(|(_, set)| set.is_some()).map(|(at, _)| at.rtype)).collect()
    }

    /// A zone goes only when nothing is left in it that is not its own.
    fn may_go(&self) -> Result<(), Error> {
        let apex = self.zone.apex_key();
        let stays = self.zone.sets.keys().filter(|key| !self.sets.contains_key(key));
        let comes = self.sets.iter().filter(|(_, set)| set.is_some()).map(|(key, _)| key);
        let left: Vec<&Key> = stays.chain(comes).filter(|key| **key != apex).collect();
        let Some(first) = left.first() else { return Ok(()) };
        let message = format!(
            "the zone {} still holds {} record sets, such as {}",
            self.zone.origin,
            left.len(),
            described(first)
        );
        Err(Error::failed(message)
            .help("delete them first: records that were added by hand are not deleted with a zone"))
    }
}

/// The problem of a set that is somebody else's.
fn foreign(key: &Key, owner: Option<&str>, marker: &Key) -> Error {
    let whose = match owner {
        Some(owner) => format!("is marked as that of \"{owner}\""),
        None => "is there already and is not marked as that of anybody".to_owned(),
    };
    Error::conflict(format!("{} {whose}", described(key))).help(format!(
        "leave it to its owner; or, where it is to be yours, import it, and have no other owner's TXT record at {}",
        name::dotted(&marker.owner)
    ))
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
