//! Values and the marks that they carry.
//!
//! A value is immutable and cheap to clone: collections are shared. It may be *unknown*
//! (its type, and perhaps more, is known; what it is will be known after apply) and it may
//! carry marks, of which *sensitive* is the one that people see. Both may occur at any
//! depth, and both spread through every operation.

mod change;
mod entries;
mod json;
mod marks;

use std::fmt;
use std::sync::Arc;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::extent::Extent;
use crate::limits;
use crate::number::Number;
use crate::path::{AttributePath, Step};
use crate::set_order;
use crate::types::Type;

pub use entries::Entries;
pub use marks::Marks;

/// A value: what it is, and its marks.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Value {
    data: Data,
    summary: Summary,
}

/// What a value carries beside what it is, so that nobody has to walk over it to know. Eight
/// bytes, which make a value 32.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Summary {
    /// The marks of the value itself.
    own: Marks,
    /// The marks of what is in it.
    inner: Marks,
    /// Whether the value and all in it is known.
    known: bool,
    /// See [`Extent`]; the fields stand here by themselves for want of room.
    depth: u8,
    size: u32,
}

impl Summary {
    /// Of a known value that holds nothing.
    const LEAF: Summary =
        Summary { own: Marks::NONE, inner: Marks::NONE, known: true, depth: 0, size: limits::BYTES_PER_PART };

    /// Of a value without marks of its own.
    fn of(data: &Data) -> Summary {
        match data {
            Data::Bool(_) => Summary::LEAF,
            Data::Number(number) => Summary::LEAF.extended(Extent::of_text(number.digits())),
            Data::String(text) => Summary::LEAF.extended(Extent::of_text(text.len())),
            Data::Null(ty) => Summary::LEAF.extended(ty.extent()),
            Data::Unknown(unknown) => Summary { known: false, ..Summary::LEAF.extended(unknown.ty.extent()) },
            Data::List(list) | Data::Set(list) => {
                list.items.iter().fold(Summary::LEAF.holding(&list.element), Summary::and)
            }
            Data::Map(map) => map.entries.iter().fold(Summary::LEAF.holding(&map.element), Summary::and_named),
            Data::Tuple(items) => items.iter().fold(Summary::LEAF, Summary::and),
            Data::Object(entries) => entries.iter().fold(Summary::LEAF, Summary::and_named),
        }
    }

    fn extent(self) -> Extent {
        Extent { size: self.size, depth: self.depth }
    }

    fn extended(self, Extent { size, depth }: Extent) -> Summary {
        Summary { size, depth, ..self }
    }

    /// Of a collection of elements of this type.
    fn holding(self, element: &Type) -> Summary {
        self.extended(self.extent().around(element.extent()))
    }

    /// Of the same value with one more in it.
    fn and(self, item: &Value) -> Summary {
        let Summary { own, inner, known, .. } = item.summary;
        let whole = self.extended(self.extent().around(item.summary.extent()));
        Summary { inner: self.inner.union(own).union(inner), known: self.known && known, ..whole }
    }

    fn and_named(self, (name, item): (&Arc<str>, &Value)) -> Summary {
        let whole = self.and(item);
        whole.extended(whole.extent().with_text(name.len()))
    }
}

/// What a value is, without its marks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Data {
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text in normalisation form C.
    String(Arc<str>),
    /// A sequence of values of one type.
    List(Arc<Collection>),
    /// Different values of one type, in the order that [`Value::set`] gives them.
    Set(Arc<Collection>),
    /// Values of one type by name.
    Map(Arc<MapValue>),
    /// A sequence of values of any types.
    Tuple(Arc<Vec<Value>>),
    /// Values of any types by name.
    Object(Arc<Entries>),
    /// No value, where one of this type is expected. In sets it comes after the others.
    Null(Type),
    /// A value that is not known yet.
    Unknown(Arc<Unknown>),
}

/// What is known of an unknown value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Unknown {
    /// Its type; `Any` where not even that is known.
    pub ty: Type,
    /// Whether it is known that it will not be null.
    pub not_null: bool,
    /// A string that it will begin with; empty where none is known.
    pub prefix: Arc<str>,
    /// The least and the greatest number that it can be, both included.
    pub range: (Option<Number>, Option<Number>),
    /// The least and the greatest number of elements that it can have.
    pub length: (usize, Option<usize>),
}

/// The elements of a list or a set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Collection {
    /// The type that all elements have.
    pub element: Type,
    /// The elements.
    pub items: Vec<Value>,
}

