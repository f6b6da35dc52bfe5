//! The native form: from text to the tree.
//!
//! Bodies are read here, item by item, so that a mistake in one item hides none of the
//! others. Each expression is found by [`scan`](super::scan) and parsed by hcl-edit, whose
//! tree is turned into ours at once ([`lower`](super::lower)) and dropped. Templates are
//! read by [`template`](super::template).

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::eval::{Draft, Reference, ReferencePath, ReferenceStep};
use crate::source::{FileId, Span};
use crate::syntax::scan::{self, Flaw, Newlines};
use crate::syntax::{Attribute, Block, Body, Expr, ExprKind, Ident};

/// How deeply blocks, templates and expressions may nest altogether, so that no input
/// overflows the stack.
pub(super) const MAX_DEPTH: usize = 256;

/// How many steps may follow one another: `a.b.c[0]…`.
pub(super) const MAX_STEPS: usize = 128;

/// How deeply blocks may nest.
const MAX_BLOCK_DEPTH: usize = 64;

/// Parses a whole file. What could be read is returned beside what is wrong.
pub fn parse_body(file: FileId, text: &str) -> (Body, Diagnostics) {
    let mut parser = Parser::new(file, text);
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut reader = BodyReader { parser: &mut parser, at: start };
    let (body, _) = reader.body(start, Ending::Text);
    (body, parser.diagnostics)
}

/// Parses a text that is one expression.
pub fn parse_expr(file: FileId, text: &str) -> (Expr, Diagnostics) {
    let mut parser = Parser::new(file, text);
    let expr = parser.bare_expression(0..text.len());
    (expr, parser.diagnostics)
}

/// Parses a text that is one template, as a file for `templatefile` is. A template that is
/// one interpolation is the value of that interpolation.
pub fn parse_template(file: FileId, text: &str) -> (Expr, Diagnostics) {
    let mut parser = Parser::new(file, text);
    let expr = parser.bare_template();
    (expr, parser.diagnostics)
}

/// What all parts of the parser share.
pub(super) struct Parser<'s> {
    pub(super) text: &'s str,
    pub(super) diagnostics: Diagnostics,
    /// The nesting of what is being read.
    pub(super) depth: usize,
    /// Whether something that was never closed took all the rest of the text.
    cut_off: bool,
    places: Places<'s>,
    names: FxHashSet<Arc<str>>,
    /// What names with dots between them refer to, by the text of them.
    paths: FxHashMap<&'s str, Arc<ReferencePath>>,
}

/// Where the bytes of the text stand in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places<'s> {
    pub(super) file: FileId,
    /// The offset of the text in the file.
    pub(super) base: usize,
    /// The place of each byte after `base`, where escapes moved them.
    pub(super) map: Option<&'s [u32]>,
}

impl<'s> Parser<'s> {
    pub(super) fn new(file: FileId, text: &'s str) -> Self {
        Parser::with_places(text, Places { file, base: 0, map: None })
    }

    pub(super) fn with_places(text: &'s str, places: Places<'s>) -> Self {
        Parser {
            text,
            diagnostics: Diagnostics::new(),
            depth: 0,
            cut_off: false,
            places,
            names: FxHashSet::default(),
            paths: FxHashMap::default(),
        }
    }

    pub(super) fn span(&self, range: std::ops::Range<usize>) -> Span {
        let Places { file, base, map } = self.places;
        let place = |offset: usize| match map.and_then(|map| map.get(offset)) {
            Some(moved) => base + *moved as usize,
            None => base + offset,
        };
        Span::new(file, place(range.start)..place(range.end))
    }

