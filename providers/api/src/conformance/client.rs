//! What the engine does with one object, for tests that do it by hand.

use std::fmt;
use std::sync::Arc;

use portolan_lang::{Marks, Value};

use crate::{Applied, Awaited, Change, Error, Planned, Proposal, Provider, Session, Wanted, propose};

/// A provider and a session of it, used as the engine would use them: a change is planned from
/// what the configuration says, and what was planned is applied.
pub struct Client {
    /// The provider.
    pub provider: Arc<dyn Provider>,
    /// The session that everything is asked of.
    pub session: Arc<dyn Session>,
}

/// Takes an object away, and waits until it is gone.
pub(super) async fn delete(session: &dyn Session, resource_type: &str, change: Change<'_>) -> Result<(), Error> {
    let Some(Applied { identity, value }) = session.apply(resource_type, change).await? else { return Ok(()) };
    session.gone(Awaited { resource_type, identity: &identity, value: &value }, &|_| {}).await
}

/// The record that objects of tests belong to.
pub(super) const OWNER: &str = "tests";

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("provider", &self.provider.name()).finish_non_exhaustive()
    }
}

impl Client {
    /// Connects to a system.
    pub async fn connect(provider: impl Provider + 'static, config: &Value) -> Result<Client, Error> {
        let session = provider.connect(config, OWNER).await?;
        Ok(Client { provider: Arc::new(provider), session })
    }

    /// Plans a change of `prior`, or a creation.
    ///
    /// # Errors
    ///
    /// What the provider refuses, and a resource type that it does not have.
    pub async fn plan(&self, resource_type: &str, prior: Option<&Value>, config: &Value) -> Result<Planned, Error> {
        let Some(resource) = self.provider.schema().resources.get(resource_type) else {
            return Err(Error::invalid(format!("{resource_type} is not a resource type")));
        };
        let proposed = propose(&resource.schema, prior, config);
        let is_sensitive = config.deep_marks().contains(Marks::SENSITIVE);
        self.session.plan(Proposal { resource_type, prior, config, proposed: &proposed, is_sensitive }).await
    }

    /// Plans and makes an object.
    pub async fn create(&self, resource_type: &str, config: &Value) -> Result<Applied, Error> {
        let planned = self.plan(resource_type, None, config).await?.value;
        self.make(resource_type, Change::Create { planned: &planned }).await
    }

    /// Plans and makes a change in place.
    pub async fn update(&self, resource_type: &str, prior: &Applied, config: &Value) -> Result<Applied, Error> {
        let planned = self.plan(resource_type, Some(&prior.value), config).await?.value;
        let change = Change::Update { identity: &prior.identity, prior: &prior.value, planned: &planned };
        self.make(resource_type, change).await
    }

    async fn make(&self, resource_type: &str, change: Change<'_>) -> Result<Applied, Error> {
        let applied = self.session.apply(resource_type, change).await?;
        applied.ok_or_else(|| Error::failed("the answer to a change is no object"))
    }

    /// Takes an object away.
    pub async fn delete(&self, resource_type: &str, object: &Applied) -> Result<(), Error> {
        let change = Change::Delete { identity: &object.identity, prior: &object.value };
        delete(&*self.session, resource_type, change).await
    }

    /// Reads an object as it is by now.
    pub async fn read(&self, resource_type: &str, object: &Applied) -> Result<Option<Value>, Error> {
        self.find(resource_type, &object.identity, Some(&object.value)).await
    }

    /// Reads what lies under an identity. Without `prior`, it is asked for as after a run that
    /// was killed.
    pub async fn find(
        &self,
        resource_type: &str,
        identity: &str,
        prior: Option<&Value>,
    ) -> Result<Option<Value>, Error> {
        let wanted = Wanted { resource_type: resource_type.into(), identity: identity.into(), prior: prior.cloned() };
        let answer = self.session.read(&[wanted]).await.pop();
        answer.unwrap_or_else(|| Err(Error::failed("a batch of one has no answer")))
    }
}
