//! Where the files of a tree are kept.

use std::sync::Arc;

use async_trait::async_trait;
use portolan_provider::Error;

/// A file as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Its bytes.
    pub content: Vec<u8>,
    /// Its permissions: nine bits.
    pub mode: u32,
}

impl std::fmt::Debug for StoredFile {
    /// Without the content, which may be a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "file of {} bytes, mode {:04o}", self.content.len(), self.mode)
    }
}

/// A place for a tree of files, found by paths that [`portolan_fleet::path`] allows.
#[async_trait]
pub trait Store: Send + Sync {
    /// Reads many files in one pass. The answers stand in the order of `paths`; `None` says
    /// that there is no such file.
    async fn read(&self, paths: &[Arc<str>]) -> Vec<Result<Option<StoredFile>, Error>>;

    /// Puts a file in its place, whole or not at all.
    async fn write(&self, path: &str, file: StoredFile) -> Result<(), Error>;

    /// Takes a file away. One that is not there is not an error.
    async fn delete(&self, path: &str) -> Result<(), Error>;

    /// Takes away what a killed run left of writing a file that is not there.
    async fn clear(&self, path: &str) -> Result<(), Error> {
        let _ = path;
        Ok(())
    }
}
