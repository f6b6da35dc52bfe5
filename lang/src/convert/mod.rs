//! Conversion of values to types.
//!
//! Whether a conversion exists depends on the two types alone (`can_convert`); only what a
//! string spells, and whether a map has a key, is left to the value. Conversions are *safe*
//! where no value of the type can fail (a number to a string), otherwise *unsafe* (a string
//! to a number). [`convert`] does both; [`unify`] can be asked to keep to the safe ones.
//!
//! `Any` inside the target type stands for one type that is found by unifying the types of
//! all elements: `[1, "a"]` converted to `list(any)` is a list of strings.

mod mismatch;
mod unify;

use std::fmt;
use std::sync::Arc;

use crate::number::Number;
use crate::path::{AttributePath, Step};
use crate::types::{AttributeType, ObjectType, Type};
use crate::value::{Data, Unknown, Value};

pub use unify::{unify, unify_unsafe};

/// Why a value does not fit a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvertError {
    /// The way to the part of the value that does not fit.
    pub path: AttributePath,
    /// What is required there: `a number is required`. Never shows the value.
    pub message: String,
}

impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.is_root() {
            true => f.write_str(&self.message),
            false => write!(f, "{}: {}", self.path, self.message),
        }
    }
}

impl std::error::Error for ConvertError {}

/// Whether only conversions that cannot fail are to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Safety {
    /// Only those.
    Safe,
    /// Those that may fail, or lose something, as well.
    Unsafe,
}

/// The value converted to a type, with the marks that it and its parts had.
///
/// Unknown values stay unknown, and keep what is known of them as far as the new type can
/// say it. Null values become null values of the new type. Attributes that the type does not
/// name are dropped; optional ones that are missing become null.
pub fn convert(value: &Value, to: &Type) -> Result<Value, ConvertError> {
    if *to == Type::Any {
        return Ok(value.clone());
    }
    let from = value.ty();
    if from == *to && is_settled(to) {
        return Ok(value.clone());
    }
    if !can_convert(&from, to, Safety::Unsafe) {
        return Err(mismatch::explain(&from, to));
    }
    convert_checked(value, to, &mut AttributePath::root())
}

/// Whether some values of the first type convert to the second (unsafe), or all do (safe).
pub(crate) fn can_convert(from: &Type, to: &Type, safety: Safety) -> bool {
    if *to == Type::Any {
        return true;
    }
    match (from, to) {
        (Type::Any, _) => safety == Safety::Unsafe,
        (Type::Bool, Type::Bool) | (Type::Number, Type::Number) => true,
        (Type::Bool | Type::Number | Type::String, Type::String) => true,
        (Type::String, Type::Bool | Type::Number) => safety == Safety::Unsafe,
        (Type::List(from) | Type::Set(from), Type::List(to)) => from == to || can_convert(from, to, safety),
        (Type::Set(from), Type::Set(to)) | (Type::Map(from), Type::Map(to)) => {
            from == to || can_convert(from, to, safety)
        }
        (Type::List(from), Type::Set(to)) => safety == Safety::Unsafe && (from == to || can_convert(from, to, safety)),
        (Type::Tuple(from), Type::List(to) | Type::Set(to)) => {
            elements_convert(&from.iter().collect::<Vec<_>>(), to, safety)
        }
        (Type::Object(from), Type::Map(to)) => {
            elements_convert(&from.attributes.values().map(|attribute| &attribute.ty).collect::<Vec<_>>(), to, safety)
        }
        (Type::Tuple(from), Type::Tuple(to)) => {
            from.len() == to.len()
                && from.iter().zip(to.iter()).all(|(from, to)| from == to || can_convert(from, to, safety))
        }
        (Type::Object(from), Type::Object(to)) => to.attributes.iter().all(|(name, wanted)| {
            from.attributes
                .get(name)
                .map_or(wanted.optional, |found| found.ty == wanted.ty || can_convert(&found.ty, &wanted.ty, safety))
        }),
        (Type::Map(from), Type::Object(to)) => {
            safety == Safety::Unsafe
                && to
                    .attributes
                    .values()
                    .all(|wanted| **from == wanted.ty || wanted.optional || can_convert(from, &wanted.ty, safety))
        }
        _ => false,
    }
}

