//! The placing of all services of a configuration, in all of its blocks and modules.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::{Address, Diagnostic, Value};
use portolan_state::Decision;
use rustc_hash::{FxHashMap, FxHashSet};

use super::domain::autoscale::Autoscale;
use super::domain::availability::{Availability, clusters};
use super::domain::placement::{Ledger, Placed, Replicas, Request, place};
use super::domain::{self, Block, BlockPlacement, ServicePlacement, Wanted};
use super::evaluator::Evaluator;
use super::expand::expand_modules;
use super::loss::Loss;
use super::module::ModuleId;

/// Where the services of each block are placed, by its address.
pub(super) type Placements = FxHashMap<Address, BlockPlacement>;

/// Places all services.
pub(super) fn placements(evaluator: &Evaluator) -> Placements {
    let asked = &evaluator.inputs.placement;
    let decisions = &evaluator.inputs.decisions;
    let lost = clusters(decisions, Availability::Lost).map(|cluster| Arc::from(cluster.to_string()));
    let lost = asked.lost.iter().cloned().chain(lost).collect();
    let drained = clusters(decisions, Availability::Drained).cloned().collect();
    let mut ledger = Ledger::without(lost).draining(drained).unmeasured(asked.unmeasured);
    let mut blocks = Placements::default();
    let mut wanted = Vec::new();
    for module in expand_modules(evaluator) {
        wanted.extend(wants_of_module(evaluator, module, &mut ledger, &mut blocks));
    }
    let asked = |request: &Request, recorded: &Option<Replicas>| match is_anew(evaluator, request) {
        true => recorded.clone().map(Replicas::unmeasured),
        false => recorded.clone(),
    };
    let asked = |(_, recorded, wanted): &(Address, Option<Replicas>, Wanted)| {
        let request = wanted.request.clone()?;
        let before = asked(&request, recorded);
        Some((request, before))
    };
    let (requests, before): (Vec<Request>, Vec<Option<Replicas>>) = wanted.iter().filter_map(asked).unzip();
    let mut answers = place(&requests, &before, &mut ledger).into_iter();
    for (block, recorded, Wanted { name, clusters, autoscale, request }) in wanted {
        let placed = request.as_ref().and_then(|_| answers.next());
        let placed = placed.map(|placed| placed.map(|placed| settled(placed, recorded)));
        let loss = request
            .as_ref()
            .zip(placed.as_ref())
            .and_then(|(request, placed)| Loss::of(request, placed.as_ref().ok()?));
        blocks.entry(block).or_default().services.insert(name, ServicePlacement { clusters, autoscale, placed, loss });
    }
    blocks
}

/// Whether the clusters of a service are to be measured anew.
fn is_anew(evaluator: &Evaluator, request: &Request) -> bool {
    evaluator.inputs.placement.anew.as_ref().is_some_and(|anew| anew.contains(&request.subject))
}

/// What measuring anew has left as it was is nothing to decide.
fn settled(placed: Placed, recorded: Option<Replicas>) -> Placed {
    match recorded.filter(|recorded| recorded.is_same(&placed.settled)) {
        Some(settled) => Placed { settled, decision: None, ..placed },
        None => placed,
    }
}

/// What services lose with the clusters that are lost, in the order of their addresses.
pub(super) fn losses(evaluator: &Evaluator) -> Vec<Loss> {
    let placements = evaluator.placements();
    let services = placements.values().flat_map(|block| block.services.values());
    let mut losses: Vec<Loss> = services.filter_map(|service| service.loss.clone()).collect();
    losses.sort_by(|left, right| left.service.cmp(&right.service));
    losses
}

