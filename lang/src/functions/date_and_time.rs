//! Points in time, as text in the form of RFC 3339.

use jiff::SignedDuration;
use jiff::civil::DateTime;

use crate::types::Type;
use crate::value::Value;

use super::call::{Call, CallError, text};
use super::table::Function;

pub(super) fn functions() -> Vec<Function> {
    use Type::{Number, String};
    vec![
        Function::new("formatdate", "A point in time in a format of one's own.")
            .takes("format", String)
            .takes("time", String)
            .gives(String)
            .by(formatdate),
        Function::new("plantimestamp", "The time of the plan.").gives(String).by(plantimestamp),
        Function::new("timeadd", "A point in time moved by a duration such as 1h30m.")
            .takes("timestamp", String)
            .takes("duration", String)
            .gives(String)
            .by(timeadd),
        Function::new("timecmp", "-1, 0 or 1: whether a point in time lies before, at or after another.")
            .takes("timestamp_a", String)
            .takes("timestamp_b", String)
            .gives(Number)
            .by(timecmp),
        Function::new("timestamp", "The time of the run; known only after apply.").gives(String).by(timestamp),
    ]
}

fn plantimestamp(call: &Call<'_>) -> Result<Value, CallError> {
    call.host.plan_time().map_or_else(|| Ok(call.unknown()), text)
}

fn timestamp(call: &Call<'_>) -> Result<Value, CallError> {
    call.host.now().map_or_else(|| Ok(call.unknown()), text)
}

/// A point in time as it was written: the clock of a place, and its distance from UTC.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    local: DateTime,
    offset_seconds: i64,
}

/// Reads digits at a fixed place.
fn number_at(text: &str, from: usize, to: usize) -> Option<i16> {
    let digits = text.get(from..to)?;
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

fn byte_at(text: &str, at: usize, allowed: &[u8]) -> Option<u8> {
    text.as_bytes().get(at).copied().filter(|byte| allowed.contains(byte))
}

impl Moment {
    /// The moment that a text in the form of RFC 3339 says; an error in words otherwise.
    pub(super) fn parse(text: &str) -> Result<Moment, String> {
        Moment::read(text).ok_or_else(|| {
            "not a valid RFC 3339 timestamp: it must have the form 2006-01-02T15:04:05Z or 2006-01-02T15:04:05+07:00"
                .to_owned()
        })
    }

    fn read(text: &str) -> Option<Moment> {
        let small = |from, to| number_at(text, from, to).and_then(|number| i8::try_from(number).ok());
        let year = number_at(text, 0, 4)?;
        byte_at(text, 4, b"-")?;
        byte_at(text, 7, b"-")?;
        byte_at(text, 10, b"T")?;
        byte_at(text, 13, b":")?;
        byte_at(text, 16, b":")?;
        let (fraction, zone) = fraction_and_zone(text.get(19..)?)?;
        let local = DateTime::new(
            year,
            small(5, 7)?,
            small(8, 10)?,
            small(11, 13)?,
            small(14, 16)?,
            small(17, 19).filter(|second| *second < 60)?,
            fraction,
        )
        .ok()?;
        Some(Moment { local, offset_seconds: offset(zone)? })
    }

    fn zone(&self, utc: &str, separator: &str) -> String {
        if self.offset_seconds == 0 && !utc.is_empty() {
            return utc.to_owned();
        }
        let sign = if self.offset_seconds < 0 { '-' } else { '+' };
        let minutes = self.offset_seconds.unsigned_abs() / 60;
        format!("{sign}{:02}{separator}{:02}", minutes / 60, minutes % 60)
    }

    /// In the form of RFC 3339, to the second.
    pub(super) fn to_rfc3339(self) -> String {
        let t = self.local;
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}",
            t.year(),
            t.month(),
            t.day(),
            t.hour(),
            t.minute(),
            t.second(),
            self.zone("Z", ":")
        )
    }

    /// Nanoseconds since the beginning of the calendar, at UTC.
    fn instant(&self) -> i128 {
        let since = self.local.duration_since(DateTime::ZERO);
        since.as_nanos() - i128::from(self.offset_seconds) * 1_000_000_000
    }
}

/// Nanoseconds after the point, and what follows them.
fn fraction_and_zone(text: &str) -> Option<(i32, &str)> {
    let Some(rest) = text.strip_prefix(['.', ',']) else { return Some((0, text)) };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (fraction, zone) = rest.split_at(digits);
    let nanoseconds: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    if fraction.is_empty() { None } else { Some((nanoseconds.parse().ok()?, zone)) }
}

fn offset(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = if byte_at(zone, 0, b"+-")? == b'-' { -1 } else { 1 };
    byte_at(zone, 3, b":")?;
    let hours = number_at(zone, 1, 3).filter(|hours| *hours <= 24)?;
    let minutes = number_at(zone, 4, 6).filter(|minutes| *minutes < 60)?;
    (zone.len() == 6).then_some(sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60))
}

