//! Functions that take collections of more than one kind.

use unicode_segmentation::UnicodeSegmentation;

use crate::convert::{convert, unify_unsafe};
use crate::equality::are_equal;
use crate::number::Number;
use crate::types::Type;
use crate::value::{Data, Marks, Value};

use super::call::{Call, CallError, element_type};
use super::table::{Allows, Function};

pub(super) fn functions() -> Vec<Function> {
    use Type::{Any, Bool};
    let values = Allows::NULL.and(Allows::UNKNOWN).and(Allows::ANY);
    vec![
        Function::new("alltrue", "Whether all elements are true.")
            .takes("list", Type::list(Bool))
            .gives(Bool)
            .by(alltrue),
        Function::new("anytrue", "Whether any element is true.")
            .takes("list", Type::list(Bool))
            .gives(Bool)
            .by(anytrue),
        Function::new("coalesce", "The first value that is neither null nor an empty string.")
            .takes_more("vals", Any, values)
            .gives_by(coalesce_type)
            .by(coalesce),
        Function::new("coalescelist", "The first list that has elements.")
            .takes_more("vals", Any, values)
            .gives_by(coalescelist_type)
            .by(coalescelist),
        Function::new("contains", "Whether a list or set contains a value.")
            .takes("list", Any)
            .takes("value", Any)
            .gives_by(contains_type)
            .by(contains),
        Function::new("length", "How many elements a collection has, or characters a string.")
            .takes_also("value", Any, Allows::UNKNOWN.and(Allows::ANY).and(Allows::MARKED))
            .gives_by(length_type)
            .by(length),
        Function::new("one", "The only element of a collection, or null where it has none.")
            .takes("list", Any)
            .gives_by(one_type)
            .may_be_null()
            .by(one),
        Function::new("sum", "The sum of the numbers in a list or set.").takes("list", Any).gives_by(sum_type).by(sum),
    ]
}

/// Stops at what decides; an unknown element before that leaves the result unknown.
fn alltrue(call: &Call<'_>) -> Result<Value, CallError> {
    for item in call.items(0) {
        match item.data() {
            Data::Unknown(_) => return Ok(call.unknown()),
            Data::Bool(true) => {}
            _ => return Ok(Value::FALSE),
        }
    }
    Ok(Value::TRUE)
}

fn anytrue(call: &Call<'_>) -> Result<Value, CallError> {
    let items = call.items(0);
    if items.iter().any(|item| item.as_bool() == Some(true)) {
        return Ok(Value::TRUE);
    }
    Ok(if items.iter().all(Value::is_known) { Value::FALSE } else { call.unknown() })
}

fn coalesce_type(arguments: &[Value]) -> Result<Type, CallError> {
    if arguments.is_empty() {
        return Err(CallError::new("at least one argument is required"));
    }
    let types: Vec<Type> = arguments.iter().map(Value::ty).collect();
    unify_unsafe(&types).ok_or_else(|| CallError::new("all arguments must have the same type"))
}

fn coalesce(call: &Call<'_>) -> Result<Value, CallError> {
    for (position, argument) in call.arguments.iter().enumerate() {
        let converted = convert(argument, &call.ty).map_err(|error| CallError::of(position, error.to_string()))?;
        match converted.data() {
            Data::Unknown(_) => return Ok(Value::unknown(call.ty.clone())),
            Data::Null(_) => {}
            Data::String(text) if text.is_empty() => {}
            _ => return Ok(converted),
        }
    }
    Err(CallError::new("no non-null, non-empty-string arguments"))
}

fn coalescelist_type(arguments: &[Value]) -> Result<Type, CallError> {
    if arguments.is_empty() {
        return Err(CallError::new("at least one argument is required"));
    }
    if arguments.iter().any(|argument| !argument.is_known()) {
        return Ok(Type::Any);
    }
    let is_list = |value: &Value| matches!(value.ty(), Type::List(_) | Type::Tuple(_));
    if let Some(position) = arguments.iter().position(|value| !value.is_null() && !is_list(value)) {
        return Err(CallError { argument: Some(position), ..CallError::new("arguments must be lists or tuples") });
    }
    let mut types = arguments.iter().map(Value::ty);
    let first = types.next().unwrap_or_default();
    Ok(if types.all(|ty| ty == first) { first } else { Type::Any })
}

fn coalescelist(call: &Call<'_>) -> Result<Value, CallError> {
    for argument in &call.arguments {
        if !argument.is_known() {
            return Ok(Value::unknown(call.ty.clone()));
        }
        if argument.items().is_some_and(|items| !items.is_empty()) {
            return Ok(argument.clone());
        }
    }
    Err(CallError::new("no non-null, non-empty arguments"))
}

