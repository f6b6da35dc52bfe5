//! A world of objects in memory whose faults are scripted.
//!
//! It keeps every promise of the seam, as its own run of the conformance suite shows, until a
//! [`Rule`] says otherwise. Two resource types live in it: `scripted_object`, found by the
//! name that its configuration gives it, and `scripted_numbered`, whose identity only the
//! creation tells. The data source `scripted_value` reads the value of a `scripted_object`.
//!
//!     let world = World::new();
//!     world.script(Rule::on(Operation::Create).of("b").fails(Error::denied("no")));
//!     let session = world.provider().connect(&Value::object::<&str>([]), "").await?;

mod objects;
mod readiness;
mod rule;
mod session;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use portolan_lang::{Attribute, AttributePath, Schema, Type, Value};
pub use readiness::Readiness;
pub use rule::{Fault, Operation, Rule};
use session::ScriptedSession;
use tokio::sync::Notify;

use crate::{Error, Provider, ProviderSchema, ResourceSchema, Session};

/// A resource type whose objects are found by their name.
pub const OBJECT: &str = "scripted_object";
/// A resource type whose objects are numbered as they are created.
pub const NUMBERED: &str = "scripted_numbered";
/// A data source that reads a `scripted_object`.
pub const VALUE: &str = "scripted_value";

/// A call that reached the world, in the order of arrival.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What was asked for.
    pub operation: Operation,
    /// The resource type, the data source, or nothing for a connection.
    pub resource_type: String,
    /// The identity, where it is known: the endpoint for a connection.
    pub identity: String,
}

/// The objects, the script and the record of what happened; clones share one world.
#[derive(Clone, Default)]
pub struct World {
    inner: Arc<Mutex<Inner>>,
    stopped: Arc<Notify>,
}

#[derive(Default)]
struct Inner {
    objects: objects::Objects,
    rules: Vec<rule::Armed>,
    readiness: BTreeMap<String, readiness::Script>,
    leaving: BTreeMap<String, readiness::Script>,
    calls: Vec<Call>,
    gathers: bool,
    running: usize,
    most_running: usize,
}

impl World {
    /// An empty world without faults.
    pub fn new() -> Self {
        World::default()
    }

    /// A provider of this world.
    pub fn provider(&self) -> ScriptedProvider {
        ScriptedProvider { world: self.clone(), schema: provider_schema() }
    }

    /// Adds a fault to the script.
    pub fn script(&self, rule: Rule) {
        self.inner().rules.push(rule::Armed::new(rule));
    }

    /// Lets an object be waited for: `script` says, from what it is, how it becomes ready.
    pub fn awaits(&self, identity: &str, script: impl Fn(&Value) -> Readiness + Send + Sync + 'static) {
        self.inner().readiness.insert(identity.to_owned(), Arc::new(script));
    }

    /// Makes changes together that are asked for at the same time.
    pub fn gather(&self) {
        self.inner().gathers = true;
    }

    /// Lets an object take its time to go away once it is deleted: it is gone when it is *ready*.
    pub fn leaves(&self, identity: &str, script: impl Fn(&Value) -> Readiness + Send + Sync + 'static) {
        self.inner().leaving.insert(identity.to_owned(), Arc::new(script));
    }

    /// Ends all faults; what is waited for becomes ready, or goes away.
    pub fn heal(&self) {
        let mut inner = self.inner();
        inner.rules.clear();
        let Inner { readiness, leaving, .. } = &mut *inner;
        for script in readiness.values_mut().chain(leaving.values_mut()) {
            *script = Arc::new(|_| Readiness::At(Vec::new()));
        }
    }

    /// An object as it is.
    pub fn object(&self, resource_type: &str, identity: &str) -> Option<Value> {
        self.inner().objects.get(resource_type, identity).cloned()
    }

    /// The identities of all objects of a type, in order.
    pub fn identities(&self, resource_type: &str) -> Vec<String> {
        self.inner().objects.identities(resource_type)
    }

    /// Puts an object there, or changes it, as somebody else would.
    pub fn put(&self, resource_type: &str, identity: &str, value: Value) {
        self.inner().objects.put(resource_type, identity, value);
    }

