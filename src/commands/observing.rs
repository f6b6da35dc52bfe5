//! What the commands share that look at what runs.

use portolan::catalog::Catalog;
use portolan::compile::Desired;
use portolan::observe::{Selection, Service, services};
use portolan::sessions::{OpenSessions, Sessions};
use portolan_lang::Sources;
use portolan_state::Snapshot;

use super::Failure;
use crate::setup;

/// What is recorded, and the systems that were reached. The configuration is not needed for it:
/// how a system is reached is recorded as well.
pub(crate) struct Observed {
    snapshot: Snapshot,
    catalog: Catalog,
    /// Nothing is declared but what is recorded.
    nothing: Desired,
    opened: OpenSessions,
}

impl Observed {
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        let opened = OpenSessions::of(&snapshot);
        Observed { snapshot, catalog: setup::catalog(), nothing: Desired::default(), opened }
    }

    /// The same with what is recorded now. Systems that were not reached are tried again.
    pub(crate) fn renewed(self, snapshot: Snapshot) -> Self {
        if snapshot.serial != self.snapshot.serial || snapshot.lineage != self.snapshot.lineage {
            return Observed::new(snapshot);
        }
        self.opened.forget_failures();
        self
    }

    /// The services that these names select; all without any.
    pub(crate) fn services(&self, names: &[String]) -> Result<Vec<Service<'_>>, Failure> {
        let problems = |diagnostics| Failure { diagnostics, sources: Sources::new() };
        let selection = Selection::parse(names).map_err(problems)?;
        selection.of(services(&self.snapshot, &self.catalog)).map_err(problems)
    }

    /// The systems, each of which is given one try.
    pub(crate) fn sessions(&self) -> Sessions<'_> {
        Sessions::new(&self.catalog, &self.nothing).sharing(&self.opened).impatient()
    }
}
