//! Finds where tokens, comments, strings and whole expressions end.
//!
//! The parser needs to know how far an expression goes before it is parsed, so that one
//! mistake does not hide the next; and hcl-edit, which parses the expression, is given a
//! text of the same length in which what it reads differently from Terraform is painted
//! over: comments, newlines that mean nothing, templates and heredocs. Offsets stay as they
//! are, and the parser reads the painted places from the source itself.

use std::borrow::Cow;
use std::ops::Range;

/// How deeply templates may nest in strings in templates, so that no input overflows the stack.
pub(super) const MAX_TEMPLATE_DEPTH: usize = 16;

/// Something that was opened and never closed, or nests too deeply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// A quoted string meets the end of its line.
    OpenString { start: usize, end: usize },
    /// A heredoc meets the end of the text.
    OpenHeredoc { start: usize, end: usize },
    /// `${` or `%{` meets the end of its string or of the text.
    OpenSequence { start: usize, end: usize },
    /// `/*` meets the end of the text.
    OpenComment { start: usize, end: usize },
    /// Templates nest more deeply than [`MAX_TEMPLATE_DEPTH`].
    TooDeep { start: usize, end: usize },
}

impl Flaw {
    /// Where reading can go on.
    pub(super) fn end(self) -> usize {
        match self {
            Flaw::OpenString { end, .. }
            | Flaw::OpenHeredoc { end, .. }
            | Flaw::OpenSequence { end, .. }
            | Flaw::OpenComment { end, .. }
            | Flaw::TooDeep { end, .. } => end,
        }
    }
}

/// Whether a newline ends the expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Newlines {
    /// It does, as after `name =`.
    End,
    /// It is but space, as between parentheses.
    Ignored,
}

/// An expression that was found in the text.
#[derive(Debug)]
pub(super) struct Extent<'a> {
    /// The bytes of the expression, without space around it.
    pub(super) range: Range<usize>,
    /// Where reading goes on after it.
    pub(super) next: usize,
    /// The bytes of `range`, painted for hcl-edit.
    pub(super) painted: Cow<'a, str>,
    /// What was never closed in it.
    pub(super) flaw: Option<Flaw>,
}

/// How a heredoc begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HeredocStart<'a> {
    /// The word that ends it.
    pub(super) marker: &'a str,
    /// Whether indentation is taken away: `<<-`.
    pub(super) flush: bool,
    /// The first byte of its text.
    pub(super) body: usize,
}

/// Whether a name may begin with this character.
pub(super) fn starts_name(character: char) -> bool {
    character == '_' || unicode_ident_start(character)
}

/// Whether a name may go on with this character.
pub(super) fn continues_name(character: char) -> bool {
    character == '-' || character == '_' || character.is_alphanumeric()
}

fn unicode_ident_start(character: char) -> bool {
    character.is_alphabetic()
}

/// The end of the name at `at`; `at` itself where none begins there.
pub(super) fn name_end(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or("");
    if !rest.starts_with(starts_name) {
        return at;
    }
    rest.find(|c| !continues_name(c)).map_or(text.len(), |length| at + length)
}

/// The end of the comment at `at`, without its newline; `None` where none begins there.
pub(super) fn comment_end(text: &str, at: usize) -> Option<Result<usize, Flaw>> {
    let rest = text.get(at..)?;
    if rest.starts_with('#') || rest.starts_with("//") {
        return Some(Ok(rest.find('\n').map_or(text.len(), |length| at + length)));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    Some(match rest.get(2..).and_then(|inner| inner.find("*/")) {
        Some(length) => Ok(at + length + 4),
        None => Err(Flaw::OpenComment { start: at, end: text.len() }),
    })
}

/// How the heredoc at `at` begins; `None` where none does.
pub(super) fn heredoc_start(text: &str, at: usize) -> Option<HeredocStart<'_>> {
    let rest = text.get(at..)?.strip_prefix("<<")?;
    let (flush, rest) = rest.strip_prefix('-').map_or((false, rest), |rest| (true, rest));
    let start = text.len() - rest.len();
    let end = name_end(text, start);
    let newline = text[end..].strip_prefix("\r\n").or_else(|| text[end..].strip_prefix('\n'));
    let body = text.len() - newline?.len();
    (end > start).then(|| HeredocStart { marker: &text[start..end], flush, body })
}

