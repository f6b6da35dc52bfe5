//! What the services of an application want to be placed, read from the few attributes that
//! decide it.
//!
//! All services of a configuration are placed at once, before any block is compiled: so these
//! attributes cannot depend on how anything is placed.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::decode::{body_references, decode, expand};
use portolan_lang::eval::Scope;
use portolan_lang::syntax::{Block as Nested, Body};
use portolan_lang::{Diagnostic, Diagnostics, Schema, Step, Type, Value};

use super::members::Members;
use super::nodes::{NODES, nodes, question};
use super::placement::{Declared, Placement, Terms};
use super::service::{Kind, total};
use super::site::TargetCluster;
use super::{pod, schema};
use crate::compile::domain::autoscale::{self, Autoscale, scale};
use crate::compile::domain::placement::node::{PodShape, Resources, Toleration};
use crate::compile::domain::placement::{Ledger, Replicas, Request, Site, Strategy};
use crate::compile::domain::{Block, Wanted, Wants, quantity};
use crate::compile::placements::circular;

/// The attributes and blocks of a service that decide how it is placed.
const DECISIVE: [&str; 8] =
    ["kind", "replicas", "node_selector", "resources", "autoscale", "toleration", "placement", "volume"];

/// What the services of an application want.
pub(super) fn wants(block: &Block<'_>, scope: &dyn Scope, clusters: &[Value], ledger: &mut Ledger) -> Wants {
    let schema = schema();
    let diagnostics = circles(&decisive(block.body), &schema);
    if diagnostics.has_errors() {
        return Wants { diagnostics, ..Wants::default() };
    }
    let asked = asked(block.body);
    let (body, problems) = expand(&asked, &schema::application(), scope);
    if problems.has_errors() {
        return Wants { diagnostics: problems, ..Wants::default() };
    }
    let block = &Block { body: &body, ..*block };
    let (value, problems) = decode(&decisive(&body), &schema, &Members::new(scope, block));
    if problems.has_errors() {
        return Wants { diagnostics: problems, ..Wants::default() };
    }
    let mut wants = Wants::default();
    let application = value.get("placement").unwrap_or_else(|| Value::null(Type::Any));
    let services = value.get("service").unwrap_or_else(|| Value::null(Type::Any));
    let mut shared: Option<Option<Placement>> = None;
    let mut placement = |service: Option<(&str, Value)>| {
        let declared = Declared { block, application: application.clone(), service, all: clusters };
        let (placement, problems) = declared.placement();
        wants.diagnostics.extend(problems);
        placement
    };
    let (mut placed, mut unplaced) = (Vec::new(), Diagnostics::new());
    for label in body.blocks("service").filter_map(|nested| nested.labels.first()) {
        let Some(value) = services.get(&label.name) else { continue };
        let own = value.get("placement").filter(|own| !own.is_null());
        let placement = match own {
            Some(own) => placement(Some((&label.name, own))),
            None if application.is_null() => {
                unplaced.push(not_placed(block, &label.name));
                continue;
            }
            None => shared.get_or_insert_with(|| placement(None)).clone(),
        };
        placed.extend(placement.map(|placement| (Service { block, name: &label.name, value }, placement)));
    }
    if body.blocks("service").next().is_none() && !application.is_null() {
        // What is wrong with it is told all the same.
        placement(None);
    }
    wants.diagnostics.extend(unplaced);
    wants.services = placed.iter().map(|(service, placement)| service.wanted(placement, ledger)).collect();
    wants
}

/// The problem of a service of which nothing says where it runs.
fn not_placed(block: &Block<'_>, name: &str) -> Diagnostic {
    let service = ["service", name].map(|step| Step::Attribute(Arc::from(step))).into_iter().collect();
    Diagnostic::error("Missing placement")
        .detail(format!("Neither the service \"{name}\" nor its application says where it runs."))
        .at(block.path_span(&service))
        .help("Give one of them a block: placement { clusters = [cluster.NAME] }, on lines of its own.")
}

