//! The types of values.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::extent::Extent;

/// The type of a value, or of a place that a value must fit.
///
/// As the type of a value, `Any` says that the type is not known yet; as the type of a
/// place, it says that a value of every type fits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Type {
    /// Not known yet, or of no importance.
    #[default]
    Any,
    /// `true` or `false`.
    Bool,
    /// A [`Number`](crate::Number).
    Number,
    /// Unicode text in normalisation form C.
    String,
    /// A sequence of values of one type.
    List(Arc<Type>),
    /// Different values of one type, without an order.
    Set(Arc<Type>),
    /// Values of one type by name.
    Map(Arc<Type>),
    /// A sequence of values, each with a type of its own.
    Tuple(Arc<TupleType>),
    /// Values by name, each name with a type of its own.
    Object(Arc<ObjectType>),
}

/// The types of a tuple's elements.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TupleType {
    elements: Vec<Type>,
    extent: Extent,
}

impl Deref for TupleType {
    type Target = [Type];
    fn deref(&self) -> &[Type] {
        &self.elements
    }
}

impl FromIterator<Type> for TupleType {
    fn from_iter<I: IntoIterator<Item = Type>>(elements: I) -> Self {
        let elements: Vec<Type> = elements.into_iter().collect();
        let extent = elements.iter().fold(Extent::of_text(0), |whole, ty| whole.around(ty.extent()));
        TupleType { elements, extent }
    }
}

/// The attributes of an object type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectType {
    /// The attributes by name.
    pub attributes: BTreeMap<Arc<str>, AttributeType>,
    extent: Extent,
}

impl ObjectType {
    /// An object type with these attributes.
    pub fn new(attributes: BTreeMap<Arc<str>, AttributeType>) -> ObjectType {
        let add = |whole: Extent, (name, attribute): (&Arc<str>, &AttributeType)| {
            whole.around(attribute.ty.extent()).with_text(name.len())
        };
        let extent = attributes.iter().fold(Extent::of_text(0), add);
        ObjectType { attributes, extent }
    }
}

/// The type of one attribute of an object type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttributeType {
    /// The attribute's type.
    pub ty: Type,
    /// Whether a value that lacks the attribute still fits, and is given a null one.
    pub optional: bool,
}

impl Type {
    /// A list of this element type.
    pub fn list(element: Type) -> Type {
        Type::List(Arc::new(element))
    }

    /// A set of this element type.
    pub fn set(element: Type) -> Type {
        Type::Set(Arc::new(element))
    }

    /// A map of this element type.
    pub fn map(element: Type) -> Type {
        Type::Map(Arc::new(element))
    }

    /// A tuple of these element types.
    pub fn tuple(elements: impl IntoIterator<Item = Type>) -> Type {
        Type::Tuple(Arc::new(TupleType::from_iter(elements)))
    }

    /// An object with these attributes, all of them required.
    pub fn object<K: Into<Arc<str>>>(attributes: impl IntoIterator<Item = (K, Type)>) -> Type {
        let attributes =
            attributes.into_iter().map(|(name, ty)| (name.into(), AttributeType { ty, optional: false })).collect();
        Type::Object(Arc::new(ObjectType::new(attributes)))
    }

    /// How large it is as if nothing were shared.
    pub(crate) fn extent(&self) -> Extent {
        match self {
            Type::Any | Type::Bool | Type::Number | Type::String => Extent::of_text(0),
            Type::List(element) | Type::Set(element) | Type::Map(element) => {
                Extent::of_text(0).around(element.extent())
            }
            Type::Tuple(tuple) => tuple.extent,
            Type::Object(object) => object.extent,
        }
    }

    /// Whether it is a bool, a number or a string.
    pub fn is_primitive(&self) -> bool {
        matches!(self, Type::Bool | Type::Number | Type::String)
    }

    /// Whether `Any` occurs in it.
    pub fn has_any(&self) -> bool {
        match self {
            Type::Any => true,
            Type::Bool | Type::Number | Type::String => false,
            Type::List(element) | Type::Set(element) | Type::Map(element) => element.has_any(),
            Type::Tuple(elements) => elements.iter().any(Type::has_any),
            Type::Object(object) => object.attributes.values().any(|attribute| attribute.ty.has_any()),
        }
    }