    /// Changes one attribute of an object, as somebody else would; `false` where there is no
    /// such object.
    pub fn edit(&self, resource_type: &str, identity: &str, attribute: &str, value: Value) -> bool {
        self.inner().objects.edit(resource_type, identity, attribute, value)
    }

    /// Takes an object away, as somebody else would.
    pub fn remove(&self, resource_type: &str, identity: &str) -> Option<Value> {
        self.inner().objects.remove(resource_type, identity)
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.inner().calls.clone()
    }

    /// The identities of all calls of one operation so far, in order.
    pub fn calls_of(&self, operation: Operation) -> Vec<String> {
        let inner = self.inner();
        inner.calls.iter().filter(|call| call.operation == operation).map(|call| call.identity.clone()).collect()
    }

    /// The most changes that were under way at the same time.
    pub fn most_at_once(&self) -> usize {
        self.inner().most_running
    }

    /// Waits until a call has met [`Fault::Stop`] or [`Fault::StopBefore`]; the caller then
    /// drops what it runs, which is what a killed process does.
    pub async fn stopped(&self) {
        self.stopped.notified().await;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a call and says which fault it meets.
    fn call(&self, operation: Operation, resource_type: &str, identity: &str) -> Option<Fault> {
        let mut inner = self.inner();
        let call = Call { operation, resource_type: resource_type.to_owned(), identity: identity.to_owned() };
        let fault = inner.rules.iter_mut().fold(None, |met, rule| rule.meet(&call).or(met));
        inner.calls.push(call);
        match &fault {
            Some(Fault::Vanish) => {
                inner.objects.remove(resource_type, identity);
            }
            Some(Fault::Edit(attribute, value)) => {
                inner.objects.edit(resource_type, identity, attribute, value.clone());
            }
            _ => {}
        }
        fault
    }
}

/// A provider whose system is a [`World`].
pub struct ScriptedProvider {
    world: World,
    schema: ProviderSchema,
}

fn provider_schema() -> ProviderSchema {
    let object = Schema::new("An object found by its name.")
        .with(Attribute::required("name", Type::String).replace().doc("What finds it."))
        .with(Attribute::optional("value", Type::Any).doc("Anything."))
        .with(Attribute::optional("secret", Type::String).sensitive().doc("Never shown."))
        .with(Attribute::computed("revision", Type::Number).doc("Rises with every change."));
    let numbered = Schema::new("An object that is numbered as it is created.")
        .with(Attribute::optional("value", Type::Any).doc("Anything."))
        .with(Attribute::computed("id", Type::String).doc("Its number."))
        .with(Attribute::computed("revision", Type::Number).doc("Rises with every change."));
    let value = Schema::new("The value of an object.")
        .with(Attribute::required("name", Type::String).doc("What finds the object."))
        .with(Attribute::computed("value", Type::Any).doc("Its value."));
    ProviderSchema {
        connection: Schema::new("A connection.").with(Attribute::optional("endpoint", Type::String)),
        resources: BTreeMap::from([
            (OBJECT, ResourceSchema { version: 0, schema: object }),
            (NUMBERED, ResourceSchema { version: 0, schema: numbered }),
        ]),
        data: BTreeMap::from([(VALUE, value)]),
    }
}

#[async_trait]
impl Provider for ScriptedProvider {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn schema(&self) -> &ProviderSchema {
        &self.schema
    }

    fn validate(&self, _resource_type: &str, config: &Value) -> Vec<Error> {
        let empty = config.get("name").is_some_and(|name| name.as_str() == Some(""));
        let error = || Error::invalid("the name must not be empty").at(AttributePath::attribute("name"));
        empty.then(error).into_iter().collect()
    }

    async fn connect(&self, config: &Value, _owner: &str) -> Result<Arc<dyn Session>, Error> {
        let endpoint = config.get("endpoint");
        let endpoint = endpoint.as_ref().and_then(Value::as_str).unwrap_or_default();
        match self.world.call(Operation::Connect, "", endpoint) {
            Some(Fault::Fail(error)) => Err(error),
            _ => Ok(Arc::new(ScriptedSession { world: self.world.clone(), schema: provider_schema() })),
        }
    }
}