fn elements_convert(from: &[&Type], to: &Type, safety: Safety) -> bool {
    let Some(element) = common_element(from, to, safety) else { return false };
    from.iter().all(|from| **from == element || can_convert(from, &element, safety))
}

/// The element type that a tuple or object of these types gets: `to`, or where that is
/// `Any`, the type that all unify to.
fn common_element(from: &[&Type], to: &Type, safety: Safety) -> Option<Type> {
    if *to != Type::Any || from.is_empty() {
        return Some(to.clone());
    }
    let types: Vec<Type> = from.iter().map(|ty| (*ty).clone()).collect();
    let element = unify::unify_with(&types, safety)?;
    let all_any = types.iter().all(|ty| *ty == Type::Any);
    (element != Type::Any || all_any).then_some(element)
}

/// Converts a value whose type is known to convert.
fn convert_checked(value: &Value, to: &Type, path: &mut AttributePath) -> Result<Value, ConvertError> {
    let converted = match (value.data(), to) {
        (_, Type::Any) => return Ok(value.clone()),
        (Data::Unknown(unknown), _) => unknown_as(unknown, to),
        (Data::Null(from), _) => Value::null(replace_any(from, to)),
        (Data::Bool(_), Type::Bool) | (Data::Number(_), Type::Number) | (Data::String(_), Type::String) => {
            return Ok(value.clone());
        }
        (Data::Bool(bool), Type::String) => Value::string(if *bool { "true" } else { "false" }),
        (Data::Number(number), Type::String) => Value::string(number.to_string()),
        (Data::String(text), Type::Number) => {
            Value::number(text.parse::<Number>().map_err(|error| fail(path, error.to_string()))?)
        }
        (Data::String(text), Type::Bool) => Value::bool(parse_bool(text).map_err(|message| fail(path, message))?),
        (Data::List(_) | Data::Set(_) | Data::Tuple(_), Type::List(element)) => {
            let (element, items) = convert_items(value, element, path)?;
            Value::list(element, items)
        }
        (Data::List(_) | Data::Set(_) | Data::Tuple(_), Type::Set(element)) => {
            let (element, items) = convert_items(value, element, path)?;
            Value::set(element, items)
        }
        (Data::Map(_) | Data::Object(_), Type::Map(element)) => convert_to_map(value, element, path)?,
        (Data::Tuple(items), Type::Tuple(types)) => {
            let mut converted = Vec::with_capacity(items.len());
            for (index, (item, ty)) in items.iter().zip(types.iter()).enumerate() {
                converted.push(convert_part(item, ty, Step::Index(index), path)?);
            }
            Value::tuple(converted)
        }
        (Data::Map(_) | Data::Object(_), Type::Object(object)) => convert_to_object(value, object, path)?,
        _ => return Err(fail(path, format!("{} required", to.friendly_name()))),
    };
    Ok(converted.mark(value.marks()))
}

fn fail(path: &AttributePath, message: impl Into<String>) -> ConvertError {
    ConvertError { path: path.clone(), message: message.into() }
}

fn convert_part(part: &Value, to: &Type, step: Step, path: &mut AttributePath) -> Result<Value, ConvertError> {
    path.push(step);
    let converted = convert_checked(part, to, path);
    path.pop();
    converted
}

fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ if text.eq_ignore_ascii_case("true") => {
            Err("a bool is required; to convert from string, use lowercase \"true\"".to_owned())
        }
        _ if text.eq_ignore_ascii_case("false") => {
            Err("a bool is required; to convert from string, use lowercase \"false\"".to_owned())
        }
        _ => Err("a bool is required".to_owned()),
    }
}

