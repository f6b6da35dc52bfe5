//! The data of records: as people write it, and as zone files hold it.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::base::iana::Rtype;
use domain::base::name::ToName;
use domain::base::rdata::{ComposeRecordData as _, UnknownRecordData};
use domain::base::zonefile_fmt::{DisplayKind, ZonefileFmt};
use domain::rdata::ZoneRecordData;
use domain::zonefile::inplace::{Entry, ScannedRecordData, Zonefile};

use crate::location;
use crate::name::{self, Name};
use crate::zonefile::without_place;

/// The types that can be configured.
pub const TYPES: &[Rtype] = &[
    Rtype::A,
    Rtype::AAAA,
    Rtype::CNAME,
    Rtype::TXT,
    Rtype::MX,
    Rtype::SRV,
    Rtype::CAA,
    Rtype::NS,
    Rtype::PTR,
    Rtype::DNAME,
    Rtype::DS,
    Rtype::HTTPS,
    Rtype::NAPTR,
    Rtype::OPENPGPKEY,
    Rtype::RP,
    Rtype::SMIMEA,
    Rtype::SSHFP,
    Rtype::SVCB,
    Rtype::TLSA,
    Rtype::LOC,
    Rtype::DHCID,
];

/// A record's data can be this long on the wire.
const MAX_DATA: usize = 65_535;

/// A string inside a TXT record can be this long.
const MAX_STRING: usize = 255;

/// The data of one record. Two are the same if they mean the same: the case of names and the
/// way that a text is cut into strings do not count.
#[derive(Debug, Clone)]
pub struct RecordData {
    /// As a zone file holds it: `10 mail.example.com.`, `"v=spf1 -all"`.
    pub file: String,
    /// As a configuration holds it: as in the file, but a text is not quoted or cut.
    pub value: String,
}

