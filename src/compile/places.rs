//! Where the configuration writes what a provider speaks of.

use portolan_lang::decode::place_of;
use portolan_lang::eval::Scope;
use portolan_lang::syntax::Body;
use portolan_lang::{Address, AttributePath, Schema, Span, Step, Type};

use super::desired::{Connection, Desired, InstanceId};
use super::domain;
use super::evaluation::{Evaluation, each_of};
use super::evaluator::{Evaluator, Node};
use super::expand::Origin;
use super::module::ModuleId;
use super::variables::Constants;

impl Evaluation<'_> {
    /// Where the configuration gives an attribute of an instance its value; where it does not, the
    /// block that declares the instance.
    ///
    /// A block of the domain is asked for an attribute of the same name, in the part of it that
    /// the instance belongs to: the address of a record comes from the `values` of its block.
    pub fn place(&self, id: InstanceId, path: &AttributePath) -> Span {
        let instance = self.desired().instance(id);
        let found = self.origin(id).and_then(|(evaluator, origin)| {
            let catalog = &evaluator.inputs.catalog;
            let schema = match instance.is_data {
                true => catalog.data(&instance.resource_type)?.1,
                false => &catalog.resource(&instance.resource_type)?.1.schema,
            };
            let path = in_order(&schema.ty(), path);
            match origin.node {
                Node::Resource(module, at) => resource_place(evaluator, module, at, origin, &path),
                Node::Domain(module, at) => self.compiled_place(evaluator, module, at, origin, id, &path),
                _ => None,
            }
        });
        found.unwrap_or(instance.span)
    }

    fn compiled_place(
        &self,
        evaluator: &Evaluator,
        module: ModuleId,
        at: u32,
        origin: Origin,
        id: InstanceId,
        path: &AttributePath,
    ) -> Option<Span> {
        let instance = evaluator.module(module);
        let (_, block) = instance.module.domain.get_index(at as usize)?;
        let instances = evaluator.domain_instances(module, at as usize, block);
        let scope = evaluator.scope(module, instances.each(origin.position as usize));
        let schema = (domain::kind(&block.kind.name)?.schema)(&evaluator.inputs.catalog);
        domain_place(&block.body, &schema, &scope, (&self.desired().instance(id).address, path))
    }
}

/// The path as far as its positions are those of the source: the elements of a set stand in an order
/// of their own.
fn in_order(ty: &Type, path: &AttributePath) -> AttributePath {
    let mut ty = Some(ty);
    let steps = path.steps().iter().take_while(|step| {
        let (here, is_set) = (ty, matches!(ty, Some(Type::Set(_))));
        ty = here.and_then(|ty| part_of(ty, step));
        !is_set
    });
    steps.cloned().collect()
}

fn part_of<'t>(ty: &'t Type, step: &Step) -> Option<&'t Type> {
    match (ty, step) {
        (Type::List(inner) | Type::Set(inner) | Type::Map(inner), _) => Some(inner),
        (Type::Tuple(items), Step::Index(at)) => items.get(*at),
        (Type::Object(object), Step::Attribute(name) | Step::Key(name)) => {
            object.attributes.get(name).map(|part| &part.ty)
        }
        _ => None,
    }
}

fn resource_place(
    evaluator: &Evaluator,
    module: ModuleId,
    at: u32,
    origin: Origin,
    path: &AttributePath,
) -> Option<Span> {
    let instance = evaluator.module(module);
    let (_, block) = instance.module.resources.get_index(at as usize)?;
    let scope = evaluator.scope(module, each_of(evaluator, module, at, block, origin));
    place_of(&block.body, evaluator.schema(block)?, &scope, path.steps())
}

/// The place of what a block of the domain says about the part that an address is about.
fn domain_place(
    body: &Body,
    schema: &Schema,
    scope: &dyn Scope,
    (address, path): (&Address, &AttributePath),
) -> Option<Span> {
    let steps: Vec<Step> = part(address).chain(path.steps().iter().cloned()).collect();
    place_of(body, schema, scope, &steps)
}

/// The way to the part of a block of the domain that an address is about: `service`, `api`.
pub(super) fn part(address: &Address) -> impl Iterator<Item = Step> {
    let local = address.local();
    let names: Vec<Step> = local.segments().iter().skip(2).map(|part| Step::Attribute(part.name.clone())).collect();
    names.into_iter()
}

impl Desired {
    /// Where the configuration gives a setting of a connection its value; where it does not, the
    /// block that declares the connection.
    pub fn connection_place(&self, connection: &Connection, path: &AttributePath) -> Span {
        self.declared_setting(connection, path).unwrap_or(connection.span)
    }

    fn declared_setting(&self, connection: &Connection, path: &AttributePath) -> Option<Span> {
        let inputs = &self.expansion.settled.as_ref()?.inputs;
        let scope = Constants(&*inputs.host);
        let module = self.module(&connection.address)?;
        if let Some(block) = module.domain.get(&*connection.address.local().without_keys().to_string()) {
            let schema = (domain::kind(&block.kind.name)?.schema)(&inputs.catalog);
            return domain_place(&block.body, &schema, &scope, (&connection.address, path));
        }
        let block = module.providers.values().find(|block| block.span == connection.span)?;
        let schema = &inputs.catalog.provider(&connection.provider)?.schema().connection;
        place_of(&block.body, schema, &scope, path.steps())
    }
}
