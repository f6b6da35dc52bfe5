//! `resource` and `data`.

use std::sync::Arc;

use portolan_lang::eval::{Reference, ReferenceStep, key_value};
use portolan_lang::syntax::{Block, Expr, ExprKind, Ident};
use portolan_lang::{Diagnostic, Diagnostics, Span};

use super::Declarations;
use super::reference_list::reference;
use super::shapes::RESOURCE;
use crate::config::content::{Content, suggest};
use crate::config::fit::fit;
use crate::config::model::{ProviderReference, ResourceBlock};

impl Declarations<'_> {
    pub(super) fn resource(&mut self, block: Block) {
        if let Some(resource) = self.resource_block(block) {
            self.module.resources.insert(Arc::from(resource.local_address()), Arc::new(resource));
        }
    }

    /// Reads a `resource` or `data` block; `None` where its name is not valid or not new.
    pub(super) fn resource_block(&mut self, block: Block) -> Option<ResourceBlock> {
        let span = block.header();
        let is_data = &*block.keyword.name == "data";
        let [resource_type, name] = <[Ident; 2]>::try_from(block.labels).ok()?;
        let what = if is_data { "data source" } else { "resource" };
        let is_valid = self.has_valid_name(&format!("{what} type"), &resource_type);
        if !self.has_valid_name(what, &name) || !is_valid {
            return None;
        }
        let mut content = Content::read(block.body, &RESOURCE, &mut self.diagnostics);
        self.refuse_provisioners(&mut content);
        let resource = ResourceBlock {
            is_data,
            resource_type,
            name,
            repetition: self.repetition(&mut content),
            depends_on: self.depends_on(&mut content),
            provider: content
                .references("provider", &mut self.diagnostics)
                .and_then(|expr| provider_reference(&expr, &mut self.diagnostics)),
            lifecycle: self.lifecycle(&mut content, is_data),
            check: None,
            body: Arc::new(content.rest),
            span,
        };
        self.check_resource_type(&resource);
        self.declare(resource.local_address(), &format!("{what} declaration"), span).then_some(resource)
    }

    fn refuse_provisioners(&mut self, content: &mut Content) {
        for keyword in ["provisioner", "connection"] {
            for block in content.blocks(keyword) {
                self.diagnostics.push(
                    Diagnostic::error("Unsupported block type")
                        .detail(format!("There are no {keyword}s: a resource is what its provider makes of it."))
                        .at(block.keyword.span),
                );
            }
        }
    }

    fn check_resource_type(&mut self, resource: &ResourceBlock) {
        let catalog = self.known.catalog;
        let name = &resource.resource_type.name;
        let schema = match resource.is_data {
            true => catalog.data(name).map(|(_, schema)| schema),
            false => catalog.resource(name).map(|(_, resource)| &resource.schema),
        };
        let Some(schema) = schema else {
            self.diagnostics.push(self.unknown_type(resource));
            return;
        };
        fit(&resource.body, schema, &RESOURCE, &mut self.diagnostics);
    }

    fn unknown_type(&self, resource: &ResourceBlock) -> Diagnostic {
        let catalog = self.known.catalog;
        let name = &resource.resource_type.name;
        let (what, other) = match resource.is_data {
            true => ("data source", catalog.resource(name).is_some()),
            false => ("resource type", catalog.data(name).is_some()),
        };
        let diagnostic = Diagnostic::error(format!("Invalid {what}"))
            .detail(format!("No provider has a {what} {name:?}."))
            .at(resource.resource_type.span);
        if other {
            let keyword = if resource.is_data { "resource" } else { "data" };
            return diagnostic.help(format!("It can be declared in a {keyword} block."));
        }
        match resource.is_data {
            true => suggest(diagnostic, name, catalog.data_sources()),
            false => suggest(diagnostic, name, catalog.resource_types()),
        }
    }
}

/// A reference to a connection: names and, behind them, perhaps the key of an instance.
fn provider_reference(expr: &Expr, diagnostics: &mut Diagnostics) -> Option<ProviderReference> {
    if let ExprKind::Reference(whole) = &expr.kind
        && let Some((ReferenceStep::Key(key), before)) = whole.steps.split_last()
    {
        let at = whole.step_span(before.len());
        let place = Span { end: at.start, ..whole.span };
        let block = Reference::new(whole.root.clone(), before.iter().cloned(), place);
        let key = Expr { kind: ExprKind::Literal(key_value(key)), span: at };
        return Some(ProviderReference { block, key: Some(Arc::new(key)) });
    }
    let (block, key) = match &expr.kind {
        ExprKind::Index(block, key) => (&**block, Some(key.clone())),
        _ => (expr, None),
    };
    reference(block, diagnostics).map(|block| ProviderReference { block, key })
}
