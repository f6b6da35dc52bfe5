//! Planning where no system is reached: from the configuration, the record and the rules alone.

use std::sync::Arc;

use async_trait::async_trait;
use portolan_lang::Value;
use portolan_provider::{Applied, Change, Error, Planned, Proposal, Provider, Session, Wanted};

/// A session that reaches nothing. What would have to be asked is unknown or an error.
pub(super) struct Offline(pub(super) Arc<dyn Provider>);

fn refused(what: &str) -> Error {
    Error::failed(format!("{what} without connections")).help("Leave --offline out.")
}

#[async_trait]
impl Session for Offline {
    fn identity(&self, _resource_type: &str, _planned: &Value) -> Option<Arc<str>> {
        None
    }

    async fn read(&self, wanted: &[Wanted]) -> Vec<Result<Option<Value>, Error>> {
        wanted.iter().map(|_| Err(refused("nothing can be read"))).collect()
    }

    async fn plan(&self, proposal: Proposal<'_>) -> Result<Planned, Error> {
        self.0.plan_offline(proposal)
    }

    async fn apply(&self, _resource_type: &str, _change: Change<'_>) -> Result<Option<Applied>, Error> {
        Err(refused("nothing can be changed"))
    }

    async fn import(&self, _resource_type: &str, _id: &str) -> Result<Option<Applied>, Error> {
        Err(refused("nothing can be taken over"))
    }

    async fn data(&self, source: &str, _config: &Value) -> Result<Value, Error> {
        let schema = self.0.schema().data.get(source);
        schema.map(|schema| Value::unknown(schema.ty())).ok_or_else(|| refused("nothing can be read"))
    }
}
