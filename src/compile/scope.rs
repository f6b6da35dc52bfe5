//! The names that expressions of a module may use.

use std::sync::Arc;

use portolan_lang::diagnostic::did_you_mean;
use portolan_lang::eval::{Host, Reference, ReferenceStep, Resolved, Scope};
use portolan_lang::{Diagnostic, Type, Value};

use super::domain;
use super::evaluator::Evaluator;
use super::module::{ModuleId, ModuleInstance};

/// What `each` and `count` mean.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Each {
    /// Neither is defined.
    None,
    /// `count.index`
    Count(usize),
    /// `each.key` and `each.value`
    Entry(Arc<str>, Value),
    /// Both are defined, but not known.
    Unknown,
}

/// The scope of one module instance, and of one block instance in it.
pub(super) struct ModuleScope<'e> {
    evaluator: &'e Evaluator,
    module: ModuleId,
    instance: Arc<ModuleInstance>,
    each: Each,
    itself: Option<Value>,
}

type Found = Result<Resolved, Diagnostic>;

fn found(value: Value, steps: usize) -> Found {
    Ok(Resolved { value, steps })
}

impl<'e> ModuleScope<'e> {
    pub(super) fn new(evaluator: &'e Evaluator, module: ModuleId, each: Each) -> Self {
        ModuleScope { evaluator, module, instance: evaluator.module(module), each, itself: None }
    }

    /// The same scope with a meaning for `self`.
    pub(super) fn with_self(mut self, itself: Option<Value>) -> Self {
        self.itself = itself;
        self
    }

    fn variable(&self, reference: &Reference) -> Found {
        let names = &self.instance.module.variables;
        let name = self.named(reference, 1, "variable")?;
        match names.get_index_of(name) {
            Some(position) => found(self.evaluator.variable(self.module, position), 1),
            None => Err(undeclared(reference, "input variable", "var.", name, names.keys().map(|key| &**key))),
        }
    }

    fn local(&self, reference: &Reference) -> Found {
        let names = &self.instance.module.locals;
        let name = self.named(reference, 1, "local value")?;
        match names.get_index_of(name) {
            Some(position) => found(self.evaluator.local(self.module, position), 1),
            None => Err(undeclared(reference, "local value", "local.", name, names.keys().map(|key| &**key))),
        }
    }

    /// `module.name`, `module.name.output`, `module.name["key"].output`: an output by itself
    /// where the reference says which, so that it does not wait for the others.
    fn call(&self, reference: &Reference) -> Found {
        let names = &self.instance.module.calls;
        let name = self.named(reference, 1, "module")?;
        let Some(position) = names.get_index_of(name) else {
            return Err(undeclared(reference, "module", "module.", name, names.keys().map(|key| &**key)));
        };
        let (key, output) = match reference.steps.get(1..) {
            Some([ReferenceStep::Key(key), ReferenceStep::Attribute(output), ..]) => (Some(key), Some(output)),
            Some([ReferenceStep::Attribute(output), ..]) => (None, Some(output)),
            _ => (None, None),
        };
        let child = output.and_then(|output| Some((output, self.evaluator.child(self.module, position, key)?)));
        if let Some((output, child)) = child
            && let Some(at) = self.evaluator.module(child).module.outputs.get_index_of(output)
        {
            return found(self.evaluator.output(child, at), 2 + usize::from(key.is_some()));
        }
        found(self.evaluator.call(self.module, position), 1)
    }

    /// `type.name` and `data.source.name`, with the steps that stand before the name.
    fn resource(&self, reference: &Reference, before: usize) -> Found {
        let names = &self.instance.module.resources;
        let Some(local) = reference.named(before + 1) else { return Err(incomplete(reference)) };
        let Some(position) = names.get_index_of(local) else {
            return Err(undeclared(reference, "resource", "", local, names.keys().map(|key| &**key)));
        };
        if let Some(ReferenceStep::Key(key)) = reference.steps.get(before + 1)
            && let Some(value) = self.evaluator.resource_instance(self.module, position, key)
        {
            return found(value, before + 2);
        }
        found(self.evaluator.resource(self.module, position), before + 1)
    }

