//! The value that a variable takes from what is given for it.

use portolan_lang::eval::{Host, Reference, Resolved, Scope, evaluate};
use portolan_lang::{Diagnostic, Diagnostics, Marks, Span, Value};

use crate::config::Variable;

/// The value of a variable: what is given, converted to its type with the defaults of optional
/// attributes filled in, or its default. `at` is the place to blame for what is given.
pub fn accept(variable: &Variable, given: Option<Value>, at: Span, host: &dyn Host) -> (Value, Diagnostics) {
    let (chosen, span) = match given {
        Some(value) if !value.is_null() || variable.nullable || variable.default.is_none() => (value, at),
        Some(_) | None => match default(variable, host) {
            Some(value) => (value, variable.name.span),
            None => {
                let problem = Diagnostic::error("No value for required variable")
                    .detail(format!(
                        "The variable \"{}\" has no default, and no value is given for it.",
                        variable.name.name
                    ))
                    .at(at);
                return (Value::unknown(variable.constraint.ty.clone()), problem.into());
            }
        },
    };
    if chosen.is_null() && !variable.nullable {
        let problem = Diagnostic::error("Required variable not set")
            .detail(format!("The variable \"{}\" cannot be null.", variable.name.name))
            .at(span);
        return (Value::unknown(variable.constraint.ty.clone()), problem.into());
    }
    match variable.constraint.apply(&chosen) {
        Ok(value) => (mark(variable, value), Diagnostics::new()),
        Err(error) => {
            let place = if error.path.is_root() { String::new() } else { format!(" at {}", error.path) };
            let problem = Diagnostic::error("Invalid value for input variable")
                .detail(format!(
                    "The value given for \"{}\" is not suitable{place}: {}.",
                    variable.name.name, error.message
                ))
                .label(span, "given here")
                .label(variable.name.span, format!("declared as {}", variable.constraint.ty));
            (Value::unknown(variable.constraint.ty.clone()), problem.into())
        }
    }
}

fn mark(variable: &Variable, value: Value) -> Value {
    let sensitive = if variable.sensitive { Marks::SENSITIVE } else { Marks::NONE };
    let ephemeral = if variable.ephemeral { Marks::EPHEMERAL } else { Marks::NONE };
    value.mark(sensitive.union(ephemeral))
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
