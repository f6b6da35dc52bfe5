//! The one type that values of several types can all be converted to.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::types::{ObjectType, Type};

use super::{Safety, can_convert};

/// The type that all of these convert to by safe conversions alone; `None` where there is
/// none, or no type at all is given.
pub fn unify(types: &[Type]) -> Option<Type> {
    unify_with(types, Safety::Safe)
}

/// The type that all of these convert to, conversions that can fail included: what the
/// branches of a conditional and the elements of a list become.
pub fn unify_unsafe(types: &[Type]) -> Option<Type> {
    unify_with(types, Safety::Unsafe)
}

/// How many of the types are of each kind.
#[derive(Default)]
struct Kinds {
    any: usize,
    lists: usize,
    sets: usize,
    maps: usize,
    tuples: usize,
    objects: usize,
}

impl Kinds {
    fn of(types: &[Type]) -> Kinds {
        let mut kinds = Kinds::default();
        for ty in types {
            match ty {
                Type::Any => kinds.any += 1,
                Type::List(_) => kinds.lists += 1,
                Type::Set(_) => kinds.sets += 1,
                Type::Map(_) => kinds.maps += 1,
                Type::Tuple(_) => kinds.tuples += 1,
                Type::Object(_) => kinds.objects += 1,
                Type::Bool | Type::Number | Type::String => {}
            }
        }
        kinds
    }
}

pub(super) fn unify_with(types: &[Type], safety: Safety) -> Option<Type> {
    let (first, rest) = types.split_first()?;
    if rest.iter().all(|ty| ty == first) {
        return Some(first.clone());
    }
    let kinds = Kinds::of(types);
    let all = |count: usize| count > 0 && count + kinds.any == types.len();
    // What a type that is not known yet will turn out to be decides how the others unify.
    let settled = |unified: &dyn Fn() -> Option<Type>| if kinds.any > 0 { Some(Type::Any) } else { unified() };
    if all(kinds.maps) {
        return settled(&|| Some(Type::map(unify_elements(types, safety)?)));
    }
    if all(kinds.lists) {
        return settled(&|| Some(Type::list(unify_elements(types, safety)?)));
    }
    if all(kinds.sets) {
        return settled(&|| Some(Type::set(unify_elements(types, safety)?)));
    }
    if all(kinds.objects) {
        return settled(&|| unify_objects(types, safety));
    }
    if all(kinds.tuples) {
        return settled(&|| unify_tuples(types, safety));
    }
    if kinds.maps > 0
        && all(kinds.maps + kinds.objects)
        && let Some(ty) = unify_as_collection(types, safety)
    {
        return Some(ty);
    }
    if kinds.lists > 0
        && all(kinds.lists + kinds.tuples)
        && let Some(ty) = unify_as_collection(types, safety)
    {
        return Some(ty);
    }
    if kinds.objects > 0 && kinds.tuples > 0 {
        return None;
    }
    choose_given(types, safety)
}

fn unify_elements(types: &[Type], safety: Safety) -> Option<Type> {
    unify_with(&element_types(types), safety)
}

fn element_types(types: &[Type]) -> Vec<Type> {
    let mut elements = Vec::new();
    for ty in types {
        match ty {
            Type::List(element) | Type::Set(element) | Type::Map(element) => elements.push((**element).clone()),
            Type::Tuple(items) => elements.extend(items.iter().cloned()),
            Type::Object(object) => elements.extend(object.attributes.values().map(|attribute| attribute.ty.clone())),
            _ => {}
        }
    }
    elements
}

fn converts_to(types: &[Type], wanted: &Type, safety: Safety) -> bool {
    types.iter().all(|ty| ty == wanted || can_convert(ty, wanted, safety))
}

/// Objects with the same names become an object with each attribute unified; otherwise a map
/// is made of them, if all their attributes unify.
fn unify_objects(types: &[Type], safety: Safety) -> Option<Type> {
    let objects: Vec<&Arc<ObjectType>> =
        types.iter().filter_map(|ty| if let Type::Object(object) = ty { Some(object) } else { None }).collect();
    let (first, rest) = objects.split_first()?;
    if rest.iter().any(|object| !object.attributes.keys().eq(first.attributes.keys())) {
        return Some(Type::map(unify_elements(types, safety)?));
    }
    let mut attributes = Vec::with_capacity(first.attributes.len());
    for name in first.attributes.keys() {
        let across: Vec<Type> =
            objects.iter().filter_map(|object| object.attributes.get(name)).map(|found| found.ty.clone()).collect();
        attributes.push((name.clone(), unify_with(&across, safety)?));
    }
    Some(Type::object(attributes))
}

