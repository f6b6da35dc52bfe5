//! The walk over an expression.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::eval::access;
use crate::eval::reference::{Reference, ReferenceStep, key_value};
use crate::eval::scope::Scope;
use crate::syntax::{Expr, ExprKind};
use crate::types::Type;
use crate::value::Value;

/// The value of an expression; wholly unknown where there are errors.
pub fn evaluate(expr: &Expr, scope: &dyn Scope) -> (Value, Diagnostics) {
    let mut evaluator = Evaluator::new(scope);
    let value = evaluator.expr(expr).unwrap_or_else(|Failed| Value::unknown(Type::Any));
    evaluator.diagnostics.extend(evaluator.stopped);
    (value, evaluator.diagnostics)
}

/// The expression has no value; why is among the diagnostics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failed;

/// A value, or the reason among the diagnostics.
pub(super) type Evaluated = Result<Value, Failed>;

/// The state of one walk.
pub(super) struct Evaluator<'a> {
    pub(super) scope: &'a dyn Scope,
    pub(super) diagnostics: Diagnostics,
    /// The variables of `for`, innermost last.
    pub(super) variables: Vec<(Arc<str>, Value)>,
    /// The elements of the splats, innermost last.
    pub(super) elements: Vec<Value>,
    /// How many references the scope refused. They count even where the value is not needed,
    /// as in the side of a conditional that is not chosen.
    pub(super) unresolved: usize,
    /// Whether this is the template of a call, which cannot make such calls itself.
    pub(super) in_template: bool,
    /// How many steps were taken.
    pub(super) steps: u64,
    /// Why nothing is evaluated any more.
    pub(super) stopped: Option<Diagnostic>,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(scope: &'a dyn Scope) -> Self {
        Evaluator {
            scope,
            diagnostics: Diagnostics::new(),
            variables: Vec::new(),
            elements: Vec::new(),
            unresolved: 0,
            in_template: false,
            steps: 0,
            stopped: None,
        }
    }

    /// Records a problem.
    pub(super) fn fail<T>(&mut self, diagnostic: Diagnostic) -> Result<T, Failed> {
        self.diagnostics.push(diagnostic);
        Err(Failed)
    }

    /// Does `work` with diagnostics of its own and returns them beside its result.
    pub(super) fn apart<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> (T, Diagnostics) {
        let outer = std::mem::take(&mut self.diagnostics);
        let result = work(self);
        let own = std::mem::replace(&mut self.diagnostics, outer);
        (result, own)
    }

    pub(super) fn expr(&mut self, expr: &Expr) -> Evaluated {
        self.spend(1, expr.span)?;
        let made = match &expr.kind {
            ExprKind::Literal(value) => return Ok(value.clone()),
            ExprKind::Reference(reference) => return self.reference(reference),
            ExprKind::Attribute(..) | ExprKind::Index(..) => return self.traversal(expr),
            ExprKind::Element => return self.elements.last().cloned().ok_or(Failed),
            ExprKind::Unary(operator, operand) => return self.unary(*operator, operand, expr.span),
            ExprKind::Binary(operator, left, right) => return self.binary(*operator, left, right, expr.span),
            ExprKind::Conditional(condition, then, otherwise) => {
                return self.conditional(condition, then, otherwise, expr.span);
            }
            ExprKind::Call(call) => return self.call(&call.name, &call.arguments, call.expand, expr.span),
            ExprKind::Parentheses(inner) => return self.expr(inner),
            ExprKind::Invalid => return Err(Failed),
            ExprKind::Template(parts) => self.template(parts)?,
            ExprKind::Splat { source, each } => self.splat(source, each)?,
            ExprKind::Tuple(items) => self.all(items).map(Value::tuple)?,
            ExprKind::Object(items) => self.object(items)?,
            ExprKind::For(each) => self.for_expr(each)?,
        };
        self.made(made, 0, expr.span)
    }

    /// The values of all of them; all are evaluated even where one fails.
    pub(super) fn all(&mut self, exprs: &[Arc<Expr>]) -> Result<Vec<Value>, Failed> {
        let mut values = Vec::with_capacity(exprs.len());
        let mut failed = false;
        for expr in exprs {
            match self.expr(expr) {
                Ok(value) => values.push(value),
                Err(Failed) => failed = true,
            }
        }
        if failed { Err(Failed) } else { Ok(values) }
    }

    fn variable(&self, name: &str) -> Option<Value> {
        self.variables.iter().rev().find(|(known, _)| &**known == name).map(|(_, value)| value.clone())
    }

    /// The name with the steps that the scope can tell apart is asked of the scope, the other
    /// steps are taken here.
    fn reference(&mut self, reference: &Reference) -> Evaluated {
        let (mut value, taken) = match self.variable(&reference.root) {
            Some(value) => (value, 0),
            None => self.resolve(reference)?,
        };
        for (at, step) in reference.steps.iter().enumerate().skip(taken) {
            let (part, before) = (reference.part_span(at), reference.span_before(at));
            let result = match step {
                ReferenceStep::Attribute(name) => access::attribute(&value, name, part, before),
                ReferenceStep::Key(key) => access::index(&value, &key_value(key), before, part),
            };
            value = result.or_else(|diagnostic| self.fail(diagnostic))?;
        }
        Ok(value)
    }

    fn resolve(&mut self, reference: &Reference) -> Result<(Value, usize), Failed> {
        match self.scope.resolve(reference) {
            Ok(resolved) => Ok((resolved.value, resolved.steps)),
            Err(diagnostic) => {
                self.unresolved += 1;
                self.fail(diagnostic.or_at(reference.span))
            }
        }
    }

    /// Steps from another expression, or with keys that have to be evaluated.
    fn traversal(&mut self, expr: &Expr) -> Evaluated {
        let mut steps = Vec::new();
        let mut base = expr;
        while let ExprKind::Attribute(source, _) | ExprKind::Index(source, _) = &base.kind {
            steps.push(base);
            base = source;
        }
        let mut value = self.expr(base)?;
        for step in steps.into_iter().rev() {
            value = self.step(value, step)?;
        }
        Ok(value)
    }

    fn step(&mut self, value: Value, step: &Expr) -> Evaluated {
        let result = match &step.kind {
            ExprKind::Attribute(source, name) => access::attribute(&value, &name.name, name.span, source.span),
            ExprKind::Index(source, key) => {
                let key_value = self.expr(key)?;
                access::index(&value, &key_value, source.span, key.span)
            }
            _ => return Err(Failed),
        };
        result.or_else(|diagnostic| self.fail(diagnostic))
    }
}
