//! What names mean in a module instance, evaluated on demand and kept.
//!
//! Every node (variable, local, output, block) is evaluated at most once per stage, when it is
//! first asked for, so that no order has to be found before. A node that is asked for while it
//! is being evaluated is part of a cycle.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::decode::{decode, expand};
use portolan_lang::eval::evaluate;
use portolan_lang::syntax::{Body, Expr};
use portolan_lang::{Address, Diagnostic, Diagnostics, Schema, Span, Type, Value};
use portolan_state::Decision;
use rustc_hash::FxHashMap;

use super::data::{Asked, DataQuery};
use super::desired::InstanceId;
use super::domain::{self, Compiled};
use super::early::Early;
use super::inputs::{Inputs, SharedHost, UnknownRepetition};
use super::module::{Caller, Instances, ModuleId, ModuleInstance};
use super::placements::{self, Placements};
use super::scope::{Each, ModuleScope};
use super::unknown;
use super::variables::accept;
use crate::config::{DomainBlock, Module, ResourceBlock, Variable};

/// A thing that is declared in a module instance: its position among those of its sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Node {
    Variable(ModuleId, u32),
    Local(ModuleId, u32),
    Output(ModuleId, u32),
    Call(ModuleId, u32),
    Resource(ModuleId, u32),
    Domain(ModuleId, u32),
}

/// Expressions of a module instance.
pub(super) type Undecided = (ModuleId, Vec<Arc<Expr>>);

/// What was evaluated; `None` while it is being evaluated.
type Kept<K, V> = RefCell<FxHashMap<K, Option<V>>>;

/// Evaluates the nodes of a tree of module instances.
pub(super) struct Evaluator {
    pub(super) inputs: Arc<Inputs>,
    /// What functions ask of the outside in this stage.
    pub(super) host: SharedHost,
    modules: RefCell<Vec<Arc<ModuleInstance>>>,
    /// The module instances of each call, by position.
    pub(super) children: Kept<(ModuleId, u32), Arc<Vec<ModuleId>>>,
    pub(super) instances: Kept<Node, Instances>,
    /// How many instances `count` and `for_each` made of blocks.
    pub(super) repeated: Cell<usize>,
    values: Kept<Node, Value>,
    compiled: Kept<Node, Arc<Vec<Compiled>>>,
    placements: Kept<(), Arc<Placements>>,
    /// What instances are or are planned to be.
    pub(super) known: Option<Known>,
    early: Early,
    /// The decisions by the block that they are about.
    decisions: Arc<FxHashMap<Address, Vec<Decision>>>,
    /// What data sources were asked that were not read.
    pub(super) asked: RefCell<BTreeMap<DataQuery, Asked>>,
    /// Expressions that decide what there is to be and are not known, by the place that is blamed.
    undecided: RefCell<FxHashMap<Span, Undecided>>,
    diagnostics: RefCell<Diagnostics>,
}

/// The values of instances, once these have positions.
pub(super) struct Known {
    /// The first instance of each resource block.
    pub(super) first: Arc<FxHashMap<Node, InstanceId>>,
    /// The values by position.
    pub(super) values: Vec<Option<Value>>,
}

/// What an evaluator kept that holds for every later stage, because nothing in it is unknown.
#[derive(Clone)]
pub(super) struct Settled {
    pub(super) inputs: Arc<Inputs>,
    modules: Vec<Arc<ModuleInstance>>,
    children: FxHashMap<(ModuleId, u32), Option<Arc<Vec<ModuleId>>>>,
    instances: FxHashMap<Node, Option<Instances>>,
    values: FxHashMap<Node, Option<Value>>,
    compiled: FxHashMap<Node, Option<Arc<Vec<Compiled>>>>,
    placements: FxHashMap<(), Option<Arc<Placements>>>,
    decisions: Arc<FxHashMap<Address, Vec<Decision>>>,
}

