//! Planning from the schema alone.

use std::sync::Arc;

use portolan_lang::schema::Nesting;
use portolan_lang::value::{Collection, MapValue};
use portolan_lang::{Attribute, AttributePath, Data, Schema, Step, Value};

use crate::{Planned, Proposal};

/// The configuration, completed from `prior` where it says nothing about an attribute that the
/// provider sets: [`Proposal::proposed`]. Blocks of a list are matched by their position, named
/// blocks by their label.
pub fn propose(schema: &Schema, prior: Option<&Value>, config: &Value) -> Value {
    let Some(prior) = prior else { return config.clone() };
    map_attributes(schema, config, Some(prior), &|attribute, value, recorded| match recorded {
        Some(recorded) if value.is_null() && attribute.is_computed() => recorded,
        _ => value.clone(),
    })
}

/// The plan of a resource type of which the schema says everything: attributes marked so
/// need a new object, and what the provider computes becomes unknown by any change.
///
/// Marks are kept but do not count as a difference: what only gained or lost one is planned
/// with the proposed marks and the prior data.
pub fn plan_by_schema(schema: &Schema, proposal: Proposal<'_>) -> Planned {
    let Some(prior) = proposal.prior else {
        return Planned { value: with_computed_unknown(schema, proposal), replace: Vec::new() };
    };
    if same(prior, proposal.proposed) {
        return Planned { value: proposal.proposed.clone(), replace: Vec::new() };
    }
    let mut replace = Vec::new();
    collect_replaced(schema, prior, proposal.proposed, &mut AttributePath::root(), &mut replace);
    Planned { value: with_computed_unknown(schema, proposal), replace }
}

/// Whether two values are the same but for their marks.
pub(crate) fn same(left: &Value, right: &Value) -> bool {
    left == right || left.unmark_deep() == right.unmark_deep()
}

fn with_computed_unknown(schema: &Schema, proposal: Proposal<'_>) -> Value {
    map_attributes(schema, proposal.proposed, Some(proposal.config), &|attribute, value, set| {
        if attribute.is_computed() && set.is_none_or(|set| set.is_null()) {
            return Value::unknown(attribute.ty.clone());
        }
        value.clone()
    })
}

/// The value with every attribute of the schema, at any depth of blocks, replaced by what
/// `each` makes of it and of the same attribute of `beside`.
fn map_attributes(
    schema: &Schema,
    value: &Value,
    beside: Option<&Value>,
    each: &impl Fn(&Attribute, &Value, Option<Value>) -> Value,
) -> Value {
    let Data::Object(entries) = value.data() else { return value.clone() };
    let entries = entries.map(|name, child| {
        let beside = beside.and_then(|beside| beside.get(name));
        if let Some(attribute) = schema.attribute(name) {
            return each(attribute, child, beside);
        }
        match schema.nested(name) {
            Some(block) if block.nesting == Nesting::Single => {
                map_attributes(&block.schema, child, beside.as_ref(), each)
            }
            Some(block) => map_children(child, beside.as_ref(), &|child, beside| {
                map_attributes(&block.schema, child, beside, each)
            }),
            None => child.clone(),
        }
    });
    Value::from(Data::Object(Arc::new(entries))).mark(value.marks())
}

/// The same collection of blocks with each block replaced.
fn map_children(value: &Value, beside: Option<&Value>, each: &impl Fn(&Value, Option<&Value>) -> Value) -> Value {
    let beside_at = |index: usize| beside.and_then(Value::items).and_then(|items| items.get(index));
    let beside_named = |name: &str| beside.and_then(Value::entries).and_then(|entries| entries.get(name));
    let data = match value.data() {
        Data::List(list) => {
            let items = list.items.iter().enumerate().map(|(index, item)| each(item, beside_at(index))).collect();
            Data::List(Arc::new(Collection { element: list.element.clone(), items }))
        }
        Data::Tuple(items) => {
            Data::Tuple(Arc::new(items.iter().enumerate().map(|(index, item)| each(item, beside_at(index))).collect()))
        }
        Data::Map(map) => {
            let entries = map.entries.map(|name, item| each(item, beside_named(name)));
            Data::Map(Arc::new(MapValue { element: map.element.clone(), entries }))
        }
        Data::Object(entries) => Data::Object(Arc::new(entries.map(|name, item| each(item, beside_named(name))))),
        _ => return value.clone(),
    };
    Value::from(data).mark(value.marks())
}

/// The attributes that need a new object and that changed. Blocks that were added or taken
/// away count with each such attribute that they set.
fn collect_replaced(
    schema: &Schema,
    prior: &Value,
    proposed: &Value,
    at: &mut AttributePath,
    found: &mut Vec<AttributePath>,
) {
    let absent = Value::null(portolan_lang::Type::Any);
    let attribute_of = |value: &Value, name: &str| value.get(name).unwrap_or_else(|| absent.clone());
    for attribute in schema.attributes.iter().filter(|attribute| attribute.replace) {
        let (old, new) = (attribute_of(prior, &attribute.name), attribute_of(proposed, &attribute.name));
        if !(same(&old, &new) || old.is_null() && new.is_null()) {
            found.push(at.then(Step::Attribute(attribute.name.clone())));
        }
    }
    for block in &schema.blocks {
        let (old, new) = (attribute_of(prior, &block.name), attribute_of(proposed, &block.name));
        at.push(Step::Attribute(block.name.clone()));
        if block.nesting == Nesting::Single {
            collect_replaced(&block.schema, &old, &new, at, found);
        } else {
            for step in steps_of_both(&old, &new) {
                let child = |value: &Value| value.at(&[step.clone()].into_iter().collect());
                let (old, new) = (child(&old), child(&new));
                at.push(step);
                collect_replaced(
                    &block.schema,
                    old.as_ref().unwrap_or(&absent),
                    new.as_ref().unwrap_or(&absent),
                    at,
                    found,
                );
                at.pop();
            }
        }
        at.pop();
    }
}

