//! Sequences.

use std::collections::BTreeSet;

use crate::convert::{convert, unify_unsafe};
use crate::equality::are_equal;
use crate::number::Number;
use crate::types::Type;
use crate::value::{Data, Marks, Value};

use super::call::{Call, CallError, collected, element_type};
use super::collection::{item_types, shallow_marks};
use super::table::{Allows, Function};

/// The most numbers that `range` makes.
const MAX_RANGE: usize = 1024;

/// How deep `flatten` goes into lists of lists.
const MAX_DEPTH: usize = 256;

pub(super) fn functions() -> Vec<Function> {
    use Type::{Any, Number, String};
    let of_list = |name, doc, ty| Function::new(name, doc).takes("list", ty);
    let of_marked = |name, doc| Function::new(name, doc).takes_also("list", Any, Allows::MARKED);
    vec![
        Function::new("chunklist", "The list in pieces of the given size, the last one perhaps shorter.")
            .takes_also("list", Type::list(Any), Allows::MARKED)
            .takes("size", Number)
            .gives_by(|arguments| Ok(Type::list(arguments.first().map(Value::ty).unwrap_or_default())))
            .by(chunklist),
        of_list("compact", "The list without null values and empty strings.", Type::list(String))
            .gives(Type::list(String))
            .by(compact),
        Function::new("concat", "The elements of all lists as one list.")
            .takes_more("seqs", Any, Allows::MARKED)
            .gives_by(concat_type)
            .by(concat),
        of_list("distinct", "The list with each value only where it occurs first.", Type::list(Any))
            .gives_by(|arguments| Ok(arguments.first().map(Value::ty).unwrap_or_default()))
            .by(distinct),
        of_marked("element", "The element at an index, going round where the list is shorter.")
            .takes("index", Number)
            .gives_by(element_rule)
            .may_be_null()
            .by(element),
        of_marked("flatten", "The elements of a list, and of the lists in it, as one list.")
            .gives_by(flatten_type)
            .by(flatten),
        of_list("index", "The index of the first element that equals the value.", Any)
            .takes("value", Any)
            .gives_by(|_| Ok(Number))
            .by(index),
        Function::new("matchkeys", "The values whose keys, at the same index, are in the search set.")
            .takes("values", Type::list(Any))
            .takes("keys", Type::list(Any))
            .takes("searchset", Type::list(Any))
            .gives_by(matchkeys_type)
            .by(matchkeys),
        Function::new("range", "The numbers from a start up or down to before a limit.")
            .takes_more("params", Number, Allows::NOTHING)
            .gives(Type::list(Number))
            .by(range),
        of_marked("reverse", "The list in reverse order.").gives_by(reverse_type).by(reverse),
        of_marked("slice", "The elements from one index to before another.")
            .takes("start_index", Number)
            .takes("end_index", Number)
            .gives_by(slice_type)
            .by(slice),
        of_list("sort", "The strings in the order of their characters' code points.", Type::list(String))
            .gives(Type::list(String))
            .by(sort),
    ]
}

/// A size of zero leaves the list in one piece.
fn chunklist(call: &Call<'_>) -> Result<Value, CallError> {
    let list = call.value(0);
    let size = call.whole(1)?;
    let size = usize::try_from(size).map_err(|_| CallError::new("the size argument must be positive"))?;
    let items = call.items(0);
    let size = if size == 0 { items.len().max(1) } else { size };
    let element = element_type(&list.ty());
    let chunks = items.chunks(size).map(|chunk| Value::list(element.clone(), chunk.iter().cloned()));
    Ok(Value::list(element_type(&call.ty), collected(chunks)?).mark(list.marks()))
}

fn compact(call: &Call<'_>) -> Result<Value, CallError> {
    if !call.is_wholly_known(0) {
        return Ok(call.unknown());
    }
    let kept = call.items(0).iter().filter(|item| item.as_str().is_some_and(|text| !text.is_empty()));
    Ok(Value::list(Type::String, kept.cloned()))
}

