//! Encodings of text and data: base64, URL, JSON, CSV, character sets.

use std::collections::HashSet;
use std::io::Write;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use encoding_rs::Encoding;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::limits::{BYTES_PER_PART, MAX_SIZE, MAX_TEXT};
use crate::number::Number;
use crate::types::Type;
use crate::value::{Data, Unknown, Value};

use super::call::{Call, CallError, collected, text};
use super::table::{Allows, Function};

pub(super) fn functions() -> Vec<Function> {
    use Type::{Any, String};
    let of_text = |name, doc| Function::new(name, doc).takes("str", String).gives(String);
    let anything = Allows::NULL.and(Allows::UNKNOWN).and(Allows::ANY);
    vec![
        of_text("base64decode", "The text whose bytes a string gives in base64.").by(base64decode),
        of_text("base64encode", "The bytes of a text in base64.").by(|call| text(STANDARD.encode(call.text(0)))),
        of_text("base64gzip", "The bytes of a text, compressed with gzip, in base64.").by(base64gzip),
        Function::new("csvdecode", "The rows of a table in CSV, as objects with the names of its first row.")
            .takes("str", String)
            .gives(Any)
            .by(csvdecode),
        Function::new("jsondecode", "The value that a string gives in JSON.")
            .takes("str", String)
            .gives(Any)
            .may_be_null()
            .by(|call| from_json_text(call.text(0))),
        Function::new("jsonencode", "A value in JSON.").takes_also("val", Any, anything).gives(String).by(jsonencode),
        Function::new("textdecodebase64", "The text whose bytes in a character set a string gives in base64.")
            .takes("source", String)
            .takes("encoding", String)
            .gives(String)
            .by(textdecodebase64),
        Function::new("textencodebase64", "The bytes of a text in a character set, in base64.")
            .takes("string", String)
            .takes("encoding", String)
            .gives(String)
            .by(textencodebase64),
        of_text("urlencode", "The text as it may stand in the query of a URL.").by(urlencode),
    ]
}

/// Base64 that may be broken into lines; bits that pad the last character may be anything.
pub(super) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
    let unbroken: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    GeneralPurpose::new(&base64::alphabet::STANDARD, config).decode(unbroken).ok()
}

fn base64decode(call: &Call<'_>) -> Result<Value, CallError> {
    let bytes = decode_base64(call.text(0))
        .ok_or_else(|| CallError::new(format!("failed to decode base64 data {}", call.shown(call.text(0)))))?;
    let decoded = String::from_utf8(bytes).map_err(|_| {
        CallError::new("the result of decoding the string is not valid UTF-8; textdecodebase64 knows other encodings")
    })?;
    text(decoded)
}

fn base64gzip(call: &Call<'_>) -> Result<Value, CallError> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let compressed = encoder.write_all(call.text(0).as_bytes()).and_then(|()| encoder.finish());
    text(STANDARD.encode(compressed.map_err(|error| CallError::new(format!("failed to compress: {error}")))?))
}

fn urlencode(call: &Call<'_>) -> Result<Value, CallError> {
    let mut encoded = String::with_capacity(call.text(0).len());
    for byte in call.text(0).bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            b' ' => encoded.push('+'),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    text(encoded)
}

/// A value as compact JSON: names sorted, numbers exact, and `<`, `>` and `&` escaped so that
/// the text can stand in HTML. Unknown values become null.
pub(super) fn to_json_text(value: &Value) -> String {
    let mut text = String::new();
    write_json(value, &mut text);
    text
}

fn write_json(value: &Value, text: &mut String) {
    if text.len() > MAX_TEXT {
        // It will be refused as it is.
        return;
    }
    match value.data() {
        Data::Null(_) | Data::Unknown(_) => text.push_str("null"),
        Data::Bool(bool) => text.push_str(if *bool { "true" } else { "false" }),
        Data::Number(number) => text.push_str(&number.to_string()),
        Data::String(string) => write_json_string(string, text),
        Data::List(_) | Data::Set(_) | Data::Tuple(_) => {
            text.push('[');
            for (index, item) in value.items().unwrap_or_default().iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_json(item, text);
            }
            text.push(']');
        }
        Data::Map(_) | Data::Object(_) => {
            text.push('{');
            for (index, (name, value)) in value.entries().into_iter().flat_map(|e| e.iter()).enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_json_string(name, text);
                text.push(':');
                write_json(value, text);
            }
            text.push('}');
        }
    }
}

fn write_json_string(string: &str, text: &mut String) {
    text.push('"');
    for character in string.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                text.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            other => text.push(other),
        }
    }
    text.push('"');
}

