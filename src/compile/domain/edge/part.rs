//! A block inside another, with its place in the source.

use std::sync::Arc;

use portolan_lang::syntax::{Body, ExprKind, Ident};
use portolan_lang::{Diagnostic, Number, Span, Type, Value};

use crate::compile::domain::{Block, undecided, unknown_word};

/// A decoded block, and where its attributes stand.
#[derive(Clone)]
pub(super) struct Part<'a> {
    pub(super) value: Value,
    /// `None` where it was made by a dynamic block.
    body: Option<&'a Body>,
    header: Span,
}

impl<'a> Part<'a> {
    /// The whole block.
    pub(super) fn of(input: &Block<'a>, value: &Value) -> Part<'a> {
        Part { value: value.clone(), body: Some(input.body), header: input.span }
    }

    /// The value of an attribute, or null.
    pub(super) fn take(&self, name: &str) -> Value {
        self.value.get(name).unwrap_or_else(|| Value::null(Type::Any))
    }

    /// The place of an attribute's value, or the block's header where it is not set.
    pub(super) fn span(&self, name: &str) -> Span {
        let attribute = self.body.and_then(|body| body.attribute(name));
        attribute.map_or(self.header, |attribute| attribute.expr.span)
    }

    /// The place of an entry in the map of an attribute, where it is written there; otherwise of the map.
    pub(super) fn entry_span(&self, name: &str, key: &str) -> Span {
        let attribute = self.body.and_then(|body| body.attribute(name));
        let items = attribute.and_then(|attribute| match &attribute.expr.kind {
            ExprKind::Object(items) => Some(items),
            _ => None,
        });
        let is_it = |kind: &ExprKind| matches!(kind, ExprKind::Literal(value) if value.as_str() == Some(key));
        let item = items.and_then(|items| items.iter().find(|(name, _)| is_it(&name.kind)));
        item.map_or_else(|| self.span(name), |(name, _)| name.span)
    }

    /// The block of this keyword, if there is one.
    pub(super) fn single(&self, keyword: &'static str) -> Option<Part<'a>> {
        let value = self.value.get(keyword).filter(|value| !value.is_null())?;
        Some(self.inside(value, keyword, |labels| labels.is_empty()))
    }

    /// The blocks of this keyword by their labels.
    pub(super) fn named(&self, keyword: &'static str) -> Vec<(Arc<str>, Part<'a>)> {
        let Some(blocks) = self.value.get(keyword) else { return Vec::new() };
        let part = |(name, value): (&Arc<str>, &Value)| {
            let is_it = |labels: &[Ident]| labels.first().is_some_and(|label| label.name == *name);
            (name.clone(), self.inside(value.clone(), keyword, is_it))
        };
        blocks.entries().into_iter().flat_map(|entries| entries.iter()).map(part).collect()
    }

    fn inside(&self, value: Value, keyword: &'static str, is_it: impl Fn(&[Ident]) -> bool) -> Part<'a> {
        let block = self.body.and_then(|body| body.blocks(keyword).find(|block| is_it(&block.labels)));
        let header = block.map_or(self.header, |block| block.header());
        Part { value, body: block.map(|block| &block.body), header }
    }

    /// Where it begins in its file; `None` where it was made by a dynamic block.
    pub(super) fn position(&self) -> Option<Span> {
        self.body.map(|_| self.header)
    }

    /// A text that decides what there will be; `None` where it is not set.
    pub(super) fn text(&self, name: &str) -> Result<Option<Arc<str>>, Diagnostic> {
        let value = self.take(name);
        match (value.is_null(), value.as_str()) {
            (true, _) => Ok(None),
            (_, Some(text)) => Ok(Some(Arc::from(text))),
            _ => Err(undecided(&format!("\"{name}\""), self.span(name))),
        }
    }

    /// A number that decides what there will be; `None` where it is not set.
    pub(super) fn number(&self, name: &str) -> Result<Option<Number>, Diagnostic> {
        let value = self.take(name);
        match (value.is_null(), value.as_number()) {
            (true, _) => Ok(None),
            (_, Some(number)) => Ok(Some(number.clone())),
            _ => Err(undecided(&format!("\"{name}\""), self.span(name))),
        }
    }

    /// Whether something is set and true.
    pub(super) fn is(&self, name: &str) -> bool {
        self.take(name).as_bool() == Some(true)
    }

    /// One of these words.
    pub(super) fn word(&self, name: &str, known: &[&'static str]) -> Result<&'static str, Diagnostic> {
        let value = self.take(name);
        let found = value.as_str().and_then(|given| known.iter().find(|word| **word == given));
        let summary = || format!("Unknown {}", name.replace('_', " "));
        found.copied().ok_or_else(|| unknown_word(&summary(), &value, known).at(self.span(name)))
    }

    /// A problem with an attribute.
    pub(super) fn problem(&self, name: &str, summary: &str, detail: impl Into<String>) -> Diagnostic {
        Diagnostic::error(summary).detail(detail).at(self.span(name))
    }
}
