//! What the commands share that look at what runs.

use std::collections::BTreeSet;

use portolan::catalog::Catalog;
use portolan::compile::Desired;
use portolan::observe::{Selection, Service, services};
use portolan::sessions::{OpenSessions, Sessions};
use portolan_lang::{Diagnostic, Sources};
use portolan_state::{Decision, Snapshot};

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
        self.try_again();
        self
    }

    /// All services.
    pub(crate) fn all(&self) -> Vec<Service<'_>> {
        services(&self.snapshot, &self.catalog)
    }

    /// What is decided.
    pub(crate) fn decisions(&self) -> &[Decision] {
        &self.snapshot.decisions
    }

    /// The services that these names select; all without any.
    pub(crate) fn services(&self, names: &[String]) -> Result<Vec<Service<'_>>, Failure> {
        let problems = |diagnostics| Failure { diagnostics, sources: Sources::new() };
        let selection = Selection::parse(names).map_err(problems)?;
        selection.of(self.all()).map_err(problems)
    }

    /// The services that these names select, in one cluster if one is named.
    pub(crate) fn services_in(&self, names: &[String], cluster: Option<&str>) -> Result<Vec<Service<'_>>, Failure> {
        let mut services = self.services(names)?;
        let Some(cluster) = cluster else { return Ok(services) };
        let clusters: BTreeSet<String> =
            services.iter().flat_map(|service| service.works.iter().map(|work| work.cluster())).collect();
        if !clusters.contains(cluster) {
            let names: Vec<String> = clusters.into_iter().collect();
            return Err(Diagnostic::error("No such cluster")
                .detail(format!("None of what was named runs in the cluster \"{cluster}\"."))
                .help(format!("It runs in: {}.", names.join(", ")))
                .into());
        }
        services.iter_mut().for_each(|service| service.works.retain(|work| work.cluster() == cluster));
        services.retain(|service| !service.works.is_empty());
        Ok(services)
    }

    /// Systems that were not reached are tried again.
    pub(crate) fn try_again(&self) {
        self.opened.forget_failures();
    }

    /// The systems, each of which is given one try.
    pub(crate) fn sessions(&self) -> Sessions<'_> {
        Sessions::new(&self.catalog, &self.nothing).sharing(&self.opened).impatient()
    }
}
