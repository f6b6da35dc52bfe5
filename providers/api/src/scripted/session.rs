//! The session of a scripted world.

use std::sync::Arc;

use async_trait::async_trait;
use portolan_lang::{AttributePath, Value};

use super::objects::{is_withdrawal, name_of};
use super::readiness::{Readiness, Script};
use super::{Fault, NUMBERED, OBJECT, Operation, VALUE, World};
use crate::{
    Applied, Awaited, Change, Error, NotReady, Planned, Proposal, ProviderSchema, Report, Session, Waiting, Wanted,
    plan_by_schema,
};

pub(super) struct ScriptedSession {
    pub(super) world: World,
    pub(super) schema: ProviderSchema,
}

impl ScriptedSession {
    /// The fault that a call meets, once the time it takes is over and unless it ends the call.
    async fn meet(&self, operation: Operation, kind: &str, identity: &str) -> Result<Option<Fault>, Error> {
        let fault = self.world.call(operation, kind, identity);
        tokio::task::yield_now().await;
        match fault {
            Some(Fault::Fail(error)) => Err(error),
            Some(Fault::Wait(time)) => {
                tokio::time::sleep(time).await;
                Ok(None)
            }
            Some(Fault::StopBefore) => self.never_answer().await,
            other => Ok(other),
        }
    }

    fn readiness(&self, identity: &str) -> Option<Script> {
        self.world.inner().readiness.get(identity).cloned()
    }

    fn leaving(&self, identity: &str) -> Option<Script> {
        self.world.inner().leaving.get(identity).cloned()
    }

    async fn never_answer<T>(&self) -> T {
        self.world.stopped.notify_one();
        std::future::pending().await
    }

    async fn carry_out(&self, resource_type: &str, change: Change<'_>) -> Result<Option<Applied>, Error> {
        let (operation, identity) = match change {
            Change::Create { planned } => (Operation::Create, name_of(planned).unwrap_or_default()),
            Change::Update { identity, .. } => (Operation::Update, Arc::from(identity)),
            Change::Delete { identity, .. } => (Operation::Delete, Arc::from(identity)),
        };
        let fault = self.meet(operation, resource_type, &identity).await?;
        let done = match change {
            Change::Delete { .. } if self.leaving(&identity).is_some() => {
                let left = self.world.object(resource_type, &identity);
                left.map(|value| Applied { identity: identity.clone(), value })
            }
            change => self.world.inner().objects.change(resource_type, change)?,
        };
        match fault {
            Some(Fault::Stop) => self.never_answer().await,
            Some(Fault::LoseAnswer(error)) => Err(error),
            Some(Fault::LeaveBehind(error)) => Err(match done {
                Some(applied) => error.left_behind(applied.value),
                None => error,
            }),
            _ => Ok(done),
        }
    }
}

/// Counts a change as under way for as long as it lives, also where its task is dropped.
struct UnderWay<'a>(&'a World);

impl<'a> UnderWay<'a> {
    fn begin(world: &'a World) -> Self {
        let mut inner = world.inner();
        inner.running += 1;
        inner.most_running = inner.most_running.max(inner.running);
        UnderWay(world)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.inner().running -= 1;
    }
}

#[async_trait]
impl Session for ScriptedSession {
    fn identity(&self, resource_type: &str, planned: &Value) -> Option<Arc<str>> {
        (resource_type == OBJECT).then(|| name_of(planned)).flatten()
    }

    async fn read(&self, wanted: &[Wanted]) -> Vec<Result<Option<Value>, Error>> {
        let mut answers = Vec::with_capacity(wanted.len());
        for one in wanted {
            let met = self.meet(Operation::Read, &one.resource_type, &one.identity).await;
            answers.push(met.map(|_| self.world.object(&one.resource_type, &one.identity)));
        }
        answers
    }