/// The elements of a map.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MapValue {
    /// The type that all elements have.
    pub element: Type,
    /// The elements by name.
    pub entries: Entries,
}

impl From<Data> for Value {
    fn from(data: Data) -> Self {
        let summary = Summary::of(&data);
        Value { data, summary }
    }
}

/// # Making values
impl Value {
    /// `true`.
    pub const TRUE: Value = Value { data: Data::Bool(true), summary: Summary::LEAF };
    /// `false`.
    pub const FALSE: Value = Value { data: Data::Bool(false), summary: Summary::LEAF };

    /// A null value of this type.
    pub fn null(ty: Type) -> Value {
        Data::Null(ty).into()
    }

    /// An unknown value of which the type is all that is known.
    pub fn unknown(ty: Type) -> Value {
        Value::unknown_with(Unknown { ty, ..Unknown::default() })
    }

    /// An unknown value of this type that will not be null.
    pub fn unknown_not_null(ty: Type) -> Value {
        Value::unknown_with(Unknown { ty, not_null: true, ..Unknown::default() })
    }

    /// An unknown value of which this is known.
    pub fn unknown_with(unknown: Unknown) -> Value {
        Data::Unknown(Arc::new(unknown)).into()
    }

    /// A bool.
    pub fn bool(bool: bool) -> Value {
        Data::Bool(bool).into()
    }

    /// A number.
    pub fn number(number: impl Into<Number>) -> Value {
        Data::Number(number.into()).into()
    }

    /// A string, normalised to form C.
    pub fn string(text: impl AsRef<str> + Into<Arc<str>>) -> Value {
        let normal = text.as_ref().is_ascii() || is_nfc_quick(text.as_ref().chars()) == IsNormalized::Yes;
        let text = if normal { text.into() } else { text.as_ref().nfc().collect::<String>().into() };
        Data::String(text).into()
    }

    /// A list; the items must be of the element type.
    pub fn list(element: Type, items: impl IntoIterator<Item = Value>) -> Value {
        Data::List(Arc::new(Collection { element, items: items.into_iter().collect() })).into()
    }

    /// A list of strings.
    pub fn strings<S: AsRef<str> + Into<Arc<str>>>(items: impl IntoIterator<Item = S>) -> Value {
        Value::list(Type::String, items.into_iter().map(Value::string))
    }

    /// A set; the items must be of the element type. Strings, numbers and bools are sorted, nulls
    /// last; other items have some order of their own. Equal items become one, and marks of
    /// items become marks of the set, because a set cannot tell which item was marked.
    pub fn set(element: Type, items: impl IntoIterator<Item = Value>) -> Value {
        let mut marks = Marks::NONE;
        let mut items: Vec<Value> = items
            .into_iter()
            .map(|item| {
                marks = marks.union(item.deep_marks());
                item.unmark_deep()
            })
            .collect();
        set_order::sort(&mut items);
        // Two values that are not known may turn out to be different.
        items.dedup_by(|later, earlier| later == earlier && earlier.is_wholly_known());
        Value::from(Data::Set(Arc::new(Collection { element, items }))).mark(marks)
    }

    /// A map; the values must be of the element type.
    pub fn map<K: Into<Arc<str>>>(element: Type, entries: impl IntoIterator<Item = (K, Value)>) -> Value {
        Data::Map(Arc::new(MapValue { element, entries: entries.into_iter().collect() })).into()
    }

    /// A tuple.
    pub fn tuple(items: impl IntoIterator<Item = Value>) -> Value {
        Data::Tuple(Arc::new(items.into_iter().collect())).into()
    }

    /// An object.
    pub fn object<K: Into<Arc<str>>>(entries: impl IntoIterator<Item = (K, Value)>) -> Value {
        Data::Object(Arc::new(entries.into_iter().collect())).into()
    }

    /// An object whose attributes' names stand in the program; see [`Value::object`].
    pub fn record(entries: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
        Value::object(entries.into_iter().map(|(name, value)| (entries::shared(name), value)))
    }

    /// The same value with these marks added.
    #[must_use]
    pub fn mark(mut self, marks: Marks) -> Value {
        self.summary.own = self.summary.own.union(marks);
        self
    }

    /// The same value marked as sensitive.
    #[must_use]
    pub fn sensitive(self) -> Value {
        self.mark(Marks::SENSITIVE)
    }
}

