//! Sets.

use std::collections::BTreeSet;

use crate::convert::{convert, unify_unsafe};
use crate::types::Type;
use crate::value::{Data, Value};

use super::call::{Call, CallError, collected, element_type};
use super::collection::shallow_marks;
use super::table::{Allows, Function};

/// The most combinations that `setproduct` makes.
const MAX_PRODUCT: usize = 1_000_000;

pub(super) fn functions() -> Vec<Function> {
    let set = || Type::set(Type::Any);
    let of_sets = |name, doc| {
        Function::new(name, doc)
            .takes("first_set", set())
            .takes_more("other_sets", set(), Allows::NOTHING)
            .gives_by(common_set_type)
    };
    vec![
        of_sets("setintersection", "The values that are in all of the sets.").by(setintersection),
        Function::new("setproduct", "All combinations of one element of each set.")
            .takes_more("sets", Type::Any, Allows::MARKED.and(Allows::UNKNOWN))
            .gives_by(setproduct_type)
            .by(setproduct),
        Function::new("setsubtract", "The values that are in the first set and not in the second.")
            .takes("a", set())
            .takes("b", set())
            .gives_by(common_set_type)
            .by(setsubtract),
        of_sets("setunion", "The values that are in any of the sets.").by(setunion),
    ]
}

fn common_set_type(arguments: &[Value]) -> Result<Type, CallError> {
    // An empty set of elements of any type fits whatever the others hold.
    let fits_all = |value: &Value| value.ty() == Type::set(Type::Any) && value.items().is_some_and(<[Value]>::is_empty);
    let types: Vec<Type> =
        arguments.iter().filter(|value| !fits_all(value)).map(|value| element_type(&value.ty())).collect();
    if types.is_empty() {
        return Ok(Type::set(Type::Any));
    }
    unify_unsafe(&types)
        .map(Type::set)
        .ok_or_else(|| CallError::new("given sets must all have compatible element types"))
}

/// The items of all arguments, converted to the type of the result.
fn converted(call: &Call<'_>) -> Result<Vec<Vec<Value>>, CallError> {
    let items = |(position, argument): (usize, &Value)| {
        let set = convert(argument, &call.ty).map_err(|error| CallError::of(position, error.to_string()))?;
        Ok(set.items().unwrap_or_default().to_vec())
    };
    call.arguments.iter().enumerate().map(items).collect()
}

fn wholly_known(call: &Call<'_>) -> bool {
    call.arguments.iter().all(Value::is_wholly_known)
}

fn setintersection(call: &Call<'_>) -> Result<Value, CallError> {
    if !wholly_known(call) {
        return Ok(call.unknown());
    }
    let sets = converted(call)?;
    let others: Vec<BTreeSet<&Value>> = sets.iter().skip(1).map(|set| set.iter().collect()).collect();
    let in_all = |item: &&Value| others.iter().all(|other| other.contains(*item));
    let kept = sets.first().into_iter().flatten().filter(in_all).cloned();
    Ok(Value::set(element_type(&call.ty), kept))
}

fn setsubtract(call: &Call<'_>) -> Result<Value, CallError> {
    if !wholly_known(call) {
        return Ok(call.unknown());
    }
    let sets = converted(call)?;
    let taken: BTreeSet<&Value> = sets.get(1).into_iter().flatten().collect();
    let kept = sets.first().into_iter().flatten().filter(|item| !taken.contains(item)).cloned();
    Ok(Value::set(element_type(&call.ty), kept))
}

fn setunion(call: &Call<'_>) -> Result<Value, CallError> {
    Ok(Value::set(element_type(&call.ty), converted(call)?.into_iter().flatten()))
}

/// Lists alone give a list, in the order of the elements; with a set among them, a set.
fn setproduct_type(arguments: &[Value]) -> Result<Type, CallError> {
    if arguments.len() < 2 {
        return Err(CallError::new("at least two arguments are required"));
    }
    let mut elements = Vec::with_capacity(arguments.len());
    let mut lists_only = true;
    for (position, argument) in arguments.iter().enumerate() {
        let element = match argument.ty() {
            Type::List(element) => Some((*element).clone()),
            Type::Set(element) => {
                lists_only = false;
                Some((*element).clone())
            }
            Type::Tuple(types) if types.is_empty() => Some(Type::Any),
            Type::Tuple(types) => unify_unsafe(&types),
            _ => return Err(CallError::of(position, "a set or a list is required")),
        };
        elements.push(element.ok_or_else(|| CallError::of(position, "all elements must be of the same type"))?);
    }
    let tuple = Type::tuple(elements);
    Ok(if lists_only { Type::list(tuple) } else { Type::set(tuple) })
}

/// How many elements an argument has, where that is known.
fn known_length(argument: &Value) -> Option<usize> {
    match (argument.data(), argument.ty()) {
        (Data::Unknown(_), Type::Tuple(types)) => Some(types.len()),
        (Data::Set(set), _) if set.items.len() > 1 && !argument.is_wholly_known() => None,
        _ => argument.items().map(<[Value]>::len),
    }
}

fn setproduct(call: &Call<'_>) -> Result<Value, CallError> {
    let marks = shallow_marks(&call.arguments);
    let lengths: Option<Vec<usize>> = call.arguments.iter().map(known_length).collect();
    let total = lengths.map(|lengths| lengths.into_iter().try_fold(1_usize, usize::checked_mul));
    let tuple = element_type(&call.ty);
    let items = match total {
        Some(Some(0)) => Vec::new(),
        Some(total) if total.is_none_or(|total| total > MAX_PRODUCT) => {
            return Err(CallError::new(format!("more than {MAX_PRODUCT} combinations would be generated")));
        }
        Some(Some(total)) if call.arguments.iter().all(Value::is_known) => combinations(call, &tuple, total)?,
        _ => return Ok(call.unknown().mark(marks)),
    };
    let product = match &call.ty {
        Type::List(_) => Value::list(tuple, items),
        _ => Value::set(tuple, items),
    };
    Ok(product.mark(marks))
}

/// All combinations, the last argument's elements changing first.
fn combinations(call: &Call<'_>, tuple: &Type, total: usize) -> Result<Vec<Value>, CallError> {
    let types: &[Type] = if let Type::Tuple(types) = tuple { types } else { &[] };
    let converted = |(position, (argument, ty)): (usize, (&Value, &Type))| {
        let items = argument.items().unwrap_or_default().iter();
        items.map(|item| convert(item, ty).map_err(|error| CallError::of(position, error.to_string()))).collect()
    };
    let lists: Vec<Vec<Value>> =
        call.arguments.iter().zip(types).enumerate().map(converted).collect::<Result<_, CallError>>()?;
    collected((0..total).map(|number| {
        // The digits of the number, where each place has as many as its list has elements.
        let mut rest = number;
        let mut items: Vec<Value> = Vec::with_capacity(lists.len());
        for list in lists.iter().rev() {
            items.push(list[rest % list.len()].clone());
            rest /= list.len();
        }
        items.reverse();
        Value::tuple(items)
    }))
}
