//! A service as it is declared, checked.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::decode::references_of;
use portolan_lang::eval::Reference;
use portolan_lang::syntax::Block as Nested;
use portolan_lang::{Address, AttributePath, Data, Diagnostic, Diagnostics, Span, Step, Type, Value, duration};

use super::members::undeclared;
use crate::compile::domain::autoscale::scale::{self, SCALE};
use crate::compile::domain::autoscale::{self, Autoscale};
use crate::compile::domain::orders::Orders;
use crate::compile::domain::placement::Unplaced;
use crate::compile::domain::{Block, undecided, unknown_word};

/// What a service's copies are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Deployment,
    StatefulSet,
    DaemonSet,
    Job,
    CronJob,
}

const KINDS: [&str; 5] = ["deployment", "stateful_set", "daemon_set", "job", "cron_job"];

/// A service of an application.
pub(super) struct Service<'a> {
    pub(super) name: Arc<str>,
    pub(super) address: Address,
    pub(super) kind: Kind,
    /// The decoded block.
    pub(super) value: Value,
    /// What must be ready before it.
    pub(super) depends_on: Vec<Arc<str>>,
    /// Services and externals that it calls, those it depends on included.
    pub(super) calls: Vec<Callee>,
    /// What people have ordered about it.
    pub(super) orders: Orders,
    block: &'a Block<'a>,
}

/// What a service calls.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Callee {
    Service(Arc<str>),
    External(Arc<str>),
}

impl Kind {
    pub(super) fn parse(text: &str) -> Option<Kind> {
        Some(match text {
            "deployment" => Kind::Deployment,
            "stateful_set" => Kind::StatefulSet,
            "daemon_set" => Kind::DaemonSet,
            "job" => Kind::Job,
            "cron_job" => Kind::CronJob,
            _ => return None,
        })
    }

    /// Whether its copies stay up, so that they can be called.
    pub(super) fn is_lasting(self) -> bool {
        !matches!(self, Kind::Job | Kind::CronJob)
    }

    /// Whether it runs in every cluster, once on each node.
    pub(super) fn is_everywhere(self) -> bool {
        self == Kind::DaemonSet
    }

    /// The part of the address that names the workload: `deployment`.
    pub(super) fn part(self) -> &'static str {
        match self {
            Kind::Deployment => "deployment",
            Kind::StatefulSet => "stateful_set",
            Kind::DaemonSet => "daemon_set",
            Kind::Job => "job",
            Kind::CronJob => "cron_job",
        }
    }
}

/// The services of an application, in the order of the source; what is wrong with one is told,
/// and it is left out.
pub(super) fn services<'a>(block: &'a Block<'a>, value: &Value) -> (Vec<Service<'a>>, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let decoded = value.get("service").unwrap_or_else(|| Value::null(Type::Any));
    let mut services = Vec::new();
    for nested in block.body.blocks("service") {
        let Some(label) = nested.labels.first() else { continue };
        let Some(value) = decoded.get(&label.name) else { continue };
        if !is_dns_label(&label.name) {
            diagnostics.push(unsuitable_name("service", &label.name, label.span));
            continue;
        }
        let (service, problems) = Service::new(block, nested, label.name.clone(), value);
        diagnostics.extend(problems);
        services.extend(service);
    }
    diagnostics.extend(start_cycle(block, &services));
    (services, diagnostics)
}

/// Names in Kubernetes are labels of DNS (RFC 1123), of which a part is left for suffixes.
pub(super) fn is_dns_label(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty()
        && name.len() <= 52
        && name.bytes().all(allowed)
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.ends_with('-')
}

pub(super) fn unsuitable_name(what: &str, name: &str, span: Span) -> Diagnostic {
    Diagnostic::error(format!("Unsuitable {what} name"))
        .detail(format!("\"{name}\" cannot be the name of Kubernetes objects."))
        .at(span)
        .help("Use lower-case letters, digits and dashes, a letter first and at most 52 characters.")
}

impl<'a> Service<'a> {
    fn new(block: &'a Block<'a>, nested: &Nested, name: Arc<str>, value: Value) -> (Option<Service<'a>>, Diagnostics) {
        let mut diagnostics = Diagnostics::new();
        let kind = value.get("kind").and_then(|kind| kind.as_str().and_then(Kind::parse));
        let address = block.address.join("service").join(name.clone());
        let mut orders = Orders::of(block, &address);
        orders.is_stopped |= rests(block, &address, &value);
        let mut service = Service {
            name,
            orders,
            address,
            kind: kind.unwrap_or(Kind::Deployment),
            value,
            depends_on: Vec::new(),
            calls: Vec::new(),
            block,
        };
        if kind.is_none() {
            let problem = unknown_word("Unknown kind of service", &service.take("kind"), &KINDS);
            diagnostics.push(problem.at(service.span(&["kind"])));
        }
        diagnostics.extend(service.connect(nested));
        diagnostics.extend(service.check());
        let usable = !diagnostics.has_errors();
        (usable.then_some(service), diagnostics)
    }

