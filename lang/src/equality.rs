//! Whether two values are equal, as far as that is known.

use crate::types::Type;
use crate::value::{Data, Unknown, Value};

/// `left == right`: a bool, unknown where it depends on what is not known yet, with the marks
/// of both.
///
/// Values of different types are different, nulls of all types are equal. What is known of
/// an unknown value (its type, that it is not null, how it begins) can tell it from another.
pub fn equal(left: &Value, right: &Value) -> Value {
    let marks = left.deep_marks().union(right.deep_marks());
    let result = match are_equal(left, right) {
        Some(equal) => Value::bool(equal),
        None => Value::unknown_not_null(Type::Bool),
    };
    result.mark(marks)
}

/// Whether the values are equal, marks aside; `None` where that is not known yet.
pub fn are_equal(left: &Value, right: &Value) -> Option<bool> {
    match (left.data(), right.data()) {
        (Data::Unknown(unknown), Data::Unknown(other)) => both_unknown(unknown, other),
        (Data::Unknown(unknown), _) => unknown_and_known(unknown, right),
        (_, Data::Unknown(unknown)) => unknown_and_known(unknown, left),
        (Data::Null(_), Data::Null(_)) => Some(true),
        (Data::Null(_), _) | (_, Data::Null(_)) => Some(false),
        (Data::Bool(left), Data::Bool(right)) => Some(left == right),
        (Data::Number(left), Data::Number(right)) => Some(left == right),
        (Data::String(left), Data::String(right)) => Some(left == right),
        _ => known_collections(left, right),
    }
}

fn known_collections(left: &Value, right: &Value) -> Option<bool> {
    let (left_type, right_type) = (left.ty(), right.ty());
    if left_type.has_any() || right_type.has_any() {
        if !conforms(&left_type, &right_type) && !conforms(&right_type, &left_type) {
            return Some(false);
        }
        // Empty collections of a type that is still open are told apart by their type alone.
        let open = !left.is_wholly_known() || !right.is_wholly_known() || left_type != right_type;
        if open {
            return None;
        }
    } else if left_type != right_type {
        return Some(false);
    }
    match (left.data(), right.data()) {
        (Data::Set(_), Data::Set(_)) => equal_sets(left, right),
        (Data::Map(_) | Data::Object(_), Data::Map(_) | Data::Object(_)) => {
            let (left, right) = (left.entries()?, right.entries()?);
            if !left.keys().eq(right.keys()) {
                return Some(false);
            }
            all_equal(left.values().zip(right.values()))
        }
        _ => {
            let (left, right) = (left.items()?, right.items()?);
            if left.len() != right.len() {
                return Some(false);
            }
            all_equal(left.iter().zip(right))
        }
    }
}

/// One difference decides, whatever else is unknown.
fn all_equal<'a>(pairs: impl Iterator<Item = (&'a Value, &'a Value)>) -> Option<bool> {
    let mut known = true;
    for (left, right) in pairs {
        match are_equal(left, right) {
            Some(true) => {}
            Some(false) => return Some(false),
            None => known = false,
        }
    }
    known.then_some(true)
}

/// Items of sets have no place by which unknown ones could be paired.
fn equal_sets(left: &Value, right: &Value) -> Option<bool> {
    if !left.is_wholly_known() || !right.is_wholly_known() {
        return None;
    }
    let (left, right) = (left.items()?, right.items()?);
    if left.len() != right.len() {
        return Some(false);
    }
    all_equal(left.iter().zip(right))
}

fn both_unknown(left: &Unknown, right: &Unknown) -> Option<bool> {
    let not_null = left.not_null && right.not_null;
    let apart = !left.prefix.starts_with(&*right.prefix) && !right.prefix.starts_with(&*left.prefix);
    (not_null && apart).then_some(false)
}

fn unknown_and_known(unknown: &Unknown, known: &Value) -> Option<bool> {
    if known.is_null() {
        return unknown.not_null.then_some(false);
    }
    let excluded = match known.data() {
        _ if !conforms(&known.ty(), &unknown.ty) => true,
        Data::String(text) => !text.starts_with(&*unknown.prefix),
        Data::Number(number) => {
            let (least, greatest) = &unknown.range;
            least.as_ref().is_some_and(|least| number < least)
                || greatest.as_ref().is_some_and(|greatest| number > greatest)
        }
        Data::List(list) => !length_fits(unknown, list.items.len()),
        Data::Map(map) => !length_fits(unknown, map.entries.len()),
        Data::Set(set) if known.is_wholly_known() => !length_fits(unknown, set.items.len()),
        _ => false,
    };
    excluded.then_some(false)
}

fn length_fits(unknown: &Unknown, length: usize) -> bool {
    let (least, greatest) = unknown.length;
    least <= length && greatest.is_none_or(|greatest| length <= greatest)
}

/// Whether a value of type `ty` can be a value of type `constraint`, where `Any` in the
/// latter allows everything.
fn conforms(ty: &Type, constraint: &Type) -> bool {
    match (ty, constraint) {
        (_, Type::Any) => true,
        (Type::List(ty), Type::List(constraint))
        | (Type::Set(ty), Type::Set(constraint))
        | (Type::Map(ty), Type::Map(constraint)) => conforms(ty, constraint),
        (Type::Tuple(types), Type::Tuple(constraints)) => {
            types.len() == constraints.len() && types.iter().zip(constraints.iter()).all(|(t, c)| conforms(t, c))
        }
        (Type::Object(object), Type::Object(constraint)) => {
            object.attributes.keys().eq(constraint.attributes.keys())
                && object
                    .attributes
                    .values()
                    .zip(constraint.attributes.values())
                    .all(|(attribute, constraint)| conforms(&attribute.ty, &constraint.ty))
        }
        _ => ty == constraint,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert_eq!(equal(&Value::number(1), &Value::number(1)), Value::TRUE);
        assert_eq!(equal(&Value::number(1), &Value::string("1")), Value::FALSE);
        assert_eq!(equal(&Value::null(Type::Bool), &Value::null(Type::String)), Value::TRUE);
        assert_eq!(equal(&Value::tuple([Value::TRUE]), &Value::list(Type::Bool, [Value::TRUE])), Value::FALSE);
        assert_eq!(equal(&Value::TRUE.sensitive(), &Value::TRUE), Value::TRUE.sensitive());
    }

    #[test]
    fn what_is_known_of_an_unknown_value_can_decide() {
        let open = Value::unknown(Type::String);
        assert_eq!(are_equal(&open, &Value::string("a")), None);
        assert_eq!(are_equal(&open, &Value::null(Type::Any)), None);
        assert_eq!(are_equal(&Value::unknown_not_null(Type::String), &Value::null(Type::Any)), Some(false));
        let begins = Unknown { ty: Type::String, not_null: true, prefix: "ami-".into(), ..Unknown::default() };
        assert_eq!(are_equal(&Value::unknown_with(begins), &Value::string("i-1")), Some(false));
        assert_eq!(are_equal(&Value::unknown(Type::list(Type::String)), &Value::tuple([])), Some(false));
        let one = Value::tuple([open.clone(), Value::number(1)]);
        let two = Value::tuple([open, Value::number(2)]);
        assert_eq!(are_equal(&one, &two), Some(false));
        assert_eq!(are_equal(&one, &one), None);
    }
}
