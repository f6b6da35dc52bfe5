//! Bodies without `dynamic` blocks: in place of each stand the blocks that it makes.
//!
//! [`decode`](super::decode) needs none of this, as it makes values. This is for those who read
//! blocks themselves: their labels, and the references that they list.

use std::borrow::Cow;
use std::sync::Arc;

use crate::decode::dynamic::{self, Parts};
use crate::decode::shape;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::eval::{Scope, evaluate, references};
use crate::schema::{self, Schema};
use crate::source::Span;
use crate::syntax::{Attribute, Block, Body, Expr, ExprKind, For, Ident};
use crate::value::Value;

/// The body with the blocks that its dynamic blocks make, at any depth. In what a dynamic block
/// makes, its iterator is bound to the element. Which blocks there are must be known: where it is
/// not, that is a pending problem.
pub fn expand<'b>(body: &'b Body, schema: &Schema, scope: &dyn Scope) -> (Cow<'b, Body>, Diagnostics) {
    if !has_dynamic(body) {
        return (Cow::Borrowed(body), Diagnostics::new());
    }
    let mut expander = Expander { scope, problems: Diagnostics::new() };
    let expanded = expander.body(body, schema, &[]);
    (Cow::Owned(expanded), expander.problems)
}

fn has_dynamic(body: &Body) -> bool {
    body.blocks.iter().any(|block| &*block.keyword.name == "dynamic" || has_dynamic(&block.body))
}

/// A dynamic block, taken apart.
struct Dynamic<'a> {
    /// The keyword of the blocks that it makes, where it is written.
    keyword: Ident,
    kind: &'a schema::Block,
    parts: Parts,
}

/// An iterator with its element: an object with `key` and `value`.
type Bound = (Ident, Value);

struct Expander<'s> {
    scope: &'s dyn Scope,
    problems: Diagnostics,
}

impl Expander<'_> {
    /// `bound` are the iterators of the dynamic blocks around, the inner ones first.
    fn body(&mut self, body: &Body, schema: &Schema, bound: &[Bound]) -> Body {
        let attribute = |attribute: &Attribute| Attribute {
            name: attribute.name.clone(),
            expr: match schema.attribute(&attribute.name.name) {
                Some(known) if known.references => attribute.expr.clone(),
                _ => bind(&attribute.expr, bound),
            },
        };
        let mut expanded = Body::empty(body.span);
        expanded.attributes = body.attributes.iter().map(attribute).collect();
        for block in &body.blocks {
            if let Some(kind) = schema.nested(&block.keyword.name) {
                let body = self.body(&block.body, &kind.schema, bound);
                expanded.blocks.push(Block { body, ..block.clone() });
            } else if let Some(kind) = dynamic::kind_of(block, schema) {
                expanded.blocks.extend(self.dynamic(block, kind, bound));
            } else {
                // What is wrong with it is told by whoever decodes the body.
                expanded.blocks.push(block.clone());
            }
        }
        expanded
    }

    fn dynamic(&mut self, block: &Block, kind: &schema::Block, bound: &[Bound]) -> Vec<Block> {
        let (parts, problems) = dynamic::parts(block, kind);
        self.problems.extend(problems);
        let (Some(parts), Some(label)) = (parts, block.labels.first()) else { return Vec::new() };
        let Some(for_each) = self.evaluate(&parts.for_each, bound) else { return Vec::new() };
        let elements =
            shown(&for_each, parts.for_each.span).and_then(|()| dynamic::checked_elements(&for_each, &parts.for_each));
        let Some(elements) = self.problems.keep(elements) else { return Vec::new() };
        let Some(elements) = elements else {
            self.problems.push(undecided(&kind.name, parts.for_each.span));
            return Vec::new();
        };
        let element = |(key, value): (Value, Value)| Value::object([("key", key), ("value", value)]);
        let dynamic = Dynamic { keyword: label.clone(), kind, parts };
        elements.into_iter().filter_map(|pair| self.element(&dynamic, element(pair), bound)).collect()
    }

    fn element(&mut self, dynamic: &Dynamic<'_>, element: Value, outer: &[Bound]) -> Option<Block> {
        let Dynamic { keyword, kind, parts } = dynamic;
        let iterator = Ident { name: parts.iterator.clone(), span: parts.for_each.span };
        // An unknown label is one of an unknown element, or of something else that is unknown.
        let cause = if element.is_wholly_known() { None } else { Some(parts.for_each.span) };
        let bound: Vec<Bound> = [(iterator, element)].into_iter().chain(outer.iter().cloned()).collect();
        let labels = match &parts.labels {
            Some(labels) if shape::labels_of(kind) > 0 => match self.label(labels, &bound)? {
                Some(label) => vec![label],
                None => {
                    self.problems.push(undecided(&kind.name, cause.unwrap_or(labels.span)));
                    return None;
                }
            },
            _ => Vec::new(),
        };
        Some(Block { keyword: keyword.clone(), labels, body: self.body(&parts.content, &kind.schema, &bound) })
    }

    /// The label, or `Some(None)` where it is not known.
    fn label(&mut self, labels: &Arc<Expr>, bound: &[Bound]) -> Option<Option<Ident>> {
        let value = self.evaluate(labels, bound)?;
        let first = value.items().and_then(<[Value]>::first).unwrap_or(&value);
        let is_shown = shown(&value, labels.span).and_then(|()| shown(first, labels.span));
        let label = is_shown.and_then(|()| dynamic::label(&value, labels));
        let name = self.problems.keep(label)?;
        Some(name.map(|name| Ident { name, span: labels.span }))
    }

    /// The value of an expression, unless it fails.
    fn evaluate(&mut self, expr: &Arc<Expr>, bound: &[Bound]) -> Option<Value> {
        let (value, problems) = evaluate(&bind(expr, bound), self.scope);
        let failed = problems.has_errors();
        self.problems.extend(problems);
        (!failed).then_some(value)
    }
}

/// The expression with names bound to values, as a `for` over one element binds its variable:
/// `[for name in [value] : expr][0]`. An inner name hides an outer one, as it is bound first.
fn bind(expr: &Arc<Expr>, bound: &[Bound]) -> Arc<Expr> {
    bound.iter().fold(expr.clone(), |expr, (name, value)| {
        if !references(&expr).iter().any(|reference| reference.root == name.name) {
            return expr;
        }
        let span = expr.span;
        let at = |kind| Arc::new(Expr { kind, span });
        let one = For {
            key_variable: None,
            value_variable: name.clone(),
            source: at(ExprKind::Tuple(vec![at(ExprKind::Literal(value.clone()))])),
            key: None,
            value: expr,
            group: false,
            condition: None,
        };
        at(ExprKind::Index(at(ExprKind::For(Box::new(one))), at(ExprKind::Literal(Value::number(0)))))
    })
}

/// What decides which blocks there are, and what they are called, is shown.
fn shown(value: &Value, at: Span) -> Result<(), Diagnostic> {
    match value.is_sensitive() {
        false => Ok(()),
        true => Err(Diagnostic::error("Sensitive dynamic block")
            .detail("Sensitive values cannot decide which blocks there are, because these are shown.")
            .at(at)
            .help("Use nonsensitive() on what is no secret.")),
    }
}

fn undecided(kind: &str, at: Span) -> Diagnostic {
    Diagnostic::error("Not known before apply")
        .detail(format!("Which {kind} blocks there are depends on something that will only be known after apply."))
        .at(at)
        .help("What is unknown may stand in the content of the blocks.")
        .pending()
}
