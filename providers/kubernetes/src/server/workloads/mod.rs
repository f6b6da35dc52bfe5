//! What runs in a cluster.
//!
//! A namespace is read with one list for each kind of workload in it, one of its pods, and one of
//! what stands between the two ([`namespace`]); events only where something is not as it should
//! be. What is made of that is told by [`status`].

mod namespace;
mod status;

use std::collections::BTreeMap;

use async_trait::async_trait;
use namespace::Namespace;
use portolan_provider::{Error, Recorded, Status, Workloads};

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

#[async_trait]
impl Workloads for ServerSession {
    async fn status(&self, workloads: &[Recorded<'_>]) -> Vec<Result<Option<Status>, Error>> {
        let (sought, broken) = by_namespace(workloads);
        let mut answers: Vec<(usize, Result<Option<Status>, Error>)> =
            broken.into_iter().map(|(at, error)| (at, Err(error))).collect();
        for (sought, namespace) in self.namespaces(sought).await {
            match namespace {
                Ok(namespace) => answers.extend(self.told(&sought, &namespace).await),
                Err(error) => answers.extend(sought.iter().map(|one| (one.at, Err(error.clone())))),
            }
        }
        in_order(workloads.len(), answers)
    }
}
