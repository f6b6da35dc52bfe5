//! The stored form of a value.
//!
//! A document is JSON text, read with the value's type at hand:
//!
//! ```text
//! {"value":{"image":"shop/api:7","replicas":3}}
//! {"sensitive":[["password"]],"value":{"password":"…"}}
//! ```
//!
//! - Numbers are JSON numbers of any size. Lists, sets and tuples are arrays, maps and objects
//!   are objects, with the names in order. An attribute that is null and of its declared type
//!   is left out.
//! - Where a place has the type `any`, and wherever else a value is not of exactly the type of
//!   its place, the value is stored with its own type: as the array `[type, value]`, or, where
//!   an array would be taken for the value, as the object `{"type": type, "value": value}`.
//! - `sensitive` and `unknown` are paths, given only where there are any. Of an unknown value
//!   only its type is kept; such values occur in the journal alone, in what was planned.
//! - An ephemeral value is stored as null of its type: it must never be recorded.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use portolan_lang::types::ObjectType;
use portolan_lang::value::{Collection, Entries, MapValue};
use portolan_lang::{Data, Marks, Number, Type, Value};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeMap, SerializeSeq};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::de::StrRead;

use crate::format::notes::{Notes, StoredPath, collect};
use crate::format::texts::Texts;
use crate::format::{FormatError, types};

/// How deep a value may nest and still be stored; a part stored with its own type counts as
/// two levels. JSON readers take 128 levels, of which the document around it needs some.
pub const MAX_DEPTH: usize = 120;

/// Whether a value may hold parts that are not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknowns {
    /// It is what a change is planned to give.
    Allowed,
    /// It is what exists.
    Refused,
}

/// A value at rest.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// The JSON text.
    pub text: String,
    /// Whether any part of it is sensitive, so that the text must be sealed.
    pub sensitive: bool,
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("sensitive", &self.sensitive).finish_non_exhaustive()
    }
}

/// The stored form of a value of this type, which is the value's own.
///
/// # Errors
///
/// Where the value nests too deep, and where it has unknown parts that are not allowed.
pub fn write(value: &Value, ty: &Type, unknowns: Unknowns) -> Result<Document, FormatError> {
    let paths = collect(value);
    if unknowns == Unknowns::Refused
        && let Some(path) = paths.unknown.first()
    {
        return Err(FormatError(format!("the value at {:?} is not known yet", path.join("."))));
    }
    let sensitive = !paths.sensitive.is_empty();
    let body = Body { sensitive: paths.sensitive, unknown: paths.unknown, value: Part { value, ty, depth: 0 } };
    // There is but one thing that stops a value from being written.
    let text = serde_json::to_string(&body)
        .map_err(|_| FormatError(format!("the value nests deeper than {MAX_DEPTH} levels")))?;
    Ok(Document { text, sensitive })
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sensitive: Vec<StoredPath>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<StoredPath>,
    value: Part<'a>,
}

/// A value at a place of this type.
#[derive(Clone, Copy)]
struct Part<'a> {
    value: &'a Value,
    ty: &'a Type,
    depth: usize,
}

