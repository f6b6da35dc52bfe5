//! The attributes of resources that what changes was made from.
//!
//! They are found in the configuration alone: from the blocks and outputs that change, every
//! reference is followed through variables, locals, outputs of modules, and attributes that a
//! resource's own block sets, as far as it goes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use portolan::catalog::Catalog;
use portolan::compile::domain;
use portolan::config::{Config, Module, ModuleCall, Repetition};
use portolan::plan::{Action, Plan};
use portolan_lang::decode::{body_references, resolve};
use portolan_lang::eval::{Reference, ReferenceStep, references};
use portolan_lang::syntax::{Body, Expr};
use portolan_lang::{Address, InstanceKey, Schema};
use serde_json::{Value as Json, json};

/// What a plan's changes were made from, each attribute once.
pub(super) fn json(config: &Config, catalog: &Catalog, plan: &Plan) -> Json {
    let mut search = Search { catalog, pending: Vec::new(), seen: BTreeSet::new(), found: BTreeMap::new() };
    let root = Rc::new(Place { address: Address::root(), module: &config.root, caller: None });
    let changed = plan.changes.iter().filter(|change| change.action != Action::NoOp);
    let blocks: BTreeSet<Address> = changed.map(|change| block_of(&change.key.address)).collect();
    for address in &blocks {
        if let Some(place) = place(&root, &address.module()) {
            search.block(&place, &address.local().to_string(), None);
        }
    }
    for output in plan.outputs.iter().filter(|output| output.before != output.after) {
        if let Some(declared) = config.root.outputs.get(&output.name) {
            search.expr(&root, &declared.value);
        }
    }
    search.run();
    let found = search.found.into_iter();
    found.map(|((resource, _), attribute)| json!({"resource": resource, "attribute": attribute})).collect()
}

/// The block that a resource comes from, without its key.
fn block_of(address: &Address) -> Address {
    let local = address.local();
    let length = if local.segments().first().is_some_and(|first| &*first.name == "data") { 3 } else { 2 };
    let block = Address::new(local.segments().iter().take(length).cloned()).without_keys();
    address.module().append(&block)
}

/// A module instance, or all instances of a call.
struct Place<'a> {
    address: Address,
    module: &'a Module,
    caller: Option<(Rc<Place<'a>>, &'a ModuleCall)>,
}

fn place<'a>(root: &Rc<Place<'a>>, address: &Address) -> Option<Rc<Place<'a>>> {
    let mut calls = address.segments().iter().skip(1).step_by(2);
    calls.try_fold(root.clone(), |place, call| inner(&place, &call.name, call.key.clone()))
}

fn inner<'a>(place: &Rc<Place<'a>>, name: &str, key: Option<InstanceKey>) -> Option<Rc<Place<'a>>> {
    let call: &'a ModuleCall = place.module.calls.get(name)?;
    let address = place.address.join("module").join(name).instance(key);
    Some(Rc::new(Place { address, module: &call.module, caller: Some((place.clone(), call)) }))
}

struct Search<'a> {
    catalog: &'a Catalog,
    pending: Vec<(Rc<Place<'a>>, Reference)>,
    /// The places and references that were followed.
    seen: BTreeSet<(Address, String)>,
    /// The paths in their JSON form, by resource and path.
    found: BTreeMap<(String, String), Json>,
}

impl<'a> Search<'a> {
    fn run(&mut self) {
        while let Some((place, reference)) = self.pending.pop() {
            if self.seen.insert((place.address.clone(), reference.to_string())) {
                self.follow(&place, &reference);
            }
        }
    }

    fn follow(&mut self, place: &Rc<Place<'a>>, reference: &Reference) {
        let name = reference.name(1).unwrap_or_default();
        match &*reference.root {
            "each" | "count" | "path" | "portolan" | "terraform" | "self" => {}
            "var" => {
                if let Some((outer, call)) = &place.caller
                    && let Some((_, expr)) = call.arguments.get(name)
                {
                    self.expr(outer, expr);
                }
            }
            "local" => {
                if let Some(local) = place.module.locals.get(name) {
                    self.expr(place, &local.expr);
                }
            }
            "module" => self.outputs(place, name, &reference.steps[1..]),
            _ => self.resource(place, reference),
        }
    }

