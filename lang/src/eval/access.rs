//! Attributes and indexes of values.

use crate::convert::convert;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::source::Span;
use crate::types::Type;
use crate::value::{Data, Value};

/// `value.name`; `name_place` is where the name stands, `place` where the value was made.
pub(super) fn attribute(value: &Value, name: &str, name_place: Span, place: Span) -> Result<Value, Diagnostic> {
    let of = |result: Value| Ok(result.mark(value.marks()));
    match value.data() {
        Data::Null(_) => Err(Diagnostic::error("Attempt to get attribute from null value")
            .detail(format!("This value is null, so it has no attribute {name:?}."))
            .label(name_place, "no such attribute")
            .label(place, "this is null")),
        Data::Object(entries) => match entries.get(name) {
            Some(found) => of(found.clone()),
            None => Err(missing_attribute(name, name_place, entries.keys().map(|key| &**key), place)),
        },
        Data::Map(map) => match map.entries.get(name) {
            Some(found) => of(found.clone()),
            None => Err(missing_element(name, name_place, map.entries.keys().map(|key| &**key), place)),
        },
        Data::Unknown(unknown) => match &unknown.ty {
            Type::Any => of(Value::unknown(Type::Any)),
            Type::Object(object) => match object.attributes.get(name) {
                Some(found) => of(Value::unknown(found.ty.clone())),
                None => Err(missing_attribute(name, name_place, object.attributes.keys().map(|key| &**key), place)),
            },
            Type::Map(element) => of(Value::unknown((**element).clone())),
            other => Err(no_attributes(other, name, name_place, place)),
        },
        _ => Err(no_attributes(&value.ty(), name, name_place, place)),
    }
}

fn missing_attribute<'a>(
    name: &str,
    name_place: Span,
    names: impl Iterator<Item = &'a str>,
    place: Span,
) -> Diagnostic {
    let diagnostic = Diagnostic::error("Unsupported attribute")
        .detail(format!("This object has no attribute named {name:?}."))
        .label(name_place, "no such attribute")
        .label(place, "of this object");
    suggest(diagnostic, name, names)
}

fn missing_element<'a>(name: &str, name_place: Span, names: impl Iterator<Item = &'a str>, place: Span) -> Diagnostic {
    let diagnostic = Diagnostic::error("Missing map element")
        .detail(format!("This map has no element with the key {name:?}."))
        .label(name_place, "no such key")
        .label(place, "of this map");
    suggest(diagnostic, name, names)
}

fn suggest<'a>(diagnostic: Diagnostic, given: &str, names: impl Iterator<Item = &'a str>) -> Diagnostic {
    match did_you_mean(given, names) {
        Some(name) => diagnostic.help(format!("did you mean {name:?}?")),
        None => diagnostic,
    }
}

fn no_attributes(ty: &Type, name: &str, name_place: Span, place: Span) -> Diagnostic {
    let diagnostic = Diagnostic::error("Unsupported attribute")
        .label(name_place, "no such attribute")
        .label(place, format!("this is a {}", ty.friendly_name()));
    match ty {
        Type::List(element) | Type::Set(element) if matches!(**element, Type::Object(_) | Type::Map(_)) => diagnostic
            .detail(format!("A {} has no attributes; its elements do.", ty.friendly_name()))
            .help(format!("write [*].{name} for the attribute of every element, or [0].{name} for that of the first")),
        Type::Tuple(_) => diagnostic
            .detail("A tuple has no attributes; its elements may.")
            .help(format!("write [*].{name} for the attribute of every element")),
        _ => diagnostic.detail(format!("A {} has no attributes.", ty.friendly_name())),
    }
}

