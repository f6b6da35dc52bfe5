//! Paths and files.
//!
//! Paths are handled as text with slashes; what is on disk is asked of the host.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;

use crate::types::Type;
use crate::value::Value;

use super::call::{Call, CallError, text};
use super::table::Function;

pub(super) fn functions() -> Vec<Function> {
    use Type::{Any, Bool, String};
    let of_path = |name, doc| Function::new(name, doc).takes("path", String).gives(String);
    vec![
        of_path("abspath", "The absolute form of a path.").by(abspath),
        of_path("basename", "The last part of a path.").by(basename),
        of_path("dirname", "The path without its last part.").by(dirname),
        of_path("file", "The text of a file.").by(file),
        of_path("filebase64", "The bytes of a file in base64.").by(filebase64),
        of_path("fileexists", "Whether there is a file at a path.").gives(Bool).by(fileexists),
        Function::new("fileset", "The paths of the files under a directory that a pattern matches.")
            .takes("path", String)
            .takes("pattern", String)
            .gives(Type::set(String))
            .by(fileset),
        of_path("pathexpand", "The path with the home directory in place of a leading ~.").by(pathexpand),
        Function::new("templatefile", "The text of a file as a template, with variables filled in.")
            .takes("path", String)
            .takes("vars", Any),
        Function::new("templatestring", "A string as a template, with variables filled in.")
            .takes("template", String)
            .takes("vars", Any),
    ]
}

/// The bytes of the file that the first argument names.
pub(super) fn read(call: &Call<'_>) -> Result<Vec<u8>, CallError> {
    let path = expanded(call)?;
    call.host.read(&path).map_err(CallError::new)
}

/// The path in the first argument with `~` replaced.
fn expanded(call: &Call<'_>) -> Result<String, CallError> {
    let path = call.text(0);
    let Some(rest) = path.strip_prefix('~') else { return Ok(path.to_owned()) };
    if !rest.is_empty() && !rest.starts_with('/') {
        return Err(CallError::new("cannot expand the home directory of another user"));
    }
    let home = call.host.home().ok_or_else(|| CallError::new("the home directory is not known"))?;
    Ok(if rest.is_empty() { home } else { clean(&format!("{home}{rest}")) })
}

/// The shortest path that means the same, by the text alone: no `.`, no `a/..`, no doubled
/// slashes. (Rob Pike, Lexical File Names in Plan 9.)
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(last) if *last != ".." => {
                    parts.pop();
                }
                _ if rooted => {}
                _ => parts.push(".."),
            },
            name => parts.push(name),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

fn abspath(call: &Call<'_>) -> Result<Value, CallError> {
    let path = call.host.absolute(call.text(0)).map_err(CallError::new)?;
    text(clean(&path))
}

fn basename(call: &Call<'_>) -> Result<Value, CallError> {
    let path = call.text(0);
    let trimmed = path.trim_end_matches('/');
    text(match (path, trimmed) {
        ("", _) => ".",
        (_, "") => "/",
        _ => trimmed.rsplit('/').next().unwrap_or(trimmed),
    })
}

fn dirname(call: &Call<'_>) -> Result<Value, CallError> {
    let path = call.text(0);
    text(clean(path.rfind('/').map_or("", |at| &path[..=at])))
}

fn file(call: &Call<'_>) -> Result<Value, CallError> {
    let content = String::from_utf8(read(call)?).map_err(|_| {
        CallError::new(format!(
            "contents of {:?} are not valid UTF-8; filebase64 gives the bytes of any file",
            call.text(0)
        ))
    })?;
    text(content)
}

fn filebase64(call: &Call<'_>) -> Result<Value, CallError> {
    text(STANDARD.encode(read(call)?))
}

fn fileexists(call: &Call<'_>) -> Result<Value, CallError> {
    let path = expanded(call)?;
    call.host.exists(&path).map(Value::bool).map_err(CallError::new)
}

fn fileset(call: &Call<'_>) -> Result<Value, CallError> {
    let matcher = glob(&clean_pattern(call.text(1)))
        .ok_or_else(|| CallError::new(format!("failed to glob pattern {:?}: syntax error in pattern", call.text(1))))?;
    let directory = expanded(call)?;
    let files = call.host.files(&directory).map_err(CallError::new)?;
    Ok(Value::set(Type::String, files.into_iter().filter(|file| matcher.is_match(file)).map(Value::string)))
}