fn contains_type(arguments: &[Value]) -> Result<Type, CallError> {
    match arguments.first().map(Value::ty) {
        Some(Type::List(_) | Type::Set(_) | Type::Tuple(_)) | None => Ok(Type::Bool),
        Some(_) => Err(CallError::new("argument must be list, tuple, or set")),
    }
}

fn contains(call: &Call<'_>) -> Result<Value, CallError> {
    let wanted = call.value(1);
    let mut undecided = false;
    for item in call.items(0) {
        match are_equal(item, &wanted) {
            Some(true) => return Ok(Value::TRUE),
            Some(false) => {}
            None => undecided = true,
        }
    }
    Ok(if undecided { call.unknown() } else { Value::FALSE })
}

fn length_type(arguments: &[Value]) -> Result<Type, CallError> {
    match arguments.first().map(Value::ty) {
        Some(Type::Bool | Type::Number) => {
            Err(CallError::new("argument must be a string, a collection type, or a structural type"))
        }
        _ => Ok(Type::Number),
    }
}

fn length(call: &Call<'_>) -> Result<Value, CallError> {
    let value = call.value(0);
    let known = match value.data() {
        Data::String(text) => Some(text.graphemes(true).count()),
        Data::Set(set) if set.items.len() > 1 && !value.is_wholly_known() => None,
        Data::Unknown(unknown) => match &unknown.ty {
            Type::Tuple(types) => Some(types.len()),
            Type::Object(object) => Some(object.attributes.len()),
            _ => unknown.length.1.filter(|greatest| *greatest == unknown.length.0 && unknown.not_null),
        },
        _ => value.items().map(<[Value]>::len).or_else(|| value.entries().map(|entries| entries.len())),
    };
    let length = known.map_or_else(|| call.unknown(), Value::number);
    Ok(length.mark(value.marks()))
}

fn one_type(arguments: &[Value]) -> Result<Type, CallError> {
    const REFUSED: &str = "must be a list, set, or tuple value with either zero or one elements";
    match arguments.first().map(Value::ty) {
        Some(Type::List(element) | Type::Set(element)) => Ok((*element).clone()),
        Some(Type::Tuple(types)) => match &types[..] {
            [] => Ok(Type::Any),
            [only] => Ok(only.clone()),
            _ => Err(CallError::of(0, REFUSED)),
        },
        _ => Err(CallError::of(0, REFUSED)),
    }
}

fn one(call: &Call<'_>) -> Result<Value, CallError> {
    let is_set = matches!(call.value(0).data(), Data::Set(_));
    match call.items(0) {
        [] => Ok(Value::null(call.ty.clone())),
        [only] => Ok(only.clone()),
        _ if is_set && !call.is_wholly_known(0) => Ok(Value::unknown(call.ty.clone())),
        _ => Err(CallError::of(0, "must be a list, set, or tuple value with either zero or one elements")),
    }
}

fn sum_type(_: &[Value]) -> Result<Type, CallError> {
    Ok(Type::Number)
}

fn sum(call: &Call<'_>) -> Result<Value, CallError> {
    let value = call.value(0);
    let Some(items) = value.items() else {
        let found = value.ty().friendly_name();
        return Err(CallError::of(0, format!("argument must be list, set, or tuple; received {found}")));
    };
    if items.is_empty() {
        return Err(CallError::of(0, "cannot sum an empty list"));
    }
    if !value.is_wholly_known() {
        return Ok(call.unknown());
    }
    let mut total = Number::ZERO;
    for item in items {
        let number = convert(item, &Type::Number).ok();
        let number = number.as_ref().and_then(Value::as_number);
        let number = number.ok_or_else(|| CallError::of(0, "argument must be list, set, or tuple of number values"))?;
        total = total.add(number).ok_or_else(|| CallError::new("the sum is too large for a number"))?;
    }
    Ok(Value::number(total))
}

/// The types of the values in a list, a set or a tuple; for the former as many as there are.
pub(super) fn item_types(value: &Value) -> Option<Vec<Type>> {
    match value.ty() {
        Type::Tuple(types) => Some(types.to_vec()),
        ty @ (Type::List(_) | Type::Set(_)) => {
            let element = element_type(&ty);
            value.items().map(|items| items.iter().map(|_| element.clone()).collect())
        }
        _ => None,
    }
}

/// The marks that these values themselves have.
pub(super) fn shallow_marks<'a>(values: impl IntoIterator<Item = &'a Value>) -> Marks {
    values.into_iter().fold(Marks::NONE, |marks, value| marks.union(value.marks()))
}
