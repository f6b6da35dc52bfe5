//! What a provider promises about values, and where it breaks its word.
//!
//! The engine checks every answer of every provider with these; so does the conformance
//! suite.

use portolan_lang::schema::Usage;
use portolan_lang::{AttributePath, Data, Schema, Step, Value};

use crate::plan::same;

/// The attributes in which a plan departs from the configuration: what the configuration sets
/// must be planned unchanged, and what it leaves out must be planned as null unless the
/// provider sets it. Empty where the promise is kept.
pub fn departures_from_config(schema: &Schema, config: &Value, planned: &Value) -> Vec<AttributePath> {
    let mut found = Vec::new();
    for attribute in schema.attributes.iter().filter(|attribute| !attribute.references) {
        let path = AttributePath::attribute(attribute.name.clone());
        let (Some(set), Some(answer)) = (config.get(&attribute.name), planned.get(&attribute.name)) else {
            found.push(path);
            continue;
        };
        let kept = match attribute.usage {
            Usage::Computed => true,
            Usage::OptionalComputed if set.is_null() => true,
            _ => same(&set, &answer) || set.is_null() && answer.is_null(),
        };
        if !kept {
            found.push(path);
        }
    }
    found
}

/// The places in which the object after a change is not what was planned: what was known must
/// be the same, and what was unknown must be known. Empty where the promise is kept.
pub fn departures_from_plan(planned: &Value, applied: &Value) -> Vec<AttributePath> {
    let mut found = Vec::new();
    collect_departures(planned, applied, &mut AttributePath::root(), &mut found);
    found
}

fn collect_departures(planned: &Value, applied: &Value, at: &mut AttributePath, found: &mut Vec<AttributePath>) {
    if planned.is_wholly_known() && same(planned, applied) {
        return;
    }
    let kept = match (planned.data(), applied.data()) {
        (Data::Unknown(_), _) => applied.is_wholly_known(),
        (Data::Set(_), Data::Set(_)) => !planned.is_wholly_known() && applied.is_wholly_known(),
        (Data::Object(left), Data::Object(right)) if left.keys().eq(right.keys()) => {
            return for_each_pair(planned, applied, at, found);
        }
        (Data::Map(left), Data::Map(right)) if left.entries.keys().eq(right.entries.keys()) => {
            return for_each_pair(planned, applied, at, found);
        }
        (Data::List(left), Data::List(right)) if left.items.len() == right.items.len() => {
            return for_each_pair(planned, applied, at, found);
        }
        (Data::Tuple(left), Data::Tuple(right)) if left.len() == right.len() => {
            return for_each_pair(planned, applied, at, found);
        }
        _ => same(planned, applied),
    };
    if !kept {
        found.push(at.clone());
    }
}

/// Both values have the same steps.
fn for_each_pair(planned: &Value, applied: &Value, at: &mut AttributePath, found: &mut Vec<AttributePath>) {
    let pairs: Vec<(Step, &Value, &Value)> = planned
        .children()
        .zip(applied.children())
        .map(|((step, planned), (_, applied))| (step, planned, applied))
        .collect();
    for (step, planned, applied) in pairs {
        at.push(step);
        collect_departures(planned, applied, at, found);
        at.pop();
    }
}

#[cfg(test)]
mod tests {
    use portolan_lang::{Attribute, Type};

    use super::*;

    fn told(paths: &[AttributePath]) -> Vec<String> {
        paths.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_plan_must_say_what_the_configuration_says() {
        let schema = Schema::new("")
            .with(Attribute::required("a", Type::Number))
            .with(Attribute::optional("b", Type::Number))
            .with(Attribute::optional("c", Type::Number).or_computed())
            .with(Attribute::computed("d", Type::Number));
        let null = || Value::null(Type::Number);
        let config = Value::object([("a", Value::number(1)), ("b", null()), ("c", null()), ("d", null())]);
        let good = Value::object([("a", Value::number(1)), ("b", null()), ("c", Value::number(3)), ("d", null())]);
        assert!(departures_from_config(&schema, &config, &good).is_empty());
        let bad = Value::object([("a", Value::number(2)), ("b", Value::number(2)), ("c", null())]);
        assert_eq!(told(&departures_from_config(&schema, &config, &bad)), ["a", "b", "d"]);
    }

    #[test]
    fn what_was_planned_must_come_out() {
        let planned = Value::object([
            ("known", Value::tuple([Value::number(1), Value::number(2)])),
            ("unknown", Value::unknown(Type::String)),
        ]);
        let answer = |second: i64, unknown: Value| {
            Value::object([("known", Value::tuple([Value::number(1), Value::number(second)])), ("unknown", unknown)])
        };
        assert!(departures_from_plan(&planned, &answer(2, Value::string("x"))).is_empty());
        let bad = answer(3, Value::unknown(Type::String));
        assert_eq!(told(&departures_from_plan(&planned, &bad)), ["known[1]", "unknown"]);
    }
}
