//! Regular expressions, and `replace`, which takes one between slashes.
//!
//! The syntax is RE2's. The engine at hand reads nearly the same; [`translated`] rewrites
//! what it would read differently: classes such as `\d` mean ASCII, brackets and ampersands
//! in a class mean themselves, and so does a brace that repeats nothing.

use regex::{Captures, Regex, RegexBuilder};

use crate::limits::MAX_TEXT;
use crate::types::Type;
use crate::value::Value;

use super::call::{Call, CallError, collected, element_type, text};
use super::table::Function;

pub(super) fn functions() -> Vec<Function> {
    use Type::String;
    vec![
        Function::new("regex", "What a regular expression matches first: the whole, or its groups.")
            .takes("pattern", String)
            .takes("string", String)
            .gives_by(regex_type)
            .by(regex),
        Function::new("regexall", "All that a regular expression matches.")
            .takes("pattern", String)
            .takes("string", String)
            .gives_by(|arguments| Ok(Type::list(regex_type(arguments)?)))
            .by(regexall),
        Function::new("replace", "The string with all occurrences of a string, or of a /pattern/, replaced.")
            .takes("str", String)
            .takes("substr", String)
            .takes("replace", String)
            .gives(String)
            .by(replace),
    ]
}

fn compile(pattern: &str) -> Result<Regex, String> {
    let mut builder = RegexBuilder::new(&translated(pattern));
    builder.size_limit(8 * 1024 * 1024).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "the pattern is too large".to_owned(),
        error => error.to_string().lines().last().unwrap_or("invalid pattern").trim().to_owned(),
    })
}

fn regex_type(arguments: &[Value]) -> Result<Type, CallError> {
    let Some(pattern) = arguments.first().and_then(Value::as_str) else { return Ok(Type::Any) };
    let regex =
        compile(pattern).map_err(|message| CallError::of(0, format!("invalid regular expression: {message}")))?;
    let groups: Vec<Option<&str>> = regex.capture_names().skip(1).collect();
    if groups.is_empty() {
        return Ok(Type::String);
    }
    if groups.iter().all(Option::is_none) {
        return Ok(Type::tuple(groups.iter().map(|_| Type::String)));
    }
    let names: Option<Vec<&str>> = groups.into_iter().collect();
    let names = names.ok_or_else(|| CallError::of(0, "cannot mix both named and unnamed capture groups"))?;
    Ok(Type::object(names.into_iter().map(|name| (name, Type::String))))
}

fn captured(regex: &Regex, captures: &Captures<'_>, ty: &Type) -> Value {
    let group = |found: Option<regex::Match<'_>>| match found {
        Some(found) => Value::string(found.as_str()),
        None => Value::null(Type::String),
    };
    match ty {
        Type::Tuple(_) => Value::tuple((1..captures.len()).map(|index| group(captures.get(index)))),
        Type::Object(_) => {
            Value::object(regex.capture_names().flatten().map(|name| (name, group(captures.name(name)))))
        }
        _ => group(captures.get(0)),
    }
}

fn compiled(call: &Call<'_>) -> Result<Regex, CallError> {
    compile(call.text(0)).map_err(|message| CallError::of(0, format!("invalid regular expression: {message}")))
}

fn regex(call: &Call<'_>) -> Result<Value, CallError> {
    let regex = compiled(call)?;
    match regex.captures(call.text(1)) {
        Some(captures) => Ok(captured(&regex, &captures, &call.ty)),
        None => Err(CallError::new("pattern did not match any part of the given string")),
    }
}

fn regexall(call: &Call<'_>) -> Result<Value, CallError> {
    let regex = compiled(call)?;
    let element = element_type(&call.ty);
    let found = regex.captures_iter(call.text(1)).map(|captures| captured(&regex, &captures, &element));
    Ok(Value::list(element.clone(), collected(found)?))
}

fn replace(call: &Call<'_>) -> Result<Value, CallError> {
    let (whole, wanted, replacement) = (call.text(0), call.text(1), call.text(2));
    let too_long =
        |occurrences: usize| whole.len().saturating_add(occurrences.saturating_mul(replacement.len())) > MAX_TEXT;
    let pattern = wanted.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
    let Some(pattern) = pattern else {
        if too_long(whole.matches(wanted).count()) {
            return Err(CallError::new("the result would be too long"));
        }
        return text(whole.replace(wanted, replacement));
    };
    let regex = compile(pattern).map_err(|message| CallError::new(format!("invalid regular expression: {message}")))?;
    // A reference to a group repeats at most what was matched, so the whole can grow with its
    // own length and the replacement's.
    let growth = replacement.matches('$').count().saturating_mul(whole.len());
    if too_long(regex.find_iter(whole).count()) || growth > MAX_TEXT {
        return Err(CallError::new("the result would be too long"));
    }
    text(regex.replace_all(whole, replacement).into_owned())
}

