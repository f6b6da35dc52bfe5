//! Text.
//!
//! Lengths and positions count what people see as characters: extended grapheme clusters.

use unicode_segmentation::UnicodeSegmentation;

use crate::limits::MAX_TEXT;
use crate::types::Type;
use crate::value::{Data, Value};

use super::call::{Call, CallError, collected, text};
use super::table::{Allows, Function};

/// The most spaces that `indent` puts before a line.
const MAX_INDENT: i64 = 1000;

pub(super) fn functions() -> Vec<Function> {
    use Type::{Bool, Number, String};
    let of_one = |name, doc| Function::new(name, doc).takes("str", String).gives(String);
    let of_two = |name, doc, second| Function::new(name, doc).takes("str", String).takes(second, String);
    vec![
        of_one("chomp", "The string without the line breaks at its end.").by(chomp),
        of_two("endswith", "Whether the string ends with another.", "suffix").gives(Bool).by(endswith),
        Function::new("indent", "The string with spaces put before each line but the first.")
            .takes("spaces", Number)
            .takes("str", String)
            .gives(String)
            .by(indent),
        Function::new("join", "The strings of all lists, put together with a separator between them.")
            .takes("separator", String)
            .takes_more("lists", Type::list(String), Allows::NOTHING)
            .gives(String)
            .by(join),
        of_one("lower", "The string in small letters.").by(lower),
        Function::new("split", "The parts of a string between the occurrences of a separator.")
            .takes("separator", String)
            .takes("str", String)
            .gives(Type::list(String))
            .by(split),
        Function::new("startswith", "Whether the string begins with another.")
            .takes_also("str", String, Allows::UNKNOWN)
            .takes("prefix", String)
            .gives(Bool)
            .by(startswith),
        of_two("strcontains", "Whether the string contains another.", "substr").gives(Bool).by(strcontains),
        of_one("strrev", "The string with its characters in reverse order.").by(strrev),
        Function::new("substr", "A part of a string, by the position of its first character and its length.")
            .takes("str", String)
            .takes("offset", Number)
            .takes("length", Number)
            .gives(String)
            .by(substr),
        of_one("title", "The string with the first letter of each word as a capital.").by(title),
        of_two("trim", "The string without the given characters at both ends.", "cutset").gives(String).by(trim),
        of_two("trimprefix", "The string without the given beginning.", "prefix").gives(String).by(trimprefix),
        of_one("trimspace", "The string without white space at both ends.").by(trimspace),
        of_two("trimsuffix", "The string without the given end.", "suffix").gives(String).by(trimsuffix),
        of_one("upper", "The string in capitals.").by(upper),
    ]
}

fn chomp(call: &Call<'_>) -> Result<Value, CallError> {
    text(call.text(0).trim_end_matches(['\r', '\n']))
}

fn endswith(call: &Call<'_>) -> Result<Value, CallError> {
    Ok(Value::bool(call.text(0).ends_with(call.text(1))))
}

/// The known beginning of an unknown string can decide.
fn startswith(call: &Call<'_>) -> Result<Value, CallError> {
    let prefix = call.text(1);
    match call.value(0).data() {
        Data::Unknown(unknown) if unknown.prefix.starts_with(prefix) => Ok(Value::TRUE),
        Data::Unknown(unknown) if !prefix.starts_with(&*unknown.prefix) => Ok(Value::FALSE),
        Data::Unknown(_) => Ok(call.unknown()),
        _ => Ok(Value::bool(call.text(0).starts_with(prefix))),
    }
}

fn strcontains(call: &Call<'_>) -> Result<Value, CallError> {
    Ok(Value::bool(call.text(0).contains(call.text(1))))
}

fn indent(call: &Call<'_>) -> Result<Value, CallError> {
    let spaces = call.whole(0)?;
    let spaces = usize::try_from(spaces)
        .ok()
        .filter(|_| spaces <= MAX_INDENT)
        .ok_or_else(|| CallError::new(format!("the number of spaces must be between 0 and {MAX_INDENT}")))?;
    let lines = call.text(1).matches('\n').count();
    if lines.saturating_mul(spaces) > MAX_TEXT {
        return Err(CallError::new("the result would be too long"));
    }
    text(call.text(1).replace('\n', &format!("\n{}", " ".repeat(spaces))))
}