fn timeadd(call: &Call<'_>) -> Result<Value, CallError> {
    let moment = Moment::parse(call.text(0)).map_err(CallError::new)?;
    let duration = duration(call.text(1))
        .ok_or_else(|| CallError::new("not a valid duration: it must have a form such as 1h30m, -2h or 1.5s"))?;
    let local = moment
        .local
        .checked_add(duration)
        .ok()
        .filter(|local| local.year() >= 0)
        .ok_or_else(|| CallError::new("the result is not between the years 0 and 9999"))?;
    text(Moment { local, ..moment }.to_rfc3339())
}

/// A sum of decimal numbers with units, as Go writes durations.
fn duration(text: &str) -> Option<SignedDuration> {
    let (negative, mut rest) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    let mut total: i128 = 0;
    loop {
        let number = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        let (number, after) = rest.split_at(number);
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        total = total.checked_add(nanoseconds(number, unit)?)?;
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    let total = i64::try_from(if negative { -total } else { total }).ok()?;
    Some(SignedDuration::from_nanos(total))
}

fn nanoseconds(number: &str, unit: &str) -> Option<i128> {
    let unit: i128 = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || whole.len() > 19 {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut total = whole.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.bytes().take(15) {
        place /= 10;
        total = total.checked_add(i128::from(digit - b'0') * place)?;
    }
    Some(total)
}

fn timecmp(call: &Call<'_>) -> Result<Value, CallError> {
    let left = Moment::parse(call.text(0)).map_err(|message| CallError::of(0, message))?;
    let right = Moment::parse(call.text(1)).map_err(|message| CallError::of(1, message))?;
    Ok(Value::number(left.instant().cmp(&right.instant()) as i32))
}

fn formatdate(call: &Call<'_>) -> Result<Value, CallError> {
    let moment = Moment::parse(call.text(1)).map_err(|message| CallError::of(1, message))?;
    let mut result = String::new();
    let mut rest = call.text(0);
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            rest = literal(&rest[1..], &mut result)?;
        } else if first.is_ascii_alphabetic() {
            let length = rest.bytes().take_while(|byte| char::from(*byte) == first).count();
            result.push_str(&part(&moment, &rest[..length])?);
            rest = &rest[length..];
        } else {
            result.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    text(result)
}

/// Text up to the closing quote; two quotes stand for one. Returns what follows.
fn literal<'a>(mut rest: &'a str, result: &mut String) -> Result<&'a str, CallError> {
    loop {
        let Some((text, after)) = rest.split_once('\'') else {
            return Err(CallError::of(0, "unterminated literal: a closing ' is missing"));
        };
        result.push_str(text);
        match after.strip_prefix('\'') {
            Some(after) => {
                result.push('\'');
                rest = after;
            }
            None => return Ok(after),
        }
    }
}

fn part(moment: &Moment, verb: &str) -> Result<String, CallError> {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let t = moment.local;
    let month = usize::try_from(t.month() - 1).ok().and_then(|at| MONTHS.get(at)).copied().unwrap_or_default();
    let day = usize::try_from(t.weekday().to_monday_zero_offset()).ok().and_then(|at| DAYS.get(at)).copied();
    let day = day.unwrap_or_default();
    let half = if t.hour() % 12 == 0 { 12 } else { t.hour() % 12 };
    Ok(match verb {
        "YYYY" => format!("{:04}", t.year()),
        "YY" => format!("{:02}", t.year() % 100),
        "MMMM" => month.to_owned(),
        "MMM" => month[..3].to_owned(),
        "MM" => format!("{:02}", t.month()),
        "M" => t.month().to_string(),
        "DD" => format!("{:02}", t.day()),
        "D" => t.day().to_string(),
        "EEEE" => day.to_owned(),
        "EEE" => day[..3].to_owned(),
        "hh" => format!("{:02}", t.hour()),
        "h" => t.hour().to_string(),
        "HH" => format!("{half:02}"),
        "H" => half.to_string(),
        "AA" => if t.hour() < 12 { "AM" } else { "PM" }.to_owned(),
        "aa" => if t.hour() < 12 { "am" } else { "pm" }.to_owned(),
        "mm" => format!("{:02}", t.minute()),
        "m" => t.minute().to_string(),
        "ss" => format!("{:02}", t.second()),
        "s" => t.second().to_string(),
        "ZZZZZ" => moment.zone("", ":"),
        "ZZZZ" => moment.zone("", ""),
        "ZZZ" => moment.zone("UTC", ""),
        "Z" => moment.zone("Z", ":"),
        _ => return Err(CallError::of(0, format!("invalid date format verb {verb:?}; literal text is put in quotes"))),
    })
}