impl PartialEq for RecordData {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for RecordData {}

impl PartialOrd for RecordData {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RecordData {
    fn cmp(&self, other: &Self) -> Ordering {
        self.value.cmp(&other.value)
    }
}

impl From<String> for RecordData {
    fn from(text: String) -> Self {
        RecordData { file: text.clone(), value: text }
    }
}

/// Reads the name of a type that can be configured.
pub fn rtype(text: &str) -> Result<Rtype, String> {
    let names = || TYPES.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match text.parse::<Rtype>() {
        Ok(Rtype::SOA) => Err("the SOA record belongs to the zone: write it in dns_zone".to_owned()),
        Ok(rtype) if TYPES.contains(&rtype) && rtype.to_string() == text => Ok(rtype),
        _ => Err(format!("{text:?} is not a record type; known are {}", names())),
    }
}

/// Reads one value of a configuration. Names in it are read as [`name::host`] does.
pub fn from_value(rtype: Rtype, text: &str, zone: &Name) -> Result<RecordData, String> {
    let host = |text: &str| name::host(text, zone).map(|name| name::dotted(&name));
    match rtype {
        Rtype::A => address::<Ipv4Addr>(text, "an IPv4 address, such as 192.0.2.1"),
        Rtype::AAAA => address::<Ipv6Addr>(text, "an IPv6 address, such as 2001:db8::1"),
        Rtype::CNAME | Rtype::NS | Rtype::PTR => host(text).map(RecordData::from),
        Rtype::TXT => self::text(text),
        Rtype::MX => {
            let [preference, exchange] = fields(text, "a preference and a host, such as 10 mail.example.com.")?;
            Ok(RecordData::from(format!("{} {}", number(preference, "the preference")?, host(exchange)?)))
        }
        Rtype::SRV => {
            let form = "priority, weight, port and host, such as 0 5 5060 sip.example.com.";
            let [priority, weight, port, target] = fields(text, form)?;
            let (priority, weight) = (number(priority, "the priority")?, number(weight, "the weight")?);
            Ok(RecordData::from(format!("{priority} {weight} {} {}", number(port, "the port")?, host(target)?)))
        }
        Rtype::CAA => authority(text),
        Rtype::SMIMEA => as_in_a_file(Rtype::TLSA, text).and_then(|data| opaque(rtype, octets(&data))),
        Rtype::LOC => location(text),
        Rtype::DHCID => identifier(text),
        _ => as_in_a_file(rtype, text).map(|data| from_file(&data)),
    }
}

/// Data in the words of a zone file, with names that are absolute.
fn as_in_a_file(rtype: Rtype, text: &str) -> Result<ScannedRecordData, String> {
    let problem = |why: &str| format!("{text:?} is not the data of a {rtype} record as a zone file holds it: {why}");
    if text.contains(char::is_control) {
        return Err(problem("it holds control characters"));
    }
    let mut file = Zonefile::from(format!(". 0 IN {rtype} {text}\n").as_bytes());
    match file.next_entry().map_err(|error| problem(without_place(&error.to_string())))? {
        Some(Entry::Record(record)) => Ok(record.into_data()),
        _ => Err(problem("it is none")),
    }
}

/// The data as it is sent.
fn octets(data: &ScannedRecordData) -> Vec<u8> {
    let mut octets = Vec::new();
    // Writing to a vector cannot fail.
    let _ = data.compose_rdata(&mut octets);
    octets
}

/// Data of a type that the parser of zone files does not know by name.
fn opaque(rtype: Rtype, octets: Vec<u8>) -> Result<RecordData, String> {
    let data = UnknownRecordData::from_octets(rtype, octets).map_err(|error| error.to_string())?;
    Ok(from_file(&ZoneRecordData::<Vec<u8>, Name>::Unknown(data)))
}

/// `52 14 5 N 0 8 50 E 10m`
fn location(text: &str) -> Result<RecordData, String> {
    let problem = |why| format!("{text:?} is not a place, such as \"52 14 5 N 0 8 50 E 10m\": {why}");
    opaque(Rtype::LOC, location::parse(text).map_err(problem)?.into())
}

/// What identifies a client of a DHCP server (RFC 4701), in base64: the kind in two bytes, the digest's in one,
/// and the digest.
fn identifier(text: &str) -> Result<RecordData, String> {
    let bare: String = text.split_ascii_whitespace().collect();
    let octets = BASE64_STANDARD.decode(bare).ok().filter(|octets| octets.len() > 3);
    opaque(Rtype::DHCID, octets.ok_or_else(|| format!("{text:?} is not the identifier of a client, in base64"))?)
}

/// Reads the values of a set that is in a zone already. One that could not be configured is
/// taken as it is.
pub fn kept(rtype: Rtype, texts: &[String], zone: &Name) -> BTreeSet<RecordData> {
    let read = |text: &String| from_value(rtype, text, zone).unwrap_or_else(|_| RecordData::from(text.clone()));
    texts.iter().map(read).collect()
}

fn address<T: std::str::FromStr + ToString>(text: &str, form: &str) -> Result<RecordData, String> {
    let address = text.parse::<T>().map_err(|_| format!("{text:?} is not {form}"))?;
    Ok(RecordData::from(address.to_string()))
}

fn fields<'a, const COUNT: usize>(text: &'a str, form: &str) -> Result<[&'a str; COUNT], String> {
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    fields.try_into().map_err(|_| format!("{text:?} is not {form}"))
}

fn number(text: &str, what: &str) -> Result<u16, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits);
    number.ok_or_else(|| format!("{what} {text:?} is not a number from 0 to 65535"))
}

/// Text of a TXT record. On the wire, every string costs one byte more than it holds.
fn text(text: &str) -> Result<RecordData, String> {
    if text.len() + text.len().div_ceil(MAX_STRING).max(1) > MAX_DATA {
        return Err("the text is longer than a record can hold".to_owned());
    }
    Ok(RecordData { file: quote_text(text.as_bytes()), value: text.to_owned() })
}

