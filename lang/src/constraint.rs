//! Type constraints: what a variable's `type` says.
//!
//! `string`, `list(any)`, `object({port = optional(number, 80)})`: a type, and what optional
//! attributes are where a value leaves them out.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::convert::{ConvertError, convert};
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::eval::{Host, Reference, Resolved, Scope, evaluate};
use crate::source::Span;
use crate::syntax::{Expr, ExprKind, Ident, parse_expr};
use crate::types::{AttributeType, ObjectType, Type};
use crate::value::{Data, Value};

/// What a value must fit, and what optional attributes are when they are left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TypeConstraint {
    /// The type.
    pub ty: Type,
    defaults: Defaults,
}

/// The defaults of the attributes of an object, and of what lies further in: by attribute, by
/// position in a tuple, or under [`ELEMENT`] for each element of a collection.
#[derive(Debug, Clone, Default, PartialEq)]
struct Defaults {
    values: BTreeMap<Arc<str>, Value>,
    inner: BTreeMap<Arc<str>, Defaults>,
}

/// Stands for every element of a collection; no attribute has an empty name.
const ELEMENT: &str = "";

/// The words that are types by themselves, for suggestions.
const NAMES: [&str; 9] = ["any", "bool", "number", "string", "list", "set", "map", "object", "tuple"];

impl From<Type> for TypeConstraint {
    /// The constraint of this type without defaults.
    fn from(ty: Type) -> Self {
        TypeConstraint { ty, defaults: Defaults::default() }
    }
}

impl TypeConstraint {
    /// Reads a type expression.
    ///
    /// # Errors
    ///
    /// Every place at which it is not one.
    pub fn parse(expr: &Expr) -> Result<TypeConstraint, Diagnostics> {
        let mut reader = Reader { problems: Diagnostics::new() };
        let constraint = reader.whole(expr);
        if reader.problems.has_errors() { Err(reader.problems) } else { Ok(constraint) }
    }

    /// Fills in the defaults of optional attributes that are missing or null, at every depth,
    /// and converts the value to the type.
    ///
    /// # Errors
    ///
    /// The part of the value that does not fit.
    pub fn apply(&self, value: &Value) -> Result<Value, ConvertError> {
        if self.defaults.is_empty() {
            return convert(value, &self.ty);
        }
        convert(&self.defaults.fill(value), &self.ty)
    }
}

impl Defaults {
    fn is_empty(&self) -> bool {
        self.values.is_empty() && self.inner.is_empty()
    }

    fn insert(&mut self, name: &str, inner: Defaults) {
        if !inner.is_empty() {
            self.inner.insert(Arc::from(name), inner);
        }
    }

    fn inside(&self, name: &str) -> Option<&Defaults> {
        self.inner.get(ELEMENT).or_else(|| self.inner.get(name))
    }

    /// The value with what it lacks. Collections become tuples and objects, because their
    /// elements may be of different types until they are converted.
    fn fill(&self, value: &Value) -> Value {
        let fill = |name: &str, item: &Value| self.inside(name).map_or_else(|| item.clone(), |inner| inner.fill(item));
        let filled = match value.data() {
            Data::List(_) | Data::Set(_) | Data::Tuple(_) => {
                let items = value.items().unwrap_or_default().iter().enumerate();
                Value::tuple(items.map(|(at, item)| fill(&at.to_string(), item)))
            }
            Data::Map(_) | Data::Object(_) => {
                let given = value.entries().into_iter().flat_map(|entries| entries.iter());
                let given = given.map(|(name, item)| (name.clone(), fill(name, item)));
                let is_missing = |name: &str| value.entries().and_then(|e| e.get(name)).is_none_or(Value::is_null);
                let added = self.values.iter().filter(|(name, _)| is_missing(name));
                Value::object(given.chain(added.map(|(name, default)| (name.clone(), fill(name, default)))))
            }
            _ => return value.clone(),
        };
        filled.mark(value.marks())
    }
}

struct Reader {
    problems: Diagnostics,
}

impl Reader {
    fn refuse(&mut self, span: Span, detail: impl Into<String>) -> TypeConstraint {
        self.problems.push(Diagnostic::error("Invalid type specification").detail(detail).at(span));
        TypeConstraint::default()
    }

