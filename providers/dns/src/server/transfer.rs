//! Making a zone of the records of a transfer (RFC 5936, RFC 1995).
//!
//! A transfer begins and ends with the start of authority. All other records stand between, or, where
//! it was asked for what changed: for each version since, the old start of authority with what went,
//! then the new one with what came. A zone that did not change is its start of authority alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::base::Record;
use domain::base::name::ToName;
use domain::rdata::ZoneRecordData;

use crate::name::Name;
use crate::record;
use crate::zone::{Key, Soa, Zone};
use crate::zonefile::{put, start_of_authority};

/// A transfer as it comes in.
pub(super) struct Transfer<'a> {
    origin: &'a Name,
    /// The zone that the changes are of, where they were asked for.
    known: Option<Arc<Zone>>,
    /// The start of authority that the transfer began with.
    latest: Option<Soa>,
    part: Part,
}

/// What has come so far.
enum Part {
    /// Nothing but the start of authority.
    Start,
    /// Records of the whole zone.
    Whole(Box<Zone>),
    /// What went, then what came with a version.
    Changes {
        zone: Box<Zone>,
        is_coming: bool,
    },
    Over(Arc<Zone>),
}

impl<'a> Transfer<'a> {
    pub(super) fn new(origin: &'a Name, known: Option<Arc<Zone>>) -> Self {
        Transfer { origin, known, latest: None, part: Part::Start }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.part, Part::Over(_))
    }

    /// The zone that was transferred.
    pub(super) fn zone(self) -> Result<Arc<Zone>, String> {
        match self.part {
            Part::Over(zone) => Ok(zone),
            _ => Err("the transfer has no end".to_owned()),
        }
    }

    /// Takes the next record.
    pub(super) fn add<Owner, Octets, Host>(
        &mut self,
        record: &Record<Owner, ZoneRecordData<Octets, Host>>,
    ) -> Result<(), String>
    where
        Owner: ToName,
        Octets: AsRef<[u8]>,
        Host: ToName,
    {
        let soa = match record.data() {
            ZoneRecordData::Soa(data) => Some(start_of_authority(data, record.ttl().as_secs())),
            _ => None,
        };
        let Some(latest) = &self.latest else {
            self.latest = Some(soa.ok_or("the transfer does not begin with the start of authority")?);
            return Ok(());
        };
        self.part = match (std::mem::replace(&mut self.part, Part::Start), soa) {
            (Part::Over(_), _) => return Err("records come after the end of the transfer".to_owned()),
            (Part::Start, Some(soa)) if self.known.as_ref().is_some_and(|known| known.soa.serial == soa.serial) => {
                let zone = self.known.take().ok_or("nobody asked for changes")?;
                Part::Changes { zone: Box::new(Arc::unwrap_or_clone(zone)), is_coming: false }
            }
            (Part::Start, soa) => {
                let zone = Zone { origin: self.origin.clone(), soa: latest.clone(), sets: BTreeMap::new() };
                self.whole(zone, record, soa.is_some())?
            }
            (Part::Whole(zone), soa) => self.whole(*zone, record, soa.is_some())?,
            (Part::Changes { zone, is_coming: true }, Some(_)) if zone.soa.serial == latest.serial => {
                Part::Over(Arc::new(*zone))
            }
            (Part::Changes { zone, is_coming: true }, Some(_)) => Part::Changes { zone, is_coming: false },
            (Part::Changes { mut zone, is_coming: false }, Some(soa)) => {
                zone.soa = soa;
                Part::Changes { zone, is_coming: true }
            }
            (Part::Changes { mut zone, is_coming }, None) => {
                match is_coming {
                    true => put(record, self.origin, &mut zone.sets)?,
                    false => take(record, &mut zone)?,
                }
                Part::Changes { zone, is_coming }
            }
        };
        Ok(())
    }

    /// Takes a record of the whole zone; a start of authority ends it.
    fn whole<Owner, Octets, Host>(
        &self,
        mut zone: Zone,
        record: &Record<Owner, ZoneRecordData<Octets, Host>>,
        is_end: bool,
    ) -> Result<Part, String>
    where
        Owner: ToName,
        Octets: AsRef<[u8]>,
        Host: ToName,
    {
        if is_end {
            return Ok(Part::Over(Arc::new(zone)));
        }
        put(record, self.origin, &mut zone.sets)?;
        Ok(Part::Whole(Box::new(zone)))
    }

    /// A message ends. A start of authority that stands alone says that nothing changed; another one
    /// than was known says that the server has gone back, and that all of it must be asked for.
    pub(super) fn end_of_message(&mut self) -> Result<(), String> {
        let (Part::Start, Some(latest), Some(known)) = (&self.part, &self.latest, &self.known) else {
            return Ok(());
        };
        if latest.serial != known.soa.serial {
            return Err("what changed was not told".to_owned());
        }
        self.part = Part::Over(known.clone());
        Ok(())
    }
}

/// Takes a record away. One that is not there says that the zone was not what it is taken for.
fn take<Owner, Octets, Host>(
    record: &Record<Owner, ZoneRecordData<Octets, Host>>,
    zone: &mut Zone,
) -> Result<(), String>
where
    Owner: ToName,
    Octets: AsRef<[u8]>,
    Host: ToName,
{
    let key = Key { owner: record.owner().to_name(), rtype: record.rtype() };
    let set = zone.sets.get_mut(&key);
    let is_taken = set.is_some_and(|set| set.data.remove(&record::from_file(record.data())));
    if !is_taken {
        return Err(format!("{} {} went, and was not known", key.owner, key.rtype));
    }
    if zone.sets.get(&key).is_some_and(|set| set.data.is_empty()) {
        zone.sets.remove(&key);
    }
    Ok(())
}
