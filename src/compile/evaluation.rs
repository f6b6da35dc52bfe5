//! The evaluation of what each instance ought to be, as far as the world is known.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::convert::convert;
use portolan_lang::syntax::Expr;
use portolan_lang::{Address, AttributePath, Diagnostic, Diagnostics, Marks, Schema, Span, Type, Value};

use super::conditions;
use super::desired::{Desired, InstanceId};
use super::domain::{Compiled, CompiledResource};
use super::evaluator::{Evaluator, Known, Node};
use super::expand::Origin;
use super::gather::with_gathered;
use super::inputs::SharedHost;
use super::module::{Instances, ModuleId};
use super::moves::dynamic_address;
use super::scope::{Each, ModuleScope};
use crate::config::{Check, ResourceBlock};

/// An output of the root module.
#[derive(Debug, Clone)]
pub struct OutputValue {
    /// Its name.
    pub name: Arc<str>,
    /// Its value; marked as sensitive where the output is.
    pub value: Value,
}

/// When a condition is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionTime {
    /// Before the change.
    Before,
    /// After it.
    After,
}

/// Evaluates configurations while the values of instances become known one by one.
///
/// The stage is in the values alone: an instance that was not [`set`](Evaluation::set) is
/// unknown, one that was set has its planned value while planning and its final value while
/// applying. What depends on an instance must be asked for after it was set; everything that
/// is evaluated once is kept.
pub struct Evaluation<'a> {
    desired: &'a Desired,
    /// `None` for a `Desired` that was not compiled from a configuration.
    evaluator: Option<Evaluator>,
}

impl<'a> Evaluation<'a> {
    /// An evaluation in which no instance is known yet.
    pub fn new(desired: &'a Desired) -> Self {
        let expansion = &desired.expansion;
        let evaluator = expansion.settled.as_ref().map(|settled| {
            let known = Known { first: expansion.first.clone(), values: vec![None; desired.instances.len()] };
            Evaluator::resume(settled, known)
        });
        Evaluation { desired, evaluator }
    }

    /// The same evaluation with another answer to what functions ask of the outside: while
    /// applying, the time of the run is known.
    #[must_use]
    pub fn on(mut self, host: SharedHost) -> Self {
        if let Some(evaluator) = &mut self.evaluator {
            evaluator.host = host;
        }
        self
    }

    pub(super) fn evaluator(&self) -> Option<&Evaluator> {
        self.evaluator.as_ref()
    }

