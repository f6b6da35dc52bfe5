//! The order of the items of a set.
//!
//! Primitive values have the order that people expect. For all others the order only has to
//! be the same each time; Terraform sorts them by a text that it makes of each to find equal
//! ones, and so do we, because the order shows in outputs and in `for` expressions.

use std::fmt::Write;

use crate::value::{Data, Value};

/// Sorts the items of a set; equal items become neighbours.
pub(crate) fn sort(items: &mut [Value]) {
    let is_primitive =
        |item: &Value| matches!(item.data(), Data::Bool(_) | Data::Number(_) | Data::String(_) | Data::Null(_));
    if items.iter().all(is_primitive) {
        items.sort_by(|left, right| left.is_null().cmp(&right.is_null()).then_with(|| left.cmp(right)));
    } else {
        items.sort_by_cached_key(|item| (!item.is_known(), item.is_null(), text_of(item), item.clone()));
    }
}

fn text_of(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value.data() {
        Data::Unknown(_) => text.push('?'),
        Data::Null(_) => text.push('~'),
        Data::Bool(bool) => text.push(if *bool { 'T' } else { 'F' }),
        Data::Number(number) => text.push_str(&number.to_string()),
        Data::String(string) => quote(string, text),
        Data::List(list) | Data::Set(list) => write_items('[', &list.items, ']', text),
        Data::Tuple(items) => write_items('<', items, '>', text),
        Data::Object(entries) => {
            text.push('<');
            for value in entries.values() {
                write(value, text);
                text.push(';');
            }
            text.push('>');
        }
        Data::Map(map) => {
            text.push('{');
            for (name, value) in map.entries.iter() {
                quote(name, text);
                text.push(':');
                write(value, text);
                text.push(';');
            }
            text.push('}');
        }
    }
}

fn quote(string: &str, text: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(text, "{string:?}");
}

fn write_items(open: char, items: &[Value], close: char, text: &mut String) {
    text.push(open);
    for item in items {
        write(item, text);
        text.push(';');
    }
    text.push(close);
}

#[cfg(test)]
mod tests {
    use crate::types::Type;
    use crate::value::Value;

    #[test]
    fn primitives_first_nulls_last() {
        let set = Value::set(Type::Number, [Value::number(10), Value::null(Type::Number), Value::number(9)]);
        assert_eq!(format!("{set:?}"), "set(number)[9, 10, null(number)]");
    }

    #[test]
    fn collections_have_the_order_of_their_texts() {
        let list = |numbers: &[i64]| Value::list(Type::Number, numbers.iter().copied().map(Value::number));
        let set = Value::set(Type::list(Type::Number), [list(&[]), list(&[9]), list(&[10]), list(&[9])]);
        assert_eq!(set.items().map(|items| items.to_vec()), Some(vec![list(&[10]), list(&[9]), list(&[])]));
    }
}
