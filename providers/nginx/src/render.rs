//! From the tree to text.
//!
//! Every word of the text, names and arguments alike, passes through [`quote`]: there is no
//! other way from a value to a file. The rules are those of nginx's own reader
//! (`ngx_conf_read_token`): inside double quotes only `\\`, `\"`, `\'`, `\t`, `\r` and `\n`
//! are escapes, and a backslash before any other character stands for itself.

use std::fmt::Write as _;

use crate::syntax::{Argument, Block, Directive};

/// The first line of every file.
pub const HEADER: &str = "# Managed by Portolan. Changes made here by hand are overwritten.\n";

/// nginx reads a file through a buffer of 4096 bytes that a single word must fit.
pub const MAX_WORD: usize = 4000;

/// Why a text cannot be a word of a configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unquotable {
    /// It holds this control character.
    Control(char),
    /// It is longer than [`MAX_WORD`] bytes once it is quoted.
    TooLong,
    /// It is not known yet.
    Unknown,
}

impl std::fmt::Display for Unquotable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unquotable::Control(char) => {
                write!(f, "control characters cannot be written, and it holds U+{:04X}", u32::from(*char))
            }
            Unquotable::TooLong => write!(f, "it is longer than the {MAX_WORD} bytes that nginx can read"),
            Unquotable::Unknown => f.write_str("it is not known yet"),
        }
    }
}

impl std::error::Error for Unquotable {}

/// The word that nginx reads back as exactly `text`: bare where that is safe, otherwise in
/// double quotes. A variable in it stays one: whether it may hold any is checked before.
pub fn quote(text: &str) -> Result<String, Unquotable> {
    // A tab can be written as an escape; every other control character is refused.
    if let Some(control) = text.chars().find(|char| char.is_control() && *char != '\t') {
        return Err(Unquotable::Control(control));
    }
    written(text)
}

/// The word of an argument of a directive: as [`quote`], but for the one directive whose argument
/// is lines. What those may be, its kind says.
pub fn quote_argument(directive: &str, text: &str) -> Result<String, Unquotable> {
    if directive != "check_http_send" {
        return quote(text);
    }
    quote(&text.replace("\r\n", ""))?;
    written(text)
}

fn written(text: &str) -> Result<String, Unquotable> {
    if !text.is_empty() && text.bytes().all(is_bare) {
        return if text.len() > MAX_WORD { Err(Unquotable::TooLong) } else { Ok(text.to_owned()) };
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for char in text.chars() {
        match char {
            '\\' | '"' => quoted.extend(['\\', char]),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            '\n' => quoted.push_str("\\n"),
            _ => quoted.push(char),
        }
    }
    quoted.push('"');
    if quoted.len() > MAX_WORD { Err(Unquotable::TooLong) } else { Ok(quoted) }
}

/// Whether a byte means itself outside quotes, wherever it stands in a word.
fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-./:=~^*$@,+%?&|!()[]<>".contains(&byte)
}

/// The text of a file: the header, then the directives, four spaces a level.
pub fn render(directives: &[Directive]) -> Result<String, Unquotable> {
    let mut text = HEADER.to_owned();
    for (index, directive) in directives.iter().enumerate() {
        if index == 0 || sets_apart(directive) || directives.get(index - 1).is_some_and(sets_apart) {
            text.push('\n');
        }
        write_directive(&mut text, directive, 0)?;
    }
    Ok(text)
}

/// Whether empty lines stand around the directive.
fn sets_apart(directive: &Directive) -> bool {
    directive.block != Block::None
}

fn write_directive(text: &mut String, directive: &Directive, level: usize) -> Result<(), Unquotable> {
    // Writing to a string cannot fail.
    let _ = write!(text, "{:indent$}{}", "", word(&directive.name)?, indent = level * 4);
    let name = directive.name.text().unwrap_or_default();
    for argument in &directive.arguments {
        text.push(' ');
        text.push_str(&argument.text().map_or(Err(Unquotable::Unknown), |argument| quote_argument(name, argument))?);
    }
    match &directive.block {
        Block::None => text.push_str(";\n"),
        Block::Unknown => return Err(Unquotable::Unknown),
        Block::Directives(directives) if directives.is_empty() => text.push_str(" {}\n"),
        Block::Directives(directives) => {
            text.push_str(" {\n");
            for (index, directive) in directives.iter().enumerate() {
                let before = index.checked_sub(1).and_then(|before| directives.get(before));
                if before.is_some_and(|before| sets_apart(before) || sets_apart(directive)) {
                    text.push('\n');
                }
                write_directive(text, directive, level + 1)?;
            }
            let _ = writeln!(text, "{:indent$}}}", "", indent = level * 4);
        }
    }
    Ok(())
}

fn word(argument: &Argument) -> Result<String, Unquotable> {
    argument.text().map_or(Err(Unquotable::Unknown), quote)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_needed() {
        for (text, want) in [
            ("on", "on"),
            ("$host:$server_port", "$host:$server_port"),
            ("", r#""""#),
            ("two words", r#""two words""#),
            ("a;b", r#""a;b""#),
            ("{}", r#""{}""#),
            ("${host}", r#""${host}""#),
            ("#", r##""#""##),
            (r"\.php$", r#""\\.php$""#),
            (r#"say "hi""#, r#""say \"hi\"""#),
            ("it's", r#""it's""#),
            ("a\tb", r#""a\tb""#),
            ("münchen", r#""münchen""#),
        ] {
            assert_eq!(quote(text).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        assert_eq!(quote("a\nb"), Err(Unquotable::Control('\n')));
        assert_eq!(quote("a\rb"), Err(Unquotable::Control('\r')));
        assert_eq!(quote("a\0b"), Err(Unquotable::Control('\0')));
        assert_eq!(quote("a\u{85}b"), Err(Unquotable::Control('\u{85}')));
        assert_eq!(quote(&"a".repeat(5000)), Err(Unquotable::TooLong));
        assert_eq!(quote(&"\\".repeat(2500)), Err(Unquotable::TooLong));
    }

    #[test]
    fn the_lines_of_a_request_are_written_as_escapes() {
        let request = "GET / HTTP/1.0\r\n\r\n";
        assert_eq!(quote_argument("check_http_send", request).as_deref(), Ok(r#""GET / HTTP/1.0\r\n\r\n""#));
        assert_eq!(quote_argument("check_http_send", "a\nb"), Err(Unquotable::Control('\n')));
        assert_eq!(quote_argument("return", request), Err(Unquotable::Control('\r')));
    }

    #[test]
    fn blocks_are_indented_and_set_apart() {
        let tree = vec![
            Directive::simple("pid", &["nginx.pid"]),
            Directive::with_block("events", &[], vec![]),
            Directive::with_block(
                "http",
                &[],
                vec![
                    Directive::simple("gzip", &["on"]),
                    Directive::with_block("server", &[], vec![Directive::simple("return", &["444"])]),
                ],
            ),
        ];
        let want = "# Managed by Portolan. Changes made here by hand are overwritten.\n\npid nginx.pid;\n\nevents \
                    {}\n\nhttp {\n    gzip on;\n\n    server {\n        return 444;\n    }\n}\n";
        assert_eq!(render(&tree).as_deref(), Ok(want));
    }
}