    /// An attribute of the service; null where it is not set.
    pub(super) fn take(&self, name: &str) -> Value {
        self.value.get(name).unwrap_or_else(|| Value::null(Type::Any))
    }

    /// An attribute of a nested block; null where the block or the attribute is not set.
    pub(super) fn inner(&self, block: &str, name: &str) -> Value {
        self.value.get(block).and_then(|block| block.get(name)).unwrap_or_else(|| Value::null(Type::Any))
    }

    /// Whether a switch is on.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.take(name).as_bool() == Some(true)
    }

    /// Ports by name, in the order of the names.
    pub(super) fn ports(&self) -> BTreeMap<Arc<str>, Value> {
        let ports = self.take("port");
        let entries = ports.entries().into_iter().flat_map(|entries| entries.iter());
        entries.map(|(name, port)| (name.clone(), port.clone())).collect()
    }

    /// The place of what stands at a path inside the service.
    pub(super) fn span(&self, path: &[&str]) -> Span {
        let start = ["service", &self.name];
        let steps = start.iter().chain(path).map(|name| Step::Attribute(Arc::from(*name)));
        self.block.path_span(&steps.collect::<AttributePath>())
    }

    /// Why it cannot be placed, for the person who wrote it.
    pub(super) fn unplaced(&self, problem: &Unplaced) -> Diagnostic {
        match problem {
            Unplaced::NotEnoughRoom { wanted, placed, limits } => {
                let limits: Vec<String> = limits.iter().map(|(name, limit)| format!("{name} {limit}")).collect();
                Diagnostic::error("Not enough room")
                    .detail(format!(
                        "The service \"{}\" wants {wanted} {}, and there is room for {placed}: {}.",
                        self.name,
                        if *wanted == 1 { "copy" } else { "copies" },
                        limits.join(", ")
                    ))
                    .at(self.span(&["replicas"]))
                    .help("Lower \"replicas\" or what a copy needs, raise the maximum of a cluster, or add a cluster or capacity.")
            }
            Unplaced::TooFewGroups { by, found, wanted } => Diagnostic::error(format!("Not enough {by}s"))
                .detail(format!(
                    "The service \"{}\" is to be spread over at least {wanted} {by}s, and {found} of them can take it.",
                    self.name
                ))
                .at(self.span(&["placement", "spread", by]))
                .help("Lower \"min_groups\", or add clusters."),
        }
    }

    fn connect(&mut self, nested: &Nested) -> Diagnostics {
        let mut diagnostics = Diagnostics::new();
        for name in ["depends_on", "connects"] {
            let Some(attribute) = nested.body.attribute(name) else { continue };
            let references = references_of(attribute).unwrap_or_else(|problems| {
                diagnostics.extend(problems);
                Vec::new()
            });
            for reference in references {
                let callee = diagnostics.keep(self.callee(&reference, name));
                if let (Some(Callee::Service(service)), "depends_on") = (&callee, name) {
                    self.depends_on.push(service.clone());
                }
                self.calls.extend(callee);
            }
        }
        self.calls.sort();
        self.calls.dedup();
        diagnostics
    }

    fn callee(&self, reference: &Reference, attribute: &str) -> Result<Callee, Diagnostic> {
        let name = reference.name(1).unwrap_or_default();
        let declared = |keyword: &str| {
            let labels = self.block.body.blocks.iter().filter(|block| &*block.keyword.name == keyword);
            labels.filter_map(|block| block.labels.first()).any(|label| &*label.name == name)
        };
        match &*reference.root {
            "service" | "external" if !declared(&reference.root) => {
                Err(undeclared(self.block.body, reference, name))
            }
            "service" if name == &*self.name => Err(Diagnostic::error("Reference to itself")
                .detail(format!("The service \"{name}\" cannot stand in its own \"{attribute}\"."))
                .at(reference.span)),
            "service" => Ok(Callee::Service(Arc::from(name))),
            "external" if attribute == "connects" => Ok(Callee::External(Arc::from(name))),
            _ => Err(Diagnostic::error("Unsuitable reference")
                .detail(match attribute {
                    "depends_on" => "\"depends_on\" of a service holds services of the same application: [service.NAME].",
                    _ => "\"connects\" holds services and externals of the same application: [service.NAME, external.NAME].",
                })
                .at(reference.span)),
        }
    }

    /// The name of the port that is asked whether the service is healthy.
    pub(super) fn health_port(&self) -> Result<Arc<str>, Diagnostic> {
        let ports = self.ports();
        let named = self.inner("health", "port");
        let unknown =
            |detail: String, at: &[&str]| Err(Diagnostic::error("Unknown port").detail(detail).at(self.span(at)));
        match (named.as_str(), ports.len()) {
            (Some(name), _) => match ports.get_key_value(name) {
                Some((name, _)) => Ok(name.clone()),
                None => unknown(format!("The service \"{}\" has no port \"{name}\".", self.name), &["health", "port"]),
            },
            (None, 1) => Ok(ports.into_keys().next().unwrap_or_default()),
            (None, 0) => {
                unknown(format!("The service \"{}\" has no port that could be asked.", self.name), &["health"])
            }
            (None, _) => unknown(
                "The service has several ports; say which one is asked: port = \"NAME\".".to_owned(),
                &["health"],
            ),
        }
    }
}