impl<'a> Part<'a> {
    fn inner(&self, value: &'a Value, ty: &'a Type) -> Part<'a> {
        Part { value, ty, depth: self.depth + 1 }
    }

    /// Whether the place says all about the value's type, not looking inside objects and
    /// tuples, whose parts have places of their own.
    fn fits(&self) -> bool {
        match (self.value.data(), self.ty) {
            (Data::Null(own), ty) => own == ty,
            (Data::Unknown(unknown), ty) => unknown.ty == *ty,
            (Data::Bool(_), Type::Bool) | (Data::Number(_), Type::Number) | (Data::String(_), Type::String) => true,
            (Data::List(list), Type::List(element)) | (Data::Set(list), Type::Set(element)) => {
                list.element == **element
            }
            (Data::Map(map), Type::Map(element)) => map.element == **element,
            (Data::Tuple(items), Type::Tuple(types)) => items.len() == types.len(),
            (Data::Object(entries), Type::Object(object)) => entries.keys().eq(object.attributes.keys()),
            _ => false,
        }
    }

    /// Whether the value is null and reading the place without it gives it back.
    fn is_left_out(&self) -> bool {
        matches!(self.value.data(), Data::Null(own) if own == self.ty) && self.value.marks().is_empty()
    }
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.value.marks().contains(Marks::EPHEMERAL) {
            let null = Value::null(self.value.ty());
            return Part { value: &null, ..*self }.serialize(serializer);
        }
        if self.depth > MAX_DEPTH {
            return Err(S::Error::custom("too deep"));
        }
        if !self.fits() {
            return self.serialize_with_type(serializer);
        }
        match (self.value.data(), self.ty) {
            (Data::Null(_) | Data::Unknown(_), _) => serializer.serialize_unit(),
            (Data::Bool(bool), _) => serializer.serialize_bool(*bool),
            (Data::Number(number), _) => serialize_number(number, serializer),
            (Data::String(text), _) => serializer.serialize_str(text),
            (Data::List(list) | Data::Set(list), _) => {
                serializer.collect_seq(list.items.iter().map(|value| self.inner(value, &list.element)))
            }
            (Data::Map(map), _) => {
                serializer.collect_map(map.entries.iter().map(|(name, value)| (name, self.inner(value, &map.element))))
            }
            (Data::Tuple(items), Type::Tuple(types)) => {
                serializer.collect_seq(items.iter().zip(types.iter()).map(|(value, ty)| self.inner(value, ty)))
            }
            (Data::Object(entries), Type::Object(object)) => {
                let parts = entries
                    .iter()
                    .zip(object.attributes.values())
                    .map(|((name, value), attribute)| (name, self.inner(value, &attribute.ty)));
                serializer.collect_map(parts.filter(|(_, part)| !part.is_left_out()))
            }
            (Data::Tuple(_) | Data::Object(_), _) => self.serialize_with_type(serializer),
        }
    }
}

impl Part<'_> {
    fn serialize_with_type<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let own = self.value.ty();
        let part = self.inner(self.value, &own);
        if matches!(self.ty, Type::List(_) | Type::Set(_) | Type::Tuple(_)) {
            let mut map = serializer.serialize_map(Some(2))?;
            map.serialize_entry("type", &types::words(&own))?;
            map.serialize_entry("value", &part)?;
            return map.end();
        }
        let mut pair = serializer.serialize_seq(Some(2))?;
        pair.serialize_element(&types::words(&own))?;
        pair.serialize_element(&part)?;
        pair.end()
    }
}

fn serialize_number<S: Serializer>(number: &Number, serializer: S) -> Result<S::Ok, S::Error> {
    match number.to_i64() {
        Some(int) => serializer.serialize_i64(int),
        None => number.to_string().parse::<serde_json::Number>().map_err(S::Error::custom)?.serialize(serializer),
    }
}

/// Reads documents, sharing names and texts among the values that it reads.
#[derive(Debug, Default)]
pub struct Reader {
    texts: RefCell<Texts>,
}

impl Reader {
    /// A reader that has read nothing yet.
    pub fn new() -> Self {
        Reader::default()
    }

    /// The value that [`write`](fn@write) wrote with this type.
    ///
    /// # Errors
    ///
    /// Where the text is anything else. The message quotes nothing of it.
    pub fn read(&mut self, text: &str, ty: &Type) -> Result<Value, FormatError> {
        let mut source = serde_json::Deserializer::from_str(text);
        let value = self.read_next(&mut source, ty)?;
        source.end()?;
        Ok(value)
    }

    /// As [`Reader::read`], where more may follow.
    ///
    /// # Errors
    ///
    /// Where anything else comes next.
    pub fn read_next(
        &mut self,
        source: &mut serde_json::Deserializer<StrRead<'_>>,
        ty: &Type,
    ) -> Result<Value, FormatError> {
        Ok(source.deserialize_map(BodyVisitor { ty, texts: &self.texts })?)
    }

    /// A name that the values share with whoever asks.
    pub fn share(&self, name: &str) -> Arc<str> {
        self.texts.borrow_mut().name(name)
    }
}

struct BodyVisitor<'a> {
    ty: &'a Type,
    texts: &'a RefCell<Texts>,
}

