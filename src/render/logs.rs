//! Lines of logs, each with where it comes from.

use super::foreign::visible;

/// The colours of prefixes, in turn.
const COLOURS: [u8; 6] = [36, 33, 32, 35, 34, 31];

/// Where lines come from: `beijing/web-7d4b9c-x2x9p`.
#[derive(Debug)]
pub(crate) struct Prefix {
    name: String,
    colour: u8,
}

impl Prefix {
    /// The prefix of the log that was opened as the one of this number.
    pub(crate) fn new(name: &str, number: usize) -> Self {
        Prefix { name: super::foreign::one_line(name), colour: COLOURS[number % COLOURS.len()] }
    }
}

/// A line as it is printed. For a terminal, nothing of it but colours can move the cursor or
/// change anything; elsewhere it is as it was written.
pub(crate) fn line(prefix: &Prefix, text: &[u8], colour: bool, is_terminal: bool) -> Vec<u8> {
    let mut line = match colour {
        true => format!("\u{1b}[{}m{}\u{1b}[0m ", prefix.colour, prefix.name).into_bytes(),
        false => format!("{} ", prefix.name).into_bytes(),
    };
    match is_terminal {
        true => line.extend(coloured(&String::from_utf8_lossy(text), colour).into_bytes()),
        false => line.extend(text),
    }
    line.push(b'\n');
    line
}

/// The text with its colours, if there are to be any, and nothing else that is not shown.
fn coloured(text: &str, colour: bool) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    let mut is_painted = false;
    while let Some(at) = rest.find('\u{1b}') {
        shown.push_str(&visible(&rest[..at]));
        let code = colour_code(&rest[at..]);
        match code {
            Some(code) if colour => {
                shown.push_str(code);
                is_painted = true;
            }
            Some(_) => {}
            None => shown.push(char::REPLACEMENT_CHARACTER),
        }
        rest = &rest[at + code.map_or(1, str::len)..];
    }
    shown.push_str(&visible(rest.trim_end_matches('\r')));
    if is_painted {
        shown.push_str("\u{1b}[0m");
    }
    shown
}

/// The sequence for a colour or a style that a text begins with: `ESC [ 1 ; 31 m`.
fn colour_code(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("\u{1b}[")?;
    let end = inner.find(|character: char| !matches!(character, '0'..='9' | ';'))?;
    inner[end..].starts_with('m').then(|| &text[..end + 3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_colours_reach_a_terminal() {
        let prefix = Prefix::new("a/web", 0);
        let shown = |text: &str, colour, is_terminal| {
            String::from_utf8(line(&prefix, text.as_bytes(), colour, is_terminal)).expect("text")
        };
        let text = "a\u{1b}[1;31mred\u{1b}[0m\tb\u{1b}[2J\u{1b}]0;t\u{7}\r";
        assert_eq!(shown(text, false, false), format!("a/web {text}\n"));
        assert_eq!(shown(text, false, true), "a/web ared\tb\u{fffd}[2J\u{fffd}]0;t\u{fffd}\n");
        assert_eq!(
            shown(text, true, true),
            "\u{1b}[36ma/web\u{1b}[0m a\u{1b}[1;31mred\u{1b}[0m\tb\u{fffd}[2J\u{fffd}]0;t\u{fffd}\u{1b}[0m\n"
        );
        assert_eq!(shown("\u{1b}[3", true, true), "\u{1b}[36ma/web\u{1b}[0m \u{fffd}[3\n");
    }
}