fn join(call: &Call<'_>) -> Result<Value, CallError> {
    let Some(lists) = call.arguments.get(1..).filter(|lists| !lists.is_empty()) else {
        return Err(CallError::new("at least one list is required"));
    };
    if !lists.iter().all(Value::is_wholly_known) {
        return Ok(call.unknown());
    }
    let mut parts = Vec::new();
    for (position, list) in lists.iter().enumerate() {
        for (index, item) in list.items().unwrap_or_default().iter().enumerate() {
            let refused = || CallError::of(position + 1, format!("element {index} is null; cannot join null values"));
            parts.push(item.as_str().ok_or_else(refused)?);
        }
    }
    let separators = parts.len().saturating_mul(call.text(0).len());
    if parts.iter().map(|part| part.len()).sum::<usize>().saturating_add(separators) > MAX_TEXT {
        return Err(CallError::new("the result would be too long"));
    }
    text(parts.join(call.text(0)))
}

fn split(call: &Call<'_>) -> Result<Value, CallError> {
    let (separator, whole) = (call.text(0), call.text(1));
    let parts = match separator.is_empty() {
        true => collected(whole.chars().map(|character| Value::string(character.to_string())))?,
        false => collected(whole.split(separator).map(Value::string))?,
    };
    Ok(Value::list(Type::String, parts))
}

fn strrev(call: &Call<'_>) -> Result<Value, CallError> {
    text(call.text(0).graphemes(true).rev().collect::<String>())
}

/// A negative offset counts from the end; a negative length means all the rest.
fn substr(call: &Call<'_>) -> Result<Value, CallError> {
    let whole = call.text(0);
    let (offset, length) = (call.whole(1)?, call.whole(2)?);
    let from_end = offset < 0;
    let total = i64::try_from(whole.graphemes(true).count()).unwrap_or(i64::MAX);
    let start = if from_end { total.saturating_add(offset).max(0) } else { offset };
    // A length of zero from the end is all the rest, too: so the reference does it.
    let length = if length < 0 || (length == 0 && from_end) { total } else { length };
    let as_count = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    text(whole.graphemes(true).skip(as_count(start)).take(as_count(length)).collect::<String>())
}

/// The one character that Unicode maps a character to; characters that become several stay.
fn simple(mapped: impl Iterator<Item = char>, character: char) -> char {
    let mut mapped = mapped;
    match (mapped.next(), mapped.next()) {
        (Some(only), None) => only,
        _ => character,
    }
}

fn to_upper(character: char) -> char {
    simple(character.to_uppercase(), character)
}

fn to_lower(character: char) -> char {
    // The one character whose small form Unicode writes as two.
    if character == '\u{130}' { 'i' } else { simple(character.to_lowercase(), character) }
}

fn to_title(character: char) -> char {
    match character {
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        other => to_upper(other),
    }
}

fn lower(call: &Call<'_>) -> Result<Value, CallError> {
    text(call.text(0).chars().map(to_lower).collect::<String>())
}

fn upper(call: &Call<'_>) -> Result<Value, CallError> {
    text(call.text(0).chars().map(to_upper).collect::<String>())
}

fn title(call: &Call<'_>) -> Result<Value, CallError> {
    let mut previous = ' ';
    let mut result = String::with_capacity(call.text(0).len());
    for character in call.text(0).chars() {
        result.push(if separates_words(previous) { to_title(character) } else { character });
        previous = character;
    }
    text(result)
}

fn separates_words(character: char) -> bool {
    match character {
        '_' => false,
        _ if character.is_ascii() => !character.is_ascii_alphanumeric(),
        _ => !character.is_alphanumeric() && character.is_whitespace(),
    }
}

fn trim(call: &Call<'_>) -> Result<Value, CallError> {
    let cutset: Vec<char> = call.text(1).chars().collect();
    text(call.text(0).trim_matches(&cutset[..]))
}

fn trimprefix(call: &Call<'_>) -> Result<Value, CallError> {
    text(call.text(0).strip_prefix(call.text(1)).unwrap_or(call.text(0)))
}

fn trimspace(call: &Call<'_>) -> Result<Value, CallError> {
    text(call.text(0).trim())
}

fn trimsuffix(call: &Call<'_>) -> Result<Value, CallError> {
    text(call.text(0).strip_suffix(call.text(1)).unwrap_or(call.text(0)))
}