/// `0 issue "ca.example.net"`, with the quotes or without.
fn authority(text: &str) -> Result<RecordData, String> {
    let form = || format!("{text:?} is not flags, tag and value, such as 0 issue \"ca.example.net\"");
    let (flags, rest) = text.split_once(' ').ok_or_else(form)?;
    let (tag, value) = rest.split_once(' ').ok_or_else(form)?;
    let flags = number(flags, "the flags")?;
    if flags > 255 {
        return Err(format!("the flags {flags} are not a number from 0 to 255"));
    }
    if !(1..=15).contains(&tag.len()) || !tag.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(format!("the tag {tag:?} is not made of letters and digits"));
    }
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    let plain = |byte: u8| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
    if value.len() > MAX_STRING || !value.bytes().all(plain) {
        return Err(format!("the value {value:?} holds what a CAA record cannot"));
    }
    Ok(RecordData::from(format!("{flags} {} {}", tag.to_ascii_lowercase(), quote(value.as_bytes()))))
}

/// Text as the strings of a zone file, each of at most 255 bytes.
fn quote_text(text: &[u8]) -> String {
    if text.is_empty() {
        return quote(text);
    }
    text.chunks(MAX_STRING).map(quote).collect::<Vec<_>>().join(" ")
}

/// One string of a zone file. The only place where text meets the syntax of zone files: all
/// that is not plain ASCII is written as `\DDD`.
fn quote(text: &[u8]) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for byte in text {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(*byte)]),
            0x20..0x7f => quoted.push(char::from(*byte)),
            _ => quoted.push_str(&format!("\\{byte:03}")),
        }
    }
    quoted.push('"');
    quoted
}

/// The data of a record that was read from a zone file.
pub fn from_file<Octets, N>(data: &ZoneRecordData<Octets, N>) -> RecordData
where
    Octets: AsRef<[u8]>,
    N: ToName,
{
    let host = |name: &N| name::dotted(&lower(name));
    match data {
        ZoneRecordData::Cname(cname) => RecordData::from(host(cname.cname())),
        ZoneRecordData::Ns(ns) => RecordData::from(host(ns.nsdname())),
        ZoneRecordData::Ptr(ptr) => RecordData::from(host(ptr.ptrdname())),
        ZoneRecordData::Mx(mx) => RecordData::from(format!("{} {}", mx.preference(), host(mx.exchange()))),
        ZoneRecordData::Srv(srv) => {
            let numbers = format!("{} {} {}", srv.priority(), srv.weight(), srv.port());
            RecordData::from(format!("{numbers} {}", host(srv.target())))
        }
        ZoneRecordData::Txt(txt) => {
            let strings: Vec<&[u8]> = txt.iter_charstrs().map(|string| string.as_slice()).collect();
            let value = String::from_utf8_lossy(&strings.concat()).into_owned();
            RecordData { file: strings.into_iter().map(quote).collect::<Vec<_>>().join(" "), value }
        }
        ZoneRecordData::Caa(caa) => {
            let tag = caa.tag().to_string().to_ascii_lowercase();
            RecordData::from(format!("{} {tag} {}", caa.flags().bits(), quote(caa.value().as_ref())))
        }
        ZoneRecordData::Unknown(data) => from_opaque(data),
        other => RecordData::from(other.display_zonefile(DisplayKind::Simple).to_string()),
    }
}

/// Data that is shown as people know it, and is in files as bytes (RFC 3597, 5).
fn from_opaque<Octets: AsRef<[u8]>>(data: &UnknownRecordData<Octets>) -> RecordData {
    let file = data.display_zonefile(DisplayKind::Simple).to_string();
    let octets = data.data().as_ref();
    let value = match data.rtype() {
        Rtype::LOC => location::text(octets),
        Rtype::DHCID => Some(BASE64_STANDARD.encode(octets)),
        _ => None,
    };
    RecordData { value: value.unwrap_or_else(|| file.clone()), file }
}

fn lower(name: &impl ToName) -> Name {
    name.to_canonical_name()
}
