//! Strings and templates: quoted, heredoc, and bare as in a file for `templatefile`.
//!
//! A template is first cut into a flat row of tokens, because trimming (`~`) and the
//! indentation of `<<-` work on the text next to a marker, whatever directive it belongs
//! to. The directives are put together afterwards.

use std::iter::Peekable;
use std::ops::Range;
use std::sync::Arc;
use std::vec::IntoIter;

use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::parse::{MAX_DEPTH, Parser};
use crate::syntax::scan;
use crate::syntax::{Expr, ExprKind, Ident, TemplatePart};
use crate::value::Value;

/// How the text between the sequences is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    /// In quotes, with backslash escapes.
    Quoted,
    /// As it is.
    Plain,
}

#[derive(Debug)]
struct Token {
    kind: TokenKind,
    range: Range<usize>,
    /// Whether the text before it loses the space at its end.
    trims_before: bool,
    /// Whether the text after it loses the space at its start.
    trims_after: bool,
}

#[derive(Debug)]
enum TokenKind {
    Text(String),
    Interpolation(Expr),
    If(Expr),
    Else,
    EndIf,
    For {
        key_variable: Option<Ident>,
        value_variable: Ident,
        source: Expr,
    },
    EndFor,
    /// A sequence that could not be read; the parser has told why.
    Invalid,
}