/// What the services of a module want, each with its block and what is recorded about it.
fn wants_of_module(
    evaluator: &Evaluator,
    id: ModuleId,
    ledger: &mut Ledger,
    blocks: &mut Placements,
) -> Vec<(Address, Option<Replicas>, Wanted)> {
    let module = evaluator.module(id);
    let of_kind = |name: &str| domain::kind(name).and_then(|kind| kind.wants);
    let mut clusters: Option<Vec<Value>> = None;
    let mut found = Vec::new();
    for (position, block) in module.module.domain.values().enumerate() {
        let Some(wants) = of_kind(&block.kind.name) else { continue };
        let clusters = clusters.get_or_insert_with(|| clusters_of(evaluator, id));
        let instances = evaluator.domain_instances(id, position, block);
        for at in 0..instances.len() {
            let address = evaluator.domain_address(&module, block, &instances, at);
            let read = |connection: &Address, source: &str, config: &Value| {
                evaluator.read_for_domain(&address, block.span, connection, source, config)
            };
            let input = evaluator.domain_input(&address, block, &read);
            let wants = wants(&input, &evaluator.scope(id, instances.each(at)), clusters, ledger);
            blocks.entry(address.clone()).or_default().diagnostics = wants.diagnostics;
            found.extend(wants.services.into_iter().map(|wanted| {
                let recorded = wanted.request.as_ref().and_then(|request| recorded(&input, request));
                (address.clone(), recorded, wanted)
            }));
        }
    }
    found
}

/// How the copies of services follow their load, of those that do.
pub(super) fn autoscales(evaluator: &Evaluator) -> BTreeMap<Address, Autoscale> {
    let placements = evaluator.placements();
    let of_block = |(block, placement): (&Address, &BlockPlacement)| {
        let services = placement.services.iter();
        let scaled = services.filter_map(|(name, service)| Some((service_of(block, name), service.autoscale.clone()?)));
        scaled.collect::<Vec<_>>()
    };
    placements.iter().flat_map(of_block).collect()
}

fn service_of(block: &Address, name: &Arc<str>) -> Address {
    block.join("service").join(name.clone())
}

/// Decisions about services that there are no more.
pub(super) fn withdrawn(evaluator: &Evaluator) -> Vec<(Address, Arc<str>)> {
    let about_services = |decision: &&Decision| domain::placement::ABOUT_SERVICES.contains(&&*decision.kind);
    let decisions: Vec<&Decision> = evaluator.inputs.decisions.iter().filter(about_services).collect();
    if decisions.is_empty() {
        return Vec::new();
    }
    let placements = evaluator.placements();
    let of_block = |(block, placement): (&Address, &BlockPlacement)| {
        placement.services.keys().map(|name| service_of(block, name)).collect::<Vec<_>>()
    };
    let wanted: FxHashSet<Address> = placements.iter().flat_map(of_block).collect();
    let gone = decisions.into_iter().filter(|decision| !wanted.contains(&decision.subject));
    gone.map(|decision| (decision.subject.clone(), decision.kind.clone())).collect()
}

fn recorded(block: &Block<'_>, request: &Request) -> Option<Replicas> {
    let decision: &Decision = block.decision(&request.subject, domain::placement::REPLICAS)?;
    Replicas::read(decision)
}

/// All clusters of a module, as references to them give them.
fn clusters_of(evaluator: &Evaluator, id: ModuleId) -> Vec<Value> {
    let module = evaluator.module(id);
    let blocks = module.module.domain.values().enumerate();
    let clusters = blocks.filter(|(_, block)| &*block.kind.name == "cluster");
    let exported = clusters.flat_map(|(position, _)| {
        let compiled = evaluator.compiled(id, position);
        compiled.iter().map(|compiled| compiled.exports.clone()).collect::<Vec<_>>()
    });
    exported.collect()
}

/// The problem of something that decides how services are placed and depends on how they are.
pub(in crate::compile) fn circular() -> Diagnostic {
    Diagnostic::error("Placement depends on itself")
        .detail("All services are placed at once. What decides how (a placement, a number of replicas, resources) depends on an application, which is known only afterwards.")
        .help("Use a variable or a local value in both places, in place of a reference to the application.")
}
