//! What all calls have in common.

use std::fmt;
use std::sync::Arc;

use crate::convert::convert;
use crate::eval::Host;
use crate::limits::MAX_SIZE;
use crate::number::Number;
use crate::types::Type;
use crate::value::{Entries, Marks, Value};

use super::lookup;
use super::table::{Allows, Function, Kind, Parameter, Returns};

/// What is wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallErrorKind {
    /// There is no function of this name.
    UnknownFunction,
    /// An argument is missing.
    TooFewArguments,
    /// There are more arguments than parameters.
    TooManyArguments,
    /// One argument is of a wrong type, or null, or has a value that the function refuses.
    Argument,
    /// The function cannot be carried out on these arguments.
    Failed,
}

/// Why a call failed. Never shows a sensitive argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    /// What is wrong.
    pub kind: CallErrorKind,
    /// The position of the argument that is at fault, from zero, where it is one.
    pub argument: Option<usize>,
    /// What is wrong, in words that follow the function's name.
    pub message: String,
}

impl CallError {
    /// The function cannot be carried out.
    pub(super) fn new(message: impl Into<String>) -> CallError {
        CallError { kind: CallErrorKind::Failed, argument: None, message: message.into() }
    }

    /// One argument is at fault.
    pub(super) fn of(argument: usize, message: impl Into<String>) -> CallError {
        CallError { kind: CallErrorKind::Argument, argument: Some(argument), message: message.into() }
    }

    /// The problem in a few words.
    pub fn summary(&self) -> &'static str {
        match self.kind {
            CallErrorKind::UnknownFunction => "Call to unknown function",
            CallErrorKind::TooFewArguments => "Not enough function arguments",
            CallErrorKind::TooManyArguments => "Too many function arguments",
            CallErrorKind::Argument => "Invalid function argument",
            CallErrorKind::Failed => "Error in function call",
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CallError {}

/// A call under way: arguments that were checked against the parameters.
pub(super) struct Call<'a> {
    /// The arguments, converted, at least one for each parameter that is not variadic.
    pub(super) arguments: Vec<Value>,
    /// The type that the result will have, as far as the function's rule could say.
    pub(super) ty: Type,
    /// Where files and the time come from.
    pub(super) host: &'a dyn Host,
    /// The marks of the arguments that do not allow marks.
    pub(super) marks: Marks,
}

impl Call<'_> {
    /// The argument at this position; null where there is none.
    pub(super) fn value(&self, position: usize) -> Value {
        self.arguments.get(position).cloned().unwrap_or_else(|| Value::null(Type::Any))
    }

    /// The string argument at this position.
    pub(super) fn text(&self, position: usize) -> &str {
        self.arguments.get(position).and_then(Value::as_str).unwrap_or_default()
    }

    /// The number argument at this position.
    pub(super) fn number(&self, position: usize) -> &Number {
        const ZERO: &Number = &Number::ZERO;
        self.arguments.get(position).and_then(Value::as_number).unwrap_or(ZERO)
    }

    /// The number argument at this position, which must be whole and fit 64 bits.
    pub(super) fn whole(&self, position: usize) -> Result<i64, CallError> {
        self.number(position).to_i64().ok_or_else(|| CallError::new("a whole number is required"))
    }

    /// The items of the list, set or tuple at this position.
    pub(super) fn items(&self, position: usize) -> &[Value] {
        self.arguments.get(position).and_then(Value::items).unwrap_or_default()
    }

    /// The entries of the map or object at this position.
    pub(super) fn entries(&self, position: usize) -> Entries {
        self.arguments.get(position).and_then(Value::entries).cloned().unwrap_or_default()
    }

    /// Whether the argument at this position and all in it is known.
    pub(super) fn is_wholly_known(&self, position: usize) -> bool {
        self.arguments.get(position).is_none_or(Value::is_wholly_known)
    }

    /// A text of an argument as messages may show it.
    pub(super) fn shown(&self, text: &str) -> String {
        if self.marks.is_empty() { format!("{text:?}") } else { "(sensitive value)".to_owned() }
    }

    /// The result where it cannot be known yet.
    pub(super) fn unknown(&self) -> Value {
        Value::unknown_not_null(self.ty.clone())
    }
}