/// The start of the line that ends the heredoc, and the end of the marker on it.
pub(super) fn heredoc_end(text: &str, start: &HeredocStart<'_>, depth: usize) -> Result<(usize, usize), Flaw> {
    let mut line = start.body;
    while line < text.len() {
        let end = text[line..].find('\n').map_or(text.len(), |length| line + length);
        let content = &text[line..end];
        if content.trim() == start.marker {
            let marker = line + content.trim_end().len();
            return Ok((line, marker));
        }
        line = heredoc_line_end(text, line, depth)?;
    }
    Err(Flaw::OpenHeredoc { start: start.body, end: text.len() })
}

/// The start of the line after this one, where sequences may hold newlines.
fn heredoc_line_end(text: &str, mut at: usize, depth: usize) -> Result<usize, Flaw> {
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\n' => return Ok(at + 1),
            b'$' | b'%' => at = sequence_or_text_end(text, at, depth)?,
            _ => at += 1,
        }
    }
    Ok(text.len())
}

/// Whether the bytes at `at` are an escaped `$${` or `%%{`.
pub(super) fn is_escaped_sequence(text: &str, at: usize) -> bool {
    matches!(text.as_bytes().get(at..at + 3), Some(b"$${" | b"%%{"))
}

/// Whether `${` or `%{` begins at `at`.
pub(super) fn is_sequence(text: &str, at: usize) -> bool {
    matches!(text.as_bytes().get(at..at + 2), Some(b"${" | b"%{"))
}

/// From a `$` or `%`: past the sequence that it begins, past the escape that it is, or past
/// itself.
fn sequence_or_text_end(text: &str, at: usize, depth: usize) -> Result<usize, Flaw> {
    if is_escaped_sequence(text, at) {
        Ok(at + 3)
    } else if is_sequence(text, at) {
        sequence_end(text, at, depth + 1)
    } else {
        Ok(at + 1)
    }
}

/// The byte after the closing quote of the string that opens at `at`.
pub(super) fn quoted_end(text: &str, at: usize, depth: usize) -> Result<usize, Flaw> {
    if depth > MAX_TEMPLATE_DEPTH {
        return Err(Flaw::TooDeep { start: at, end: line_end(text, at) });
    }
    let bytes = text.as_bytes();
    let mut here = at + 1;
    while let Some(byte) = bytes.get(here) {
        match byte {
            b'"' => return Ok(here + 1),
            b'\n' => return Err(Flaw::OpenString { start: at, end: here }),
            b'\\' if bytes.get(here + 1).is_some_and(|next| *next != b'\n') => here += 2,
            b'$' | b'%' => here = sequence_or_text_end(text, here, depth)?,
            _ => here += 1,
        }
    }
    Err(Flaw::OpenString { start: at, end: text.len() })
}

/// The byte after the closing brace of the `${` or `%{` at `at`.
pub(super) fn sequence_end(text: &str, at: usize, depth: usize) -> Result<usize, Flaw> {
    if depth > MAX_TEMPLATE_DEPTH {
        return Err(Flaw::TooDeep { start: at, end: line_end(text, at) });
    }
    let bytes = text.as_bytes();
    let mut here = at + 2;
    let mut braces = 0usize;
    while let Some(byte) = bytes.get(here) {
        match byte {
            b'}' if braces == 0 => return Ok(here + 1),
            b'}' => braces -= 1,
            b'{' => braces += 1,
            _ => {}
        }
        here = match token_end(text, here, depth) {
            Ok(end) => end,
            // The quote that ends the string around the sequence looks like one that opens.
            Err(Flaw::OpenString { .. }) => return Err(Flaw::OpenSequence { start: at, end: line_end(text, at) }),
            Err(flaw) => return Err(flaw),
        };
    }
    Err(Flaw::OpenSequence { start: at, end: line_end(text, at) })
}

/// The end of the comment, string, heredoc or single byte at `at`.
fn token_end(text: &str, at: usize, depth: usize) -> Result<usize, Flaw> {
    match text.as_bytes().get(at) {
        Some(b'"') => quoted_end(text, at, depth + 1),
        Some(b'#' | b'/') => comment_end(text, at).unwrap_or(Ok(at + 1)),
        Some(b'<') => match heredoc_start(text, at) {
            Some(start) => heredoc_end(text, &start, depth + 1).map(|(_, end)| end),
            None => Ok(at + 1),
        },
        _ => Ok(at + 1),
    }
}

/// The newline at or after `at`, or the end of the text.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    text.as_bytes()[at.min(text.len())..]
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(text.len(), |length| at + length)
}

