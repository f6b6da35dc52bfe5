//! What `service.NAME` and `external.NAME` mean inside of an application.
//!
//! They are answered from the few attributes that others may need (host, ports, addresses),
//! never from the whole block, so that two services may mention each other.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::decode::decode;
use portolan_lang::diagnostic::did_you_mean;
use portolan_lang::eval::{Host, Reference, Resolved, Scope, evaluate};
use portolan_lang::syntax::{Block as Nested, Body};
use portolan_lang::{Attribute, Diagnostic, Schema, Type, Value};

use crate::compile::domain::{Block, exports};

/// The keyword and the name of a member.
type Name = (Arc<str>, Arc<str>);

/// The scope of an application's attributes.
pub(super) struct Members<'a> {
    outer: &'a dyn Scope,
    block: &'a Block<'a>,
    /// The members that were asked for, by keyword and name; `None` while one is evaluated.
    values: RefCell<BTreeMap<Name, Option<Value>>>,
    /// The first circle that was met.
    circle: RefCell<Option<Diagnostic>>,
}

impl<'a> Members<'a> {
    pub(super) fn new(outer: &'a dyn Scope, block: &'a Block<'a>) -> Self {
        Members { outer, block, values: RefCell::default(), circle: RefCell::default() }
    }

    fn member(&self, reference: &Reference) -> Result<Resolved, Diagnostic> {
        let keyword = &*reference.root;
        // Loading has told that a name is missing.
        let name = reference.name(1).unwrap_or_default();
        let labelled = |nested: &&Nested| nested.labels.first().is_some_and(|label| &*label.name == name);
        let Some(nested) = self.block.body.blocks(keyword).find(labelled) else {
            return Err(undeclared(self.block.body, reference, name));
        };
        let key: Name = (reference.root.clone(), Arc::from(name));
        let kept = self.values.borrow().get(&key).cloned();
        let value = match kept {
            Some(Some(value)) => value,
            Some(None) => {
                let circle = Diagnostic::error("Dependency cycle")
                    .detail(format!("{keyword}.{name} is needed to evaluate itself."))
                    .at(reference.span);
                *self.circle.borrow_mut() = Some(circle.clone());
                return Err(circle);
            }
            None => {
                self.values.borrow_mut().insert(key.clone(), None);
                let value = self.value(keyword, name, nested);
                self.values.borrow_mut().insert(key, Some(value.clone()));
                value
            }
        };
        // Met deep inside, where what is wrong is left to be told elsewhere.
        match self.circle.borrow().clone() {
            Some(circle) => Err(circle),
            None => Ok(Resolved { value, steps: 1 }),
        }
    }

    fn value(&self, keyword: &str, name: &str, nested: &Nested) -> Value {
        let address = self.block.address.join(keyword).join(name);
        let kind = ("kind", Value::string(keyword));
        if keyword == "external" {
            let addresses = self.attribute(&nested.body, "addresses", || Value::null(Type::Any));
            return exports(&address, name, [kind, ("addresses", addresses)]);
        }
        let namespace = self.attribute(self.block.body, "namespace", || Value::string(self.block.name));
        let host = match namespace.as_str() {
            Some(namespace) => Value::string(format!("{name}.{namespace}.svc")),
            None => Value::unknown_not_null(Type::String),
        };
        exports(&address, name, [kind, ("namespace", namespace), ("host", host), ("port", self.ports(&nested.body))])
    }

    fn attribute(&self, body: &Body, name: &str, default: impl FnOnce() -> Value) -> Value {
        // What is wrong with it is told where the whole block is decoded.
        body.attribute(name).map_or_else(default, |attribute| evaluate(&attribute.expr, self).0)
    }

    fn ports(&self, body: &Body) -> Value {
        let schema = Schema::new("")
            .with(Attribute::required("number", Type::Number))
            .with(Attribute::optional("protocol", Type::String).default(Value::string("TCP")))
            .with(Attribute::optional("node_port", Type::Number));
        Value::object(body.blocks("port").filter_map(|port| {
            let label: Arc<str> = port.labels.first()?.name.clone();
            Some((label, decode(&port.body, &schema, self).0))
        }))
    }
}

impl Scope for Members<'_> {
    fn resolve(&self, reference: &Reference) -> Result<Resolved, Diagnostic> {
        match &*reference.root {
            "service" | "external" => self.member(reference),
            _ => self.outer.resolve(reference),
        }
    }

    fn host(&self) -> &dyn Host {
        self.outer.host()
    }
}

/// The problem of a reference to a member that is not declared.
pub(super) fn undeclared(body: &Body, reference: &Reference, name: &str) -> Diagnostic {
    let keyword = &*reference.root;
    let names: Vec<&str> =
        body.blocks(keyword).filter_map(|nested| nested.labels.first()).map(|label| &*label.name).collect();
    let problem = Diagnostic::error(format!("Reference to undeclared {keyword}"))
        .detail(format!("This application has no {keyword} \"{name}\"."))
        .at(reference.span);
    match did_you_mean(name, names.iter().copied()) {
        Some(near) => problem.help(format!("Did you mean {keyword}.{near}?")),
        None if names.is_empty() => problem,
        None => problem.help(format!("It has: {}.", names.join(", "))),
    }
}