/// Converts the items of a list, a set or a tuple, and says which element type they have now.
fn convert_items(value: &Value, to: &Type, path: &mut AttributePath) -> Result<(Type, Vec<Value>), ConvertError> {
    let items = value.items().unwrap_or_default();
    let wanted = match value.data() {
        Data::Tuple(items) => {
            let types: Vec<Type> = items.iter().map(Value::ty).collect();
            common_element(&types.iter().collect::<Vec<_>>(), to, Safety::Unsafe)
                .ok_or_else(|| fail(path, "all list elements must have the same type"))?
        }
        Data::List(from) | Data::Set(from) if items.is_empty() || *to == Type::Any => {
            return Ok((replace_any(&from.element, to), items.to_vec()));
        }
        _ => to.clone(),
    };
    let mut converted = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        converted.push(convert_part(item, &wanted, Step::Index(index), path)?);
    }
    settle_elements(&wanted, converted, path)
}

fn convert_to_map(value: &Value, to: &Type, path: &mut AttributePath) -> Result<Value, ConvertError> {
    let entries = value.entries().cloned().unwrap_or_default();
    let wanted = match value.data() {
        Data::Object(entries) => {
            let types: Vec<Type> = entries.values().map(Value::ty).collect();
            common_element(&types.iter().collect::<Vec<_>>(), to, Safety::Unsafe)
                .ok_or_else(|| fail(path, "all map elements must have the same type"))?
        }
        Data::Map(from) if entries.is_empty() || *to == Type::Any => {
            let element = replace_any(&from.element, to);
            return Ok(Value::map(element, entries.iter().map(|(key, value)| (key.clone(), value.clone()))));
        }
        _ => to.clone(),
    };
    let mut converted = Vec::with_capacity(entries.len());
    for (key, item) in entries.iter() {
        converted.push(convert_part(item, &wanted, Step::Key(key.clone()), path)?);
    }
    let (element, items) = settle_elements(&wanted, converted, path)?;
    Ok(Value::map(element, entries.keys().cloned().zip(items)))
}

/// Where the wanted element type leaves something open, elements may have come out with
/// different types; they are unified once more.
fn settle_elements(
    wanted: &Type,
    items: Vec<Value>,
    path: &mut AttributePath,
) -> Result<(Type, Vec<Value>), ConvertError> {
    if !wanted.has_any() || items.is_empty() {
        return Ok((without_optional(wanted), items));
    }
    let types: Vec<Type> = items.iter().map(Value::ty).collect();
    let first = types.first().cloned().unwrap_or_default();
    if types.iter().all(|ty| *ty == first) {
        return Ok((first, items));
    }
    let element = unify_unsafe(&types).ok_or_else(|| fail(path, "all elements must have the same type"))?;
    let items = items.iter().map(|item| convert_checked(item, &element, path)).collect::<Result<_, _>>()?;
    Ok((element, items))
}

fn convert_to_object(value: &Value, to: &ObjectType, path: &mut AttributePath) -> Result<Value, ConvertError> {
    let entries = value.entries().cloned().unwrap_or_default();
    let from_map = matches!(value.data(), Data::Map(_));
    let mut attributes = Vec::with_capacity(to.attributes.len());
    for (name, wanted) in &to.attributes {
        let attribute = match entries.get(name) {
            Some(found) => {
                // A map's optional attributes were not checked, because the map may lack them.
                if from_map && !can_convert(&found.ty(), &wanted.ty, Safety::Unsafe) {
                    let step = Step::Attribute(name.clone());
                    let mut error = mismatch::explain(&found.ty(), &wanted.ty);
                    error.path =
                        path.steps().iter().cloned().chain([step]).chain(error.path.steps().to_vec()).collect();
                    return Err(error);
                }
                convert_part(found, &wanted.ty, Step::Attribute(name.clone()), path)?
            }
            None if wanted.optional => Value::null(without_optional(&wanted.ty)),
            None => return Err(fail(path, format!("attribute {name:?} is required"))),
        };
        attributes.push((name.clone(), attribute));
    }
    Ok(Value::object(attributes))
}

