//! How new revisions of a service get into its clusters: whether they are waited for, what happens
//! to one that does not become ready, and in which order the clusters have their turn.

use portolan_lang::diagnostic::did_you_mean;
use portolan_lang::{Address, Attribute, Diagnostic, Diagnostics, Schema, Type, Value};

use super::Application;
use super::service::Service;
use super::site::TargetCluster;
use crate::compile::domain::BlockPlacement;

/// What happens to a revision that does not become ready.
pub(super) const FAILURES: [&str; 2] = ["keep", "rollback"];

/// Whether all clusters have their turn at the same time.
pub(super) const ORDERS: [&str; 2] = ["together", "clusters"];

/// The block `rollout` of a service.
pub(super) fn schema() -> Schema {
    let text = |name, doc| Attribute::optional(name, Type::String).doc(doc);
    Schema::new("How a new revision gets into the clusters.")
        .with(
            Attribute::optional("wait", Type::Bool)
                .doc("Whether what depends on the service waits until its copies are ready; true if not given."),
        )
        .with(text("timeout", "How long the copies of a cluster may take to become ready; 5m if not given."))
        .with(text("on_failure", "\"keep\" leaves a revision that does not become ready, \"rollback\" brings back the one before; \"keep\" if not given."))
        .with(text("order", "\"together\" changes all clusters at once, \"clusters\" one after the other, as the placement lists them, each once the one before is ready; \"together\" if not given."))
        .with(
            Attribute::optional("canary", Type::Any)
                .doc("The cluster that is changed first: cluster.NAME. The others follow once it is ready."),
        )
}

/// What the workload of a service says of its rollout, beside its manifest.
pub(super) fn settings(service: &Service<'_>) -> impl Iterator<Item = (&'static str, Value)> {
    let rollout = |name: &'static str| (name, service.inner("rollout", name));
    ["wait", "timeout", "on_failure"].map(rollout).into_iter().filter(|(_, value)| !value.is_null())
}

impl Application<'_> {
    /// The position of the cluster whose copies of a service have to be ready before those of the
    /// cluster at `at` are changed.
    pub(super) fn turn_before(&self, service: &Service<'_>, at: usize) -> Option<usize> {
        let has_copies = |at: &usize| self.copies(&service.name, *at) > 0;
        let canary = self.canary(service).filter(has_copies);
        if service.inner("rollout", "order").as_str() != Some("clusters") {
            return canary.filter(|canary| *canary != at);
        }
        let others = (0..self.clusters.len()).filter(has_copies).filter(|other| Some(*other) != canary);
        let turns: Vec<usize> = canary.into_iter().chain(others).collect();
        let turn = turns.iter().position(|other| *other == at)?;
        turns.get(turn.checked_sub(1)?).copied()
    }

    fn canary(&self, service: &Service<'_>) -> Option<usize> {
        let address = address_of(&service.inner("rollout", "canary"))?;
        self.clusters.iter().position(|cluster| cluster.address == address)
    }
}

/// What is wrong with the rollouts of the services of the block at `user`, given where they are placed.
pub(super) fn check(user: &Address, services: &[Service<'_>], placement: &BlockPlacement) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    for service in services {
        diagnostics.extend(unclear_turn(service));
        let Some(placement) = placement.services.get(&service.name) else { continue };
        let clusters = placement.clusters.iter().filter_map(|cluster| TargetCluster::of(cluster, user));
        let clusters: Vec<TargetCluster> = clusters.collect();
        diagnostics.extend(unsuitable_canary(service, &clusters));
    }
    diagnostics
}

/// A cluster that has its turn after another one, of which nothing tells when it is done.
fn unclear_turn(service: &Service<'_>) -> Option<Diagnostic> {
    let is_ordered =
        service.inner("rollout", "order").as_str() == Some("clusters") || !service.inner("rollout", "canary").is_null();
    let is_unclear = is_ordered && service.inner("rollout", "wait").as_bool() == Some(false);
    is_unclear.then(|| {
        Diagnostic::error("Unclear rollout")
            .detail("One cluster comes before another, and nothing tells when it is done: \"wait\" is false.")
            .at(service.span(&["rollout", "wait"]))
            .help("Leave \"wait\" out, or change all clusters together.")
    })
}

/// A canary that is no cluster, or none of those that a service is placed in.
fn unsuitable_canary(service: &Service<'_>, clusters: &[TargetCluster]) -> Option<Diagnostic> {
    let canary = service.inner("rollout", "canary");
    if !canary.is_known() || canary.is_null() {
        return None;
    }
    let at = service.span(&["rollout", "canary"]);
    let Some(address) = address_of(&canary) else {
        let problem = Diagnostic::error("Unsuitable reference").detail("\"canary\" must refer to a cluster block.");
        return Some(problem.at(at).help("Write cluster.NAME, without quotes."));
    };
    let names: Vec<String> = clusters.iter().map(shown).collect();
    if names.is_empty() || clusters.iter().any(|cluster| cluster.address == address) {
        return None;
    }
    let problem = Diagnostic::error("Unsuitable canary")
        .detail(format!("{address} is none of the clusters that the service is placed in."))
        .at(at);
    Some(match did_you_mean(&address.to_string(), names.iter().map(String::as_str)) {
        Some(near) => problem.help(format!("Did you mean {near}?")),
        None => problem.help(format!("It is one of {}.", names.join(", "))),
    })
}

fn shown(cluster: &TargetCluster) -> String {
    cluster.address.to_string()
}

/// The address of the cluster that a value stands for.
fn address_of(value: &Value) -> Option<Address> {
    let address: Address = value.get("address")?.as_str()?.parse().ok()?;
    let is_cluster = address.local().segments().first().is_some_and(|first| &*first.name == "cluster");
    is_cluster.then_some(address)
}