/// Whether there are no copies for now, because the load needs none and that is declared.
fn rests(block: &Block<'_>, address: &Address, value: &Value) -> bool {
    let is_allowed = |value: Value| autoscale::read(&value, &|_| block.span).0.is_some_and(|found| found.min == 0);
    block.decision(address, SCALE).and_then(scale::total) == Some(0) && value.get("autoscale").is_some_and(is_allowed)
}

/// How many replicas a service has: what is declared or, where the number follows the load, what
/// was decided last, within the bounds. `span` gives the place of what stands at a path in it.
pub(super) fn total(
    value: &Value,
    (autoscale, decided): (Option<&Autoscale>, Option<u32>),
    span: impl Fn(&[&str]) -> Span,
) -> Result<u32, Diagnostic> {
    let declared = whole_number(value.get("replicas").as_ref(), || span(&["replicas"]))?.unwrap_or(1);
    Ok(autoscale.map_or(declared, |Autoscale { min, max, .. }| decided.unwrap_or(declared).clamp(*min, *max)))
}

/// A whole number that is not negative and known; `None` for null.
pub(super) fn whole_number(value: Option<&Value>, span: impl Fn() -> Span) -> Result<Option<u32>, Diagnostic> {
    match value.map(Value::data) {
        None | Some(Data::Null(_)) => Ok(None),
        Some(Data::Number(number)) => match number.to_i64().and_then(|number| u32::try_from(number).ok()) {
            Some(number) => Ok(Some(number)),
            None => Err(Diagnostic::error("Unsuitable number")
                .detail(format!("{number} is not a whole number from 0 to {}.", u32::MAX))
                .at(span())),
        },
        _ => Err(undecided("This number", span())),
    }
}

/// The seconds of a duration such as `30s`, `5m`, `1h30m`.
pub(super) fn seconds(text: &str) -> Option<u32> {
    u32::try_from(duration(text)?.as_secs()).ok()
}

/// The first circle in the start order, with each of its edges at its place.
fn start_cycle(block: &Block<'_>, services: &[Service<'_>]) -> Option<Diagnostic> {
    let by_name: BTreeMap<&str, &Service<'_>> = services.iter().map(|service| (&*service.name, service)).collect();
    let mut finished = std::collections::BTreeSet::new();
    for service in services {
        let mut path: Vec<(&Service<'_>, usize)> = vec![(service, 0)];
        while let Some((current, next)) = path.last_mut() {
            let Some(name) = current.depends_on.get(*next) else {
                finished.insert(current.name.clone());
                path.pop();
                continue;
            };
            *next += 1;
            let Some(dependency) = by_name.get(&**name).filter(|dependency| !finished.contains(&dependency.name))
            else {
                continue;
            };
            if let Some(start) = path.iter().position(|(member, _)| member.name == dependency.name) {
                return Some(cycle(block, path[start..].iter().map(|(member, _)| *member)));
            }
            path.push((dependency, 0));
        }
    }
    None
}

fn cycle<'a>(block: &Block<'_>, members: impl Iterator<Item = &'a Service<'a>> + Clone) -> Diagnostic {
    let mut names: Vec<&str> = members.clone().map(|service| &*service.name).collect();
    names.extend(names.first().copied());
    let problem = Diagnostic::error("Start order goes round in a circle")
        .detail(format!("Each of these services waits for the next one: {}.", names.join(" → ")))
        .of(block.address)
        .help("A call needs no start order: move one of them from \"depends_on\" to \"connects\".");
    members.zip(&names[1..]).fold(problem, |problem, (service, next)| {
        problem.label(service.span(&["depends_on"]), format!("{} waits for {next}", service.name))
    })
}