/// A pattern in RE2's syntax as the engine at hand reads the same.
fn translated(pattern: &str) -> String {
    let mut rest = pattern;
    let mut result = String::with_capacity(pattern.len() + 16);
    while let Some(character) = rest.chars().next() {
        let after = &rest[character.len_utf8()..];
        rest = match character {
            '\\' => escape(after, false, &mut result),
            '[' => class(after, &mut result),
            '{' if !repeats(after) => {
                result.push_str("\\{");
                after
            }
            _ => {
                result.push(character);
                after
            }
        };
    }
    result
}

/// What follows a backslash; returns what is left after it.
fn escape<'a>(rest: &'a str, in_class: bool, result: &mut String) -> &'a str {
    let Some(character) = rest.chars().next() else {
        result.push('\\');
        return rest;
    };
    let after = &rest[character.len_utf8()..];
    let ascii = match (character, in_class) {
        ('d', true) => "0-9",
        ('d', false) => "[0-9]",
        ('D', _) => "[^0-9]",
        ('w', true) => "0-9A-Za-z_",
        ('w', false) => "[0-9A-Za-z_]",
        ('W', _) => "[^0-9A-Za-z_]",
        ('s', true) => "\\t\\n\\f\\r ",
        ('s', false) => "[\\t\\n\\f\\r ]",
        ('S', _) => "[^\\t\\n\\f\\r ]",
        ('b', false) => "(?-u:\\b)",
        ('B', false) => "(?-u:\\B)",
        ('C', false) => "(?s:.)",
        ('Q', _) => {
            let (literal, after) = after.split_once("\\E").unwrap_or((after, ""));
            result.push_str(&regex::escape(literal));
            return after;
        }
        _ => {
            result.push('\\');
            result.push(character);
            return braces(after, matches!(character, 'p' | 'P' | 'x'), result);
        }
    };
    result.push_str(ascii);
    after
}

/// Braces that belong to an escape, as in `\p{Greek}`; returns what is left after them.
fn braces<'a>(rest: &'a str, may_follow: bool, result: &mut String) -> &'a str {
    let end = rest.find('}').filter(|_| may_follow && rest.starts_with('{')).map_or(0, |at| at + 1);
    let (braces, after) = rest.split_at(end);
    result.push_str(braces);
    after
}

/// A bracketed class, whose opening bracket was read; returns what is left after it.
fn class<'a>(mut rest: &'a str, result: &mut String) -> &'a str {
    result.push('[');
    if let Some(after) = rest.strip_prefix('^') {
        result.push('^');
        rest = after;
    }
    if let Some(after) = rest.strip_prefix(']') {
        result.push_str("\\]");
        rest = after;
    }
    while let Some(character) = rest.chars().next() {
        let after = &rest[character.len_utf8()..];
        rest = match character {
            ']' => {
                result.push(']');
                return after;
            }
            '\\' => escape(after, true, result),
            '[' if after.starts_with(':') && after.contains(":]") => {
                let end = after.find(":]").map_or(after.len(), |at| at + 2);
                result.push('[');
                result.push_str(&after[..end]);
                &after[end..]
            }
            '[' | '&' | '~' => {
                result.push('\\');
                result.push(character);
                after
            }
            '-' if after.starts_with('-') => {
                result.push_str("\\-");
                after
            }
            _ => {
                result.push(character);
                after
            }
        };
    }
    rest
}

/// Whether what follows an opening brace makes it a repetition: `{2}`, `{2,}`, `{2,3}`.
fn repeats(rest: &str) -> bool {
    let Some((counts, _)) = rest.split_once('}') else { return false };
    let (least, most) = counts.split_once(',').unwrap_or((counts, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_re2_is_rewritten() {
        for (pattern, expected) in [
            (r"\d+[\w-]", r"[0-9]+[0-9A-Za-z_-]"),
            (r"a{,2}{2}", r"a\{,2}{2}"),
            (r"[[:alpha:]&&[]", r"[[:alpha:]\&\&\[]"),
            (r"[]a]", r"[\]a]"),
            (r"\Qa.b\E.", r"a\.b."),
            (r"\p{Greek}\x{41}[\p{L}]", r"\p{Greek}\x{41}[\p{L}]"),
        ] {
            assert_eq!(translated(pattern), expected);
            assert!(Regex::new(&translated(pattern)).is_ok(), "{pattern}");
        }
    }
}