    /// A whole type expression: `list` and `map` alone are also allowed.
    fn whole(&mut self, expr: &Expr) -> TypeConstraint {
        if let Some(text) = expr.as_json_text() {
            let (inner, problems) = parse_expr(expr.span.file, text);
            if problems.has_errors() {
                return self.refuse(expr.span, format!("{text:?} is not a type."));
            }
            let mut reader = Reader { problems: Diagnostics::new() };
            let constraint = reader.whole(&inner);
            // The places in the string are not those of the file.
            for mut problem in reader.problems {
                problem.labels.clear();
                self.problems.push(problem.at(expr.span));
            }
            return constraint;
        }
        match &expr.kind {
            _ if expr.as_name().is_some_and(|name| &**name == "list") => Type::list(Type::Any).into(),
            _ if expr.as_name().is_some_and(|name| &**name == "map") => Type::map(Type::Any).into(),
            ExprKind::Literal(value) if value.as_str().is_some() => {
                let text = value.as_str().unwrap_or_default();
                self.problems.push(
                    Diagnostic::error("Invalid quoted type constraints")
                        .detail("A type is written without quotes.")
                        .at(expr.span)
                        .help(format!("write {}", if text == "list" { "list(string)" } else { text })),
                );
                TypeConstraint::default()
            }
            _ => self.read(expr),
        }
    }

    fn read(&mut self, expr: &Expr) -> TypeConstraint {
        if let Some(name) = expr.as_name() {
            return self.keyword(name, expr.span);
        }
        match &expr.kind {
            ExprKind::Call(call) if !call.expand => self.constructor(&call.name, &call.arguments, expr.span),
            // The parser has told what is wrong.
            ExprKind::Invalid => TypeConstraint::default(),
            _ => self.refuse(
                expr.span,
                "A type is a word such as string, or one with a type in parentheses such as list(string).",
            ),
        }
    }

    fn keyword(&mut self, name: &str, span: Span) -> TypeConstraint {
        match name {
            "bool" => Type::Bool.into(),
            "number" => Type::Number.into(),
            "string" => Type::String.into(),
            "any" => Type::Any.into(),
            "list" | "set" | "map" => {
                self.refuse(span, format!("The type {name} needs the type of its elements: {name}(string)."))
            }
            "object" => self.refuse(span, "The type object needs its attributes: object({ name = string })."),
            "tuple" => self.refuse(span, "The type tuple needs the types of its elements: tuple([string, number])."),
            _ => {
                let problem = Diagnostic::error("Invalid type specification")
                    .detail(format!("There is no type named {name:?}."))
                    .at(span);
                self.problems.push(match did_you_mean(name, NAMES) {
                    Some(known) => problem.help(format!("did you mean {known}?")),
                    None => problem.help(format!("the types are {}", NAMES.join(", "))),
                });
                TypeConstraint::default()
            }
        }
    }

    fn constructor(&mut self, name: &Ident, arguments: &[Arc<Expr>], span: Span) -> TypeConstraint {
        match (&*name.name, arguments) {
            ("bool" | "number" | "string" | "any", _) => {
                self.refuse(span, format!("The type {} takes no arguments.", name.name))
            }
            ("list", [element]) => self.collection(element, Type::list),
            ("set", [element]) => self.collection(element, Type::set),
            ("map", [element]) => self.collection(element, Type::map),
            ("object", [attributes]) => match &attributes.kind {
                ExprKind::Object(items) => self.object(items),
                _ => self.refuse(
                    attributes.span,
                    "The attributes of an object are written in braces: object({ name = string }).",
                ),
            },
            ("tuple", [elements]) => match &elements.kind {
                ExprKind::Tuple(items) => self.tuple(items),
                _ => self
                    .refuse(elements.span, "The elements of a tuple are written in brackets: tuple([string, number])."),
            },
            ("list" | "set" | "map" | "object" | "tuple", _) => {
                self.refuse(span, format!("The type {} takes one argument.", name.name))
            }
            ("optional", _) => self.refuse(span, "Only attributes of an object can be optional."),
            _ => self.keyword(&name.name, name.span),
        }
    }

