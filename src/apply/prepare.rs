//! An operation just before it is carried out: what was unknown is known by now, and is checked
//! against the plan.

use std::sync::Arc;

use portolan_lang::value::{Collection, MapValue};
use portolan_lang::{Data, Diagnostic, Diagnostics, Schema, Value};
use portolan_provider::departures_from_config;
use portolan_state::{Resource, ResourceStatus};

use crate::compile::{ConditionTime, Instance, InstanceId};
use crate::plan::{Change, Configurations, ignoring};
use crate::sessions::{Sessions, listed};

/// What is to be made of an instance: the planned value with what the configuration left
/// unknown filled in. What only the change itself can tell is still unknown.
pub(crate) fn planned<C: Configurations>(
    sessions: &Sessions<'_>,
    change: &Change,
    row: Option<&Resource>,
    id: InstanceId,
    evaluation: &mut C,
) -> Result<Value, Diagnostics> {
    let instance = sessions.desired().instance(id);
    let config = configuration(id, evaluation)?;
    let Some((_, resource)) = sessions.catalog().resource(&instance.resource_type) else {
        return Err(inconsistent(instance, "its resource type is not known any more").into());
    };
    let config = with_ignored(sessions, &resource.schema, change, row, instance, config);
    let Some(after) = &change.after else {
        return Err(inconsistent(instance, "nothing was planned for it").into());
    };
    if let Some(path) = config.paths(&|value| !value.is_known()).first() {
        return Err(inconsistent(instance, &format!("{path} is still unknown")).into());
    }
    let planned = filled(after, &config);
    let departures = departures_from_config(&resource.schema, &config, &planned);
    match departures.is_empty() {
        true => Ok(planned),
        false => Err(inconsistent(instance, &format!("it differs at: {}", listed(&departures))).into()),
    }
}

/// What a data source is asked.
pub(crate) fn query<C: Configurations>(
    sessions: &Sessions<'_>,
    id: InstanceId,
    evaluation: &mut C,
) -> Result<Value, Diagnostics> {
    let config = configuration(id, evaluation)?;
    match config.paths(&|value| !value.is_known()).first() {
        None => Ok(config),
        Some(path) => Err(inconsistent(sessions.desired().instance(id), &format!("{path} is still unknown")).into()),
    }
}

/// The configuration by now, unless something is wrong with it or with a precondition.
fn configuration<C: Configurations>(id: InstanceId, evaluation: &mut C) -> Result<Value, Diagnostics> {
    let mut problems = evaluation.conditions(id, ConditionTime::Before, None);
    let (config, found) = evaluation.configuration(id);
    problems.extend(found);
    if problems.has_errors() { Err(problems) } else { Ok(config) }
}

/// The same attributes are ignored as when the change was planned.
fn with_ignored(
    sessions: &Sessions<'_>,
    schema: &Schema,
    change: &Change,
    row: Option<&Resource>,
    instance: &Instance,
    config: Value,
) -> Value {
    let lifecycle = &sessions.desired().group(instance.group).lifecycle;
    let is_kept = row.is_none_or(|row| row.status == ResourceStatus::Ready && sessions.stays(row, instance));
    match &change.before {
        Some(prior) if is_kept => ignoring(&lifecycle.ignore_changes, schema, prior, &config),
        _ => config,
    }
}

fn inconsistent(instance: &Instance, why: &str) -> Diagnostic {
    Diagnostic::error("Configuration is not as it was planned")
        .detail(format!("What is known by now of {} does not fit the plan: {why}.", instance.address))
        .help("Nothing was done to it. Plan again.")
        .of(&instance.address)
        .at(instance.span)
}

/// The planned value with every unknown part that the configuration tells taken from there.
fn filled(planned: &Value, config: &Value) -> Value {
    if planned.is_wholly_known() {
        return planned.clone();
    }
    let child =
        |value: &Value, config: Option<&Value>| config.map_or_else(|| value.clone(), |config| filled(value, config));
    let items = |items: &[Value]| -> Vec<Value> {
        let beside = config.items().unwrap_or_default();
        items.iter().enumerate().map(|(at, item)| child(item, beside.get(at))).collect()
    };
    let beside = |name: &str| config.entries().and_then(|entries| entries.get(name));
    let data = match planned.data() {
        Data::Unknown(_) if config.is_null() => return planned.clone(),
        Data::Unknown(_) => return config.clone(),
        Data::Object(entries) => Data::Object(Arc::new(entries.map(|name, value| child(value, beside(name))))),
        Data::Map(map) => {
            let entries = map.entries.map(|name, value| child(value, beside(name)));
            Data::Map(Arc::new(MapValue { element: map.element.clone(), entries }))
        }
        Data::List(list) => {
            Data::List(Arc::new(Collection { element: list.element.clone(), items: items(&list.items) }))
        }
        Data::Tuple(values) => Data::Tuple(Arc::new(items(values))),
        // Unknown items of a set have no place of their own: the whole set is told.
        Data::Set(_) if !config.is_null() => return config.clone(),
        leaf => leaf.clone(),
    };
    Value::from(data).mark(planned.marks())
}

#[cfg(test)]
mod tests {
    use portolan_lang::Type;

    use super::*;

    #[test]
    fn what_the_configuration_tells_is_filled_in() {
        let planned = Value::object([
            ("a", Value::tuple([Value::number(1), Value::unknown(Type::Any)])),
            ("computed", Value::unknown(Type::String)),
            ("known", Value::number(3)),
        ]);
        let config = Value::object([
            ("a", Value::tuple([Value::number(1), Value::string("x")])),
            ("computed", Value::null(Type::String)),
            ("known", Value::number(4)),
        ]);
        let filled = filled(&planned, &config);
        assert_eq!(filled.get("a"), config.get("a"));
        assert_eq!(filled.get("computed").map(|value| value.is_known()), Some(false));
        assert_eq!(filled.get("known"), Some(Value::number(3)));
    }
}
