//! Strings with interpolations and directives.

use std::sync::Arc;

use crate::convert::convert;
use crate::diagnostic::Diagnostic;
use crate::eval::bounds;
use crate::eval::evaluator::{Evaluated, Evaluator, Failed};
use crate::limits::MAX_TEXT;
use crate::source::Span;
use crate::syntax::{Expr, Ident, TemplatePart};
use crate::types::Type;
use crate::value::{Data, Marks, Unknown, Value};

/// How much of the beginning of an unknown string is kept.
const MAX_PREFIX: usize = 128;

/// The text so far.
struct Text {
    text: String,
    /// Whether all of it is known; `text` is then the beginning that is.
    known: bool,
    marks: Marks,
}

impl Text {
    fn push(&mut self, text: &str) {
        if self.known {
            self.text.push_str(text);
        }
    }

    fn value(self) -> Value {
        if self.known {
            return Value::string(self.text).mark(self.marks);
        }
        let unknown = Unknown {
            ty: Type::String,
            not_null: true,
            prefix: Arc::from(safe_prefix(&self.text)),
            ..Unknown::default()
        };
        Value::unknown_with(unknown).mark(self.marks)
    }
}

/// The prefix without its last character, which what follows might combine with.
fn safe_prefix(text: &str) -> &str {
    let mut end = text.len().min(MAX_PREFIX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].char_indices().next_back().map_or("", |(last, _)| &text[..last])
}

impl Evaluator<'_> {
    pub(super) fn template(&mut self, parts: &[TemplatePart]) -> Evaluated {
        let mut text = Text { text: String::new(), known: true, marks: Marks::NONE };
        self.template_parts(parts, &mut text)?;
        Ok(text.value())
    }

    fn template_parts(&mut self, parts: &[TemplatePart], text: &mut Text) -> Result<(), Failed> {
        let mut failed = false;
        for part in parts {
            failed |= self.template_part(part, text).is_err();
        }
        if failed { Err(Failed) } else { Ok(()) }
    }

    fn template_part(&mut self, part: &TemplatePart, text: &mut Text) -> Result<(), Failed> {
        match part {
            TemplatePart::Text(more) => {
                text.push(more);
                Ok(())
            }
            TemplatePart::Interpolation(expr) => self.interpolation(expr, text),
            TemplatePart::If { condition, then, otherwise, .. } => self.if_directive(condition, then, otherwise, text),
            TemplatePart::For { key_variable, value_variable, source, body, .. } => {
                self.for_directive(key_variable.as_ref(), value_variable, source, body, text)
            }
        }
    }

    fn interpolation(&mut self, expr: &Expr, text: &mut Text) -> Result<(), Failed> {
        let value = self.expr(expr)?;
        text.marks = text.marks.union(value.marks());
        if value.is_null() {
            return self.fail(not_text("The value is null, and null is no text.", "this is null", expr.span));
        }
        match convert(&value, &Type::String).map(Value::into_data) {
            Ok(Data::String(more)) if text.text.len().saturating_add(more.len()) > MAX_TEXT => {
                return self.stop(bounds::text_too_long(expr.span));
            }
            Ok(Data::String(more)) => text.push(&more),
            Ok(_) => text.known = false,
            Err(error) => {
                let detail = format!("The value cannot be made text: {}.", error.message);
                let label = format!("this is a {}", value.ty().friendly_name());
                return self.fail(not_text(&detail, &label, expr.span).help("jsonencode makes text of any value"));
            }
        }
        Ok(())
    }

    fn if_directive(
        &mut self,
        condition: &Expr,
        then: &[TemplatePart],
        otherwise: &[TemplatePart],
        text: &mut Text,
    ) -> Result<(), Failed> {
        let value = self.expr(condition)?;
        text.marks = text.marks.union(value.marks());
        let chosen = self.condition(&value, condition.span)?;
        let others: &[&[TemplatePart]] = match chosen {
            Some(true) => &[otherwise],
            Some(false) => &[then],
            None => &[then, otherwise],
        };
        // As in a conditional, the marks of the side that is not chosen count, its problems do not.
        for side in others {
            if let (Ok(value), _) = self.apart(|evaluator| evaluator.template(side)) {
                text.marks = text.marks.union(value.marks());
            }
        }
        match chosen {
            Some(true) => self.template_parts(then, text),
            Some(false) => self.template_parts(otherwise, text),
            None => {
                text.known = false;
                Ok(())
            }
        }
    }

    fn for_directive(
        &mut self,
        key_variable: Option<&Ident>,
        value_variable: &Ident,
        source: &Expr,
        body: &[TemplatePart],
        text: &mut Text,
    ) -> Result<(), Failed> {
        let value = self.expr(source)?;
        text.marks = text.marks.union(value.marks());
        let Some(elements) = self.elements_of(&value, source.span)? else {
            text.known = false;
            return Ok(());
        };
        self.spend(elements.len() as u64, source.span)?;
        let before = self.variables.len();
        let mut failed = false;
        for (key, value) in elements {
            if let Some(name) = key_variable {
                self.variables.push((name.name.clone(), key));
            }
            self.variables.push((value_variable.name.clone(), value));
            failed |= self.template_parts(body, text).is_err();
            self.variables.truncate(before);
            if text.text.len() > MAX_TEXT {
                return self.stop(bounds::text_too_long(source.span));
            }
        }
        if failed { Err(Failed) } else { Ok(()) }
    }
}

fn not_text(detail: &str, label: &str, place: Span) -> Diagnostic {
    Diagnostic::error("Invalid template interpolation value").detail(detail).label(place, label)
}