    /// The shared copy of a name.
    pub(super) fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        let name: Arc<str> = Arc::from(name);
        self.names.insert(name.clone());
        name
    }

    pub(super) fn ident(&mut self, range: std::ops::Range<usize>) -> Ident {
        let span = self.span(range.clone());
        let text = self.text;
        Ident { name: self.name(&text[range]), span }
    }

    /// The reference that is written as names with nothing but dots between them.
    pub(super) fn dotted(&mut self, range: std::ops::Range<usize>) -> Reference {
        let span = self.span(range.clone());
        let text = self.text;
        let text = &text[range.clone()];
        if let Some(path) = self.paths.get(text) {
            return Reference::of_path(path.clone(), span);
        }
        if text.matches('.').count() > MAX_STEPS {
            let diagnostic = self.too_deep(range.clone());
            self.diagnostics.push(diagnostic);
        }
        let mut names = text.split('.').take(1 + MAX_STEPS);
        let root = names.next().unwrap_or_default();
        let mut draft = Draft::new(self.name(root));
        let mut at = range.start + root.len();
        for name in names {
            let part = self.within(span, at + 1..at + 1 + name.len());
            draft.push(ReferenceStep::Attribute(self.name(name)), part.clone(), part.end);
            at += 1 + name.len();
        }
        let path = draft.path();
        // Where escapes move places, those of one text are not those of the same text elsewhere.
        if self.places.map.is_none() {
            self.paths.insert(text, path.clone());
        }
        Reference::of_path(path, span)
    }

    /// A place in bytes from the beginning of another one.
    pub(super) fn within(&self, outer: Span, range: std::ops::Range<usize>) -> std::ops::Range<usize> {
        let inner = self.span(range).range();
        let start = outer.range().start;
        inner.start.saturating_sub(start)..inner.end.saturating_sub(start)
    }

    pub(super) fn invalid(&self, range: std::ops::Range<usize>) -> Expr {
        Expr { kind: ExprKind::Invalid, span: self.span(range) }
    }

    /// Parses what stands alone: newlines mean nothing outside of objects.
    pub(super) fn bare_expression(&mut self, range: std::ops::Range<usize>) -> Expr {
        let extent = scan::expression(self.text, range.start, range.end, Newlines::Ignored);
        if extent.next < range.end && extent.flaw.is_none() {
            let at = extent.next;
            let found = &self.text[at..at + 1];
            self.diagnostics.push(
                Diagnostic::error("Extra characters after expression")
                    .detail(format!("The bracket `{found}` closes nothing that was opened in this expression."))
                    .at(self.span(at..at + 1)),
            );
            return self.invalid(range);
        }
        self.expression(&extent)
    }

    /// Says what was never closed.
    pub(super) fn report_flaw(&mut self, flaw: Flaw) {
        self.cut_off |= flaw.end() == self.text.len();
        let diagnostic = match flaw {
            Flaw::OpenString { start, end } => Diagnostic::error("Unclosed string")
                .detail("The line ends before the closing quote of this string.")
                .label(self.span(end..end), "the quote is missing here")
                .label(self.span(start..start + 1), "the string begins here")
                .help("write \\n for a newline inside of quotes, or use a heredoc for text of several lines"),
            Flaw::OpenHeredoc { start, end } => Diagnostic::error("Unclosed heredoc")
                .detail("The file ends before the line that closes this heredoc.")
                .label(self.span(end..end), "the closing word is missing")
                .label(self.span(start..start), "the text begins here")
                .help("the closing word stands on a line of its own"),
            Flaw::OpenSequence { start, end } => {
                let problem = Diagnostic::error("Unclosed template sequence")
                    .detail("The closing brace of this sequence is missing.")
                    .help("write $${ or %%{ for the characters themselves");
                let (start, end) = (self.span(start..start + 2), self.span(end..end));
                if self.cut_off {
                    problem.label(end, "the brace is missing here").label(start, "opened here")
                } else {
                    problem.label(start, "never closed").label(end, "")
                }
            }
            Flaw::OpenComment { start, end: _ } => Diagnostic::error("Unclosed comment")
                .detail("The file ends before the */ of this comment.")
                .at(self.span(start..start + 2)),
            Flaw::TooDeep { start, end } => self.too_deep(start..end),
        };
        self.diagnostics.push(diagnostic);
    }

    pub(super) fn too_deep(&self, range: std::ops::Range<usize>) -> Diagnostic {
        Diagnostic::error("Nested too deeply")
            .detail("Blocks, templates and brackets nest more deeply here than any configuration needs.")
            .at(self.span(range))
            .help("give the inner parts names with locals")
    }
}

/// What ends a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// The end of the text.
    Text,
    /// A closing brace.
    Brace,
}

struct BodyReader<'p, 's> {
    parser: &'p mut Parser<'s>,
    at: usize,
}