impl Evaluator {
    /// An evaluator that knows the root module alone, for expanding.
    pub(super) fn new(inputs: Arc<Inputs>) -> Self {
        let root = ModuleInstance { address: Address::root(), module: inputs.config.root.clone(), caller: None };
        let mut decisions: FxHashMap<Address, Vec<Decision>> = FxHashMap::default();
        for decision in &inputs.decisions {
            decisions.entry(block_of(&decision.subject)).or_default().push(decision.clone());
        }
        for about_block in decisions.values_mut() {
            about_block.sort_by(|left, right| (&left.subject, &left.kind).cmp(&(&right.subject, &right.kind)));
        }
        Evaluator {
            host: inputs.host.clone(),
            inputs,
            decisions: Arc::new(decisions),
            modules: RefCell::new(vec![Arc::new(root)]),
            children: Kept::default(),
            instances: Kept::default(),
            repeated: Cell::default(),
            values: Kept::default(),
            compiled: Kept::default(),
            placements: Kept::default(),
            known: None,
            early: Early::default(),
            asked: RefCell::default(),
            undecided: RefCell::default(),
            diagnostics: RefCell::default(),
        }
    }

    /// An evaluator for a later stage.
    pub(super) fn resume(settled: &Settled, known: Known) -> Self {
        Evaluator {
            host: settled.inputs.host.clone(),
            inputs: settled.inputs.clone(),
            decisions: settled.decisions.clone(),
            modules: RefCell::new(settled.modules.clone()),
            children: RefCell::new(settled.children.clone()),
            instances: RefCell::new(settled.instances.clone()),
            repeated: Cell::default(),
            values: RefCell::new(settled.values.clone()),
            compiled: RefCell::new(settled.compiled.clone()),
            placements: RefCell::new(settled.placements.clone()),
            known: Some(known),
            early: Early::default(),
            asked: RefCell::default(),
            undecided: RefCell::default(),
            diagnostics: RefCell::default(),
        }
    }

    /// Keeps what no later stage can change.
    pub(super) fn settle(self) -> Settled {
        let mut values = self.values.into_inner();
        // Resources are read from the world from now on.
        values.retain(|node, value| {
            !matches!(node, Node::Resource(..)) && value.as_ref().is_some_and(Value::is_wholly_known)
        });
        let mut instances = self.instances.into_inner();
        instances.retain(|_, kept| kept.as_ref().is_some_and(Instances::is_wholly_known));
        let mut compiled = self.compiled.into_inner();
        compiled.retain(|_, kept| kept.as_ref().is_some_and(|all| all.iter().all(is_settled)));
        Settled {
            inputs: self.inputs,
            decisions: self.decisions,
            modules: self.modules.into_inner(),
            children: self.children.into_inner(),
            instances,
            values,
            compiled,
            placements: self.placements.into_inner(),
        }
    }

    /// Makes known what an instance is or is planned to be.
    pub(super) fn set(&mut self, id: InstanceId, value: Value) {
        if let Some(slot) = self.known.as_mut().and_then(|known| known.values.get_mut(id.0 as usize)) {
            *slot = Some(value);
            self.early.more_is_known();
        }
    }

    /// What an instance is, as far as that was made known.
    pub(super) fn instance_value(&self, id: InstanceId) -> Option<&Value> {
        self.known.as_ref()?.values.get(id.0 as usize)?.as_ref()
    }

    /// Takes the problems found since the last call. Where what is unknown is represented, it is
    /// no problem.
    pub(super) fn take_diagnostics(&self) -> Diagnostics {
        let problems = self.diagnostics.take();
        match self.inputs.unknown_repetition {
            UnknownRepetition::Refuse => problems,
            UnknownRepetition::Represent => problems.split_pending().0,
        }
    }

    pub(super) fn report(&self, problems: impl IntoIterator<Item = Diagnostic>) {
        self.diagnostics.borrow_mut().extend(problems);
    }