/// Calls a function.
///
/// Does what [`Function`] declares of each parameter: counts, converts, refuses null, and
/// takes marks off and puts them on the result. An unknown argument makes the result unknown,
/// of the type that the function would give.
///
/// # Errors
///
/// Every kind of [`CallErrorKind`].
pub fn call(name: &str, arguments: Vec<Value>, host: &dyn Host) -> Result<Value, CallError> {
    let function = lookup(name).ok_or_else(|| CallError {
        kind: CallErrorKind::UnknownFunction,
        argument: None,
        message: format!("there is no function named {name:?}"),
    })?;
    let Kind::Values(implementation) = function.kind else {
        return Err(CallError::new("this function takes expressions, not values"));
    };
    check_count(function, arguments.len())?;
    let mut checked = Vec::with_capacity(arguments.len());
    let mut marks = Marks::NONE;
    for (position, argument) in arguments.iter().enumerate() {
        let Some(parameter) = function.parameter(position) else { break };
        let argument = check_argument(parameter, position, argument)?;
        if parameter.allows.contains(Allows::MARKED) {
            checked.push(argument);
        } else {
            marks = marks.union(argument.deep_marks());
            checked.push(argument.unmark_deep());
        }
    }
    let refused = |allowed: Allows, is: fn(&Value) -> bool| {
        let parameter = |position| function.parameter(position).is_some_and(|p| !p.allows.contains(allowed));
        checked.iter().enumerate().any(|(position, argument)| is(argument) && parameter(position))
    };
    if refused(Allows::ANY, |argument| argument.ty() == Type::Any) {
        return Ok(Value::unknown(Type::Any).mark(marks_of_all(&checked).union(marks)));
    }
    let ty = match &function.returns {
        Returns::Fixed(ty) => ty.clone(),
        Returns::By(rule) => rule(&checked)?,
    };
    if refused(Allows::UNKNOWN, |argument| !argument.is_known()) {
        let not_null = !function.may_be_null && ty != Type::Any;
        let unknown = if not_null { Value::unknown_not_null(ty) } else { Value::unknown(ty) };
        return Ok(unknown.mark(marks_of_all(&checked).union(marks)));
    }
    let call = Call { arguments: checked, ty, host, marks };
    Ok(implementation(&call)?.mark(marks))
}

fn marks_of_all(arguments: &[Value]) -> Marks {
    arguments.iter().fold(Marks::NONE, |marks, argument| marks.union(argument.marks()))
}

fn check_count(function: &Function, given: usize) -> Result<(), CallError> {
    let wanted = function.parameters.len();
    if let Some(missing) = function.parameters.get(given) {
        return Err(CallError {
            kind: CallErrorKind::TooFewArguments,
            argument: None,
            message: format!("expects {}; missing value for {:?}", count(function), missing.name),
        });
    }
    if given > wanted && function.variadic.is_none() {
        return Err(CallError {
            kind: CallErrorKind::TooManyArguments,
            argument: Some(wanted),
            message: format!("expects only {}", count(function)),
        });
    }
    Ok(())
}

fn count(function: &Function) -> String {
    let more = if function.variadic.is_some() { "at least " } else { "" };
    match function.parameters.len() {
        1 => format!("{more}1 argument"),
        several => format!("{more}{several} arguments"),
    }
}

fn check_argument(parameter: &Parameter, position: usize, argument: &Value) -> Result<Value, CallError> {
    let converted = convert(argument, &parameter.ty).map_err(|error| CallError::of(position, error.to_string()))?;
    if converted.is_null() && !parameter.allows.contains(Allows::NULL) {
        return Err(CallError::of(position, "argument must not be null"));
    }
    Ok(converted)
}

/// The element type of a list, a set or a map.
pub(super) fn element_type(ty: &Type) -> Type {
    match ty {
        Type::List(element) | Type::Set(element) | Type::Map(element) => (**element).clone(),
        _ => Type::Any,
    }
}

/// The values that a function makes out of what may be much less, as long as they are no more
/// than a value may hold.
pub(super) fn collected(values: impl IntoIterator<Item = Value>) -> Result<Vec<Value>, CallError> {
    let mut size = 0;
    let mut list = Vec::new();
    for value in values {
        size += u64::from(value.size());
        if size > MAX_SIZE {
            return Err(CallError::new(format!("the result would take more than {} MiB", MAX_SIZE >> 20)));
        }
        list.push(value);
    }
    Ok(list)
}

/// A string result.
pub(super) fn text(text: impl AsRef<str> + Into<Arc<str>>) -> Result<Value, CallError> {
    Ok(Value::string(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_collected_than_a_value_may_hold() {
        let large = Value::string("x".repeat(1 << 20));
        let most = usize::try_from(MAX_SIZE).expect("a size") / (1 << 20) - 1;
        assert_eq!(collected(std::iter::repeat_n(large.clone(), most)).map(|values| values.len()), Ok(most));
        let error = collected(std::iter::repeat(large)).expect_err("too much");
        assert_eq!(error.message, "the result would take more than 256 MiB");
    }
}
