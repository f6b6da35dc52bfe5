//! Reading and writing what is published.

use std::collections::{BTreeMap, HashSet};

use etcd_client::{
    Client, Compare, CompareOp, GetOptions, KeyValue, KvClient, SortOrder, SortTarget, Txn, TxnOp, TxnOpResponse,
};
use futures::{StreamExt, TryStreamExt, stream};
use portolan_etcd_client::error_of;
use portolan_provider::Error;

use crate::{Addresses, Digest, Manifest, Prefix, Release, Report};

/// How many bytes of a blob stand in one key: etcd takes requests of 1.5 MiB by default.
const PIECE: usize = 512 << 10;

/// How many blobs are read in one transaction: etcd takes 128 operations by default.
const BLOBS_A_TRANSACTION: usize = 64;

/// How many transactions of a reading are under way at the same time.
const READS_AT_ONCE: usize = 4;

/// How many keys of a long list are asked for at once.
const KEYS_A_PAGE: i64 = 5_000;

/// The longest answer that is taken, in bytes.
const LONGEST_ANSWER: usize = 1 << 30;

/// What is published under a prefix of an etcd cluster.
#[derive(Clone)]
pub struct Store {
    client: Client,
    prefix: Prefix,
}

/// The release that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The release.
    pub release: Release,
    /// The revision of etcd at which its key was written.
    pub written: i64,
}

impl Store {
    /// What is published there.
    pub fn new(client: Client, prefix: Prefix) -> Store {
        Store { client, prefix }
    }

    /// Where it is published.
    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// The client, for watching and leases.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// The client for keys, which takes long answers.
    pub fn kv(&self) -> KvClient {
        self.client.kv_client().max_decoding_message_size(LONGEST_ANSWER)
    }

    /// Writes some bytes, unless they are there.
    ///
    /// # Errors
    ///
    /// What etcd says.
    pub async fn put(&self, bytes: &[u8]) -> Result<Digest, Error> {
        let digest = Digest::of(bytes);
        let pieces = (0..).zip(bytes.chunks(PIECE));
        // Also no bytes are a blob.
        let empty = bytes.is_empty().then_some((0, bytes));
        for (number, piece) in pieces.chain(empty) {
            self.put_piece(&self.prefix.piece(&digest, number), piece).await?;
        }
        Ok(digest)
    }

    async fn put_piece(&self, key: &str, piece: &[u8]) -> Result<(), Error> {
        let absent = Compare::version(key, CompareOp::Equal, 0);
        let write = Txn::new().when([absent]).and_then([TxnOp::put(key, piece, None)]);
        let answer =
            self.kv().txn(write.or_else([TxnOp::get(key, None)])).await.map_err(|error| error_of(key, error))?;
        let is_there = answer.succeeded() || values(&answer.op_responses()).any(|found| found.value() == piece);
        if !is_there {
            // Somebody wrote something else there.
            self.kv().put(key, piece, None).await.map_err(|error| error_of(key, error))?;
        }
        Ok(())
    }

    /// Bytes by their digests, in the order asked for; `None` for what is not there whole.
    ///
    /// # Errors
    ///
    /// What etcd says.
    pub async fn get(&self, digests: &[Digest]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        let found = self.read(digests).await?;
        let whole = |(found, digest): (Option<Vec<u8>>, &Digest)| found.filter(|bytes| Digest::of(bytes) == *digest);
        Ok(found.into_iter().zip(digests).map(whole).collect())
    }

    /// What stands where the bytes of these digests ought to, in the order asked for, whatever it
    /// is; `None` where nothing does.
    ///
    /// # Errors
    ///
    /// What etcd says.
    pub async fn read(&self, digests: &[Digest]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        let transactions: Vec<Txn> = digests.chunks(BLOBS_A_TRANSACTION).map(|some| self.reading(some)).collect();
        let readings = transactions.into_iter().map(|transaction| {
            let mut kv = self.kv();
            async move { kv.txn(transaction).await }
        });
        let answers: Result<Vec<_>, _> = stream::iter(readings).buffered(READS_AT_ONCE).try_collect().await;
        let answers = answers.map_err(|error| error_of(&self.prefix.blobs(), error))?;
        let joined = |answer: &TxnOpResponse| {
            let pieces: Vec<&KeyValue> = values(std::slice::from_ref(answer)).collect();
            (!pieces.is_empty()).then(|| pieces.iter().flat_map(|piece| piece.value()).copied().collect())
        };
        Ok(answers.iter().flat_map(|answer| answer.op_responses()).map(|answer| joined(&answer)).collect())
    }

    fn reading(&self, digests: &[Digest]) -> Txn {
        let pieces = || GetOptions::new().with_prefix().with_sort(SortTarget::Key, SortOrder::Ascend);
        let gets = digests.iter().map(|digest| TxnOp::get(self.prefix.blob(digest), Some(pieces())));
        Txn::new().and_then(gets.collect::<Vec<_>>())
    }

