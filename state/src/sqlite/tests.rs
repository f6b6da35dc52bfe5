use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::conformance::{self, States};

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Files(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name).join("state.db")
    }
}

#[async_trait]
impl States for Files {
    async fn open(&self, name: &str) -> Arc<dyn Backend> {
        let path = self.path(name);
        let keys = KeySource::file(key_file_beside(&path));
        Arc::new(Sqlite::with_keys(path, keys))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_promise_holds() {
    conformance::check(&Files::new()).await.unwrap_or_else(|violation| panic!("{violation}"));
}
