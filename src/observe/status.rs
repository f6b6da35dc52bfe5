//! How the services are.

use std::collections::BTreeMap;

use futures::future::join_all;
use portolan_lang::{Address, Value};
use portolan_provider::{Condition, Error, Recorded, Status};

use super::services::{Service, Work};
use crate::sessions::Sessions;

/// A workload of a service, and how it was found.
#[derive(Debug, Clone)]
pub struct Row<'a> {
    /// The service.
    pub service: &'a Service<'a>,
    /// What runs it.
    pub work: &'a Work<'a>,
    /// How it was found.
    pub found: Found,
}

/// How a workload was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Its system says this.
    Told(Status),
    /// It is not there any more.
    Gone,
    /// Its system did not tell, for this reason.
    NotTold(String),
}

impl Row<'_> {
    /// Whether somebody ought to look at it: what stands still because somebody wants that, and
    /// what a directory only declares, is as it should be.
    pub fn is_wrong(&self) -> bool {
        match &self.found {
            Found::Told(status) => matches!(status.condition, Condition::Waiting | Condition::Failing),
            Found::Gone | Found::NotTold(_) => true,
        }
    }
}

/// How all workloads of these services are, in their order. All systems are asked at the same
/// time.
pub async fn status<'a>(sessions: &Sessions<'_>, services: &'a [Service<'a>]) -> Vec<Row<'a>> {
    let all: Vec<(&Service<'_>, &Work<'_>)> =
        services.iter().flat_map(|service| service.works.iter().map(move |work| (service, work))).collect();
    let mut found: Vec<Option<Found>> = vec![None; all.len()];
    let batches = by_system(all.iter().map(|(_, work)| *work));
    let answers = join_all(batches.iter().map(|places| {
        let works: Vec<&Work<'_>> = places.iter().map(|at| all[*at].1).collect();
        async move { ask(sessions, &works).await }
    }));
    for (places, answers) in batches.iter().zip(answers.await) {
        places.iter().zip(answers).for_each(|(at, answer)| found[*at] = Some(answer));
    }
    let untold = || Found::NotTold("its system did not tell".to_owned());
    let rows = all.into_iter().zip(found);
    rows.map(|((service, work), found)| Row { service, work, found: found.unwrap_or_else(untold) }).collect()
}

/// The positions of the workloads of each system.
pub(super) fn by_system<'a>(works: impl Iterator<Item = &'a Work<'a>>) -> Vec<Vec<usize>> {
    let mut systems: BTreeMap<(&str, Option<&Address>), Vec<usize>> = BTreeMap::new();
    for (at, work) in works.enumerate() {
        let system = (&*work.resource.provider, work.resource.connection.as_ref());
        systems.entry(system).or_default().push(at);
    }
    systems.into_values().collect()
}

/// What the system of these workloads says of them.
async fn ask(sessions: &Sessions<'_>, works: &[&Work<'_>]) -> Vec<Found> {
    let all = |found: Found| vec![found; works.len()];
    let Some(first) = works.first() else { return Vec::new() };
    let session = match sessions.of_resource(first.resource).await {
        Ok(session) => session,
        Err(problem) => return all(Found::NotTold(problem.detail)),
    };
    let Some(workloads) = session.workloads() else {
        return all(Found::NotTold("what runs there cannot be looked at".to_owned()));
    };
    let values: Vec<Value> = works.iter().map(|work| work.resource.value.unmark_deep()).collect();
    let answers = workloads.status(&recorded(works, &values)).await;
    let answer = |answer: Result<Option<Status>, Error>| match answer {
        Ok(Some(status)) => Found::Told(status),
        Ok(None) => Found::Gone,
        Err(error) => Found::NotTold(error.message),
    };
    answers.into_iter().map(answer).collect()
}

/// What is recorded of workloads, with their values without marks.
pub(super) fn recorded<'a>(works: &[&'a Work<'a>], values: &'a [Value]) -> Vec<Recorded<'a>> {
    let recorded = works.iter().zip(values).map(|(work, value)| Recorded {
        resource_type: &work.resource.resource_type,
        identity: &work.resource.identity,
        value,
    });
    recorded.collect()
}
