//! Whether everything that is referred to is declared.

mod objects;
mod steps;
mod undeclared;
mod values;

use portolan_lang::eval::Reference;
use portolan_lang::{Diagnostic, Diagnostics, Nesting};

use self::objects::own_part;
use self::values::attribute_of;
use super::content::suggest;
use super::known::Known;
use super::load::Loaded;
use super::model::{IgnoreChanges, Module, ResourceBlock};
use super::uses::{Purpose, Use, User, uses};

/// Checks every reference in a module. `root` is the root module, which has the connections.
pub(super) fn check(loaded: &Loaded, root: &Module, known: &Known<'_>, diagnostics: &mut Diagnostics) {
    let checker = Checker { loaded, module: &loaded.module, root, known };
    uses(&loaded.module, known, &mut |found| {
        if let Err(problem) = checker.reference(&found) {
            diagnostics.push(problem);
        }
    });
    for resource in loaded.module.resources.values() {
        checker.ignored(resource, diagnostics);
    }
}

struct Checker<'c> {
    loaded: &'c Loaded,
    module: &'c Module,
    root: &'c Module,
    known: &'c Known<'c>,
}

impl Checker<'_> {
    fn reference(&self, found: &Use<'_>) -> Result<(), Diagnostic> {
        let reference = found.reference;
        match &*reference.root {
            _ if found.purpose == Purpose::Provider => self.provider(reference, false),
            _ if found.purpose == Purpose::ProviderInstance => self.provider(reference, true),
            "var" => self.variable(found),
            "local" => self.local(found),
            "module" => self.module_call(found),
            "path" => attribute_of(reference, &["module", "root", "cwd"]),
            "portolan" | "terraform" => attribute_of(reference, &["workspace"]),
            "count" => self.count(found),
            "each" => self.each(found),
            "self" if found.site.itself => Ok(()),
            "self" => Err(Diagnostic::error("Invalid \"self\" reference")
                .detail("What self means is only known in a postcondition.")
                .at(reference.span)),
            "data" => self.data(found),
            root if self.has_parts(found, root) => own_part(found, root),
            root if self.known.domain(root).is_some() => self.domain(found),
            _ => self.resource(found),
        }
    }

    /// Whether the block of the domain that refers has parts of a keyword, or could have.
    fn has_parts(&self, found: &Use<'_>, keyword: &str) -> bool {
        let User::Object(address) = found.user else { return false };
        let kind = address.split('.').next().and_then(|kind| self.known.domain(kind));
        let part = kind.and_then(|schema| schema.nested(keyword));
        found.site.inside.is_some() && part.is_some_and(|part| part.nesting == Nesting::Named)
    }

    fn is_declared(&self, address: &str) -> bool {
        self.loaded.places.contains_key(address)
    }

    /// Checks that the attributes of `ignore_changes` exist and may be set.
    fn ignored(&self, resource: &ResourceBlock, diagnostics: &mut Diagnostics) {
        let IgnoreChanges::Paths(paths) = &resource.lifecycle.ignore_changes else { return };
        let Some((_, found)) = self.known.catalog.resource(&resource.resource_type.name) else { return };
        for path in paths {
            let name = &*path.root;
            if found.schema.names().all(|known| known != name) {
                let problem = Diagnostic::error("Unsupported attribute")
                    .detail(format!("{} has no attribute named {name:?}.", resource.local_address()))
                    .at(path.span);
                diagnostics.push(suggest(problem, name, found.schema.names()));
            } else if found.schema.attribute(name).is_some_and(|attribute| !attribute.is_settable()) {
                diagnostics.push(
                    Diagnostic::warning("Redundant ignore_changes element")
                        .detail(format!("The provider alone decides {name:?}, so there is nothing to ignore."))
                        .at(resource.span)
                        .label(path.span, "has no effect"),
                );
            }
        }
    }
}

/// The name at a position of a reference, where there must be one.
fn name_after<'r>(reference: &'r Reference, position: usize, expected: &str) -> Result<&'r str, Diagnostic> {
    reference.name(position).ok_or_else(|| {
        Diagnostic::error("Invalid reference")
            .detail(format!("After {}, {expected} is expected: {}.name.", reference.root, reference.root))
            .at(reference.span)
    })
}
