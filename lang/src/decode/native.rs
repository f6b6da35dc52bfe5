//! Bodies of the JSON form, told apart by a schema however deep they nest.

use crate::decode::{dynamic, shape};
use crate::diagnostic::Diagnostics;
use crate::schema::Schema;
use crate::syntax::{Attribute, Block, Body, unquoted};

/// The body with all properties of the JSON form in it, and in its blocks, told apart: what the
/// schema calls a block is one, and strings in attributes of references are those references.
/// After this, nobody needs to know which form was written.
pub fn native(body: Body, schema: &Schema) -> (Body, Diagnostics) {
    if !body.is_json() {
        return (body, Diagnostics::new());
    }
    let (resolved, mut problems) = shape::resolve(&body, schema);
    let mut resolved = resolved.into_owned();
    problems.extend(native_parts(&mut resolved, schema));
    (resolved, problems)
}

/// The same for a body of which it was told already what is an attribute and what is a block.
pub fn native_parts(body: &mut Body, schema: &Schema) -> Diagnostics {
    let mut problems = Diagnostics::new();
    let references = |attribute: &&mut Attribute| {
        schema.attribute(&attribute.name.name).is_some_and(|attribute| attribute.references)
    };
    for attribute in body.attributes.iter_mut().filter(references) {
        let (expr, more) = unquoted(&attribute.expr);
        attribute.expr = expr;
        problems.extend(more);
    }
    for block in &mut body.blocks {
        problems.extend(native_block(block, schema));
    }
    problems
}

fn native_block(block: &mut Block, schema: &Schema) -> Diagnostics {
    let empty = Body::empty(block.body.span);
    if let Some(kind) = schema.nested(&block.keyword.name) {
        let (body, problems) = native(std::mem::replace(&mut block.body, empty), &kind.schema);
        block.body = body;
        return problems;
    }
    let Some(kind) = dynamic::kind_of(block, schema) else { return Diagnostics::new() };
    let (body, mut problems) = block.body.resolved(&[dynamic::CONTENT]);
    let mut body = body.into_owned();
    for iterator in body.attributes.iter_mut().filter(|attribute| &*attribute.name.name == "iterator") {
        iterator.expr = unquoted(&iterator.expr).0;
    }
    for content in body.blocks.iter_mut().filter(|inner| &*inner.keyword.name == dynamic::CONTENT.keyword) {
        let (inner, more) = native(std::mem::replace(&mut content.body, empty.clone()), &kind.schema);
        content.body = inner;
        problems.extend(more);
    }
    block.body = body;
    problems
}
