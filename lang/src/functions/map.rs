//! Values by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::convert::convert;
use crate::types::Type;
use crate::value::{Data, Value};

use super::call::{Call, CallError, element_type};
use super::collection::shallow_marks;
use super::table::{Allows, Function};

pub(super) fn functions() -> Vec<Function> {
    use Type::{Any, String};
    let marked_or_unknown = Allows::MARKED.and(Allows::UNKNOWN);
    vec![
        Function::new("keys", "The names in a map, sorted.")
            .takes_also("inputMap", Any, marked_or_unknown)
            .gives_by(keys_type)
            .by(keys),
        Function::new("lookup", "The element of a map by its name, or a default where there is none.")
            .takes_also("inputMap", Any, Allows::MARKED)
            .takes_also("key", String, Allows::MARKED)
            .takes_more("default", Any, marked_or_unknown.and(Allows::NULL).and(Allows::ANY))
            .gives_by(lookup_type)
            .may_be_null()
            .by(lookup),
        Function::new("merge", "The elements of all maps; of those with the same name the last one.")
            .takes_more("maps", Any, Allows::MARKED.and(Allows::NULL).and(Allows::ANY))
            .gives_by(merge_type)
            .by(merge),
        Function::new("transpose", "The map of lists with the lists' strings as names and the names in lists.")
            .takes("values", Type::map(Type::list(String)))
            .gives(Type::map(Type::list(String)))
            .by(transpose),
        Function::new("values", "The values in a map, in the order of their names.")
            .takes_also("mapping", Any, Allows::MARKED)
            .gives_by(values_type)
            .by(values),
        Function::new("zipmap", "A map of a list of names and a list of values.")
            .takes_also("keys", Type::list(String), Allows::MARKED)
            .takes_also("values", Any, Allows::MARKED)
            .gives_by(zipmap_type)
            .by(zipmap),
    ]
}

fn keys_type(arguments: &[Value]) -> Result<Type, CallError> {
    match arguments.first().map(Value::ty).unwrap_or_default() {
        Type::Map(_) => Ok(Type::list(Type::String)),
        Type::Object(object) => Ok(Type::tuple(object.attributes.keys().map(|_| Type::String))),
        _ => Err(CallError::of(0, "must have map or object type")),
    }
}

/// The names in an object are known even where its values are not.
fn keys(call: &Call<'_>) -> Result<Value, CallError> {
    let value = call.value(0);
    let keys = match (value.data(), value.ty()) {
        (Data::Map(map), _) => Value::strings(map.entries.keys().cloned()),
        (_, Type::Object(object)) => Value::tuple(object.attributes.keys().cloned().map(Value::string)),
        _ => call.unknown(),
    };
    Ok(keys.mark(value.marks()))
}

fn lookup_type(arguments: &[Value]) -> Result<Type, CallError> {
    let (map, key, default) = match arguments {
        [map, key] => (map, key, None),
        [map, key, default] => (map, key, Some(default)),
        more => return Err(CallError::new(format!("takes two or three arguments, got {}", more.len()))),
    };
    match map.ty() {
        Type::Object(object) => {
            let Some(key) = key.as_str() else { return Ok(Type::Any) };
            if let Some(attribute) = object.attributes.get(key) {
                return Ok(attribute.ty.clone());
            }
            default.map(Value::ty).ok_or_else(|| CallError::of(0, "the given object has no attribute of this name"))
        }
        Type::Map(element) => {
            if default.is_some_and(|default| convert(default, &element).is_err()) {
                return Err(CallError::of(2, "the default value must have the same type as the map elements"));
            }
            Ok((*element).clone())
        }
        _ => Err(CallError::of(0, "a map is required as the first argument")),
    }
}

fn lookup(call: &Call<'_>) -> Result<Value, CallError> {
    let (map, key) = (call.value(0), call.value(1));
    let marks = map.marks().union(key.marks());
    let found = key.as_str().and_then(|key| map.entries()?.get(key).cloned());
    if let Some(found) = found {
        return Ok(found.mark(marks));
    }
    let Some(default) = call.arguments.get(2) else {
        let name = match marks.is_empty() {
            true => format!("{:?}", call.text(1)),
            false => "the given one (sensitive)".to_owned(),
        };
        return Err(CallError::new(format!("failed to find key {name}")));
    };
    convert(default, &call.ty).map(|default| default.mark(marks)).map_err(|error| CallError::of(2, error.to_string()))
}

/// Maps of one type give a map of that type, all else gives an object.
fn merge_type(arguments: &[Value]) -> Result<Type, CallError> {
    let mut attributes: BTreeMap<Arc<str>, Type> = BTreeMap::new();
    let mut all_names_known = true;
    for (position, argument) in arguments.iter().enumerate() {
        match (argument.ty(), argument.data()) {
            (Type::Any, _) => return Ok(Type::Any),
            (Type::Object(_) | Type::Map(_), Data::Null(_)) => {}
            (Type::Object(object), _) => {
                attributes.extend(object.attributes.iter().map(|(name, a)| (name.clone(), a.ty.clone())));
            }
            (Type::Map(element), Data::Map(map)) => {
                attributes.extend(map.entries.keys().map(|name| (name.clone(), (*element).clone())));
            }
            (Type::Map(_), _) => all_names_known = false,
            (other, _) => {
                let message = format!("arguments must be maps or objects, got {}", other.friendly_name());
                return Err(CallError { argument: Some(position), ..CallError::new(message) });
            }
        }
    }
    let mut types = arguments.iter().map(Value::ty);
    if let Some(first) = types.next()
        && types.all(|ty| ty == first)
    {
        return Ok(first);
    }
    Ok(if all_names_known { Type::object(attributes) } else { Type::Any })
}

