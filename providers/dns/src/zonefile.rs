//! Zone files (RFC 1035, section 5): written in one way, read in all.
//!
//! What is written: a header, `$ORIGIN`, `$TTL`, the SOA record, then every record on a line
//! of its own with its owner, time to live and class, in canonical order and in columns.
//! Comments and the layout of a file that was edited by hand are lost with the next write;
//! its records are not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use domain::base::Record;
use domain::base::iana::Class;
use domain::base::name::ToName;
use domain::rdata::ZoneRecordData;
use domain::zonefile::inplace::{Entry, ScannedRecord, Zonefile};

use crate::name::{self, Name};
use crate::record;
use crate::zone::{Key, RecordSet, Soa, Zone};

/// The first line of every file.
pub const HEADER: &str = "; Managed by Portolan. Records that are added by hand are kept, comments are not.\n";

/// Columns are not made wider than this for the sake of a long name.
const MAX_COLUMN: usize = 40;

/// The text of a zone's file.
pub fn write(zone: &Zone) -> String {
    let owners: Vec<String> = zone.sets.keys().map(|key| name::relative(&key.owner, &zone.origin)).collect();
    let width = owners.iter().map(String::len).filter(|width| *width <= MAX_COLUMN).max().unwrap_or(1);
    let mut text = HEADER.to_owned();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "$ORIGIN {}\n$TTL {}", name::dotted(&zone.origin), zone.soa.ttl);
    write_soa(&mut text, &zone.soa, width);
    for ((key, set), owner) in zone.sets.iter().zip(&owners) {
        for data in &set.data {
            let rtype = key.rtype.to_string();
            let _ = writeln!(text, "{owner:width$} {:<7} IN {rtype:<5} {}", set.ttl, data.file);
        }
    }
    text
}

fn write_soa(text: &mut String, soa: &Soa, width: usize) {
    let (primary, contact) = (name::dotted(&soa.primary), name::dotted(&soa.contact));
    let _ = writeln!(text, "{:width$} {:<7} IN SOA   {primary} {contact} (", "@", soa.ttl);
    let indent = width + 18;
    let numbers = [
        (soa.serial, "serial"),
        (soa.refresh, "refresh"),
        (soa.retry, "retry"),
        (soa.expire, "expire"),
        (soa.minimum, "minimum"),
    ];
    for (number, meaning) in numbers {
        let _ = writeln!(text, "{:indent$}{number:<10} ; {meaning}", "");
    }
    let _ = writeln!(text, "{:indent$})", "");
}

/// Reads the file of a zone. What is wrong is told with the line.
pub fn read(text: &[u8], origin: &Name) -> Result<Zone, String> {
    let mut file = Zonefile::from(text);
    file.set_origin(origin.clone());
    file.set_default_class(Class::IN);
    let mut soa = None;
    let mut sets = BTreeMap::new();
    loop {
        let offset = file.current_offset();
        let told = |problem: String| format!("line {}: {problem}", line_after(text, offset));
        let entry = file.next_entry().map_err(|error| told(without_place(&error.to_string()).to_owned()))?;
        match entry {
            None => break,
            Some(Entry::Include { .. }) => return Err(told("$INCLUDE is not supported".to_owned())),
            Some(Entry::Record(record)) => add(&record, origin, &mut soa, &mut sets).map_err(told)?,
        }
    }
    let soa = soa.ok_or("there is no SOA record")?;
    Ok(Zone { origin: origin.clone(), soa, sets })
}

/// The message of an error that begins with line and column. They are where the parser gave
/// up, which may be the line after the one that is wrong.
pub(crate) fn without_place(message: &str) -> &str {
    message.split_once(": ").map_or(message, |(_, problem)| problem)
}

/// The line of the entry that begins behind `offset`, where the entry before it ended.
fn line_after(text: &[u8], offset: usize) -> usize {
    let (before, rest) = text.split_at(offset.min(text.len()));
    let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace());
    1 + before.iter().chain(blank).filter(|byte| **byte == b'\n').count()
}

/// Puts the start of authority where it belongs, and any other record into its set.
fn add(
    record: &ScannedRecord,
    origin: &Name,
    soa: &mut Option<Soa>,
    sets: &mut BTreeMap<Key, RecordSet>,
) -> Result<(), String> {
    let ZoneRecordData::Soa(data) = record.data() else { return put(record, origin, sets) };
    let owner: Name = record.owner().to_name();
    if owner != *origin {
        return Err(format!("the SOA record of {owner} is not the zone's"));
    }
    match soa.replace(start_of_authority(data, record.ttl().as_secs())) {
        None => Ok(()),
        Some(_) => Err("there is a second SOA record".to_owned()),
    }
}

/// Puts a record into its set. What is of another class, or lies outside of the zone, is refused.
pub(crate) fn put<Owner, Octets, Host>(
    record: &Record<Owner, ZoneRecordData<Octets, Host>>,
    origin: &Name,
    sets: &mut BTreeMap<Key, RecordSet>,
) -> Result<(), String>
where
    Owner: ToName,
    Octets: AsRef<[u8]>,
    Host: ToName,
{
    let owner: Name = record.owner().to_name();
    if record.class() != Class::IN {
        return Err(format!("{owner} is not of class IN"));
    }
    if !owner.ends_with(origin) {
        return Err(format!("{owner} does not lie in the zone {origin}"));
    }
    let (rtype, ttl) = (record.rtype(), record.ttl().as_secs());
    let set = sets.entry(Key { owner, rtype }).or_insert(RecordSet { ttl, data: BTreeSet::new() });
    // Records of one set have one time to live (RFC 2181, 5.2): the least that is written.
    set.ttl = set.ttl.min(ttl);
    set.data.insert(record::from_file(record.data()));
    Ok(())
}

/// The start of authority that a record holds.
pub(crate) fn start_of_authority(data: &domain::rdata::Soa<impl ToName>, ttl: u32) -> Soa {
    Soa {
        primary: data.mname().to_name(),
        contact: data.rname().to_name(),
        serial: data.serial().into_int(),
        refresh: data.refresh().as_secs(),
        retry: data.retry().as_secs(),
        expire: data.expire().as_secs(),
        minimum: data.minimum().as_secs(),
        ttl,
    }
}
