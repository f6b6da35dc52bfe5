//! Words for why one type does not convert to another.

use crate::path::{AttributePath, Step};
use crate::types::{ObjectType, Type};

use super::{ConvertError, Safety, can_convert, fail};

/// The innermost part of the types that does not convert, and what is required there.
///
/// Asked only about types that do not convert.
pub(super) fn explain(from: &Type, to: &Type) -> ConvertError {
    let mut path = AttributePath::root();
    let message = innermost(from, to, &mut path);
    fail(&path, message)
}

fn innermost(from: &Type, to: &Type, path: &mut AttributePath) -> String {
    let fits = |from: &Type, to: &Type| from == to || can_convert(from, to, Safety::Unsafe);
    match (from, to) {
        (Type::Object(from), Type::Object(to)) => objects(from, to, path),
        (Type::Tuple(_), Type::List(to)) if **to == Type::Any => "all list elements must have the same type".to_owned(),
        (Type::Tuple(_), Type::Set(to)) if **to == Type::Any => "all set elements must have the same type".to_owned(),
        (Type::Object(_), Type::Map(to)) if **to == Type::Any => "all map elements must have the same type".to_owned(),
        (Type::Tuple(from), Type::List(to) | Type::Set(to)) => {
            match from.iter().enumerate().find(|(_, from)| !fits(from, to)) {
                Some((index, from)) => inside(Step::Index(index), from, to, path),
                None => "all elements must have the same type".to_owned(),
            }
        }
        (Type::Object(from), Type::Map(to)) => {
            match from.attributes.iter().find(|(_, attribute)| !fits(&attribute.ty, to)) {
                Some((name, attribute)) => inside(Step::Key(name.clone()), &attribute.ty, to, path),
                None => "all elements must have the same type".to_owned(),
            }
        }
        (Type::Tuple(from), Type::Tuple(to)) if from.len() == to.len() => {
            match from.iter().zip(to.iter()).enumerate().find(|(_, (from, to))| !fits(from, to)) {
                Some((index, (from, to))) => inside(Step::Index(index), from, to, path),
                None => "tuple required".to_owned(),
            }
        }
        (Type::Tuple(_), Type::Tuple(to)) => format!("tuple with {} elements required", to.len()),
        (Type::List(from) | Type::Set(from), Type::List(to) | Type::Set(to)) | (Type::Map(from), Type::Map(to)) => {
            format!("incorrect element type: {}", innermost(from, to, &mut AttributePath::root()))
        }
        _ => format!("{} required", to.friendly_name()),
    }
}

fn inside(step: Step, from: &Type, to: &Type, path: &mut AttributePath) -> String {
    path.push(step);
    innermost(from, to, path)
}

fn objects(from: &ObjectType, to: &ObjectType, path: &mut AttributePath) -> String {
    let missing: Vec<String> = to
        .attributes
        .iter()
        .filter(|(name, wanted)| !wanted.optional && !from.attributes.contains_key(*name))
        .map(|(name, _)| format!("{name:?}"))
        .collect();
    match &missing[..] {
        [] => {}
        [only] => return format!("attribute {only} is required"),
        [rest @ .., last] => return format!("attributes {} and {last} are required", rest.join(", ")),
    }
    for (name, wanted) in &to.attributes {
        if let Some(found) = from.attributes.get(name)
            && found.ty != wanted.ty
            && !can_convert(&found.ty, &wanted.ty, Safety::Unsafe)
        {
            return inside(Step::Attribute(name.clone()), &found.ty, &wanted.ty, path);
        }
    }
    "object required".to_owned()
}
