//! Records that say whose a record set is, for zones that several write.
//!
//! The marker of the A records of `shop.example.com` is a TXT record of
//! `shop.a._portolan.example.com`. All markers of a zone are in this branch of its own, so that none of
//! them changes another answer: no name comes to be there that a wildcard stood for, nothing stands
//! beside a CNAME, and nothing below a delegation.

use domain::base::iana::Rtype;
use portolan_provider::Error;

use crate::name::{self, Name};
use crate::record;
use crate::zone::{Key, RecordSet, Zone};

/// The branch of a zone in which the markers are.
const BRANCH: &str = "_portolan";

/// What a marker begins with.
const PREFIX: &str = "portolan owner=";

/// Seconds for which markers may be kept.
const TTL: u32 = 3600;

/// The longest name of an owner.
const MAX_OWNER: usize = 100;

/// Checks the name of an owner.
pub(crate) fn check(owner: &str) -> Result<(), String> {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "._-/".contains(char);
    match !owner.is_empty() && owner.len() <= MAX_OWNER && owner.chars().all(is_plain) {
        true => Ok(()),
        false => Err(format!("{owner:?} is not made of at most {MAX_OWNER} letters, digits, and any of . _ - /")),
    }
}

/// Where the marker of a set stands.
pub(crate) fn key(of: &Key, origin: &Name) -> Result<Key, Error> {
    let within = match name::relative(&of.owner, origin).as_str() {
        "@" => String::new(),
        relative => format!("{relative}."),
    };
    let rtype = of.rtype.to_string().to_ascii_lowercase();
    let text = format!("{within}{rtype}.{BRANCH}.{}", name::dotted(origin));
    let owner = name::parse(&text)
        .map_err(|_| Error::invalid(format!("the name of {} leaves no room for that of its marker", of.owner)))?;
    Ok(Key { owner, rtype: Rtype::TXT })
}

/// The marker that says whose a set is.
pub(crate) fn set(owner: &str, origin: &Name) -> Result<RecordSet, Error> {
    let data = record::from_value(Rtype::TXT, &format!("{PREFIX}{owner}"), origin).map_err(Error::invalid)?;
    Ok(RecordSet { ttl: TTL, data: [data].into() })
}

/// Whose a marker says that a set is.
pub(crate) fn owner(marker: &RecordSet) -> Option<&str> {
    marker.data.iter().find_map(|data| data.value.strip_prefix(PREFIX))
}

/// Whose a set of a zone is said to be.
pub(crate) fn owner_of<'a>(set: &Key, zone: &'a Zone) -> Option<&'a str> {
    zone.sets.get(&key(set, &zone.origin).ok()?).and_then(owner)
}