    fn collection(&mut self, element: &Expr, of: fn(Type) -> Type) -> TypeConstraint {
        let element = self.read(element);
        let mut defaults = Defaults::default();
        defaults.insert(ELEMENT, element.defaults);
        TypeConstraint { ty: of(element.ty), defaults }
    }

    fn tuple(&mut self, items: &[Arc<Expr>]) -> TypeConstraint {
        let mut defaults = Defaults::default();
        let mut types = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            let item = self.read(item);
            defaults.insert(&at.to_string(), item.defaults);
            types.push(item.ty);
        }
        TypeConstraint { ty: Type::tuple(types), defaults }
    }

    fn object(&mut self, items: &[(Arc<Expr>, Arc<Expr>)]) -> TypeConstraint {
        let mut attributes = BTreeMap::new();
        let mut defaults = Defaults::default();
        for (key, value) in items {
            let name = match &key.kind {
                ExprKind::Literal(name) if name.as_str().is_some() => name.as_str().map(Arc::<str>::from),
                _ => None,
            };
            let Some(name) = name else {
                self.refuse(key.span, "The name of an attribute is a plain word.");
                continue;
            };
            let (attribute, default) = self.attribute(value);
            if let Some(default) = default {
                defaults.values.insert(name.clone(), default);
            }
            defaults.insert(&name, attribute.1);
            if attributes.insert(name.clone(), attribute.0).is_some() {
                self.refuse(key.span, format!("The attribute {name:?} is declared twice."));
            }
        }
        TypeConstraint { ty: Type::Object(Arc::new(ObjectType::new(attributes))), defaults }
    }

    /// `type`, `optional(type)` or `optional(type, default)`
    fn attribute(&mut self, expr: &Expr) -> ((AttributeType, Defaults), Option<Value>) {
        let (optional, inner, default) = match &expr.kind {
            ExprKind::Call(call) if !call.expand && &*call.name.name == "optional" => match call.arguments.as_slice() {
                [inner] => (true, &**inner, None),
                [inner, default] => (true, &**inner, Some(default)),
                _ => {
                    self.refuse(
                        expr.span,
                        "An optional attribute has a type, and perhaps a default: optional(number, 80).",
                    );
                    return ((AttributeType { ty: Type::Any, optional: true }, Defaults::default()), None);
                }
            },
            _ => (false, expr, None),
        };
        let constraint = self.read(inner);
        let default = default.and_then(|default| self.default_value(default, &constraint.ty));
        ((AttributeType { ty: constraint.ty, optional }, constraint.defaults), default)
    }

    fn default_value(&mut self, expr: &Expr, ty: &Type) -> Option<Value> {
        let (value, problems) = evaluate(expr, &Constants);
        if problems.has_errors() {
            self.problems.extend(problems);
            return None;
        }
        match convert(&value, ty) {
            Ok(value) => Some(value),
            Err(error) => {
                self.problems.push(
                    Diagnostic::error("Invalid default value for optional attribute")
                        .detail(format!("The default does not fit the type of the attribute: {}.", error.message))
                        .label(expr.span, format!("this is a {}", value.ty().friendly_name())),
                );
                None
            }
        }
    }
}

/// Nothing can be referred to in a default, and nothing read.
struct Constants;

impl Scope for Constants {
    fn resolve(&self, reference: &Reference) -> Result<Resolved, Diagnostic> {
        Err(Diagnostic::error("Variables not allowed")
            .detail("The default of an optional attribute is a constant.")
            .at(reference.span))
    }

    fn host(&self) -> &dyn Host {
        self
    }
}

impl Host for Constants {
    fn read(&self, _path: &str) -> Result<Vec<u8>, String> {
        Err("files cannot be read here".to_owned())
    }

    fn exists(&self, _path: &str) -> Result<bool, String> {
        Err("files cannot be read here".to_owned())
    }

    fn files(&self, _directory: &str) -> Result<Vec<String>, String> {
        Err("files cannot be read here".to_owned())
    }

    fn absolute(&self, _path: &str) -> Result<String, String> {
        Err("paths have no meaning here".to_owned())
    }

    fn home(&self) -> Option<String> {
        None
    }

    fn now(&self) -> Option<String> {
        None
    }

    fn plan_time(&self) -> Option<String> {
        None
    }
}
