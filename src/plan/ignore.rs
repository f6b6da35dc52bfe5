//! `ignore_changes`: where the configuration does not count once the object is there.

use std::sync::Arc;

use portolan_lang::address::InstanceKey;
use portolan_lang::eval::{Reference, ReferenceStep};
use portolan_lang::value::{Collection, Entries, MapValue};
use portolan_lang::{Data, Schema, Value};

use crate::config::IgnoreChanges;

/// The configuration with what is to be ignored taken from the object as it is.
pub(crate) fn ignoring(ignored: &IgnoreChanges, schema: &Schema, prior: &Value, config: &Value) -> Value {
    match ignored {
        IgnoreChanges::None => config.clone(),
        IgnoreChanges::All => with_all_settable(schema, prior, config),
        IgnoreChanges::Paths(paths) => paths.iter().fold(config.clone(), |config, path| {
            let steps: Vec<ReferenceStep> = steps_of(path);
            with_restored(&config, Some(prior), &steps).unwrap_or(config)
        }),
    }
}

/// What only the provider sets stays open, so that it may go on to set it.
fn with_all_settable(schema: &Schema, prior: &Value, config: &Value) -> Value {
    let Data::Object(entries) = config.data() else { return config.clone() };
    let entries = entries.map(|name, value| match schema.attribute(name) {
        Some(attribute) if !attribute.is_settable() => value.clone(),
        _ => prior.get(name).unwrap_or_else(|| value.clone()),
    });
    Value::from(Data::Object(Arc::new(entries))).mark(config.marks())
}

fn steps_of(path: &Reference) -> Vec<ReferenceStep> {
    let root = ReferenceStep::Attribute(path.root.clone());
    [root].into_iter().chain(path.steps.iter().cloned()).collect()
}

/// The configured value with what lies at the steps taken from the prior one; an element of a
/// map that only one of them has is added or left out. `None` where there is nothing to put.
fn with_restored(config: &Value, prior: Option<&Value>, steps: &[ReferenceStep]) -> Option<Value> {
    let Some((first, rest)) = steps.split_first() else { return prior.cloned() };
    let name = match first {
        ReferenceStep::Attribute(name) | ReferenceStep::Key(InstanceKey::Key(name)) => name,
        ReferenceStep::Key(InstanceKey::Index(index)) => {
            return with_restored_item(config, prior, usize::try_from(*index).ok()?, rest);
        }
    };
    let beside = prior.and_then(Value::entries).and_then(|entries| entries.get(name));
    let restored = match config.entries()?.get(name) {
        Some(child) => with_restored(child, beside, rest),
        None => beside.filter(|_| rest.is_empty()).cloned(),
    };
    let data = match config.data() {
        Data::Object(entries) => Data::Object(Arc::new(entries.with(name, restored?))),
        Data::Map(map) => {
            let entries = match restored {
                Some(value) => map.entries.with(name, value),
                None => without(&map.entries, name),
            };
            Data::Map(Arc::new(MapValue { element: map.element.clone(), entries }))
        }
        _ => return Some(config.clone()),
    };
    Some(Value::from(data).mark(config.marks()))
}

fn with_restored_item(config: &Value, prior: Option<&Value>, index: usize, rest: &[ReferenceStep]) -> Option<Value> {
    let beside = prior.and_then(Value::items).and_then(|items| items.get(index));
    let mut items = config.items()?.to_vec();
    let item = items.get_mut(index)?;
    *item = with_restored(item, beside, rest)?;
    let data = match config.data() {
        Data::List(list) => Data::List(Arc::new(Collection { element: list.element.clone(), items })),
        Data::Tuple(_) => Data::Tuple(Arc::new(items)),
        _ => return Some(config.clone()),
    };
    Some(Value::from(data).mark(config.marks()))
}

fn without(entries: &Entries, name: &str) -> Entries {
    entries.iter().filter(|(key, _)| &***key != name).map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use portolan_lang::source::FileId;
    use portolan_lang::{Span, Type};

    use super::*;

    fn path(root: &str, steps: &[ReferenceStep]) -> Reference {
        Reference::new(root, steps.to_vec(), Span::new(FileId(0), 0..0))
    }

    fn tags(entries: &[(&str, &str)]) -> Value {
        let entries = entries.iter().map(|(key, value)| (Arc::from(*key), Value::string(*value)));
        Value::object([("tags", Value::map::<Arc<str>>(Type::String, entries))])
    }

    fn ignore(steps: &[ReferenceStep], prior: &Value, config: &Value) -> Value {
        let ignored = IgnoreChanges::Paths(vec![path("tags", steps)]);
        ignoring(&ignored, &Schema::new(""), prior, config)
    }

    #[test]
    fn an_attribute_is_kept() {
        let (prior, config) = (tags(&[("a", "1")]), tags(&[("a", "2")]));
        assert_eq!(ignore(&[], &prior, &config), prior);
    }

    #[test]
    fn elements_of_maps_are_kept_added_and_left_out() {
        let a = [ReferenceStep::Key("a".into())];
        assert_eq!(ignore(&a, &tags(&[("a", "1")]), &tags(&[("a", "2"), ("b", "2")])), tags(&[("a", "1"), ("b", "2")]));
        assert_eq!(ignore(&a, &tags(&[("a", "1")]), &tags(&[("b", "2")])), tags(&[("a", "1"), ("b", "2")]));
        assert_eq!(ignore(&a, &tags(&[]), &tags(&[("a", "2"), ("b", "2")])), tags(&[("b", "2")]));
    }
}