/// What stays known of an unknown value when it is converted.
fn unknown_as(unknown: &Unknown, to: &Type) -> Value {
    let ty = replace_any(&unknown.ty, to);
    let mut kept = Unknown { not_null: unknown.not_null, ..Unknown::default() };
    match (&unknown.ty, &ty) {
        (Type::String, Type::String) => kept.prefix = unknown.prefix.clone(),
        (Type::Number, Type::Number) => kept.range = unknown.range.clone(),
        (Type::List(_) | Type::Set(_), Type::List(_)) | (Type::Set(_), Type::Set(_)) | (Type::Map(_), Type::Map(_)) => {
            kept.length = unknown.length;
        }
        (Type::List(_), Type::Set(_)) => kept.length = (unknown.length.0.min(1), unknown.length.1),
        (Type::Tuple(from), Type::List(_)) => kept.length = (from.len(), Some(from.len())),
        (Type::Tuple(from), Type::Set(_)) => kept.length = (from.len().min(1), Some(from.len())),
        (Type::Object(from), Type::Map(_)) => kept.length = (from.attributes.len(), Some(from.attributes.len())),
        _ => {}
    }
    kept.ty = ty;
    Value::unknown_with(kept)
}

/// Whether values of the type need nothing done to them: no `Any` to be found, nothing optional.
fn is_settled(ty: &Type) -> bool {
    match ty {
        Type::Any => false,
        Type::Bool | Type::Number | Type::String => true,
        Type::List(element) | Type::Set(element) | Type::Map(element) => is_settled(element),
        Type::Tuple(elements) => elements.iter().all(is_settled),
        Type::Object(object) => object.attributes.values().all(|a| !a.optional && is_settled(&a.ty)),
    }
}

/// The type without the word `optional` at any depth: the type that values have.
pub fn without_optional(ty: &Type) -> Type {
    match ty {
        Type::List(element) => Type::list(without_optional(element)),
        Type::Set(element) => Type::set(without_optional(element)),
        Type::Map(element) => Type::map(without_optional(element)),
        Type::Tuple(elements) => Type::tuple(elements.iter().map(without_optional)),
        Type::Object(object) => {
            Type::object(object.attributes.iter().map(|(name, a)| (name.clone(), without_optional(&a.ty))))
        }
        primitive => primitive.clone(),
    }
}

/// `to` with each `Any` in it replaced by what `from` has in its place.
fn replace_any(from: &Type, to: &Type) -> Type {
    if *from == Type::Any || !to.has_any() {
        return without_optional(to);
    }
    match to {
        Type::Any => from.clone(),
        Type::List(element) => Type::list(replace_any(&element_of(from), element)),
        Type::Set(element) => Type::set(replace_any(&element_of(from), element)),
        Type::Map(element) => Type::map(replace_any(&element_of(from), element)),
        Type::Tuple(elements) => {
            let from = if let Type::Tuple(from) = from { &from[..] } else { &[] };
            let place = |(index, to)| replace_any(from.get(index).unwrap_or(&Type::Any), to);
            Type::tuple(elements.iter().enumerate().map(place))
        }
        Type::Object(object) => replace_any_in_object(from, object),
        primitive => primitive.clone(),
    }
}

fn replace_any_in_object(from: &Type, to: &ObjectType) -> Type {
    let place = |(name, wanted): (&Arc<str>, &AttributeType)| {
        let found = match from {
            Type::Map(element) => (**element).clone(),
            Type::Object(from) => from.attributes.get(name).map(|found| found.ty.clone()).unwrap_or_default(),
            _ => Type::Any,
        };
        (name.clone(), replace_any(&found, &wanted.ty))
    };
    Type::object(to.attributes.iter().map(place))
}

