//! Where zones are kept.

use std::sync::Arc;

use async_trait::async_trait;
use portolan_provider::Error;

use crate::name::Name;
use crate::zone::{Edit, Zone};

/// A place where zones are kept.
#[async_trait]
pub trait Zones: Send + Sync {
    /// Reads a zone whole; `None` says that there is no such zone.
    async fn read(&self, zone: &Name) -> Result<Option<Arc<Zone>>, Error>;

    /// Takes away what a killed run left of making a zone that is not there.
    async fn clear(&self, zone: &Name) -> Result<(), Error> {
        let _ = zone;
        Ok(())
    }

    /// Changes a zone. Changes that are asked for at the same time may be made together;
    /// each has an outcome of its own.
    async fn change(&self, zone: &Name, edit: Edit) -> Result<(), Error>;
}
