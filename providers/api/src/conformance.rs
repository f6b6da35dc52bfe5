//! The promises of the seam as checks that every provider's tests run.
//!
//! A provider describes its objects by a [`Subject`] and calls [`check`], which carries some
//! of them through their whole life and answers with the first [`Violation`]:
//!
//! - the plan says what the configuration says, and what was planned comes out;
//! - an object is read as it was left, and a plan for what is as wanted is no change;
//! - identities are told beforehand truly and stay the same through updates and reads;
//! - batches are answered in the order asked for;
//! - what somebody else changed is seen;
//! - repeating a creation, an update or a deletion succeeds;
//! - many changes at the same time do not disturb each other.

mod client;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
pub use client::Client;
use client::delete;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use portolan_lang::{Schema, Value};

use crate::{Applied, Change, Error, Planned, Session, Wanted, departures_from_config, departures_from_plan};

/// How many objects are changed at the same time.
const MANY: usize = 64;

/// The objects that a provider is tried with.
#[async_trait]
pub trait Subject: Send + Sync {
    /// Their resource type.
    fn resource_type(&self) -> &str;

    /// The configuration of the n-th object: each of its own identity, all wholly known, null
    /// where it says nothing.
    fn config(&self, number: usize) -> Value;

    /// Another configuration of the same object, which can be reached by an update in place.
    fn changed(&self, config: &Value) -> Value;

    /// Changes the object behind the provider's back in what [`Subject::config`] sets.
    async fn change_outside(&self, identity: &str);

    /// Whether objects exist outside the recorded state. Where they do not, nobody else can
    /// change them, each creation makes another one, and reading gives what was recorded.
    fn exists_outside(&self) -> bool {
        true
    }
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What was expected and what was found, in a sentence.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Violation {}

type Outcome<T = ()> = Result<T, Violation>;

/// Carries objects through their whole life. The system must hold none of them beforehand and
/// holds none afterwards.
///
/// # Errors
///
/// The first promise that the provider breaks.
pub async fn check(client: &Client, subject: &dyn Subject) -> Outcome {
    let Some(resource) = client.provider.schema().resources.get(subject.resource_type()) else {
        return Err(violation(format!("{} is not in the schema", subject.resource_type())));
    };
    let trial = Trial { client, session: &*client.session, subject, schema: &resource.schema };
    trial.validates().await?;
    let created = trial.creates().await?;
    let updated = trial.updates(created).await?;
    trial.sees_changes_from_outside(&updated).await?;
    trial.deletes(updated).await?;
    trial.many_at_once().await
}

struct Trial<'a> {
    client: &'a Client,
    session: &'a dyn Session,
    subject: &'a dyn Subject,
    schema: &'a Schema,
}

fn violation(message: impl Into<String>) -> Violation {
    Violation { message: message.into() }
}

fn ensure(kept: bool, message: impl FnOnce() -> String) -> Outcome {
    if kept { Ok(()) } else { Err(violation(message())) }
}