/// What refers to an application, whose placement is not known yet.
fn circles(body: &Body, schema: &Schema) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    for reference in body_references(body, schema).iter().filter(|reference| &*reference.root == "application") {
        diagnostics.push(circular().at(reference.span));
    }
    diagnostics
}

fn schema() -> Schema {
    fn part(whole: Schema, names: &[&str]) -> Schema {
        let mut part = Schema::new(whole.doc);
        part.attributes.extend(whole.attributes.into_iter().filter(|attribute| names.contains(&&*attribute.name)));
        part.blocks.extend(whole.blocks.into_iter().filter(|block| names.contains(&&*block.name)));
        part
    }
    let mut application = part(schema::application(), &["placement", "service"]);
    for block in application.blocks.iter_mut().filter(|block| &*block.name == "service") {
        block.schema = part(std::mem::replace(&mut block.schema, Schema::new("")), &DECISIVE);
    }
    application
}

/// A body with nothing in it but what decides how services are placed.
fn decisive(body: &Body) -> Body {
    let mut application = body.clone();
    application.attributes.clear();
    application.blocks.retain(|block| is_any(block, &["placement", "service"]));
    for service in service_bodies(&mut application) {
        service.attributes.retain(|attribute| DECISIVE.contains(&&*attribute.name.name));
        service.blocks.retain(|block| is_any(block, &DECISIVE));
    }
    application
}

/// A body without the dynamic blocks that do not decide how services are placed: these may depend
/// on how others are.
fn asked(body: &Body) -> Body {
    let is_written = |block: &Nested| &*block.keyword.name != "dynamic";
    let mut application = body.clone();
    application.blocks.retain(|block| is_written(block) || is_any(block, &["placement", "service"]));
    for service in service_bodies(&mut application) {
        service.blocks.retain(|block| is_written(block) || is_any(block, &DECISIVE));
    }
    application
}

/// The bodies of services, and of what dynamic blocks make services of.
fn service_bodies(application: &mut Body) -> impl Iterator<Item = &mut Body> {
    let services = application.blocks.iter_mut().filter(|block| is_any(block, &["service"]));
    services.flat_map(|block| match &*block.keyword.name {
        "dynamic" => block.body.blocks.iter_mut().map(|content| &mut content.body).collect(),
        _ => vec![&mut block.body],
    })
}

/// Whether a block, or what a dynamic one stands for, has one of these keywords.
fn is_any(block: &Nested, keywords: &[&str]) -> bool {
    let keyword = match &*block.keyword.name {
        "dynamic" => block.labels.first().map_or("", |label| &*label.name),
        keyword => keyword,
    };
    keywords.contains(&keyword)
}

/// Whether the nodes of a cluster decide the division, because its room is not declared.
fn is_looked_at(cluster: &TargetCluster, placement: &Placement, is_away: bool) -> bool {
    let is_weighed = placement.strategy == Strategy::FreeCapacity && placement.clusters.len() > 1;
    is_weighed && cluster.is_measurable() && !is_away
}

/// A service as far as it was read.
struct Service<'a> {
    block: &'a Block<'a>,
    name: &'a Arc<str>,
    value: Value,
}

