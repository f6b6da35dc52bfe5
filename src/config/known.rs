//! What may be declared: the blocks of the language, those of the domain, and the resource
//! types of the providers.

use std::collections::BTreeMap;

use portolan_lang::decode::native_parts;
use portolan_lang::syntax::{Block, BlockShape, Body};
use portolan_lang::{Diagnostics, Nesting, Schema};

use super::blocks::shapes;
use super::content::{BodyShape, resolve};
use super::watch;
use crate::catalog::Catalog;
use crate::compile::domain::KINDS;

/// All that a block may be.
pub(super) struct Known<'a> {
    pub(super) catalog: &'a Catalog,
    domain: BTreeMap<&'static str, Schema>,
    watch: Schema,
}

impl<'a> Known<'a> {
    pub(super) fn new(catalog: &'a Catalog) -> Self {
        let domain = KINDS.iter().map(|kind| (kind.keyword, (kind.schema)(catalog))).collect();
        Known { catalog, domain, watch: watch::schema() }
    }

    /// What a block of the domain may hold.
    pub(super) fn domain(&self, keyword: &str) -> Option<&Schema> {
        self.domain.get(keyword)
    }

    /// What the labels of a block say.
    pub(super) fn labels(&self, keyword: &str) -> Option<&'static [&'static str]> {
        match shapes::general(keyword) {
            Some(shape) => Some(shape.labels),
            None => self.domain.contains_key(keyword).then_some(shapes::DOMAIN_LABELS),
        }
    }

    /// All keywords of blocks.
    pub(super) fn keywords(&self) -> impl Iterator<Item = &'static str> {
        shapes::GENERAL.iter().map(|shape| shape.keyword).chain(self.domain.keys().copied())
    }

    /// The keywords of the domain.
    pub(super) fn domain_keywords(&self) -> impl Iterator<Item = &'static str> {
        self.domain.keys().copied()
    }

    /// The schema of what the language itself does not know in a block.
    fn schema(&self, block: &Block) -> Option<&Schema> {
        let kind = block.labels.first().map_or("", |label| &label.name);
        match &*block.keyword.name {
            "resource" => self.catalog.resource(kind).map(|(_, resource)| &resource.schema),
            "data" => self.catalog.data(kind).map(|(_, schema)| schema),
            "provider" => self.catalog.provider(kind).map(|provider| &provider.schema().connection),
            "watch" => Some(&self.watch),
            keyword => self.domain(keyword),
        }
    }

    /// A file in which it is told what is a block.
    pub(super) fn resolve_file(&self, file: Body, diagnostics: &mut Diagnostics) -> Body {
        let shapes =
            self.keywords().map(|keyword| BlockShape { keyword, labels: self.labels(keyword).map_or(0, <[_]>::len) });
        resolve(file, &shapes.collect::<Vec<_>>(), diagnostics)
    }

    /// A block of a file in which it is told what is a block; what a schema says of it is told
    /// apart however deep it nests.
    pub(super) fn resolve_block(&self, mut block: Block, diagnostics: &mut Diagnostics) -> Block {
        let own: &BodyShape = shapes::general(&block.keyword.name).map_or(&shapes::DOMAIN, |shape| &shape.body);
        let mut shapes = own.json_shapes();
        shapes.extend(self.schema(&block).map(json_shapes).unwrap_or_default());
        let is_json = block.body.is_json();
        block.body = resolve(block.body, &shapes, diagnostics);
        if is_json && let Some(schema) = self.schema(&block) {
            diagnostics.extend(native_parts(&mut block.body, schema));
        }
        block
    }
}

/// Which properties are blocks in the JSON form of a body of this schema.
pub(super) fn json_shapes(schema: &Schema) -> Vec<BlockShape<'_>> {
    let shape = |block: &'_ portolan_lang::Block| (block.nesting == Nesting::Named) as usize;
    schema.blocks.iter().map(|block| BlockShape { keyword: &block.name, labels: shape(block) }).collect()
}