impl Trial<'_> {
    async fn validates(&self) -> Outcome {
        let errors = self.client.provider.validate(self.subject.resource_type(), &self.subject.config(0));
        ensure(errors.is_empty(), || format!("a right configuration is refused: {}", messages(&errors)))
    }

    async fn creates(&self) -> Outcome<Applied> {
        let config = self.subject.config(0);
        let planned = self.plan(None, &config).await?;
        let foretold = self.session.identity(self.subject.resource_type(), &planned.value);
        if let Some(identity) = &foretold {
            let absent = self.read(&[wanted(self.subject, identity, None)]).await?;
            ensure(absent == [None], || format!("{identity} is there before it is created"))?;
        }
        let created = self.create(&planned.value).await?;
        if let Some(foretold) = foretold {
            ensure(foretold == created.identity, || format!("{foretold} was foretold, but made {}", created.identity))?;
            let repeated = self.create(&planned.value).await?;
            ensure(repeated.identity == created.identity, || "a repeated creation makes another object".to_owned())?;
        }
        self.is_settled(&created, &config).await?;
        Ok(created)
    }

    async fn updates(&self, before: Applied) -> Outcome<Applied> {
        let config = self.subject.changed(&self.subject.config(0));
        let planned = self.plan(Some(&before.value), &config).await?;
        ensure(planned.value != before.value, || "a changed configuration is planned as no change".to_owned())?;
        ensure(planned.replace.is_empty(), || format!("a change in place needs a new object: {:?}", planned.replace))?;
        let change = Change::Update { identity: &before.identity, prior: &before.value, planned: &planned.value };
        let updated = self.change(change, &planned.value).await?;
        ensure(updated.identity == before.identity, || {
            format!("an update made {} of {}", updated.identity, before.identity)
        })?;
        let repeated = self.change(change, &planned.value).await?;
        ensure(repeated.identity == updated.identity, || "a repeated update makes another object".to_owned())?;
        self.is_settled(&repeated, &config).await?;
        Ok(repeated)
    }

    async fn sees_changes_from_outside(&self, object: &Applied) -> Outcome {
        if !self.subject.exists_outside() {
            return Ok(());
        }
        self.subject.change_outside(&object.identity).await;
        let found = self.read(&[wanted(self.subject, &object.identity, Some(&object.value))]).await?;
        let [Some(found)] = found.as_slice() else {
            return Err(violation("an object that was changed outside is not found"));
        };
        ensure(*found != object.value, || "a change from outside is not seen".to_owned())?;
        let config = self.subject.changed(&self.subject.config(0));
        let planned = self.plan(Some(found), &config).await?;
        ensure(planned.value != *found, || "what was changed outside is planned as no change".to_owned())?;
        let change = Change::Update { identity: &object.identity, prior: found, planned: &planned.value };
        let mended = self.change(change, &planned.value).await?;
        self.is_settled(&mended, &config).await
    }

    async fn deletes(&self, object: Applied) -> Outcome {
        let current = self.read(&[wanted(self.subject, &object.identity, Some(&object.value))]).await?;
        let Some(current) = current.into_iter().next().flatten() else {
            return Err(violation("an object is gone before it is deleted"));
        };
        for attempt in ["a deletion", "a repeated deletion"] {
            let change = Change::Delete { identity: &object.identity, prior: &current };
            let answer = delete(self.session, self.subject.resource_type(), change).await;
            answer.map_err(|error| violation(format!("{attempt} fails: {error}")))?;
        }
        if self.subject.exists_outside() {
            let gone = self.read(&[wanted(self.subject, &object.identity, Some(&current))]).await?;
            ensure(gone == [None], || "a deleted object is still there".to_owned())?;
        }
        Ok(())
    }

    /// Creates, reads in one batch of reversed order, and deletes, all at the same time.
    async fn many_at_once(&self) -> Outcome {
        let creations: FuturesUnordered<_> = (0..MANY)
            .map(|number| async move {
                let planned = self.plan(None, &self.subject.config(number)).await?;
                Ok((number, self.create(&planned.value).await?))
            })
            .collect();
        let created: Vec<Outcome<(usize, Applied)>> = creations.collect().await;
        let mut created: Vec<(usize, Applied)> = created.into_iter().collect::<Result<_, _>>()?;
        created.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
        let identities: std::collections::BTreeSet<&Arc<str>> = created.iter().map(|(_, one)| &one.identity).collect();
        ensure(identities.len() == MANY, || "two objects have one identity".to_owned())?;
        let batch: Vec<Wanted> =
            created.iter().map(|(_, one)| wanted(self.subject, &one.identity, Some(&one.value))).collect();
        let answers = self.read(&batch).await?;
        for ((_, one), answer) in created.iter().zip(&answers) {
            ensure(answer.as_ref() == Some(&one.value), || format!("a batch answers wrongly for {}", one.identity))?;
        }
        let deletions: FuturesUnordered<_> = created.iter().map(|(_, one)| self.deletes(one.clone())).collect();
        let outcomes: Vec<Outcome> = deletions.collect().await;
        outcomes.into_iter().collect()
    }

    /// Reads as it was left, and a plan for the same configuration is no change.
    async fn is_settled(&self, object: &Applied, config: &Value) -> Outcome {
        let found = self.read(&[wanted(self.subject, &object.identity, Some(&object.value))]).await?;
        ensure(found == [Some(object.value.clone())], || {
            "an object is read in another way than it was left".to_owned()
        })?;
        let planned = self.plan(Some(&object.value), config).await?;
        let no_change = Planned { value: object.value.clone(), replace: Vec::new() };
        ensure(planned == no_change, || "an object that is as wanted is planned as a change".to_owned())
    }

    async fn plan(&self, prior: Option<&Value>, config: &Value) -> Outcome<Planned> {
        let answer = self.client.plan(self.subject.resource_type(), prior, config).await;
        let planned = answer.map_err(|error| violation(format!("planning fails: {error}")))?;
        let departures = departures_from_config(self.schema, config, &planned.value);
        ensure(departures.is_empty(), || format!("a plan departs from the configuration at {departures:?}"))?;
        Ok(planned)
    }

    async fn create(&self, planned: &Value) -> Outcome<Applied> {
        self.change(Change::Create { planned }, planned).await
    }

    async fn change(&self, change: Change<'_>, planned: &Value) -> Outcome<Applied> {
        let answer = self.session.apply(self.subject.resource_type(), change).await;
        let answer = answer.map_err(|error| violation(format!("a change fails: {error}")))?;
        let applied = answer.ok_or_else(|| violation("a change answers with no object"))?;
        let departures = departures_from_plan(planned, &applied.value);
        ensure(departures.is_empty(), || format!("what was planned comes out otherwise at {departures:?}"))?;
        ensure(applied.value.is_wholly_known(), || "a change leaves unknown values".to_owned())?;
        Ok(applied)
    }

    async fn read(&self, batch: &[Wanted]) -> Outcome<Vec<Option<Value>>> {
        let answers = self.session.read(batch).await;
        ensure(answers.len() == batch.len(), || {
            format!("a batch of {} is answered by {} answers", batch.len(), answers.len())
        })?;
        answers.into_iter().map(|answer| answer.map_err(|error| violation(format!("reading fails: {error}")))).collect()
    }
}

fn wanted(subject: &dyn Subject, identity: &Arc<str>, prior: Option<&Value>) -> Wanted {
    Wanted { resource_type: Arc::from(subject.resource_type()), identity: identity.clone(), prior: prior.cloned() }
}

fn messages(errors: &[Error]) -> String {
    errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; ")
}
