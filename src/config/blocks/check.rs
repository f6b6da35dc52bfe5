//! `check`.

use std::sync::Arc;

use portolan_lang::Diagnostic;
use portolan_lang::syntax::Block;

use super::condition::conditions;
use super::{Declarations, shapes};
use crate::config::model::{Check, ResourceBlock};

impl Declarations<'_> {
    pub(super) fn check(&mut self, block: Block) {
        let span = block.header();
        let Some(name) = block.labels.into_iter().next() else { return };
        if !self.has_valid_name("check", &name) {
            return;
        }
        let is_new = self.declare(format!("check.{}", name.name), "check", span);
        let has_assertion = block.body.blocks("assert").next().is_some();
        let mut content = self.content("check", block.body);
        let data = content.single_block("data", &mut self.diagnostics).and_then(|block| {
            let block = self.known.resolve_block(block, &mut self.diagnostics);
            let data = ResourceBlock { check: Some(name.name.clone()), ..self.resource_block(block)? };
            let address: Arc<str> = Arc::from(data.local_address());
            self.module.resources.insert(address.clone(), Arc::new(data));
            Some(address)
        });
        let assertions = conditions(&mut content, shapes::body("check"), "assert", &mut self.diagnostics);
        if !has_assertion {
            self.diagnostics.push(
                Diagnostic::error("Zero assert blocks")
                    .detail("A check without an assert block checks nothing.")
                    .at(span)
                    .help("Add an assert block with a condition and an error_message."),
            );
        }
        if is_new {
            let check = Check { data, assertions, name, span };
            self.module.checks.insert(check.name.name.clone(), Arc::new(check));
        }
    }
}
