//! Updates of a zone as messages (RFC 2136).
//!
//! What changes is found by comparing the zone before with the zone after. For each record set that
//! changes, a message says what the set was, which the server checks before it changes anything,
//! and what it is to be. All sets of one name are in one message, because a CNAME that comes takes
//! the place of what goes; each message is carried out whole or not at all.

use std::collections::BTreeMap;

use domain::base::iana::{Class, Opcode, Rtype};
use domain::base::message_builder::{AdditionalBuilder, PushError};
use domain::base::name::ToLabelIter as _;
use domain::base::rdata::{ComposeRecordData as _, UnknownRecordData};
use domain::base::{MessageBuilder, Serial, StreamTarget, Ttl};
use domain::zonefile::inplace::{Entry, Zonefile};

use crate::draft::Changes;
use crate::name::{self, Name};
use crate::record::RecordData;
use crate::zone::{Key, RecordSet, Soa, Zone};

/// A message that is not signed yet.
pub(super) type Message = AdditionalBuilder<StreamTarget<Vec<u8>>>;

/// The records of a message take at most so many bytes. A message of DNS ends at 65,535, and its
/// header, its question and its signature need some.
const MAX_RECORDS: usize = 60 * 1024;

/// What a record takes beside its owner and its data: type, class, time to live and a length.
const FIXED: usize = 10;

/// A record as it is sent.
struct Sent {
    owner: Name,
    class: Class,
    ttl: u32,
    data: UnknownRecordData<Vec<u8>>,
}

impl Sent {
    fn size(&self) -> usize {
        usize::from(self.owner.compose_len()) + FIXED + self.data.data().len()
    }
}

/// What is sent about one name.
#[derive(Default)]
struct AtName {
    /// What must hold for anything to be changed.
    prerequisites: Vec<Sent>,
    updates: Vec<Sent>,
}

impl AtName {
    fn size(&self) -> usize {
        self.prerequisites.iter().chain(&self.updates).map(Sent::size).sum()
    }
}

/// The messages that make the changes of a zone; none where there are none. The serial is not
/// among them: it is the server's.
///
/// # Errors
/// Says which record cannot be sent, or of which name the records do not fit into a message.
pub(super) fn updates(zone: &Zone, changes: &Changes) -> Result<Vec<Message>, String> {
    let mut messages = Vec::new();
    let (mut pending, mut size) = (Vec::new(), 0);
    for (owner, at_name) in at_names(zone, changes)? {
        if at_name.size() > MAX_RECORDS {
            return Err(format!("the records of {owner} do not fit into a message"));
        }
        if size + at_name.size() > MAX_RECORDS {
            messages.push(message(&zone.origin, &pending)?);
            (pending, size) = (Vec::new(), 0);
        }
        size += at_name.size();
        pending.push(at_name);
    }
    if !pending.is_empty() {
        messages.push(message(&zone.origin, &pending)?);
    }
    Ok(messages)
}

/// What is sent about each name at which something changes.
fn at_names(zone: &Zone, (soa, sets): &Changes) -> Result<BTreeMap<Name, AtName>, String> {
    let mut names: BTreeMap<Name, AtName> = BTreeMap::new();
    if *soa != zone.soa {
        let at_name = names.entry(zone.origin.clone()).or_default();
        at_name.prerequisites.push(start_of_authority(&zone.origin, &zone.soa, zone.soa.serial, 0)?);
        let next = Serial(zone.soa.serial).add(1).into_int();
        at_name.updates.push(start_of_authority(&zone.origin, soa, next, soa.ttl)?);
    }
    for (key, wanted) in sets {
        let at_name = names.entry(key.owner.clone()).or_default();
        match zone.sets.get(key) {
            None => at_name.prerequisites.push(without_data(key, Class::NONE)?),
            Some(was) => {
                for data in &was.data {
                    at_name.prerequisites.push(sent(key, Class::IN, 0, data)?);
                }
                at_name.updates.extend(taking_away(key, was, wanted.as_ref(), &zone.origin)?);
            }
        }
        if let Some(set) = wanted {
            for data in &set.data {
                at_name.updates.push(sent(key, Class::IN, set.ttl, data)?);
            }
        }
    }
    names.values_mut().for_each(|at_name| at_name.updates.sort_by_key(|sent| place(sent, &zone.origin)));
    Ok(names)
}

