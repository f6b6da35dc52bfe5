//! A fleet in etcd: what its tree needs, and what stands there of pods.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use etcd_client::{GetOptions, Txn, TxnOp, WatchOptions};
use portolan_etcd_client::error_of;
use portolan_fleet::{Digest, Known, NEEDS, Needs, Pods, Release, Store};
use portolan_provider::Error;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, sleep, timeout_at};

use crate::Fleet;
use crate::heart::{Change, Event};
use crate::shell::News;

/// How long to wait before etcd is asked again: at first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// How often everything is read again, whatever was told.
const READ: Duration = Duration::from_secs(60);

/// Tells what the fleet at a position needs and has, for as long as anybody listens.
pub(crate) async fn watch(at: usize, fleet: Fleet, news: UnboundedSender<News>) {
    let mut pause = RETRY.0;
    while !news.is_closed() {
        let mut watching = Watching { at, news: &news, needs: HashMap::new(), has_read: false };
        let why = match fleet.etcd.open().await {
            Ok(client) => watching.run(Store::new(client, fleet.prefix.clone())).await,
            Err(error) => Err(error),
        };
        if watching.has_read {
            pause = RETRY.0;
        }
        if let Err(error) = why {
            let _ = news.send(News::Lost(fleet.address.clone(), error.message));
            sleep(pause).await;
            pause = (pause * 2).min(RETRY.1);
        } else {
            let _ = news.send(News::Reached(fleet.address.clone()));
        }
    }
}

struct Watching<'a> {
    at: usize,
    news: &'a UnboundedSender<News>,
    /// What files say that were read, by their bytes.
    needs: HashMap<Digest, BTreeSet<Pods>>,
    has_read: bool,
}

impl Watching<'_> {
    /// Reads, and follows the release from then on, until it is time to read again.
    async fn run(&mut self, store: Store) -> Result<(), Error> {
        let broken = |error| error_of("watching etcd", error);
        let _ = self.news.send(News::Connected(self.at, Box::new(store.clone())));
        loop {
            let again = Instant::now() + READ;
            let revision = self.read(&store).await?;
            let options = WatchOptions::new().with_start_revision(revision + 1);
            let mut client = store.client();
            let mut stream = client.watch(store.prefix().release(), Some(options)).await.map_err(broken)?;
            while let Ok(answer) = timeout_at(again, stream.message()).await {
                let Some(answer) = answer.map_err(broken)? else {
                    return Err(Error::transient("watching etcd: the connection was lost"));
                };
                // What was compacted meanwhile is read again.
                if answer.canceled() || !answer.events().is_empty() {
                    break;
                }
            }
        }
    }

    async fn read(&mut self, store: &Store) -> Result<i64, Error> {
        let below = GetOptions::new().with_prefix();
        let answer = store.kv().get(store.prefix().endpoints(), Some(below)).await;
        let answer = answer.map_err(|error| error_of(&store.prefix().endpoints(), error))?;
        let revision = answer.header().map_or(0, |header| header.revision());
        let known: Known = answer
            .kvs()
            .iter()
            .filter_map(|found| store.addresses(found))
            .filter_map(|(key, found)| Some((key, found?)))
            .collect();
        let release = store.current().await?.map(|published| published.release);
        let pods = match &release {
            Some(release) => self.needed(store, release).await?,
            None => BTreeSet::new(),
        };
        self.has_read = true;
        let _ = self.news.send(News::Event(Event::Stored(self.at, known)));
        let _ = self.news.send(News::Event(Event::Needed(self.at, pods)));
        Ok(revision)
    }

    /// The pods that a tree needs.
    async fn needed(&mut self, store: &Store, release: &Release) -> Result<BTreeSet<Pods>, Error> {
        let manifest = store.manifest(release).await?;
        let manifest = manifest.ok_or_else(|| Error::transient("the manifest is not in etcd"))?;
        let files = manifest.files.iter().filter(|(path, _)| path.starts_with(NEEDS) && path.ends_with(".json"));
        let digests: Vec<Digest> = files.map(|(_, entry)| entry.sha256.clone()).collect();
        self.needs.retain(|digest, _| digests.contains(digest));
        let new: Vec<Digest> = digests.into_iter().filter(|digest| !self.needs.contains_key(digest)).collect();
        for (digest, bytes) in new.iter().zip(store.get(&new).await?) {
            let bytes = bytes.ok_or_else(|| Error::transient("a file of the tree is not in etcd"))?;
            // One that nobody understands here is told of by the agents.
            let needs = Needs::decode(&bytes).map(|needs| needs.pods().cloned().collect()).unwrap_or_default();
            self.needs.insert(digest.clone(), needs);
        }
        Ok(self.needs.values().flatten().cloned().collect())
    }
}

/// Writes changes, all at once.
pub(crate) async fn write(store: &Store, changes: &[Change]) -> Result<(), Error> {
    let prefix = store.prefix().endpoints();
    let operations = changes.iter().map(|(key, found)| {
        let key = format!("{prefix}{key}");
        match found {
            Some(found) => TxnOp::put(key, found.encode(), None),
            None => TxnOp::delete(key, None),
        }
    });
    let answer = store.kv().txn(Txn::new().and_then(operations.collect::<Vec<_>>())).await;
    answer.map(drop).map_err(|error| error_of(&prefix, error))
}