impl<'de> Visitor<'de> for BodyVisitor<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a stored value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut notes = Notes::default();
        let mut value = None;
        while let Some(key) = map.next_key::<&str>()? {
            match key {
                // What is noted is needed when the value is read, so it stands before it.
                _ if value.is_some() => return Err(A::Error::custom("the value is not the last")),
                "sensitive" => note(&mut notes, map.next_value()?, |notes| notes.sensitive = true),
                "unknown" => note(&mut notes, map.next_value()?, |notes| notes.unknown = true),
                "value" => {
                    let notes = (!notes.is_empty()).then_some(&notes);
                    value = Some(map.next_value_seed(Place { ty: self.ty, notes, texts: self.texts })?);
                }
                _ => return Err(A::Error::custom("unknown field")),
            }
        }
        value.ok_or_else(|| A::Error::missing_field("value"))
    }
}

fn note(notes: &mut Notes, paths: Vec<StoredPath>, set: impl Fn(&mut Notes)) {
    paths.into_iter().for_each(|path| set(notes.entry(path)));
}

/// A place of this type, into which a value is read.
#[derive(Clone, Copy)]
struct Place<'a> {
    ty: &'a Type,
    notes: Option<&'a Notes>,
    texts: &'a RefCell<Texts>,
}

impl<'a> Place<'a> {
    fn marks(&self) -> Marks {
        if self.notes.is_some_and(|notes| notes.sensitive) { Marks::SENSITIVE } else { Marks::NONE }
    }

    fn finish(&self, data: Data) -> Value {
        Value::from(data).mark(self.marks())
    }

    fn nothing(&self) -> Value {
        match self.notes {
            Some(notes) if notes.unknown => Value::unknown(self.ty.clone()).mark(self.marks()),
            _ => self.finish(Data::Null(self.ty.clone())),
        }
    }

    fn number<E: serde::de::Error>(&self, number: Number) -> Result<Value, E> {
        match self.ty {
            Type::Number => Ok(self.finish(Data::Number(number))),
            _ => Err(E::custom("a number is out of place")),
        }
    }