    fn domain(&self, reference: &Reference) -> Found {
        let names = &self.instance.module.domain;
        self.named(reference, 1, &reference.root)?;
        let local = reference.through(1);
        match names.get_index_of(local) {
            Some(position) => found(self.evaluator.domain(self.module, position), 1),
            None => Err(undeclared(reference, &reference.root, "", local, names.keys().map(|key| &**key))),
        }
    }

    fn each(&self, reference: &Reference) -> Found {
        match (&self.each, reference.name(1)) {
            (Each::Entry(key, _), Some("key")) => found(Value::string(key.clone()), 1),
            (Each::Entry(_, value), Some("value")) => found(value.clone(), 1),
            (Each::Unknown, Some("key")) => found(Value::unknown_not_null(Type::String), 1),
            (Each::Unknown, Some("value")) => found(Value::unknown(Type::Any), 1),
            (Each::Entry(..) | Each::Unknown, _) => Err(invalid(
                reference,
                "Invalid \"each\" attribute",
                "\"each\" has the attributes \"key\" and \"value\".",
            )),
            _ => Err(invalid(
                reference,
                "Reference to \"each\" in context without for_each",
                "\"each\" only has a meaning in blocks with \"for_each\".",
            )),
        }
    }

    fn count(&self, reference: &Reference) -> Found {
        match (&self.each, reference.name(1)) {
            (Each::Count(index), Some("index")) => found(Value::number(*index), 1),
            // Checking names has told where neither count nor for_each is given.
            (Each::Unknown, Some("index")) => found(Value::unknown_not_null(Type::Number), 1),
            (Each::Count(_) | Each::Unknown, _) => {
                Err(invalid(reference, "Invalid \"count\" attribute", "\"count\" has the attribute \"index\" alone."))
            }
            _ => Err(invalid(
                reference,
                "Reference to \"count\" in non-counted context",
                "\"count\" only has a meaning in blocks with \"count\".",
            )),
        }
    }

    fn itself(&self, reference: &Reference) -> Found {
        match &self.itself {
            Some(value) => found(value.clone(), 0),
            None => {
                Err(invalid(reference, "Invalid \"self\" reference", "\"self\" only has a meaning in postconditions."))
            }
        }
    }

    fn named<'r>(&self, reference: &'r Reference, at: usize, what: &str) -> Result<&'r str, Diagnostic> {
        reference.name(at).ok_or_else(|| {
            invalid(
                reference,
                "Invalid reference",
                &format!("The name of a {what} must follow \"{}\" after a dot.", reference.root),
            )
        })
    }
}

impl Scope for ModuleScope<'_> {
    fn resolve(&self, reference: &Reference) -> Found {
        match &*reference.root {
            "var" => self.variable(reference),
            "local" => self.local(reference),
            "module" => self.call(reference),
            "data" => self.resource(reference, 1),
            "each" => self.each(reference),
            "count" => self.count(reference),
            "self" => self.itself(reference),
            "path" => found(self.evaluator.path(&self.instance.module), 0),
            "portolan" | "terraform" => found(self.evaluator.program(), 0),
            root if domain::kind(root).is_some() => self.domain(reference),
            _ => self.resource(reference, 0),
        }
    }

    fn host(&self) -> &dyn Host {
        &*self.evaluator.host
    }
}

fn invalid(reference: &Reference, summary: &str, detail: &str) -> Diagnostic {
    Diagnostic::error(summary).detail(detail).at(reference.span)
}

fn incomplete(reference: &Reference) -> Diagnostic {
    let known = ["var", "local", "module", "data", "path", "each", "count", "self"];
    let problem = invalid(
        reference,
        "Invalid reference",
        "A reference to a resource is its type and its name, with a dot between them.",
    );
    match did_you_mean(&reference.root, known) {
        Some(name) => problem.help(format!("Did you mean \"{name}\"?")),
        None => problem.help("A text needs quotes."),
    }
}

fn undeclared<'a>(
    reference: &Reference,
    what: &str,
    prefix: &str,
    name: &str,
    names: impl Iterator<Item = &'a str>,
) -> Diagnostic {
    let problem = invalid(
        reference,
        &format!("Reference to undeclared {what}"),
        &format!("There is no {what} \"{prefix}{name}\" in this module."),
    );
    match did_you_mean(name, names) {
        Some(near) => problem.help(format!("Did you mean \"{prefix}{near}\"?")),
        None => problem,
    }
}
