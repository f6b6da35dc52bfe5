//! What a directory says of workloads: what is wanted. What runs, something else knows.

use std::sync::Arc;

use async_trait::async_trait;
use portolan_lang::Value;
use portolan_provider::{Condition, Error, Recorded, Status, Wanted, Workload, Workloads};

use super::DirectorySession;
use super::read::read_batch;
use crate::{manifest_of, workload};

#[async_trait]
impl Workloads for DirectorySession {
    async fn status(&self, workloads: &[Recorded<'_>]) -> Vec<Result<Option<Status>, Error>> {
        let wanted = workloads.iter().map(|recorded| Wanted {
            resource_type: Arc::from(recorded.resource_type),
            identity: Arc::from(recorded.identity),
            prior: Some(recorded.value.clone()),
        });
        let found = read_batch(&self.folder, &wanted.collect::<Vec<_>>()).await;
        found.into_iter().map(|found| Ok(found?.map(|object| status(&object)))).collect()
    }
}

fn status(object: &Value) -> Status {
    let declared = manifest_of(object).ok().and_then(|manifest| workload::declared(&manifest));
    let Workload { wanted, images, is_stopped } = declared.unwrap_or_default();
    let (condition, why) = match is_stopped {
        true => (Condition::Stopped, "the manifest lets it stand still"),
        false => (Condition::Unknown, "a directory says what is wanted, and not what runs"),
    };
    let why = why.to_owned();
    Status { condition, why, reasons: Vec::new(), wanted, ready: None, images, restarts: None, since: None }
}
