//! What `count` and `for_each` come to: instances of blocks, and of modules.

use std::sync::Arc;

use portolan_lang::eval::evaluate;
use portolan_lang::syntax::{Expr, Ident};
use portolan_lang::{Data, Diagnostic, InstanceKey, Marks, Span, Type, Value};

use super::evaluator::{Evaluator, Node};
use super::inputs::UnknownRepetition;
use super::module::{Caller, Instances, ModuleId, ModuleInstance};
use super::scope::Each;
use crate::config::{DomainBlock, ModuleCall, Repetition, ResourceBlock};

/// More instances than this, of one block or of all blocks together, are taken for a mistake. So
/// are more instances of modules.
pub(super) const MAX_COUNT: usize = 1_000_000;

/// The instances that a `count` value asks for.
pub(super) fn from_count(value: &Value, span: Span) -> Result<Instances, Diagnostic> {
    let invalid = |detail: &str| Diagnostic::error("Invalid count argument").detail(detail).at(span);
    if value.is_sensitive() {
        return Err(invalid(
            "Sensitive values cannot decide how many instances there are, because the number of instances is shown.",
        )
        .help("Use nonsensitive() if the number itself is no secret."));
    }
    let number = portolan_lang::convert::convert(value, &Type::Number)
        .map_err(|error| invalid(&format!("The \"count\" value is unsuitable: {}.", error.message)))?;
    match number.data() {
        Data::Null(_) => Err(invalid("The \"count\" value is null. A whole number that is not negative is required.")),
        Data::Unknown(_) => Err(unknown("count", "how many instances there will be", span)),
        Data::Number(number) => match number.to_usize() {
            Some(count) if count <= MAX_COUNT => Ok(Instances::Count(count)),
            Some(_) => Err(invalid(&format!("The \"count\" value {number} is above the limit of {MAX_COUNT}."))),
            None => Err(invalid(&format!(
                "The \"count\" value {number} is unsuitable: a whole number that is not negative is required."
            ))),
        },
        _ => Err(invalid("The \"count\" value is unsuitable: a number is required.")),
    }
}

/// The instances that a `for_each` value asks for: one for each element of a map, an object
/// or a set of strings.
pub(super) fn from_each(value: &Value, span: Span) -> Result<Instances, Diagnostic> {
    let invalid = |detail: String| Diagnostic::error("Invalid for_each argument").detail(detail).at(span);
    let is_set = matches!(value.ty(), Type::Set(_));
    if value.is_sensitive() {
        return Err(invalid(
            "Sensitive values, and values made from them, cannot be used in for_each, because the keys are shown as parts of addresses.".to_owned(),
        ).help("Use nonsensitive() on the keys if they are no secret."));
    }
    if value.marks().contains(Marks::EPHEMERAL) {
        return Err(invalid("Ephemeral values cannot be used in for_each, because the keys are recorded.".to_owned()));
    }
    match value.data() {
        Data::Null(_) => Err(invalid("The for_each value is null. A map or a set of strings is required.".to_owned())),
        Data::Unknown(_) => Err(unknown("for_each", "which instances there will be", span)),
        Data::Set(set) if !matches!(set.element, Type::String | Type::Any) && !set.items.is_empty() => {
            Err(invalid(format!("A set of strings is required; this is a set of {}.", set.element.friendly_name())))
        }
        Data::Set(set) => set_keys(&set.items, span),
        Data::Map(map) => Ok(entries(map.entries.iter())),
        Data::Object(object) => Ok(entries(object.iter())),
        _ if is_set => Err(invalid("A set of strings is required.".to_owned())),
        _ => Err(invalid(format!("A map or a set of strings is required; this is a {}.", value.ty().friendly_name()))
            .help("toset() makes a set of a list of strings.")),
    }
}

fn entries<'a>(entries: impl Iterator<Item = (&'a Arc<str>, &'a Value)>) -> Instances {
    Instances::Each(Arc::new(entries.map(|(key, value)| (key.clone(), value.clone())).collect()))
}

fn set_keys(items: &[Value], span: Span) -> Result<Instances, Diagnostic> {
    let keys = items.iter().map(|item| match item.data() {
        Data::String(key) => Ok((key.clone(), item.clone())),
        Data::Unknown(_) => Err(unknown("for_each", "which instances there will be", span)),
        _ => Err(Diagnostic::error("Invalid for_each set argument")
            .detail("The set has an element that is null; only strings can be keys.")
            .at(span)),
    });
    Ok(Instances::Each(Arc::new(keys.collect::<Result<_, _>>()?)))
}

/// The problem of a block with which there would be too many instances.
pub(super) fn too_many(of: &str, span: Span) -> Diagnostic {
    Diagnostic::error(format!("Too many instances of {of}"))
        .detail(format!("With these, the configuration would have more than {MAX_COUNT} instances of {of}."))
        .at(span)
        .help("Instances multiply where modules call modules several times, and where blocks with count or for_each stand in modules with count or for_each.")
}

fn unknown(argument: &str, what: &str, span: Span) -> Diagnostic {
    Diagnostic::error(format!("Invalid {argument} argument"))
        .detail(format!("The \"{argument}\" value depends on something that will only be known after apply, so that it cannot be said {what}."))
        .label(span, "not known before apply")
        .help("Use keys and numbers that come from variables, locals, data sources that need no resource, or attributes that a block states itself; what is unknown may stand in the values of a map.")
        .pending()
}