/// Lists whose elements unify give a list, all else gives a tuple.
fn concat_type(arguments: &[Value]) -> Result<Type, CallError> {
    if arguments.is_empty() {
        return Err(CallError::new("at least one argument is required"));
    }
    let types: Vec<Type> = arguments.iter().map(Value::ty).collect();
    if types.iter().all(|ty| matches!(ty, Type::List(_)))
        && let Some(common) = unify_unsafe(&types)
        && matches!(common, Type::List(_))
    {
        return Ok(common);
    }
    let mut elements = Vec::new();
    for (position, (argument, ty)) in arguments.iter().zip(&types).enumerate() {
        if !matches!(ty, Type::List(_) | Type::Tuple(_)) {
            let found = ty.friendly_name();
            return Err(CallError::of(position, format!("all arguments must be lists or tuples; got {found}")));
        }
        // How many elements an unknown list will add to the tuple is not known either.
        let Some(types) = item_types(argument) else { return Ok(Type::Any) };
        elements.extend(types);
    }
    Ok(Type::tuple(elements))
}

fn concat(call: &Call<'_>) -> Result<Value, CallError> {
    let mut items = Vec::new();
    for (position, argument) in call.arguments.iter().enumerate() {
        let list = match &call.ty {
            Type::List(_) => convert(argument, &call.ty).map_err(|error| CallError::of(position, error.to_string()))?,
            _ => argument.clone(),
        };
        items.extend_from_slice(list.items().unwrap_or_default());
    }
    let result = match &call.ty {
        Type::List(element) => Value::list((**element).clone(), items),
        _ => Value::tuple(items),
    };
    Ok(result.mark(shallow_marks(&call.arguments)))
}

fn distinct(call: &Call<'_>) -> Result<Value, CallError> {
    if !call.is_wholly_known(0) {
        return Ok(call.unknown());
    }
    let mut seen = BTreeSet::new();
    let kept: Vec<Value> = call.items(0).iter().filter(|item| seen.insert(*item)).cloned().collect();
    Ok(Value::list(element_type(&call.ty), kept))
}

fn element_rule(arguments: &[Value]) -> Result<Type, CallError> {
    let [list, index] = arguments else { return Ok(Type::Any) };
    match (list.ty(), index.as_number()) {
        (Type::List(element), _) => Ok((*element).clone()),
        (Type::Tuple(_), None) => Ok(Type::Any),
        (Type::Tuple(types), Some(index)) => {
            // A tuple is read from its beginning only: so the reference does it.
            let at = place(index, types.len())?;
            if index.is_negative() && at != 0 {
                return Err(CallError::new("cannot use element function with a negative index of a tuple"));
            }
            Ok(types.get(at).cloned().unwrap_or_default())
        }
        (other, _) => Err(CallError::new(format!("cannot read elements from {}", other.friendly_name()))),
    }
}

/// The position that an index means in a list of this length, going round in both directions.
fn place(index: &Number, length: usize) -> Result<usize, CallError> {
    let index = index.to_i64().ok_or_else(|| CallError::new("invalid index: a whole number is required"))?;
    i64::try_from(length)
        .ok()
        .and_then(|length| index.checked_rem_euclid(length))
        .and_then(|at| usize::try_from(at).ok())
        .ok_or_else(|| CallError::new("cannot use element function with an empty list"))
}

fn element(call: &Call<'_>) -> Result<Value, CallError> {
    let items = call.items(0);
    let at = place(call.number(1), items.len())?;
    let item = items.get(at).cloned().unwrap_or_else(|| Value::null(call.ty.clone()));
    Ok(item.mark(call.value(0).marks()))
}

/// How many elements come out, and of which types, only the values can say.
fn flatten_type(arguments: &[Value]) -> Result<Type, CallError> {
    match arguments.first().map(Value::ty) {
        Some(Type::List(_) | Type::Set(_) | Type::Tuple(_)) | None => Ok(Type::Any),
        Some(_) => Err(CallError::new("can only flatten lists, sets and tuples")),
    }
}

fn flatten(call: &Call<'_>) -> Result<Value, CallError> {
    let mut flat = Flat::default();
    flat.add(&call.value(0), 0)?;
    let result = if flat.open { Value::unknown(Type::Any) } else { Value::tuple(flat.items) };
    Ok(result.mark(flat.marks))
}

