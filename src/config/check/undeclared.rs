//! What is said of a name that nothing is declared under, and which one may have been meant.

use std::sync::Arc;

use portolan_lang::Diagnostic;
use portolan_lang::eval::Reference;

use super::Checker;
use crate::config::content::suggest;

/// From how many names at most the one that was meant is guessed, so that many mistakes in a
/// huge module do not take long.
const MAX_CANDIDATES: usize = 2000;

/// The first names that do not lead to resources.
const ROOTS: [&str; 10] = ["var", "local", "module", "data", "path", "each", "count", "self", "portolan", "terraform"];

impl Checker<'_> {
    /// A name that leads nowhere because nothing follows it.
    pub(super) fn lone_name(&self, reference: &Reference) -> Diagnostic {
        let root = &*reference.root;
        let is_kind = self.known.domain(root).is_some() || self.known.catalog.resource(root).is_some();
        let detail = match is_kind {
            true => format!("After {root}, the name of a block is expected: {root}.name."),
            false => format!("{root} names nothing. A reference has at least two names: var.name, kind.name."),
        };
        let problem = Diagnostic::error("Invalid reference").detail(detail).at(reference.span);
        match ["var", "local", "module"].into_iter().find(|kind| self.is_declared(&format!("{kind}.{root}"))) {
            Some(kind) => problem.help(format!("Did you mean {kind}.{root}?")),
            None => problem,
        }
    }

    pub(super) fn undeclared_resource(&self, reference: &Reference, address: &str, what: &str) -> Diagnostic {
        let problem = Diagnostic::error("Reference to undeclared resource")
            .detail(format!("There is no {what} {address} in {}.", self.place()))
            .at(reference.span);
        let other = match address.strip_prefix("data.") {
            Some(managed) => managed.to_owned(),
            None => format!("data.{address}"),
        };
        if self.is_declared(&other) {
            return problem.help(format!("Did you mean {other}?"));
        }
        let (kind, name) = address.rsplit_once('.').unwrap_or((address, ""));
        let same_kind = suggest(problem.clone(), name, self.names_of(&format!("{kind}.")));
        if same_kind.help.is_some() || what != "resource" {
            return same_kind;
        }
        let catalog = self.known.catalog;
        let is_type = catalog.resource(kind).is_some();
        let roots = ROOTS.into_iter().chain(self.known.domain_keywords()).chain(catalog.resource_types());
        if is_type { problem } else { suggest(problem, kind, roots) }
    }

    /// The names of what is declared under a prefix.
    pub(super) fn names_of(&self, prefix: &str) -> impl Iterator<Item = &str> {
        let resources = self.module.resources.keys().chain(self.module.domain.keys());
        resources.filter_map(move |address| address.strip_prefix(prefix)).take(MAX_CANDIDATES)
    }

    pub(super) fn place(&self) -> String {
        match self.module.directory.to_str() {
            Some(".") | None => "the root module".to_owned(),
            Some(directory) => format!("the module in {directory}"),
        }
    }
}

pub(super) fn names<'n>(names: impl Iterator<Item = &'n Arc<str>>) -> impl Iterator<Item = &'n str> {
    names.map(|name| &**name).take(MAX_CANDIDATES)
}

pub(super) fn or_help(diagnostic: Diagnostic, help: impl FnOnce() -> String) -> Diagnostic {
    if diagnostic.help.is_some() { diagnostic } else { diagnostic.help(help()) }
}
