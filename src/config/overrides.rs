//! Override files: what they hold changes blocks that other files declare.
//!
//! The rules are Terraform's: an argument takes the place of the one of the same name, blocks
//! inside take the place of all those of the same kind, and `lifecycle` is merged argument by
//! argument. Merging happens on the syntax tree, so that all that comes after sees one block.

use std::sync::Arc;

use portolan_lang::syntax::{Attribute, Block, Body};
use portolan_lang::{Diagnostic, Diagnostics};
use rustc_hash::FxHashMap;

use super::blocks::shapes::LIFECYCLE;
use super::content::resolve;
use super::known::Known;

/// Blocks that have nothing by which they could be told apart.
const NOT_OVERRIDABLE: [&str; 4] = ["moved", "removed", "import", "check"];

/// Changes the bodies of the primary files as the overrides say.
pub(super) fn merge(primary: &mut [Body], overrides: Vec<Body>, known: &Known<'_>, diagnostics: &mut Diagnostics) {
    if overrides.is_empty() {
        return;
    }
    for file in &mut *primary {
        let body = std::mem::replace(file, Body::empty(file.span));
        *file = resolved(body, known, diagnostics);
    }
    let mut targets = Targets::of(primary);
    let overrides: Vec<Body> = overrides.into_iter().map(|file| resolved(file, known, diagnostics)).collect();
    for block in overrides.into_iter().flat_map(|body| body.blocks) {
        match &*block.keyword.name {
            "locals" => {
                for local in block.body.attributes {
                    override_local(primary, &targets, local, diagnostics);
                }
            }
            keyword if NOT_OVERRIDABLE.contains(&keyword) => diagnostics.push(
                Diagnostic::error(format!("Cannot override '{keyword}' blocks"))
                    .detail(format!("A {keyword:?} block cannot stand in an override file."))
                    .at(block.header()),
            ),
            _ => override_block(primary, &mut targets, block, diagnostics),
        }
    }
}

/// A file in which it is told what is an argument and what is a block, as far as merging needs.
fn resolved(file: Body, known: &Known<'_>, diagnostics: &mut Diagnostics) -> Body {
    let mut file = known.resolve_file(file, diagnostics);
    file.blocks = file
        .blocks
        .into_iter()
        .map(|block| {
            let mut block = known.resolve_block(block, diagnostics);
            for lifecycle in block.body.blocks.iter_mut().filter(|block| &*block.keyword.name == "lifecycle") {
                let body = std::mem::replace(&mut lifecycle.body, Body::empty(file.span));
                lifecycle.body = resolve(body, &LIFECYCLE.json_shapes(), diagnostics);
            }
            block
        })
        .collect();
    file
}

/// The file and the position in it of each block and of each local value.
struct Targets {
    blocks: FxHashMap<Arc<str>, (usize, usize)>,
    locals: FxHashMap<Arc<str>, (usize, usize, usize)>,
}

impl Targets {
    fn of(primary: &[Body]) -> Targets {
        let mut targets = Targets { blocks: FxHashMap::default(), locals: FxHashMap::default() };
        for (file, body) in primary.iter().enumerate() {
            for (position, block) in body.blocks.iter().enumerate() {
                targets.blocks.entry(identity(block)).or_insert((file, position));
                if &*block.keyword.name == "locals" {
                    for (at, local) in block.body.attributes.iter().enumerate() {
                        targets.locals.entry(local.name.name.clone()).or_insert((file, position, at));
                    }
                }
            }
        }
        targets
    }
}

/// What tells a block from others: its keyword, its labels, and the alias of a provider.
fn identity(block: &Block) -> Arc<str> {
    let mut identity = block.keyword.name.to_string();
    for label in &block.labels {
        identity.push(' ');
        identity.push_str(&label.name);
    }
    let alias = block.body.attribute("alias").filter(|_| &*block.keyword.name == "provider");
    if let Some(portolan_lang::syntax::ExprKind::Literal(value)) = alias.map(|alias| &alias.expr.kind) {
        identity.push(' ');
        identity.push_str(value.as_str().unwrap_or_default());
    }
    identity.into()
}

fn override_local(primary: &mut [Body], targets: &Targets, local: Attribute, diagnostics: &mut Diagnostics) {
    let place = targets.locals.get(&local.name.name);
    let target = place
        .and_then(|(file, block, at)| primary.get_mut(*file)?.blocks.get_mut(*block)?.body.attributes.get_mut(*at));
    match target {
        Some(target) => target.expr = local.expr,
        None => diagnostics.push(
            Diagnostic::error("Missing base local value definition to override")
                .detail(format!("No other file defines local.{}, so there is nothing to override.", local.name.name))
                .at(local.name.span),
        ),
    }
}

fn override_block(primary: &mut [Body], targets: &mut Targets, block: Block, diagnostics: &mut Diagnostics) {
    let place = targets.blocks.get(&identity(&block));
    let target = place.and_then(|(file, at)| primary.get_mut(*file)?.blocks.get_mut(*at));
    match target {
        Some(target) => override_body(&mut target.body, block, diagnostics),
        // Settings and providers are there even where no block says so.
        None if matches!(&*block.keyword.name, "portolan" | "provider") => {
            if let Some(first) = primary.first_mut() {
                targets.blocks.insert(identity(&block), (0, first.blocks.len()));
                first.blocks.push(block);
            }
        }
        None => {
            let words: Vec<&str> = block.labels.iter().map(|label| &*label.name).collect();
            diagnostics.push(
                Diagnostic::error(format!("Missing base {} to override", block.keyword.name))
                    .detail(format!(
                        "No other file declares {} {:?}, so there is nothing to override.",
                        block.keyword.name,
                        words.join(".")
                    ))
                    .at(block.header()),
            );
        }
    }
}

fn override_body(target: &mut Body, block: Block, diagnostics: &mut Diagnostics) {
    if let Some(depends_on) = block.body.attribute("depends_on") {
        diagnostics.push(
            Diagnostic::error("Unsupported override")
                .detail("The argument \"depends_on\" may not be overridden.")
                .at(depends_on.name.span),
        );
    }
    merge_body(target, block.body);
}

fn merge_body(target: &mut Body, body: Body) {
    for attribute in body.attributes {
        // A block is repeated in one way alone, so the one that overrides wins.
        let rival = match &*attribute.name.name {
            "count" => Some("for_each"),
            "for_each" => Some("count"),
            _ => None,
        };
        target.attributes.retain(|old| Some(&*old.name.name) != rival);
        match target.attributes.iter_mut().find(|old| old.name.name == attribute.name.name) {
            Some(old) => *old = attribute,
            None => target.attributes.push(attribute),
        }
    }
    let (lifecycles, others): (Vec<Block>, Vec<Block>) =
        body.blocks.into_iter().partition(|block| &*block.keyword.name == "lifecycle");
    let makes = |block: &Block| match &*block.keyword.name {
        "dynamic" => block.labels.first().map(|label| label.name.clone()),
        _ => Some(block.keyword.name.clone()),
    };
    target.blocks.retain(|old| !others.iter().any(|new| makes(new) == makes(old)));
    target.blocks.extend(others);
    for lifecycle in lifecycles {
        match target.blocks.iter_mut().find(|old| &*old.keyword.name == "lifecycle") {
            Some(old) => merge_body(&mut old.body, lifecycle.body),
            None => target.blocks.push(lifecycle),
        }
    }
}
