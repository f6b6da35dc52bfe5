//! The JSON form of values.

use std::sync::Arc;

use serde_json::json;

use super::{Data, Entries, MapValue, Value};
use crate::number::Number;
use crate::types::{ObjectType, Type};

/// # The JSON form
impl Value {
    /// The value as JSON, without marks; unknown values become null.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.data {
            Data::Null(_) | Data::Unknown(_) => serde_json::Value::Null,
            Data::Bool(bool) => json!(bool),
            Data::Number(number) => {
                number.to_string().parse::<serde_json::Number>().map_or(serde_json::Value::Null, Into::into)
            }
            Data::String(text) => json!(&**text),
            Data::List(collection) | Data::Set(collection) => {
                collection.items.iter().map(Value::to_json).collect::<Vec<_>>().into()
            }
            Data::Tuple(items) => items.iter().map(Value::to_json).collect::<Vec<_>>().into(),
            Data::Map(map) => entries_to_json(&map.entries),
            Data::Object(entries) => entries_to_json(entries),
        }
    }

    /// The value that JSON is when nothing says of which type: arrays are tuples, objects are
    /// objects.
    pub fn from_json_untyped(json: &serde_json::Value) -> Value {
        match json {
            serde_json::Value::Null => Value::null(Type::Any),
            serde_json::Value::Bool(bool) => Value::bool(*bool),
            serde_json::Value::Number(number) => {
                number.to_string().parse::<Number>().map_or_else(|_| Value::null(Type::Number), Value::number)
            }
            serde_json::Value::String(text) => Value::string(text.as_str()),
            serde_json::Value::Array(items) => Value::tuple(items.iter().map(Value::from_json_untyped)),
            serde_json::Value::Object(entries) => Value::object(
                entries.iter().map(|(name, value)| (Arc::from(name.as_str()), Value::from_json_untyped(value))),
            ),
        }
    }

    /// The value of this type that [`Value::to_json`] wrote; `None` where the JSON is not of
    /// the type. A place of type `Any` holds JSON of any shape, read as untyped.
    pub fn from_json(json: &serde_json::Value, ty: &Type) -> Option<Value> {
        if json.is_null() {
            return Some(Value::null(ty.clone()));
        }
        match ty {
            Type::Any => Some(Value::from_json_untyped(json)),
            Type::Bool => json.as_bool().map(Value::bool),
            Type::Number => json.as_number()?.to_string().parse::<Number>().ok().map(Value::number),
            Type::String => json.as_str().map(Value::string),
            Type::List(element) => Some(Value::list((**element).clone(), items_from_json(json, element)?)),
            Type::Set(element) => Some(Value::set((**element).clone(), items_from_json(json, element)?)),
            Type::Map(element) => {
                let entries = json
                    .as_object()?
                    .iter()
                    .map(|(name, value)| Some((Arc::from(name.as_str()), Value::from_json(value, element)?)))
                    .collect::<Option<Entries>>()?;
                Some(Data::Map(Arc::new(MapValue { element: (**element).clone(), entries })).into())
            }
            Type::Tuple(types) => {
                let items = json.as_array().filter(|items| items.len() == types.len())?;
                items
                    .iter()
                    .zip(types.iter())
                    .map(|(item, ty)| Value::from_json(item, ty))
                    .collect::<Option<Vec<_>>>()
                    .map(Value::tuple)
            }
            Type::Object(object) => object_from_json(json, object),
        }
    }
}

fn entries_to_json(entries: &Entries) -> serde_json::Value {
    entries.iter().map(|(name, value)| (name.to_string(), value.to_json())).collect::<serde_json::Map<_, _>>().into()
}

fn items_from_json(json: &serde_json::Value, element: &Type) -> Option<Vec<Value>> {
    json.as_array()?.iter().map(|item| Value::from_json(item, element)).collect()
}

fn object_from_json(json: &serde_json::Value, object: &ObjectType) -> Option<Value> {
    let json = json.as_object()?;
    object
        .attributes
        .iter()
        .map(|(name, attribute)| {
            let value = match json.get(&**name) {
                Some(value) => Value::from_json(value, &attribute.ty)?,
                None => Value::null(attribute.ty.clone()),
            };
            Some((name.clone(), value))
        })
        .collect::<Option<Vec<_>>>()
        .map(Value::object)
}