    pub(super) fn module(&self, id: ModuleId) -> Arc<ModuleInstance> {
        self.modules.borrow()[id.0 as usize].clone()
    }

    /// Makes a further module instance known.
    pub(super) fn add_module(&self, instance: ModuleInstance) -> ModuleId {
        let mut modules = self.modules.borrow_mut();
        modules.push(Arc::new(instance));
        ModuleId(modules.len() as u32 - 1)
    }

    /// How many module instances are known so far.
    pub(super) fn module_count(&self) -> usize {
        self.modules.borrow().len()
    }

    pub(super) fn scope(&self, module: ModuleId, each: Each) -> ModuleScope<'_> {
        ModuleScope::new(self, module, each)
    }

    /// Evaluates an expression in a scope; problems are kept for [`Evaluator::take_diagnostics`].
    pub(super) fn evaluate(&self, expr: &Expr, scope: &ModuleScope<'_>) -> Value {
        let (value, problems) = evaluate(expr, scope);
        self.report(problems);
        value
    }

    /// What was kept under a key, computed when it is first asked for; `on_cycle` where it is asked
    /// for while it is being computed.
    pub(super) fn keep<K, V>(
        &self,
        kept: &Kept<K, V>,
        key: K,
        on_cycle: impl FnOnce() -> V,
        compute: impl FnOnce() -> V,
    ) -> V
    where
        K: std::hash::Hash + Eq + Copy,
        V: Clone,
    {
        match kept.borrow().get(&key) {
            Some(Some(value)) => return value.clone(),
            Some(None) => return on_cycle(),
            None => {}
        }
        kept.borrow_mut().insert(key, None);
        // Chains of locals may be thousands long, and each link takes several frames.
        let value = stacker::maybe_grow(STACK_RESERVE, STACK_SEGMENT, compute);
        kept.borrow_mut().insert(key, Some(value.clone()));
        value
    }

    pub(super) fn cycle(&self, name: &portolan_lang::syntax::Ident) -> Value {
        self.report([Diagnostic::error("Dependency cycle")
            .detail(format!("\"{}\" is needed to evaluate itself.", name.name))
            .label(name.span, "part of the cycle")
            .help("Break the cycle by taking one of the references out.")]);
        Value::unknown(Type::Any)
    }

    pub(super) fn node_value(
        &self,
        node: Node,
        name: &portolan_lang::syntax::Ident,
        compute: impl FnOnce() -> Value,
    ) -> Value {
        self.keep_node(&self.values, node, |value| !value.is_wholly_known(), || self.cycle(name), compute)
    }

    /// Keeps what a node is; what was evaluated too early and `is_open` is evaluated again.
    fn keep_node<V: Clone>(
        &self,
        kept: &Kept<Node, V>,
        node: Node,
        is_open: impl Fn(&V) -> bool,
        on_cycle: impl FnOnce() -> V,
        compute: impl FnOnce() -> V,
    ) -> V {
        let is_outdated = self.early.is_outdated(node)
            && kept.borrow().get(&node).is_some_and(|value| value.as_ref().is_some_and(is_open));
        if is_outdated {
            kept.borrow_mut().remove(&node);
        }
        let (before, is_new) = (self.early.reads(), Cell::new(false));
        let value = self.keep(kept, node, on_cycle, || {
            is_new.set(true);
            compute()
        });
        match is_new.get() {
            true => self.early.computed(node, before),
            false => self.early.read(node),
        }
        value
    }
}

const STACK_RESERVE: usize = 128 * 1024;
const STACK_SEGMENT: usize = 4 * 1024 * 1024;

/// The domain block that holds what a decision is about.
fn block_of(subject: &Address) -> Address {
    let module = subject.module();
    module.append(&Address::new(subject.local().segments().iter().take(2).cloned()))
}

