//! Watching the slices of some services of a namespace, for as long as anybody listens.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::runtime::watcher;
use portolan_provider::Error;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;

use crate::Cluster;
use crate::heart::{Event, Place};
use crate::shell::News;
use crate::slice::{SERVICE, Slice};

/// How long to wait before a cluster is asked again: at first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(20));

/// How many slices are listed at once.
const PAGE: u32 = 500;

/// The longest selector of services: it stands in an address.
const LONGEST_SELECTOR: usize = 4_000;

/// What a server says where its pods are.
#[derive(Debug, Clone)]
struct Source {
    resource: ApiResource,
    /// Whether they are slices, and not Endpoints.
    has_slices: bool,
}

/// Tells of the slices of these services. A cluster that does not answer is asked again, and nothing
/// of what it said before is taken back meanwhile.
pub(crate) async fn watch(cluster: Cluster, place: Place, services: BTreeSet<String>, news: UnboundedSender<News>) {
    let mut pause = RETRY.0;
    while !news.is_closed() {
        let watching = Watching { place: &place, services: &services, news: &news };
        let (why, was_reached) = watching.run(&cluster).await;
        if was_reached {
            pause = RETRY.0;
        }
        let _ = news.send(News::Lost(format!("{} of {}", place.namespace, place.cluster), why.message));
        sleep(pause).await;
        pause = (pause * 2).min(RETRY.1);
    }
}

struct Watching<'a> {
    place: &'a Place,
    services: &'a BTreeSet<String>,
    news: &'a UnboundedSender<News>,
}

impl Watching<'_> {
    /// Watches until something goes wrong; why, and whether the cluster had answered.
    async fn run(&self, cluster: &Cluster) -> (Error, bool) {
        let opened = async {
            let client = (cluster.connect)().await?;
            let source = source(&client).await.map_err(|error| Error::transient(error.to_string()))?;
            Ok::<_, Error>((client, source))
        };
        match opened.await {
            Ok((client, source)) => self.follow(client, &source).await,
            Err(error) => (error, false),
        }
    }

    async fn follow(&self, client: kube::Client, source: &Source) -> (Error, bool) {
        let api: Api<DynamicObject> = Api::namespaced_with(client, &self.place.namespace, &source.resource);
        let mut config = watcher::Config::default().page_size(PAGE);
        if source.has_slices {
            config = config.labels(&self.selector());
        }
        let mut events = pin!(watcher::watcher(api, config));
        let (mut listed, mut was_reached) = (Vec::new(), false);
        loop {
            match events.next().await {
                Some(Ok(event)) => {
                    self.take(event, source, &mut listed);
                    was_reached = true;
                }
                // The watcher would go on by itself; a new connection reads credentials anew.
                Some(Err(error)) => return (Error::transient(causes(&error)), was_reached),
                None => return (Error::transient("the watch ended"), was_reached),
            }
        }
    }

    /// The services, as far as they fit into an address.
    fn selector(&self) -> String {
        let names: Vec<&str> = self.services.iter().map(String::as_str).collect();
        let selector = format!("{SERVICE} in ({})", names.join(","));
        if selector.len() <= LONGEST_SELECTOR { selector } else { SERVICE.to_owned() }
    }

    fn take(&self, event: watcher::Event<DynamicObject>, source: &Source, listed: &mut Vec<Slice>) {
        let told = match event {
            watcher::Event::Init => {
                listed.clear();
                return;
            }
            watcher::Event::InitApply(object) => {
                listed.extend(source.slices(&object));
                return;
            }
            watcher::Event::InitDone => {
                let _ = self.news.send(News::Reached(format!("{} of {}", self.place.namespace, self.place.cluster)));
                Event::Listed(self.place.clone(), self.services.clone(), std::mem::take(listed))
            }
            watcher::Event::Apply(object) if source.has_slices => {
                Event::Changed(self.place.clone(), source.slices(&object))
            }
            watcher::Event::Delete(object) if source.has_slices => {
                let Some(slice) = source.slices(&object).pop() else { return };
                Event::Gone(self.place.clone(), slice)
            }
            // All that an Endpoints object says is all that there is of its service.
            watcher::Event::Apply(object) => self.whole(&object, source.slices(&object)),
            watcher::Event::Delete(object) => self.whole(&object, Vec::new()),
        };
        let _ = self.news.send(News::Event(told));
    }

    fn whole(&self, object: &DynamicObject, slices: Vec<Slice>) -> Event {
        let service = object.metadata.name.clone().unwrap_or_default();
        Event::Listed(self.place.clone(), BTreeSet::from([service]), slices)
    }
}

impl Source {
    fn slices(&self, object: &DynamicObject) -> Vec<Slice> {
        if self.has_slices { Slice::of_slice(object).into_iter().collect() } else { Slice::of_endpoints(object) }
    }
}

/// What this server says where its pods are: slices of version v1, on older servers of v1beta1, and
/// on those before Endpoints.
async fn source(client: &kube::Client) -> Result<Source, kube::Error> {
    const GROUP: &str = "discovery.k8s.io";
    let groups = client.list_api_groups().await?;
    let group = groups.groups.into_iter().find(|group| group.name == GROUP);
    let versions: Vec<String> =
        group.into_iter().flat_map(|group| group.versions).map(|version| version.version).collect();
    let known = ["v1", "v1beta1"].into_iter().find(|known| versions.iter().any(|version| version == known));
    let resource = |group: &str, version: &str, kind: &str, plural: &str| ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") },
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    };
    Ok(match known {
        Some(version) => {
            Source { resource: resource(GROUP, version, "EndpointSlice", "endpointslices"), has_slices: true }
        }
        None => Source { resource: resource("", "v1", "Endpoints", "endpoints"), has_slices: false },
    })
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_said = inner.to_string();
        if !said.contains(&inner_said) {
            said = format!("{said}: {inner_said}");
        }
        cause = inner.source();
    }
    said
}