/// What was found in lists of lists.
#[derive(Default)]
struct Flat {
    items: Vec<Value>,
    /// The marks of the lists, which are no more.
    marks: Marks,
    /// Whether something was found of which it is not known how many elements it stands for.
    open: bool,
}

impl Flat {
    fn add(&mut self, value: &Value, depth: usize) -> Result<(), CallError> {
        if depth > MAX_DEPTH {
            return Err(CallError::new(format!("lists are nested more than {MAX_DEPTH} deep")));
        }
        match value.data() {
            Data::List(_) | Data::Set(_) | Data::Tuple(_) => {
                self.marks = self.marks.union(value.marks());
                for item in value.items().unwrap_or_default() {
                    self.add(item, depth + 1)?;
                }
            }
            Data::Unknown(unknown)
                if matches!(unknown.ty, Type::Any | Type::List(_) | Type::Set(_) | Type::Tuple(_)) =>
            {
                self.marks = self.marks.union(value.marks());
                self.open = true;
            }
            _ => self.items.push(value.clone()),
        }
        Ok(())
    }
}

fn index(call: &Call<'_>) -> Result<Value, CallError> {
    let wanted = call.value(1);
    if !matches!(call.value(0).data(), Data::List(_) | Data::Tuple(_)) {
        return Err(CallError::new("argument must be a list or tuple"));
    }
    if call.items(0).is_empty() {
        return Err(CallError::new("cannot search an empty list"));
    }
    for (position, item) in call.items(0).iter().enumerate() {
        match are_equal(item, &wanted) {
            Some(true) => return Ok(Value::number(position)),
            Some(false) => {}
            None => return Ok(call.unknown()),
        }
    }
    Err(CallError::new("item not found"))
}

fn matchkeys_type(arguments: &[Value]) -> Result<Type, CallError> {
    let [values, keys, searchset] = arguments else { return Ok(Type::Any) };
    if unify_unsafe(&[keys.ty(), searchset.ty()]).is_none() {
        return Err(CallError::of(1, "keys and searchset must be of the same type"));
    }
    Ok(values.ty())
}

fn matchkeys(call: &Call<'_>) -> Result<Value, CallError> {
    let (values, keys) = (call.items(0), call.items(1));
    if values.len() != keys.len() {
        return Err(CallError::new("length of keys and values should be equal"));
    }
    let (keys, searchset) = (call.value(1), call.value(2));
    let common = unify_unsafe(&[keys.ty(), searchset.ty()]).unwrap_or_default();
    let keys = convert(&keys, &common).map_err(|error| CallError::of(1, error.to_string()))?;
    let searchset = convert(&searchset, &common).map_err(|error| CallError::of(2, error.to_string()))?;
    let searched = searchset.items().unwrap_or_default();
    let element = element_type(&call.ty);
    if searched.is_empty() {
        return Ok(Value::list(element, []));
    }
    if !call.is_wholly_known(0) || !keys.is_wholly_known() || !searchset.is_wholly_known() {
        return Ok(call.unknown());
    }
    let searched: BTreeSet<&Value> = searched.iter().collect();
    let pairs = values.iter().zip(keys.items().unwrap_or_default());
    Ok(Value::list(element, pairs.filter(|(_, key)| searched.contains(key)).map(|(value, _)| value.clone())))
}

fn range(call: &Call<'_>) -> Result<Value, CallError> {
    let numbers: Vec<Number> = call.arguments.iter().filter_map(Value::as_number).cloned().collect();
    let downwards = |start: &Number, limit: &Number| if limit < start { Number::from(-1) } else { Number::from(1) };
    let (start, limit, step) = match &numbers[..] {
        [limit] => (Number::ZERO, limit.clone(), downwards(&Number::ZERO, limit)),
        [start, limit] => (start.clone(), limit.clone(), downwards(start, limit)),
        [start, limit, step] => (start.clone(), limit.clone(), step.clone()),
        _ => return Err(CallError::new("must have one, two, or three arguments")),
    };
    let down = step.is_negative();
    if step.is_zero() {
        return Err(CallError::of(2, "step must not be zero"));
    }
    if down && limit > start {
        return Err(CallError::of(1, "end must be less than start when step is negative"));
    }
    if !down && limit < start {
        return Err(CallError::of(1, "end must be greater than start when step is positive"));
    }
    let mut items = Vec::new();
    let mut number = start;
    while if down { number > limit } else { number < limit } {
        if items.len() >= MAX_RANGE {
            return Err(CallError::new(format!(
                "more than {MAX_RANGE} values were generated; either decrease the difference between start and end \
                 or use a smaller step"
            )));
        }
        let next = number.add(&step).ok_or_else(|| CallError::new("the numbers become too large"))?;
        items.push(Value::number(number));
        number = next;
    }
    Ok(Value::list(Type::Number, items))
}