impl Parser<'_> {
    /// The string or heredoc at `range`.
    pub(super) fn string_at(&mut self, range: Range<usize>) -> Expr {
        if let Some(start) = scan::heredoc_start(self.text, range.start) {
            return match scan::heredoc_end(self.text, &start, 0) {
                Ok((end, _)) => {
                    let tokens = self.tokens(start.body..end, Writing::Plain);
                    self.template(tokens, start.flush, range)
                }
                Err(_) => self.invalid(range),
            };
        }
        let inside = range.start + 1..range.end.saturating_sub(1).max(range.start + 1);
        let tokens = self.tokens(inside, Writing::Quoted);
        self.template(tokens, false, range)
    }

    /// The whole text as one template.
    pub(super) fn bare_template(&mut self) -> Expr {
        let range = 0..self.text.len();
        let tokens = self.tokens(range.clone(), Writing::Plain);
        self.template(tokens, false, range)
    }

    /// The string at `range`, if it is one without sequences; its escapes are undone.
    pub(super) fn plain_string(&mut self, range: Range<usize>) -> Option<String> {
        let inside = range.start + 1..range.end.saturating_sub(1);
        let mut tokens = self.tokens(inside, Writing::Quoted).into_iter();
        let mut whole = String::new();
        tokens.try_for_each(|token| match token.kind {
            TokenKind::Text(text) => {
                whole.push_str(&text);
                Some(())
            }
            _ => None,
        })?;
        Some(whole)
    }

    fn template(&mut self, mut tokens: Vec<Token>, flush: bool, range: Range<usize>) -> Expr {
        trim(&mut tokens);
        if flush {
            take_indentation_away(&mut tokens);
        }
        let span = self.span(range);
        if let [Token { kind: TokenKind::Interpolation(_), .. }] = tokens.as_slice()
            && let Some(Token { kind: TokenKind::Interpolation(inner), .. }) = tokens.pop()
        {
            // The parentheses keep `{"${a}" = 1}` from being read as `{a = 1}`.
            return Expr { kind: ExprKind::Parentheses(Arc::new(inner)), span };
        }
        if tokens.iter().all(|token| matches!(token.kind, TokenKind::Text(_))) {
            let text: String = tokens.iter().map(Token::text).collect();
            return Expr { kind: ExprKind::Literal(Value::string(text)), span };
        }
        let mut tree = Tree { parser: self, tokens: tokens.into_iter().peekable() };
        let kind = ExprKind::Template(tree.parts(None));
        Expr { kind, span }
    }

    /// Cuts a template into tokens; each line of plain text is one of its own.
    fn tokens(&mut self, range: Range<usize>, writing: Writing) -> Vec<Token> {
        let mut tokens = Vec::new();
        let mut at = range.start;
        while at < range.end {
            if scan::is_sequence(self.text, at) && !scan::is_escaped_sequence(self.text, at) {
                let end = match scan::sequence_end(&self.text[..range.end], at, 0) {
                    Ok(end) => end,
                    Err(flaw) => {
                        self.report_flaw(flaw);
                        tokens.push(Token::plain(TokenKind::Invalid, at..range.end));
                        return tokens;
                    }
                };
                tokens.push(self.sequence(at..end));
                at = end;
            } else {
                let end = text_end(self.text, at, range.end);
                let text = self.unescaped(at..end, writing);
                tokens.push(Token::plain(TokenKind::Text(text), at..end));
                at = end;
            }
        }
        tokens
    }

    fn unescaped(&mut self, range: Range<usize>, writing: Writing) -> String {
        let source = self.text;
        let mut text = String::with_capacity(range.len());
        let mut at = range.start;
        while at < range.end {
            let rest = &source[at..range.end];
            if rest.starts_with("$${") || rest.starts_with("%%{") {
                text.push_str(&rest[1..3]);
                at += 3;
            } else if writing == Writing::Quoted && rest.starts_with('\\') {
                at += self.escape(at, rest, &mut text);
            } else {
                let stop = |(offset, c): &(usize, char)| *offset > 0 && matches!(c, '\\' | '$' | '%');
                let length = rest.char_indices().find(stop).map_or(rest.len(), |(offset, _)| offset);
                text.push_str(&rest[..length]);
                at += length;
            }
        }
        text
    }

    /// Undoes the escape at the start of `rest`; returns its length.
    fn escape(&mut self, at: usize, rest: &str, text: &mut String) -> usize {
        let character = rest[1..].chars().next();
        let (digits, length) = match character {
            Some('n') => return push(text, '\n'),
            Some('r') => return push(text, '\r'),
            Some('t') => return push(text, '\t'),
            Some(same @ ('"' | '\\')) => return push(text, same),
            Some('u') => (rest.get(2..6), 6),
            Some('U') => (rest.get(2..10), 10),
            _ => (None, 0),
        };
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32) {
            Some(character) => text.push(character),
            None => {
                let length = 1 + character.map_or(0, char::len_utf8);
                self.diagnostics.push(
                    Diagnostic::error("Invalid escape sequence")
                        .detail(
                            "After a backslash, one of n, r, t, \", \\, u with four or U with eight hexadecimal \
                             digits is expected.",
                        )
                        .at(self.span(at..at + length))
                        .help("write two backslashes for one"),
                );
                return length;
            }
        }
        length
    }

    /// The sequence at `range`, with its markers.
    fn sequence(&mut self, range: Range<usize>) -> Token {
        let text = self.text;
        let inside = &text[range.start + 2..range.end - 1];
        let trims_before = inside.starts_with('~');
        let trims_after = inside.len() > usize::from(trims_before) && inside.ends_with('~');
        let inner = range.start + 2 + usize::from(trims_before)..range.end - 1 - usize::from(trims_after);
        let kind = if self.depth >= MAX_DEPTH {
            let diagnostic = self.too_deep(range.clone());
            self.diagnostics.push(diagnostic);
            TokenKind::Invalid
        } else {
            self.depth += 1;
            let kind = match text.as_bytes()[range.start] {
                b'$' => TokenKind::Interpolation(self.bare_expression(inner)),
                _ => self.directive(inner),
            };
            self.depth -= 1;
            kind
        };
        Token { kind, range, trims_before, trims_after }
    }

    fn directive(&mut self, range: Range<usize>) -> TokenKind {
        let start = range.end - self.text[range.clone()].trim_start().len();
        let end = scan::name_end(self.text, start).min(range.end);
        let rest = end..range.end;
        let kind = match &self.text[start..end] {
            "if" => return TokenKind::If(self.bare_expression(rest)),
            "for" => return self.for_directive(rest),
            "else" => TokenKind::Else,
            "endif" => TokenKind::EndIf,
            "endfor" => TokenKind::EndFor,
            _ => {
                self.diagnostics.push(
                    Diagnostic::error("Invalid template directive")
                        .detail("After %{ one of if, else, endif, for and endfor is expected.")
                        .at(self.span(start..end.max(self.text[..range.end].ceil_char_boundary(start + 1))))
                        .help("write %%{ for the characters themselves"),
                );
                return TokenKind::Invalid;
            }
        };
        if !self.text[rest.clone()].trim().is_empty() {
            let name = &self.text[start..end];
            self.diagnostics.push(
                Diagnostic::error(format!("Extra characters in {name} marker"))
                    .detail(format!("Nothing may follow the word {name} before the closing brace."))
                    .at(self.span(rest)),
            );
        }
        kind
    }

    /// `k, v in expression`
    fn for_directive(&mut self, range: Range<usize>) -> TokenKind {
        let mut at = range.start;
        let mut names = Vec::new();
        loop {
            let start = self.after_space(at, range.end);
            let end = scan::name_end(self.text, start).min(range.end);
            if start >= end {
                return self.invalid_for(start..range.end, "the name of a variable is expected");
            }
            names.push(start..end);
            at = self.after_space(end, range.end);
            if names.len() == 1 && self.text[at..range.end].starts_with(',') {
                at += 1;
            } else {
                break;
            }
        }
        let end = scan::name_end(self.text, at).min(range.end);
        if &self.text[at..end] != "in" {
            return self.invalid_for(at..range.end, "the word `in` is expected");
        }
        let source = self.bare_expression(end..range.end);
        let Some(value_variable) = names.pop() else { return TokenKind::Invalid };
        let value_variable = self.ident(value_variable);
        let key_variable = names.pop().map(|name| self.ident(name));
        TokenKind::For { key_variable, value_variable, source }
    }

    fn invalid_for(&mut self, range: Range<usize>, expected: &str) -> TokenKind {
        self.diagnostics.push(
            Diagnostic::error("Invalid 'for' directive")
                .label(self.span(range), expected)
                .help("%{ for key, value in map }"),
        );
        TokenKind::Invalid
    }

    fn after_space(&self, at: usize, limit: usize) -> usize {
        limit - self.text[at..limit].trim_start().len()
    }
}

