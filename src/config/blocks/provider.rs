//! `provider`.

use std::sync::Arc;

use portolan_lang::syntax::{Block, Ident};
use portolan_lang::{Diagnostic, Schema};

use super::{Declarations, is_name, shapes};
use crate::config::constant::constant_text;
use crate::config::content::suggest;
use crate::config::fit::fit;
use crate::config::model::ProviderBlock;

impl<'a> Declarations<'a> {
    pub(super) fn provider(&mut self, block: Block) {
        let span = block.header();
        let Some(provider) = block.labels.into_iter().next() else { return };
        if !self.is_root {
            self.diagnostics.push(
                Diagnostic::error("Provider in a module")
                    .detail("Connections are declared in the root module; all modules use them.")
                    .at(span),
            );
            return;
        }
        let mut content = self.content("provider", block.body);
        let alias = content.expr("alias").and_then(|expr| {
            let name = constant_text(&expr, &mut self.diagnostics)?;
            let alias = Ident { name, span: expr.span };
            self.has_valid_name("provider alias", &alias).then_some(alias)
        });
        let key: Arc<str> = match &alias {
            Some(alias) => format!("{}.{}", provider.name, alias.name).into(),
            None => provider.name.clone(),
        };
        let is_new = self.declare(format!("provider.{key}"), "provider", span);
        match self.connection_schema(&provider) {
            Ok(schema) => fit(&content.rest, schema, shapes::body("provider"), &mut self.diagnostics),
            Err(problem) => self.diagnostics.push(problem),
        }
        if is_new {
            let block = ProviderBlock { provider, alias, body: Arc::new(content.rest), span };
            self.module.providers.insert(key, Arc::new(block));
        }
    }

    fn connection_schema(&self, provider: &Ident) -> Result<&'a Schema, Diagnostic> {
        let name = &provider.name;
        if let Some(found) = self.known.catalog.provider(name) {
            return Ok(&found.schema().connection);
        }
        let problem = match is_name(name) {
            true => Diagnostic::error("Unknown provider").detail(format!("There is no provider {name:?}.")),
            false => Diagnostic::error("Invalid provider name").detail(format!("{name:?} is not a name.")),
        };
        Err(suggest(problem.at(provider.span), name, self.known.catalog.provider_names()))
    }
}
