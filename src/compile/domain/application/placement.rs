//! `placement`: which clusters suit a service, and how its replicas are divided over them.
//!
//! What a service says in a `placement` block of its own takes the place of what the application
//! says, attribute by attribute.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::diagnostic::did_you_mean;
use portolan_lang::{AttributePath, Data, Diagnostic, Diagnostics, Number, Span, Step, Type, Value};

use super::service::whole_number;
use super::site::{TargetCluster, clusters, namesakes};
use crate::compile::domain::placement::{Capacity, Groups, Spread, Strategy};
use crate::compile::domain::{Block, undecided, unknown_word};

/// The checked placement of a service.
#[derive(Debug, Clone)]
pub(super) struct Placement {
    pub(super) strategy: Strategy,
    pub(super) spread: Spread,
    /// The clusters that suit, in the order in which they are given.
    pub(super) clusters: Vec<(TargetCluster, Terms)>,
}

/// What is said of one cluster.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// In thousandths.
    pub(super) weight: u64,
    pub(super) min: u32,
    pub(super) max: Option<u32>,
}

/// The `placement` blocks that count for a service.
pub(super) struct Declared<'a> {
    pub(super) block: &'a Block<'a>,
    /// That of the application, decoded.
    pub(super) application: Value,
    /// The service with that of its own, if it has one.
    pub(super) service: Option<(&'a str, Value)>,
    /// All clusters of the module.
    pub(super) all: &'a [Value],
}