/// Of a value that is not wholly known, how its JSON begins is known.
fn jsonencode(call: &Call<'_>) -> Result<Value, CallError> {
    let value = call.value(0);
    if value.is_wholly_known() {
        return text(to_json_text(&value));
    }
    let may_be_null = matches!(value.data(), Data::Unknown(unknown) if !unknown.not_null);
    let prefix = match value.ty() {
        _ if may_be_null => "",
        Type::String => "\"",
        Type::Map(_) | Type::Object(_) => "{",
        Type::List(_) | Type::Set(_) | Type::Tuple(_) => "[",
        _ => "",
    };
    Ok(Value::unknown_with(Unknown { ty: Type::String, not_null: true, prefix: prefix.into(), ..Unknown::default() }))
}

fn from_json_text(text: &str) -> Result<Value, CallError> {
    // A comma stands between any two values, so there are not many more of these.
    let values = text.bytes().filter(|byte| *byte == b',').count() as u64;
    if values * u64::from(BYTES_PER_PART) > MAX_SIZE {
        return Err(CallError::new("the JSON holds too many values"));
    }
    let json: serde_json::Value =
        serde_json::from_str(text).map_err(|error| CallError::new(format!("invalid JSON: {error}")))?;
    from_json(&json)
}

/// Arrays become tuples and objects objects; a number that is too large is an error.
fn from_json(json: &serde_json::Value) -> Result<Value, CallError> {
    Ok(match json {
        serde_json::Value::Null => Value::null(Type::Any),
        serde_json::Value::Bool(bool) => Value::bool(*bool),
        serde_json::Value::Number(number) => Value::number(
            number
                .to_string()
                .parse::<Number>()
                .map_err(|_| CallError::new("the JSON holds a number that is too large"))?,
        ),
        serde_json::Value::String(text) => Value::string(text.as_str()),
        serde_json::Value::Array(items) => Value::tuple(items.iter().map(from_json).collect::<Result<Vec<_>, _>>()?),
        serde_json::Value::Object(entries) => Value::object(
            entries
                .iter()
                .map(|(name, value)| Ok((Value::string(name.as_str()), from_json(value)?)))
                .map(|entry: Result<(Value, Value), CallError>| {
                    entry.map(|(name, value)| (name.as_str().unwrap_or_default().to_owned(), value))
                })
                .collect::<Result<Vec<_>, _>>()?,
        ),
    })
}

