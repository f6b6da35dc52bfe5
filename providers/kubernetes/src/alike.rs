//! Values that mean the same manifest.
//!
//! A manifest as text knows neither a list from a tuple nor a map from an object, and takes an
//! entry that is null for one that is absent. What was configured does know them.

use std::sync::Arc;

use portolan_lang::value::{Entries, MapValue};
use portolan_lang::{Data, Type, Value};

/// Whether two values are the same manifest. What is unknown is like nothing but itself.
pub(crate) fn are_alike(left: &Value, right: &Value) -> bool {
    if left.entries().is_some() && right.entries().is_some() {
        let covers = |one: &Value, other: &Value| {
            let pairs = one.entries().into_iter().flat_map(|entries| entries.iter());
            pairs.filter(|(_, value)| !value.is_null()).all(|(name, value)| {
                other.entries().and_then(|entries| entries.get(name)).is_some_and(|found| are_alike(value, found))
            })
        };
        let present = |value: &Value| value.entries().map(|all| all.values().filter(|value| !value.is_null()).count());
        return present(left) == present(right) && covers(left, right);
    }
    match (left.items(), right.items()) {
        (Some(left), Some(right)) => left.len() == right.len() && left.iter().zip(right).all(|(l, r)| are_alike(l, r)),
        _ => left.data() == right.data() || left.is_null() && right.is_null(),
    }
}

/// What was read, in the types and with the nulls and marks of what was recorded, as far as
/// it fits them.
pub(crate) fn like_recorded(recorded: &Value, found: Value) -> Value {
    let value = match (recorded.data(), found.data()) {
        (Data::Object(old), Data::Object(new)) => Data::Object(Arc::new(entries_like(old, &Type::Any, new))).into(),
        (Data::Map(old), Data::Object(new)) => {
            let entries = entries_like(&old.entries, &old.element, new);
            let fits = entries.values().all(|value| value.ty() == old.element);
            match fits {
                true => Data::Map(Arc::new(MapValue { element: old.element.clone(), entries })).into(),
                false => Data::Object(Arc::new(entries)).into(),
            }
        }
        (Data::List(old), Data::Tuple(new)) => {
            let items = items_like(&old.items, &old.element, new);
            match items.iter().all(|item| item.ty() == old.element) {
                true => Value::list(old.element.clone(), items),
                false => Value::tuple(items),
            }
        }
        (Data::Set(old), Data::Tuple(new)) => {
            let items = items_like(&[], &old.element, new);
            match items.iter().all(|item| item.ty() == old.element) {
                true => Value::set(old.element.clone(), items),
                false => Value::tuple(items),
            }
        }
        (Data::Tuple(old), Data::Tuple(new)) => Value::tuple(items_like(old, &Type::Any, new)),
        (Data::Null(ty), Data::Null(_)) => Value::null(ty.clone()),
        _ => found,
    };
    value.mark(recorded.marks())
}

/// What was read, and those recorded nulls of which nothing else was read.
fn entries_like(recorded: &Entries, element: &Type, found: &Entries) -> Entries {
    let like = |name: &str, value: &Value| match recorded.get(name) {
        Some(recorded) => like_recorded(recorded, value.clone()),
        None => as_type(element, value.clone()),
    };
    let nulls = recorded.iter().filter(|(name, value)| value.is_null() && found.get(name).is_none());
    let nulls = nulls.map(|(name, value)| (name.clone(), value.clone()));
    nulls.chain(found.iter().map(|(name, value)| (name.clone(), like(name, value)))).collect()
}

fn items_like(recorded: &[Value], element: &Type, found: &[Value]) -> Vec<Value> {
    let like = |(index, item): (usize, &Value)| match recorded.get(index) {
        Some(recorded) => like_recorded(recorded, item.clone()),
        None => as_type(element, item.clone()),
    };
    found.iter().enumerate().map(like).collect()
}

/// A value that was not recorded, as the type of its neighbours where it fits.
fn as_type(element: &Type, found: Value) -> Value {
    if found.ty() == *element || matches!(element, Type::Any) {
        return found;
    }
    Value::from_json(&found.to_json(), element).filter(|typed| are_alike(typed, &found)).unwrap_or(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn recorded() -> Value {
        Value::object([
            ("labels", Value::map(Type::String, [("a", Value::string("b"))])),
            ("args", Value::strings(["x", "y"])),
            ("names", Value::set(Type::String, [Value::string("q"), Value::string("p")])),
            ("none", Value::null(Type::Number)),
            ("secret", Value::string("s").sensitive()),
        ])
    }

    #[test]
    fn what_was_written_is_read_as_it_was_recorded() {
        let found = yaml::read(&yaml::write(&recorded())).expect("reads");
        assert!(are_alike(&found, &recorded()));
        assert_eq!(like_recorded(&recorded(), found), recorded());
    }

    #[test]
    fn what_differs_keeps_the_recorded_types_where_it_fits() {
        let found = yaml::read("{labels: {a: c, d: e}, args: [x, 1], names: [z], secret: t}").expect("reads");
        assert!(!are_alike(&found, &recorded()));
        let read = like_recorded(&recorded(), found);
        assert_eq!(read.get("labels").map(|value| value.ty()), Some(Type::map(Type::String)));
        assert_eq!(read.get("args"), Some(Value::tuple([Value::string("x"), Value::number(1)])));
        assert_eq!(read.get("names").map(|value| value.ty()), Some(Type::set(Type::String)));
        assert!(read.get("secret").is_some_and(|value| value.is_sensitive()));
    }

    #[test]
    fn what_differs_is_not_alike() {
        let same = |left: &str, right: &str| are_alike(&yaml::read(left).expect("l"), &yaml::read(right).expect("r"));
        assert!(same("{a: null, b: 1}", "{b: 1}"));
        assert!(!same("{a: 1}", "{a: 1, b: 2}"));
        assert!(!same("{a: 1, c: 2}", "{a: 1, b: 2}"));
        assert!(!same("[1]", "[1, 2]"));
        assert!(!same("'1'", "1"));
        assert!(!same("{}", "[]"));
        assert!(!are_alike(&Value::unknown(Type::Any), &Value::TRUE));
    }
}