/// # Looking at values
impl Value {
    /// What it is, without its marks.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// What it is, without its marks.
    pub fn into_data(self) -> Data {
        self.data
    }

    /// Its own marks, not those of the values in it.
    pub fn marks(&self) -> Marks {
        self.summary.own
    }

    /// How many bytes it takes, about, with all that is in it and as if nothing were shared. What
    /// is larger than 4 GiB counts as that.
    pub fn size(&self) -> u32 {
        self.summary.size
    }

    /// How deep it nests: zero for what holds no values. What is deeper than 255 counts as that.
    pub fn depth(&self) -> u8 {
        self.summary.depth
    }

    /// Whether it is itself marked as sensitive.
    pub fn is_sensitive(&self) -> bool {
        self.marks().contains(Marks::SENSITIVE)
    }

    /// Its type.
    pub fn ty(&self) -> Type {
        match &self.data {
            Data::Null(ty) => ty.clone(),
            Data::Unknown(unknown) => unknown.ty.clone(),
            Data::Bool(_) => Type::Bool,
            Data::Number(_) => Type::Number,
            Data::String(_) => Type::String,
            Data::List(list) => Type::list(list.element.clone()),
            Data::Set(set) => Type::set(set.element.clone()),
            Data::Map(map) => Type::map(map.element.clone()),
            Data::Tuple(items) => Type::tuple(items.iter().map(Value::ty)),
            Data::Object(entries) => Type::object(entries.iter().map(|(name, value)| (name.clone(), value.ty()))),
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self.data, Data::Null(_))
    }

    /// Whether it is itself known; values in it may be unknown.
    pub fn is_known(&self) -> bool {
        !matches!(self.data, Data::Unknown(_))
    }

    /// Whether it and every value in it is known.
    pub fn is_wholly_known(&self) -> bool {
        self.summary.known
    }

    /// The bool that it is.
    pub fn as_bool(&self) -> Option<bool> {
        if let Data::Bool(bool) = &self.data { Some(*bool) } else { None }
    }

    /// The number that it is.
    pub fn as_number(&self) -> Option<&Number> {
        if let Data::Number(number) = &self.data { Some(number) } else { None }
    }

    /// The string that it is.
    pub fn as_str(&self) -> Option<&str> {
        if let Data::String(text) = &self.data { Some(text) } else { None }
    }

