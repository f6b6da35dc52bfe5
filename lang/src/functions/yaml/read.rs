//! From YAML to a value.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use crate::functions::date_and_time::Moment;
use crate::functions::encoding::decode_base64;
use crate::number::Number;
use crate::types::Type;
use crate::value::Value;

/// How deep sequences and mappings may be nested.
const MAX_DEPTH: usize = 256;

/// The most values that a document may hold, those of aliases counted each time, so that a
/// few lines of aliases of aliases cannot ask for gigabytes.
const MAX_VALUES: usize = 1_000_000;

/// The value of the only document in a text; null where there is none.
pub(super) fn document(text: &str) -> Result<Value, String> {
    let mut reader = Reader::of(text);
    let mut result = None;
    loop {
        match reader.next()? {
            (Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing, _) => {}
            (Event::StreamEnd, _) => return Ok(result.unwrap_or_else(|| Value::null(Type::Any))),
            (_, at) if result.is_some() => return Err(located(at, "unexpected extra content after value")),
            (event, at) => result = Some(reader.value(event, at, 0)?.value),
        }
    }
}

/// The values of all documents in a text, each with the line at which it begins, counted from one.
/// What is wrong says on which line of the text.
pub fn documents(text: &str) -> Result<Vec<(usize, Value)>, String> {
    let mut reader = Reader::of(text);
    let mut found = Vec::new();
    loop {
        match reader.next()? {
            (Event::StreamStart | Event::DocumentEnd | Event::Nothing, _) => {}
            // An anchor is known in its own document alone.
            (Event::DocumentStart(_), _) => reader.anchors.clear(),
            (Event::StreamEnd, _) => return Ok(found),
            (event, at) => found.push((at.line(), reader.value(event, at, 0)?.value)),
        }
    }
}

fn located(at: Marker, message: &str) -> String {
    format!("on line {}, column {}: {message}", at.line(), at.col() + 1)
}

/// A value with the number of values in it.
#[derive(Clone)]
struct Counted {
    value: Value,
    count: usize,
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    lines: Vec<&'a str>,
    /// How many brackets and braces are open.
    flow_depth: usize,
    anchors: HashMap<usize, Counted>,
    values: usize,
}

/// The entry of a mapping whose value's entries belong to the mapping itself.
const MERGE: &str = "<<";

impl<'a> Reader<'a> {
    fn of(text: &'a str) -> Self {
        Reader {
            parser: Parser::new_from_str(text),
            lines: text.lines().collect(),
            flow_depth: 0,
            anchors: HashMap::new(),
            values: 0,
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Marker), String> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, span.start)),
            Some(Err(error)) => Err(located(*error.marker(), error.info())),
            None => Ok((Event::StreamEnd, Marker::default())),
        }
    }

    fn value(&mut self, event: Event<'a>, at: Marker, depth: usize) -> Result<Counted, String> {
        if depth > MAX_DEPTH {
            return Err(located(at, &format!("nested more than {MAX_DEPTH} deep")));
        }
        self.refuse_tab_before(at)?;
        let before = self.values;
        self.values += 1;
        let (anchor, value) = match event {
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor).cloned();
                let known = known.ok_or_else(|| located(at, "alias of an anchor that is not complete"))?;
                self.values = before.saturating_add(known.count);
                (0, known.value)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref()).map_err(|message| located(at, &message))?;
                (anchor, value)
            }
            Event::SequenceStart(anchor, tag) => {
                collection_tag(tag.as_deref(), "seq").map_err(|message| located(at, &message))?;
                let in_brackets = usize::from(self.character(at) == Some('['));
                self.flow_depth += in_brackets;
                let sequence = self.sequence(depth)?;
                self.flow_depth -= in_brackets;
                (anchor, sequence)
            }
            Event::MappingStart(anchor, tag) => {
                collection_tag(tag.as_deref(), "map").map_err(|message| located(at, &message))?;
                let in_braces = usize::from(self.character(at) == Some('{'));
                self.flow_depth += in_braces;
                let mapping = self.mapping(depth)?;
                self.flow_depth -= in_braces;
                (anchor, mapping)
            }
            _ => return Err(located(at, "a value is expected")),
        };
        if self.values > MAX_VALUES {
            return Err(located(at, &format!("too many values: the document holds more than {MAX_VALUES}")));
        }
        let counted = Counted { value, count: self.values - before };
        if anchor > 0 {
            self.anchors.insert(anchor, counted.clone());
        }
        Ok(counted)
    }

    fn line(&self, at: Marker) -> &'a str {
        self.lines.get(at.line().saturating_sub(1)).copied().unwrap_or_default()
    }

    fn character(&self, at: Marker) -> Option<char> {
        self.line(at).chars().nth(at.col())
    }

    /// Outside of brackets, lines are indented with spaces; the parser is more lenient.
    fn refuse_tab_before(&self, at: Marker) -> Result<(), String> {
        let mut indent = self.line(at).chars().take(at.col());
        if self.flow_depth == 0 && indent.clone().all(char::is_whitespace) && indent.any(|c| c == '\t') {
            return Err(located(at, "a tab cannot indent a line"));
        }
        Ok(())
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, String> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::tuple(items)),
                (event, at) => items.push(self.value(event, at, depth + 1)?.value),
            }
        }
    }

    /// What a mapping says itself counts before what it merges in.
    fn mapping(&mut self, depth: usize) -> Result<Value, String> {
        let mut merged = Vec::new();
        let mut entries = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if event == Event::MappingEnd {
                merged.reverse();
                merged.extend(entries);
                return Ok(Value::object(merged));
            }
            let merges = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == MERGE);
            let key = self.value(event, at, depth + 1)?.value;
            let (event, value_at) = self.next()?;
            let value = self.value(event, value_at, depth + 1)?.value;
            if merges {
                merge(&value, &mut merged).ok_or_else(|| located(value_at, "only mappings can be merged"))?;
                continue;
            }
            let key = crate::convert::convert(&key, &Type::String).ok();
            let key = key.as_ref().and_then(Value::as_str);
            let key = key.ok_or_else(|| located(at, "a key must be a string, a number or a bool"))?;
            entries.push((key.to_owned(), value));
        }
    }
}

