//! Values made from values.

use std::sync::Arc;

use super::{Collection, Data, MapValue, Marks, Value};
use crate::path::{AttributePath, Step};

/// # Values made from values
impl Value {
    /// The same value without its own marks.
    #[must_use]
    pub fn unmark(mut self) -> Value {
        self.summary.own = Marks::NONE;
        self
    }

    /// The same value without any marks in it.
    #[must_use]
    pub fn unmark_deep(&self) -> Value {
        if self.deep_marks().is_empty() {
            return self.clone();
        }
        self.transform(&mut |value| value.unmark())
    }

    /// The same value with these marks taken away everywhere in it.
    #[must_use]
    pub fn without_marks(&self, marks: Marks) -> Value {
        let all = self.deep_marks();
        if all.without(marks) == all {
            return self.clone();
        }
        self.transform(&mut |mut value| {
            value.summary.own = value.summary.own.without(marks);
            value
        })
    }

    /// The value with `each` applied to every value in it, the inner ones first. `each` must
    /// keep the types of list, set and map elements.
    #[must_use]
    pub fn transform(&self, each: &mut impl FnMut(Value) -> Value) -> Value {
        let data = match &self.data {
            Data::List(collection) => {
                let items = collection.items.iter().map(|item| item.transform(each)).collect();
                Data::List(Arc::new(Collection { element: collection.element.clone(), items }))
            }
            Data::Set(collection) => {
                let items: Vec<Value> = collection.items.iter().map(|item| item.transform(each)).collect();
                let set = Value::set(collection.element.clone(), items).mark(self.marks());
                return each(set);
            }
            Data::Map(map) => {
                let entries = map.entries.map(|_, value| value.transform(each));
                Data::Map(Arc::new(MapValue { element: map.element.clone(), entries }))
            }
            Data::Tuple(items) => Data::Tuple(Arc::new(items.iter().map(|item| item.transform(each)).collect())),
            Data::Object(entries) => Data::Object(Arc::new(entries.map(|_, value| value.transform(each)))),
            leaf => leaf.clone(),
        };
        each(Value::from(data).mark(self.marks()))
    }

    /// The value with the value at `path` replaced; unchanged where the path leaves it.
    #[must_use]
    pub fn with(&self, path: &AttributePath, replacement: Value) -> Value {
        self.with_steps(path.steps(), replacement)
    }

    fn with_steps(&self, steps: &[Step], replacement: Value) -> Value {
        let Some((first, rest)) = steps.split_first() else { return replacement };
        let mut replacement = Some(replacement);
        let mut replace = |step: Step, child: &Value| match replacement.take_if(|_| step == *first) {
            Some(replacement) => child.with_steps(rest, replacement),
            None => child.clone(),
        };
        let data = match &self.data {
            Data::List(collection) => {
                let items =
                    collection.items.iter().enumerate().map(|(i, item)| replace(Step::Index(i), item)).collect();
                Data::List(Arc::new(Collection { element: collection.element.clone(), items }))
            }
            Data::Set(collection) => {
                let items: Vec<Value> =
                    collection.items.iter().enumerate().map(|(i, item)| replace(Step::Index(i), item)).collect();
                return Value::set(collection.element.clone(), items).mark(self.marks());
            }
            Data::Tuple(items) => {
                Data::Tuple(Arc::new(items.iter().enumerate().map(|(i, item)| replace(Step::Index(i), item)).collect()))
            }
            Data::Map(map) => {
                let entries = map.entries.map(|name, value| replace(Step::Key(name.clone()), value));
                Data::Map(Arc::new(MapValue { element: map.element.clone(), entries }))
            }
            Data::Object(entries) => {
                Data::Object(Arc::new(entries.map(|name, value| replace(Step::Attribute(name.clone()), value))))
            }
            leaf => leaf.clone(),
        };
        Value::from(data).mark(self.marks())
    }
}
