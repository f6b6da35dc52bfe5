//! Whether everything that is referred to is declared.

use std::sync::Arc;

use portolan_lang::eval::{Reference, ReferenceStep};
use portolan_lang::syntax::Body;
use portolan_lang::{Diagnostic, Diagnostics, InstanceKey};

use super::content::suggest;
use super::known::Known;
use super::load::Loaded;
use super::model::{IgnoreChanges, Module, Repetition, ResourceBlock};
use super::uses::{Purpose, Use, User, uses};

/// From how many names at most the one that was meant is guessed, so that many mistakes in a
/// huge module do not take long.
const MAX_CANDIDATES: usize = 2000;

/// The first names that do not lead to resources.
const ROOTS: [&str; 10] = ["var", "local", "module", "data", "path", "each", "count", "self", "portolan", "terraform"];

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

/// Something that can have instances, and how far a reference to it goes.
struct Found<'r> {
    /// Its address as people write it.
    address: &'r str,
    repetition: &'r Repetition,
    /// How many steps lead to it.
    steps: usize,
}

impl Checker<'_> {
    fn reference(&self, found: &Use<'_>) -> Result<(), Diagnostic> {
        let reference = found.reference;
        match &*reference.root {
            _ if found.purpose == Purpose::Provider => self.provider(reference),
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
            root if self.is_part(found.site.inside, root) => part(found, root),
            root if self.known.domain(root).is_some() => self.domain(found),
            _ => self.resource(found),
        }
    }

    fn is_declared(&self, address: &str) -> bool {
        self.loaded.places.contains_key(address)
    }

    fn variable(&self, found: &Use<'_>) -> Result<(), Diagnostic> {
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

    fn local(&self, found: &Use<'_>) -> Result<(), Diagnostic> {
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

    fn module_call(&self, found: &Use<'_>) -> Result<(), Diagnostic> {
        let reference = found.reference;
        let name = name_after(reference, 1, "the name of a module call")?;
        let Some(call) = self.module.calls.get(name) else {
            if self.is_declared(reference.through(1)) {
                return Ok(());
            }
            let problem = Diagnostic::error("Reference to undeclared module")
                .detail(format!("There is no module call named {name:?} in {}.", self.place()))
                .at(reference.span);
            return Err(suggest(problem, name, names(self.module.calls.keys())));
        };
        let target = Found { address: reference.through(1), repetition: &call.repetition, steps: 1 };
        self.whole_object(found, &target)?;
        let Some((output, at)) = self.attribute(found, &target)? else { return Ok(()) };
        if call.module.outputs.contains_key(output) || call.module.directory.as_os_str().is_empty() {
            return Ok(());
        }
        let problem = Diagnostic::error("Unsupported attribute")
            .detail(format!("The module that module.{name} calls has no output named {output:?}."))
            .at(reference.step_span(at));
        Err(suggest(problem, output, names(call.module.outputs.keys())))
    }

    fn data(&self, found: &Use<'_>) -> Result<(), Diagnostic> {
        let reference = found.reference;
        let (Some(kind), Some(_)) = (reference.name(1), reference.name(2)) else {
            return Err(Diagnostic::error("Invalid reference")
                .detail("After data, the data source and the name of the block are expected: data.kind.name.")
                .at(reference.span));
        };
        let address = reference.through(2);
        let Some(resource) = self.module.resources.get(address) else {
            return match self.is_declared(address) {
                true => Ok(()),
                false => Err(self.undeclared_resource(reference, address, "data source")),
            };
        };
        if resource.check.is_some() && resource.check.as_ref() != found.site.check {
            return Err(Diagnostic::error("Reference to scoped resource")
                .detail(format!("{address} belongs to a check block and can only be referred to in it."))
                .at(reference.span));
        }
        let schema = self.known.catalog.data(kind).map(|(_, schema)| schema);
        let target = Found { address, repetition: &resource.repetition, steps: 2 };
        self.whole_object(found, &target)?;
        self.schema_attribute(found, &target, schema)
    }

    fn resource(&self, found: &Use<'_>) -> Result<(), Diagnostic> {
        let reference = found.reference;
        let kind = &*reference.root;
        if reference.name(1).is_none() {
            return Err(self.lone_name(reference));
        }
        let address = reference.through(1);
        let Some(resource) = self.module.resources.get(address) else {
            return match self.is_declared(address) {
                true => Ok(()),
                false => Err(self.undeclared_resource(reference, address, "resource")),
            };
        };
        let schema = self.known.catalog.resource(kind).map(|(_, resource)| &resource.schema);
        let target = Found { address, repetition: &resource.repetition, steps: 1 };
        not_itself(found, target.address)?;
        self.whole_object(found, &target)?;
        self.schema_attribute(found, &target, schema)
    }

    fn domain(&self, found: &Use<'_>) -> Result<(), Diagnostic> {
        let reference = found.reference;
        let kind = &*reference.root;
        let Some(name) = reference.name(1) else { return Err(self.lone_name(reference)) };
        let address = reference.through(1);
        let Some(block) = self.module.domain.get(address) else {
            if self.is_declared(address) {
                return Ok(());
            }
            let problem = Diagnostic::error(format!("Reference to undeclared {kind}"))
                .detail(format!("There is no {kind} named {name:?} in {}.", self.place()))
                .at(reference.span);
            return Err(suggest(problem, name, self.names_of(&format!("{kind}."))));
        };
        let target = Found { address, repetition: &block.repetition, steps: 1 };
        self.attribute(found, &target)?;
        self.part_of(found, &target, &block.body)
    }

    /// Whether `application.shop.service.api` names a service that is there.
    fn part_of(&self, found: &Use<'_>, target: &Found<'_>, body: &Body) -> Result<(), Diagnostic> {
        let names = reference_names(found.reference);
        let [_, _, keyword, name, ..] = &names[..] else { return Ok(()) };
        if !self.is_part(Some(body), keyword) {
            return Ok(());
        }
        let known: Vec<&str> = labels(body, keyword).collect();
        if known.contains(name) {
            return Ok(());
        }
        let problem = Diagnostic::error(format!("Reference to undeclared {keyword}"))
            .detail(format!("{} has no {keyword} named {name:?}.", target.address))
            .at(found.reference.span);
        Err(suggest(problem, name, known))
    }

    fn is_part(&self, body: Option<&Body>, keyword: &str) -> bool {
        body.is_some_and(|body| labels(body, keyword).next().is_some())
    }

    fn count(&self, found: &Use<'_>) -> Result<(), Diagnostic> {
        attribute_of(found.reference, &["index"])?;
        match found.site.count {
            true => Ok(()),
            false => Err(Diagnostic::error("Reference to \"count\" in non-counted context")
                .detail("There is a count.index only in a block with the argument count.")
                .at(found.reference.span)),
        }
    }

    fn each(&self, found: &Use<'_>) -> Result<(), Diagnostic> {
        attribute_of(found.reference, &["key", "value"])?;
        match found.site.each {
            true => Ok(()),
            false => Err(Diagnostic::error("Reference to \"each\" in context without for_each")
                .detail("There is an each.key and an each.value only in a block with the argument for_each.")
                .at(found.reference.span)),
        }
    }

    fn provider(&self, reference: &Reference) -> Result<(), Diagnostic> {
        let address = reference.to_string();
        let is_connection = self.root.providers.contains_key(&*address)
            || self.module.domain.contains_key(&*address)
            || (reference.steps.is_empty() && self.known.catalog.provider(&reference.root).is_some());
        if is_connection || self.is_declared(&address) {
            return Ok(());
        }
        let problem = Diagnostic::error("Unknown connection")
            .detail(format!("{address} is neither a provider block of the root module nor a block with a connection."))
            .at(reference.span);
        Err(suggest(problem, &address, names(self.root.providers.keys())))
    }

    /// A name that leads nowhere because nothing follows it.
    fn lone_name(&self, reference: &Reference) -> Diagnostic {
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

    fn undeclared_resource(&self, reference: &Reference, address: &str, what: &str) -> Diagnostic {
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
    fn names_of(&self, prefix: &str) -> impl Iterator<Item = &str> {
        let resources = self.module.resources.keys().chain(self.module.domain.keys());
        resources.filter_map(move |address| address.strip_prefix(prefix)).take(MAX_CANDIDATES)
    }

    fn place(&self) -> String {
        match self.module.directory.to_str() {
            Some(".") | None => "the root module".to_owned(),
            Some(directory) => format!("the module in {directory}"),
        }
    }

    /// In `depends_on`, only whole objects can be named.
    fn whole_object(&self, found: &Use<'_>, target: &Found<'_>) -> Result<(), Diagnostic> {
        if found.purpose != Purpose::Wait {
            return Ok(());
        }
        let mut rest = found.reference.steps.iter().skip(target.steps);
        match rest.find(|step| matches!(step, ReferenceStep::Attribute(_))) {
            None => Ok(()),
            Some(_) => Err(Diagnostic::error("Invalid depends_on reference")
                .detail("One waits for a whole object, not for an attribute of it.")
                .at(found.reference.span)
                .help(format!("Write {}.", target.address))),
        }
    }

    /// The attribute that follows the object and its key, with the position of its step.
    fn attribute<'r>(&self, found: &'r Use<'_>, target: &Found<'_>) -> Result<Option<(&'r str, usize)>, Diagnostic> {
        let steps = &found.reference.steps;
        let at = target.steps;
        let is_single = matches!(target.repetition, Repetition::Single);
        let address = target.address;
        match (steps.get(at), steps.get(at + 1)) {
            (Some(ReferenceStep::Attribute(name)), _) if is_single => Ok(Some((name, at))),
            (Some(ReferenceStep::Key(key)), _) if is_single => {
                Err(Diagnostic::error("Unexpected resource instance key")
                    .detail(format!("{address} has neither count nor for_each: there is one, without a key."))
                    .at(found.reference.span)
                    .help(format!("Take {key} away.")))
            }
            (Some(ReferenceStep::Attribute(_)), _) => Err(missing_key(found.reference, target)),
            (Some(ReferenceStep::Key(key)), Some(ReferenceStep::Attribute(name))) => {
                key_fits(found.reference, target, key)?;
                Ok(Some((name, at + 1)))
            }
            (Some(ReferenceStep::Key(key)), _) => key_fits(found.reference, target, key).map(|()| None),
            (None, _) => Ok(None),
        }
    }

    fn schema_attribute(
        &self,
        found: &Use<'_>,
        target: &Found<'_>,
        schema: Option<&portolan_lang::Schema>,
    ) -> Result<(), Diagnostic> {
        let Some((name, at)) = self.attribute(found, target)? else { return Ok(()) };
        let Some(schema) = schema.filter(|schema| schema.names().all(|known| known != name)) else { return Ok(()) };
        let problem = Diagnostic::error("Unsupported attribute")
            .detail(format!("{} has no attribute named {name:?}.", target.address))
            .at(found.reference.step_span(at));
        Err(suggest(problem, name, schema.names()))
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

/// What is inside a block of the domain has short names there: `service.api`.
fn part(found: &Use<'_>, keyword: &str) -> Result<(), Diagnostic> {
    let reference = found.reference;
    let Some(body) = found.site.inside else { return Ok(()) };
    let name = name_after(reference, 1, &format!("the name of a {keyword}"))?;
    if labels(body, keyword).any(|label| label == name) {
        return Ok(());
    }
    let problem = Diagnostic::error(format!("Reference to undeclared {keyword}"))
        .detail(format!("There is no {keyword} named {name:?} in {}.", found.user))
        .at(reference.span);
    Err(suggest(problem, name, labels(body, keyword)))
}

fn labels<'b>(body: &'b Body, keyword: &'b str) -> impl Iterator<Item = &'b str> {
    body.blocks(keyword).filter_map(|block| block.labels.first()).map(|label| &*label.name)
}

fn not_itself(found: &Use<'_>, address: &str) -> Result<(), Diagnostic> {
    match found.user {
        User::Object(own) if **own == *address => Err(Diagnostic::error("Self-referential block")
            .detail(format!("The configuration of {address} cannot refer to itself."))
            .at(found.reference.span)),
        _ => Ok(()),
    }
}

fn missing_key(reference: &Reference, target: &Found<'_>) -> Diagnostic {
    let address = &target.address;
    let (argument, key) = match target.repetition {
        Repetition::Count(_) => ("count", "count.index"),
        _ => ("for_each", "each.key"),
    };
    Diagnostic::error("Missing resource instance key")
        .detail(format!("{address} has {argument}, so an attribute is one of a certain instance."))
        .at(reference.span)
        .help(format!("Write {address}[{key}] for the instance that corresponds, or {address}[*] for all of them."))
}

fn key_fits(reference: &Reference, target: &Found<'_>, key: &InstanceKey) -> Result<(), Diagnostic> {
    let expected = match (target.repetition, key) {
        (Repetition::Count(_), InstanceKey::Key(_)) => "a number",
        (Repetition::ForEach(_), InstanceKey::Index(_)) => "a string",
        _ => return Ok(()),
    };
    Err(Diagnostic::error("Invalid index")
        .detail(format!("The instances of {} have other keys than {key}: {expected} is required.", target.address))
        .at(reference.span))
}

fn attribute_of(reference: &Reference, known: &[&'static str]) -> Result<(), Diagnostic> {
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

/// The name at a position of a reference, where there must be one.
fn name_after<'r>(reference: &'r Reference, position: usize, expected: &str) -> Result<&'r str, Diagnostic> {
    reference.name(position).ok_or_else(|| {
        Diagnostic::error("Invalid reference")
            .detail(format!("After {}, {expected} is expected: {}.name.", reference.root, reference.root))
            .at(reference.span)
    })
}

/// The names in a reference, without its keys.
fn reference_names(reference: &Reference) -> Vec<&str> {
    let steps = reference.steps.iter().filter_map(|step| match step {
        ReferenceStep::Attribute(name) => Some(&**name),
        ReferenceStep::Key(_) => None,
    });
    [&*reference.root].into_iter().chain(steps).collect()
}

fn names<'n>(names: impl Iterator<Item = &'n Arc<str>>) -> impl Iterator<Item = &'n str> {
    names.map(|name| &**name).take(MAX_CANDIDATES)
}

fn or_help(diagnostic: Diagnostic, help: impl FnOnce() -> String) -> Diagnostic {
    if diagnostic.help.is_some() { diagnostic } else { diagnostic.help(help()) }
}
