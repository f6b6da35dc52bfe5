//! Watching what is published, through all that can happen to etcd.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use etcd_client::{EventType, GetOptions, Txn, TxnOp, TxnOpResponse, WatchOptions};
use portolan_etcd_client::{Connection, error_of};
use portolan_fleet::{Addresses, Prefix, Release, Report, Store};
use portolan_provider::Error;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{sleep, timeout};

use crate::heart::Event;

/// How long to wait before etcd is asked again: at first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// After how long without a word from etcd everything is read again: a broken connection may not
/// tell that it is.
const SILENCE: Duration = Duration::from_secs(30);

/// What the watching tells.
pub(crate) enum News {
    /// Something is otherwise than before.
    Event(Event),
    /// These addresses of pods are otherwise than before, or gone; with `true` there are no others.
    Endpoints(Vec<(String, Option<Addresses>)>, bool),
    /// etcd is reached through this from now on.
    Connected(Box<Store>),
    /// etcd is not reached, for this reason.
    Lost(String),
}

/// Tells what is published and reported for as long as anybody listens. What etcd does not tell
/// while it is away is read when it is there again.
///
/// Where it is told to, it begins with a new connection: that passes over members that were lost since, which an
/// open one goes on to ask by turns.
pub(crate) async fn watch(connection: Connection, prefix: Prefix, news: UnboundedSender<News>, renewal: Arc<Notify>) {
    let mut pause = RETRY.0;
    while !news.is_closed() {
        let mut watching = Watching { news: &news, nodes: BTreeMap::new(), has_read: false };
        let why = match connection.open().await {
            Ok(client) => tokio::select! {
                why = watching.run(Store::new(client, prefix.clone())) => why,
                () = renewal.notified() => Ok(()),
            },
            Err(error) => Err(error),
        };
        if watching.has_read {
            pause = RETRY.0;
        }
        if let Err(error) = why {
            let _ = news.send(News::Lost(error.message));
            sleep(pause).await;
            pause = (pause * 2).min(RETRY.1);
        }
    }
}

struct Watching<'a> {
    news: &'a UnboundedSender<News>,
    nodes: BTreeMap<String, Report>,
    has_read: bool,
}

impl Watching<'_> {
    /// Reads, and follows what changes from then on, until the connection breaks or what changed
    /// since was compacted.
    async fn run(&mut self, store: Store) -> Result<(), Error> {
        let broken = |error| error_of("watching etcd", error);
        let revision = self.read(&store).await?;
        let options = WatchOptions::new().with_prefix().with_start_revision(revision + 1).with_progress_notify();
        let mut client = store.client();
        // The blobs lie apart: a big release is no flood of events.
        let release = store.prefix().release();
        let mut stream = client.watch(release.as_str(), Some(options.clone())).await.map_err(broken)?;
        stream.watch(store.prefix().nodes(), Some(options.clone())).await.map_err(broken)?;
        stream.watch(store.prefix().endpoints(), Some(options)).await.map_err(broken)?;
        loop {
            let Ok(answer) = timeout(SILENCE, stream.message()).await else { return Ok(()) };
            let Some(answer) = answer.map_err(broken)? else {
                return Err(Error::transient("watching etcd: the connection was lost"));
            };
            // What was compacted meanwhile is read again.
            if answer.canceled() {
                return Ok(());
            }
            self.take(&store, answer.events())?;
        }
    }

    async fn read(&mut self, store: &Store) -> Result<i64, Error> {
        let below = GetOptions::new().with_prefix();
        let gets = [
            TxnOp::get(store.prefix().release(), None),
            TxnOp::get(store.prefix().nodes(), Some(below.clone())),
            TxnOp::get(store.prefix().endpoints(), Some(below)),
        ];
        let answer = store.kv().txn(Txn::new().and_then(gets)).await;
        let answer = answer.map_err(|error| error_of(&store.prefix().all(), error))?;
        let revision = answer.header().map_or(0, |header| header.revision());
        let (mut release, mut endpoints) = (None, Vec::new());
        for (at, found) in answer.op_responses().iter().enumerate() {
            let TxnOpResponse::Get(found) = found else { continue };
            match at {
                0 => release = found.kvs().first().map(|found| Release::decode(found.value())),
                1 => self.nodes = found.kvs().iter().filter_map(|found| store.report(found)).collect(),
                _ => endpoints = found.kvs().iter().filter_map(|found| store.addresses(found)).collect(),
            }
        }
        let release = release.transpose().map_err(Error::failed)?;
        self.has_read = true;
        // Whatever is done about what is told needs the connection.
        let _ = self.news.send(News::Connected(Box::new(store.clone())));
        let _ = self.news.send(News::Endpoints(endpoints, true));
        self.tell(Event::Nodes(self.nodes.clone()));
        self.tell(Event::Wanted(release));
        Ok(revision)
    }

    fn take(&mut self, store: &Store, events: &[etcd_client::Event]) -> Result<(), Error> {
        let mut nodes_changed = false;
        let mut endpoints = Vec::new();
        for event in events {
            let Some(found) = event.kv() else { continue };
            let is_gone = event.event_type() == EventType::Delete;
            let key = String::from_utf8_lossy(found.key()).into_owned();
            if key == store.prefix().release() {
                let release = (!is_gone).then(|| Release::decode(found.value())).transpose();
                self.tell(Event::Wanted(release.map_err(Error::failed)?));
            } else if let Some(name) = key.strip_prefix(&store.prefix().nodes()) {
                nodes_changed = true;
                match store.report(found).filter(|_| !is_gone) {
                    Some((name, report)) => drop(self.nodes.insert(name, report)),
                    None => drop(self.nodes.remove(name)),
                }
            } else if let Some(name) = key.strip_prefix(&store.prefix().endpoints()) {
                match store.addresses(found).filter(|_| !is_gone) {
                    Some(found) => endpoints.push(found),
                    None => endpoints.push((name.to_owned(), None)),
                }
            }
        }
        if !endpoints.is_empty() {
            let _ = self.news.send(News::Endpoints(endpoints, false));
        }
        if nodes_changed {
            self.tell(Event::Nodes(self.nodes.clone()));
        }
        Ok(())
    }

    fn tell(&self, event: Event) {
        // Nobody listens any more where the agent ends.
        let _ = self.news.send(News::Event(event));
    }
}