    /// What ought to exist.
    pub fn desired(&self) -> &'a Desired {
        self.desired
    }

    /// Makes known what an instance is or is planned to be.
    pub fn set(&mut self, id: InstanceId, value: Value) {
        if let Some(evaluator) = &mut self.evaluator {
            evaluator.set(id, value);
        }
    }

    /// What the configuration says of an instance: a value that fits the schema of its type,
    /// null where the configuration says nothing, unknown where it depends on what is unknown.
    pub fn configuration(&self, id: InstanceId) -> (Value, Diagnostics) {
        let Some((evaluator, origin)) = self.origin(id) else {
            return (Value::unknown(Type::Any), Diagnostics::new());
        };
        let address = &self.desired.instance(id).address;
        let value = match origin.node {
            Node::Domain(module, at) => self.compiled_configuration(evaluator, module, at, origin, address),
            Node::Resource(module, at) => {
                let instance = evaluator.module(module);
                match instance.module.resources.get_index(at as usize) {
                    Some((_, block)) => {
                        let each = each_of(evaluator, module, at, block, origin);
                        evaluator.resource_configuration(module, block, each)
                    }
                    None => Value::unknown(Type::Any),
                }
            }
            _ => Value::unknown(Type::Any),
        };
        let value = match self.desired.expansion.gathered.get(&id) {
            Some(members) => with_gathered(self.desired, evaluator, (id, members), value),
            None => value,
        };
        (value, addressed(evaluator.take_diagnostics(), address))
    }

    fn compiled_configuration(
        &self,
        evaluator: &Evaluator,
        module: ModuleId,
        at: u32,
        origin: Origin,
        address: &Address,
    ) -> Value {
        let is_open = |all: &[Compiled]| !found(all, origin, address).is_some_and(|one| one.config.is_wholly_known());
        let compiled = evaluator.compiled_unless(module, at as usize, is_open);
        let Some(resource) = found(&compiled, origin, address) else {
            evaluator.report([Diagnostic::error("Shape changed while applying")
                .detail(format!("{address} was planned, but is no longer wanted now that more is known."))
                .at(self.span(address))
                .help("Plan again.")]);
            return Value::unknown(Type::Any);
        };
        let Some((_, schema)) = evaluator.inputs.catalog.resource(resource.resource_type) else {
            return Value::unknown(Type::Any);
        };
        fit(&resource.config, &schema.schema).unwrap_or_else(|problem| {
            evaluator.report([problem.or_at(self.span(address))]);
            Value::unknown(Type::Any)
        })
    }

    fn span(&self, address: &Address) -> Span {
        let found = self.desired.instances.iter().find(|instance| instance.address == *address);
        found.map_or(Span::new(portolan_lang::FileId(0), 0..0), |instance| instance.span)
    }

    pub(super) fn origin(&self, id: InstanceId) -> Option<(&Evaluator, Origin)> {
        Some((self.evaluator.as_ref()?, *self.desired.expansion.origins.get(id.0 as usize)?))
    }

    /// The block of an instance with the scope that its expressions are evaluated in.
    fn block(&self, id: InstanceId) -> Option<(&Evaluator, Arc<ResourceBlock>, ModuleScope<'_>)> {
        let (evaluator, origin) = self.origin(id)?;
        let Node::Resource(module, at) = origin.node else { return None };
        let instance = evaluator.module(module);
        let (_, block) = instance.module.resources.get_index(at as usize)?;
        let each = each_of(evaluator, module, at, block, origin);
        Some((evaluator, block.clone(), evaluator.scope(module, each)))
    }

    /// Whether any of the instance's `replace_triggered_by` refers to something of which
    /// `changed` holds. `changed` gets the instance and, where the reference goes on to an
    /// attribute, that attribute's name.
    pub fn is_replacement_triggered(
        &self,
        id: InstanceId,
        changed: &dyn Fn(InstanceId, Option<&str>) -> bool,
    ) -> (bool, Diagnostics) {
        let mut problems = Diagnostics::new();
        let mut triggered = false;
        let Some((evaluator, block, scope)) = self.block(id) else { return (false, problems) };
        let Some((_, origin)) = self.origin(id) else { return (false, problems) };
        let Node::Resource(module, _) = origin.node else { return (false, problems) };
        for expr in &block.lifecycle.replace_triggered_by {
            match self.triggers(evaluator, module, expr, &scope) {
                Ok((instances, attribute)) => {
                    triggered |= instances.iter().any(|other| changed(*other, attribute.as_deref()));
                }
                Err(problem) => problems.push(problem),
            }
        }
        (triggered, addressed(problems, &self.desired.instance(id).address))
    }

    /// The instances, and the attribute if there is one, that a trigger names.
    fn triggers(
        &self,
        evaluator: &Evaluator,
        module: ModuleId,
        expr: &Expr,
        scope: &ModuleScope<'_>,
    ) -> Result<(Vec<InstanceId>, Option<Arc<str>>), Diagnostic> {
        let address = dynamic_address(expr, scope)?;
        let segments = address.segments();
        let names: Vec<&str> = segments.iter().take(2).map(|segment| &*segment.name).collect();
        let declared = evaluator.module(module);
        let found = declared.module.resources.get_index_of(&*names.join("."));
        let (Some(at), Some(last)) = (found, segments.get(1)) else {
            return Err(Diagnostic::error("Invalid replace_triggered_by reference")
                .detail("A managed resource of this module, or an attribute of one, is required.")
                .at(expr.span));
        };
        let first = self.desired.expansion.first.get(&Node::Resource(module, at as u32));
        let (Some(first), Some((_, block))) = (first, declared.module.resources.get_index(at)) else {
            return Ok((Vec::new(), None));
        };
        let instances = evaluator.resource_instances(module, at, block);
        let positions = match &last.key {
            None => 0..instances.len(),
            Some(key) => instances.position(key).map_or(0..0, |at| at..at + 1),
        };
        let attribute = segments.get(2).map(|segment| segment.name.clone());
        Ok((positions.map(|at| InstanceId(first.0 + at as u32)).collect(), attribute))
    }

    /// Checks the instance's conditions; a condition that is still unknown is no problem.
    /// `itself` is what `self` means in a postcondition.
    pub fn conditions(&self, id: InstanceId, time: ConditionTime, itself: Option<&Value>) -> Diagnostics {
        let Some((evaluator, block, scope)) = self.block(id) else { return Diagnostics::new() };
        let (list, wording) = match time {
            ConditionTime::Before => (&block.lifecycle.preconditions, conditions::BEFORE),
            ConditionTime::After => (&block.lifecycle.postconditions, conditions::AFTER),
        };
        if list.is_empty() {
            return Diagnostics::new();
        }
        let mut problems = conditions::check(list, &scope.with_self(itself.cloned()), wording);
        problems.extend(evaluator.take_diagnostics());
        addressed(problems, &self.desired.instance(id).address)
    }

    /// The outputs of the root module, sorted by name.
    pub fn outputs(&self) -> (Vec<OutputValue>, Diagnostics) {
        let Some(evaluator) = &self.evaluator else { return (Vec::new(), Diagnostics::new()) };
        let root = evaluator.module(ModuleId::ROOT);
        let mut values = BTreeMap::new();
        for (position, output) in root.module.outputs.values().enumerate() {
            let value = evaluator.output(ModuleId::ROOT, position);
            let marks = value.deep_marks();
            if marks.contains(Marks::SENSITIVE) && !output.sensitive {
                evaluator.report([Diagnostic::error("Output refers to sensitive values")
                    .detail(format!("The value of the output \"{}\" is made from sensitive values.", output.name.name))
                    .at(output.span)
                    .help("If it is meant to be recorded, say so: sensitive = true")]);
            }
            if marks.contains(Marks::EPHEMERAL) {
                evaluator.report([Diagnostic::error("Ephemeral value not allowed")
                    .detail("The value of an output of the root module is recorded, so it cannot be made from ephemeral values.")
                    .at(output.value.span)]);
            }
            values.insert(output.name.name.clone(), value);
        }
        let outputs = values.into_iter().map(|(name, value)| OutputValue { name, value }).collect();
        (outputs, evaluator.take_diagnostics())
    }

    /// The outputs that are recorded: those that are not null, as far as they are known.
    pub fn recorded_outputs(&self) -> Vec<OutputValue> {
        self.outputs().0.into_iter().filter(|output| !output.value.is_null()).collect()
    }

    /// The assertions of all `check` blocks: what does not hold is a warning.
    pub fn checks(&self) -> Diagnostics {
        self.each_check(|check, scope| conditions::check(&check.assertions, scope, conditions::CHECK))
    }

    /// A warning for each assertion of a `check` block that is not known yet.
    pub fn pending_checks(&self) -> Diagnostics {
        self.each_check(|check, scope| conditions::pending(&check.assertions, scope))
    }

    fn each_check(&self, judge: impl Fn(&Check, &ModuleScope<'_>) -> Diagnostics) -> Diagnostics {
        let Some(evaluator) = &self.evaluator else { return Diagnostics::new() };
        let mut problems = Diagnostics::new();
        for at in 0..evaluator.module_count() {
            let id = ModuleId(at as u32);
            let instance = evaluator.module(id);
            for check in instance.module.checks.values().filter(|check| is_read(evaluator, id, check)) {
                problems.extend(judge(check, &evaluator.scope(id, Each::None)));
            }
        }
        problems.extend(evaluator.take_diagnostics());
        problems
    }

    /// An expression evaluated in the root module.
    pub fn expression(&self, expr: &Expr) -> (Value, Diagnostics) {
        let Some(evaluator) = &self.evaluator else { return (Value::unknown(Type::Any), Diagnostics::new()) };
        let value = evaluator.evaluate(expr, &evaluator.scope(ModuleId::ROOT, Each::None));
        (value, evaluator.take_diagnostics())
    }

    /// Everything that can be found wrong without knowing any instance: every configuration and
    /// every output is evaluated.
    pub fn validate(&self) -> Diagnostics {
        let mut problems = Diagnostics::new();
        for (id, _) in self.desired.iter() {
            problems.extend(self.configuration(id).1);
        }
        problems.extend(self.outputs().1);
        problems.extend(self.checks());
        problems
    }
}