fn merge(call: &Call<'_>) -> Result<Value, CallError> {
    if call.arguments.iter().any(|argument| !argument.is_known()) {
        return Ok(Value::unknown(call.ty.clone()).mark(shallow_marks(&call.arguments)));
    }
    let mut merged = Vec::new();
    for (position, argument) in call.arguments.iter().enumerate() {
        match (argument.data(), argument.entries()) {
            (Data::Null(_), _) => {}
            (_, Some(entries)) => merged.extend(entries.iter().map(|(name, value)| (name.clone(), value.clone()))),
            (_, None) => {
                return Err(CallError {
                    argument: Some(position),
                    ..CallError::new("arguments must be maps or objects")
                });
            }
        }
    }
    let result = match &call.ty {
        Type::Map(element) => Value::map((**element).clone(), merged),
        _ => Value::object(merged),
    };
    Ok(result.mark(shallow_marks(&call.arguments)))
}

fn transpose(call: &Call<'_>) -> Result<Value, CallError> {
    if !call.is_wholly_known(0) {
        return Ok(call.unknown());
    }
    let mut transposed: BTreeMap<Arc<str>, Vec<Arc<str>>> = BTreeMap::new();
    for (name, list) in call.entries(0).iter() {
        let items = list.items().ok_or_else(|| CallError::of(0, "a list in the map is null"))?;
        for item in items {
            let Data::String(text) = item.data() else {
                return Err(CallError::new("a null string cannot become the name of an element"));
            };
            transposed.entry(text.clone()).or_default().push(name.clone());
        }
    }
    let lists = transposed.into_iter().map(|(name, names)| (name, Value::strings(names)));
    Ok(Value::map(Type::list(Type::String), lists))
}

fn values_type(arguments: &[Value]) -> Result<Type, CallError> {
    match arguments.first().map(Value::ty).unwrap_or_default() {
        Type::Map(element) => Ok(Type::List(element)),
        Type::Object(object) => Ok(Type::tuple(object.attributes.values().map(|attribute| attribute.ty.clone()))),
        _ => Err(CallError::new("values() requires a map as the first argument")),
    }
}

fn values(call: &Call<'_>) -> Result<Value, CallError> {
    let entries = call.entries(0);
    let items = entries.values().cloned();
    let values = match &call.ty {
        Type::List(element) => Value::list((**element).clone(), items),
        _ => Value::tuple(items),
    };
    Ok(values.mark(call.value(0).marks()))
}

fn zipmap_type(arguments: &[Value]) -> Result<Type, CallError> {
    let [keys, values] = arguments else { return Ok(Type::Any) };
    match values.ty() {
        Type::List(element) => Ok(Type::Map(element)),
        Type::Tuple(types) => {
            let Some(names) = known_names(keys)? else { return Ok(Type::Any) };
            same_length(names.len(), types.len())?;
            Ok(Type::object(names.into_iter().zip(types.iter().cloned())))
        }
        _ => Err(CallError::of(1, "values argument must be a list or tuple value")),
    }
}

fn same_length(keys: usize, values: usize) -> Result<(), CallError> {
    if keys == values {
        return Ok(());
    }
    Err(CallError::new(format!("number of keys ({keys}) does not match number of values ({values})")))
}

/// The names in a list; `None` where some are not known yet.
fn known_names(keys: &Value) -> Result<Option<Vec<Arc<str>>>, CallError> {
    if !keys.is_wholly_known() {
        return Ok(None);
    }
    let name = |key: &Value| match key.data() {
        Data::String(name) => Ok(name.clone()),
        _ => Err(CallError::of(0, "keys must not be null")),
    };
    keys.items().unwrap_or_default().iter().map(name).collect::<Result<_, _>>().map(Some)
}

fn zipmap(call: &Call<'_>) -> Result<Value, CallError> {
    let (keys, values) = (call.value(0), call.value(1));
    // A name that is marked cannot be told from the others once it is a name.
    let marks = keys.deep_marks().union(values.marks());
    let Some(names) = known_names(&keys)? else { return Ok(Value::unknown(call.ty.clone()).mark(marks)) };
    let items = values.items().unwrap_or_default();
    same_length(names.len(), items.len())?;
    let entries = names.into_iter().zip(items.iter().cloned());
    let zipped = match &call.ty {
        map @ Type::Map(_) => Value::map(element_type(map), entries),
        _ => Value::object(entries),
    };
    Ok(zipped.mark(marks))
}
