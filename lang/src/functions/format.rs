//! `format` and `formatlist`: text with values in the places of verbs.
//!
//! A verb is `%`, flags (`0`, `-`, `+`, `#`, space), a width, a precision after a point, the
//! number of an argument in brackets, and a letter. Numbers are written as Go's `fmt` writes
//! arbitrary-precision ones; text is measured in grapheme clusters.

use unicode_segmentation::UnicodeSegmentation;

use crate::convert::convert;
use crate::limits::MAX_TEXT;
use crate::number::{Digits, Number};
use crate::types::Type;
use crate::value::{Data, Value};

use super::call::{Call, CallError};
use super::encoding::to_json_text;
use super::table::{Allows, Function};

/// The greatest width and precision.
const MAX_WIDTH: usize = 100_000;

pub(super) fn functions() -> Vec<Function> {
    use Type::{Any, String};
    vec![
        Function::new("format", "The text with the arguments in the places of its verbs.")
            .takes("format", String)
            .takes_more("args", Any, Allows::NULL)
            .gives_by(|_| Ok(String))
            .by(format),
        Function::new("formatlist", "One text for each element of the lists, with it in the places of the verbs.")
            .takes("format", String)
            .takes_more("args", Any, Allows::NULL.and(Allows::UNKNOWN))
            .gives_by(|_| Ok(Type::list(String)))
            .by(formatlist),
    ]
}

fn format(call: &Call<'_>) -> Result<Value, CallError> {
    let arguments = call.arguments.get(1..).unwrap_or_default();
    if !arguments.iter().all(Value::is_wholly_known) {
        return Ok(Value::unknown_not_null(Type::String));
    }
    Ok(Value::string(formatted(call.text(0), &arguments.iter().collect::<Vec<_>>())?))
}

fn formatlist(call: &Call<'_>) -> Result<Value, CallError> {
    let arguments = call.arguments.get(1..).unwrap_or_default();
    let length = common_length(arguments)?;
    if arguments.iter().any(is_open) {
        return Ok(Value::unknown_not_null(call.ty.clone()));
    }
    let mut results = Vec::new();
    let mut total = 0_usize;
    for index in 0..length.unwrap_or(1) {
        let pick = |argument| items_of(argument).and_then(|items| items.get(index)).unwrap_or(argument);
        let picked: Vec<&Value> = arguments.iter().map(pick).collect();
        if !picked.iter().all(|value| value.is_wholly_known()) {
            results.push(Value::unknown_not_null(Type::String));
            continue;
        }
        let text = formatted(call.text(0), &picked).map_err(|error| CallError {
            message: format!("error on format iteration {index}: {}", error.message),
            ..error
        })?;
        total = total.saturating_add(text.len());
        if total > MAX_TEXT {
            return Err(CallError::new("the result would be too long"));
        }
        results.push(Value::string(text));
    }
    Ok(Value::list(Type::String, results))
}

fn items_of(value: &Value) -> Option<&[Value]> {
    value.items()
}

/// Whether it is not known how many elements an argument stands for, or which.
fn is_open(argument: &Value) -> bool {
    match argument.data() {
        Data::Unknown(unknown) => {
            matches!(unknown.ty, Type::Any | Type::List(_) | Type::Set(_) | Type::Tuple(_))
        }
        Data::Set(set) => set.items.len() > 1 && !argument.is_wholly_known(),
        _ => false,
    }
}

/// The length that all lists among the arguments have; `None` where there is no list.
fn common_length(arguments: &[Value]) -> Result<Option<usize>, CallError> {
    let mut chosen: Option<(usize, usize)> = None;
    for (position, argument) in arguments.iter().enumerate() {
        let length = match (argument.data(), argument.ty()) {
            (Data::Unknown(_), Type::Tuple(types)) => Some(types.len()),
            _ => argument.items().map(<[Value]>::len),
        };
        let Some(length) = length else { continue };
        match chosen {
            None => chosen = Some((length, position)),
            Some((first, _)) if first == length => {}
            Some((first, at)) => {
                return Err(CallError::of(
                    position + 1,
                    format!(
                        "argument {} has length {length}, which is inconsistent with argument {} of length {first}",
                        position + 1,
                        at + 1
                    ),
                ));
            }
        }
    }
    Ok(chosen.map(|(length, _)| length))
}

