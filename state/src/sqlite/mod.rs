//! The state in an SQLite database: a file, the default backend.
//!
//! - `connection` finds, makes and opens the file; `migrations` brings it to the present form;
//! - `lease` is the lock, `presence` tells whether its holder lives; `commit` and `load` write and read, by `encode` and `decode`;
//! - `statement` writes many rows with few statements; `failure` says what went wrong.
//!
//! The database is in WAL mode: readers see the last commit while a writer writes. A commit
//! is on disk when it returns (`synchronous = FULL`). A process that is killed leaves at most
//! the files `-wal` and `-shm` beside the database, which the next one takes up; `unlock`
//! leaves the database file alone and whole.

mod commit;
mod connection;
mod decode;
mod encode;
mod failure;
mod lease;
mod load;
mod migrations;
mod presence;
mod statement;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

use crate::backend::{Backend, Error, Holder, Lease, Serial, Snapshot};
use crate::durable;
use crate::record::{Change, Edit, Run};
use crate::seal::{KeySource, key_file_beside};
use connection::{Access, Database};
use failure::Place;
use presence::Presence;

/// The state in a file.
///
/// Nothing is opened before it is needed. Reading opens the file each time; from `lock` to
/// `unlock` one connection is kept for writing, so commits cost no opening.
#[derive(Debug)]
pub struct Sqlite {
    place: Place,
    keys: KeySource,
    writer: Mutex<Option<Database>>,
    presence: Mutex<Option<Presence>>,
}

impl Sqlite {
    /// The state in this file, which need not exist, with its key in the environment or
    /// beside it.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let keys = KeySource::environment_or_file(key_file_beside(&path));
        Sqlite::with_keys(path, keys)
    }

    /// The state in this file, which need not exist, with its key from there.
    pub fn with_keys(path: impl Into<PathBuf>, keys: KeySource) -> Self {
        Sqlite { place: Place::new(path.into()), keys, writer: Mutex::new(None), presence: Mutex::new(None) }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// A connection for reading, if there is a database.
    async fn reader(&self) -> Result<Option<Database>, Error> {
        match connection::open(&self.place, Access::Read).await? {
            // Read as if it had the present form; what is written for that is not kept.
            Some(database) if database.is_older() => connection::open(&self.place, Access::Write).await,
            found => Ok(found),
        }
    }

    /// The connection for writing, opened where it is not open.
    async fn writer(&self) -> Result<MappedMutexGuard<'_, Database>, Error> {
        let mut writer = self.writer.lock().await;
        let database = match writer.take() {
            Some(database) => database,
            // A lease on a state that is gone is a lease that was lost.
            None => connection::open(&self.place, Access::Write).await?.ok_or(Error::Fenced)?,
        };
        Ok(MutexGuard::map(writer, |slot| slot.insert(database)))
    }
}

#[async_trait]
impl Backend for Sqlite {
    async fn load(&self) -> Result<Snapshot, Error> {
        match self.reader().await? {
            Some(mut database) => database.load(&self.keys).await,
            None => Ok(Snapshot::default()),
        }
    }

    async fn serial(&self) -> Result<Serial, Error> {
        match self.reader().await? {
            Some(mut database) => database.serial().await,
            None => Ok(Serial::default()),
        }
    }

    async fn lock(&self, holder: &Holder, ttl: Duration) -> Result<Lease, Error> {
        // Opened anew, because the file may be another one by now.
        let mut writer = self.writer.lock().await;
        *writer = None;
        durable::sweep_beside(self.place.path());
        let mut database = connection::open_or_create(&self.place).await?;
        let mut presence = self.presence.lock().await;
        let lease = database.lock(holder, ttl, &mut presence).await?;
        *writer = Some(database);
        Ok(lease)
    }

    async fn renew(&self, lease: &Lease) -> Result<(), Error> {
        self.writer().await?.renew(lease).await
    }

    async fn unlock(&self, lease: &Lease) -> Result<(), Error> {
        match self.writer().await {
            Ok(mut database) => database.unlock(lease).await?,
            Err(Error::Fenced) => return Ok(()),
            Err(error) => return Err(error),
        }
        let mut presence = self.presence.lock().await;
        if let Some(ended) = presence.take_if(|presence| presence.tells_of(lease.fence.cast_signed())) {
            ended.end();
        }
        match self.writer.lock().await.take() {
            Some(database) => database.close().await,
            None => Ok(()),
        }
    }

    async fn commit(&self, lease: &Lease, base: Serial, edits: &[Edit]) -> Result<Serial, Error> {
        self.writer().await?.commit(&self.keys, lease, base, edits).await
    }

    async fn runs(&self, limit: usize) -> Result<Vec<Run>, Error> {
        match self.reader().await? {
            Some(mut database) => database.runs(limit).await,
            None => Ok(Vec::new()),
        }
    }

    async fn changes(&self, run: &str) -> Result<Vec<Change>, Error> {
        match self.reader().await? {
            Some(mut database) => database.changes(run).await,
            None => Ok(Vec::new()),
        }
    }
}
