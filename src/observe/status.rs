//! How the services are.

use portolan_provider::{Condition, Status};

use super::ask::{Told, ask};
use super::services::{Service, Work};
use crate::sessions::Sessions;

/// A workload of a service, and how it was found.
#[derive(Debug, Clone)]
pub struct Row<'a> {
    /// The service.
    pub service: &'a Service<'a>,
    /// What runs it.
    pub work: &'a Work<'a>,
    /// How it was found.
    pub found: Found,
}

/// How a workload was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Its system says this.
    Told(Status),
    /// It is not there any more.
    Gone,
    /// Its system did not tell, for this reason.
    NotTold(String),
}

impl Row<'_> {
    /// Whether somebody ought to look at it: what stands still because somebody wants that, and
    /// what a directory only declares, is as it should be.
    pub fn is_wrong(&self) -> bool {
        match &self.found {
            Found::Told(status) => matches!(status.condition, Condition::Waiting | Condition::Failing),
            Found::Gone | Found::NotTold(_) => true,
        }
    }
}

/// How all workloads of these services are, in their order.
pub async fn status<'a>(sessions: &Sessions<'_>, services: &'a [Service<'a>]) -> Vec<Row<'a>> {
    let told = ask(sessions, services, async |workloads, recorded| workloads.status(recorded).await).await;
    let row = |Told { service, work, answer }: Told<'a, Option<Status>>| {
        let found = match answer {
            Ok(Some(status)) => Found::Told(status),
            Ok(None) => Found::Gone,
            Err(cause) => Found::NotTold(cause),
        };
        Row { service, work, found }
    };
    told.into_iter().map(row).collect()
}
