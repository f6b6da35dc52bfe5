//! `module`.

use std::sync::Arc;

use portolan_lang::eval::Reference;
use portolan_lang::syntax::{Block, Expr, Ident};
use portolan_lang::{Diagnostic, Span};

use super::Declarations;
use super::reference_list::literal_text;
use crate::config::constant::constant_text;
use crate::config::model::{Named, Repetition};

/// A call of a module that is not loaded yet.
pub(in crate::config) struct CallBlock {
    pub(in crate::config) name: Ident,
    /// The directory relative to the caller's, as it is written, with its place.
    pub(in crate::config) source: (Arc<str>, Span),
    pub(in crate::config) arguments: Named<(Ident, Arc<Expr>)>,
    pub(in crate::config) repetition: Repetition,
    pub(in crate::config) depends_on: Vec<Reference>,
    /// The block's header.
    pub(in crate::config) span: Span,
    /// The block's body.
    pub(in crate::config) body: Span,
}

impl Declarations<'_> {
    pub(super) fn module_call(&mut self, block: Block) {
        let span = block.header();
        let body = block.body.span;
        let Some(name) = block.labels.into_iter().next() else { return };
        if !self.has_valid_name("module", &name) {
            return;
        }
        let is_new = self.declare(format!("module.{}", name.name), "module call", span);
        let mut content = self.content("module", block.body);
        self.refuse_version_and_providers(&mut content);
        let source = content.expr("source").and_then(|expr| self.local_source(&expr));
        let repetition = self.repetition(&mut content);
        let depends_on = self.depends_on(&mut content);
        let arguments = content.rest.attributes.into_iter();
        let arguments = arguments.map(|a| (a.name.name.clone(), (a.name, a.expr))).collect();
        if let (Some(source), true) = (source, is_new) {
            self.calls.push(CallBlock { name, source, arguments, repetition, depends_on, span, body });
        }
    }

    fn refuse_version_and_providers(&mut self, content: &mut crate::config::content::Content) {
        let reasons = [
            ("version", "Modules are directories; there is no registry from which a version could be taken."),
            ("providers", "All modules use the connections of the root module; there is nothing to pass on."),
        ];
        for (name, why) in reasons {
            if let Some(attribute) = content.attribute(name) {
                self.diagnostics.push(Diagnostic::error("Unsupported argument").detail(why).at(attribute.name.span));
            }
        }
    }

    fn local_source(&mut self, expr: &Expr) -> Option<(Arc<str>, Span)> {
        let text = match literal_text(expr) {
            Some(text) => Arc::from(text),
            None => constant_text(expr, &mut self.diagnostics)?,
        };
        let is_local = |text: &str| text == "." || text == ".." || text.starts_with("./") || text.starts_with("../");
        if is_local(&text) {
            return Some((text, expr.span));
        }
        let problem = Diagnostic::error("Invalid module source")
            .detail(format!("{text:?} is no local directory: it begins neither with ./ nor with ../."))
            .at(expr.span);
        let is_plain = !text.is_empty() && !text.contains(':') && !text.starts_with('/');
        self.diagnostics.push(match is_plain {
            true => problem.help(format!("For a directory beside this file, write \"./{text}\".")),
            false => problem.help("Copy the module into a directory beside this one."),
        });
        None
    }
}
