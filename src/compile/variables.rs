//! The value that a variable takes from what is given for it.

use portolan_lang::eval::{Host, Reference, Resolved, Scope, evaluate};
use portolan_lang::{Diagnostic, Diagnostics, Span, Value};

use crate::config::{Refusal, Variable};

/// The value of a variable: what is given for it, or its default. `at` is the place to blame for
/// what is given.
pub fn accept(variable: &Variable, given: Option<Value>, at: Span, host: &dyn Host) -> (Value, Diagnostics) {
    let refused = |refusal, span| (unknown(variable), explain(variable, refusal, span).into());
    match given.map(|given| variable.accept(&given)) {
        Some(Ok(Some(value))) => return (value, Diagnostics::new()),
        Some(Err(refusal)) => return refused(refusal, at),
        Some(Ok(None)) | None => {}
    }
    let Some(default) = default(variable, host) else {
        let problem = Diagnostic::error("No value for required variable")
            .detail(format!("The variable \"{}\" has no default, and no value is given for it.", variable.name.name))
            .at(at);
        return (unknown(variable), problem.into());
    };
    match variable.accept(&default) {
        Ok(Some(value)) => (value, Diagnostics::new()),
        Ok(None) => refused(Refusal::Null, variable.name.span),
        Err(refusal) => refused(refusal, variable.name.span),
    }
}

fn unknown(variable: &Variable) -> Value {
    Value::unknown(variable.constraint.ty.clone())
}

fn explain(variable: &Variable, refusal: Refusal, span: Span) -> Diagnostic {
    let name = &variable.name.name;
    match refusal {
        Refusal::Null => Diagnostic::error("Required variable not set")
            .detail(format!("The variable \"{name}\" cannot be null."))
            .at(span),
        Refusal::Unfit(error) => {
            let place = if error.path.is_root() { String::new() } else { format!(" at {}", error.path) };
            Diagnostic::error("Invalid value for input variable")
                .detail(format!("The value given for \"{name}\" is not suitable{place}: {}.", error.message))
                .label(span, "given here")
                .label(variable.name.span, format!("declared as {}", variable.constraint.ty))
        }
    }
}

/// Loading has checked that the default is a constant that fits the type.
fn default(variable: &Variable, host: &dyn Host) -> Option<Value> {
    variable.default.as_ref().map(|expr| evaluate(expr, &Constants(host)).0)
}

/// The scope of expressions that may refer to nothing.
pub struct Constants<'a>(pub &'a dyn Host);

impl Scope for Constants<'_> {
    fn resolve(&self, reference: &Reference) -> Result<Resolved, Diagnostic> {
        Err(Diagnostic::error("Variables not allowed")
            .detail("Only constants can stand here; nothing can be referred to.")
            .at(reference.span))
    }

    fn host(&self) -> &dyn Host {
        self.0
    }
}