/// A character set by its registered name.
enum Charset {
    Latin1,
    Ascii,
    Utf16 { little: bool, marked: bool },
    Other(&'static Encoding),
}

/// Names are those of the IANA registry; some mean something else on the web, and the engine
/// at hand knows the web's.
fn charset(name: &str) -> Option<Charset> {
    Some(match name.to_ascii_lowercase().as_str() {
        "iso-8859-1" | "iso_8859-1" | "latin1" | "l1" | "ibm819" | "cp819" | "iso-ir-100" => Charset::Latin1,
        "us-ascii" | "ascii" | "iso646-us" | "ansi_x3.4-1968" | "us" => Charset::Ascii,
        "utf-16" => Charset::Utf16 { little: false, marked: true },
        "utf-16be" => Charset::Utf16 { little: false, marked: false },
        "utf-16le" => Charset::Utf16 { little: true, marked: false },
        "cp936" | "ms936" | "windows-936" => Charset::Other(encoding_rs::GBK),
        "replacement" | "x-user-defined" => return None,
        other => Charset::Other(Encoding::for_label_no_replacement(other.as_bytes())?),
    })
}

fn encode_text(text: &str, charset: &Charset) -> Option<Vec<u8>> {
    match charset {
        Charset::Latin1 => text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect(),
        Charset::Ascii => text.is_ascii().then(|| text.as_bytes().to_vec()),
        Charset::Utf16 { little, marked } => {
            let units = marked.then_some(0xfeff).into_iter().chain(text.encode_utf16());
            Some(units.flat_map(|unit: u16| if *little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect())
        }
        Charset::Other(encoding) => {
            let (bytes, _, lossy) = encoding.encode(text);
            (!lossy).then(|| bytes.into_owned())
        }
    }
}

fn decode_text(bytes: &[u8], charset: &Charset) -> Option<String> {
    match charset {
        Charset::Latin1 => Some(bytes.iter().copied().map(char::from).collect()),
        Charset::Ascii => String::from_utf8(bytes.to_vec()).ok().filter(|text| text.is_ascii()),
        Charset::Utf16 { little, marked } => decode_utf16(bytes, *little, *marked),
        Charset::Other(encoding) => {
            let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?.into_owned();
            // The web reads bytes that a Windows code page leaves open as control characters.
            let open = encoding.name().starts_with("windows-") && text.contains(|c| ('\u{80}'..='\u{9f}').contains(&c));
            (!open).then_some(text)
        }
    }
}

fn decode_utf16(bytes: &[u8], little: bool, marked: bool) -> Option<String> {
    let (bytes, little) = match bytes {
        [0xff, 0xfe, rest @ ..] if marked => (rest, true),
        [0xfe, 0xff, rest @ ..] if marked => (rest, false),
        other => (other, little),
    };
    let (pairs, []) = bytes.as_chunks::<2>() else { return None };
    let units = pairs.iter().map(|pair| if little { u16::from_le_bytes(*pair) } else { u16::from_be_bytes(*pair) });
    char::decode_utf16(units).collect::<Result<String, _>>().ok()
}

fn unknown_charset(call: &Call<'_>) -> CallError {
    CallError::of(1, format!("{} is not a supported IANA encoding name", call.shown(call.text(1))))
}

fn textencodebase64(call: &Call<'_>) -> Result<Value, CallError> {
    let charset = charset(call.text(1)).ok_or_else(|| unknown_charset(call))?;
    let bytes = encode_text(call.text(0), &charset)
        .ok_or_else(|| CallError::of(0, "contains characters that the encoding cannot represent"))?;
    text(STANDARD.encode(bytes))
}

fn textdecodebase64(call: &Call<'_>) -> Result<Value, CallError> {
    let charset = charset(call.text(1)).ok_or_else(|| unknown_charset(call))?;
    let bytes = decode_base64(call.text(0)).ok_or_else(|| CallError::of(0, "is not valid base64"))?;
    let decoded = decode_text(&bytes, &charset)
        .ok_or_else(|| CallError::of(0, "contains bytes that mean nothing in the encoding"))?;
    text(decoded)
}

fn csvdecode(call: &Call<'_>) -> Result<Value, CallError> {
    let (header, rows) = table(call.text(0))?;
    let element = Type::object(header.iter().map(|name| (name.clone(), Type::String)));
    let object = |row: Vec<String>| Value::object(header.iter().cloned().zip(row.into_iter().map(Value::string)));
    Ok(Value::list(element, collected(rows.into_iter().map(object))?))
}

/// The names of the columns, and the rows.
type Table = (Vec<Arc<str>>, Vec<Vec<String>>);

fn table(text: &str) -> Result<Table, CallError> {
    let mut records = records(text)?.into_iter();
    let (_, header) = records.next().ok_or_else(|| CallError::new("missing header line"))?;
    let mut names = HashSet::new();
    if let Some(name) = header.iter().find(|name| !names.insert(name.as_str())) {
        return Err(CallError::new(format!("duplicate column name {name:?}")));
    }
    let mut rows = Vec::new();
    for (line, record) in records {
        if record.len() != header.len() {
            return Err(CallError::new(format!("wrong number of fields on line {line}")));
        }
        rows.push(record);
    }
    Ok((header.into_iter().map(Arc::from).collect(), rows))
}

/// The records of a table in the form of RFC 4180 with the lines on which they begin. Empty
/// lines are passed over; a quote may stand only around or, doubled, in a quoted field.
fn records(text: &str) -> Result<Vec<(usize, Vec<String>)>, CallError> {
    let text = text.replace("\r\n", "\n");
    let mut records = Vec::new();
    let mut rest = text.as_str();
    let mut line = 1;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('\n') {
            rest = after;
            line += 1;
            continue;
        }
        let begun = line;
        let mut fields = Vec::new();
        loop {
            let (field, after) = field(rest, line)?;
            line += field.matches('\n').count();
            fields.push(field);
            rest = after;
            match rest.strip_prefix(',') {
                Some(after) => rest = after,
                None => break,
            }
        }
        records.push((begun, fields));
        if let Some(after) = rest.strip_prefix('\n') {
            rest = after;
            line += 1;
        }
    }
    Ok(records)
}

/// One field, and what follows it: a comma, the end of the line or nothing.
fn field(rest: &str, line: usize) -> Result<(String, &str), CallError> {
    let Some(mut quoted) = rest.strip_prefix('"') else {
        let end = rest.find([',', '\n']).unwrap_or(rest.len());
        let (field, after) = rest.split_at(end);
        if field.contains('"') {
            return Err(CallError::new(format!("parse error on line {line}: bare \" in a field that is not quoted")));
        }
        return Ok((field.to_owned(), after));
    };
    let unbalanced = || CallError::new(format!("parse error on line {line}: extraneous or missing \" in quoted field"));
    let mut field = String::new();
    loop {
        let (text, after) = quoted.split_once('"').ok_or_else(unbalanced)?;
        field.push_str(text);
        match after.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                quoted = after;
            }
            None if after.is_empty() || after.starts_with([',', '\n']) => return Ok((field, after)),
            None => return Err(unbalanced()),
        }
    }
}
