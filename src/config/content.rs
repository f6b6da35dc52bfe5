//! Taking a block apart: which attributes and blocks the language itself knows there, and
//! which it leaves to a schema.

use std::borrow::Cow;
use std::sync::Arc;

use portolan_lang::diagnostic::did_you_mean;
use portolan_lang::syntax::{self, Attribute, Block, Body, Expr, Ident, unquoted};
use portolan_lang::{Diagnostic, Diagnostics, Span};

/// A kind of block that the language knows.
#[derive(Debug)]
pub(super) struct BlockShape {
    /// Its keyword.
    pub(super) keyword: &'static str,
    /// What its labels say.
    pub(super) labels: &'static [&'static str],
    /// What it may hold.
    pub(super) body: BodyShape,
}

/// What a block may hold.
#[derive(Debug)]
pub(super) struct BodyShape {
    pub(super) required: &'static [&'static str],
    pub(super) optional: &'static [&'static str],
    pub(super) blocks: &'static [BlockShape],
    pub(super) rest: Rest,
}

/// What becomes of the attributes and blocks that a shape does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// They are errors.
    Refused,
    /// Attributes are left over, blocks are errors.
    Attributes,
    /// All are left over.
    Everything,
}

impl BodyShape {
    /// Nothing at all; the others are made from it.
    pub(super) const EMPTY: BodyShape = BodyShape { required: &[], optional: &[], blocks: &[], rest: Rest::Refused };

    fn knows_attribute(&self, name: &str) -> bool {
        self.required.contains(&name) || self.optional.contains(&name)
    }

    /// All names that may stand in the block.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        let blocks = self.blocks.iter().map(|block| block.keyword);
        self.required.iter().chain(self.optional).copied().chain(blocks)
    }

    /// Which properties are blocks in the JSON form.
    pub(super) fn json_shapes(&self) -> Vec<syntax::BlockShape<'static>> {
        let shape = |block: &BlockShape| syntax::BlockShape { keyword: block.keyword, labels: block.labels.len() };
        self.blocks.iter().map(shape).collect()
    }
}

/// A body of which it is told what is an argument in it and what is a block.
pub(super) fn resolve(body: Body, shapes: &[syntax::BlockShape<'_>], diagnostics: &mut Diagnostics) -> Body {
    let (resolved, problems) = body.resolved(shapes);
    diagnostics.extend(problems);
    match resolved {
        Cow::Owned(resolved) => resolved,
        Cow::Borrowed(_) => body,
    }
}

/// A body that was taken apart. What is wrong with it was told; it still holds the rest.
#[derive(Debug)]
pub(super) struct Content {
    attributes: Vec<Attribute>,
    blocks: Vec<Block>,
    /// What the shape does not name.
    pub(super) rest: Body,
}

impl Content {
    /// Takes `body` apart. One in the JSON form must have been resolved where the shape leaves
    /// blocks to a schema.
    pub(super) fn read(body: Body, shape: &BodyShape, diagnostics: &mut Diagnostics) -> Content {
        let body = resolve(body, &shape.json_shapes(), diagnostics);
        let span = body.span;
        let (attributes, other_attributes): (Vec<_>, Vec<_>) =
            body.attributes.into_iter().partition(|attribute| shape.knows_attribute(&attribute.name.name));
        let (blocks, other_blocks): (Vec<_>, Vec<_>) =
            body.blocks.into_iter().partition(|block| shape_of(shape, block).is_some());
        let blocks: Vec<Block> = blocks
            .into_iter()
            .filter(|block| shape_of(shape, block).is_some_and(|shape| has_labels(block, shape.labels, diagnostics)))
            .collect();

        for name in shape.required {
            if !attributes.iter().any(|attribute| &*attribute.name.name == *name) {
                diagnostics.push(missing_argument(name, span));
            }
        }
        if shape.rest == Rest::Refused {
            other_attributes.iter().for_each(|attribute| diagnostics.push(unknown_attribute(&attribute.name, shape)));
        }
        if shape.rest != Rest::Everything {
            other_blocks.iter().for_each(|block| diagnostics.push(unknown_block(&block.keyword, shape)));
        }
        let mut rest = Body::empty(span);
        (rest.attributes, rest.blocks) = (other_attributes, other_blocks);
        Content { attributes, blocks, rest }
    }

    /// Takes out an attribute.
    pub(super) fn attribute(&mut self, name: &str) -> Option<Attribute> {
        let at = self.attributes.iter().position(|attribute| &*attribute.name.name == name)?;
        Some(self.attributes.swap_remove(at))
    }

    /// Takes out the expression of an attribute.
    pub(super) fn expr(&mut self, name: &str) -> Option<Arc<Expr>> {
        self.attribute(name).map(|attribute| attribute.expr)
    }

    /// Takes out the expression of an attribute that holds references, which the JSON form writes
    /// as strings.
    pub(super) fn references(&mut self, name: &str, diagnostics: &mut Diagnostics) -> Option<Arc<Expr>> {
        let (expr, problems) = unquoted(&self.expr(name)?);
        diagnostics.extend(problems);
        Some(expr)
    }

    /// Takes out all blocks of a kind, in order.
    pub(super) fn blocks(&mut self, keyword: &str) -> Vec<Block> {
        let (taken, left) = std::mem::take(&mut self.blocks).into_iter().partition(|b| &*b.keyword.name == keyword);
        self.blocks = left;
        taken
    }

    /// Takes out the one block of a kind; each further one is an error.
    pub(super) fn single_block(&mut self, keyword: &str, diagnostics: &mut Diagnostics) -> Option<Block> {
        let mut blocks = self.blocks(keyword).into_iter();
        let first = blocks.next()?;
        for further in blocks {
            diagnostics.push(
                Diagnostic::error(format!("Duplicate {keyword} block"))
                    .detail(format!("There may be only one {keyword:?} block here."))
                    .label(further.header(), "a further one")
                    .label(first.header(), "the first one"),
            );
        }
        Some(first)
    }
}

fn shape_of<'a>(shape: &'a BodyShape, block: &Block) -> Option<&'a BlockShape> {
    shape.blocks.iter().find(|known| known.keyword == &*block.keyword.name)
}