fn is_settled(compiled: &Compiled) -> bool {
    compiled.exports.is_wholly_known() && compiled.resources.iter().all(|resource| resource.config.is_wholly_known())
}

/// # Variables, locals, outputs
impl Evaluator {
    pub(super) fn variable(&self, module: ModuleId, position: usize) -> Value {
        let instance = self.module(module);
        let Some((name, variable)) = instance.module.variables.get_index(position) else {
            return Value::unknown(Type::Any);
        };
        self.node_value(Node::Variable(module, position as u32), &variable.name, || {
            let given = match &instance.caller {
                None => self.inputs.variables.get(name).cloned(),
                Some(caller) => caller.call.arguments.get(name).map(|(_, expr)| self.in_caller(caller, expr)),
            };
            let span = match &instance.caller {
                Some(caller) => caller.call.arguments.get(name).map_or(caller.call.span, |(_, expr)| expr.span),
                None => variable.name.span,
            };
            let (value, problems) = accept(variable, given, span, &*self.host);
            self.report(problems);
            value
        })
    }

    /// Where a variable's value is given; its declaration where that is not in the configuration.
    pub(super) fn variable_span(&self, instance: &ModuleInstance, variable: &Variable) -> Span {
        let caller = instance.caller.as_ref();
        let given = caller.and_then(|caller| caller.call.arguments.get(&variable.name.name));
        given.map_or(variable.span, |(_, expr)| expr.span)
    }

    fn in_caller(&self, caller: &Caller, expr: &Expr) -> Value {
        let each = self.call_instances(caller.module, &caller.call).each(caller.position);
        self.evaluate(expr, &self.scope(caller.module, each))
    }

    pub(super) fn local(&self, module: ModuleId, position: usize) -> Value {
        let instance = self.module(module);
        let Some((_, local)) = instance.module.locals.get_index(position) else { return Value::unknown(Type::Any) };
        self.node_value(Node::Local(module, position as u32), &local.name, || {
            self.evaluate(&local.expr, &self.scope(module, Each::None))
        })
    }

    pub(super) fn output(&self, module: ModuleId, position: usize) -> Value {
        let instance = self.module(module);
        let Some((_, output)) = instance.module.outputs.get_index(position) else { return Value::unknown(Type::Any) };
        self.node_value(Node::Output(module, position as u32), &output.name, || {
            let scope = self.scope(module, Each::None);
            let value = self.evaluate(&output.value, &scope);
            self.report(super::conditions::check(&output.preconditions, &scope, super::conditions::OUTPUT));
            if output.sensitive { value.sensitive() } else { value }
        })
    }
}

/// # Resources
impl Evaluator {
    /// The schema of a resource block's type; loading has checked that there is one.
    pub(super) fn schema(&self, block: &ResourceBlock) -> Option<&Schema> {
        let catalog = &self.inputs.catalog;
        match block.is_data {
            true => catalog.data(&block.resource_type.name).map(|(_, schema)| schema),
            false => catalog.resource(&block.resource_type.name).map(|(_, resource)| &resource.schema),
        }
    }

    /// The value of a whole resource block.
    pub(super) fn resource(&self, module: ModuleId, position: usize) -> Value {
        let instance = self.module(module);
        let Some((_, block)) = instance.module.resources.get_index(position) else {
            return Value::unknown(Type::Any);
        };
        self.node_value(Node::Resource(module, position as u32), &block.name, || {
            let instances = self.resource_instances(module, position, block);
            let values = (0..instances.len()).map(|at| self.resource_value(module, position, block, &instances, at));
            instances.collect(values.collect())
        })
    }

    /// The value of one instance of a resource block.
    pub(super) fn resource_instance(
        &self,
        module: ModuleId,
        position: usize,
        key: &portolan_lang::InstanceKey,
    ) -> Option<Value> {
        let instance = self.module(module);
        let (_, block) = instance.module.resources.get_index(position)?;
        let instances = self.resource_instances(module, position, block);
        let at = instances.position(key)?;
        Some(self.resource_value(module, position, block, &instances, at))
    }