/// The steps into either of two collections, those of the first one first.
fn steps_of_both(left: &Value, right: &Value) -> Vec<Step> {
    let mut steps: Vec<Step> = left.children().map(|(step, _)| step).collect();
    let known: std::collections::BTreeSet<Step> = steps.iter().cloned().collect();
    steps.extend(right.children().map(|(step, _)| step).filter(|step| !known.contains(step)));
    steps
}

#[cfg(test)]
mod tests {
    use portolan_lang::{Block, Type};

    use super::*;

    fn schema() -> Schema {
        let port = Schema::new("A port.")
            .with(Attribute::required("number", Type::Number).replace())
            .with(Attribute::optional("node", Type::Number).or_computed());
        Schema::new("A server.")
            .with(Attribute::required("name", Type::String).replace())
            .with(Attribute::optional("note", Type::String))
            .with(Attribute::computed("id", Type::String))
            .block(Block::list("port", port.clone()))
            .block(Block::single("admin", port))
    }

    fn port(number: i64, node: Option<i64>) -> Value {
        let node = node.map_or_else(|| Value::null(Type::Number), Value::number);
        Value::object([("number", Value::number(number)), ("node", node)])
    }

    fn server(name: &str, note: &str, id: Option<&str>, ports: &[Value]) -> Value {
        Value::object([
            ("name", Value::string(name)),
            ("note", Value::string(note)),
            ("id", id.map_or_else(|| Value::null(Type::String), Value::string)),
            ("port", Value::tuple(ports.iter().cloned())),
            ("admin", Value::null(Type::Any)),
        ])
    }

    fn plan(prior: Option<&Value>, config: &Value) -> Planned {
        let proposed = propose(&schema(), prior, config);
        plan_by_schema(
            &schema(),
            Proposal { resource_type: "server", prior, config, proposed: &proposed, is_sensitive: false },
        )
    }

    fn paths(planned: &Planned) -> Vec<String> {
        planned.replace.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_created_has_unknown_computed_parts() {
        let planned = plan(None, &server("a", "n", None, &[port(80, None), port(81, Some(3000))]));
        let unknown = planned.value.paths(&|value| !value.is_known());
        let unknown: Vec<String> = unknown.iter().map(ToString::to_string).collect();
        assert_eq!(unknown, ["id", "port[0].node"]);
        assert!(planned.replace.is_empty());
    }

    #[test]
    fn what_is_as_wanted_stays() {
        let prior = server("a", "n", Some("1"), &[port(80, Some(3001))]);
        let planned = plan(Some(&prior), &server("a", "n", None, &[port(80, None)]));
        assert_eq!(planned, Planned { value: prior, replace: Vec::new() });
    }

    #[test]
    fn a_mark_is_not_a_change() {
        let prior = server("a", "n", Some("1"), &[]);
        let marked = prior.with(&AttributePath::attribute("note"), Value::string("n").sensitive());
        let planned = plan(Some(&prior), &marked);
        assert!(planned.value.is_wholly_known());
        assert!(planned.value.get("note").is_some_and(|note| note.is_sensitive()));
    }

    #[test]
    fn an_update_makes_computed_parts_unknown() {
        let prior = server("a", "n", Some("1"), &[]);
        let planned = plan(Some(&prior), &server("a", "m", None, &[]));
        assert!(planned.value.get("id").is_some_and(|id| !id.is_known()));
        assert!(paths(&planned).is_empty());
    }

    #[test]
    fn attributes_that_need_a_new_object_are_told_at_any_depth() {
        let prior = server("a", "n", Some("1"), &[port(80, Some(1)), port(81, Some(2))]);
        let planned = plan(Some(&prior), &server("b", "n", None, &[port(80, None), port(82, None), port(83, None)]));
        assert_eq!(paths(&planned), ["name", "port[1].number", "port[2].number"]);
    }

    #[test]
    fn what_is_unknown_may_need_a_new_object() {
        let prior = server("a", "n", Some("1"), &[]);
        let config = prior.with(&AttributePath::attribute("name"), Value::unknown(Type::String));
        assert_eq!(paths(&plan(Some(&prior), &config)), ["name"]);
    }

    #[test]
    fn what_the_configuration_leaves_out_is_taken_from_before() {
        let prior = server("a", "n", Some("1"), &[port(80, Some(3001))]);
        let proposed = propose(&schema(), Some(&prior), &server("a", "m", None, &[port(80, None), port(81, None)]));
        assert_eq!(proposed, server("a", "m", Some("1"), &[port(80, Some(3001)), port(81, None)]));
    }
}
