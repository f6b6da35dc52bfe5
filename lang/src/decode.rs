//! Blocks to values, guided by a schema.
//!
//! [`decode`] gives the value of a block's body: attributes evaluated and converted, defaults
//! filled in, nested and `dynamic` blocks decoded. [`validate`] checks the shape alone:
//! names, what is required, how many, labels. Both tell all problems at once.
//!
//! [`place_of`] finds where a part of the value is written. [`native`] makes bodies of the JSON form
//! like those of the native form, and [`expand`] puts blocks in the place of dynamic ones.
//!
//! Attributes that hold references (`depends_on`) are left out of values and read with
//! [`references_of`].

mod dynamic;
mod expand;
mod native;
mod place;
mod references;
mod shape;

use std::sync::Arc;

use crate::convert::{convert, without_optional};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::eval::{Scope, evaluate};
use crate::path::Step;
use crate::schema::{self, Nesting, Schema};
use crate::source::Span;
use crate::syntax::{Attribute, Block, Body, Expr, ExprKind};
use crate::types::Type;
use crate::value::Value;

pub use expand::expand;
pub use native::{native, native_parts};
pub use place::place_of;
pub use references::{body_references, each_body_reference, references_of};
pub use shape::{resolve, validate};

/// The value of a body: an object with all attributes (but those of references) and all kinds
/// of nested blocks of the schema, as [`Nesting`] says. What the configuration leaves out is
/// its default, or null. The value of what is wrong is unknown.
pub fn decode(body: &Body, schema: &Schema, scope: &dyn Scope) -> (Value, Diagnostics) {
    let mut decoder = Decoder { scope, problems: Diagnostics::new(), size: 0 };
    let value = decoder.body(body, schema);
    (value, decoder.problems)
}

struct Decoder<'a> {
    scope: &'a dyn Scope,
    problems: Diagnostics,
    /// The size of all that dynamic blocks made.
    size: u64,
}

/// The blocks of one kind, with the dynamic ones expanded; or that they are not known.
enum Blocks {
    Known(Vec<(Option<Arc<str>>, Value)>),
    Unknown,
}

impl Decoder<'_> {
    fn body(&mut self, body: &Body, schema: &Schema) -> Value {
        let (resolved, problems) = resolve(body, schema);
        self.problems.extend(problems);
        self.problems.extend(shape::check(&resolved, schema));
        let attributes = schema.attributes.iter().filter(|attribute| !attribute.references);
        let attributes = attributes.map(|attribute| {
            let value = match resolved.attribute(&attribute.name) {
                Some(given) if attribute.is_settable() => self.attribute(given, attribute),
                _ => absent(attribute),
            };
            (attribute.name.clone(), value)
        });
        let mut entries: Vec<(Arc<str>, Value)> = attributes.collect();
        self.documents(&resolved, schema, &mut entries);
        for kind in &schema.blocks {
            entries.push((kind.name.clone(), self.blocks(&resolved, kind)));
        }
        Value::object(entries)
    }

    /// Puts in the place of attributes what the files hold that are named for them.
    fn documents(&mut self, body: &Body, schema: &Schema, entries: &mut [(Arc<str>, Value)]) {
        for attribute in &schema.attributes {
            let (Some(other), Some(given)) = (&attribute.document_of, body.attribute(&attribute.name)) else {
                continue;
            };
            let path = entries.iter().find(|(name, _)| *name == attribute.name).map(|(_, path)| path.clone());
            let Some(path) = path.filter(|path| !path.is_null()) else { continue };
            let Some((_, value)) = entries.iter_mut().find(|(name, _)| name == other) else { continue };
            let document = match body.attribute(other) {
                Some(_) => Err(format!("{:?} and {other:?} cannot both be set", attribute.name)),
                None => document(&path, self.scope),
            };
            *value = document.unwrap_or_else(|why| {
                let problem = Diagnostic::error("Unsuitable file").detail(format!("{why}."));
                self.problems.push(problem.at(given.expr.span));
                Value::unknown(Type::Any)
            });
        }
    }

    fn attribute(&mut self, given: &Attribute, attribute: &schema::Attribute) -> Value {
        let (value, problems) = evaluate(&given.expr, self.scope);
        let failed = problems.has_errors();
        self.problems.extend(problems);
        if failed {
            return Value::unknown(without_optional(&attribute.ty));
        }
        match convert(&value, &attribute.ty) {
            Ok(value) if value.is_null() && attribute.default.is_some() => absent(attribute),
            Ok(value) if value.is_null() && attribute.usage == schema::Usage::Required => {
                self.problems.push(
                    Diagnostic::error("Missing required argument")
                        .detail(format!("The argument {:?} must not be null.", attribute.name))
                        .label(given.expr.span, "this is null"),
                );
                Value::unknown(without_optional(&attribute.ty))
            }
            Ok(value) => value,
            Err(error) => {
                let place = part_at(&given.expr, error.path.steps());
                let inner = if error.path.is_root() { String::new() } else { format!(" at {}", error.path) };
                self.problems.push(
                    Diagnostic::error("Incorrect attribute value type")
                        .detail(format!("The value of {:?} does not fit{inner}: {}.", attribute.name, error.message))
                        .label(place, format!("{} is expected", attribute.ty)),
                );
                Value::unknown(without_optional(&attribute.ty))
            }
        }
    }

    fn blocks(&mut self, body: &Body, kind: &schema::Block) -> Value {
        let ty = || without_optional(&kind.schema.ty());
        match self.expanded(body, kind) {
            Blocks::Unknown => match kind.nesting {
                Nesting::Single => Value::unknown(ty()),
                Nesting::List if !kind.schema.ty().has_any() => Value::unknown_not_null(Type::list(ty())),
                Nesting::List | Nesting::Named => Value::unknown_not_null(Type::Any),
            },
            Blocks::Known(mut blocks) => match kind.nesting {
                Nesting::Single => blocks.pop().map_or_else(|| Value::null(ty()), |(_, value)| value),
                Nesting::List if kind.schema.ty().has_any() => Value::tuple(blocks.into_iter().map(|(_, value)| value)),
                Nesting::List => Value::list(ty(), blocks.into_iter().map(|(_, value)| value)),
                Nesting::Named => Value::object(blocks.into_iter().filter_map(|(label, value)| Some((label?, value)))),
            },
        }
    }

    fn expanded(&mut self, body: &Body, kind: &schema::Block) -> Blocks {
        let mut blocks = Vec::new();
        let mut known = true;
        for block in &body.blocks {
            if block.keyword.name == kind.name {
                blocks.push((label_of(block), self.body(&block.body, &kind.schema)));
            } else if dynamic::is_for(block, &kind.name) {
                known &= self.dynamic(block, kind, &mut blocks);
            }
        }
        if known { Blocks::Known(blocks) } else { Blocks::Unknown }
    }
}