/// Whether a block has as many labels as it should; tells where it has not.
pub(super) fn has_labels(block: &Block, expected: &[&str], diagnostics: &mut Diagnostics) -> bool {
    let keyword = &block.keyword.name;
    if let Some(missing) = expected.get(block.labels.len()) {
        let count = expected.len();
        let detail = format!(
            "Every {keyword:?} block has {count} label{}: {}.",
            if count == 1 { "" } else { "s" },
            expected.join(" and ")
        );
        diagnostics.push(
            Diagnostic::error(format!("Missing {missing} for {keyword}")).detail(detail).at(opening(block.body.span)),
        );
        return false;
    }
    let Some(extra) = block.labels.get(expected.len()) else { return true };
    let detail = match expected {
        [] => format!("A {keyword:?} block has no label."),
        names => format!("A {keyword:?} block has no label after its {}.", names.join(" and its ")),
    };
    diagnostics.push(Diagnostic::error(format!("Extraneous label for {keyword}")).detail(detail).at(extra.span));
    false
}

/// The brace that opens a block: what is missing in the block is told there.
pub(super) fn opening(body: Span) -> Span {
    Span { end: body.end.min(body.start.saturating_add(1)), ..body }
}

/// An argument that must be given is not.
pub(super) fn missing_argument(name: &str, body: Span) -> Diagnostic {
    Diagnostic::error("Missing required argument")
        .detail(format!("The argument {name:?} is required, but it is not given."))
        .at(opening(body))
}

fn unknown_attribute(name: &Ident, shape: &BodyShape) -> Diagnostic {
    if shape.blocks.iter().any(|block| block.keyword == &*name.name) {
        return block_expected(name);
    }
    unsupported_argument(name, shape.names())
}

fn unknown_block(keyword: &Ident, shape: &BodyShape) -> Diagnostic {
    if shape.knows_attribute(&keyword.name) {
        return argument_expected(keyword);
    }
    unsupported_block(keyword, shape.names())
}

/// An argument is given that is not known; `known` is what may stand there.
pub(super) fn unsupported_argument<'a>(name: &Ident, known: impl IntoIterator<Item = &'a str>) -> Diagnostic {
    let diagnostic = Diagnostic::error("Unsupported argument")
        .detail(format!("No argument named {:?} is known here.", name.name))
        .at(name.span);
    suggest(diagnostic, &name.name, known)
}

/// A block is given that is not known; `known` is what may stand there.
pub(super) fn unsupported_block<'a>(keyword: &Ident, known: impl IntoIterator<Item = &'a str>) -> Diagnostic {
    let diagnostic = Diagnostic::error("Unsupported block type")
        .detail(format!("No block named {:?} is known here.", keyword.name))
        .at(keyword.span);
    suggest(diagnostic, &keyword.name, known)
}

/// What is written as an argument is a block.
pub(super) fn block_expected(name: &Ident) -> Diagnostic {
    let name_text = &name.name;
    Diagnostic::error("Unsupported argument")
        .detail(format!("{name_text:?} is a block here, not an argument."))
        .at(name.span)
        .help(format!("Write {name_text} {{ … }} without an equals sign."))
}

/// What is written as a block is an argument.
pub(super) fn argument_expected(keyword: &Ident) -> Diagnostic {
    let name = &keyword.name;
    Diagnostic::error("Unsupported block type")
        .detail(format!("{name:?} is an argument here, not a block."))
        .at(keyword.span)
        .help(format!("Write {name} = … with an equals sign."))
}

/// Adds the name that was probably meant.
pub(super) fn suggest<'a>(diagnostic: Diagnostic, given: &str, known: impl IntoIterator<Item = &'a str>) -> Diagnostic {
    match did_you_mean(given, known) {
        Some(meant) => diagnostic.help(format!("Did you mean {meant:?}?")),
        None => diagnostic,
    }
}