    fn resource_value(
        &self,
        module: ModuleId,
        position: usize,
        block: &ResourceBlock,
        instances: &Instances,
        at: usize,
    ) -> Value {
        let Some(schema) = self.schema(block) else { return Value::unknown(Type::Any) };
        if let Some(known) = self.known(module, position, at) {
            return known;
        }
        match &self.known {
            _ if block.is_data => self.data_value(module, position, block, instances, at),
            Some(_) => Value::unknown(schema.ty()),
            None => as_if_created(schema, self.resource_configuration(module, block, instances.each(at))),
        }
    }

    /// What an instance of a resource block is or is planned to be, once that is known.
    pub(super) fn known(&self, module: ModuleId, position: usize, at: usize) -> Option<Value> {
        let known = self.known.as_ref()?;
        let first = known.first.get(&Node::Resource(module, position as u32))?;
        let value = known.values.get(first.0 as usize + at).cloned().flatten();
        if value.is_none() {
            self.early.read_unset();
        }
        value
    }

    /// What the configuration says of one instance of a resource block.
    pub(super) fn resource_configuration(&self, module: ModuleId, block: &ResourceBlock, each: Each) -> Value {
        let Some(schema) = self.schema(block) else { return Value::unknown(Type::Any) };
        let (value, problems) = decode(&block.body, schema, &self.scope(module, each));
        self.report(problems);
        value
    }
}

/// What can be known of a resource from its configuration alone: what it states itself.
fn as_if_created(schema: &Schema, configuration: Value) -> Value {
    let Some(entries) = configuration.entries() else { return configuration };
    Value::object(entries.iter().map(|(name, value)| {
        let computed = value.is_null() && schema.attribute(name).is_some_and(|attribute| attribute.is_computed());
        (name.clone(), if computed { Value::unknown(value.ty()) } else { value.clone() })
    }))
}

/// # Domain blocks
impl Evaluator {
    /// What each instance of a domain block compiles to, as far as is known.
    pub(super) fn compiled(&self, module: ModuleId, position: usize) -> Arc<Vec<Compiled>> {
        self.compiled_unless(module, position, |_| false)
    }

    /// The same, compiled again where `is_open` and more is known by now. The first resource of a
    /// block may be wanted before what others of it read is there.
    pub(super) fn compiled_unless(
        &self,
        module: ModuleId,
        position: usize,
        is_open: impl Fn(&[Compiled]) -> bool,
    ) -> Arc<Vec<Compiled>> {
        let instance = self.module(module);
        let Some((_, block)) = instance.module.domain.get_index(position) else { return Arc::default() };
        let on_cycle = || {
            self.cycle(&block.name);
            Arc::new(vec![Compiled::nothing(Diagnostics::new())])
        };
        let node = Node::Domain(module, position as u32);
        self.keep_node(
            &self.compiled,
            node,
            |all| is_open(all),
            on_cycle,
            || {
                let instances = self.domain_instances(module, position, block);
                let compile = |at: usize| self.compile_block(module, &instance, block, &instances, at);
                Arc::new((0..instances.len()).map(compile).collect())
            },
        )
    }

    fn compile_block(
        &self,
        module: ModuleId,
        instance: &ModuleInstance,
        block: &DomainBlock,
        instances: &Instances,
        at: usize,
    ) -> Compiled {
        let Some(kind) = domain::kind(&block.kind.name) else { return Compiled::nothing(Diagnostics::new()) };
        let scope = self.scope(module, instances.each(at));
        let (body, problems) = expand(&block.body, &(kind.schema)(&self.inputs.catalog), &scope);
        let failed = problems.has_errors();
        self.report_undecided(module, &block.body, problems);
        if failed {
            return Compiled::nothing(Diagnostics::new());
        }
        let address = self.domain_address(instance, block, instances, at);
        let placements = if kind.wants.is_some() { self.placements() } else { Arc::default() };
        let read = |connection: &Address, source: &str, config: &Value| {
            self.read_for_domain(&address, block.span, connection, source, config)
        };
        let placement = placements.get(&address);
        let input = domain::Block { body: &body, placement, ..self.domain_input(&address, block, &read) };
        let mut compiled = (kind.compile)(&input, &scope);
        self.report_undecided(module, &block.body, std::mem::take(&mut compiled.diagnostics));
        compiled
    }