/// The only document of the file at a path.
fn document(path: &Value, scope: &dyn Scope) -> Result<Value, String> {
    let Some(text) = path.as_str() else { return Ok(Value::unknown(Type::Any).mark(path.marks())) };
    let about = |why: String| format!("{text:?}: {why}");
    let bytes = scope.host().read(text).map_err(about)?;
    let content = String::from_utf8(bytes).map_err(|_| about("it is not UTF-8".to_owned()))?;
    let mut documents = crate::functions::yaml_documents(&content).map_err(about)?;
    match documents.len() {
        1 => Ok(documents.remove(0).1.mark(path.marks())),
        0 => Err(about("it holds no document".to_owned())),
        many => Err(about(format!("it holds {many} documents, and one is wanted; a block `manifests` takes many"))),
    }
}

fn label_of(block: &Block) -> Option<Arc<str>> {
    block.labels.first().map(|label| label.name.clone())
}

/// The value of an attribute that the configuration leaves out.
fn absent(attribute: &schema::Attribute) -> Value {
    match &attribute.default {
        Some(default) => convert(default, &attribute.ty).unwrap_or_else(|_| default.clone()),
        None => Value::null(without_optional(&attribute.ty)),
    }
}

/// The place of a part of a value in the expression that made it, as far as the expression
/// writes the part out.
fn part_at(expr: &Expr, steps: &[Step]) -> Span {
    let Some((step, rest)) = steps.split_first() else { return expr.span };
    let inner = match (&expr.kind, step) {
        (ExprKind::Parentheses(inner), _) => return part_at(inner, steps),
        (ExprKind::Tuple(items), Step::Index(at)) => items.get(*at),
        (ExprKind::Object(items), Step::Attribute(name) | Step::Key(name)) => {
            let named = |key: &Expr| match &key.kind {
                ExprKind::Literal(key) => key.as_str() == Some(name),
                _ => key.as_json_text() == Some(name),
            };
            items.iter().rev().find(|(key, _)| named(key)).map(|(_, value)| value)
        }
        _ => None,
    };
    inner.map_or(expr.span, |inner| part_at(inner, rest))
}
