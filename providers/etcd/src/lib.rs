//! Keys in etcd, and what flannel keeps there.
//!
//! Each object is one key. What a resource type makes of the key's bytes is its
//! `Record`: the text itself for `etcd_key`, flannel's JSON for
//! `flannel_network` and `flannel_subnet`. Every change is a transaction that compares the
//! key with what was read, so that nothing that somebody else wrote meanwhile is lost.
//!
//! What is written here has no lease: it stays until it is taken away. A key that was bound
//! to a lease by somebody else is seen as changed, and unbound.

mod flannel;
mod key;
mod record;
mod session;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use portolan_lang::{Schema, Value};
use portolan_provider::{Error, Provider, ProviderSchema, ResourceSchema, Session};

use crate::record::{RECORDS, record};
use crate::session::EtcdSession;

/// The provider of keys in etcd.
pub struct Etcd {
    schema: ProviderSchema,
}

impl Etcd {
    /// The provider; it has no state of its own.
    pub fn new() -> Self {
        let resource = |record: &&'static dyn record::Record| {
            (record.resource_type(), ResourceSchema { version: 0, schema: record::schema(*record) })
        };
        let resources = RECORDS.iter().map(resource).collect();
        Etcd { schema: ProviderSchema { connection: connection(), resources, data: BTreeMap::new() } }
    }
}

impl Default for Etcd {
    fn default() -> Self {
        Etcd::new()
    }
}

#[async_trait]
impl Provider for Etcd {
    fn name(&self) -> &'static str {
        "etcd"
    }

    fn schema(&self) -> &ProviderSchema {
        &self.schema
    }

    fn validate(&self, resource_type: &str, config: &Value) -> Vec<Error> {
        record(resource_type).map(|record| record.check(config)).unwrap_or_default()
    }

    async fn connect(&self, config: &Value, _owner: &str) -> Result<Arc<dyn Session>, Error> {
        Ok(Arc::new(EtcdSession::new(portolan_etcd_client::open(config).await?)))
    }
}

fn connection() -> Schema {
    let schema = Schema::new("How an etcd cluster is reached.");
    portolan_etcd_client::attributes().into_iter().fold(schema, Schema::with)
}
