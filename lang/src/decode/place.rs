//! Where a body writes a part of its value.

use std::sync::Arc;

use crate::convert::convert;
use crate::decode::{dynamic, label_of, part_at, resolve};
use crate::eval::{Scope, evaluate};
use crate::path::Step;
use crate::schema::{self, Nesting, Schema};
use crate::source::Span;
use crate::syntax::{Block, Body};
use crate::types::Type;
use crate::value::{Data, Value};

/// The place of the part of a body's value that a path leads to: the expression that gives it its
/// value, or the part of that expression where it is written out. Where an inner block says nothing of
/// the part, its header; nothing where the body itself does not.
///
/// `dynamic` blocks are evaluated in the scope, to tell which of them made a block.
pub fn place_of(body: &Body, schema: &Schema, scope: &dyn Scope, path: &[Step]) -> Option<Span> {
    let (Step::Attribute(name) | Step::Key(name), rest) = path.split_first()? else { return None };
    let (body, _) = resolve(body, schema);
    if let Some(attribute) = body.attribute(name) {
        return Some(part_at(&attribute.expr, rest));
    }
    let kind = schema.nested(name)?;
    let (wanted, rest) = match (kind.nesting, rest.split_first()) {
        (Nesting::Single, _) => (Wanted::At(0), rest),
        (Nesting::List, Some((Step::Index(at), rest))) => (Wanted::At(*at), rest),
        (Nesting::Named, Some((Step::Attribute(label) | Step::Key(label), rest))) => (Wanted::Named(label), rest),
        _ => return first_of(&body, kind),
    };
    Search { kind, scope, rest }.among(&body, wanted).or_else(|| first_of(&body, kind))
}

/// The header of the first block that is of this kind or makes such blocks.
fn first_of(body: &Body, kind: &schema::Block) -> Option<Span> {
    let mut blocks = body.blocks.iter();
    blocks.find(|block| block.keyword.name == kind.name || dynamic::is_for(block, &kind.name)).map(Block::header)
}

/// Which block of a kind.
#[derive(Clone, Copy)]
enum Wanted<'a> {
    /// The one at this position.
    At(usize),
    /// The one with this label.
    Named(&'a str),
}

/// The search for the place of `rest` in a block of a kind.
struct Search<'a> {
    kind: &'a schema::Block,
    scope: &'a dyn Scope,
    rest: &'a [Step],
}

impl Search<'_> {
    fn among(&self, body: &Body, wanted: Wanted<'_>) -> Option<Span> {
        let mut passed = 0;
        let is_wanted = |at: usize, label: Option<&str>| match wanted {
            Wanted::At(position) => at == position,
            Wanted::Named(name) => label == Some(name),
        };
        for block in &body.blocks {
            if block.keyword.name == self.kind.name {
                if is_wanted(passed, label_of(block).as_deref()) {
                    let inner = place_of(&block.body, &self.kind.schema, self.scope, self.rest);
                    return Some(inner.unwrap_or_else(|| block.header()));
                }
                passed += 1;
            } else if dynamic::is_for(block, &self.kind.name) {
                let (parts, _) = dynamic::parts(block, self.kind);
                let parts = parts?;
                for element in elements(&parts, self.scope)? {
                    let scope = parts.scope(self.scope, element);
                    if is_wanted(passed, label(&parts, &scope).as_deref()) {
                        let inner = place_of(&parts.content, &self.kind.schema, &scope, self.rest);
                        return Some(inner.unwrap_or_else(|| block.header()));
                    }
                    passed += 1;
                }
            }
        }
        None
    }
}

/// The elements that a dynamic block goes through, as its iterator gives them; nothing where they
/// are not known.
fn elements(parts: &dynamic::Parts, scope: &dyn Scope) -> Option<Vec<Value>> {
    let elements = dynamic::elements(&evaluate(&parts.for_each, scope).0)?;
    Some(elements.into_iter().map(|(key, value)| Value::object([("key", key), ("value", value)])).collect())
}

fn label(parts: &dynamic::Parts, scope: &dyn Scope) -> Option<Arc<str>> {
    let (labels, _) = evaluate(parts.labels.as_ref()?, scope);
    match convert(labels.items()?.first()?, &Type::String).ok()?.into_data() {
        Data::String(label) => Some(label),
        _ => None,
    }
}