fn push(text: &mut String, character: char) -> usize {
    text.push(character);
    2
}

/// The end of the text at `at`: where a sequence begins, after a newline, or at `limit`.
fn text_end(text: &str, at: usize, limit: usize) -> usize {
    let bytes = &text.as_bytes()[..limit];
    let mut here = at;
    while let Some(byte) = bytes.get(here) {
        match byte {
            b'\n' => return here + 1,
            b'$' | b'%' if scan::is_escaped_sequence(text, here) => here = (here + 3).min(limit),
            b'$' | b'%' if scan::is_sequence(text, here) && here + 1 < limit => return here,
            _ => here += 1,
        }
    }
    here
}

impl Token {
    fn plain(kind: TokenKind, range: Range<usize>) -> Token {
        Token { kind, range, trims_before: false, trims_after: false }
    }

    fn text(&self) -> &str {
        if let TokenKind::Text(text) = &self.kind { text } else { "" }
    }
}

fn trim(tokens: &mut [Token]) {
    for at in 0..tokens.len() {
        let before = tokens.get(at + 1).is_some_and(|next| next.trims_before);
        let after = at > 0 && tokens[at - 1].trims_after;
        if let TokenKind::Text(text) = &mut tokens[at].kind {
            if after {
                *text = text.trim_start().to_owned();
            }
            if before {
                text.truncate(text.trim_end().len());
            }
        }
    }
}

/// Takes the least indentation of any line away from all lines, as `<<-` asks. Blank lines
/// do not count, and neither does what sequences will give.
fn take_indentation_away(tokens: &mut [Token]) {
    let mut line_starts = true;
    let mut starts = Vec::new();
    let mut least = usize::MAX;
    for (at, token) in tokens.iter().enumerate() {
        let text = token.text();
        let blank = text.ends_with('\n') && text.trim().is_empty();
        if line_starts && !blank {
            least = least.min(text.chars().count() - text.trim_start().chars().count());
            starts.push(at);
        }
        line_starts = text.ends_with('\n');
    }
    for at in starts {
        if let TokenKind::Text(text) = &mut tokens[at].kind {
            *text = text.chars().skip(least).collect();
        }
    }
}

/// Puts directives together.
struct Tree<'p, 's> {
    parser: &'p mut Parser<'s>,
    tokens: Peekable<IntoIter<Token>>,
}

