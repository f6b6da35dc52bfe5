//! What runs in a cluster.
//!
//! A namespace is read with one list for each kind of workload in it, one of its pods, and one of
//! what stands between the two ([`namespace`]); events only where something is not as it should
//! be. What is made of that is told by [`status`], [`copies`], [`usage`], [`samples`] and [`events`]; [`inside`] is what
//! goes on in one pod.

mod copies;
mod events;
mod inside;
mod namespace;
mod samples;
mod status;
mod usage;

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use namespace::Namespace;
use portolan_provider::{Copy, Error, Event, LogRequest, Recorded, Samples, Status, Streams, Usage, Workloads};
use tokio::sync::mpsc::Sender;

use super::read::at_once;
use super::{ServerSession, api_version_of, parse_identity};
use crate::identity::Identity;
use crate::manifest_of;

/// How many lists are asked for at the same time.
const LISTS: usize = 6;

/// A workload that is looked for.
struct Sought {
    /// Its place in the batch.
    at: usize,
    identity: Identity,
    /// As its manifest says.
    api_version: Option<String>,
}

/// The workloads of each namespace.
type Namespaces = BTreeMap<String, Vec<Sought>>;

/// Puts answers into the order of what was asked.
fn in_order<T>(count: usize, answers: impl IntoIterator<Item = (usize, Result<T, Error>)>) -> Vec<Result<T, Error>> {
    let mut ordered: Vec<Result<T, Error>> = Vec::with_capacity(count);
    ordered.resize_with(count, || Err(Error::failed("it was not looked for")));
    answers.into_iter().for_each(|(at, answer)| ordered[at] = answer);
    ordered
}

/// The workloads of each namespace, and those whose identity cannot be read.
fn by_namespace(workloads: &[Recorded<'_>]) -> (Namespaces, Vec<(usize, Error)>) {
    let (mut namespaces, mut broken) = (Namespaces::new(), Vec::new());
    for (at, workload) in workloads.iter().enumerate() {
        match parse_identity(workload.identity) {
            Ok(identity) => {
                let api_version = manifest_of(workload.value).ok().and_then(|manifest| api_version_of(&manifest));
                let namespace = identity.namespace.clone().unwrap_or_default();
                namespaces.entry(namespace).or_default().push(Sought { at, identity, api_version });
            }
            Err(error) => broken.push((at, error)),
        }
    }
    (namespaces, broken)
}

impl ServerSession {
    /// Every namespace of these workloads, read, with those that are in it.
    async fn namespaces(&self, sought: Namespaces) -> Vec<(Vec<Sought>, Result<Namespace, Error>)> {
        let read = sought.into_iter().map(|(name, sought)| async move {
            let namespace = Namespace::read(self, &name, &sought).await;
            (sought, namespace)
        });
        at_once(LISTS, read).await
    }
}

/// What is told of the workloads of each namespace, in the order of what was asked.
async fn answers<T, F: Future<Output = Result<Vec<T>, Error>>>(
    session: &ServerSession,
    workloads: &[Recorded<'_>],
    tell: impl Fn(Vec<Sought>, Namespace) -> F,
) -> Vec<Result<T, Error>> {
    let (sought, broken) = by_namespace(workloads);
    let mut answers: Vec<(usize, Result<T, Error>)> = broken.into_iter().map(|(at, error)| (at, Err(error))).collect();
    for (sought, namespace) in session.namespaces(sought).await {
        let places: Vec<usize> = sought.iter().map(|one| one.at).collect();
        let told = match namespace {
            Ok(namespace) => tell(sought, namespace).await,
            Err(error) => Err(error),
        };
        match told {
            Ok(told) => answers.extend(places.into_iter().zip(told.into_iter().map(Ok))),
            Err(error) => answers.extend(places.into_iter().map(|at| (at, Err(error.clone())))),
        }
    }
    in_order(workloads.len(), answers)
}

#[async_trait]
impl Workloads for ServerSession {
    async fn status(&self, workloads: &[Recorded<'_>]) -> Vec<Result<Option<Status>, Error>> {
        answers(self, workloads, |sought, namespace| self.told(sought, namespace)).await
    }

    async fn copies(&self, workloads: &[Recorded<'_>]) -> Vec<Result<Vec<Copy>, Error>> {
        let tell = |sought: Vec<Sought>, namespace: Namespace| async move {
            Ok(sought.iter().map(|one| copies::copies(one, &namespace)).collect())
        };
        answers(self, workloads, tell).await
    }

    async fn log(
        &self,
        copy: &str,
        container: &str,
        request: &LogRequest,
        lines: Sender<Vec<u8>>,
    ) -> Result<(), Error> {
        self.read_log(copy, container, request, lines).await
    }

    async fn exec(&self, copy: &str, container: &str, command: &[String], streams: Streams) -> Result<i32, Error> {
        self.run(copy, container, command, streams).await
    }

    async fn usage(&self, workloads: &[Recorded<'_>]) -> Vec<Result<Usage, Error>> {
        let tell = |sought: Vec<Sought>, namespace: Namespace| async move {
            let measured = self.measured(&namespace.name).await?;
            Ok(sought.iter().map(|one| usage::usage(one, &namespace, &measured)).collect())
        };
        answers(self, workloads, tell).await
    }

    async fn samples(&self, workloads: &[Recorded<'_>]) -> Vec<Result<Samples, Error>> {
        let tell = |sought: Vec<Sought>, namespace: Namespace| async move {
            // That nothing is measured is no reason not to tell of the pods.
            let measured = self.measured(&namespace.name).await.map_err(|error| error.message);
            let now = Timestamp::now();
            Ok(sought.iter().map(|one| samples::samples(one, &namespace, &measured, now)).collect())
        };
        answers(self, workloads, tell).await
    }

    async fn events(&self, workloads: &[Recorded<'_>]) -> Vec<Result<Vec<Event>, Error>> {
        let tell = |sought: Vec<Sought>, namespace: Namespace| async move {
            let happened = events::Happened::of(self.all_events(&namespace.name).await?);
            Ok(sought.iter().map(|one| events::events(one, &namespace, &happened)).collect())
        };
        answers(self, workloads, tell).await
    }
}