/// Tuples of one length become a tuple with each element unified; otherwise a list is made
/// of them, if all their elements unify.
fn unify_tuples(types: &[Type], safety: Safety) -> Option<Type> {
    let tuples: Vec<&[Type]> =
        types.iter().filter_map(|ty| if let Type::Tuple(items) = ty { Some(&items[..]) } else { None }).collect();
    let (first, rest) = tuples.split_first()?;
    if rest.iter().any(|tuple| tuple.len() != first.len()) {
        return Some(Type::list(unify_elements(types, safety)?));
    }
    let across = |index: usize| -> Vec<Type> { tuples.iter().filter_map(|tuple| tuple.get(index)).cloned().collect() };
    let elements: Option<Vec<Type>> = (0..first.len()).map(|index| unify_with(&across(index), safety)).collect();
    elements.map(Type::tuple)
}

/// Maps with objects, or lists with tuples: the structural ones become one collection first.
fn unify_as_collection(types: &[Type], safety: Safety) -> Option<Type> {
    let structural: Vec<Type> =
        types.iter().filter(|ty| matches!(ty, Type::Tuple(_) | Type::Object(_))).cloned().collect();
    let element = unify_elements(&structural, safety)?;
    let collected: Vec<Type> = types
        .iter()
        .map(|ty| match ty {
            Type::Tuple(_) => Type::list(element.clone()),
            Type::Object(_) => Type::map(element.clone()),
            other => other.clone(),
        })
        .collect();
    let unified = unify_with(&collected, safety)?;
    (unified != Type::Any && converts_to(types, &unified, safety)).then_some(unified)
}

/// The most general of the given types that all the others convert to.
fn choose_given(types: &[Type], safety: Safety) -> Option<Type> {
    let mut rest: Vec<&Type> = Vec::new();
    for ty in types {
        if !rest.contains(&ty) {
            rest.push(ty);
        }
    }
    while !rest.is_empty() {
        let at =
            rest.iter().position(|ty| rest.iter().all(|other| generality(other, ty) != Ordering::Less)).unwrap_or(0);
        let wanted = rest.remove(at);
        if converts_to(types, wanted, safety) {
            return Some(wanted.clone());
        }
    }
    None
}

/// `Less` where the left type is to be tried before the right one; `Equal` where neither is
/// more general as far as can be seen without unifying what is inside.
fn generality(left: &Type, right: &Type) -> Ordering {
    match (left, right) {
        (Type::Any, Type::Any) => Ordering::Equal,
        (_, Type::Any) => Ordering::Less,
        (Type::Any, _) => Ordering::Greater,
        (Type::String, Type::Bool | Type::Number) => Ordering::Less,
        (Type::Bool | Type::Number, Type::String) => Ordering::Greater,
        (Type::List(left), Type::List(right))
        | (Type::Set(left), Type::Set(right))
        | (Type::Map(left), Type::Map(right)) => generality(left, right),
        (Type::List(_), Type::Tuple(_) | Type::Set(_)) | (Type::Tuple(_), Type::Set(_)) => Ordering::Less,
        (Type::Tuple(_) | Type::Set(_), Type::List(_)) | (Type::Set(_), Type::Tuple(_)) => Ordering::Greater,
        (Type::Map(_), Type::Object(_)) => Ordering::Less,
        (Type::Object(_), Type::Map(_)) => Ordering::Greater,
        _ => Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(types: &[Type], safe: Option<Type>, also_unsafe: Option<Type>) {
        assert_eq!(unify(types), safe, "safe {types:?}");
        assert_eq!(unify_unsafe(types), also_unsafe, "unsafe {types:?}");
    }

    #[test]
    fn primitives_become_strings() {
        check(&[], None, None);
        check(&[Type::Number, Type::String], Some(Type::String), Some(Type::String));
        check(&[Type::Number, Type::Bool], None, None);
        check(&[Type::String, Type::Any], Some(Type::Any), Some(Type::String));
    }

    #[test]
    fn structures_keep_their_shape_or_become_collections() {
        let one = Type::object([("a", Type::Number)]);
        let two = Type::object([("a", Type::String)]);
        let other = Type::object([("b", Type::String)]);
        let object = Some(Type::object([("a", Type::String)]));
        check(&[one.clone(), two], object.clone(), object);
        let map = Some(Type::map(Type::String));
        check(&[one.clone(), other], map.clone(), map.clone());
        check(&[one, Type::map(Type::String)], map.clone(), map);
        let tuples = [Type::tuple([Type::Number]), Type::tuple([])];
        check(&tuples, Some(Type::list(Type::Number)), Some(Type::list(Type::Number)));
        check(&[Type::tuple([]), Type::object::<&str>([])], None, None);
        let list = Some(Type::list(Type::String));
        check(&[Type::tuple([]), Type::list(Type::String)], list.clone(), list);
    }

    #[test]
    fn lists_are_preferred_to_sets() {
        let both = [Type::set(Type::String), Type::list(Type::String)];
        check(&both, Some(Type::list(Type::String)), Some(Type::list(Type::String)));
    }
}