    fn item(&self, ty: &'a Type, index: usize) -> Place<'a> {
        Place { ty, notes: self.notes.and_then(|notes| notes.at(index)), texts: self.texts }
    }

    fn entry(&self, ty: &'a Type, name: &str) -> Place<'a> {
        Place { ty, notes: self.notes.and_then(|notes| notes.inside(name)), texts: self.texts }
    }

    fn items<'de, A: SeqAccess<'de>>(&self, ty: &'a Type, mut seq: A) -> Result<Vec<Value>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.item(ty, items.len()))? {
            items.push(item);
        }
        Ok(items)
    }

    fn tuple<'de, A: SeqAccess<'de>>(&self, types: &'a [Type], mut seq: A) -> Result<Vec<Value>, A::Error> {
        let mut items = Vec::with_capacity(types.len());
        for ty in types {
            let item = seq.next_element_seed(self.item(ty, items.len()))?;
            items.push(item.ok_or_else(|| A::Error::custom("too few elements"))?);
        }
        match seq.next_element::<IgnoredAny>()? {
            None => Ok(items),
            Some(_) => Err(A::Error::custom("too many elements")),
        }
    }

    fn map<'de, A: MapAccess<'de>>(&self, element: &'a Type, mut map: A) -> Result<Entries, A::Error> {
        let mut entries: Vec<(Arc<str>, Value)> = Vec::new();
        while let Some(name) = map.next_key_seed(Key(|name: &str| self.texts.borrow_mut().name(name)))? {
            let value = map.next_value_seed(self.entry(element, &name))?;
            entries.push((name, value));
        }
        Ok(entries.into_iter().collect())
    }

    /// Names come in order, as the attributes do, so one walk finds each and what was left out.
    fn object<'de, A: MapAccess<'de>>(&self, object: &'a ObjectType, mut map: A) -> Result<Entries, A::Error> {
        let mut entries: Vec<(Arc<str>, Value)> = Vec::with_capacity(object.attributes.len());
        let mut attributes = object.attributes.iter();
        loop {
            let next_of_name = Key(|wanted: &str| {
                attributes.by_ref().find(|(name, attribute)| {
                    let found = ***name == *wanted;
                    if !found {
                        entries.push(((*name).clone(), Value::null(attribute.ty.clone())));
                    }
                    found
                })
            });
            let Some(found) = map.next_key_seed(next_of_name)? else { break };
            let (name, attribute) = found.ok_or_else(|| A::Error::custom("unknown attribute"))?;
            let value = map.next_value_seed(self.entry(&attribute.ty, name))?;
            entries.push((name.clone(), value));
        }
        entries.extend(attributes.map(|(name, attribute)| (name.clone(), Value::null(attribute.ty.clone()))));
        Ok(entries.into_iter().collect())
    }

    /// The value whose own type stands before it.
    fn typed<'de, A: SeqAccess<'de>>(&self, mut pair: A) -> Result<Value, A::Error> {
        let own = pair.next_element::<Vec<String>>()?.ok_or_else(|| A::Error::custom("no type"))?;
        let own = types::from_words(&own).map_err(A::Error::custom)?;
        let value = pair.next_element_seed(Place { ty: &own, ..*self })?;
        match pair.next_element::<IgnoredAny>()? {
            None => value.ok_or_else(|| A::Error::custom("no value")),
            Some(_) => Err(A::Error::custom("too many elements")),
        }
    }

    /// As [`Place::typed`], in the form of an object.
    fn typed_by_name<'de, A: MapAccess<'de>>(&self, mut map: A) -> Result<Value, A::Error> {
        let Some("type") = map.next_key::<&str>()? else { return Err(A::Error::missing_field("type")) };
        let own = types::from_words(&map.next_value::<Vec<String>>()?).map_err(A::Error::custom)?;
        let Some("value") = map.next_key::<&str>()? else { return Err(A::Error::missing_field("value")) };
        let value = map.next_value_seed(Place { ty: &own, ..*self })?;
        match map.next_key::<IgnoredAny>()? {
            None => Ok(value),
            Some(_) => Err(A::Error::custom("too many fields")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.ty.friendly_name())
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        Ok(self.nothing())
    }

    fn visit_bool<E: serde::de::Error>(self, bool: bool) -> Result<Value, E> {
        match self.ty {
            Type::Bool => Ok(self.finish(Data::Bool(bool))),
            _ => Err(E::custom("a bool is out of place")),
        }
    }

    fn visit_i64<E: serde::de::Error>(self, int: i64) -> Result<Value, E> {
        self.number(Number::from(int))
    }

    fn visit_u64<E: serde::de::Error>(self, int: u64) -> Result<Value, E> {
        self.number(Number::from(int))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        match self.ty {
            Type::String => Ok(self.finish(Data::String(self.texts.borrow_mut().text(text)))),
            _ => Err(E::custom("a string is out of place")),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Value, A::Error> {
        match self.ty {
            Type::List(element) => {
                let items = self.items(element, seq)?;
                Ok(self.finish(Data::List(Arc::new(Collection { element: (**element).clone(), items }))))
            }
            Type::Set(element) => {
                let set = Value::set((**element).clone(), self.items(element, seq)?);
                Ok(set.mark(self.marks()))
            }
            Type::Tuple(types) => Ok(self.finish(Data::Tuple(Arc::new(self.tuple(types, seq)?)))),
            _ => self.typed(seq),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        match self.ty {
            Type::Map(element) => {
                let entries = self.map(element, map)?;
                Ok(self.finish(Data::Map(Arc::new(MapValue { element: (**element).clone(), entries }))))
            }
            Type::Object(object) => Ok(self.finish(Data::Object(Arc::new(self.object(object, map)?)))),
            // A number beyond 64 bits comes as a map with one key that only its own reader knows.
            Type::Number => {
                let number = serde_json::Number::deserialize(MapAccessDeserializer::new(map))?;
                self.number(number.as_str().parse::<Number>().map_err(A::Error::custom)?)
            }
            Type::List(_) | Type::Set(_) | Type::Tuple(_) => self.typed_by_name(map),
            Type::Any | Type::Bool | Type::String => Err(A::Error::custom("a map is out of place")),
        }
    }
}

/// Reads a name without copying it, into what is made of it.
struct Key<F>(F);

impl<'de, T, F: FnOnce(&str) -> T> DeserializeSeed<'de> for Key<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<T, F: FnOnce(&str) -> T> Visitor<'_> for Key<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<T, E> {
        Ok((self.0)(name))
    }
}

#[cfg(test)]
mod tests;