    /// Takes bytes away.
    ///
    /// # Errors
    ///
    /// What etcd says.
    pub async fn delete(&self, digest: &Digest) -> Result<(), Error> {
        let key = self.prefix.blob(digest);
        let pieces = etcd_client::DeleteOptions::new().with_prefix();
        let answer = self.kv().delete(key.as_str(), Some(pieces)).await;
        answer.map(drop).map_err(|error| error_of(&key, error))
    }

    /// The release that counts; `None` where none does.
    ///
    /// # Errors
    ///
    /// What etcd says, or that the key holds something else.
    pub async fn current(&self) -> Result<Option<Published>, Error> {
        let key = self.prefix.release();
        let answer = self.kv().get(key.as_str(), None).await.map_err(|error| error_of(&key, error))?;
        answer.kvs().first().map(|found| published(&key, found)).transpose()
    }

    /// The tree of a release; `None` where its manifest is not there whole.
    ///
    /// # Errors
    ///
    /// What etcd says, or what is wrong with the manifest.
    pub async fn manifest(&self, release: &Release) -> Result<Option<Manifest>, Error> {
        let found = self.get(std::slice::from_ref(&release.manifest)).await?;
        found.into_iter().flatten().next().map(|bytes| Manifest::decode(&bytes).map_err(Error::failed)).transpose()
    }

    /// Lets a release count in place of the one that was found before, or of none. Whether that one
    /// still counted; otherwise nothing was done.
    ///
    /// # Errors
    ///
    /// What etcd says.
    pub async fn publish(&self, release: &Release, before: Option<&Published>) -> Result<bool, Error> {
        self.exchange(before, TxnOp::put(self.prefix.release(), release.encode(), None)).await
    }

    /// Lets no release count any more, in the same way.
    ///
    /// # Errors
    ///
    /// What etcd says.
    pub async fn withdraw(&self, before: &Published) -> Result<bool, Error> {
        self.exchange(Some(before), TxnOp::delete(self.prefix.release(), None)).await
    }

    async fn exchange(&self, before: Option<&Published>, operation: TxnOp) -> Result<bool, Error> {
        let key = self.prefix.release();
        let still =
            Compare::mod_revision(key.as_str(), CompareOp::Equal, before.map_or(0, |published| published.written));
        let answer = self.kv().txn(Txn::new().when([still]).and_then([operation])).await;
        Ok(answer.map_err(|error| error_of(&key, error))?.succeeded())
    }

    /// What all bytes are called that are there.
    ///
    /// # Errors
    ///
    /// What etcd says.
    pub async fn digests(&self) -> Result<HashSet<Digest>, Error> {
        let below = self.prefix.blobs();
        let keys = self.keys(&below).await?;
        let digest = |key: String| Digest::try_from(key.strip_prefix(&below)?.split('/').next()?.to_owned()).ok();
        Ok(keys.into_iter().filter_map(digest).collect())
    }

    async fn keys(&self, below: &str) -> Result<Vec<String>, Error> {
        // The byte after a slash.
        let end = format!("{}0", below.trim_end_matches('/'));
        let mut found = Vec::new();
        let mut from = below.to_owned();
        loop {
            let page = GetOptions::new().with_range(end.as_str()).with_keys_only().with_limit(KEYS_A_PAGE);
            let answer = self.kv().get(from.as_str(), Some(page)).await.map_err(|error| error_of(below, error))?;
            found.extend(answer.kvs().iter().map(|key| String::from_utf8_lossy(key.key()).into_owned()));
            match found.last() {
                Some(last) if answer.more() => from = format!("{last}\0"),
                _ => return Ok(found),
            }
        }
    }

    /// What the nodes report that live, by their names.
    ///
    /// # Errors
    ///
    /// What etcd says.
    pub async fn reports(&self) -> Result<BTreeMap<String, Report>, Error> {
        let below = self.prefix.nodes();
        let answer = self.kv().get(below.as_str(), Some(GetOptions::new().with_prefix())).await;
        let answer = answer.map_err(|error| error_of(&below, error))?;
        Ok(answer.kvs().iter().filter_map(|found| self.report(found)).collect())
    }

    /// What finds some pods, and their addresses, from their key; `None` for what nobody here wrote.
    pub fn addresses(&self, found: &KeyValue) -> Option<(String, Option<Addresses>)> {
        let name = std::str::from_utf8(found.key()).ok()?.strip_prefix(&self.prefix.endpoints())?;
        Some((name.to_owned(), Some(Addresses::decode(found.value())?)))
    }

    /// The name of the node, and what it reports, from its key.
    pub fn report(&self, found: &KeyValue) -> Option<(String, Report)> {
        let name = std::str::from_utf8(found.key()).ok()?.strip_prefix(&self.prefix.nodes())?;
        Some((name.to_owned(), Report::decode(found.value())?))
    }
}

fn published(key: &str, found: &KeyValue) -> Result<Published, Error> {
    let release = Release::decode(found.value()).map_err(|problem| Error::failed(format!("{key}: {problem}")))?;
    Ok(Published { release, written: found.mod_revision() })
}

fn values(answers: &[TxnOpResponse]) -> impl Iterator<Item = &KeyValue> {
    answers.iter().flat_map(|answer| match answer {
        TxnOpResponse::Get(get) => get.kvs(),
        _ => &[],
    })
}