    /// The output of a module that is named, or all of them.
    fn outputs(&mut self, place: &Rc<Place<'a>>, call: &str, steps: &[ReferenceStep]) {
        let (key, steps) = match steps.split_first() {
            Some((ReferenceStep::Key(key), rest)) => (Some(key.clone()), rest),
            _ => (None, steps),
        };
        let Some(inner) = inner(place, call, key) else { return };
        let module: &'a Module = inner.module;
        for output in module.outputs.values() {
            let is_meant = match steps.first() {
                Some(ReferenceStep::Attribute(name)) => *name == output.name.name,
                _ => true,
            };
            if is_meant {
                self.expr(&inner, &output.value);
            }
        }
    }

    fn resource(&mut self, place: &Rc<Place<'a>>, reference: &Reference) {
        let block = if &*reference.root == "data" { 2 } else { 1 };
        let has_key = matches!(reference.steps.get(block), Some(ReferenceStep::Key(_)));
        let subject = block + usize::from(has_key);
        let path = reference.steps.get(subject..).unwrap_or_default();
        let local = reference.through(block);
        // Inside an application, its parts have short names.
        if !place.module.resources.contains_key(local) && !place.module.domain.contains_key(local) {
            return;
        }
        let is_root = place.address.segments().is_empty();
        let prefix = if is_root { String::new() } else { format!("{}.", place.address) };
        let attribute: Json = path.iter().map(step).collect();
        self.found.insert((format!("{prefix}{}", reference.through(subject)), attribute.to_string()), attribute);
        let name = match path.first() {
            Some(ReferenceStep::Attribute(name)) => Some(&**name),
            _ => None,
        };
        self.block(place, local, name);
    }

    /// What a block refers to in one of its attributes, or in all of it.
    fn block(&mut self, place: &Rc<Place<'a>>, local: &str, attribute: Option<&str>) {
        let Some((body, repetition, schema)) = self.declared(place.module, local) else { return };
        match attribute {
            Some(name) => {
                let (body, _) = resolve(body, &schema);
                if let Some(attribute) = body.attribute(name) {
                    self.expr(place, &attribute.expr);
                }
            }
            None => {
                let found = body_references(body, &schema);
                self.pending.extend(found.into_iter().map(|reference| (place.clone(), reference)));
            }
        }
        if let Repetition::Count(expr) | Repetition::ForEach(expr) = repetition {
            self.expr(place, expr);
        }
    }

    /// The body, the repetition and the schema of a resource's or a domain's block.
    fn declared(&self, module: &'a Module, local: &str) -> Option<(&'a Body, &'a Repetition, Cow<'a, Schema>)> {
        if let Some(block) = module.domain.get(local) {
            let kind = domain::kind(&block.kind.name)?;
            return Some((&block.body, &block.repetition, Cow::Owned((kind.schema)(self.catalog))));
        }
        let block = module.resources.get(local)?;
        let name = &block.resource_type.name;
        let schema = match block.is_data {
            true => self.catalog.data(name)?.1,
            false => &self.catalog.resource(name)?.1.schema,
        };
        Some((&block.body, &block.repetition, Cow::Borrowed(schema)))
    }

    fn expr(&mut self, place: &Rc<Place<'a>>, expr: &Expr) {
        self.pending.extend(references(expr).into_iter().map(|reference| (place.clone(), reference)));
    }
}

fn step(step: &ReferenceStep) -> Json {
    match step {
        ReferenceStep::Attribute(name) => json!(&**name),
        ReferenceStep::Key(InstanceKey::Key(key)) => json!(&**key),
        ReferenceStep::Key(InstanceKey::Index(index)) => json!(index),
    }
}