    async fn plan(&self, proposal: Proposal<'_>) -> Result<Planned, Error> {
        let prior_name = proposal.prior.and_then(name_of).unwrap_or_default();
        self.meet(Operation::Plan, proposal.resource_type, &prior_name).await?;
        let Some(resource) = self.schema.resources.get(proposal.resource_type) else {
            return Err(Error::invalid(format!("{} is not a resource type", proposal.resource_type)));
        };
        let planned = plan_by_schema(&resource.schema, proposal);
        let kept_id = proposal.prior.and_then(|prior| prior.get("id")).filter(|_| proposal.resource_type == NUMBERED);
        let withdrawn =
            proposal.prior.filter(|prior| is_withdrawal(prior, &planned.value) && planned.replace.is_empty());
        let kept = [("id", kept_id), ("revision", withdrawn.and_then(|prior| prior.get("revision")))];
        let keep = |value: Value, (name, kept): (&str, Option<Value>)| match kept {
            Some(kept) => value.with(&AttributePath::attribute(name), kept),
            None => value,
        };
        Ok(Planned { value: kept.into_iter().fold(planned.value, keep), ..planned })
    }

    fn is_withdrawal(&self, _resource_type: &str, prior: &Value, planned: &Value) -> bool {
        is_withdrawal(prior, planned)
    }

    fn gathers(&self) -> bool {
        self.world.inner().gathers
    }

    async fn apply(&self, resource_type: &str, change: Change<'_>) -> Result<Option<Applied>, Error> {
        if let Change::Create { planned } | Change::Update { planned, .. } = change {
            let open = planned.paths(&|value| !value.is_known());
            let computed = |path: &AttributePath| ["id", "revision"].contains(&path.to_string().as_str());
            if let Some(path) = open.into_iter().find(|path| !computed(path)) {
                return Err(Error::invalid("a change needs values that are known").at(path));
            }
        }
        let _under_way = UnderWay::begin(&self.world);
        self.carry_out(resource_type, change).await
    }

    fn is_awaited(&self, _resource_type: &str, value: &Value) -> bool {
        name_of(value).is_some_and(|name| self.readiness(&name).is_some())
    }

    async fn ready(&self, awaited: Awaited<'_>, report: Report<'_>) -> Result<(), NotReady> {
        if let Some(Fault::Stop) = self.meet(Operation::Ready, awaited.resource_type, awaited.identity).await? {
            return self.never_answer().await;
        }
        let Some(script) = self.readiness(awaited.identity) else { return Ok(()) };
        follow(script(awaited.value), report).await
    }

    async fn gone(&self, awaited: Awaited<'_>, report: Report<'_>) -> Result<(), Error> {
        let Awaited { resource_type, identity, value } = awaited;
        if let Some(Fault::Stop) = self.meet(Operation::Gone, resource_type, identity).await? {
            return self.never_answer().await;
        }
        if let Some(script) = self.leaving(identity) {
            follow(script(value), report).await.map_err(|left| left.error)?;
        }
        self.world.inner().objects.change(resource_type, Change::Delete { identity, prior: value }).map(drop)
    }

    async fn import(&self, resource_type: &str, id: &str) -> Result<Option<Applied>, Error> {
        self.meet(Operation::Import, resource_type, id).await?;
        let found = self.world.object(resource_type, id);
        Ok(found.map(|value| Applied { identity: Arc::from(id), value }))
    }

    async fn data(&self, source: &str, config: &Value) -> Result<Value, Error> {
        let name = name_of(config).unwrap_or_default();
        self.meet(Operation::Data, source, &name).await?;
        if source != VALUE {
            return Err(Error::invalid(format!("{source} is not a data source")));
        }
        let Some(found) = self.world.object(OBJECT, &name) else {
            return Err(Error::failed(format!("there is no object {name}")).at(AttributePath::attribute("name")));
        };
        let value = found.get("value").unwrap_or_else(|| Value::null(portolan_lang::Type::Any));
        Ok(config.with(&AttributePath::attribute("value"), value))
    }
}

/// Lets an object fare as its script says.
async fn follow(script: Readiness, report: Report<'_>) -> Result<(), NotReady> {
    let tell = |why: &str| report(Waiting { why: why.to_owned(), reasons: Vec::new() });
    match script {
        Readiness::At(steps) => {
            for (pause, why) in steps {
                tokio::time::sleep(pause).await;
                tell(why);
            }
            Ok(())
        }
        Readiness::Never(why) => {
            tell(why);
            std::future::pending().await
        }
        Readiness::Fails(why) => Err(Error::failed(why).into()),
        Readiness::GoesBack(why) => Err(NotReady { error: Error::failed(why), goes_back: true }),
    }
}
