//! Whether a body fits a schema, as far as that can be told without evaluating it.

use std::collections::BTreeMap;

use portolan_lang::schema::{Block as BlockSchema, Nesting, Usage};
use portolan_lang::syntax::{Attribute, Block, Body};
use portolan_lang::{Diagnostic, Diagnostics, Schema};

use super::content::{
    BodyShape, Content, Rest, argument_expected, block_expected, has_labels, missing_argument, opening,
    unsupported_argument, unsupported_block,
};

/// Tells all that is wrong with the shape of `body`. `taken` is what the language itself knows
/// in such a block; those attributes and blocks were taken out, and are worth suggesting.
pub(super) fn fit(body: &Body, schema: &Schema, taken: &BodyShape, diagnostics: &mut Diagnostics) {
    let mut names: Vec<&str> = taken.names().collect();
    names.extend(schema.names());
    for attribute in &body.attributes {
        attribute_fits(attribute, schema, &names, diagnostics);
    }
    for attribute in &schema.attributes {
        if attribute.usage == Usage::Required && body.attribute(&attribute.name).is_none() {
            diagnostics.push(missing_argument(&attribute.name, body.span));
        }
    }
    for block in &body.blocks {
        match &*block.keyword.name {
            "dynamic" => dynamic_fits(block, schema, diagnostics),
            name => match schema.nested(name) {
                Some(nested) => block_fits(block, nested, diagnostics),
                None if schema.attribute(name).is_some() => diagnostics.push(argument_expected(&block.keyword)),
                None => diagnostics.push(unsupported_block(&block.keyword, names.iter().copied())),
            },
        }
    }
    for nested in &schema.blocks {
        counts_fit(body, nested, diagnostics);
    }
}

fn attribute_fits(attribute: &Attribute, schema: &Schema, names: &[&str], diagnostics: &mut Diagnostics) {
    let name = &attribute.name;
    match schema.attribute(&name.name) {
        Some(known) if known.is_settable() => {}
        Some(_) => diagnostics.push(
            Diagnostic::error(format!("{:?} attribute is read-only", name.name))
                .detail(format!("The provider sets {:?}; a configuration cannot.", name.name))
                .at(name.span)
                .help("Take this argument away."),
        ),
        None if schema.nested(&name.name).is_some() => diagnostics.push(block_expected(name)),
        None => diagnostics.push(unsupported_argument(name, names.iter().copied())),
    }
}

fn block_fits(block: &Block, nested: &BlockSchema, diagnostics: &mut Diagnostics) {
    let labels: &[&str] = if nested.nesting == Nesting::Named { &["name"] } else { &[] };
    if !has_labels(block, labels, diagnostics) {
        return;
    }
    if let Some(label) = block.labels.first()
        && !is_label(&label.name)
    {
        diagnostics.push(
            Diagnostic::error(format!("Invalid {} name", nested.name)).detail("A name cannot be empty.").at(label.span),
        );
    }
    fit(&block.body, &nested.schema, &BodyShape::EMPTY, diagnostics);
}

fn is_label(text: &str) -> bool {
    !text.is_empty()
}

/// Whether there are as many blocks of a kind as there may be. What `dynamic` blocks make is
/// only known when they are evaluated.
fn counts_fit(body: &Body, nested: &BlockSchema, diagnostics: &mut Diagnostics) {
    let blocks: Vec<&Block> = body.blocks(&nested.name).collect();
    let is_dynamic = |block: &Block| block.labels.first().is_some_and(|label| label.name == nested.name);
    if nested.required && blocks.is_empty() && !body.blocks("dynamic").any(is_dynamic) {
        diagnostics.push(
            Diagnostic::error(format!("Missing {} block", nested.name))
                .detail(format!("A block named {:?} is required here.", nested.name))
                .at(opening(body.span)),
        );
    }
    match nested.nesting {
        Nesting::Single => {
            for further in blocks.iter().skip(1) {
                diagnostics.push(
                    Diagnostic::error(format!("Duplicate {} block", nested.name))
                        .detail(format!("There may be only one {:?} block here.", nested.name))
                        .label(further.header(), "a further one")
                        .label(blocks[0].header(), "the first one"),
                );
            }
        }
        Nesting::Named => labels_differ(&blocks, diagnostics),
        Nesting::List => {}
    }
}

fn labels_differ(blocks: &[&Block], diagnostics: &mut Diagnostics) {
    let mut first_of = BTreeMap::new();
    for block in blocks {
        let Some(label) = block.labels.first() else { continue };
        if let Some(first) = first_of.insert(&label.name, block.header()) {
            first_of.insert(&label.name, first);
            diagnostics.push(
                Diagnostic::error(format!("Duplicate {} block", block.keyword.name))
                    .detail(format!("There is a {:?} block named {:?} already.", block.keyword.name, label.name))
                    .label(block.header(), "declared again")
                    .label(first, "declared first"),
            );
        }
    }
}

const DYNAMIC: BodyShape = BodyShape {
    required: &["for_each"],
    optional: &["iterator", "labels"],
    rest: Rest::Everything,
    ..BodyShape::EMPTY
};

/// Checks `dynamic "keyword" { for_each = …, content { … } }`.
fn dynamic_fits(block: &Block, schema: &Schema, diagnostics: &mut Diagnostics) {
    if !has_labels(block, &["block type"], diagnostics) {
        return;
    }
    let Some(keyword) = block.labels.first() else { return };
    let Some(nested) = schema.nested(&keyword.name) else {
        let known = schema.blocks.iter().map(|block| &*block.name);
        diagnostics.push(unsupported_block(keyword, known));
        return;
    };
    let content = Content::read(block.body.clone(), &DYNAMIC, diagnostics);
    for attribute in &content.rest.attributes {
        diagnostics.push(unsupported_argument(&attribute.name, DYNAMIC.names()));
    }
    let mut bodies = content.rest.blocks.iter();
    match bodies.next() {
        Some(body) if &*body.keyword.name == "content" => {
            fit(&body.body, &nested.schema, &BodyShape::EMPTY, diagnostics);
        }
        Some(other) => diagnostics.push(unsupported_block(&other.keyword, ["content"])),
        None => diagnostics.push(
            Diagnostic::error("Missing content block")
                .detail("A dynamic block needs a content block that says what each of its blocks holds.")
                .at(opening(block.body.span)),
        ),
    }
    for further in bodies {
        diagnostics.push(unsupported_block(&further.keyword, DYNAMIC.names()));
    }
}
