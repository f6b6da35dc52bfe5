//! `moved`, `removed` and `import`: what becomes of objects that are recorded, or are not yet.

use std::sync::Arc;

use portolan_lang::eval::{Reference, ReferenceStep};
use portolan_lang::syntax::{Block, Expr, ExprKind};
use portolan_lang::{Diagnostic, Diagnostics, Span};

use super::Declarations;
use super::reference_list::reference;
use crate::config::constant::constant_bool;
use crate::config::content::{BodyShape, Content};
use crate::config::model::{Import, Moved, Removed};

/// What an address that a block names leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Module,
    Resource,
}

impl Declarations<'_> {
    pub(super) fn moved(&mut self, block: Block) {
        let span = block.header();
        let mut content = self.content("moved", block.body);
        let diagnostics = &mut self.diagnostics;
        let from = content.references("from", diagnostics).and_then(|expr| object_address(&expr, diagnostics));
        let to = content.references("to", diagnostics).and_then(|expr| object_address(&expr, diagnostics));
        let (Some((from, from_target)), Some((to, to_target))) = (from, to) else { return };
        if from_target != to_target {
            diagnostics.push(
                Diagnostic::error("Invalid \"moved\" addresses")
                    .detail("A module can only be moved to a module, a resource only to a resource.")
                    .at(span)
                    .label(from.span, "from here")
                    .label(to.span, "to here"),
            );
            return;
        }
        self.module.moved.push(Moved { from, to, span });
    }

    pub(super) fn removed(&mut self, block: Block) {
        let span = block.header();
        let mut content = self.content("removed", block.body);
        let diagnostics = &mut self.diagnostics;
        let lifecycle = content.single_block("lifecycle", diagnostics);
        let destroy = lifecycle.and_then(|block| {
            let shape = BodyShape { optional: &["destroy"], ..BodyShape::EMPTY };
            let expr = Content::read(block.body, &shape, diagnostics).expr("destroy")?;
            constant_bool(&expr, diagnostics)
        });
        let Some(from) = content.references("from", diagnostics) else { return };
        if let Some(key) = first_key(&from) {
            diagnostics.push(
                Diagnostic::error("Resource instance keys not allowed")
                    .detail("A block is removed as a whole, not one of its instances.")
                    .at(key),
            );
            return;
        }
        if let Some((from, _)) = object_address(&from, diagnostics) {
            self.module.removed.push(Removed { from, destroy: destroy.unwrap_or(true), span });
        }
    }

    pub(super) fn import(&mut self, block: Block) {
        let span = block.header();
        if !self.is_root {
            self.diagnostics.push(
                Diagnostic::error("Import in a module")
                    .detail("Objects are imported by the root module, also for the modules that it calls.")
                    .at(span)
                    .help("Move the block to the root module and write the address from there: module.name.kind.name."),
            );
            return;
        }
        let mut content = self.content("import", block.body);
        let to = content.references("to", &mut self.diagnostics);
        let (id, for_each) = (content.expr("id"), content.expr("for_each"));
        let (Some(to), Some(id)) = (to, id) else { return };
        if !self.is_import_target(&to) {
            return;
        }
        if let Some(target) = Reference::of(&to)
            && !self.declare_import(target, to.span)
        {
            return;
        }
        self.module.imports.push(Import { to, id, for_each, span });
    }

    fn declare_import(&mut self, target: &Reference, span: Span) -> bool {
        let key: Arc<str> = format!("import {target}").into();
        if let Some(first) = self.places.get(&key) {
            self.diagnostics.push(
                Diagnostic::error(format!("Duplicate import configuration for \"{target}\""))
                    .detail(format!("{target} can have only one import block."))
                    .label(span, "imported again")
                    .label(*first, "imported first"),
            );
            return false;
        }
        self.places.insert(key, span);
        true
    }

    /// Whether an expression is an address, in which keys may be any expressions.
    fn is_import_target(&mut self, to: &Expr) -> bool {
        let mut names = 0;
        let mut step = to;
        loop {
            match &step.kind {
                ExprKind::Index(inner, _) => step = inner,
                ExprKind::Attribute(inner, _) => {
                    names += 1;
                    step = inner;
                }
                ExprKind::Reference(reference) => {
                    names += reference.steps.iter().filter(|step| matches!(step, ReferenceStep::Attribute(_))).count();
                    if names > 0 && &*reference.root != "data" {
                        return true;
                    }
                    break;
                }
                ExprKind::Invalid => return false,
                _ => break,
            }
        }
        self.diagnostics.push(
            Diagnostic::error("Invalid import address")
                .detail("The address of a resource is expected: kind.name, module.name.kind.name.")
                .at(to.span),
        );
        false
    }
}

/// The address of a resource, of a block of the domain or of a module.
fn object_address(expr: &Expr, diagnostics: &mut Diagnostics) -> Option<(Reference, Target)> {
    let reference = reference(expr, diagnostics)?;
    let target = target(&reference);
    if target.is_none() {
        diagnostics.push(
            Diagnostic::error("Invalid address")
                .detail(format!("{reference} is the address neither of a resource nor of a module."))
                .at(expr.span),
        );
    }
    target.map(|target| (reference, target))
}

/// What a reference leads to: `module.a`, `module.a["x"].kind.name`, `kind.name[0]`.
fn target(reference: &Reference) -> Option<Target> {
    let mut names = vec![&*reference.root];
    for step in &reference.steps {
        match step {
            ReferenceStep::Attribute(name) => names.push(name),
            ReferenceStep::Key(_) => {}
        }
    }
    let mut rest = &names[..];
    while let ["module", _, further @ ..] = rest {
        rest = further;
    }
    match rest {
        [] => Some(Target::Module),
        ["var" | "local" | "output" | "path" | "self" | "each" | "count" | "data" | "module", ..] | [_] => None,
        _ => Some(Target::Resource),
    }
}

/// The place of the outermost key in an address.
fn first_key(expr: &Expr) -> Option<Span> {
    match &expr.kind {
        ExprKind::Index(inner, _) => first_key(inner).or(Some(Span { start: inner.span.end, ..expr.span })),
        ExprKind::Attribute(inner, _) => first_key(inner),
        ExprKind::Reference(reference) => {
            let key = reference.steps.iter().position(|step| matches!(step, ReferenceStep::Key(_)))?;
            Some(reference.step_span(key))
        }
        _ => None,
    }
}