/// Finds the expression that begins at `start` and prepares it for hcl-edit.
///
/// It ends at a newline outside of brackets, at a closing bracket that it did not open, or at
/// `limit`. Brackets that are still open there end it at the end of its first line, so that the
/// lines after it are read for themselves.
pub(super) fn expression(text: &str, start: usize, limit: usize, newlines: Newlines) -> Extent<'_> {
    let text = &text[..limit];
    let mut scanner = Scanner { text, newlines, open: Vec::new(), paint: Vec::new(), flaw: None };
    let mut next = scanner.run(start);
    if !scanner.open.is_empty() && newlines == Newlines::End {
        next = line_end(text, start);
    }
    let content = &text[start..next];
    let from = start + (content.len() - content.trim_start().len());
    let painted = scanner.painted(from..next);
    let length = painted.trim_end_matches(is_space).len();
    let lead = painted.len() - painted.trim_start_matches(is_space).len();
    let range = from + lead.min(length)..from + length;
    let painted = match painted {
        Cow::Borrowed(text) => Cow::Borrowed(&text[lead.min(length)..length]),
        Cow::Owned(text) => Cow::Owned(text[lead.min(length)..length].to_owned()),
    };
    Extent { range, next, painted, flaw: scanner.flaw }
}

/// Whether an expression goes on behind the end of a text: a bracket or a heredoc is still open.
pub fn is_unfinished(text: &str) -> bool {
    let mut scanner = Scanner { text, newlines: Newlines::Ignored, open: Vec::new(), paint: Vec::new(), flaw: None };
    scanner.run(0);
    match scanner.flaw {
        None => !scanner.open.is_empty(),
        Some(flaw) => matches!(flaw, Flaw::OpenHeredoc { .. }),
    }
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

/// What is painted over a range.
#[derive(Debug, Clone, Copy)]
enum Paint {
    /// Spaces: nothing is there.
    Blank,
    /// A plain string of the same length.
    String,
    /// A number of the same length.
    Number,
    /// One name of the same length, instead of several with dots between them.
    Name,
}

/// An open bracket, and whether newlines mean something in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bracket {
    closing: u8,
    newlines: Newlines,
}

struct Scanner<'a> {
    text: &'a str,
    newlines: Newlines,
    open: Vec<Bracket>,
    paint: Vec<(Range<usize>, Paint)>,
    flaw: Option<Flaw>,
}

impl<'a> Scanner<'a> {
    fn run(&mut self, start: usize) -> usize {
        let bytes = self.text.as_bytes();
        let mut at = start;
        while let Some(byte) = bytes.get(at) {
            let next = match byte {
                b'\n' if self.newline_ends() => return at,
                b'\n' => self.newline(at),
                b'"' | b'<' => self.string(at),
                b'#' | b'/' => self.comment(at),
                b'(' | b'[' | b'{' => self.bracket(at, *byte),
                b')' | b']' | b'}' => match self.open.last() {
                    Some(bracket) if bracket.closing == *byte => {
                        self.open.pop();
                        at + 1
                    }
                    _ => return at,
                },
                b'0'..=b'9' => self.number(at),
                b'_' | b'a'..=b'z' | b'A'..=b'Z' | 0x80.. => self.names(at),
                _ => at + 1,
            };
            if matches!(self.flaw, Some(Flaw::OpenString { .. } | Flaw::TooDeep { .. })) {
                self.open.clear();
                return next;
            }
            at = next;
        }
        at
    }

    fn newline_ends(&self) -> bool {
        self.open.is_empty() && self.newlines == Newlines::End
    }

    fn newline(&mut self, at: usize) -> usize {
        let newlines = self.open.last().map_or(self.newlines, |bracket| bracket.newlines);
        if newlines == Newlines::Ignored {
            self.paint.push((at..at + 1, Paint::Blank));
        }
        at + 1
    }

    fn string(&mut self, at: usize) -> usize {
        match token_end(self.text, at, 0) {
            Ok(end) => {
                if end > at + 1 && !is_plain(&self.text[at..end]) {
                    self.paint.push((at..end, Paint::String));
                }
                end
            }
            Err(flaw) => {
                self.flaw = self.flaw.or(Some(flaw));
                flaw.end()
            }
        }
    }

    fn comment(&mut self, at: usize) -> usize {
        match comment_end(self.text, at) {
            None => at + 1,
            Some(end) => {
                let end = end.unwrap_or_else(|flaw| {
                    self.flaw = self.flaw.or(Some(flaw));
                    flaw.end()
                });
                self.paint.push((at..end, Paint::Blank));
                end
            }
        }
    }

