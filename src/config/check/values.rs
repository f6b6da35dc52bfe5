//! References to what is no object: variables, locals, `count`, `each`, `path`.

use portolan_lang::Diagnostic;
use portolan_lang::eval::Reference;

use super::undeclared::{names, or_help};
use super::{Checker, name_after};
use crate::config::content::suggest;
use crate::config::uses::{Use, User};

impl Checker<'_> {
    pub(super) fn variable(&self, found: &Use<'_>) -> Result<(), Diagnostic> {
        let reference = found.reference;
        let name = name_after(reference, 1, "the name of a variable")?;
        if self.is_declared(reference.through(1)) {
            return Ok(());
        }
        let problem = Diagnostic::error("Reference to undeclared input variable")
            .detail(format!("There is no variable named {name:?} in {}.", self.place()))
            .at(reference.span);
        let suggested = suggest(problem, name, names(self.module.variables.keys()));
        Err(or_help(suggested, || format!("It can be declared with a block: variable {name:?} {{}}")))
    }

    pub(super) fn local(&self, found: &Use<'_>) -> Result<(), Diagnostic> {
        let reference = found.reference;
        let name = name_after(reference, 1, "the name of a local value")?;
        if matches!(found.user, User::Local(own) if **own == *name) {
            return Err(Diagnostic::error("Self-referencing local value")
                .detail(format!("local.{name} cannot be part of its own value."))
                .at(reference.span));
        }
        if self.is_declared(reference.through(1)) {
            return Ok(());
        }
        let problem = Diagnostic::error("Reference to undeclared local value")
            .detail(format!("There is no local value named {name:?} in {}.", self.place()))
            .at(reference.span);
        Err(suggest(problem, name, names(self.module.locals.keys())))
    }

    pub(super) fn count(&self, found: &Use<'_>) -> Result<(), Diagnostic> {
        attribute_of(found.reference, &["index"])?;
        match found.site.count {
            true => Ok(()),
            false => Err(Diagnostic::error("Reference to \"count\" in non-counted context")
                .detail("There is a count.index only in a block with the argument count.")
                .at(found.reference.span)),
        }
    }

    pub(super) fn each(&self, found: &Use<'_>) -> Result<(), Diagnostic> {
        attribute_of(found.reference, &["key", "value"])?;
        match found.site.each {
            true => Ok(()),
            false => Err(Diagnostic::error("Reference to \"each\" in context without for_each")
                .detail("There is an each.key and an each.value only in a block with the argument for_each.")
                .at(found.reference.span)),
        }
    }
}

pub(super) fn attribute_of(reference: &Reference, known: &[&'static str]) -> Result<(), Diagnostic> {
    let root = &reference.root;
    let Some(name) = reference.name(1) else {
        return Err(Diagnostic::error("Invalid reference")
            .detail(format!("{root} is not a value; it has {}.", known.join(", ")))
            .at(reference.span));
    };
    if known.contains(&name) {
        return Ok(());
    }
    let problem = Diagnostic::error(format!("Invalid \"{root}\" attribute"))
        .detail(format!("{root} has no attribute named {name:?}; it has {}.", known.join(", ")))
        .at(reference.span);
    Err(suggest(problem, name, known.iter().copied()))
}