/// Makes instances of the value of a `count` or `for_each` at a place.
type Make = fn(&Value, Span) -> Result<Instances, Diagnostic>;

/// # Blocks that stand for several instances
impl Evaluator {
    fn repeat(&self, module: ModuleId, node: Node, name: &Ident, repetition: &Repetition) -> Instances {
        let (expr, make): (&Arc<Expr>, Make) = match repetition {
            Repetition::Single => return Instances::Single,
            Repetition::Count(expr) => (expr, from_count),
            Repetition::ForEach(expr) => (expr, from_each),
        };
        let none = || {
            self.cycle(name);
            Instances::Count(0)
        };
        self.keep(&self.instances, node, none, || {
            let (value, problems) = evaluate(expr, &self.scope(module, Each::None));
            let failed = problems.has_errors();
            self.report(problems);
            if failed {
                return Instances::Count(0);
            }
            let made = make(&value, expr.span).and_then(|made| self.counted(made, expr.span));
            made.unwrap_or_else(|problem| {
                let instances = if problem.is_pending { self.stand_ins() } else { Instances::Count(0) };
                self.blame(expr.span, module, vec![expr.clone()]);
                self.report([problem]);
                instances
            })
        })
    }

    /// The instances, unless with them there are too many.
    fn counted(&self, made: Instances, span: Span) -> Result<Instances, Diagnostic> {
        let repeated = self.repeated.get() + made.len();
        if repeated > MAX_COUNT {
            return Err(too_many("blocks", span));
        }
        self.repeated.set(repeated);
        Ok(made)
    }

    /// What stands for instances of which it is not known how many there are.
    fn stand_ins(&self) -> Instances {
        match self.inputs.unknown_repetition {
            UnknownRepetition::Refuse => Instances::Unknown(0),
            UnknownRepetition::Represent => Instances::Unknown(1),
        }
    }

    pub(super) fn resource_instances(&self, module: ModuleId, position: usize, block: &ResourceBlock) -> Instances {
        self.repeat(module, Node::Resource(module, position as u32), &block.name, &block.repetition)
    }

    pub(super) fn domain_instances(&self, module: ModuleId, position: usize, block: &DomainBlock) -> Instances {
        self.repeat(module, Node::Domain(module, position as u32), &block.name, &block.repetition)
    }

    pub(super) fn call_instances(&self, module: ModuleId, call: &ModuleCall) -> Instances {
        let position = self.module(module).module.calls.get_index_of(&call.name.name).unwrap_or_default();
        self.repeat(module, Node::Call(module, position as u32), &call.name, &call.repetition)
    }

    /// The module instances that a call stands for; they are made when first asked for.
    pub(super) fn children(&self, module: ModuleId, position: usize) -> Arc<Vec<ModuleId>> {
        let parent = self.module(module);
        let Some((name, call)) = parent.module.calls.get_index(position) else { return Arc::default() };
        self.keep(&self.children, (module, position as u32), Arc::default, || {
            let instances = self.call_instances(module, call);
            if self.module_count() + instances.len() > MAX_COUNT {
                self.report([too_many("modules", call.span)]);
                return Arc::default();
            }
            let address = parent.address.join("module").join(name.clone());
            let make = |position: usize| {
                self.add_module(ModuleInstance {
                    address: address.instance(instances.key(position)),
                    module: call.module.clone(),
                    caller: Some(Caller { module, call: call.clone(), position }),
                })
            };
            Arc::new((0..instances.len()).map(make).collect())
        })
    }

    /// The value of `module.name`: its outputs, by instance where there are several.
    pub(super) fn call(&self, module: ModuleId, position: usize) -> Value {
        let parent = self.module(module);
        let Some((_, call)) = parent.module.calls.get_index(position) else { return Value::unknown(Type::Any) };
        self.node_value(Node::Call(module, position as u32), &call.name, || {
            let values = self.children(module, position).iter().map(|child| self.outputs(*child)).collect();
            self.call_instances(module, call).collect(values)
        })
    }

    fn outputs(&self, module: ModuleId) -> Value {
        let instance = self.module(module);
        let names = instance.module.outputs.keys().enumerate();
        Value::object(names.map(|(position, name)| (name.clone(), self.output(module, position))).collect::<Vec<_>>())
    }

    /// The position among a call's instances that a key leads to.
    pub(super) fn child(&self, module: ModuleId, position: usize, key: Option<&InstanceKey>) -> Option<ModuleId> {
        let parent = self.module(module);
        let (_, call) = parent.module.calls.get_index(position)?;
        let instances = self.call_instances(module, call);
        let at = match key {
            Some(key) => instances.position(key)?,
            None if instances == Instances::Single => 0,
            None => return None,
        };
        self.children(module, position).get(at).copied()
    }
}

impl Instances {
    /// What `each` and `count` mean in the instance at a position.
    pub(super) fn each(&self, position: usize) -> Each {
        match self {
            Instances::Single => Each::None,
            Instances::Unknown(_) => Each::Unknown,
            Instances::Count(_) => Each::Count(position),
            Instances::Each(entries) => {
                entries.get(position).map_or(Each::None, |(key, value)| Each::Entry(key.clone(), value.clone()))
            }
        }
    }
}
