//! Values as people write them.

use std::fmt::Write as _;

use portolan_lang::value::Entries;
use portolan_lang::{Data, Value};

/// What stands for a value that is not known yet.
pub(crate) const UNKNOWN: &str = "(known after apply)";

/// What stands for a value that is never shown.
pub(crate) const SENSITIVE: &str = "(sensitive value)";

/// The longest name that others are put under one another for, in characters.
const MAX_COLUMN: usize = 60;

/// A value on one line where that is short, otherwise one element a line, each line but the
/// first indented by `indent`.
pub(crate) fn hcl(value: &Value, indent: usize) -> String {
    let mut text = String::new();
    write_value(&mut text, value, indent, false);
    text
}

/// A value as the console answers it: collections say which they are.
pub(crate) fn console(value: &Value) -> String {
    let mut text = String::new();
    write_value(&mut text, value, 0, true);
    text
}

fn write_value(text: &mut String, value: &Value, indent: usize, typed: bool) {
    if value.is_sensitive() {
        text.push_str(SENSITIVE);
        return;
    }
    let wrap = |text: &mut String, name: &str, inner: &dyn Fn(&mut String)| {
        if typed {
            let _ = write!(text, "{name}(");
        }
        inner(text);
        if typed {
            text.push(')');
        }
    };
    match value.data() {
        Data::Null(ty) if typed && ty.is_primitive() => {
            let _ = write!(text, "to{ty}(null)");
        }
        Data::Null(_) => text.push_str("null"),
        Data::Unknown(_) => text.push_str(UNKNOWN),
        Data::Bool(bool) => text.push_str(if *bool { "true" } else { "false" }),
        Data::Number(number) => text.push_str(&number.to_string()),
        Data::String(string) => write_string(text, string, indent),
        Data::List(list) => wrap(text, "tolist", &|text| write_items(text, &list.items, indent, typed)),
        Data::Set(set) => wrap(text, "toset", &|text| write_items(text, &set.items, indent, typed)),
        Data::Tuple(items) => write_items(text, items, indent, typed),
        Data::Map(map) => wrap(text, "tomap", &|text| write_entries(text, &map.entries, indent, typed)),
        Data::Object(entries) => write_entries(text, entries, indent, typed),
    }
}

fn write_items(text: &mut String, items: &[Value], indent: usize, typed: bool) {
    if items.is_empty() {
        text.push_str("[]");
        return;
    }
    text.push_str("[\n");
    for item in items {
        pad(text, indent + 2);
        write_value(text, item, indent + 2, typed);
        text.push_str(",\n");
    }
    pad(text, indent);
    text.push(']');
}

fn write_entries(text: &mut String, entries: &Entries, indent: usize, typed: bool) {
    let names: Vec<String> = entries.keys().map(|name| key(name)).collect();
    if names.is_empty() {
        text.push_str("{}");
        return;
    }
    let width = column(names.iter().map(|name| &**name));
    text.push_str("{\n");
    for (name, value) in names.iter().zip(entries.values()) {
        pad(text, indent + 2);
        let _ = write!(text, "{name:width$} = ");
        write_value(text, value, indent + 2, typed);
        text.push('\n');
    }
    pad(text, indent);
    text.push('}');
}

/// How wide a column of names is, in characters: as the longest of them that is not too long for
/// a column.
pub(crate) fn column<'n>(names: impl Iterator<Item = &'n str>) -> usize {
    names.map(|name| name.chars().count()).filter(|length| *length <= MAX_COLUMN).max().unwrap_or(0)
}

/// A key of an object or a map, quoted where it is not a name.
pub(crate) fn key(name: &str) -> String {
    let is_name = name.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && name.chars().all(|character| character.is_alphanumeric() || matches!(character, '_' | '-'));
    if is_name { name.to_owned() } else { quoted(name) }
}

fn write_string(text: &mut String, string: &str, indent: usize) {
    // A heredoc cannot hold everything: what it cannot, and what is short, is quoted.
    let plain = |character: char| character == '\n' || character == '\t' || !character.is_control();
    let lines = string.strip_suffix('\n').filter(|body| body.contains('\n') && body.chars().all(plain));
    let Some(lines) = lines.filter(|lines| !lines.lines().any(|line| line.trim() == "EOT")) else {
        text.push_str(&quoted(string));
        return;
    };
    text.push_str("<<-EOT\n");
    for line in lines.split('\n') {
        pad(text, if line.is_empty() { 0 } else { indent + 2 });
        text.push_str(&line.replace("${", "$${").replace("%{", "%%{"));
        text.push('\n');
    }
    pad(text, indent);
    text.push_str("EOT");
}

/// A string in quotes, with everything escaped that would end it, begin a template, or move a
/// terminal's cursor.
pub(crate) fn quoted(string: &str) -> String {
    let mut text = String::with_capacity(string.len() + 2);
    text.push('"');
    let mut characters = string.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '$' | '%' if characters.peek() == Some(&'{') => {
                text.push(character);
                text.push(character);
            }
            other if other.is_control() => {
                let _ = write!(text, "\\u{:04x}", u32::from(other));
            }
            other => text.push(other),
        }
    }
    text.push('"');
    text
}

fn pad(text: &mut String, width: usize) {
    text.extend(std::iter::repeat_n(' ', width));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_look_as_they_are_written() {
        use portolan_lang::Type;
        let value = Value::object([
            ("a", Value::strings(["x", "y"])),
            ("long-name", Value::number(1)),
            ("secret", Value::string("s").sensitive()),
            ("text", Value::string("one\ntwo ${x}\n")),
            ("unknown", Value::unknown(Type::String)),
            ("x y", Value::null(Type::String)),
        ]);
        let expected = r#"{
  a         = [
    "x",
    "y",
  ]
  long-name = 1
  secret    = (sensitive value)
  text      = <<-EOT
    one
    two $${x}
  EOT
  unknown   = (known after apply)
  "x y"     = null
}"#;
        assert_eq!(hcl(&value, 0), expected);
        assert_eq!(console(&Value::strings(["a"])), "tolist([\n  \"a\",\n])");
        assert_eq!(quoted("a\u{1b}[31m\"${"), "\"a\\u001b[31m\\\"$${\"");
    }
}