    /// The items of a known list, set or tuple.
    pub fn items(&self) -> Option<&[Value]> {
        match &self.data {
            Data::List(collection) | Data::Set(collection) => Some(&collection.items),
            Data::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a known map or object.
    pub fn entries(&self) -> Option<&Entries> {
        match &self.data {
            Data::Map(map) => Some(&map.entries),
            Data::Object(entries) => Some(entries),
            _ => None,
        }
    }

    /// An attribute of an object or an element of a map, with the marks of the whole; `None`
    /// for an unknown value and where there is no such name.
    pub fn get(&self, name: &str) -> Option<Value> {
        self.entries()?.get(name).map(|value| value.clone().mark(self.marks()))
    }

    /// The value at a path; `None` where the path leaves the value.
    pub fn at(&self, path: &AttributePath) -> Option<Value> {
        let mut value = self.clone();
        for step in path.steps() {
            value = match step {
                Step::Attribute(name) | Step::Key(name) => value.get(name)?,
                Step::Index(index) => value.items()?.get(*index)?.clone().mark(value.marks()),
            };
        }
        Some(value)
    }

    /// The values directly in it, each with its step. The step into a set is the position in
    /// its order.
    pub fn children(&self) -> Box<dyn Iterator<Item = (Step, &Value)> + '_> {
        match &self.data {
            Data::List(collection) | Data::Set(collection) => {
                Box::new(collection.items.iter().enumerate().map(|(index, item)| (Step::Index(index), item)))
            }
            Data::Tuple(items) => Box::new(items.iter().enumerate().map(|(index, item)| (Step::Index(index), item))),
            Data::Map(map) => Box::new(map.entries.iter().map(|(name, value)| (Step::Key(name.clone()), value))),
            Data::Object(entries) => {
                Box::new(entries.iter().map(|(name, value)| (Step::Attribute(name.clone()), value)))
            }
            _ => Box::new(std::iter::empty()),
        }
    }

    /// Its own marks and those of every value in it.
    pub fn deep_marks(&self) -> Marks {
        self.summary.own.union(self.summary.inner)
    }

    /// The paths of the outermost values that satisfy `wanted`.
    pub fn paths(&self, wanted: &impl Fn(&Value) -> bool) -> Vec<AttributePath> {
        let mut found = Vec::new();
        self.collect_paths(&mut AttributePath::root(), wanted, &mut found);
        found
    }

    fn collect_paths(&self, at: &mut AttributePath, wanted: &impl Fn(&Value) -> bool, found: &mut Vec<AttributePath>) {
        if wanted(self) {
            found.push(at.clone());
            return;
        }
        for (step, child) in self.children() {
            at.push(step);
            child.collect_paths(at, wanted, found);
            at.pop();
        }
    }
}

impl fmt::Debug for Value {
    /// Short, for tests and logs of this crate; a sensitive value is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_sensitive() {
            return f.write_str("(sensitive)");
        }
        match &self.data {
            Data::Null(ty) => write!(f, "null({ty})"),
            Data::Unknown(unknown) => write!(f, "unknown({})", unknown.ty),
            Data::Bool(bool) => write!(f, "{bool}"),
            Data::Number(number) => write!(f, "{number}"),
            Data::String(text) => write!(f, "{text:?}"),
            Data::List(collection) => write!(f, "list({}){:?}", collection.element, collection.items),
            Data::Set(collection) => write!(f, "set({}){:?}", collection.element, collection.items),
            Data::Map(map) => write!(f, "map({}){:?}", map.element, map.entries.iter().collect::<Vec<_>>()),
            Data::Tuple(items) => f.debug_list().entries(items.iter()).finish(),
            Data::Object(entries) => f.debug_map().entries(entries.iter()).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_several_entries_counts() {
        let value = Value::object([("b", Value::TRUE), ("a", Value::number(1)), ("b", Value::FALSE)]);
        assert_eq!(format!("{value:?}"), r#"{"a": 1, "b": false}"#);
    }

    #[test]
    fn json_keeps_values_and_types() {
        let value = Value::object([
            ("list", Value::strings(["a", "b"])),
            ("map", Value::map(Type::Number, [("k", Value::number("1.5".parse::<Number>().expect("number")))])),
            ("none", Value::null(Type::String)),
        ]);
        assert_eq!(Value::from_json(&value.to_json(), &value.ty()), Some(value));
    }

    #[test]
    fn marks_of_set_items_become_marks_of_the_set() {
        let set = Value::set(Type::String, [Value::string("a").sensitive(), Value::string("b"), Value::string("a")]);
        assert!(set.is_sensitive());
        assert_eq!(set.items().map(<[Value]>::len), Some(2));
    }

    #[test]
    fn paths_lead_back_to_the_values() {
        let value = Value::object([("a", Value::tuple([Value::number(1), Value::unknown(Type::String)]))]);
        let paths = value.paths(&|value| !value.is_known());
        assert_eq!(paths.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a[1]"]);
        let whole = value.with(&paths[0], Value::string("x"));
        assert!(whole.is_wholly_known());
        assert_eq!(whole.at(&paths[0]), Some(Value::string("x")));
    }

    #[test]
    fn a_value_knows_what_is_in_it() {
        assert_eq!(size_of::<Value>(), 32);
        let text = Value::string("a".repeat(1000));
        let value = Value::object([("a", Value::tuple([text.clone(), text.clone().sensitive()])), ("b", text)]);
        assert!((3000..3300).contains(&value.size()), "{}", value.size());
        assert_eq!((value.depth(), value.deep_marks(), value.is_wholly_known()), (2, Marks::SENSITIVE, true));
        let open = Value::list(Type::String, [Value::unknown(Type::String).sensitive(), Value::string("a")]);
        assert_eq!((open.deep_marks(), open.is_wholly_known()), (Marks::SENSITIVE, false));
        assert_eq!(open.unmark_deep().deep_marks(), Marks::NONE);
    }

    #[test]
    fn what_is_put_into_itself_doubles() {
        let (mut value, mut ty) = (Value::TRUE, Type::Bool);
        for step in 1..=200_u8 {
            value = Value::tuple([value.clone(), value]);
            ty = Type::tuple([ty.clone(), Type::list(ty)]);
            assert_eq!((value.depth(), Value::unknown(ty.clone()).depth()), (step, step.saturating_mul(2)));
        }
        assert_eq!((value.size(), Value::null(ty).size()), (u32::MAX, u32::MAX));
    }

    #[test]
    fn strings_are_normalised() {
        assert_eq!(Value::string("e\u{301}"), Value::string("é"));
    }
}
