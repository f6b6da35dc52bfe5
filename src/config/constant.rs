//! Attributes that rule how a configuration is read, and must therefore be constant.

use std::sync::Arc;

use portolan_lang::convert::convert;
use portolan_lang::eval::{Host, Reference, Resolved, Scope, evaluate};
use portolan_lang::syntax::{Expr, ExprKind};
use portolan_lang::{Diagnostic, Diagnostics, Type, Value};

use super::calls::calls;

/// The value of an expression that refers to nothing and calls no function.
pub(super) fn constant(expr: &Expr, diagnostics: &mut Diagnostics) -> Option<Value> {
    for call in calls(expr) {
        diagnostics.push(
            Diagnostic::error("Function calls not allowed")
                .detail(format!("{} cannot be called here: a constant is required.", call.name))
                .at(call.span),
        );
    }
    let (value, problems) = evaluate(expr, &Nothing);
    let failed = problems.has_errors() || !calls(expr).is_empty() || matches!(expr.kind, ExprKind::Invalid);
    diagnostics.extend(problems);
    (!failed).then_some(value)
}

/// The scope of constants: there is nothing to refer to and nothing outside.
pub(super) struct Nothing;

impl Scope for Nothing {
    fn resolve(&self, reference: &Reference) -> Result<Resolved, Diagnostic> {
        Err(Diagnostic::error("Variables not allowed")
            .detail(format!("{reference} cannot be referred to here: a constant is required."))
            .at(reference.span))
    }

    fn host(&self) -> &dyn Host {
        self
    }
}

impl Host for Nothing {
    fn read(&self, _path: &str) -> Result<Vec<u8>, String> {
        Err(NOT_HERE.to_owned())
    }

    fn exists(&self, _path: &str) -> Result<bool, String> {
        Err(NOT_HERE.to_owned())
    }

    fn files(&self, _directory: &str) -> Result<Vec<String>, String> {
        Err(NOT_HERE.to_owned())
    }

    fn absolute(&self, _path: &str) -> Result<String, String> {
        Err(NOT_HERE.to_owned())
    }

    fn home(&self) -> Option<String> {
        None
    }

    fn now(&self) -> Option<String> {
        None
    }

    fn plan_time(&self) -> Option<String> {
        None
    }
}

const NOT_HERE: &str = "a constant is required";

/// The constant of a type; `None`, told, where it is something else.
fn constant_of(expr: &Expr, ty: &Type, diagnostics: &mut Diagnostics) -> Option<Value> {
    let value = constant(expr, diagnostics)?;
    let fitting = convert(&value, ty).ok().filter(|value| !value.is_null());
    if fitting.is_none() {
        let detail = format!("A {} is required here.", ty.friendly_name());
        diagnostics.push(Diagnostic::error("Unsuitable value type").detail(detail).at(expr.span));
    }
    fitting
}

/// The constant `true` or `false`.
pub(super) fn constant_bool(expr: &Expr, diagnostics: &mut Diagnostics) -> Option<bool> {
    constant_of(expr, &Type::Bool, diagnostics)?.as_bool()
}

/// A constant string.
pub(super) fn constant_text(expr: &Expr, diagnostics: &mut Diagnostics) -> Option<Arc<str>> {
    constant_of(expr, &Type::String, diagnostics)?.as_str().map(Arc::from)
}
