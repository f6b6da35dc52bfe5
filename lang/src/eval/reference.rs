//! What an expression refers to.

use std::fmt;
use std::sync::Arc;

use crate::address::InstanceKey;
use crate::source::Span;
use crate::syntax::{Expr, ExprKind, For, Ident, TemplatePart};
use crate::value::Data;

/// A name and the steps that follow it as far as they can be read from the source alone:
/// `module.edge["eu"].hosts` but not `a[var.x].b` beyond `a`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The first name.
    pub root: Arc<str>,
    /// The steps after it.
    pub steps: Vec<ReferenceStep>,
    /// Where the whole reference stands.
    pub span: Span,
}

/// One step of a reference.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ReferenceStep {
    /// `.name`
    Attribute(Arc<str>),
    /// `["key"]`, `[0]` or `.0`
    Key(InstanceKey),
}

impl Reference {
    /// The name at this position, the root being at 0; `None` for a key.
    pub fn name(&self, position: usize) -> Option<&str> {
        let Some(before) = position.checked_sub(1) else { return Some(&self.root) };
        match self.steps.get(before)? {
            ReferenceStep::Attribute(name) => Some(name),
            ReferenceStep::Key(_) => None,
        }
    }

    /// The reference that an expression is, if it is nothing but names and literal keys.
    pub fn of(expr: &Expr) -> Option<Reference> {
        let (reference, whole) = leading(expr)?;
        whole.then_some(reference)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.root)?;
        for step in &self.steps {
            match step {
                ReferenceStep::Attribute(name) => write!(f, ".{name}")?,
                ReferenceStep::Key(key) => write!(f, "{key}")?,
            }
        }
        Ok(())
    }
}

/// The reference that an expression starts with, and whether it is all of the expression.
pub(crate) fn leading(expr: &Expr) -> Option<(Reference, bool)> {
    match &expr.kind {
        ExprKind::Variable(name) => Some((Reference { root: name.clone(), steps: Vec::new(), span: expr.span }, true)),
        ExprKind::Attribute(source, name) => {
            let (mut reference, whole) = leading(source)?;
            if whole {
                reference.steps.push(ReferenceStep::Attribute(name.name.clone()));
                reference.span = expr.span;
            }
            Some((reference, whole))
        }
        ExprKind::Index(source, key) => {
            let (mut reference, whole) = leading(source)?;
            let key = literal_key(key);
            let whole = whole && key.is_some();
            if let (true, Some(key)) = (whole, key) {
                reference.steps.push(ReferenceStep::Key(key));
                reference.span = expr.span;
            }
            Some((reference, whole))
        }
        _ => None,
    }
}

fn literal_key(expr: &Expr) -> Option<InstanceKey> {
    let ExprKind::Literal(value) = &expr.kind else { return None };
    match value.data() {
        Data::String(key) => Some(InstanceKey::Key(key.clone())),
        Data::Number(number) => number.to_u64().map(InstanceKey::Index),
        _ => None,
    }
}

/// The step that an attribute or an index with a literal key is.
pub(crate) fn step_of(expr: &Expr) -> Option<ReferenceStep> {
    match &expr.kind {
        ExprKind::Attribute(_, name) => Some(ReferenceStep::Attribute(name.name.clone())),
        ExprKind::Index(_, key) => literal_key(key).map(ReferenceStep::Key),
        _ => None,
    }
}

/// Every reference in an expression, in source order, without the variables of its own
/// `for` expressions and directives. The keys of indexes are searched too.
pub fn references(expr: &Expr) -> Vec<Reference> {
    Search::of(expr).found
}

/// Whether an expression is made of literals and operators alone: it refers to nothing and calls
/// no function.
pub fn is_constant(expr: &Expr) -> bool {
    let search = Search::of(expr);
    search.found.is_empty() && !search.calls
}

/// A search for references, with the variables that hide names.
#[derive(Default)]
struct Search {
    found: Vec<Reference>,
    variables: Vec<Arc<str>>,
    /// Whether a function is called anywhere.
    calls: bool,
}

impl Search {
    fn of(expr: &Expr) -> Search {
        let mut search = Search::default();
        search.expr(expr);
        search
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Variable(_) | ExprKind::Attribute(..) | ExprKind::Index(..) => self.traversal(expr),
            ExprKind::Literal(_) | ExprKind::Element | ExprKind::Invalid => {}
            ExprKind::Template(parts) => self.parts(parts),
            ExprKind::Splat { source, each } => self.all([source, each]),
            ExprKind::Unary(_, operand) | ExprKind::Parentheses(operand) => self.expr(operand),
            ExprKind::Binary(_, left, right) => self.all([left, right]),
            ExprKind::Conditional(condition, then, otherwise) => self.all([condition, then, otherwise]),
            ExprKind::Call(call) => {
                self.calls = true;
                self.all(&call.arguments);
            }
            ExprKind::Tuple(items) => self.all(items),
            ExprKind::Object(items) => items.iter().for_each(|(key, value)| self.all([key, value])),
            ExprKind::For(each) => self.for_expr(each),
        }
    }

    fn all<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Arc<Expr>>) {
        exprs.into_iter().for_each(|expr| self.expr(expr));
    }

    fn traversal(&mut self, expr: &Expr) {
        let mut keys = Vec::new();
        let mut base = expr;
        while let ExprKind::Attribute(source, _) | ExprKind::Index(source, _) = &base.kind {
            if let ExprKind::Index(_, key) = &base.kind {
                keys.push(key);
            }
            base = source;
        }
        match leading(expr) {
            Some((reference, _)) if self.variables.contains(&reference.root) => {}
            Some((reference, _)) => self.found.push(reference),
            None => self.expr(base),
        }
        self.all(keys.into_iter().rev());
    }

    /// Does `work` with names hidden.
    fn hiding<'n>(&mut self, names: impl IntoIterator<Item = &'n Ident>, work: impl FnOnce(&mut Self)) {
        let before = self.variables.len();
        self.variables.extend(names.into_iter().map(|name| name.name.clone()));
        work(self);
        self.variables.truncate(before);
    }

    fn for_expr(&mut self, each: &For) {
        self.expr(&each.source);
        self.hiding(each.key_variable.iter().chain([&each.value_variable]), |search| {
            search.all(each.key.iter().chain([&each.value]).chain(&each.condition));
        });
    }

    fn parts(&mut self, parts: &[TemplatePart]) {
        for part in parts {
            match part {
                TemplatePart::Text(_) => {}
                TemplatePart::Interpolation(expr) => self.expr(expr),
                TemplatePart::If { condition, then, otherwise, .. } => {
                    self.expr(condition);
                    self.parts(then);
                    self.parts(otherwise);
                }
                TemplatePart::For { key_variable, value_variable, source, body, .. } => {
                    self.expr(source);
                    self.hiding(key_variable.iter().chain([value_variable]), |search| search.parts(body));
                }
            }
        }
    }
}