impl Service<'_> {
    fn wanted(&self, placement: &Placement, ledger: &mut Ledger) -> Wanted {
        let kind = self.value.get("kind").and_then(|kind| kind.as_str().and_then(Kind::parse));
        let request = match kind {
            Some(Kind::DaemonSet) | None => None,
            Some(_) => self.request(placement, ledger),
        };
        // Of what runs in every cluster, none is divided: it runs where clusters are.
        let clusters = placement.clusters.iter().map(|(cluster, _)| cluster);
        let clusters = clusters.filter(|cluster| request.is_some() || !ledger.is_lost(&cluster.address));
        let clusters = clusters.map(|cluster| cluster.exported.clone()).collect();
        Wanted { name: self.name.clone(), clusters, autoscale: self.autoscale().filter(|_| request.is_some()), request }
    }

    /// How it follows its load; what is wrong with that is told elsewhere.
    fn autoscale(&self) -> Option<Autoscale> {
        autoscale::read(&self.value.get("autoscale")?, &|_| self.block.span).0
    }

    /// `None` where the number of replicas is not known; that is told elsewhere.
    fn request(&self, placement: &Placement, ledger: &mut Ledger) -> Option<Request> {
        let subject = self.block.address.join("service").join(self.name.clone());
        let before = Replicas::of(self.block.decisions, &subject);
        let span = |_: &[&str]| self.block.span;
        let scaled = self.block.decision(&subject, scale::SCALE).and_then(scale::total);
        let recorded = before.as_ref().map(|before| before.total);
        let decided = match scaled {
            // It rests where it is, until it is needed.
            Some(0) => recorded.filter(|recorded| *recorded > 0).or(Some(1)),
            scaled => scaled.or(recorded),
        };
        let total = total(&self.value, (self.autoscale().as_ref(), decided), span).ok()?;
        let is_bound = self.has_volumes();
        let is_looked_at =
            |cluster: &TargetCluster| is_looked_at(cluster, placement, ledger.is_away(&cluster.address, is_bound));
        let looked_at: Vec<&TargetCluster> =
            placement.clusters.iter().map(|(cluster, _)| cluster).filter(|cluster| is_looked_at(cluster)).collect();
        let recorded = before.as_ref().filter(|_| ledger.is_unmeasured());
        let recorded = recorded.filter(|before| looked_at.iter().all(|cluster| before.free(&cluster.name).is_some()));
        if recorded.is_none() {
            self.measure(&looked_at, ledger);
        }
        let remembered = |cluster: &TargetCluster| {
            let is_one = looked_at.iter().any(|looked_at| looked_at.address == cluster.address);
            recorded.filter(|_| is_one)?.free(&cluster.name)
        };
        let site = |(cluster, terms): &(TargetCluster, Terms)| Site {
            cluster: match remembered(cluster) {
                Some(free) => ledger.remember(free),
                None => ledger.cluster(&cluster.address, || cluster.capacity()),
            },
            name: cluster.name.clone(),
            region: cluster.text("region"),
            weight: terms.weight,
            min: terms.min,
            max: terms.max,
            is_lost: ledger.is_away(&cluster.address, is_bound),
        };
        Some(Request {
            subject,
            total,
            shape: self.shape(),
            strategy: placement.strategy,
            spread: placement.spread,
            is_bound,
            is_elastic: scaled.is_some(),
            sites: placement.clusters.iter().map(site).collect(),
        })
    }

    /// Looks at the nodes of clusters, each once.
    fn measure(&self, clusters: &[&TargetCluster], ledger: &mut Ledger) {
        for cluster in clusters {
            if !ledger.is_measured(&cluster.address)
                && let Some(answer) = self.block.read(&cluster.address, NODES, &question())
                && let Some(nodes) = nodes(&answer)
            {
                ledger.measure(&cluster.address, &nodes);
            }
        }
    }

    fn has_volumes(&self) -> bool {
        self.value.get("volume").is_some_and(|volumes| volumes.entries().is_some_and(|entries| !entries.is_empty()))
    }

    fn shape(&self) -> PodShape {
        let amount = |name: &str| quantity::of(&self.value.get("resources")?.get(name)?);
        let whole = |name: &str| amount(name).unwrap_or(0).div_ceil(1000);
        let selector = self.value.get("node_selector");
        let selected = selector.iter().filter_map(Value::entries).flat_map(|entries| entries.iter());
        let selected = selected.filter_map(|(name, value)| Some((name.clone(), Arc::from(value.as_str()?))));
        PodShape {
            requests: Resources {
                cpu: amount("cpu").unwrap_or(0),
                memory: whole("memory"),
                ephemeral_storage: whole("ephemeral_storage"),
                pods: 1,
            },
            node_selector: selected.collect::<BTreeMap<_, _>>(),
            tolerations: pod::tolerations(&self.value).collect::<Vec<Toleration>>(),
        }
    }
}