impl Tree<'_, '_> {
    /// The parts up to the end, or up to what ends `directive`.
    fn parts(&mut self, directive: Option<&str>) -> Vec<TemplatePart> {
        let mut parts = Vec::new();
        let mut text = String::new();
        while let Some(token) = self.tokens.peek() {
            let ends = matches!(token.kind, TokenKind::Else | TokenKind::EndIf | TokenKind::EndFor);
            if ends && directive.is_some() {
                break;
            }
            let Some(token) = self.tokens.next() else { break };
            if !matches!(token.kind, TokenKind::Text(_)) && !text.is_empty() {
                parts.push(TemplatePart::Text(Arc::from(std::mem::take(&mut text))));
            }
            match token.kind {
                TokenKind::Text(more) => text.push_str(&more),
                kind => parts.extend(self.part(kind, token.range)),
            }
        }
        if !text.is_empty() {
            parts.push(TemplatePart::Text(Arc::from(text)));
        }
        parts
    }

    fn part(&mut self, kind: TokenKind, range: Range<usize>) -> Option<TemplatePart> {
        let span = self.parser.span(range.clone());
        match kind {
            TokenKind::Interpolation(expr) => Some(TemplatePart::Interpolation(Arc::new(expr))),
            TokenKind::If(condition) => self.nested(range, |tree, range| tree.if_parts(condition, range)),
            TokenKind::For { key_variable, value_variable, source } => self.nested(range, |tree, range| {
                let body = tree.parts(Some("for"));
                let end = tree.close(span, "for", "endfor");
                let span = tree.parser.span(range).to(end);
                TemplatePart::For { key_variable, value_variable, source: Arc::new(source), body, span }
            }),
            TokenKind::Else => self.unexpected("else", span),
            TokenKind::EndIf => self.unexpected("endif", span),
            TokenKind::EndFor => self.unexpected("endfor", span),
            TokenKind::Invalid | TokenKind::Text(_) => None,
        }
    }

    fn nested(
        &mut self,
        range: Range<usize>,
        read: impl FnOnce(&mut Self, Range<usize>) -> TemplatePart,
    ) -> Option<TemplatePart> {
        if self.parser.depth >= MAX_DEPTH {
            let diagnostic = self.parser.too_deep(range);
            self.parser.diagnostics.push(diagnostic);
            // What follows cannot be told apart any more.
            self.tokens = Vec::new().into_iter().peekable();
            return None;
        }
        self.parser.depth += 1;
        let part = read(self, range);
        self.parser.depth -= 1;
        Some(part)
    }

    fn if_parts(&mut self, condition: Expr, range: Range<usize>) -> TemplatePart {
        let start = self.parser.span(range);
        let then = self.parts(Some("if"));
        let has_else = self.tokens.next_if(|token| matches!(token.kind, TokenKind::Else)).is_some();
        let otherwise = if has_else { self.parts(Some("if")) } else { Vec::new() };
        let end = self.close(start, "if", "endif");
        TemplatePart::If { condition: Arc::new(condition), then, otherwise, span: start.to(end) }
    }

    /// Reads what must end the directive.
    fn close(&mut self, start: Span, name: &str, end: &str) -> Span {
        let Some(token) = self.tokens.next() else {
            self.parser.diagnostics.push(
                Diagnostic::error("Unexpected end of template")
                    .detail(format!("The {name} directive has no {end}."))
                    .label(start, format!("%{{ {end} }} is missing")),
            );
            return start;
        };
        let span = self.parser.span(token.range);
        let found = match token.kind {
            TokenKind::EndIf => "endif",
            TokenKind::EndFor => "endfor",
            _ => "else",
        };
        if found != end {
            self.parser.diagnostics.push(
                Diagnostic::error(format!("Unexpected {found} directive"))
                    .detail(format!("The {name} directive is ended by %{{ {end} }}."))
                    .label(span, "found here")
                    .label(start, "opened here"),
            );
        }
        span
    }

    fn unexpected(&mut self, found: &str, span: Span) -> Option<TemplatePart> {
        self.parser.diagnostics.push(
            Diagnostic::error(format!("Unexpected {found} directive")).detail("No directive is open here.").at(span),
        );
        None
    }
}
