//! Objects, `for` and splats.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::convert::convert;
use crate::diagnostic::Diagnostic;
use crate::eval::ReferenceStep;
use crate::eval::evaluator::{Evaluated, Evaluator, Failed};
use crate::eval::refine;
use crate::source::Span;
use crate::syntax::{Expr, ExprKind, For};
use crate::types::Type;
use crate::value::{Data, Marks, Unknown, Value};

/// What became of one round of a `for`.
enum Round {
    /// It counts.
    Taken,
    /// Its condition does not hold.
    Left,
    /// Whether it counts is not known.
    Undecided,
}

impl Evaluator<'_> {
    pub(super) fn object(&mut self, items: &[(Arc<Expr>, Arc<Expr>)]) -> Evaluated {
        let mut entries = Vec::with_capacity(items.len());
        let mut marks = Marks::NONE;
        let (mut known, mut failed) = (true, false);
        for (key, value) in items {
            let key = self.object_key(key);
            let value = self.expr(value);
            match (key, value) {
                (Ok(key), Ok(value)) => {
                    marks = marks.union(key.marks());
                    match key.data() {
                        Data::String(name) => entries.push((name.clone(), value)),
                        _ => known = false,
                    }
                }
                _ => failed = true,
            }
        }
        if failed {
            return Err(Failed);
        }
        let object = if known { Value::object(entries) } else { Value::unknown(Type::Any) };
        Ok(object.mark(marks))
    }

    /// The key as a known or unknown string.
    fn object_key(&mut self, key: &Expr) -> Evaluated {
        if ends_in_name(key) {
            return self.fail(
                Diagnostic::error("Ambiguous attribute key")
                    .detail("This could be a reference, or a name with dots in it.")
                    .at(key.span)
                    .help("write (a.b) for the value of the reference, \"a.b\" for the name"),
            );
        }
        let value = self.expr(key)?;
        if value.is_null() {
            return self.fail(
                Diagnostic::error("Null value as key")
                    .detail("The key of an object must not be null.")
                    .label(key.span, "this is null"),
            );
        }
        convert(&value, &Type::String).or_else(|error| {
            self.fail(
                Diagnostic::error("Incorrect key type")
                    .detail(format!("The key of an object is a string: {}.", error.message))
                    .label(key.span, format!("this is a {}", value.ty().friendly_name())),
            )
        })
    }

    pub(super) fn for_expr(&mut self, each: &For) -> Evaluated {
        let source = self.expr(&each.source)?;
        let mut marks = source.marks();
        let Some(elements) = self.elements_of(&source, each.source.span)? else {
            return Ok(Value::unknown(Type::Any).mark(marks));
        };
        self.spend(elements.len() as u64, each.source.span)?;
        if let Some(condition) = &each.condition {
            let any = Value::unknown(Type::Any);
            self.round(each, any.clone(), any, |evaluator| {
                evaluator.for_condition(condition, &mut Marks::NONE.clone())
            })?;
        }
        let mut result = ForResult::default();
        let mut failed = false;
        for (key, value) in elements {
            let round = self.round(each, key, value, |evaluator| evaluator.for_element(each, &mut result, &mut marks));
            match round {
                Ok(Round::Undecided) => result.undecided = true,
                Ok(_) => self.fits(result.size, each.value.span)?,
                Err(Failed) => failed = true,
            }
        }
        if failed { Err(Failed) } else { Ok(result.value(each).mark(marks)) }
    }

    /// The keys and elements of what is gone through; `None` where they are not known.
    pub(super) fn elements_of(&mut self, source: &Value, place: Span) -> Result<Option<Vec<(Value, Value)>>, Failed> {
        let numbered = |items: &[Value]| -> Vec<(Value, Value)> {
            items.iter().enumerate().map(|(at, item)| (Value::number(at), item.clone())).collect()
        };
        let named = |entries: &crate::value::Entries| -> Vec<(Value, Value)> {
            entries.iter().map(|(name, item)| (Data::String(name.clone()).into(), item.clone())).collect()
        };
        match source.data() {
            Data::List(collection) => Ok(Some(numbered(&collection.items))),
            Data::Tuple(items) => Ok(Some(numbered(items))),
            Data::Set(collection) => {
                Ok(Some(collection.items.iter().map(|item| (item.clone(), item.clone())).collect()))
            }
            Data::Map(map) => Ok(Some(named(&map.entries))),
            Data::Object(entries) => Ok(Some(named(entries))),
            Data::Null(_) => self.fail(
                Diagnostic::error("Iteration over null value")
                    .detail("A null value has no elements to go through.")
                    .label(place, "this is null"),
            ),
            Data::Unknown(unknown) if !unknown.ty.is_primitive() => Ok(None),
            _ => {
                let name = source.ty().friendly_name();
                self.fail(
                    Diagnostic::error("Iteration over non-iterable value")
                        .detail(format!("A {name} has no elements to go through."))
                        .label(place, format!("this is a {name}")),
                )
            }
        }
    }

    /// Does `work` with the variables of the `for` set.
    fn round<T>(&mut self, each: &For, key: Value, value: Value, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.variables.len();
        if let Some(name) = &each.key_variable {
            self.variables.push((name.name.clone(), key));
        }
        self.variables.push((each.value_variable.name.clone(), value));
        let result = work(self);
        self.variables.truncate(before);
        result
    }

    fn for_element(&mut self, each: &For, result: &mut ForResult, marks: &mut Marks) -> Result<Round, Failed> {
        if let Some(condition) = &each.condition {
            match self.for_condition(condition, marks)? {
                Some(true) => {}
                Some(false) => return Ok(Round::Left),
                None => return Ok(Round::Undecided),
            }
        }
        let Some(key_expr) = &each.key else {
            let value = self.expr(&each.value)?;
            result.size += u64::from(value.size());
            result.items.push(value);
            return Ok(Round::Taken);
        };
        let key = self.for_key(key_expr, marks)?;
        let value = self.expr(&each.value)?;
        let Some(key) = key else { return Ok(Round::Undecided) };
        let values = result.groups.entry(key.clone()).or_default();
        if !values.is_empty() && !each.group {
            let shown = if marks.contains(Marks::SENSITIVE) { String::new() } else { format!(" {key:?}") };
            return self.fail(
                Diagnostic::error("Duplicate object key")
                    .detail(format!("Two elements gave the key{shown}."))
                    .at(key_expr.span)
                    .help("write `...` after the value to collect the values of equal keys"),
            );
        }
        result.size += u64::from(value.size()) + key.len() as u64;
        values.push(value);
        Ok(Round::Taken)
    }

    fn for_condition(&mut self, condition: &Expr, marks: &mut Marks) -> Result<Option<bool>, Failed> {
        let value = self.expr(condition)?;
        *marks = marks.union(value.marks());
        if value.is_null() {
            return self.fail(
                Diagnostic::error("Condition is null")
                    .detail("The value of an 'if' clause is either true or false.")
                    .label(condition.span, "this is null"),
            );
        }
        match convert(&value, &Type::Bool) {
            Ok(bool) => Ok(bool.as_bool()),
            Err(error) => self.fail(
                Diagnostic::error("Invalid 'for' condition")
                    .detail(format!("The value of an 'if' clause is of type bool: {}.", error.message))
                    .label(condition.span, format!("this is a {}", value.ty().friendly_name())),
            ),
        }
    }

    fn for_key(&mut self, key: &Expr, marks: &mut Marks) -> Result<Option<Arc<str>>, Failed> {
        let value = self.expr(key)?;
        *marks = marks.union(value.marks());
        if value.is_null() {
            return self.fail(
                Diagnostic::error("Invalid object key")
                    .detail("The key of an object must not be null.")
                    .label(key.span, "this is null"),
            );
        }
        match convert(&value, &Type::String).map(Value::into_data) {
            Ok(Data::String(key)) => Ok(Some(key)),
            Ok(_) => Ok(None),
            Err(error) => self.fail(
                Diagnostic::error("Invalid object key")
                    .detail(format!("The key of an object is a string: {}.", error.message))
                    .label(key.span, format!("this is a {}", value.ty().friendly_name())),
            ),
        }
    }

    /// `source[*].steps`: sequences element by element; anything else counts as a sequence of
    /// one, or of none where it is null.
    pub(super) fn splat(&mut self, source: &Expr, each: &Expr) -> Evaluated {
        let value = self.expr(source)?;
        let marks = value.marks();
        let ty = match value.data() {
            Data::Null(ty) => ty.clone(),
            Data::Unknown(unknown) => unknown.ty.clone(),
            _ => Type::Any,
        };
        let is_sequence = matches!(value.data(), Data::List(_) | Data::Set(_) | Data::Tuple(_))
            || matches!(ty, Type::List(_) | Type::Set(_) | Type::Tuple(_));
        match value.data() {
            Data::Null(_) if is_sequence => self.fail(
                Diagnostic::error("Splat of null value")
                    .detail("A null sequence has no elements to go through.")
                    .label(source.span, "this is null"),
            ),
            Data::Null(_) => Ok(Value::tuple([]).mark(marks)),
            Data::Unknown(_) if ty == Type::Any => Ok(Value::unknown(Type::Any).mark(marks)),
            Data::Unknown(_) if is_sequence => self.unknown_splat(&value, each),
            Data::Unknown(_) => {
                // How many elements there will be depends on whether it will be null; whether
                // the steps are right can be told now.
                self.element(value, each)?;
                Ok(Value::unknown(Type::Any).mark(marks))
            }
            Data::List(collection) | Data::Set(collection) => {
                let items = self.elements_each(&collection.items, each)?;
                if items.is_empty() {
                    let sample = self.element(Value::unknown(collection.element.clone()), each)?;
                    return Ok(Value::list(sample.ty(), []).mark(marks));
                }
                Ok(same_type_list(items).mark(marks))
            }
            Data::Tuple(items) => Ok(Value::tuple(self.elements_each(items, each)?).mark(marks)),
            _ => Ok(Value::tuple([self.element(value, each)?])),
        }
    }

    fn element(&mut self, element: Value, each: &Expr) -> Evaluated {
        self.elements.push(element);
        let result = self.expr(each);
        self.elements.pop();
        result
    }

    fn elements_each(&mut self, items: &[Value], each: &Expr) -> Result<Vec<Value>, Failed> {
        let mut size = 0;
        items
            .iter()
            .map(|item| {
                let value = self.element(item.clone(), each)?;
                size += u64::from(value.size());
                self.fits(size, each.span)?;
                Ok(value)
            })
            .collect()
    }

    fn unknown_splat(&mut self, source: &Value, each: &Expr) -> Evaluated {
        let ty = match source.ty() {
            Type::Tuple(types) => {
                let types: Result<Vec<Type>, Failed> =
                    types.iter().map(|ty| Ok(self.element(Value::unknown(ty.clone()), each)?.ty())).collect();
                return Ok(Value::unknown(Type::tuple(types?)).mark(source.marks()));
            }
            Type::List(element) | Type::Set(element) => self.element(Value::unknown((*element).clone()), each)?.ty(),
            _ => return Ok(Value::unknown(Type::Any).mark(source.marks())),
        };
        let unknown =
            Unknown { ty: Type::list(ty), not_null: true, length: refine::length_range(source), ..Unknown::default() };
        Ok(refine::settled(unknown).mark(source.marks()))
    }
}

/// Whether an expression ends in `.name`.
fn ends_in_name(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Attribute(..) => true,
        ExprKind::Reference(reference) => matches!(reference.steps.last(), Some(ReferenceStep::Attribute(_))),
        _ => false,
    }
}

/// A list, where the items are of one type; elements that are not known yet may be of any.
fn same_type_list(items: Vec<Value>) -> Value {
    let ty = items.first().map_or(Type::Any, Value::ty);
    if items.iter().all(|item| item.ty() == ty) { Value::list(ty, items) } else { Value::tuple(items) }
}

/// What a `for` has made so far.
#[derive(Default)]
struct ForResult {
    items: Vec<Value>,
    groups: IndexMap<Arc<str>, Vec<Value>>,
    /// The size of all that is in it.
    size: u64,
    undecided: bool,
}

impl ForResult {
    fn value(self, each: &For) -> Value {
        if self.undecided {
            return Value::unknown(Type::Any);
        }
        if each.key.is_none() {
            return Value::tuple(self.items);
        }
        Value::object(self.groups.into_iter().filter_map(|(key, mut values)| {
            let value = if each.group { Value::tuple(values) } else { values.pop()? };
            Some((key, value))
        }))
    }
}
