//! Lists that many share who wait for objects on them.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portolan_provider::{Error, ErrorKind};
use serde_json::Value as Json;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::api::{Api, Target};
use super::discovery::Kind;
use super::fresh::Fresh;
use super::pages::{Next, Page, Pages};
use super::read::{place, place_of};
use super::refusal::Trouble;
use crate::health::reasons::Around;
use crate::manifest::{OWNER, OWNER_LABEL};

/// How old what is around workloads may be: it only explains.
const AROUND_AGE: Duration = Duration::from_secs(5);

/// Everything that is on a list, by [`place`], or why it cannot be told.
type Listed = Result<HashMap<String, Box<RawValue>>, Error>;

/// The lists of a server.
#[derive(Default)]
pub(super) struct Lists {
    /// By their addresses.
    listed: Cells<String, Listed>,
    /// By their namespaces.
    around: Cells<String, Around>,
}

/// Answers by what they are about.
struct Cells<K, T>(Mutex<HashMap<K, Arc<Fresh<T>>>>);

impl<K, T> Default for Cells<K, T> {
    fn default() -> Self {
        Cells(Mutex::default())
    }
}

impl<K: Hash + Eq, T> Cells<K, T> {
    fn of(&self, key: K) -> Arc<Fresh<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().clone()
    }
}

impl Lists {
    /// An object among those of its kind that are ours, as it was at this time or later; `None`
    /// where it is not among them. The objects of all namespaces are listed at once where the
    /// rights allow that.
    pub(super) async fn find(
        &self,
        api: &Api,
        kind: &Kind,
        namespace: Option<&str>,
        name: &str,
        not_before: Instant,
    ) -> Result<Option<Json>, Error> {
        let everywhere = self.listed(api, &kind.list(None), not_before).await;
        let listed = match (&*everywhere, namespace) {
            (Err(error), Some(_)) if error.kind == ErrorKind::Denied => {
                self.listed(api, &kind.list(namespace), not_before).await
            }
            _ => everywhere,
        };
        let Some(item) = listed.as_ref().as_ref().map_err(Clone::clone)?.get(&place(namespace, name)) else {
            return Ok(None);
        };
        let broken = |error| Error::transient(format!("an item of a list cannot be read: {error}"));
        let mut live: Json = serde_json::from_str(item.get()).map_err(broken)?;
        // A list does not say of each item what it is.
        live["apiVersion"] = kind.api_version.as_str().into();
        live["kind"] = kind.name.as_str().into();
        Ok(Some(live))
    }

    async fn listed(&self, api: &Api, list: &Target, not_before: Instant) -> Arc<Listed> {
        let ours = of_ours(list.clone());
        self.listed.of(format!("{list:?}")).get(not_before, || all(api, ours)).await
    }

    /// What is around the workloads of a namespace, some seconds ago. What may not be read, or
    /// cannot be for now, is left out: it only explains.
    pub(super) async fn around(&self, api: &Api, namespace: &str) -> Arc<Around> {
        let not_before = Instant::now().checked_sub(AROUND_AGE).unwrap_or_else(Instant::now);
        self.around.of(namespace.to_owned()).get(not_before, || around(api, namespace)).await
    }
}

/// Those of a list that carry our label.
pub(super) fn of_ours(list: Target) -> Target {
    list.with("labelSelector", &format!("{OWNER_LABEL}={OWNER}"))
}

async fn all(api: &Api, list: Target) -> Listed {
    let found = collect(api, &list).await;
    found.map(|found| found.objects).map_err(|trouble| trouble.error(&format!("listing {list} at {}", api.server)))
}

/// Everything that is on a list, by [`place`], and the version that it has.
#[derive(Default)]
pub(super) struct Collected {
    pub(super) objects: HashMap<String, Box<RawValue>>,
    pub(super) version: String,
}

pub(super) async fn collect(api: &Api, list: &Target) -> Result<Collected, Trouble> {
    let mut found = Collected::default();
    let mut pages = Pages::of(api, list.clone());
    loop {
        let answer = match pages.next().await? {
            Next::Page(answer) => answer,
            Next::Restarted => {
                found.objects.clear();
                continue;
            }
            Next::End => return Ok(found),
        };
        let page: Page<'_> = answer.parse()?;
        for item in &page.items {
            found.objects.insert(place_of(item)?, (*item).to_owned());
        }
        found.version.clone_from(&page.metadata.version);
        pages.continue_with(page.metadata);
    }
}

async fn around(api: &Api, namespace: &str) -> Around {
    let of = |version: &str, plural: &str| Target::path(format!("/{version}/namespaces/{namespace}/{plural}"));
    let events = || of("api/v1", "events");
    let (replica_sets, pods, warnings, of_claims) = futures::join!(
        objects(api, of("apis/apps/v1", "replicasets"), "ReplicaSet"),
        objects(api, of("api/v1", "pods"), "Pod"),
        objects(api, events().with("fieldSelector", "type=Warning"), "Event"),
        objects(api, events().with("fieldSelector", "involvedObject.kind=PersistentVolumeClaim"), "Event"),
    );
    Around { replica_sets, pods, events: warnings.into_iter().chain(of_claims).collect() }
}

async fn objects(api: &Api, list: Target, kind: &str) -> Vec<Json> {
    let found = collect(api, &list).await.unwrap_or_default();
    let parsed = found.objects.into_values().filter_map(|item| serde_json::from_str::<Json>(item.get()).ok());
    let named = |mut object: Json| {
        if let Some(fields) = object.as_object_mut() {
            fields.insert("kind".to_owned(), kind.into());
        }
        object
    };
    parsed.map(named).collect()
}
