//! Marks of values that cross to a provider and back.
//!
//! A provider gets and gives values without marks. What comes back is marked again: as the
//! value that it came from, and as the schema says.

use std::sync::Arc;

use portolan_lang::schema::Nesting;
use portolan_lang::value::{Collection, Entries, MapValue};
use portolan_lang::{Data, Marks, Schema, Value};

/// Whether two values are the same but for their marks and for the types of their nulls, which
/// a record does not keep where the schema leaves the type open.
pub(crate) fn same(left: &Value, right: &Value) -> bool {
    let same_items = |left: &[Value], right: &[Value]| {
        left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
    };
    let same_entries = |left: &Entries, right: &Entries| {
        left.len() == right.len()
            && left.iter().zip(right.iter()).all(|(left, right)| left.0 == right.0 && same(left.1, right.1))
    };
    match (left.data(), right.data()) {
        (Data::Null(_), Data::Null(_)) => true,
        (Data::List(left), Data::List(right)) => left.element == right.element && same_items(&left.items, &right.items),
        (Data::Set(left), Data::Set(right)) => left.element == right.element && same_items(&left.items, &right.items),
        (Data::Map(left), Data::Map(right)) => {
            left.element == right.element && same_entries(&left.entries, &right.entries)
        }
        (Data::Tuple(left), Data::Tuple(right)) => same_items(left, right),
        (Data::Object(left), Data::Object(right)) => same_entries(left, right),
        (left, right) => left == right,
    }
}

fn has_marks(value: &Value) -> bool {
    !value.deep_marks().is_empty()
}

/// The value with the marks that `like` has at the same places.
pub(crate) fn marked_like(value: Value, like: &Value) -> Value {
    if !has_marks(like) {
        return value;
    }
    let marks = value.marks().union(like.marks());
    let data = match (value.data(), like.data()) {
        (Data::Object(entries), _) => Data::Object(Arc::new(
            entries.map(|name, child| child_like(child, like.entries().and_then(|l| l.get(name)))),
        )),
        (Data::Map(map), _) => {
            let entries = map.entries.map(|name, child| child_like(child, like.entries().and_then(|l| l.get(name))));
            Data::Map(Arc::new(MapValue { element: map.element.clone(), entries }))
        }
        (Data::List(list), _) => {
            let items = items_like(&list.items, like);
            Data::List(Arc::new(Collection { element: list.element.clone(), items }))
        }
        (Data::Tuple(items), _) => Data::Tuple(Arc::new(items_like(items, like))),
        (leaf, _) => leaf.clone(),
    };
    Value::from(data).mark(marks)
}

fn child_like(child: &Value, like: Option<&Value>) -> Value {
    like.map_or_else(|| child.clone(), |like| marked_like(child.clone(), like))
}

fn items_like(items: &[Value], like: &Value) -> Vec<Value> {
    let likes = like.items().unwrap_or_default();
    items.iter().enumerate().map(|(at, item)| child_like(item, likes.get(at))).collect()
}

/// The object with the marks of each attribute also at those that repeat it, as the output of
/// `terraform_data` repeats its input: a provider sees no marks and cannot pass them on.
pub(crate) fn marked_where_repeated(object: Value) -> Value {
    let Data::Object(entries) = object.data() else { return object };
    let marked: Vec<Value> = entries.iter().map(|(_, child)| child).filter(|child| has_marks(child)).cloned().collect();
    if marked.is_empty() {
        return object;
    }
    let entries = entries.map(|_, child| {
        // Those say too little to be the same for a reason.
        if has_marks(child) || matches!(child.data(), Data::Null(_) | Data::Bool(_)) || !child.is_known() {
            return child.clone();
        }
        let repeated = marked.iter().find(|marked| same(marked, child));
        repeated.map_or_else(|| child.clone(), |marked| marked_like(child.clone(), marked))
    });
    Value::from(Data::Object(Arc::new(entries))).mark(object.marks())
}

