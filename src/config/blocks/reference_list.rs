//! Attributes that hold references rather than values: `depends_on`, `ignore_changes`.

use portolan_lang::address::Segment;
use portolan_lang::eval::{Reference, ReferenceStep};
use portolan_lang::syntax::{Expr, ExprKind};
use portolan_lang::{Address, Diagnostic, Diagnostics, Span, Value};

/// The references of a list of them. A quoted one counts, with a warning.
pub(super) fn reference_list(expr: &Expr, diagnostics: &mut Diagnostics) -> Vec<Reference> {
    let ExprKind::Tuple(items) = &expr.kind else {
        if !matches!(expr.kind, ExprKind::Invalid) {
            diagnostics.push(
                Diagnostic::error("Invalid expression")
                    .detail("A list of references is expected, written out: [a.b, c.d].")
                    .at(expr.span),
            );
        }
        return Vec::new();
    };
    items.iter().filter_map(|item| reference(item, diagnostics)).collect()
}

/// The reference that an expression is; tells where it is something else.
pub(super) fn reference(expr: &Expr, diagnostics: &mut Diagnostics) -> Option<Reference> {
    if let Some(reference) = Reference::of(expr) {
        return Some(reference.clone());
    }
    if let Some(text) = literal_text(expr) {
        let inner =
            Span { start: expr.span.start.saturating_add(1), end: expr.span.end.saturating_sub(1), ..expr.span };
        let reference = diagnostics.keep(quoted(text, inner))?;
        diagnostics.push(
            Diagnostic::warning("Quoted references are deprecated")
                .detail("References are written without quotes.")
                .at(expr.span)
                .help(format!("Write {reference}.")),
        );
        return Some(reference);
    }
    if !matches!(expr.kind, ExprKind::Invalid) {
        diagnostics.push(
            Diagnostic::error("Invalid expression")
                .detail("A reference is expected: names and constant keys, without operators, calls or templates.")
                .at(expr.span),
        );
    }
    None
}

/// The text of a string without interpolation.
pub(super) fn literal_text(expr: &Expr) -> Option<&str> {
    let ExprKind::Literal(value) = &expr.kind else { return None };
    Value::as_str(value)
}

fn quoted(text: &str, span: Span) -> Result<Reference, Diagnostic> {
    let address: Address = text.parse().map_err(|error| {
        Diagnostic::error("Invalid reference").detail(format!("This text is no reference: {error}.")).at(span)
    })?;
    let mut steps = address.segments().iter().flat_map(|Segment { name, key }| {
        let name = Some(ReferenceStep::Attribute(name.clone()));
        name.into_iter().chain(key.clone().map(ReferenceStep::Key))
    });
    match steps.next() {
        Some(ReferenceStep::Attribute(root)) => Ok(Reference::new(root, steps, span)),
        _ => Err(Diagnostic::error("Invalid reference").detail("This text is no reference.").at(span)),
    }
}
