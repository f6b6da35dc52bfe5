//! References to blocks: modules, resources, data sources, blocks of the domain and their parts.

use portolan_lang::Diagnostic;
use portolan_lang::eval::{Reference, ReferenceStep};
use portolan_lang::syntax::Body;

use super::steps::{Found, missing_key};
use super::undeclared::names;
use super::{Checker, name_after};
use crate::config::content::suggest;
use crate::config::model::Repetition;
use crate::config::part;
use crate::config::uses::{Use, User};

impl Checker<'_> {
    pub(super) fn module_call(&self, found: &Use<'_>) -> Result<(), Diagnostic> {
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

    pub(super) fn data(&self, found: &Use<'_>) -> Result<(), Diagnostic> {
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

    pub(super) fn resource(&self, found: &Use<'_>) -> Result<(), Diagnostic> {
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

    pub(super) fn domain(&self, found: &Use<'_>) -> Result<(), Diagnostic> {
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
    pub(super) fn part_of(&self, found: &Use<'_>, target: &Found<'_>, body: &Body) -> Result<(), Diagnostic> {
        let names = reference_names(found.reference);
        let [_, _, keyword, name, ..] = &names[..] else { return Ok(()) };
        if !part::may_have_any(body, keyword) || part::may_have(body, keyword, name) {
            return Ok(());
        }
        let problem = Diagnostic::error(format!("Reference to undeclared {keyword}"))
            .detail(format!("{} has no {keyword} named {name:?}.", target.address))
            .at(found.reference.span);
        Err(suggest(problem, name, part::labels(body, keyword)))
    }

    /// Whether there is such a connection; `has_key` where the key of an instance follows.
    pub(super) fn provider(&self, reference: &Reference, has_key: bool) -> Result<(), Diagnostic> {
        let address = reference.to_string();
        let is_provider = self.root.providers.contains_key(&*address)
            || (reference.steps.is_empty() && self.known.catalog.provider(&reference.root).is_some());
        let repetition = match self.module.domain.get(&*address) {
            _ if is_provider => &Repetition::Single,
            Some(block) => &block.repetition,
            None if self.is_declared(&address) => return Ok(()),
            None => return Err(self.unknown_connection(reference)),
        };
        match (repetition, has_key) {
            (Repetition::Single, false) | (Repetition::Count(_) | Repetition::ForEach(_), true) => Ok(()),
            (Repetition::Single, true) => Err(Diagnostic::error("Unexpected resource instance key")
                .detail(format!("{address} has neither count nor for_each: there is one, without a key."))
                .at(reference.span)
                .help(format!("Write {address}."))),
            (_, false) => {
                let help = format!("Write {address}[KEY] for one of them.");
                Err(missing_key(reference, &Found { address: &address, repetition, steps: 1 }).help(help))
            }
        }
    }

    fn unknown_connection(&self, reference: &Reference) -> Diagnostic {
        let address = reference.to_string();
        let problem = Diagnostic::error("Unknown connection")
            .detail(format!("{address} is neither a provider block of the root module nor a block with a connection."))
            .at(reference.span);
        suggest(problem, &address, names(self.root.providers.keys()))
    }
}

/// What is inside a block of the domain has short names there: `service.api`.
pub(super) fn own_part(found: &Use<'_>, keyword: &str) -> Result<(), Diagnostic> {
    let reference = found.reference;
    let Some(body) = found.site.inside else { return Ok(()) };
    let name = name_after(reference, 1, &format!("the name of a {keyword}"))?;
    if part::may_have(body, keyword, name) {
        return Ok(());
    }
    let problem = Diagnostic::error(format!("Reference to undeclared {keyword}"))
        .detail(format!("There is no {keyword} named {name:?} in {}.", found.user))
        .at(reference.span);
    Err(suggest(problem, name, part::labels(body, keyword)))
}

pub(super) fn not_itself(found: &Use<'_>, address: &str) -> Result<(), Diagnostic> {
    match found.user {
        User::Object(own) if **own == *address => Err(Diagnostic::error("Self-referential block")
            .detail(format!("The configuration of {address} cannot refer to itself."))
            .at(found.reference.span)),
        _ => Ok(()),
    }
}

/// The names in a reference, without its keys.
pub(super) fn reference_names(reference: &Reference) -> Vec<&str> {
    let steps = reference.steps.iter().filter_map(|step| match step {
        ReferenceStep::Attribute(name) => Some(&**name),
        ReferenceStep::Key(_) => None,
    });
    [&*reference.root].into_iter().chain(steps).collect()
}
