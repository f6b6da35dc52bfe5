//! What functions expressions call.

use portolan_lang::syntax::{Expr, ExprKind, For, TemplatePart};

fn children(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::Literal(_) | ExprKind::Reference(_) | ExprKind::Element | ExprKind::Invalid => Vec::new(),
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