    /// hcl-edit refuses numbers that no machine float can hold; long ones and those with an
    /// exponent are read from the source.
    fn number(&mut self, at: usize) -> usize {
        let end = number_end(self.text.as_bytes(), at);
        let text = &self.text[at..end];
        if text.len() > 2 && (text.len() > 15 || text.contains(['e', 'E'])) {
            self.paint.push((at..end, Paint::Number));
        }
        end
    }

    /// Names with nothing but dots between them are one to hcl-edit, which spares it most of its
    /// work; the parser reads them from the source.
    fn names(&mut self, at: usize) -> usize {
        let first = scan_name(self.text, at);
        let mut end = first;
        while self.text[end..].starts_with('.') && name_end(self.text, end + 1) > end + 1 {
            end = name_end(self.text, end + 1);
        }
        let is_word = matches!(&self.text[at..first], "true" | "false" | "null" | "for" | "in" | "if");
        let after = self.text[end..].trim_start_matches(is_space);
        let is_function = after.starts_with('(') || after.starts_with("::");
        if end > first && !is_word && !is_function {
            self.paint.push((at..end, Paint::Name));
        }
        end
    }

    fn bracket(&mut self, at: usize, byte: u8) -> usize {
        let (closing, newlines) = match byte {
            b'(' => (b')', Newlines::Ignored),
            b'[' => (b']', Newlines::Ignored),
            _ if self.opens_for(at + 1) => (b'}', Newlines::Ignored),
            _ => (b'}', Newlines::End),
        };
        self.open.push(Bracket { closing, newlines });
        at + 1
    }

    /// Whether `for` stands behind the brace: then newlines mean nothing up to its end.
    fn opens_for(&self, mut at: usize) -> bool {
        loop {
            at += self.text[at..].len() - self.text[at..].trim_start_matches(is_space).len();
            match comment_end(self.text, at) {
                Some(Ok(end)) => at = end,
                _ => return &self.text[at..name_end(self.text, at)] == "for",
            }
        }
    }

    fn painted(&self, range: Range<usize>) -> Cow<'a, str> {
        let inside = |painted: &&(Range<usize>, Paint)| painted.0.start >= range.start && painted.0.end <= range.end;
        let mut painted = self.paint.iter().filter(inside).peekable();
        let text = &self.text[range.clone()];
        let has_return = text.contains('\r');
        if painted.peek().is_none() && !has_return {
            return Cow::Borrowed(text);
        }
        let mut text = if has_return { text.replace('\r', " ") } else { text.to_owned() }.into_bytes();
        for (number, (place, paint)) in painted.enumerate() {
            let place = place.start - range.start..place.end - range.start;
            match paint {
                Paint::Blank => text[place].fill(b' '),
                Paint::String => fill_string(&mut text[place], number),
                Paint::Number => fill_number(&mut text[place]),
                Paint::Name => text[place].iter_mut().filter(|byte| **byte == b'.').for_each(|byte| *byte = b'_'),
            }
        }
        Cow::Owned(String::from_utf8(text).unwrap_or_default())
    }
}

/// The end of the name at `at`, or of the one character there.
fn scan_name(text: &str, at: usize) -> usize {
    let end = name_end(text, at);
    if end > at { end } else { at + text[at..].chars().next().map_or(1, char::len_utf8) }
}

/// The end of the number at `at`: digits, a fraction, an exponent.
fn number_end(bytes: &[u8], at: usize) -> usize {
    let digits = |from: usize| from + bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = digits(at);
    if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent > end + 1 + sign {
            end = exponent;
        }
    }
    end
}

/// Whether hcl-edit and Terraform read the string alike.
fn is_plain(string: &str) -> bool {
    string.starts_with('"') && !string.contains(['\\', '{', '\r'])
}

/// A quoted string with a number in it, so that two painted keys of an object differ.
fn fill_string(place: &mut [u8], mut number: usize) {
    place.fill(b'"');
    let last = place.len().saturating_sub(1);
    for byte in place.iter_mut().take(last).skip(1) {
        *byte = b'a' + (number % 26) as u8;
        number /= 26;
    }
}

/// `1.111…`, whatever the number is.
fn fill_number(place: &mut [u8]) {
    place.fill(b'1');
    if let Some(second) = place.get_mut(1) {
        *second = b'.';
    }
}
