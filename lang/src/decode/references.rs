//! What a body refers to.

use crate::decode::{dynamic, resolve};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::eval::{Reference, references};
use crate::schema::Schema;
use crate::source::Span;
use crate::syntax::{Attribute, Body, Expr, ExprKind, parse_expr};

/// The references that an attribute such as `depends_on = [a.b, service.c]` lists.
///
/// # Errors
///
/// Every part of it that is not a reference.
pub fn references_of(attribute: &Attribute) -> Result<Vec<Reference>, Diagnostics> {
    let items: Vec<&Expr> = match &attribute.expr.kind {
        ExprKind::Tuple(items) => items.iter().map(|item| &**item).collect(),
        _ => vec![&attribute.expr],
    };
    let mut problems = Diagnostics::new();
    let found: Vec<Reference> = items.into_iter().filter_map(|item| problems.keep(reference(item))).collect();
    if problems.has_errors() { Err(problems) } else { Ok(found) }
}

fn reference(expr: &Expr) -> Result<Reference, Diagnostic> {
    let refused = |span: Span| {
        Diagnostic::error("Invalid reference").detail("A reference is expected: names with dots between them.").at(span)
    };
    if let Some(text) = expr.as_json_text() {
        let (inner, problems) = parse_expr(expr.span.file, text);
        let reference = Reference::of(&inner).filter(|_| !problems.has_errors());
        return reference.map(|reference| Reference { span: expr.span, ..reference }).ok_or_else(|| refused(expr.span));
    }
    Reference::of(expr).ok_or_else(|| match &expr.kind {
        ExprKind::Literal(value) if value.as_str().is_some() => refused(expr.span).help("write it without quotes"),
        _ => refused(expr.span),
    })
}

/// Every reference in a body and in the blocks in it, without the iterators of its own dynamic
/// blocks. The schema says which properties of the JSON form are blocks.
pub fn body_references(body: &Body, schema: &Schema) -> Vec<Reference> {
    let (body, _) = resolve(body, schema);
    let mut found = Vec::new();
    for attribute in &body.attributes {
        let listed = schema.attribute(&attribute.name.name).is_some_and(|known| known.references);
        match references_of(attribute) {
            Ok(references) if listed => found.extend(references),
            _ => found.extend(references(&attribute.expr)),
        }
    }
    for block in &body.blocks {
        if let Some(kind) = schema.nested(&block.keyword.name) {
            found.extend(body_references(&block.body, &kind.schema));
        } else if let Some(kind) = dynamic::kind_of(block, schema)
            && let (Some(parts), _) = dynamic::parts(block, kind)
        {
            found.extend(references(&parts.for_each));
            let mut inner = body_references(&parts.content, &kind.schema);
            inner.extend(parts.labels.iter().flat_map(|labels| references(labels)));
            found.extend(inner.into_iter().filter(|reference| reference.root != parts.iterator));
        }
    }
    found
}
