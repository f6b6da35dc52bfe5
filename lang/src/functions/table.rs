//! How a function is declared.

use crate::limits::BYTES_PER_STEP;
use crate::types::Type;
use crate::value::Value;

use super::call::{Call, CallError};

/// What an argument may be besides a known, unmarked value that is not null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allows(u8);

impl Allows {
    /// Nothing else.
    pub const NOTHING: Allows = Allows(0);
    /// Null.
    pub const NULL: Allows = Allows(1);
    /// Unknown; otherwise an unknown argument makes the result unknown.
    pub const UNKNOWN: Allows = Allows(2);
    /// Marked, at any depth; otherwise marks are taken off and put on the result.
    pub const MARKED: Allows = Allows(4);
    /// A value whose type is not known; otherwise it makes the type of the result unknown.
    pub const ANY: Allows = Allows(8);

    /// Both of these.
    #[must_use]
    pub const fn and(self, other: Allows) -> Allows {
        Allows(self.0 | other.0)
    }

    /// Whether all of `other` is allowed.
    pub const fn contains(self, other: Allows) -> bool {
        self.0 & other.0 == other.0
    }
}

/// One parameter of a function.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name, for messages and documentation.
    pub name: &'static str,
    /// What arguments are converted to.
    pub ty: Type,
    /// What arguments may be.
    pub allows: Allows,
}

/// The type of a result.
#[derive(Debug, Clone)]
pub(super) enum Returns {
    /// Always this one.
    Fixed(Type),
    /// What a rule says of the arguments; it also refuses arguments of the wrong type, so that
    /// mistakes are told even where values are unknown. The type is `Any` where it is unknown.
    By(fn(&[Value]) -> Result<Type, CallError>),
}

/// How a function is carried out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// From the values of its arguments.
    Values(fn(&Call<'_>) -> Result<Value, CallError>),
    /// From its arguments as expressions or from templates: the evaluator does.
    Expressions,
}

/// A function: what it takes, what it gives, what it is for.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub doc: &'static str,
    /// The parameters that must be given, in order.
    pub parameters: Vec<Parameter>,
    /// The parameter that takes all further arguments.
    pub variadic: Option<Parameter>,
    pub(super) returns: Returns,
    pub(super) may_be_null: bool,
    pub(super) kind: Kind,
    /// How many steps of an evaluation a call counts as.
    pub(super) steps: fn(&[Value]) -> u64,
}

fn steps_by_size(arguments: &[Value]) -> u64 {
    arguments.iter().map(|argument| u64::from(argument.size())).sum::<u64>() / BYTES_PER_STEP
}

impl Function {
    pub(super) fn new(name: &'static str, doc: &'static str) -> Function {
        Function {
            name,
            doc,
            parameters: Vec::new(),
            variadic: None,
            returns: Returns::Fixed(Type::Any),
            may_be_null: false,
            kind: Kind::Expressions,
            steps: steps_by_size,
        }
    }

    /// Adds a parameter that takes known values only.
    pub(super) fn takes(self, name: &'static str, ty: Type) -> Function {
        self.takes_also(name, ty, Allows::NOTHING)
    }

    /// Adds a parameter that takes more than known values.
    pub(super) fn takes_also(mut self, name: &'static str, ty: Type, allows: Allows) -> Function {
        self.parameters.push(Parameter { name, ty, allows });
        self
    }

    /// Sets the parameter that takes all further arguments.
    pub(super) fn takes_more(mut self, name: &'static str, ty: Type, allows: Allows) -> Function {
        self.variadic = Some(Parameter { name, ty, allows });
        self
    }

    /// Sets the type of the result.
    pub(super) fn gives(mut self, ty: Type) -> Function {
        self.returns = Returns::Fixed(ty);
        self
    }

    /// Sets the rule for the type of the result.
    pub(super) fn gives_by(mut self, rule: fn(&[Value]) -> Result<Type, CallError>) -> Function {
        self.returns = Returns::By(rule);
        self
    }

    /// Says that the result can be null, so that an unknown result is not known to be something.
    pub(super) fn may_be_null(mut self) -> Function {
        self.may_be_null = true;
        self
    }

    /// Says how many steps a call counts as, where that is not told by the size of what it is given.
    pub(super) fn costs(mut self, steps: fn(&[Value]) -> u64) -> Function {
        self.steps = steps;
        self
    }

    /// Sets the implementation.
    pub(super) fn by(mut self, implementation: fn(&Call<'_>) -> Result<Value, CallError>) -> Function {
        self.kind = Kind::Values(implementation);
        self
    }

    /// Whether the arguments are evaluated by the function itself: `try`, `can` and the
    /// template functions.
    pub fn takes_expressions(&self) -> bool {
        matches!(self.kind, Kind::Expressions)
    }

    /// The parameter that the argument at this position goes to.
    pub fn parameter(&self, position: usize) -> Option<&Parameter> {
        self.parameters.get(position).or(self.variadic.as_ref())
    }

    /// The type of the results, `Any` where it depends on the arguments.
    pub fn return_type(&self) -> Type {
        match &self.returns {
            Returns::Fixed(ty) => ty.clone(),
            Returns::By(_) => Type::Any,
        }
    }
}