fn clean_pattern(pattern: &str) -> String {
    pattern.split('/').filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join("/")
}

/// What a pattern matches: `*` and `?` within a part of a path, `**` over any number of
/// parts, `[a-z]`, `{a,b}`, and a backslash before what is meant as it stands.
fn glob(pattern: &str) -> Option<Regex> {
    let mut regex = String::from("^(?s:");
    let mut rest = pattern;
    let mut depth = 0_usize;
    while let Some(character) = rest.chars().next() {
        let at_start = rest.len() == pattern.len() || pattern[..pattern.len() - rest.len()].ends_with('/');
        let after = &rest[character.len_utf8()..];
        rest = match character {
            '*' => glob_star(after, at_start, &mut regex),
            '?' => {
                regex.push_str("[^/]");
                after
            }
            '[' => glob_class(after, &mut regex)?,
            '{' => {
                depth += 1;
                regex.push_str("(?:");
                after
            }
            '}' if depth > 0 => {
                depth -= 1;
                regex.push(')');
                after
            }
            ',' if depth > 0 => {
                regex.push('|');
                after
            }
            '\\' => {
                let literal = after.chars().next()?;
                regex.push_str(&regex::escape(literal.encode_utf8(&mut [0; 4])));
                &after[literal.len_utf8()..]
            }
            literal => {
                regex.push_str(&regex::escape(literal.encode_utf8(&mut [0; 4])));
                after
            }
        };
    }
    regex.push_str(")$");
    if depth > 0 { None } else { Regex::new(&regex).ok() }
}

/// One star or several, of which the first was read; returns what follows them.
fn glob_star<'a>(after: &'a str, at_start: bool, regex: &mut String) -> &'a str {
    let (matches, rest) = match after.strip_prefix('*') {
        Some("") if at_start => (".*", ""),
        Some(rest) if at_start && rest.starts_with('/') => ("(?:[^/]+/)*", &rest[1..]),
        _ => ("[^/]*", after.trim_start_matches('*')),
    };
    regex.push_str(matches);
    rest
}

/// A class of characters, whose opening bracket was read; returns what follows it.
fn glob_class<'a>(rest: &'a str, regex: &mut String) -> Option<&'a str> {
    regex.push('[');
    let mut rest = rest;
    if let Some(after) = rest.strip_prefix(['!', '^']) {
        regex.push_str("^/");
        rest = after;
    }
    let mut is_first = true;
    loop {
        let character = rest.chars().next()?;
        let after = &rest[character.len_utf8()..];
        rest = match character {
            ']' if !is_first => {
                regex.push(']');
                return Some(after);
            }
            '-' => {
                regex.push('-');
                after
            }
            '\\' => {
                let literal = after.chars().next()?;
                regex.push_str(&regex::escape(literal.encode_utf8(&mut [0; 4])));
                &after[literal.len_utf8()..]
            }
            literal => {
                regex.push_str(&regex::escape(literal.encode_utf8(&mut [0; 4])));
                after
            }
        };
        is_first = false;
    }
}

fn pathexpand(call: &Call<'_>) -> Result<Value, CallError> {
    text(expanded(call)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_paths() {
        let check = |pattern: &str, path: &str| glob(pattern).is_some_and(|glob| glob.is_match(path));
        assert!(check("**/*.txt", "a.txt") && check("**/*.txt", "a/b/c.txt"));
        assert!(check("a/**", "a/b/c") && !check("a/**", "b/c"));
        assert!(check("{a,b}?.[ch]", "b1.h") && !check("*.txt", "a/b.txt"));
        assert!(check("[!a]", "b") && !check("[!a]", "a") && check("\\*", "*"));
        assert!(glob("[").is_none() && glob("{a").is_none());
    }

    #[test]
    fn paths_become_short() {
        for (path, expected) in [("a//b/../c/.", "a/c"), ("/../a", "/a"), ("..", ".."), ("", "."), ("a/..", ".")] {
            assert_eq!(clean(path), expected, "{path}");
        }
    }
}
