//! Asking the systems of workloads, each once and all at the same time.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use portolan_lang::{Address, Value};
use portolan_provider::{Copy, Error, Event, Recorded, Samples, Usage, Workloads};
use tokio::time::timeout;

use super::services::{Service, Work};
use crate::sessions::Sessions;

/// How long a system may take to answer: a person waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answer of a system, or why there is none.
pub type Answer<T> = Result<T, String>;

/// A workload of a service, and what its system says of it.
#[derive(Debug, Clone)]
pub struct Told<'a, T> {
    /// The service.
    pub service: &'a Service<'a>,
    /// What runs it.
    pub work: &'a Work<'a>,
    /// What its system says.
    pub answer: Answer<T>,
}

/// The copies of the workloads of these services.
pub async fn copies<'a>(sessions: &Sessions<'_>, services: &'a [Service<'a>]) -> Vec<Told<'a, Vec<Copy>>> {
    ask(sessions, services, async |workloads, recorded| workloads.copies(recorded).await).await
}

/// What the workloads of these services use.
pub async fn usage<'a>(sessions: &Sessions<'_>, services: &'a [Service<'a>]) -> Vec<Told<'a, Usage>> {
    ask(sessions, services, async |workloads, recorded| workloads.usage(recorded).await).await
}

/// What each copy of the workloads of these services uses.
pub async fn samples<'a>(sessions: &Sessions<'_>, services: &'a [Service<'a>]) -> Vec<Told<'a, Samples>> {
    ask(sessions, services, async |workloads, recorded| workloads.samples(recorded).await).await
}

/// What happened to the workloads of these services.
pub async fn events<'a>(sessions: &Sessions<'_>, services: &'a [Service<'a>]) -> Vec<Told<'a, Vec<Event>>> {
    ask(sessions, services, async |workloads, recorded| workloads.events(recorded).await).await
}

/// What the systems answer for all workloads of these services, in their order.
pub(super) async fn ask<'a, T>(
    sessions: &Sessions<'_>,
    services: &'a [Service<'a>],
    question: impl AsyncFn(&dyn Workloads, &[Recorded<'_>]) -> Vec<Result<T, Error>>,
) -> Vec<Told<'a, T>> {
    let all: Vec<(&Service<'_>, &Work<'_>)> =
        services.iter().flat_map(|service| service.works.iter().map(move |work| (service, work))).collect();
    let batches = by_system(all.iter().map(|(_, work)| *work));
    let answers = join_all(batches.iter().map(async |places| {
        let works: Vec<&Work<'_>> = places.iter().map(|at| all[*at].1).collect();
        ask_system(sessions, &works, &question).await
    }));
    let mut told: Vec<Option<Answer<T>>> = all.iter().map(|_| None).collect();
    for (places, answers) in batches.iter().zip(answers.await) {
        places.iter().zip(answers).for_each(|(at, answer)| told[*at] = Some(answer));
    }
    let rows = all.into_iter().zip(told);
    rows.map(|((service, work), answer)| {
        let answer = answer.unwrap_or_else(|| Err("its system did not tell".to_owned()));
        Told { service, work, answer }
    })
    .collect()
}

/// The positions of the workloads of each system.
fn by_system<'a>(works: impl Iterator<Item = &'a Work<'a>>) -> Vec<Vec<usize>> {
    let mut systems: BTreeMap<(&str, Option<&Address>), Vec<usize>> = BTreeMap::new();
    for (at, work) in works.enumerate() {
        let system = (&*work.resource.provider, work.resource.connection.as_ref());
        systems.entry(system).or_default().push(at);
    }
    systems.into_values().collect()
}

/// What the system of these workloads answers within the time that it is given.
async fn ask_system<T>(
    sessions: &Sessions<'_>,
    works: &[&Work<'_>],
    question: &impl AsyncFn(&dyn Workloads, &[Recorded<'_>]) -> Vec<Result<T, Error>>,
) -> Vec<Answer<T>> {
    let cause = match timeout(PATIENCE, answers(sessions, works, question)).await {
        Ok(Ok(answers)) => return answers,
        Ok(Err(cause)) => cause,
        Err(_) => format!("it gave no answer within {} s", PATIENCE.as_secs()),
    };
    works.iter().map(|_| Err(cause.clone())).collect()
}

async fn answers<T>(
    sessions: &Sessions<'_>,
    works: &[&Work<'_>],
    question: &impl AsyncFn(&dyn Workloads, &[Recorded<'_>]) -> Vec<Result<T, Error>>,
) -> Answer<Vec<Answer<T>>> {
    let Some(first) = works.first() else { return Ok(Vec::new()) };
    let session = sessions.of_resource(first.resource).await.map_err(|problem| problem.detail)?;
    let workloads = session.workloads().ok_or("what runs there cannot be looked at")?;
    let values: Vec<Value> = works.iter().map(|work| work.resource.value.unmark_deep()).collect();
    let recorded = works.iter().zip(&values).map(|(work, value)| Recorded {
        resource_type: &work.resource.resource_type,
        identity: &work.resource.identity,
        value,
    });
    let answers = question(workloads, &recorded.collect::<Vec<_>>()).await;
    Ok(answers.into_iter().map(|answer| answer.map_err(|error| error.message)).collect())
}