    /// The word that messages use: `string`, `list of number`, `object`.
    pub fn friendly_name(&self) -> String {
        match self {
            Type::Any => "dynamic".to_owned(),
            Type::Bool => "bool".to_owned(),
            Type::Number => "number".to_owned(),
            Type::String => "string".to_owned(),
            Type::List(element) => format!("list of {}", element.friendly_name()),
            Type::Set(element) => format!("set of {}", element.friendly_name()),
            Type::Map(element) => format!("map of {}", element.friendly_name()),
            Type::Tuple(_) => "tuple".to_owned(),
            Type::Object(_) => "object".to_owned(),
        }
    }

    /// Terraform's JSON form of a type: `"string"`, `["list","string"]`,
    /// `["object",{"a":"string"}]`.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::json;
        match self {
            Type::Any => json!("dynamic"),
            Type::Bool => json!("bool"),
            Type::Number => json!("number"),
            Type::String => json!("string"),
            Type::List(element) => json!(["list", element.to_json()]),
            Type::Set(element) => json!(["set", element.to_json()]),
            Type::Map(element) => json!(["map", element.to_json()]),
            Type::Tuple(elements) => json!(["tuple", elements.iter().map(Type::to_json).collect::<Vec<_>>()]),
            Type::Object(object) => {
                let attributes: serde_json::Map<_, _> =
                    object.attributes.iter().map(|(name, a)| (name.to_string(), a.ty.to_json())).collect();
                let optional: Vec<&str> =
                    object.attributes.iter().filter(|(_, a)| a.optional).map(|(name, _)| &**name).collect();
                if optional.is_empty() {
                    json!(["object", attributes])
                } else {
                    json!(["object", attributes, optional])
                }
            }
        }
    }

    /// Reads what [`Type::to_json`] wrote; `None` for anything else.
    pub fn from_json(json: &serde_json::Value) -> Option<Type> {
        if let Some(name) = json.as_str() {
            return match name {
                "dynamic" => Some(Type::Any),
                "bool" => Some(Type::Bool),
                "number" => Some(Type::Number),
                "string" => Some(Type::String),
                _ => None,
            };
        }
        let parts = json.as_array()?;
        let inner = parts.get(1)?;
        match parts.first()?.as_str()? {
            "list" => Type::from_json(inner).map(Type::list),
            "set" => Type::from_json(inner).map(Type::set),
            "map" => Type::from_json(inner).map(Type::map),
            "tuple" => inner.as_array()?.iter().map(Type::from_json).collect::<Option<Vec<_>>>().map(Type::tuple),
            "object" => {
                let optional: Vec<&str> = match parts.get(2) {
                    Some(names) => names.as_array()?.iter().filter_map(|name| name.as_str()).collect(),
                    None => Vec::new(),
                };
                let attributes = inner
                    .as_object()?
                    .iter()
                    .map(|(name, ty)| {
                        let optional = optional.contains(&name.as_str());
                        Some((Arc::from(name.as_str()), AttributeType { ty: Type::from_json(ty)?, optional }))
                    })
                    .collect::<Option<_>>()?;
                Some(Type::Object(Arc::new(ObjectType::new(attributes))))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Type {
    /// As it is written in a configuration: `list(string)`, `object({a=string})`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Any => f.write_str("any"),
            Type::Bool => f.write_str("bool"),
            Type::Number => f.write_str("number"),
            Type::String => f.write_str("string"),
            Type::List(element) => write!(f, "list({element})"),
            Type::Set(element) => write!(f, "set({element})"),
            Type::Map(element) => write!(f, "map({element})"),
            Type::Tuple(elements) => {
                f.write_str("tuple([")?;
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        f.write_str(",")?;
                    }
                    write!(f, "{element}")?;
                }
                f.write_str("])")
            }
            Type::Object(object) => {
                f.write_str("object({")?;
                for (index, (name, attribute)) in object.attributes.iter().enumerate() {
                    if index > 0 {
                        f.write_str(",")?;
                    }
                    match attribute.optional {
                        true => write!(f, "{name}=optional({})", attribute.ty)?,
                        false => write!(f, "{name}={}", attribute.ty)?,
                    }
                }
                f.write_str("})")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_text_forms() {
        let ty = Type::object([("b", Type::list(Type::String)), ("a", Type::tuple([Type::Number, Type::Any]))]);
        assert_eq!(ty.to_string(), "object({a=tuple([number,any]),b=list(string)})");
        assert_eq!(Type::from_json(&ty.to_json()), Some(ty));
        assert_eq!(Type::from_json(&serde_json::json!(["heap", "string"])), None);
    }
}