    /// Remembers which expressions are not known where a pending problem blames a place.
    pub(super) fn blame(&self, place: Span, module: ModuleId, exprs: Vec<Arc<Expr>>) {
        self.undecided.borrow_mut().insert(place, (module, exprs));
    }

    /// The expressions that are not known where a pending problem blames a place.
    pub(super) fn blamed(&self, place: Span) -> Option<Undecided> {
        self.undecided.borrow().get(&place).cloned()
    }

    /// Reports problems of a block, and remembers which of its expressions are not known.
    fn report_undecided(&self, module: ModuleId, body: &Body, problems: Diagnostics) {
        for problem in problems.iter().filter(|problem| problem.is_pending) {
            let expr = problem.labels.first().and_then(|label| unknown::expr_at(body, label.span));
            if let Some(expr) = expr {
                self.blame(expr.span, module, vec![expr]);
            }
        }
        self.report(problems);
    }

    /// The address of an instance of a domain block.
    pub(super) fn domain_address(
        &self,
        module: &ModuleInstance,
        block: &DomainBlock,
        instances: &Instances,
        at: usize,
    ) -> Address {
        let address = module.address.join(block.kind.name.clone()).join(block.name.name.clone());
        address.instance(instances.key(at))
    }

    /// An instance of a domain block as its kind sees it, before anything is placed.
    pub(super) fn domain_input<'a>(
        &'a self,
        address: &'a Address,
        block: &'a DomainBlock,
        read: domain::Read<'a>,
    ) -> domain::Block<'a> {
        domain::Block {
            address,
            name: &block.name.name,
            body: &block.body,
            span: block.span,
            decisions: self.decisions.get(address).map_or(&[], Vec::as_slice),
            read,
            catalog: &self.inputs.catalog,
            placement: None,
        }
    }

    /// Where all services are placed. That is settled once, while expanding.
    pub(super) fn placements(&self) -> Arc<Placements> {
        let on_cycle = || {
            self.report([placements::circular()]);
            Arc::default()
        };
        self.keep(&self.placements, (), on_cycle, || Arc::new(placements::placements(self)))
    }

    /// The value that a reference to a domain block gives.
    pub(super) fn domain(&self, module: ModuleId, position: usize) -> Value {
        let instance = self.module(module);
        let Some((_, block)) = instance.module.domain.get_index(position) else { return Value::unknown(Type::Any) };
        let is_open = |all: &[Compiled]| !all.iter().all(|compiled| compiled.exports.is_wholly_known());
        let compiled = self.compiled_unless(module, position, is_open);
        let values = compiled.iter().map(|compiled| compiled.exports.clone()).collect();
        self.domain_instances(module, position, block).collect(values)
    }
}

/// # What `path` and the like give
impl Evaluator {
    pub(super) fn path(&self, module: &Module) -> Value {
        let directory = module.directory.to_string_lossy();
        let directory = if directory.is_empty() { ".".to_owned() } else { directory.into_owned() };
        let cwd = self.host.absolute(".").unwrap_or_else(|_| ".".to_owned());
        Value::object([("module", Value::string(directory)), ("root", Value::string(".")), ("cwd", Value::string(cwd))])
    }

    pub(super) fn program(&self) -> Value {
        Value::object([("workspace", Value::string(self.inputs.workspace.clone()))])
    }
}
