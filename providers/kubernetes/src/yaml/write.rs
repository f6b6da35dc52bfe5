//! Values as YAML: one form for each value, in the order and the style that people use.

use std::fmt::Write;

use portolan_lang::{Data, Value};

use super::scalar::can_be_plain;

/// The keys that come first, in this order; the others follow by the alphabet.
const FIRST_KEYS: [&str; 8] = ["apiVersion", "kind", "metadata", "name", "namespace", "labels", "annotations", "image"];

/// How much deeper each level of mappings stands.
const INDENT: usize = 2;

/// The text of a value. Entries that are null are left out, as the Kubernetes API takes them
/// for absent; null items of sequences are kept. The value is wholly known.
pub(crate) fn write(value: &Value) -> String {
    let mut writer = Writer { text: String::new() };
    match Node::of(value) {
        Node::Mapping(entries) => writer.mapping(&entries, 0, false),
        Node::Sequence(items) => writer.sequence(items, 0, false),
        Node::Inline => match value.as_str() {
            Some(text) => writer.text_on_one_line(text),
            None => writer.scalar(value, 0),
        },
    }
    writer.text
}

/// How a value is laid out.
enum Node<'a> {
    /// Keys and values on lines of their own, at least one.
    Mapping(Vec<(&'a str, &'a Value)>),
    /// Items on lines of their own, at least one.
    Sequence(&'a [Value]),
    /// On the line where it begins.
    Inline,
}

impl<'a> Node<'a> {
    fn of(value: &'a Value) -> Self {
        if let Some(entries) = value.entries() {
            let present = entries.iter().filter(|(_, value)| !value.is_null());
            let mut present: Vec<(&str, &Value)> = present.map(|(key, value)| (&**key, value)).collect();
            present.sort_by_key(|(key, _)| rank(key));
            return if present.is_empty() { Node::Inline } else { Node::Mapping(present) };
        }
        match value.items() {
            Some(items) if !items.is_empty() => Node::Sequence(items),
            _ => Node::Inline,
        }
    }
}

fn rank(key: &str) -> usize {
    FIRST_KEYS.iter().position(|first| *first == key).unwrap_or(FIRST_KEYS.len())
}

struct Writer {
    text: String,
}

impl Writer {
    fn mapping(&mut self, entries: &[(&str, &Value)], indent: usize, begun: bool) {
        for (position, (key, value)) in entries.iter().enumerate() {
            if position > 0 || !begun {
                self.spaces(indent);
            }
            self.text_on_one_line(key);
            self.text.push(':');
            match Node::of(value) {
                Node::Mapping(entries) => {
                    self.text.push('\n');
                    self.mapping(&entries, indent + INDENT, false);
                }
                Node::Sequence(items) => {
                    self.text.push('\n');
                    self.sequence(items, indent, false);
                }
                Node::Inline => {
                    self.text.push(' ');
                    self.scalar(value, indent + INDENT);
                }
            }
        }
    }

    fn sequence(&mut self, items: &[Value], indent: usize, begun: bool) {
        for (position, item) in items.iter().enumerate() {
            if position > 0 || !begun {
                self.spaces(indent);
            }
            self.text.push_str("- ");
            match Node::of(item) {
                Node::Mapping(entries) => self.mapping(&entries, indent + INDENT, true),
                Node::Sequence(items) => self.sequence(items, indent + INDENT, true),
                Node::Inline => self.scalar(item, indent + INDENT),
            }
        }
    }

    /// A value that needs no lines of its own, or a block of text whose lines stand at `indent`.
    fn scalar(&mut self, value: &Value, indent: usize) {
        match value.data() {
            Data::Bool(bool) => self.text.push_str(if *bool { "true" } else { "false" }),
            Data::Number(number) => {
                // Writing to a string cannot fail.
                let _ = write!(self.text, "{number}");
            }
            Data::String(text) if fits_block(text) => return self.block(text, indent),
            Data::String(text) => self.text_on_one_line(text),
            Data::List(_) | Data::Set(_) | Data::Tuple(_) => self.text.push_str("[]"),
            Data::Map(_) | Data::Object(_) => self.text.push_str("{}"),
            Data::Null(_) | Data::Unknown(_) => self.text.push_str("null"),
        }
        self.text.push('\n');
    }

    fn text_on_one_line(&mut self, text: &str) {
        if can_be_plain(text) {
            self.text.push_str(text);
        } else {
            self.quoted(text);
        }
    }

    fn quoted(&mut self, text: &str) {
        self.text.push('"');
        for char in text.chars() {
            match char {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                '\t' => self.text.push_str("\\t"),
                char if is_printable(char) => self.text.push(char),
                char => {
                    let code = u32::from(char);
                    let _ = if code > 0xffff {
                        write!(self.text, "\\U{code:08x}")
                    } else {
                        write!(self.text, "\\u{code:04x}")
                    };
                }
            }
        }
        self.text.push('"');
    }

    /// A literal block: `|`, with its depth where the text begins with blanks, with `-` where the text ends without a line break and `+` where it
    /// ends with several.
    fn block(&mut self, text: &str, indent: usize) {
        self.text.push('|');
        // Without this the first line says how deep the block stands, and its blanks would count.
        if text.trim_start_matches('\n').starts_with([' ', '\t']) {
            let _ = write!(self.text, "{INDENT}");
        }
        let body = text.strip_suffix('\n');
        match body {
            None => self.text.push('-'),
            Some(body) if body.ends_with('\n') => self.text.push('+'),
            Some(_) => {}
        }
        self.text.push('\n');
        for line in body.unwrap_or(text).split('\n') {
            if !line.is_empty() {
                self.spaces(indent);
                self.text.push_str(line);
            }
            self.text.push('\n');
        }
    }

    fn spaces(&mut self, count: usize) {
        self.text.extend(std::iter::repeat_n(' ', count));
    }
}

/// Whether text of several lines can be a literal block, which knows no escapes. Lines of
/// blanks alone are quoted, because an editor would take the blanks away.
fn fits_block(text: &str) -> bool {
    let only_blanks = |line: &str| !line.is_empty() && line.chars().all(|char| char == ' ' || char == '\t');
    text.contains('\n')
        && text.chars().all(|char| char == '\n' || char == '\t' || is_printable(char))
        && text.chars().any(|char| char != '\n')
        && !text.split('\n').any(only_blanks)
}

/// Whether a character stands for itself in every reader: not a control, not what YAML 1.1
/// takes for a line break, not a byte order mark or a non-character.
fn is_printable(char: char) -> bool {
    !char.is_control() && !matches!(char, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}
