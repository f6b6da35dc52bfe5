//! The places of the steps of a reference.

use portolan_lang::Span;
use portolan_lang::eval::Reference;
use portolan_lang::syntax::{Expr, ExprKind, For, TemplatePart};

/// The place of a step of a reference: 0 is the one after the root. It covers the dot or the
/// bracket. The place of the whole reference where the expression does not hold it.
pub(super) fn step(expr: Option<&Expr>, reference: &Reference, step: usize) -> Span {
    let found = expr.and_then(|expr| find(expr, reference.span));
    let steps = found.map(step_spans).unwrap_or_default();
    steps.get(step).copied().unwrap_or(reference.span)
}

fn step_spans(expr: &Expr) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut at = expr;
    while let ExprKind::Attribute(inner, _) | ExprKind::Index(inner, _) = &at.kind {
        spans.push(Span { start: inner.span.end, ..at.span });
        at = inner;
    }
    spans.reverse();
    spans
}

/// The names and steps that stand at a place.
fn find(expr: &Expr, place: Span) -> Option<&Expr> {
    let is_steps = matches!(expr.kind, ExprKind::Variable(_) | ExprKind::Attribute(..) | ExprKind::Index(..));
    if is_steps && expr.span == place {
        return Some(expr);
    }
    children(expr).into_iter().find_map(|child| find(child, place))
}

fn children(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::Literal(_) | ExprKind::Variable(_) | ExprKind::Element | ExprKind::Invalid => Vec::new(),
        ExprKind::Template(parts) => part_children(parts),
        ExprKind::Attribute(inner, _) | ExprKind::Unary(_, inner) | ExprKind::Parentheses(inner) => vec![inner],
        ExprKind::Index(left, right) | ExprKind::Binary(_, left, right) => vec![left, right],
        ExprKind::Splat { source, each } => vec![source, each],
        ExprKind::Conditional(condition, then, otherwise) => vec![condition, then, otherwise],
        ExprKind::Call(call) => call.arguments.iter().map(|argument| &**argument).collect(),
        ExprKind::Tuple(items) => items.iter().map(|item| &**item).collect(),
        ExprKind::Object(items) => items.iter().flat_map(|(key, value)| [&**key, &**value]).collect(),
        ExprKind::For(each) => for_children(each),
    }
}

fn for_children(each: &For) -> Vec<&Expr> {
    let optional = each.key.iter().chain(&each.condition);
    [&each.source, &each.value].into_iter().chain(optional).map(|child| &**child).collect()
}

fn part_children(parts: &[TemplatePart]) -> Vec<&Expr> {
    let mut found: Vec<&Expr> = Vec::new();
    for part in parts {
        match part {
            TemplatePart::Text(_) => {}
            TemplatePart::Interpolation(expr) => found.push(expr),
            TemplatePart::If { condition, then, otherwise, .. } => {
                found.push(condition);
                found.extend(part_children(then));
                found.extend(part_children(otherwise));
            }
            TemplatePart::For { source, body, .. } => {
                found.push(source);
                found.extend(part_children(body));
            }
        }
    }
    found
}

/// Every call of a function in an expression.
pub(super) fn calls(expr: &Expr) -> Vec<&portolan_lang::syntax::Ident> {
    let mut found = Vec::new();
    collect_calls(expr, &mut found);
    found
}

fn collect_calls<'e>(expr: &'e Expr, found: &mut Vec<&'e portolan_lang::syntax::Ident>) {
    if let ExprKind::Call(call) = &expr.kind {
        found.push(&call.name);
    }
    children(expr).into_iter().for_each(|child| collect_calls(child, found));
}
