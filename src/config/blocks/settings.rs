//! `portolan` and `watch`.

use std::sync::Arc;

use portolan_lang::Diagnostic;
use portolan_lang::syntax::{Attribute, Block};

use super::Declarations;
use super::shapes::body;
use crate::config::constant::constant_text;
use crate::config::fit::fit;
use crate::config::version::{Version, VersionConstraint};
use crate::config::watch;

impl Declarations<'_> {
    pub(super) fn settings(&mut self, block: Block) {
        let mut content = self.content("portolan", block.body);
        if let Some(attribute) = content.attribute("required_version") {
            self.required_version(attribute);
        }
        for block in content.blocks("backend") {
            self.backend(block);
        }
    }

    /// What the daemon may do is up to the root module.
    pub(super) fn watch(&mut self, block: Block) {
        let span = block.header();
        if !self.is_root {
            self.diagnostics.push(
                Diagnostic::warning("Limits of the daemon in a module")
                    .detail("What `portolan watch` may do is up to the root module. This block has no effect.")
                    .at(span),
            );
            return;
        }
        fit(&block.body, &watch::schema(), body("watch"), &mut self.diagnostics);
        let (settings, problems) = watch::read(&block.body, span);
        self.diagnostics.extend(problems);
        if self.declare("watch", "watch configuration", span) {
            self.settings.watch = settings;
        }
    }

    fn required_version(&mut self, attribute: Attribute) {
        let Some(text) = constant_text(&attribute.expr, &mut self.diagnostics) else { return };
        let Some(constraint) = VersionConstraint::parse(&text) else {
            self.diagnostics.push(
                Diagnostic::error("Invalid version constraint")
                    .detail(format!("{text:?} is no constraint on versions."))
                    .at(attribute.expr.span)
                    .help("Write, for example, \">= 1.0, < 2.0\" or \"~> 1.2\"."),
            );
            return;
        };
        let program = Version::of_program();
        if !constraint.allows(&program) {
            self.diagnostics.push(
                Diagnostic::error("Unsupported Portolan version")
                    .detail(format!("This configuration is for Portolan {text}; this program is version {program}."))
                    .at(attribute.name.span)
                    .help("Use another version of the program, or change the constraint."),
            );
        }
        if self.is_root {
            self.settings.required_version = Some((text.to_string(), attribute.expr.span));
        }
    }

    fn backend(&mut self, mut block: Block) {
        let span = block.header();
        if !self.is_root {
            self.diagnostics.push(
                Diagnostic::warning("Backend in a module")
                    .detail("Where the state is kept is up to the root module. This block has no effect.")
                    .at(span),
            );
            return;
        }
        let Some(kind) = block.labels.pop() else { return };
        if self.declare("backend", "backend configuration", span) {
            self.settings.backend = Some((kind, Arc::new(block.body)));
        }
    }
}