fn reverse_type(arguments: &[Value]) -> Result<Type, CallError> {
    match arguments.first().map(Value::ty).unwrap_or_default() {
        Type::Tuple(types) => Ok(Type::tuple(types.iter().rev().cloned())),
        Type::List(element) | Type::Set(element) => Ok(Type::List(element)),
        other => Err(CallError::of(0, format!("can only reverse list or tuple values, not {}", other.friendly_name()))),
    }
}

fn reverse(call: &Call<'_>) -> Result<Value, CallError> {
    let items = call.items(0).iter().rev().cloned();
    let reversed = match &call.ty {
        Type::List(element) => Value::list((**element).clone(), items),
        _ => Value::tuple(items),
    };
    Ok(reversed.mark(call.value(0).marks()))
}

fn slice_type(arguments: &[Value]) -> Result<Type, CallError> {
    let [list, start, end] = arguments else { return Ok(Type::Any) };
    let length = match list.ty() {
        Type::Set(_) => {
            return Err(CallError::of(0, "cannot slice a set, because its elements do not have indices"));
        }
        Type::List(_) => list.items().map(<[Value]>::len),
        Type::Tuple(types) => Some(types.len()),
        _ => return Err(CallError::of(0, "must be a list or tuple value")),
    };
    let (start, end) = slice_bounds(start, end, length)?;
    match (list.ty(), start, end) {
        (Type::Tuple(types), Some(start), Some(end)) => {
            Ok(Type::tuple(types.get(start..end).unwrap_or_default().iter().cloned()))
        }
        (Type::Tuple(_), ..) => Ok(Type::Any),
        (list, ..) => Ok(list),
    }
}

/// The bounds as far as they are known, checked against each other and against the length.
fn slice_bounds(
    start: &Value,
    end: &Value,
    length: Option<usize>,
) -> Result<(Option<usize>, Option<usize>), CallError> {
    let bound = |value: &Value, position: usize| match value.as_number() {
        Some(number) if number.is_negative() => Err(CallError::of(position, "index must not be a negative number")),
        Some(number) => number
            .to_usize()
            .map(Some)
            .ok_or_else(|| CallError::of(position, "invalid index: a whole number is required")),
        None => Ok(None),
    };
    let (start, end) = (bound(start, 1)?, bound(end, 2)?);
    for (bound, position) in [(start, 1), (end, 2)] {
        if let (Some(bound), Some(length)) = (bound, length)
            && bound > length
        {
            return Err(CallError::of(position, "index must not be greater than the length of the list"));
        }
    }
    if let (Some(start), Some(end)) = (start, end)
        && start > end
    {
        return Err(CallError::of(1, "start index must not be greater than end index"));
    }
    Ok((start, end))
}

fn slice(call: &Call<'_>) -> Result<Value, CallError> {
    let (start, end) = slice_bounds(&call.value(1), &call.value(2), Some(call.items(0).len()))?;
    let items = call.items(0).get(start.unwrap_or(0)..end.unwrap_or(0)).unwrap_or_default().iter().cloned();
    let slice = match &call.ty {
        Type::List(element) => Value::list((**element).clone(), items),
        _ => Value::tuple(items),
    };
    Ok(slice.mark(call.value(0).marks()))
}

fn sort(call: &Call<'_>) -> Result<Value, CallError> {
    if !call.is_wholly_known(0) {
        return Ok(call.unknown());
    }
    if let Some(position) = call.items(0).iter().position(Value::is_null) {
        return Err(CallError::new(format!("given list element {position} is null; a null string cannot be sorted")));
    }
    let mut items = call.items(0).to_vec();
    items.sort();
    Ok(Value::list(Type::String, items))
}
