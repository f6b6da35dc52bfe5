//! What needs no system behind it: the resource type `terraform_data` and the data source
//! `terraform_remote_state`, both with Terraform's meaning.
//!
//! What it leaves out: remote state is read from files only; no other backend is known.

mod remote_state;
mod terraform_data;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use portolan_lang::{Schema, Value};
use portolan_provider::{
    Applied, Change, Error, Planned, Proposal, Provider, ProviderSchema, ResourceSchema, Session, Wanted,
};
use terraform_data::TerraformData;

/// The provider that is always there.
pub struct Builtin {
    schema: ProviderSchema,
}

impl Builtin {
    /// The provider; it has no state of its own.
    pub fn new() -> Self {
        let schema = ProviderSchema {
            connection: Schema::new("Nothing needs to be said."),
            resources: BTreeMap::from([(
                terraform_data::TYPE,
                ResourceSchema { version: 0, schema: terraform_data::schema() },
            )]),
            data: BTreeMap::from([(remote_state::TYPE, remote_state::schema())]),
        };
        Builtin { schema }
    }
}

impl Default for Builtin {
    fn default() -> Self {
        Builtin::new()
    }
}

#[async_trait]
impl Provider for Builtin {
    fn name(&self) -> &'static str {
        "terraform"
    }

    fn schema(&self) -> &ProviderSchema {
        &self.schema
    }

    /// Checks data sources too, by their name.
    fn validate(&self, resource_type: &str, config: &Value) -> Vec<Error> {
        if resource_type == remote_state::TYPE { remote_state::validate(config) } else { Vec::new() }
    }

    async fn connect(&self, _config: &Value, _owner: &str) -> Result<Arc<dyn Session>, Error> {
        Ok(Arc::new(BuiltinSession { terraform_data: TerraformData::new() }))
    }
}

struct BuiltinSession {
    terraform_data: TerraformData,
}

fn known_type(resource_type: &str) -> Result<(), Error> {
    if resource_type == terraform_data::TYPE {
        return Ok(());
    }
    Err(Error::invalid(format!("{resource_type} is not a resource type")))
}

#[async_trait]
impl Session for BuiltinSession {
    /// Never known beforehand: it is chosen by the creation.
    fn identity(&self, _resource_type: &str, _planned: &Value) -> Option<Arc<str>> {
        None
    }

    /// What was recorded, because there is no other place where it is.
    async fn read(&self, wanted: &[Wanted]) -> Vec<Result<Option<Value>, Error>> {
        wanted.iter().map(|one| known_type(&one.resource_type).map(|()| one.prior.clone())).collect()
    }

    async fn plan(&self, proposal: Proposal<'_>) -> Result<Planned, Error> {
        known_type(proposal.resource_type)?;
        Ok(self.terraform_data.plan(proposal))
    }

    async fn apply(&self, resource_type: &str, change: Change<'_>) -> Result<Option<Applied>, Error> {
        known_type(resource_type)?;
        Ok(match change {
            Change::Create { planned } => Some(self.terraform_data.create(planned)),
            Change::Update { identity, planned, .. } => Some(self.terraform_data.update(identity, planned)),
            Change::Delete { .. } => None,
        })
    }

    async fn import(&self, resource_type: &str, id: &str) -> Result<Option<Applied>, Error> {
        known_type(resource_type)?;
        Ok(Some(self.terraform_data.import(id)))
    }

    async fn data(&self, source: &str, config: &Value) -> Result<Value, Error> {
        if source == remote_state::TYPE {
            return remote_state::read(config).await;
        }
        Err(Error::invalid(format!("{source} is not a data source")))
    }
}