/// What goes from a name makes room for what comes. But a zone never is without nameservers, not even
/// inside of a message: those that go, go last.
fn place(sent: &Sent, origin: &Name) -> u8 {
    match sent.class {
        Class::ANY => 0,
        Class::NONE if sent.owner == *origin => 2,
        _ => 1,
    }
}

/// What takes a set away to make room for another. The nameservers of the zone cannot be taken
/// away as a set (RFC 2136, 3.4.2.3): those that are not wanted go one by one.
fn taking_away(key: &Key, was: &RecordSet, wanted: Option<&RecordSet>, origin: &Name) -> Result<Vec<Sent>, String> {
    if key.owner != *origin || key.rtype != Rtype::NS {
        return Ok(vec![without_data(key, Class::ANY)?]);
    }
    let stays = |data: &&RecordData| wanted.is_some_and(|wanted| wanted.data.contains(data));
    was.data.iter().filter(|data| !stays(data)).map(|data| sent(key, Class::NONE, 0, data)).collect()
}

fn without_data(key: &Key, class: Class) -> Result<Sent, String> {
    let data = UnknownRecordData::from_octets(key.rtype, Vec::new()).map_err(|error| error.to_string())?;
    Ok(Sent { owner: key.owner.clone(), class, ttl: 0, data })
}

fn sent(key: &Key, class: Class, ttl: u32, data: &RecordData) -> Result<Sent, String> {
    let data = wire(key.rtype, &data.file).map_err(|problem| format!("{} {}: {problem}", key.owner, key.rtype))?;
    Ok(Sent { owner: key.owner.clone(), class, ttl, data })
}

fn start_of_authority(origin: &Name, soa: &Soa, serial: u32, ttl: u32) -> Result<Sent, String> {
    let Soa { refresh, retry, expire, minimum, .. } = soa;
    let (primary, contact) = (name::dotted(&soa.primary), name::dotted(&soa.contact));
    let data = wire(Rtype::SOA, &format!("{primary} {contact} {serial} {refresh} {retry} {expire} {minimum}"))?;
    Ok(Sent { owner: origin.clone(), class: Class::IN, ttl, data })
}

/// The data of a record as it is sent, from what a zone file holds.
fn wire(rtype: Rtype, text: &str) -> Result<UnknownRecordData<Vec<u8>>, String> {
    let line = format!(". 0 IN {rtype} {text}\n");
    let mut file = Zonefile::from(line.as_bytes());
    let entry = file.next_entry().map_err(|error| error.to_string())?;
    let Some(Entry::Record(record)) = entry else { return Err("is not the data of a record".to_owned()) };
    let mut data = Vec::new();
    // Writing to a vector cannot fail.
    let _ = record.data().compose_rdata(&mut data);
    UnknownRecordData::from_octets(rtype, data).map_err(|error| error.to_string())
}

fn message(origin: &Name, names: &[AtName]) -> Result<Message, String> {
    compose(origin, names).map_err(|error| format!("the records do not fit into a message: {error}"))
}

fn compose(origin: &Name, names: &[AtName]) -> Result<Message, PushError> {
    let target = StreamTarget::new(Vec::new()).map_err(|_| PushError::ShortBuf)?;
    let mut builder = MessageBuilder::from_target(target).map_err(|_| PushError::ShortBuf)?;
    builder.header_mut().set_random_id();
    builder.header_mut().set_opcode(Opcode::UPDATE);
    let mut question = builder.question();
    question.push((origin, Rtype::SOA, Class::IN))?;
    let mut prerequisites = question.answer();
    for sent in names.iter().flat_map(|at_name| &at_name.prerequisites) {
        prerequisites.push((&sent.owner, sent.class, Ttl::from_secs(sent.ttl), &sent.data))?;
    }
    let mut updates = prerequisites.authority();
    for sent in names.iter().flat_map(|at_name| &at_name.updates) {
        updates.push((&sent.owner, sent.class, Ttl::from_secs(sent.ttl), &sent.data))?;
    }
    Ok(updates.additional())
}