/// One verb of a format.
#[derive(Debug, Default)]
struct Verb<'a> {
    raw: &'a str,
    offset: usize,
    zero: bool,
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    width: Option<usize>,
    precision: Option<usize>,
    /// From one; zero where the verb takes the next argument.
    argument: usize,
    mode: char,
}

/// The text of a format with arguments; their count must be what the format asks for.
fn formatted(format: &str, arguments: &[&Value]) -> Result<String, CallError> {
    let mut result = String::with_capacity(format.len());
    let (mut next, mut highest, mut offset) = (1, 0, 0);
    while let Some(at) = format[offset..].find('%') {
        result.push_str(&format[offset..offset + at]);
        offset += at;
        if format[offset..].starts_with("%%") {
            result.push('%');
            offset += 2;
            continue;
        }
        let verb = parse_verb(format, offset)?;
        offset += verb.raw.len();
        let number = if verb.argument == 0 { next } else { verb.argument };
        next = number + 1;
        highest = highest.max(number);
        let argument = number.checked_sub(1).and_then(|index| arguments.get(index)).ok_or_else(|| {
            CallError::new(format!(
                "not enough arguments for {:?} at {}: need index {number} but have {} total",
                verb.raw,
                verb.offset,
                arguments.len()
            ))
        })?;
        let text = write(&verb, argument, number)?;
        if result.len().saturating_add(text.len()) > MAX_TEXT {
            return Err(CallError::new("the result would be too long"));
        }
        result.push_str(&text);
    }
    result.push_str(&format[offset..]);
    if highest < arguments.len() {
        let message = match highest {
            0 => "too many arguments; no verbs in format string".to_owned(),
            used => format!("too many arguments; only {used} used by format string"),
        };
        return Err(CallError::of(highest + 1, message));
    }
    Ok(result)
}

fn parse_verb(format: &str, offset: usize) -> Result<Verb<'_>, CallError> {
    let mut verb = Verb { offset, ..Verb::default() };
    let text = &format[offset..];
    let mut rest = &text[1..];
    while let Some(flag) = rest.chars().next() {
        match flag {
            '0' => verb.zero = true,
            '-' => verb.minus = true,
            '+' => verb.plus = true,
            '#' => verb.sharp = true,
            ' ' => verb.space = true,
            _ => break,
        }
        rest = &rest[1..];
    }
    if rest.starts_with(|c: char| c.is_ascii_digit()) {
        verb.width = Some(count(&mut rest)?);
    }
    if let Some(after) = rest.strip_prefix('.') {
        rest = after;
        verb.precision = Some(count(&mut rest)?);
    }
    if let Some(after) = rest.strip_prefix('[') {
        rest = after;
        verb.argument = count(&mut rest)?;
        rest = rest
            .strip_prefix(']')
            .filter(|_| verb.argument > 0)
            .ok_or_else(|| CallError::new(format!("invalid argument index at offset {offset}")))?;
    }
    match rest.chars().next() {
        None => Err(CallError::new("unterminated verb at end of string")),
        Some(mode) if mode.is_ascii_alphabetic() => {
            verb.mode = mode;
            verb.raw = &text[..text.len() - rest.len() + 1];
            Ok(verb)
        }
        Some(other) => {
            let at = format.len() - rest.len();
            Err(CallError::new(format!("unrecognized format character {other:?} at offset {at}")))
        }
    }
}

fn count(rest: &mut &str) -> Result<usize, CallError> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, after) = rest.split_at(digits);
    *rest = after;
    if number.is_empty() {
        return Ok(0);
    }
    number
        .parse::<usize>()
        .ok()
        .filter(|number| *number <= MAX_WIDTH)
        .ok_or_else(|| CallError::new(format!("widths and precisions must not exceed {MAX_WIDTH}")))
}