/// `value[key]`; `place` and `key_place` are where the two were made.
pub(super) fn index(value: &Value, key: &Value, place: Span, key_place: Span) -> Result<Value, Diagnostic> {
    // The name of an object's attribute is part of its type, and tells nothing.
    let is_object = matches!(value.data(), Data::Object(_));
    let marks = if is_object { value.marks() } else { value.marks().union(key.marks()) };
    if value.is_null() {
        return Err(Diagnostic::error("Attempt to index null value")
            .detail("This value is null, so it has no elements.")
            .label(key_place, "")
            .label(place, "this is null"));
    }
    if key.is_null() {
        return Err(invalid("The key is null.", key_place, place));
    }
    let ty = outline(value);
    let Some(wanted) = key_type(&ty, key_place, place)? else {
        return Ok(Value::unknown(Type::Any).mark(marks));
    };
    if matches!(key.data(), Data::Unknown(unknown) if unknown.ty == Type::Any) {
        return Ok(Value::unknown(Type::Any).mark(marks));
    }
    let key = convert(key, &wanted)
        .map_err(|error| invalid(&format!("The key is of the wrong type: {}.", error.message), key_place, place))?;
    let found = match (value.data(), key.data()) {
        (Data::Unknown(_), _) => unknown_element(&ty, &key),
        (_, Data::Unknown(_)) => Some(unknown_key(value)),
        (Data::List(_) | Data::Tuple(_), Data::Number(at)) => {
            at.to_usize().and_then(|at| value.items()?.get(at).cloned())
        }
        (_, Data::String(name)) => value.entries().and_then(|entries| entries.get(name)).cloned(),
        _ => None,
    };
    match found {
        Some(found) => Ok(found.mark(marks)),
        None => Err(missing(value, &key, key_place, place)),
    }
}

/// The type of the value; of a known one only the kind, which is all that an index asks for.
fn outline(value: &Value) -> Type {
    match value.data() {
        Data::Unknown(unknown) => unknown.ty.clone(),
        Data::List(_) => Type::list(Type::Any),
        Data::Map(_) => Type::map(Type::Any),
        Data::Tuple(_) => Type::tuple([]),
        Data::Object(_) => Type::object::<&str>([]),
        _ => value.ty(),
    }
}

/// The type of the keys of a value of this type; `None` where that is not known.
fn key_type(ty: &Type, key_place: Span, place: Span) -> Result<Option<Type>, Diagnostic> {
    match ty {
        Type::Any => Ok(None),
        Type::List(_) | Type::Tuple(_) => Ok(Some(Type::Number)),
        Type::Map(_) | Type::Object(_) => Ok(Some(Type::String)),
        Type::Set(_) => {
            let detail =
                "The elements of a set have no keys; go through them with `for`, or make a list of them with tolist.";
            Err(invalid(detail, key_place, place))
        }
        other => Err(invalid(&format!("A {} has no elements.", other.friendly_name()), key_place, place)),
    }
}

/// An element of an unknown value; `None` where its type says that there is none.
fn unknown_element(ty: &Type, key: &Value) -> Option<Value> {
    match (ty, key.data()) {
        (Type::List(element) | Type::Map(element), _) => Some(Value::unknown((**element).clone())),
        (Type::Tuple(types), Data::Number(at)) => {
            at.to_usize().and_then(|at| types.get(at)).map(|ty| Value::unknown(ty.clone()))
        }
        (Type::Object(object), Data::String(name)) => {
            object.attributes.get(name).map(|attribute| Value::unknown(attribute.ty.clone()))
        }
        _ => Some(Value::unknown(Type::Any)),
    }
}

/// The element of a known value at a key that is not known.
fn unknown_key(value: &Value) -> Value {
    match value.data() {
        Data::List(collection) => Value::unknown(collection.element.clone()),
        Data::Map(map) => Value::unknown(map.element.clone()),
        _ => Value::unknown(Type::Any),
    }
}

fn missing(value: &Value, key: &Value, key_place: Span, place: Span) -> Diagnostic {
    let shown = |text: String| if value.is_sensitive() || key.is_sensitive() { "this".to_owned() } else { text };
    match key.data() {
        Data::Number(at) => {
            let length = value.items().map_or(0, <[Value]>::len);
            let detail = if at.is_negative() || !at.is_integer() {
                "An index is a whole number from zero.".to_owned()
            } else if length == 0 {
                "It has no elements.".to_owned()
            } else if value.is_sensitive() {
                "It has no element at this index.".to_owned()
            } else {
                format!("It has {length} elements, so the greatest index is {}.", length - 1)
            };
            invalid(&detail, key_place, place)
        }
        Data::String(name) => {
            let diagnostic = invalid(
                &format!("It has no element with {} key.", shown(format!("the key {name:?} as"))),
                key_place,
                place,
            );
            match value.entries().filter(|_| !value.is_sensitive() && !key.is_sensitive()) {
                Some(entries) => suggest(diagnostic, name, entries.keys().map(|key| &**key)),
                None => diagnostic,
            }
        }
        _ => invalid("It has no such element.", key_place, place),
    }
}

fn invalid(detail: &str, key_place: Span, place: Span) -> Diagnostic {
    Diagnostic::error("Invalid index").detail(detail).label(key_place, "").label(place, "")
}