/// Whether a check can be judged: its data source, if it has one, is not null, which it is after
/// reading it failed.
pub(super) fn is_read(evaluator: &Evaluator, module: ModuleId, check: &Check) -> bool {
    let declared = evaluator.module(module);
    let position = check.data.as_ref().and_then(|address| declared.module.resources.get_index_of(address));
    position.is_none_or(|position| !evaluator.resource(module, position).is_null())
}

pub(super) fn each_of(evaluator: &Evaluator, module: ModuleId, at: u32, block: &ResourceBlock, origin: Origin) -> Each {
    let instances: Instances = evaluator.resource_instances(module, at as usize, block);
    instances.each(origin.position as usize)
}

fn addressed(problems: Diagnostics, address: &Address) -> Diagnostics {
    let mut named = Diagnostics::new();
    named.extend(problems.into_iter().map(|problem| match problem.address {
        Some(_) => problem,
        None => problem.of(address),
    }));
    named
}

/// Completes what a domain block says of a resource to a value that fits the schema.
pub(super) fn fit(config: &Value, schema: &Schema) -> Result<Value, Diagnostic> {
    let mut entries = Vec::with_capacity(schema.attributes.len());
    for attribute in &schema.attributes {
        let value = match config.get(&attribute.name) {
            Some(value) => convert(&value, &attribute.ty).map_err(|error| {
                let path: AttributePath = error.path;
                Diagnostic::error("Unsuitable value").detail(format!("{}{path}: {}.", attribute.name, error.message))
            })?,
            None => attribute.default.clone().unwrap_or_else(|| Value::null(attribute.ty.clone())),
        };
        entries.push((attribute.name.clone(), value));
    }
    Ok(Value::object(entries))
}

/// A resource among those that a block compiles to.
fn found<'c>(compiled: &'c [Compiled], origin: Origin, address: &Address) -> Option<&'c CompiledResource> {
    let resources = &compiled.get(origin.position as usize)?.resources;
    // The same position nearly always: which resources there are does not change.
    let same = |resource: &&CompiledResource| resource.address == *address;
    resources.get(origin.resource as usize).filter(same).or_else(|| resources.iter().find(same))
}
