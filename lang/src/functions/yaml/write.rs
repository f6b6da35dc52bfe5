//! From a value to YAML.
//!
//! Strings stand in double quotes, those of several lines as literal blocks; keys are sorted;
//! sequences in mappings are not indented. Where lines break and what is escaped follows
//! libyaml's emitter, which the reference uses: a quoted string goes on in the next line at
//! the first space after column 80.

use crate::limits::MAX_TEXT;
use crate::value::{Data, Value};

/// The column after which a quoted string is continued in the next line.
const WIDTH: usize = 80;

/// How much further in each level stands.
const INDENT: usize = 2;

/// The longest key that may stand before a colon on one line, in bytes.
const MAX_SIMPLE_KEY: usize = 128;

/// A value as a whole document.
pub(super) fn document(value: &Value) -> String {
    let mut emitter = Emitter { text: String::new(), column: 0, after_space: true, after_indent: true };
    emitter.node(value, None, Place::Item);
    emitter.start_line(0);
    if matches!(value.data(), Data::Null(_) | Data::Unknown(_) | Data::Bool(_) | Data::Number(_)) {
        // A plain scalar could go on in the next line, so its end is marked.
        emitter.text.push_str("...\n");
    }
    emitter.text
}

/// What a node is a part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The document, or an item of a sequence.
    Item,
    /// A key on one line with its value.
    Key,
    /// The value of a mapping's entry.
    Entry,
}

struct Emitter {
    text: String,
    /// Characters written since the line began.
    column: usize,
    /// Whether a space, or what takes its place, was written last.
    after_space: bool,
    /// Whether the line holds only spaces and indicators so far.
    after_indent: bool,
}

impl Emitter {
    fn push(&mut self, character: char) {
        self.text.push(character);
        self.column = if character == '\n' { 0 } else { self.column + 1 };
    }

    /// Writes text that ends what an indicator or a space before it means.
    fn write(&mut self, text: &str) {
        if !self.after_space {
            self.push(' ');
        }
        self.plain(text);
    }

    fn plain(&mut self, text: &str) {
        text.chars().for_each(|character| self.push(character));
        self.after_space = false;
        self.after_indent = false;
    }

    /// Writes `-`, `?` or `:`, after which a nested node may begin on the same line.
    fn indicator(&mut self, indicator: char) {
        if !self.after_space {
            self.push(' ');
        }
        self.push(indicator);
        self.after_space = false;
    }

    /// Goes to this column: of the same line where only indicators stand before it.
    fn start_line(&mut self, indent: usize) {
        if !self.after_indent || self.column > indent || (self.column == indent && !self.after_space) {
            self.push('\n');
        }
        while self.column < indent {
            self.push(' ');
        }
        self.after_space = true;
        self.after_indent = true;
    }

    /// Writes a node; `indent` is that of the collection around it.
    fn node(&mut self, value: &Value, indent: Option<usize>, place: Place) {
        if self.text.len() > MAX_TEXT {
            // It will be refused as it is.
            return;
        }
        match value.data() {
            Data::Null(_) | Data::Unknown(_) => self.write("null"),
            Data::Bool(bool) => self.write(if *bool { "true" } else { "false" }),
            Data::Number(number) => self.write(&number.to_string()),
            Data::String(text) => self.string(text, indent.map_or(INDENT, |indent| indent + INDENT), place),
            Data::List(_) | Data::Set(_) | Data::Tuple(_) => self.sequence(value, indent, place),
            Data::Map(_) | Data::Object(_) => self.mapping(value, indent),
        }
    }

    fn sequence(&mut self, value: &Value, indent: Option<usize>, place: Place) {
        let items = value.items().unwrap_or_default();
        if items.is_empty() {
            return self.write("[]");
        }
        let indent = match indent {
            None => 0,
            Some(indent) if place == Place::Entry && !self.after_indent => indent,
            Some(indent) => indent + INDENT,
        };
        for item in items {
            self.start_line(indent);
            self.indicator('-');
            self.node(item, Some(indent), Place::Item);
        }
    }

    fn mapping(&mut self, value: &Value, indent: Option<usize>) {
        let entries = value.entries().cloned().unwrap_or_default();
        if entries.is_empty() {
            return self.write("{}");
        }
        let indent = indent.map_or(0, |indent| indent + INDENT);
        for (key, value) in entries.iter() {
            self.start_line(indent);
            if key.len() <= MAX_SIMPLE_KEY && !key.contains(is_break) {
                self.string(key, indent + INDENT, Place::Key);
                self.plain(":");
            } else {
                self.indicator('?');
                self.string(key, indent + INDENT, Place::Entry);
                self.start_line(indent);
                self.indicator(':');
            }
            self.node(value, Some(indent), Place::Entry);
        }
    }

    fn string(&mut self, text: &str, indent: usize, place: Place) {
        if text.contains('\n') && place != Place::Key && may_be_literal(text) {
            self.literal(text, indent);
        } else {
            self.quoted(text, indent, place != Place::Key);
        }
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.write("|");
        if text.starts_with([' ', '\n', '\u{85}', '\u{2028}', '\u{2029}']) {
            self.plain(&INDENT.to_string());
        }
        let mut from_end = text.chars().rev();
        match (from_end.next().is_some_and(is_break), from_end.next().is_none_or(is_break)) {
            (false, _) => self.plain("-"),
            (true, true) => self.plain("+"),
            (true, false) => {}
        }
        self.push('\n');
        let mut line_begins = true;
        for character in text.chars() {
            if !is_break(character) && line_begins {
                (0..indent).for_each(|_| self.push(' '));
            }
            line_begins = is_break(character);
            self.push(character);
        }
        self.after_indent = line_begins;
        self.after_space = true;
    }

    fn quoted(&mut self, text: &str, indent: usize, may_break: bool) {
        self.write("\"");
        let last = text.len().saturating_sub(1);
        let mut after_space = false;
        for (at, character) in text.char_indices() {
            if character == ' ' && may_break && !after_space && self.column > WIDTH && at > 0 && at < last {
                self.after_indent = false;
                self.start_line(indent);
                if text[at + 1..].starts_with(' ') {
                    self.push('\\');
                }
            } else if is_printable(character) && !is_break(character) && !matches!(character, '"' | '\\') {
                self.push(character);
            } else {
                escape(character).chars().for_each(|character| self.push(character));
            }
            after_space = character == ' ';
        }
        self.plain("\"");
    }
}

fn is_break(character: char) -> bool {
    matches!(character, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_printable(character: char) -> bool {
    matches!(character, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// Whether the text comes back from a block as it is.
fn may_be_literal(text: &str) -> bool {
    let space_before_break = text.chars().zip(text.chars().skip(1)).any(|(a, b)| a == ' ' && is_break(b));
    text.chars().all(is_printable) && !text.ends_with(' ') && !space_before_break
}

fn escape(character: char) -> String {
    let letter = match character {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        other => {
            return match u32::from(other) {
                code @ ..=0xff => format!("\\x{code:02X}"),
                code @ ..=0xffff => format!("\\u{code:04X}"),
                code => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{letter}")
}
