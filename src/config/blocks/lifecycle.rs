//! `lifecycle`.

use std::sync::Arc;

use portolan_lang::eval::{Reference, references};
use portolan_lang::syntax::{Attribute, Block, Expr, ExprKind};
use portolan_lang::{Diagnostic, Diagnostics};

use super::Declarations;
use super::condition::conditions;
use super::reference_list::{literal_text, reference_list};
use super::shapes::LIFECYCLE;
use crate::config::constant::{constant_bool, constant_text};
use crate::config::content::{Content, suggest};
use crate::config::model::{IgnoreChanges, Lifecycle, OnDrift};

impl Declarations<'_> {
    /// Reads the `lifecycle` block out of a block. One of a data source has conditions alone.
    pub(super) fn lifecycle(&mut self, content: &mut Content, is_data: bool) -> Lifecycle {
        let diagnostics = &mut self.diagnostics;
        let Some(block) = content.single_block("lifecycle", diagnostics) else { return Lifecycle::default() };
        if is_data {
            refuse_arguments(&block, diagnostics);
        }
        let mut content = Content::read(block.body, &LIFECYCLE, diagnostics);
        Lifecycle {
            create_before_destroy: constant_flag(content.attribute("create_before_destroy"), diagnostics),
            prevent_destroy: content.attribute("prevent_destroy").and_then(|attribute| {
                let span = attribute.name.span.to(attribute.expr.span);
                constant_flag(Some(attribute), diagnostics).then_some(span)
            }),
            ignore_changes: ignore_changes(content.references("ignore_changes", diagnostics), diagnostics),
            replace_triggered_by: replace_triggered_by(
                content.references("replace_triggered_by", diagnostics),
                diagnostics,
            ),
            on_drift: content.attribute("on_drift").and_then(|attribute| on_drift(&attribute.expr, diagnostics)),
            preconditions: conditions(&mut content, &LIFECYCLE, "precondition", diagnostics),
            postconditions: conditions(&mut content, &LIFECYCLE, "postcondition", diagnostics),
        }
    }
}

fn constant_flag(attribute: Option<Attribute>, diagnostics: &mut Diagnostics) -> bool {
    attribute.and_then(|attribute| constant_bool(&attribute.expr, diagnostics)).unwrap_or(false)
}

fn on_drift(expr: &Expr, diagnostics: &mut Diagnostics) -> Option<OnDrift> {
    let word = constant_text(expr, diagnostics)?;
    let on_drift = OnDrift::named(&word);
    if on_drift.is_none() {
        let listed = OnDrift::NAMES.join(", ");
        let problem = Diagnostic::error("Unknown word").detail(format!("{word:?} is none of {listed}."));
        diagnostics.push(suggest(problem.at(expr.span), &word, OnDrift::NAMES));
    }
    on_drift
}

fn refuse_arguments(block: &Block, diagnostics: &mut Diagnostics) {
    for attribute in &block.body.attributes {
        diagnostics.push(
            Diagnostic::error("Invalid data resource lifecycle argument")
                .detail(format!("{:?} is for what is managed; a data source is only read.", attribute.name.name))
                .at(attribute.name.span),
        );
    }
}

fn ignore_changes(expr: Option<Arc<Expr>>, diagnostics: &mut Diagnostics) -> IgnoreChanges {
    let Some(expr) = expr else { return IgnoreChanges::None };
    let is_all = |expr: &Expr| expr.as_name().is_some_and(|name| &**name == "all");
    if is_all(&expr) {
        return IgnoreChanges::All;
    }
    if let ExprKind::Tuple(items) = &expr.kind
        && let Some(wildcard) = items.iter().find(|item| is_all(item) || literal_text(item) == Some("*"))
    {
        diagnostics.push(
            Diagnostic::error("Invalid ignore_changes wildcard")
                .detail("All attributes are meant by the word all, without a list.")
                .at(wildcard.span)
                .help("Write ignore_changes = all."),
        );
        return IgnoreChanges::All;
    }
    let paths = reference_list(&expr, diagnostics);
    if paths.is_empty() { IgnoreChanges::None } else { IgnoreChanges::Paths(paths) }
}

fn replace_triggered_by(expr: Option<Arc<Expr>>, diagnostics: &mut Diagnostics) -> Vec<Arc<Expr>> {
    let Some(expr) = expr else { return Vec::new() };
    let ExprKind::Tuple(items) = &expr.kind else {
        if !matches!(expr.kind, ExprKind::Invalid) {
            diagnostics.push(
                Diagnostic::error("Invalid expression")
                    .detail("A list of references to resources is expected, written out: [a.b, c.d].")
                    .at(expr.span),
            );
        }
        return Vec::new();
    };
    items.iter().filter(|item| is_trigger(item, diagnostics)).cloned().collect()
}

/// Whether an expression can trigger a replacement: a reference to a resource, in which only
/// `count.index` and `each.key` may be referred to beside it.
fn is_trigger(item: &Expr, diagnostics: &mut Diagnostics) -> bool {
    let is_key = |reference: &Reference| {
        matches!((&*reference.root, reference.name(1)), ("count", Some("index")) | ("each", Some("key")))
    };
    let is_resource = |reference: &Reference| {
        let other = ["var", "local", "module", "data", "path", "each", "count", "self", "portolan", "terraform"];
        !other.contains(&&*reference.root)
    };
    let found = references(item);
    if let Some(other) = found.iter().find(|reference| !is_key(reference) && !is_resource(reference)) {
        diagnostics.push(
            Diagnostic::error("Invalid reference in replace_triggered_by expression")
                .detail(format!("{other} is no resource. Only resources, count.index and each.key count here."))
                .at(other.span),
        );
        return false;
    }
    let is_steps_only = |mut expr: &Expr| loop {
        match &expr.kind {
            ExprKind::Reference(_) => return true,
            ExprKind::Attribute(inner, _) | ExprKind::Index(inner, _) => expr = inner,
            _ => return false,
        }
    };
    if !is_steps_only(item) || !found.iter().any(is_resource) {
        if !matches!(item.kind, ExprKind::Invalid) {
            diagnostics.push(
                Diagnostic::error("Invalid replace_triggered_by expression")
                    .detail("A reference to a resource, or to an attribute of one, is expected.")
                    .at(item.span),
            );
        }
        return false;
    }
    true
}