/// The value with what the schema calls sensitive marked so, and what is made from something that is.
pub(crate) fn marked_by_schema(value: Value, schema: &Schema) -> Value {
    if !is_ever_sensitive(schema) {
        return value;
    }
    let Data::Object(entries) = value.data() else { return value };
    let is_secret = |name: &str| entries.get(name).is_some_and(|child| child.deep_marks().contains(Marks::SENSITIVE));
    let entries = entries.map(|name, child| {
        let attribute = schema.attribute(name);
        if attribute
            .is_some_and(|attribute| attribute.sensitive || attribute.made_from.as_deref().is_some_and(is_secret))
        {
            return child.clone().sensitive();
        }
        match schema.nested(name) {
            Some(block) if block.nesting == Nesting::Single => marked_by_schema(child.clone(), &block.schema),
            Some(block) => marked_children(child, &block.schema),
            None => child.clone(),
        }
    });
    Value::from(Data::Object(Arc::new(entries))).mark(value.marks())
}

fn marked_children(value: &Value, schema: &Schema) -> Value {
    let each = |child: &Value| marked_by_schema(child.clone(), schema);
    let data = match value.data() {
        Data::List(list) => Data::List(Arc::new(Collection {
            element: list.element.clone(),
            items: list.items.iter().map(each).collect(),
        })),
        Data::Tuple(items) => Data::Tuple(Arc::new(items.iter().map(each).collect())),
        Data::Object(entries) => Data::Object(Arc::new(entries.map(|_, child| each(child)))),
        other => other.clone(),
    };
    Value::from(data).mark(value.marks())
}

fn is_ever_sensitive(schema: &Schema) -> bool {
    schema.attributes.iter().any(|attribute| attribute.sensitive || attribute.made_from.is_some())
        || schema.blocks.iter().any(|block| is_ever_sensitive(&block.schema))
}

#[cfg(test)]
mod tests {
    use portolan_lang::{Attribute, Block, Type};

    use super::*;

    #[test]
    fn marks_come_back_at_their_places() {
        let marked = Value::object([("a", Value::tuple([Value::number(1).sensitive(), Value::number(2)]))]);
        let plain = Value::object([("a", Value::tuple([Value::number(3), Value::number(4), Value::number(5)]))]);
        let back = marked_like(plain.clone(), &marked);
        assert!(same(&back, &plain));
        let marked: Vec<bool> =
            back.get("a").expect("a").items().expect("items").iter().map(Value::is_sensitive).collect();
        assert_eq!(marked, [true, false, false]);
    }

    #[test]
    fn what_is_made_from_a_secret_is_one() {
        let schema = Schema::new("")
            .with(Attribute::required("tree", Type::Any))
            .with(Attribute::computed("text", Type::String).made_from("tree"));
        let object = |tree: Value| Value::object([("tree", Value::tuple([tree])), ("text", Value::string("x"))]);
        let marked = |tree: Value| marked_by_schema(object(tree), &schema).get("text").expect("text").is_sensitive();
        assert!(marked(Value::string("x").sensitive()));
        assert!(!marked(Value::string("x")));
    }

    #[test]
    fn what_repeats_a_secret_is_one() {
        let secret = |text: &'static str| Value::object([("url", Value::string(text))]);
        let hidden = Value::object([("url", Value::string("x").sensitive())]);
        let object = Value::object([("input", hidden), ("output", secret("x")), ("other", secret("y"))]);
        let marked = marked_where_repeated(object);
        assert_eq!(
            marked.paths(&Value::is_sensitive).iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["input.url", "output.url"]
        );
    }

    #[test]
    fn the_schema_marks_at_any_depth() {
        let inner = Schema::new("").with(Attribute::optional("key", Type::String).sensitive());
        let schema = Schema::new("").block(Block::list("b", inner));
        let block = Value::object([("key", Value::string("x"))]);
        let value = marked_by_schema(Value::object([("b", Value::tuple([block]))]), &schema);
        assert_eq!(value.paths(&Value::is_sensitive).iter().map(ToString::to_string).collect::<Vec<_>>(), ["b[0].key"]);
    }
}