/// Adds the entries of a mapping, or of each in a sequence; the first of a name is to count.
fn merge(value: &Value, merged: &mut Vec<(String, Value)>) -> Option<()> {
    if let Some(items) = value.items() {
        return items.iter().try_for_each(|item| item.entries().and_then(|_| merge(item, merged)));
    }
    merged.extend(value.entries()?.iter().map(|(name, value)| (name.to_string(), value.clone())));
    Some(())
}

/// The name of a tag of YAML's own; `None` for no tag, an error for any other.
fn tag_name(tag: Option<&Tag>) -> Result<Option<&str>, String> {
    match tag {
        None => Ok(None),
        Some(tag) if tag.is_yaml_core_schema() => Ok(Some(&tag.suffix)),
        Some(tag) if tag.handle.is_empty() && tag.suffix == "!" => Ok(Some("str")),
        Some(tag) => Err(format!("unsupported tag {:?}", tag.to_string())),
    }
}

fn collection_tag(tag: Option<&Tag>, own: &str) -> Result<(), String> {
    match tag_name(tag)? {
        None => Ok(()),
        Some(name) if name == own => Ok(()),
        Some(name) => Err(format!("unsupported tag \"!!{name}\"")),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let tag = tag_name(tag)?;
    match tag {
        None | Some("str" | "bool" | "int" | "float" | "null" | "timestamp" | "binary") => {}
        Some(name) => return Err(format!("unsupported tag \"!!{name}\"")),
    }
    if tag == Some("binary") && decode_base64(text).is_none() {
        return Err("cannot parse as !!binary: not valid base64".to_owned());
    }
    if style != ScalarStyle::Plain || matches!(tag, Some("str" | "binary")) {
        return Ok(Value::string(text));
    }
    let refused = |name: &str| format!("cannot parse {text:?} as !!{name}");
    match tag {
        Some("null") => Ok(Value::null(Type::Any)),
        Some("bool") => word(text).filter(|word| word.as_bool().is_some()).ok_or_else(|| refused("bool")),
        Some(name @ ("int" | "float")) => number(text)?.ok_or_else(|| refused(name)),
        Some("timestamp") => timestamp(text).ok_or_else(|| refused("timestamp")),
        _ => match word(text).or_else(|| timestamp(text)) {
            Some(value) => Ok(value),
            None => Ok(number(text)?.unwrap_or_else(|| Value::string(text))),
        },
    }
}

/// The words that mean something without quotes.
fn word(text: &str) -> Option<Value> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(Value::TRUE),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(Value::FALSE),
        "" | "~" | "null" | "Null" | "NULL" => Some(Value::null(Type::Any)),
        _ => None,
    }
}

/// A number in the notation of YAML 1.2; an error for one that there is no value for.
fn number(text: &str) -> Result<Option<Value>, String> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return Err(format!("the number {text} is not supported"));
    }
    for (prefix, radix) in [("0o", 8), ("0x", 16)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            let plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
            let integer = i64::from_str_radix(digits, radix).ok().filter(|_| plain);
            return Ok(integer.map(Value::number));
        }
    }
    if !is_decimal(unsigned) {
        return Ok(None);
    }
    let number = text.parse::<Number>().map_err(|_| "a number is too large".to_owned())?;
    Ok(Some(Value::number(number)))
}

/// Digits with perhaps a fraction and an exponent.
fn is_decimal(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    if !exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))) {
        return false;
    }
    match mantissa.split_once('.') {
        None => digits(mantissa),
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
    }
}

/// A point in time, with parts of one digit and without a zone allowed, in the form of RFC
/// 3339 that the functions for time take.
fn timestamp(text: &str) -> Option<Value> {
    let begins_with_year =
        text.get(..4)?.bytes().all(|byte| byte.is_ascii_digit()) && text.as_bytes().get(4) == Some(&b'-');
    if !begins_with_year {
        return None;
    }
    let at = text.find(['T', 't', ' ']).unwrap_or(text.len());
    let (date, clock) = text.split_at(at);
    let date = padded(date, '-')?;
    let moment = match clock.chars().next() {
        None => format!("{date}T00:00:00Z"),
        Some(separator) => {
            let rest = &clock[1..];
            let end = rest.find(['.', 'Z', '+', '-']).unwrap_or(rest.len());
            let (clock, zone) = rest.split_at(end);
            // A moment with a space in the middle has no zone, all others must have one.
            let zone = if separator == ' ' { format!("{zone}Z") } else { zone.to_owned() };
            format!("{date}T{}{zone}", padded(clock, ':')?)
        }
    };
    Moment::parse(&moment).ok().map(|moment| Value::string(moment.to_rfc3339()))
}

/// Three numbers, those of one digit with a zero before them.
fn padded(text: &str, separator: char) -> Option<String> {
    let parts: Vec<&str> = text.split(separator).collect();
    if parts.len() != 3 || parts.iter().any(|part| part.is_empty()) {
        return None;
    }
    Some(parts.iter().map(|part| format!("{part:0>2}")).collect::<Vec<_>>().join(&separator.to_string()))
}