fn write(verb: &Verb<'_>, argument: &Value, number: usize) -> Result<String, CallError> {
    let unsupported =
        |why: &str| CallError::new(format!("unsupported value for {:?} at {}: {why}", verb.raw, verb.offset));
    if verb.mode != 'v' && argument.is_null() {
        return Err(unsupported("null value cannot be formatted"));
    }
    let to = |ty: Type| {
        convert(argument, &ty).map_err(|error| CallError { argument: Some(number), ..unsupported(&error.to_string()) })
    };
    match verb.mode {
        'v' => Ok(padded(verb, as_is(verb, argument))),
        't' => Ok(padded(verb, to(Type::Bool)?.as_bool().unwrap_or_default().to_string())),
        'b' | 'd' | 'o' | 'x' | 'X' => {
            let number = to(Type::Number)?;
            write_integer(verb, number.as_number().unwrap_or(&Number::ZERO))
                .ok_or_else(|| unsupported("an integer is required"))
        }
        'e' | 'E' | 'f' | 'g' | 'G' => {
            let number = to(Type::Number)?;
            Ok(write_float(verb, number.as_number().unwrap_or(&Number::ZERO)))
        }
        's' | 'q' => {
            let value = to(Type::String)?;
            let text = cut(verb, value.as_str().unwrap_or_default());
            Ok(padded(verb, if verb.mode == 'q' { to_json_text(&Value::string(text)) } else { text.to_owned() }))
        }
        mode => {
            Err(CallError::new(format!("unsupported format verb {mode:?} in {:?} at offset {}", verb.raw, verb.offset)))
        }
    }
}

fn as_is(verb: &Verb<'_>, argument: &Value) -> String {
    match argument.data() {
        Data::String(text) if !verb.sharp => text.to_string(),
        Data::Number(number) if !verb.sharp => {
            let digits = number.shortest_digits();
            signed(&digits, general(digits.clone(), None, 'e'))
        }
        _ => to_json_text(argument),
    }
}

fn signed(digits: &Digits, magnitude: String) -> String {
    if digits.negative { format!("-{magnitude}") } else { magnitude }
}

/// The first characters of a text, as many as the precision says.
fn cut<'a>(verb: &Verb<'_>, text: &'a str) -> &'a str {
    let Some(precision) = verb.precision.filter(|precision| *precision > 0) else { return text };
    text.grapheme_indices(true).nth(precision).map_or(text, |(at, _)| &text[..at])
}

fn padded(verb: &Verb<'_>, text: String) -> String {
    let Some(width) = verb.width else { return text };
    // No more is counted than is asked for.
    let missing = width - text.graphemes(true).take(width).count();
    let padding = if verb.zero && !verb.minus { "0" } else { " " }.repeat(missing);
    if verb.minus { text + &padding } else { padding + &text }
}