/// The one type that all elements of a value of this type have or unify to.
fn element_of(ty: &Type) -> Type {
    match ty {
        Type::List(element) | Type::Set(element) | Type::Map(element) => (**element).clone(),
        Type::Tuple(elements) => unify_unsafe(elements).unwrap_or_default(),
        Type::Object(object) => {
            let types: Vec<Type> = object.attributes.values().map(|attribute| attribute.ty.clone()).collect();
            unify_unsafe(&types).unwrap_or_default()
        }
        _ => Type::Any,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn optional(ty: Type) -> AttributeType {
        AttributeType { ty, optional: true }
    }

    fn object_type(attributes: impl IntoIterator<Item = (&'static str, AttributeType)>) -> Type {
        let attributes = attributes.into_iter().map(|(name, attribute)| (name.into(), attribute)).collect();
        Type::Object(Arc::new(ObjectType::new(attributes)))
    }

    fn check(value: Value, to: Type, expected: &str) {
        let got = match convert(&value, &to) {
            Ok(value) => format!("{value:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(got, expected, "{value:?} to {to}");
    }

    #[test]
    fn primitives() {
        check(Value::string("1.5"), Type::Number, "1.5");
        check(Value::string("x"), Type::Number, "a number is required");
        check(Value::string("0"), Type::Bool, "false");
        check(Value::string("True"), Type::Bool, "a bool is required; to convert from string, use lowercase \"true\"");
        check(Value::number(1), Type::Bool, "bool required");
        check(Value::TRUE, Type::String, "\"true\"");
    }

    #[test]
    fn any_inside_a_collection_is_found_by_unifying() {
        let mixed = Value::tuple([Value::number(1), Value::string("a"), Value::null(Type::Any)]);
        check(mixed.clone(), Type::list(Type::Any), r#"list(string)["1", "a", null(string)]"#);
        check(mixed, Type::list(Type::Number), "[1]: a number is required");
        check(
            Value::tuple([Value::number(1), Value::TRUE]),
            Type::list(Type::Any),
            "all list elements must have the same type",
        );
        check(Value::tuple([]), Type::set(Type::Any), "set(any)[]");
    }

    #[test]
    fn objects_and_maps() {
        let ty = object_type([
            ("a", AttributeType { ty: Type::String, optional: false }),
            ("b", optional(Type::list(Type::Number))),
        ]);
        let extra = Value::object([("a", Value::number(1)), ("c", Value::TRUE)]);
        check(extra, ty.clone(), r#"{"a": "1", "b": null(list(number))}"#);
        check(Value::object([("c", Value::TRUE)]), ty.clone(), "attribute \"a\" is required");
        check(
            Value::map(Type::Number, [("a", Value::number(1))]),
            ty.clone(),
            r#"{"a": "1", "b": null(list(number))}"#,
        );
        check(
            Value::map(Type::Number, [("a", Value::number(1)), ("b", Value::number(2))]),
            ty.clone(),
            "b: list of number required",
        );
        check(Value::unknown(ty.clone()), ty, "unknown(object({a=string,b=list(number)}))");
    }

    #[test]
    fn marks_stay_where_they_are() {
        let value = Value::tuple([Value::number(1).sensitive(), Value::number(2)]);
        let list = convert(&value, &Type::list(Type::String)).expect("converts");
        assert!(!list.is_sensitive());
        assert!(list.items().expect("a list")[0].is_sensitive());
        assert!(convert(&value, &Type::set(Type::String)).expect("converts").is_sensitive());
    }

    #[test]
    fn refinements_survive_where_the_new_type_can_hold_them() {
        let refined = Unknown { ty: Type::tuple([Type::Bool, Type::Bool]), not_null: true, ..Unknown::default() };
        let set = convert(&Value::unknown_with(refined), &Type::set(Type::Bool)).expect("converts");
        let Data::Unknown(unknown) = set.data() else { panic!("known: {set:?}") };
        assert!(unknown.not_null);
        assert_eq!(unknown.length, (1, Some(2)));
    }
}
