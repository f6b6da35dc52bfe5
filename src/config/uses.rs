//! Every reference in a module: who refers to what, where, and what for.
//!
//! The check of names and the search for cycles both go through these, so that neither can
//! forget a place where something may be referred to.

use std::fmt;
use std::sync::Arc;

use portolan_lang::eval::{Reference, each_reference};
use portolan_lang::syntax::{Block, Body, Expr};
use portolan_lang::{Nesting, Schema};

use super::known::Known;
use super::model::{
    Condition, DomainBlock, Import, Lifecycle, Module, ModuleCall, Output, Repetition, ResourceBlock, Variable,
};

/// One reference.
pub(super) struct Use<'a> {
    /// Who refers.
    pub(super) user: User<'a>,
    /// The part of a domain block that refers: `service.api`.
    pub(super) part: Option<&'a str>,
    pub(super) reference: &'a Reference,
    pub(super) purpose: Purpose,
    pub(super) site: Site<'a>,
}

/// What refers to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum User<'a> {
    Variable(&'a Arc<str>),
    Local(&'a Arc<str>),
    Output(&'a Arc<str>),
    /// The repetition and `depends_on` of a call.
    Call(&'a Arc<str>),
    /// An argument of a call: the name of the call and of the argument.
    Argument(&'a Arc<str>, &'a Arc<str>),
    /// A resource, a data source or a block of the domain, by its local address.
    Object(&'a Arc<str>),
    Provider(&'a Arc<str>),
    Check(&'a Arc<str>),
    Import,
}

/// What a reference is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Its value counts.
    Value,
    /// Only the order counts: `depends_on` of a block.
    Wait,
    /// It names a block or a part of one, and orders: `depends_on` of a service.
    Name,
    /// It names a block or a part of one, and orders nothing: `connects` of a service.
    Unordered,
    /// It names a connection.
    Provider,
    /// It names a block, of whose instances one is the connection; which one stands behind it.
    ProviderInstance,
    /// It names what triggers a replacement.
    Trigger,
}

/// What else may be referred to where a reference stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Site<'a> {
    pub(super) count: bool,
    pub(super) each: bool,
    pub(super) itself: bool,
    /// The block of the domain around it, whose parts have short names there.
    pub(super) inside: Option<&'a Body>,
    /// The check around it, whose data source can be referred to there.
    pub(super) check: Option<&'a Arc<str>>,
    /// The iterators of `dynamic` blocks around it.
    iterators: &'a [Arc<str>],
}

impl fmt::Display for User<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            User::Variable(name) => write!(f, "var.{name}"),
            User::Local(name) => write!(f, "local.{name}"),
            User::Output(name) => write!(f, "output.{name}"),
            User::Call(name) => write!(f, "module.{name}"),
            User::Argument(call, name) => write!(f, "module.{call}.var.{name}"),
            User::Object(address) => f.write_str(address),
            User::Provider(name) => write!(f, "provider.{name}"),
            User::Check(name) => write!(f, "check.{name}"),
            User::Import => f.write_str("import"),
        }
    }
}

/// Calls `found` with every reference in a module.
pub(super) fn uses(module: &Module, known: &Known<'_>, found: &mut dyn FnMut(Use<'_>)) {
    let mut walk = Walk { known, found };
    module.variables.iter().for_each(|(name, variable)| walk.variable(name, variable));
    for (name, local) in &module.locals {
        walk.at(User::Local(name)).value(&local.expr);
    }
    module.outputs.iter().for_each(|(name, output)| walk.output(name, output));
    module.calls.iter().for_each(|(name, call)| walk.call(name, call));
    for (address, resource) in &module.resources {
        walk.resource(User::Object(address), resource, Site { check: resource.check.as_ref(), ..Site::default() });
    }
    module.domain.iter().for_each(|(address, block)| walk.domain(address, block));
    for (name, provider) in &module.providers {
        let schema = known.catalog.provider(&provider.provider.name).map(|provider| &provider.schema().connection);
        walk.at(User::Provider(name)).body(&provider.body, schema);
    }
    for (name, check) in &module.checks {
        let site = Site { check: Some(name), ..Site::default() };
        walk.at(User::Check(name)).with(site).conditions(&check.assertions, false);
    }
    module.imports.iter().for_each(|import| walk.import(import));
}

