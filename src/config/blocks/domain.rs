//! The blocks of the domain: `cluster`, `application`, `route` …

use std::sync::Arc;

use portolan_lang::syntax::Block;

use super::Declarations;
use super::shapes::DOMAIN;
use crate::config::content::Content;
use crate::config::fit::fit;
use crate::config::model::DomainBlock;

impl Declarations<'_> {
    pub(super) fn domain(&mut self, block: Block) {
        let span = block.header();
        let kind = block.keyword;
        let Some(name) = block.labels.into_iter().next() else { return };
        if !self.has_valid_name(&kind.name, &name) {
            return;
        }
        let address: Arc<str> = format!("{}.{}", kind.name, name.name).into();
        let is_new = self.declare(address.clone(), &format!("{} declaration", kind.name), span);
        let mut content = Content::read(block.body, &DOMAIN, &mut self.diagnostics);
        let block = DomainBlock {
            repetition: self.repetition(&mut content),
            depends_on: self.depends_on(&mut content),
            lifecycle: self.lifecycle(&mut content, false),
            body: Arc::new(content.rest),
            kind,
            name,
            span,
        };
        if let Some(schema) = self.known.domain(&block.kind.name) {
            fit(&block.body, schema, &DOMAIN, &mut self.diagnostics);
        }
        if is_new {
            self.module.domain.insert(address, Arc::new(block));
        }
    }
}