impl<'s> BodyReader<'_, 's> {
    fn text(&self) -> &'s str {
        self.parser.text
    }

    fn peek(&self) -> Option<char> {
        self.text()[self.at..].chars().next()
    }

    fn error(&mut self, summary: &str, detail: &str, range: std::ops::Range<usize>) {
        let span = self.parser.span(range);
        self.parser.diagnostics.push(Diagnostic::error(summary).detail(detail).at(span));
    }

    /// Skips spaces and comments, and newlines too if they are `Ignored`.
    fn skip(&mut self, newlines: Newlines) {
        loop {
            let rest = &self.text()[self.at..];
            let is_space = |c: char| matches!(c, ' ' | '\t' | '\r') || (newlines == Newlines::Ignored && c == '\n');
            self.at += rest.len() - rest.trim_start_matches(is_space).len();
            match scan::comment_end(self.text(), self.at) {
                None => return,
                Some(Ok(end)) => self.at = end,
                Some(Err(flaw)) => {
                    self.parser.report_flaw(flaw);
                    self.at = flaw.end();
                }
            }
        }
    }

    /// Reads items up to what ends the body; also says whether that was found.
    fn body(&mut self, start: usize, ending: Ending) -> (Body, bool) {
        let mut attributes = Vec::new();
        let mut blocks = Vec::new();
        let mut closed = ending == Ending::Text;
        loop {
            self.skip(Newlines::Ignored);
            match self.peek() {
                None => break,
                Some('}') if ending == Ending::Brace => {
                    self.at += 1;
                    closed = true;
                    break;
                }
                Some(character) if scan::starts_name(character) => self.item(&mut attributes, &mut blocks),
                Some(character) => self.not_an_item(character),
            }
        }
        attributes.shrink_to_fit();
        blocks.shrink_to_fit();
        let body = Body { attributes, blocks, ..Body::empty(self.parser.span(start..self.at)) };
        self.refuse_duplicates(&body);
        (body, closed)
    }

    fn item(&mut self, attributes: &mut Vec<Attribute>, blocks: &mut Vec<Block>) {
        let start = self.at;
        self.at = scan::name_end(self.text(), start);
        let name = start..self.at;
        self.skip(Newlines::End);
        let rest = &self.text()[self.at..];
        match rest.chars().next() {
            Some('=') if !rest.starts_with("==") => {
                self.at += 1;
                attributes.push(self.attribute(name));
                self.end_of_line("argument");
            }
            Some(c) if c == '{' || c == '"' || scan::starts_name(c) => {
                if let Some(block) = self.block(name) {
                    blocks.push(block);
                }
            }
            _ => {
                self.error(
                    "Argument or block definition required",
                    "An argument is written as `name = value`, a block as `name { … }`.",
                    name,
                );
                self.skip_line();
            }
        }
    }

    fn not_an_item(&mut self, character: char) {
        let range = self.at..self.at + character.len_utf8();
        match character {
            '"' | '\'' => self.error(
                "Invalid argument name",
                "The names of arguments and blocks are written without quotes.",
                range,
            ),
            '}' => self.error("Unexpected closing brace", "There is no block that this brace could close.", range),
            _ => self.error(
                "Argument or block definition required",
                "An argument is written as `name = value`, a block as `name { … }`.",
                range,
            ),
        }
        if character == '}' {
            self.at += 1;
        } else {
            self.skip_line();
        }
    }

    /// Goes on after the rest of the line, with all brackets and strings that open on it.
    fn skip_line(&mut self) {
        let extent = scan::expression(self.text(), self.at, self.text().len(), Newlines::End);
        let stays = extent.next == self.at;
        self.at = extent.next;
        if let (true, Some(character)) = (stays, self.peek()) {
            self.at += if character == '}' { 0 } else { character.len_utf8() };
        }
    }

    fn attribute(&mut self, name: std::ops::Range<usize>) -> Attribute {
        let name = self.parser.ident(name);
        let extent = scan::expression(self.text(), self.at, self.text().len(), Newlines::End);
        self.at = extent.next;
        let expr = self.parser.expression(&extent);
        Attribute { name, expr: Arc::new(expr) }
    }

    /// After an argument or a block: nothing may follow on the line.
    fn end_of_line(&mut self, what: &str) {
        self.skip(Newlines::End);
        match self.peek() {
            None => {}
            Some('\n') => self.at += 1,
            Some(character) => {
                let range = self.at..self.at + character.len_utf8();
                let detail = format!("Each {what} stands on a line of its own.");
                self.error(&format!("Missing newline after {what}"), &detail, range);
                if character == ')' || character == ']' {
                    self.skip_line();
                }
            }
        }
    }

    fn block(&mut self, keyword: std::ops::Range<usize>) -> Option<Block> {
        let start = keyword.start;
        let keyword = self.parser.ident(keyword);
        let labels = self.labels(start)?;
        let open = self.at;
        self.at += 1;
        self.parser.depth += 1;
        let body = if self.parser.depth > MAX_BLOCK_DEPTH {
            let diagnostic = self.parser.too_deep(open..open + 1);
            self.parser.diagnostics.push(diagnostic);
            self.parser.cut_off = true;
            self.at = self.text().len();
            None
        } else {
            Some(self.block_body(open))
        };
        self.parser.depth -= 1;
        Some(Block { keyword, labels, body: body? })
    }

    fn labels(&mut self, start: usize) -> Option<Vec<Ident>> {
        let mut labels = Vec::new();
        loop {
            self.skip(Newlines::End);
            match self.peek() {
                Some('{') => {
                    labels.shrink_to_fit();
                    return Some(labels);
                }
                Some('"') => labels.push(self.quoted_label()?),
                Some(character) if scan::starts_name(character) => {
                    let end = scan::name_end(self.text(), self.at);
                    labels.push(self.parser.ident(self.at..end));
                    self.at = end;
                }
                _ => {
                    self.error(
                        "Invalid block definition",
                        "A block needs its opening brace on the same line as its name and labels; an argument \
                         needs an equals sign after its name.",
                        start..self.at,
                    );
                    self.skip_line();
                    return None;
                }
            }
        }
    }

    fn quoted_label(&mut self) -> Option<Ident> {
        let start = self.at;
        match scan::quoted_end(self.text(), start, 0) {
            Ok(end) => self.at = end,
            Err(flaw) => {
                self.parser.report_flaw(flaw);
                self.at = flaw.end();
                return None;
            }
        }
        let range = start..self.at;
        let label = self.parser.plain_string(range.clone());
        if label.is_none() {
            self.error("Invalid label", "A label is a plain string; templates cannot be used in it.", range.clone());
        }
        Some(Ident { name: label.unwrap_or_default().into(), span: self.parser.span(range) })
    }

    /// What follows the brace at `open`: several lines, or one argument on the same line.
    fn block_body(&mut self, open: usize) -> Body {
        self.skip(Newlines::End);
        let (body, closed) = match self.peek() {
            Some('}') => {
                self.at += 1;
                (Body::empty(self.parser.span(open..self.at)), true)
            }
            Some(character) if scan::starts_name(character) => self.one_line_body(open),
            _ => self.body(open, Ending::Brace),
        };
        if closed {
            self.end_of_block();
        } else if !self.parser.cut_off {
            self.parser.cut_off = true;
            let span = self.parser.span(open..open + 1);
            self.parser.diagnostics.push(
                Diagnostic::error("Unclosed block")
                    .detail("The file ends before the closing brace of this block.")
                    .label(span, "opened here"),
            );
        }
        body
    }

    fn end_of_block(&mut self) {
        self.skip(Newlines::End);
        if !matches!(self.peek(), Some('}')) {
            self.end_of_line("block");
        }
    }

    fn one_line_body(&mut self, open: usize) -> (Body, bool) {
        let start = self.at;
        let name_end = scan::name_end(self.text(), start);
        self.at = name_end;
        self.skip(Newlines::End);
        if self.peek() != Some('=') || self.text()[self.at..].starts_with("==") {
            self.error(
                "Invalid single-argument block",
                "A block on one line holds one argument; other blocks in it need lines of their own.",
                start..name_end,
            );
            self.at = start;
            return self.body(open, Ending::Brace);
        }
        self.at += 1;
        let attribute = self.attribute(start..name_end);
        self.skip(Newlines::End);
        if self.peek() == Some('}') {
            self.at += 1;
            let span = self.parser.span(open..self.at);
            return (Body { attributes: vec![attribute], ..Body::empty(span) }, true);
        }
        self.error(
            "Invalid single-argument block",
            "A block that begins on one line must end on it, and hold one argument only.",
            self.at..self.at,
        );
        let (mut body, closed) = self.body(open, Ending::Brace);
        body.attributes.insert(0, attribute);
        (body, closed)
    }

    fn refuse_duplicates(&mut self, body: &Body) {
        if body.attributes.len() < 2 {
            return;
        }
        let mut sorted: Vec<&Ident> = body.attributes.iter().map(|attribute| &attribute.name).collect();
        sorted.sort_by(|left, right| left.name.cmp(&right.name));
        for pair in sorted.windows(2).filter(|pair| pair[0].name == pair[1].name) {
            self.parser.diagnostics.push(
                Diagnostic::error("Attribute redefined")
                    .detail(format!("The argument {:?} is set twice in the same body.", pair[0].name))
                    .label(pair[1].span, "set again here")
                    .label(pair[0].span, "set here first"),
            );
        }
    }
}