struct Walk<'w, 'k> {
    known: &'w Known<'k>,
    found: &'w mut dyn FnMut(Use<'_>),
}

impl<'k> Walk<'_, 'k> {
    fn at<'a>(&'a mut self, user: User<'a>) -> Place<'a> {
        Place { user, part: None, site: Site::default(), found: &mut *self.found }
    }

    fn variable(&mut self, name: &Arc<str>, variable: &Variable) {
        self.at(User::Variable(name)).conditions(&variable.validations, false);
    }

    fn output(&mut self, name: &Arc<str>, output: &Output) {
        let mut place = self.at(User::Output(name));
        place.value(&output.value);
        place.list(&output.depends_on, Purpose::Wait);
        place.conditions(&output.preconditions, false);
    }

    fn call(&mut self, name: &Arc<str>, call: &ModuleCall) {
        let mut place = self.at(User::Call(name));
        place.repetition(&call.repetition);
        place.list(&call.depends_on, Purpose::Wait);
        for (argument, (_, expr)) in &call.arguments {
            self.at(User::Argument(name, argument)).with(Site::of(&call.repetition)).value(expr);
        }
    }

    fn resource(&mut self, user: User<'_>, resource: &ResourceBlock, site: Site<'_>) {
        let name = &resource.resource_type.name;
        let schema = match resource.is_data {
            true => self.known.catalog.data(name).map(|(_, schema)| schema),
            false => self.known.catalog.resource(name).map(|(_, resource)| &resource.schema),
        };
        let Repeated { count, each } = Repeated::of(&resource.repetition);
        let mut place = self.at(user).with(site);
        place.repetition(&resource.repetition);
        place.list(&resource.depends_on, Purpose::Wait);
        let mut place = place.with(Site { count, each, ..site });
        if let Some(provider) = &resource.provider {
            let purpose = match &provider.key {
                None => Purpose::Provider,
                Some(_) => Purpose::ProviderInstance,
            };
            place.one(&provider.block, purpose);
            provider.key.iter().for_each(|key| place.value(key));
        }
        place.lifecycle(&resource.lifecycle);
        place.body(&resource.body, schema);
    }

    fn domain(&mut self, address: &Arc<str>, block: &DomainBlock) {
        let schema = self.known.domain(&block.kind.name);
        let mut place = self.at(User::Object(address));
        place.repetition(&block.repetition);
        place.list(&block.depends_on, Purpose::Wait);
        let mut place = place.with(Site { inside: Some(&block.body), ..Site::of(&block.repetition) });
        place.lifecycle(&block.lifecycle);
        place.body(&block.body, schema);
    }

    fn import(&mut self, import: &Import) {
        if let Some(for_each) = &import.for_each {
            self.at(User::Import).value(for_each);
        }
        let site = Site { each: import.for_each.is_some(), ..Site::default() };
        self.at(User::Import).with(site).value(&import.id);
    }
}

/// Whether `count` and `each` mean something in a block.
struct Repeated {
    count: bool,
    each: bool,
}

impl Repeated {
    fn of(repetition: &Repetition) -> Repeated {
        Repeated {
            count: matches!(repetition, Repetition::Count(_)),
            each: matches!(repetition, Repetition::ForEach(_)),
        }
    }
}

impl Site<'_> {
    fn of(repetition: &Repetition) -> Self {
        let Repeated { count, each } = Repeated::of(repetition);
        Site { count, each, ..Site::default() }
    }
}

/// Somebody who refers, and where.
struct Place<'a> {
    user: User<'a>,
    part: Option<&'a str>,
    site: Site<'a>,
    found: &'a mut dyn FnMut(Use<'_>),
}

