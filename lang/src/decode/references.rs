//! What a body refers to.

use crate::decode::{dynamic, resolve};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::eval::{Reference, each_reference};
use crate::schema::Schema;
use crate::source::Span;
use crate::syntax::{Attribute, Body, Expr, ExprKind, unquoted};

/// The references that an attribute such as `depends_on = [a.b, service.c]` lists.
///
/// # Errors
///
/// Every part of it that is not a reference.
pub fn references_of(attribute: &Attribute) -> Result<Vec<Reference>, Diagnostics> {
    let (expr, mut problems) = unquoted(&attribute.expr);
    let items: Vec<&Expr> = match &expr.kind {
        ExprKind::Tuple(items) => items.iter().map(|item| &**item).collect(),
        _ => vec![&expr],
    };
    let found: Vec<Reference> = items.into_iter().filter_map(|item| problems.keep(reference(item))).collect();
    if problems.has_errors() { Err(problems) } else { Ok(found) }
}

fn reference(expr: &Expr) -> Result<Reference, Diagnostic> {
    let refused = |span: Span| {
        Diagnostic::error("Invalid reference").detail("A reference is expected: names with dots between them.").at(span)
    };
    Reference::of(expr).cloned().ok_or_else(|| match &expr.kind {
        ExprKind::Literal(value) if value.as_str().is_some() => refused(expr.span).help("write it without quotes"),
        _ => refused(expr.span),
    })
}

/// Every reference in a body and in the blocks in it, without the iterators of its own dynamic
/// blocks. The schema says which properties of the JSON form are blocks.
pub fn body_references(body: &Body, schema: &Schema) -> Vec<Reference> {
    let mut found = Vec::new();
    each_body_reference(body, schema, &mut |reference| found.push(reference.clone()));
    found
}

/// Calls `found` with each of the [`body_references`].
pub fn each_body_reference(body: &Body, schema: &Schema, found: &mut dyn FnMut(&Reference)) {
    let (body, _) = resolve(body, schema);
    for attribute in &body.attributes {
        let is_list = schema.attribute(&attribute.name.name).is_some_and(|known| known.references);
        match is_list.then(|| references_of(attribute)) {
            Some(Ok(references)) => references.iter().for_each(&mut *found),
            _ => each_reference(&attribute.expr, found),
        }
    }
    for block in &body.blocks {
        if let Some(kind) = schema.nested(&block.keyword.name) {
            each_body_reference(&block.body, &kind.schema, found);
        } else if let Some(kind) = dynamic::kind_of(block, schema)
            && let (Some(parts), _) = dynamic::parts(block, kind)
        {
            each_reference(&parts.for_each, found);
            let mut inner = |reference: &Reference| {
                if reference.root != parts.iterator {
                    found(reference);
                }
            };
            each_body_reference(&parts.content, &kind.schema, &mut inner);
            parts.labels.iter().for_each(|labels| each_reference(labels, &mut inner));
        }
    }
}
