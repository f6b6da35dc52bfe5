//! From the blocks of a module's files to its declarations: one file for each kind of block.
//!
//! A block that cannot be understood is told about and left out, but its name stays declared,
//! so that nobody is told that what refers to it refers to nothing.

mod check;
mod condition;
mod domain;
mod lifecycle;
mod module_call;
mod provider;
mod refactoring;
mod reference_list;
mod resource;
mod settings;
pub(super) mod shapes;
mod values;

use std::sync::Arc;

pub(super) use module_call::CallBlock;
use portolan_lang::syntax::{Block, Body, Ident};
use portolan_lang::{Diagnostic, Diagnostics, Span};
use rustc_hash::FxHashMap;

use super::content::{Content, has_labels, suggest, unsupported_argument, unsupported_block};
use super::known::Known;
use super::model::{Module, Repetition, Settings};

/// What the files of one module declare. The modules that it calls are not loaded yet.
pub(super) struct Declarations<'a> {
    known: &'a Known<'a>,
    is_root: bool,
    /// All that is declared but calls of modules.
    pub(super) module: Module,
    pub(super) settings: Settings,
    pub(super) calls: Vec<CallBlock>,
    /// Where each local address is declared, also by a block that could not be understood:
    /// `var.x`, `local.x`, `output.x`, `module.x`, `check.x`, `kind.x`, `data.kind.x`.
    pub(super) places: FxHashMap<Arc<str>, Span>,
    pub(super) diagnostics: Diagnostics,
}

impl<'a> Declarations<'a> {
    pub(super) fn new(known: &'a Known<'a>, is_root: bool) -> Self {
        Declarations {
            known,
            is_root,
            module: Module::default(),
            settings: Settings::default(),
            calls: Vec::new(),
            places: FxHashMap::default(),
            diagnostics: Diagnostics::new(),
        }
    }

    /// Takes in all that a file declares.
    pub(super) fn add(&mut self, file: Body) {
        let file = self.known.resolve_file(file, &mut self.diagnostics);
        for attribute in &file.attributes {
            self.diagnostics.push(unsupported_argument(&attribute.name, self.known.keywords()));
        }
        for block in file.blocks {
            self.block(block);
        }
    }

    fn block(&mut self, block: Block) {
        let block = self.known.resolve_block(block, &mut self.diagnostics);
        let keyword = block.keyword.name.clone();
        let Some(labels) = self.known.labels(&keyword) else {
            self.diagnostics.push(unknown_keyword(&block.keyword, self.known));
            return;
        };
        if !has_labels(&block, labels, &mut self.diagnostics) {
            return;
        }
        match &*keyword {
            "portolan" => self.settings(block),
            "watch" => self.watch(block),
            "variable" => self.variable(block),
            "locals" => self.locals(block),
            "output" => self.output(block),
            "module" => self.module_call(block),
            "resource" | "data" => self.resource(block),
            "provider" => self.provider(block),
            "check" => self.check(block),
            "moved" => self.moved(block),
            "removed" => self.removed(block),
            "import" => self.import(block),
            _ => self.domain(block),
        }
    }

    /// Takes a body of a general block apart.
    fn content(&mut self, keyword: &str, body: Body) -> Content {
        Content::read(body, shapes::body(keyword), &mut self.diagnostics)
    }

    /// Notes that `address` is declared at `span`; tells where that was done before. `what` is
    /// the kind of thing, for people: `variable`.
    fn declare(&mut self, address: impl Into<Arc<str>>, what: &str, span: Span) -> bool {
        let address = address.into();
        if let Some(first) = self.places.get(&address) {
            self.diagnostics.push(
                Diagnostic::error(format!("Duplicate {what}"))
                    .detail(format!("{address} is declared already. Names must be unique in a module."))
                    .label(span, "declared again")
                    .label(*first, "declared first"),
            );
            return false;
        }
        self.places.insert(address, span);
        true
    }

    /// Whether a label can be a name; `what` is the kind of thing, for people.
    fn has_valid_name(&mut self, what: &str, name: &Ident) -> bool {
        let is_valid = is_name(&name.name);
        if !is_valid {
            self.diagnostics.push(invalid_name(what, name));
        }
        is_valid
    }

    /// How often a block stands for something.
    fn repetition(&mut self, content: &mut Content) -> Repetition {
        match (content.attribute("count"), content.attribute("for_each")) {
            (None, None) => Repetition::Single,
            (Some(count), None) => Repetition::Count(count.expr),
            (None, Some(for_each)) => Repetition::ForEach(for_each.expr),
            (Some(count), Some(for_each)) => {
                let (first, second) = if count.name.span < for_each.name.span {
                    (count.name.span, for_each.name.span)
                } else {
                    (for_each.name.span, count.name.span)
                };
                self.diagnostics.push(
                    Diagnostic::error("Invalid combination of \"count\" and \"for_each\"")
                        .detail("A block has either \"count\" or \"for_each\", not both.")
                        .at(second)
                        .label(first, "the other one"),
                );
                Repetition::ForEach(for_each.expr)
            }
        }
    }
}

/// Whether a text can be the name of something.
pub(super) fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|character| character.is_alphanumeric() || matches!(character, '_' | '-'))
}

fn invalid_name(what: &str, name: &Ident) -> Diagnostic {
    Diagnostic::error(format!("Invalid {what} name"))
        .detail(format!(
            "{:?} is not a name. A name starts with a letter or an underscore and goes on with letters, digits, \
             underscores and dashes.",
            name.name
        ))
        .at(name.span)
}

fn unknown_keyword(keyword: &Ident, known: &Known<'_>) -> Diagnostic {
    if &*keyword.name == "terraform" {
        let diagnostic = unsupported_block(keyword, []);
        return diagnostic.help("Settings stand in a block named portolan. Providers need no declaration.");
    }
    let diagnostic = Diagnostic::error("Unsupported block type")
        .detail(format!("There is no block named {:?}.", keyword.name))
        .at(keyword.span);
    suggest(diagnostic, &keyword.name, known.keywords())
}
