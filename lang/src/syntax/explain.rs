//! What is wrong with an expression that hcl-edit refused.
//!
//! hcl-edit says where it stopped and what could have followed. What a person did is often
//! plain from the characters found there.

use std::ops::Range;

use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::parse::Parser;
use crate::syntax::scan::{self, Extent};

impl Parser<'_> {
    /// The diagnostic for the expression at `extent`.
    pub(super) fn syntax_error(&self, extent: &Extent<'_>, error: &hcl_edit::parser::Error) -> Diagnostic {
        let message = error.message();
        let at = self.error_offset(extent, error);
        let rest = self.text.get(at..extent.next).unwrap_or("");
        let found = self.found(at, extent);
        let span = self.span(found.clone());
        if message.contains("nesting depth") || message.contains("chained binary operators") {
            return self.too_deep(found);
        }
        if rest.starts_with('\'') {
            return Diagnostic::error("Invalid character")
                .detail("Strings are written between double quotes.")
                .label(span, "not a quote in this language")
                .help("write \"…\" instead of '…'");
        }
        if rest.starts_with('`') || rest.starts_with(';') {
            let character = &rest[..1];
            return Diagnostic::error("Invalid character")
                .detail(format!("The character `{character}` has no meaning here."))
                .at(span);
        }
        if rest.trim_end().is_empty() {
            return self.ends_early(extent, at, message);
        }
        if rest.trim_end().chars().all(|character| OPERATORS.contains(character)) {
            return self.ends_early(extent, at, "");
        }
        if message == "unexpected token" && self.looks_complete(extent, at) {
            return self.after_complete(extent, at, span);
        }
        let found = &self.text[found];
        Diagnostic::error("Invalid expression")
            .detail(format!("`{found}` cannot stand here."))
            .label(span, expectation(message))
    }

    /// Where hcl-edit stopped, without the space before the next token.
    fn error_offset(&self, extent: &Extent<'_>, error: &hcl_edit::parser::Error) -> usize {
        let location = error.location();
        let mut offset = location.offset().min(extent.painted.len());
        let line = extent.painted.get(..offset).map_or("", |before| before.rsplit('\n').next().unwrap_or(before));
        // At the end of the text, hcl-edit gives the offset of the last character, but the
        // column after it.
        if location.column() > line.chars().count() + 1 {
            offset = extent.painted.len();
        }
        let painted = extent.painted.get(offset..).unwrap_or("");
        let mut at = extent.range.start + offset + (painted.len() - painted.trim_start_matches([' ', '\t']).len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    /// The token at `at`.
    fn found(&self, at: usize, extent: &Extent<'_>) -> Range<usize> {
        let name = scan::name_end(self.text, at);
        let length = self.text.get(at..extent.next).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        at..name.max(at + length).min(extent.next.max(at))
    }

    fn ends_early(&self, extent: &Extent<'_>, at: usize, message: &str) -> Diagnostic {
        let place = self.span(extent.range.end.max(at)..extent.range.end.max(at));
        Diagnostic::error("Incomplete expression")
            .detail("The expression ends before it is complete.")
            .label(place, expectation(message))
            .help("an expression goes on over several lines only inside of brackets")
    }

    /// Whether what stands before `at` is an expression by itself.
    fn looks_complete(&self, extent: &Extent<'_>, at: usize) -> bool {
        let before = extent.painted.get(..at.saturating_sub(extent.range.start)).unwrap_or("");
        hcl_edit::parser::parse_expr(before.trim_end()).is_ok()
    }

    /// What is wrong with what follows a complete expression.
    fn after_complete(&self, extent: &Extent<'_>, at: usize, span: Span) -> Diagnostic {
        let rest = self.text.get(at..extent.next).unwrap_or("");
        if rest.starts_with(scan::starts_name) {
            return Diagnostic::error("Missing newline after argument")
                .detail("Each argument stands on a line of its own.")
                .label(span, "this does not belong to the value before it");
        }
        Diagnostic::error("Extra characters after expression")
            .detail("The expression is complete before this.")
            .at(span)
    }
}

/// The characters of operators: where nothing follows them, hcl-edit stops before them.
const OPERATORS: &str = "+-*/%<>=!&|?:";

/// What could have stood there, in words.
fn expectation(message: &str) -> String {
    match message.split_once("expected ") {
        Some((_, expected)) if expected.len() > 60 || expected.contains("letter") => {
            "a value is expected here".to_owned()
        }
        Some((_, expected)) => {
            format!("{} is expected here", expected.replace("`\n`", "a newline").replace('\n', "newline"))
        }
        None => "a value is expected here".to_owned(),
    }
}