fn sign(verb: &Verb<'_>, negative: bool) -> &'static str {
    match (negative, verb.plus, verb.space) {
        (true, ..) => "-",
        (_, true, _) => "+",
        (_, _, true) => " ",
        _ => "",
    }
}

/// `None` for a number that is not whole.
fn write_integer(verb: &Verb<'_>, number: &Number) -> Option<String> {
    let integer = number.to_integer()?;
    let negative = number.is_negative();
    let magnitude = if negative { -integer } else { integer };
    let (radix, prefix) = match verb.mode {
        'b' => (2, "0b"),
        'o' => (8, "0"),
        'x' => (16, "0x"),
        'X' => (16, "0X"),
        _ => (10, ""),
    };
    let mut digits = magnitude.in_radix(radix).to_string();
    if verb.mode == 'X' {
        digits.make_ascii_uppercase();
    }
    let prefix = if verb.sharp { prefix } else { "" };
    if verb.precision == Some(0) && digits == "0" {
        return Some(String::new());
    }
    let sign = sign(verb, negative);
    let mut zeros = verb.precision.unwrap_or(0).saturating_sub(digits.len());
    let length = sign.len() + prefix.len() + zeros + digits.len();
    let missing = verb.width.unwrap_or(0).saturating_sub(length);
    let (mut left, mut right) = (0, 0);
    if verb.minus {
        right = missing;
    } else if verb.zero && verb.precision.is_none() {
        zeros = missing;
    } else {
        left = missing;
    }
    Some(format!("{}{sign}{prefix}{}{digits}{}", " ".repeat(left), "0".repeat(zeros), " ".repeat(right)))
}

fn write_float(verb: &Verb<'_>, number: &Number) -> String {
    let digits = number.exact_digits();
    let negative = digits.negative;
    let body = match verb.mode {
        'f' => fixed(
            rounded(digits, |point, places| point + places, verb.precision.unwrap_or(6)),
            verb.precision.unwrap_or(6),
        ),
        'e' | 'E' => {
            let precision = verb.precision.unwrap_or(6);
            exponential(&rounded(digits, |_, places| 1 + places, precision), precision, verb.mode)
        }
        mode => {
            let exponent = if mode == 'G' { 'E' } else { 'e' };
            match verb.precision {
                None => general(number.shortest_digits(), None, exponent),
                Some(precision) => {
                    let precision = precision.max(1);
                    general(rounded(digits, |_, places| places, precision), Some(precision), exponent)
                }
            }
        }
    };
    let sign = sign(verb, negative);
    let missing = verb.width.unwrap_or(0).saturating_sub(sign.len() + body.len());
    if verb.minus {
        format!("{sign}{body}{}", " ".repeat(missing))
    } else if verb.zero {
        format!("{sign}{}{body}", "0".repeat(missing))
    } else {
        format!("{}{sign}{body}", " ".repeat(missing))
    }
}

/// Rounds to the number of digits that `kept` says, half to even.
fn rounded(mut digits: Digits, kept: impl Fn(i64, i64) -> i64, precision: usize) -> Digits {
    let kept = kept(digits.point, i64::try_from(precision).unwrap_or(i64::MAX));
    let Ok(kept) = usize::try_from(kept) else { return digits };
    let Some(first_cut) = digits.digits.get(kept).copied() else { return digits };
    let half_way = first_cut == b'5' && kept + 1 == digits.digits.len();
    let up = match (half_way, kept.checked_sub(1).and_then(|last| digits.digits.get(last))) {
        (true, Some(last)) => (last - b'0') % 2 == 1,
        (true, None) => false,
        (false, _) => first_cut >= b'5',
    };
    digits.digits.truncate(kept);
    if up {
        while digits.digits.last() == Some(&b'9') {
            digits.digits.pop();
        }
        match digits.digits.last_mut() {
            Some(last) => *last += 1,
            None => {
                digits.digits.push(b'1');
                digits.point += 1;
            }
        }
    }
    while digits.digits.last() == Some(&b'0') {
        digits.digits.pop();
    }
    if digits.digits.is_empty() {
        digits.point = 0;
    }
    digits
}

fn digit_at(digits: &Digits, position: i64) -> char {
    let digit = usize::try_from(position).ok().and_then(|position| digits.digits.get(position));
    char::from(digit.copied().unwrap_or(b'0'))
}

fn fixed(digits: Digits, precision: usize) -> String {
    let mut text: String = (0..digits.point).map(|position| digit_at(&digits, position)).collect();
    if text.is_empty() {
        text.push('0');
    }
    if precision > 0 {
        text.push('.');
        let places = i64::try_from(precision).unwrap_or(i64::MAX);
        text.extend((0..places).map(|place| digit_at(&digits, digits.point + place)));
    }
    text
}

fn exponential(digits: &Digits, precision: usize, exponent: char) -> String {
    let mut text = String::from(digit_at(digits, 0));
    if precision > 0 {
        text.push('.');
        let places = i64::try_from(precision).unwrap_or(i64::MAX);
        text.extend((1..=places).map(|place| digit_at(digits, place)));
    }
    let power = if digits.digits.is_empty() { 0 } else { digits.point - 1 };
    let sign = if power < 0 { '-' } else { '+' };
    format!("{text}{exponent}{sign}{:02}", power.unsigned_abs())
}

/// With an exponent where that is below -4 or not below the precision; no zeros at the end.
fn general(digits: Digits, precision: Option<usize>, exponent: char) -> String {
    let length = i64::try_from(digits.digits.len()).unwrap_or(i64::MAX);
    let as_count = |number: i64| usize::try_from(number).unwrap_or(0);
    let wanted = precision.map_or(length, |precision| i64::try_from(precision).unwrap_or(i64::MAX));
    let greatest = match precision {
        None => 6,
        Some(_) if wanted > length && length >= digits.point => length,
        Some(_) => wanted,
    };
    let power = digits.point - 1;
    if power < -4 || power >= greatest {
        return exponential(&digits, as_count(wanted.min(length) - 1), exponent);
    }
    let shown = if wanted > digits.point { length } else { wanted };
    let places = as_count(shown - digits.point);
    fixed(digits, places)
}
