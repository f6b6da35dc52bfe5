//! Whether a body has the shape that its schema asks for.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::decode::dynamic;
use crate::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::schema::{self, Nesting, Schema, Usage};
use crate::source::Span;
use crate::syntax::{Attribute, Block, BlockShape, Body, Ident};

/// Everything that is wrong with the shape of a body and of the blocks in it; nothing is
/// evaluated.
pub fn validate(body: &Body, schema: &Schema) -> Diagnostics {
    let (resolved, mut problems) = resolve(body, schema);
    problems.extend(check(&resolved, schema));
    for block in &resolved.blocks {
        if let Some(kind) = schema.nested(&block.keyword.name) {
            problems.extend(validate(&block.body, &kind.schema));
        } else if let Some(kind) = dynamic::kind_of(block, schema) {
            let (parts, more) = dynamic::parts(block, kind);
            problems.extend(more);
            if let Some(parts) = parts {
                problems.extend(validate(&parts.content, &kind.schema));
            }
        }
    }
    problems
}

/// A body with its arguments and blocks told apart, as the schema says; the bodies of its blocks
/// are to be resolved in turn.
pub fn resolve<'b>(body: &'b Body, schema: &Schema) -> (Cow<'b, Body>, Diagnostics) {
    body.resolved(&blocks_of(schema))
}

/// The blocks that the schema knows, for bodies of the JSON form.
fn blocks_of(schema: &Schema) -> Vec<BlockShape<'_>> {
    schema.blocks.iter().map(|block| BlockShape { keyword: &block.name, labels: labels_of(block) }).collect()
}

pub(super) fn labels_of(kind: &schema::Block) -> usize {
    usize::from(kind.nesting == Nesting::Named)
}

/// What is wrong with the shape of this body, without the blocks in it.
pub(super) fn check(body: &Body, schema: &Schema) -> Diagnostics {
    let mut problems = Diagnostics::new();
    for attribute in &body.attributes {
        problems.extend(check_attribute(attribute, schema));
    }
    for block in &body.blocks {
        problems.extend(check_block(block, schema));
    }
    let missing = schema.attributes.iter().filter(|attribute| attribute.usage == Usage::Required);
    for attribute in missing.filter(|attribute| body.attribute(&attribute.name).is_none()) {
        problems.push(
            Diagnostic::error("Missing required argument")
                .detail(format!("The argument {:?} is required, but it is not set.", &*attribute.name))
                .at(start_of(body)),
        );
    }
    for kind in &schema.blocks {
        problems.extend(check_count(body, kind));
    }
    problems
}

/// The opening brace: where what is missing would stand.
fn start_of(body: &Body) -> Span {
    Span { end: body.span.end.min(body.span.start.saturating_add(1)), ..body.span }
}

fn check_attribute(attribute: &Attribute, schema: &Schema) -> Option<Diagnostic> {
    let name = &attribute.name;
    if let Some(known) = schema.attribute(&name.name) {
        return (!known.is_settable()).then(|| {
            Diagnostic::error("Value for unconfigurable attribute")
                .detail(format!("The value of {:?} is decided by the provider; it cannot be set.", &*name.name))
                .at(name.span)
        });
    }
    let problem = Diagnostic::error("Unsupported argument")
        .detail(format!("An argument named {:?} is not expected here.", &*name.name))
        .at(name.span);
    if schema.nested(&name.name).is_some() {
        return Some(problem.help(format!("{0} is a block: write {0} {{ … }} without an equals sign", name.name)));
    }
    Some(suggest(problem, name, schema))
}

fn check_block(block: &Block, schema: &Schema) -> Option<Diagnostic> {
    let name = &block.keyword;
    if let Some(kind) = schema.nested(&name.name) {
        return check_labels(block, labels_of(kind));
    }
    if dynamic::kind_of(block, schema).is_some() {
        return None;
    }
    if &*name.name == "dynamic" && !schema.blocks.is_empty() {
        return Some(dynamic::unknown_kind(block, schema));
    }
    let problem = Diagnostic::error("Unsupported block type")
        .detail(format!("Blocks of type {:?} are not expected here.", &*name.name))
        .at(name.span);
    if schema.attribute(&name.name).is_some() {
        return Some(problem.help(format!("{0} is an argument: write {0} = …", name.name)));
    }
    Some(suggest(problem, name, schema))
}

fn suggest(problem: Diagnostic, name: &Ident, schema: &Schema) -> Diagnostic {
    match did_you_mean(&name.name, schema.names()) {
        Some(known) => problem.help(format!("did you mean {known:?}?")),
        None => problem,
    }
}

pub(super) fn check_labels(block: &Block, wanted: usize) -> Option<Diagnostic> {
    let name = &block.keyword.name;
    if let Some(extra) = block.labels.get(wanted) {
        let expected = if wanted == 0 { "no label".to_owned() } else { format!("{wanted} label") };
        return Some(
            Diagnostic::error(format!("Extraneous label for {name}"))
                .detail(format!("A {name} block has {expected}."))
                .at(extra.span),
        );
    }
    (block.labels.len() < wanted).then(|| {
        Diagnostic::error(format!("Missing name for {name}"))
            .detail(format!("A {name} block is named by a label."))
            .at(start_of(&block.body))
            .help(format!("write {name} \"name\" {{ … }}"))
    })
}

fn check_count(body: &Body, kind: &schema::Block) -> Diagnostics {
    let mut problems = Diagnostics::new();
    let blocks: Vec<&Block> = body.blocks(&kind.name).collect();
    let has_dynamic = body.blocks.iter().any(|block| dynamic::is_for(block, &kind.name));
    if kind.required && blocks.is_empty() && !has_dynamic {
        problems.push(
            Diagnostic::error(format!("Missing {} block", kind.name))
                .detail(format!("A block of type {:?} is required here.", &*kind.name))
                .at(start_of(body)),
        );
    }
    match kind.nesting {
        Nesting::Single => {
            for extra in blocks.iter().skip(1) {
                problems.push(
                    Diagnostic::error(format!("Duplicate {} block", kind.name))
                        .detail(format!("Only one block of type {:?} is allowed here.", &*kind.name))
                        .label(extra.header(), "a second one")
                        .label(blocks[0].header(), "the first one"),
                );
            }
        }
        Nesting::Named => problems.extend(duplicate_labels(&blocks)),
        Nesting::List => {}
    }
    problems
}

fn duplicate_labels(blocks: &[&Block]) -> Vec<Diagnostic> {
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    let mut problems = Vec::new();
    for block in blocks {
        let Some(label) = block.labels.first() else { continue };
        match seen.get(&*label.name) {
            Some(first) => problems.push(
                Diagnostic::error(format!("Duplicate {} block", block.keyword.name))
                    .detail(format!("There are two {} blocks named {:?}.", block.keyword.name, &*label.name))
                    .label(block.header(), "the second one")
                    .label(*first, "the first one"),
            ),
            None => {
                seen.insert(&label.name, block.header());
            }
        }
    }
    problems
}