impl<'a> Place<'a> {
    fn with<'b>(self, site: Site<'b>) -> Place<'b>
    where
        'a: 'b,
    {
        Place { user: self.user, part: self.part, site, found: self.found }
    }

    fn one(&mut self, reference: &Reference, purpose: Purpose) {
        if self.site.iterators.contains(&reference.root) {
            return;
        }
        let Place { user, part, site, .. } = *self;
        (self.found)(Use { user, part, reference, purpose, site });
    }

    fn list(&mut self, list: &[Reference], purpose: Purpose) {
        list.iter().for_each(|reference| self.one(reference, purpose));
    }

    fn value(&mut self, expr: &Expr) {
        self.expr(expr, Purpose::Value);
    }

    fn expr(&mut self, expr: &Expr, purpose: Purpose) {
        each_reference(expr, &mut |reference| self.one(reference, purpose));
    }

    fn repetition(&mut self, repetition: &Repetition) {
        match repetition {
            Repetition::Single => {}
            Repetition::Count(expr) | Repetition::ForEach(expr) => self.value(expr),
        }
    }

    fn conditions(&mut self, conditions: &[Condition], itself: bool) {
        let site = Site { itself, ..self.site };
        let Place { user, part, .. } = *self;
        let mut place = Place { user, part, site, found: &mut *self.found };
        for condition in conditions {
            place.value(&condition.condition);
            place.value(&condition.error_message);
        }
    }

    fn lifecycle(&mut self, lifecycle: &Lifecycle) {
        for trigger in &lifecycle.replace_triggered_by {
            self.expr(trigger, Purpose::Trigger);
        }
        self.conditions(&lifecycle.preconditions, false);
        self.conditions(&lifecycle.postconditions, true);
    }

    /// Goes through a body. Where no schema is at hand, every block is gone through as it is
    /// written.
    fn body(&mut self, body: &Body, schema: Option<&Schema>) {
        for attribute in &body.attributes {
            let name = &*attribute.name.name;
            let is_reference = schema.and_then(|schema| schema.attribute(name)).is_some_and(|found| found.references);
            let purpose = match name {
                "connects" if is_reference => Purpose::Unordered,
                _ if is_reference => Purpose::Name,
                _ => Purpose::Value,
            };
            self.expr(&attribute.expr, purpose);
        }
        for block in &body.blocks {
            self.block(block, schema);
        }
    }

    fn block(&mut self, block: &Block, schema: Option<&Schema>) {
        if &*block.keyword.name == "dynamic" {
            self.dynamic(block, schema);
            return;
        }
        let nested = schema.and_then(|schema| schema.nested(&block.keyword.name));
        let part = self.part_of(block, nested);
        let Place { user, site, .. } = *self;
        let part = part.as_deref().or(self.part);
        Place { user, part, site, found: &mut *self.found }.body(&block.body, nested.map(|nested| &nested.schema));
    }

    /// What the parts are called that a block makes: `service.api` or, where a dynamic block makes
    /// them, `dynamic.service` for all of them.
    fn part_of(&self, block: &Block, kind: Option<&portolan_lang::Block>) -> Option<String> {
        let is_part = self.part.is_none() && kind.is_some_and(|kind| kind.nesting == Nesting::Named);
        block.labels.first().filter(|_| is_part).map(|label| format!("{}.{}", block.keyword.name, label.name))
    }

    fn dynamic(&mut self, block: &Block, schema: Option<&Schema>) {
        let body = &block.body;
        let Some(keyword) = block.labels.first() else { return };
        if let Some(for_each) = body.attribute("for_each") {
            self.value(&for_each.expr);
        }
        let iterator = body.attribute("iterator").and_then(|iterator| iterator.expr.as_name());
        let iterator = iterator.unwrap_or(&keyword.name).clone();
        let iterators: Vec<Arc<str>> = self.site.iterators.iter().cloned().chain([iterator]).collect();
        let nested = schema.and_then(|schema| schema.nested(&keyword.name));
        let part = self.part_of(block, nested);
        let Place { user, site, .. } = *self;
        let part = part.as_deref().or(self.part);
        let mut place = Place { user, part, site: Site { iterators: &iterators, ..site }, found: &mut *self.found };
        if let Some(labels) = body.attribute("labels") {
            place.value(&labels.expr);
        }
        let schema = nested.map(|nested| &nested.schema);
        body.blocks("content").for_each(|content| place.body(&content.body, schema));
    }
}