impl Declared<'_> {
    /// The placement, or nothing where it is wrong or not known.
    pub(super) fn placement(&self) -> (Option<Placement>, Diagnostics) {
        let mut diagnostics = Diagnostics::new();
        let strategy = diagnostics.keep(self.strategy());
        let spread = self.spread(&mut diagnostics);
        let clusters = diagnostics.keep(self.clusters());
        let Some(clusters) = clusters else { return (None, diagnostics) };
        let suitable = diagnostics.keep(self.suitable(&clusters)).unwrap_or_default();
        let terms = self.terms(&suitable, &clusters, &mut diagnostics);
        let Some(strategy) = strategy else { return (None, diagnostics) };
        for cluster in &suitable {
            diagnostics.extend(self.check(cluster, &suitable, strategy, &spread));
        }
        let usable = !diagnostics.has_errors();
        let placement = Placement { strategy, spread, clusters: suitable.into_iter().zip(terms).collect() };
        (usable.then_some(placement), diagnostics)
    }

    /// An attribute of the service's block where that sets it, otherwise of the application's.
    fn take(&self, name: &str) -> Value {
        let own = self.service.as_ref().and_then(|(_, placement)| placement.get(name));
        let null = || Value::null(Type::Any);
        own.filter(is_set).unwrap_or_else(|| self.application.get(name).unwrap_or_else(null))
    }

    /// The place of an attribute, or of the innermost block around where it could stand.
    fn span(&self, path: &[&str]) -> Span {
        let own = self.service.as_ref().filter(|(_, placement)| placement.get(path[0]).as_ref().is_some_and(is_set));
        let before: &[&str] = match own {
            Some((name, _)) => &["service", name, "placement"],
            None => &["placement"],
        };
        let steps = before.iter().chain(path).map(|name| Step::Attribute(Arc::from(*name)));
        self.block.path_span(&steps.collect::<AttributePath>())
    }

    fn strategy(&self) -> Result<Strategy, Diagnostic> {
        let given = self.take("strategy");
        if given.is_null() {
            return Ok(Strategy::FreeCapacity);
        }
        let unknown = || unknown_word("Unknown strategy", &given, &Strategy::WORDS).at(self.span(&["strategy"]));
        given.as_str().and_then(Strategy::parse).ok_or_else(unknown)
    }

    fn spread(&self, diagnostics: &mut Diagnostics) -> Spread {
        let mut spread = Spread::default();
        let given = self.take("spread");
        for (by, groups) in given.entries().into_iter().flat_map(|entries| entries.iter()) {
            let groups = diagnostics.keep(self.groups(by, groups));
            match &**by {
                "region" => spread.region = groups,
                "cluster" => spread.cluster = groups,
                _ => {
                    let problem = unknown_word("Unknown spread", &Value::string(by.clone()), &["region", "cluster"]);
                    diagnostics.push(problem.at(self.span(&["spread", by])));
                }
            }
        }
        spread
    }

    fn groups(&self, by: &str, groups: &Value) -> Result<Groups, Diagnostic> {
        let number = |name: &str| whole_number(groups.get(name).as_ref(), || self.span(&["spread", by, name]));
        let (min, max) = (number("min_groups")?.unwrap_or(1), number("max_groups")?);
        if max.is_some_and(|max| max < min.max(1)) {
            return Err(Diagnostic::error("Unsuitable bounds")
                .detail("\"max_groups\" is at least 1 and not less than \"min_groups\".")
                .at(self.span(&["spread", by, "max_groups"])));
        }
        Ok(Groups { min, max })
    }

    /// The clusters that are given or, where none are, all of the module, without the excluded ones.
    fn clusters(&self) -> Result<Vec<TargetCluster>, Diagnostic> {
        let user = self.block.address;
        let listed = |name: &str| clusters(&self.take(name), name, user, self.span(&[name]));
        let mut found: Vec<TargetCluster> = match self.take("clusters").is_null() {
            true => self.all.iter().filter_map(|cluster| TargetCluster::of(cluster, user)).collect(),
            false => listed("clusters")?,
        };
        let excluded = if self.take("exclude").is_null() { Vec::new() } else { listed("exclude")? };
        found.retain(|cluster| !excluded.iter().any(|other| other.address == cluster.address));
        namesakes(&found, self.span(&["clusters"])).map_or(Ok(found), Err)
    }

    /// Those of the wanted regions that have the wanted labels.
    fn suitable(&self, clusters: &[TargetCluster]) -> Result<Vec<TargetCluster>, Diagnostic> {
        for name in ["regions", "labels"] {
            if !self.take(name).is_wholly_known() {
                return Err(undecided(&format!("\"{name}\""), self.span(&[name])));
            }
        }
        let regions = texts(&self.take("regions"));
        if let Some(regions) = &regions {
            self.check_regions(regions, clusters)?;
        }
        let labels = self.take("labels");
        let is_suitable = |cluster: &&TargetCluster| {
            let own = cluster.take("labels");
            let mut wanted = labels.entries().into_iter().flat_map(|entries| entries.iter());
            let in_region = |regions: &Vec<Arc<str>>| cluster.text("region").is_some_and(|own| regions.contains(&own));
            regions.as_ref().is_none_or(in_region)
                && wanted.all(|(name, value)| own.get(name).as_ref().and_then(Value::as_str) == value.as_str())
        };
        let found: Vec<TargetCluster> = clusters.iter().filter(is_suitable).cloned().collect();
        if found.is_empty() {
            let names: Vec<&str> = clusters.iter().map(|cluster| &*cluster.name).collect();
            let detail = match names[..] {
                [] => "There is no cluster to choose from.".to_owned(),
                _ => {
                    format!("None of the clusters {} has the regions and labels that are asked for.", names.join(", "))
                }
            };
            return Err(Diagnostic::error("No suitable cluster").detail(detail).at(self.span(&["labels"])));
        }
        Ok(found)
    }

    fn check_regions(&self, regions: &[Arc<str>], clusters: &[TargetCluster]) -> Result<(), Diagnostic> {
        let known: Vec<Arc<str>> = clusters.iter().filter_map(|cluster| cluster.text("region")).collect();
        let Some(unknown) = regions.iter().find(|region| !known.contains(region)) else { return Ok(()) };
        let problem = Diagnostic::error("Unknown region")
            .detail(format!("None of the clusters is in the region \"{unknown}\"."))
            .at(self.span(&["regions"]));
        Err(match did_you_mean(unknown, known.iter().map(|name| &**name)) {
            Some(near) => problem.help(format!("Did you mean \"{near}\"?")),
            None => problem,
        })
    }

    /// What is said of each suitable cluster.
    fn terms(
        &self,
        suitable: &[TargetCluster],
        clusters: &[TargetCluster],
        diagnostics: &mut Diagnostics,
    ) -> Vec<Terms> {
        let mut table = |name: &str, read: fn(&Value) -> Option<u64>| {
            self.table(name, read, clusters).unwrap_or_else(|problem| {
                diagnostics.push(problem);
                BTreeMap::new()
            })
        };
        let weights = table("weights", thousandths);
        let (least, most) = (table("min_replicas", whole), table("max_replicas", whole));
        let number = |name: &str| whole_number(Some(&self.take(name)), || self.span(&[name]));
        let min = diagnostics.keep(number("min_per_cluster")).flatten().unwrap_or(0);
        let max = diagnostics.keep(number("max_per_cluster")).flatten();
        let terms = |cluster: &TargetCluster| Terms {
            weight: weights.get(&cluster.name).copied().unwrap_or(0),
            min: least.get(&cluster.name).map_or(min, |min| *min as u32),
            max: most.get(&cluster.name).map(|max| *max as u32).or(max),
        };
        let found: Vec<Terms> = suitable.iter().map(terms).collect();
        for (cluster, terms) in
            suitable.iter().zip(&found).filter(|(_, terms)| terms.max.is_some_and(|max| max < terms.min))
        {
            let (min, max) = (terms.min, terms.max.unwrap_or_default());
            let detail =
                format!("The cluster \"{}\" is to have at least {min} replicas and at most {max}.", cluster.name);
            diagnostics.push(Diagnostic::error("Unsuitable bounds").detail(detail).at(self.span(&["min_replicas"])));
        }
        found
    }

    /// A table of numbers by cluster.
    fn table(
        &self,
        attribute: &str,
        read: fn(&Value) -> Option<u64>,
        clusters: &[TargetCluster],
    ) -> Result<BTreeMap<Arc<str>, u64>, Diagnostic> {
        let given = self.take(attribute);
        if !given.is_wholly_known() {
            return Err(undecided(&format!("\"{attribute}\""), self.span(&[attribute])));
        }
        let all = self.all.iter().filter_map(|cluster| TargetCluster::of(cluster, self.block.address));
        let all = all.map(|cluster| cluster.name);
        let known: Vec<Arc<str>> = clusters.iter().map(|cluster| cluster.name.clone()).chain(all).collect();
        let mut table = BTreeMap::new();
        for (name, value) in given.entries().into_iter().flat_map(|entries| entries.iter()) {
            if !known.contains(name) {
                let detail = format!("\"{attribute}\" speaks of \"{name}\", and there is no such cluster.");
                let problem = Diagnostic::error("Unknown cluster").detail(detail).at(self.span(&[attribute]));
                return Err(match did_you_mean(name, known.iter().map(|name| &**name)) {
                    Some(near) => problem.help(format!("Did you mean \"{near}\"?")),
                    None => problem,
                });
            }
            let number = read(value).ok_or_else(|| {
                Diagnostic::error("Unsuitable number")
                    .detail(format!("\"{attribute}\" of \"{name}\" must be a number that fits and is not negative."))
                    .at(self.span(&[attribute]))
            })?;
            table.insert(name.clone(), number);
        }
        Ok(table)
    }

    /// Whether enough is known of a cluster for what is asked.
    fn check(
        &self,
        cluster: &TargetCluster,
        suitable: &[TargetCluster],
        strategy: Strategy,
        spread: &Spread,
    ) -> Option<Diagnostic> {
        let problem = |summary: &str, detail: String| Diagnostic::error(summary).detail(detail);
        let is_unmeasured = || matches!(cluster.capacity(), Capacity::Unknown) && !cluster.is_measurable();
        if strategy == Strategy::FreeCapacity && suitable.len() > 1 && is_unmeasured() {
            let detail = format!("The strategy \"free_capacity\" needs to know what {} has room for.", cluster.address);
            return Some(problem("Capacity not known", detail).at(self.span(&["clusters"])).help(
                "Give the cluster a block capacity { cpu = …, memory = …, pods = … }, or use the strategy \"weighted\".",
            ));
        }
        let weights = self.take("weights");
        if strategy == Strategy::Weighted && weights.is_known() && weights.get(&cluster.name).is_none() {
            let detail = format!("The strategy \"weighted\" needs the share of the cluster \"{}\".", cluster.name);
            let help = format!("Set weights = {{ {} = 1, … }} in the placement.", cluster.name);
            return Some(problem("Missing weight", detail).at(self.span(&["weights"])).help(help));
        }
        if spread.region.is_some() && cluster.text("region").is_none() {
            let detail =
                format!("Replicas are to be spread over regions, and {} does not say its own.", cluster.address);
            let at = self.span(&["spread", "region"]);
            return Some(problem("Region not known", detail).at(at).help("Give the cluster its region = \"NAME\"."));
        }
        None
    }
}

/// Whether an attribute or a table of nested blocks says anything.
fn is_set(value: &Value) -> bool {
    let is_empty = |value: &Value| value.entries().is_some_and(|entries| entries.is_empty());
    !(value.is_null() || value.is_known() && is_empty(value))
}

fn texts(list: &Value) -> Option<Vec<Arc<str>>> {
    Some(list.items()?.iter().filter_map(Value::as_str).map(Arc::from).collect())
}

fn thousandths(value: &Value) -> Option<u64> {
    match value.data() {
        Data::Number(number) => number.mul(&Number::from(1000)).and_then(|thousandths| thousandths.trunc().to_u64()),
        _ => None,
    }
}

fn whole(value: &Value) -> Option<u64> {
    value.as_number().and_then(Number::to_u64).filter(|number| u32::try_from(*number).is_ok())
}
