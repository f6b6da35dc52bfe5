//! Whom a location passes requests on to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use portolan_lang::value::Entries;
use portolan_lang::{Data, Diagnostic, Span, Type, Value};

use super::directive::{block, directive, words};
use super::pods::{self, Pods};
use super::server::Server;
use crate::compile::domain::undecided;

/// The servers behind a location, or what is wrong with them.
pub(super) struct Upstream {
    /// What tells it from the others of the route: `web_http`, `orders`.
    pub(super) name: String,
    /// Its servers.
    pub(super) servers: Vec<Server>,
}

/// The zone of all upstreams of HTTP. nginx looks through all zones for each that is named: with one
/// for every upstream, reading a configuration costs the square of their number.
pub(super) const ZONE: &str = "upstreams";

/// The zone of all upstreams of streams, which cannot share that of HTTP.
pub(super) const STREAM_ZONE: &str = "stream_upstreams";

/// Enough for some 20,000 upstreams. It is used only as far as it is needed.
const ZONE_SIZE: &str = "64m";

/// The upstreams of a route.
#[derive(Default)]
pub(super) struct Upstreams {
    /// `upstream name { … }` by name.
    pub(super) directives: BTreeMap<String, Value>,
    /// What those need whose servers are pods; `None` while that is not known.
    pub(super) needs: BTreeMap<String, Option<serde_json::Value>>,
    /// What their servers belong to.
    pub(super) backends: BTreeSet<Arc<str>>,
}

/// How the servers of an upstream are tried and watched.
pub(super) struct Health {
    pub(super) max_fails: Value,
    pub(super) fail_timeout: Value,
    pub(super) balance: Option<Arc<str>>,
    /// The memory in which the workers share what they know of the servers, where they can.
    pub(super) zone: Option<&'static str>,
    /// Whether names are resolved again while they run.
    pub(super) resolves: bool,
    /// What is said of the group behind its servers.
    pub(super) checks: Vec<Value>,
}

/// The place to blame, by attribute.
pub(super) struct Places {
    pub(super) to: Span,
    pub(super) port: Span,
}

impl Health {
    /// How nginx calls a server that stands by: balancing by client has no second row.
    pub(super) fn standby(&self) -> &'static str {
        if self.balance.as_deref() == Some("ip_hash") { "down" } else { "backup" }
    }

    /// What is said of each server.
    pub(super) fn parameters(&self) -> Vec<Value> {
        let said = [("max_fails", &self.max_fails), ("fail_timeout", &self.fail_timeout)];
        said.into_iter().filter_map(|(name, value)| parameter(name, value)).collect()
    }
}

impl Upstream {
    /// The servers of a service's port, or of an external; `None` for a service that has no copy
    /// anywhere, as when it wants none or all its clusters are lost.
    pub(super) fn of(target: &Value, port: &Value, at: &Places) -> Result<Option<Upstream>, Diagnostic> {
        if !target.is_known() {
            return Err(undecided("\"to\"", at.to));
        }
        let kind = target.get("kind");
        let name = target.get("name").and_then(|name| name.as_str().map(str::to_owned));
        match (kind.as_ref().and_then(Value::as_str), name) {
            (Some("external"), Some(name)) => external(target, port, name, at).map(Some),
            (Some("service"), Some(name)) => service(target, port, name, at),
            _ => Err(Diagnostic::error("Unsuitable target")
                .detail("\"to\" must refer to a service or an external of an application.")
                .at(at.to)
                .help("Write application.NAME.service.NAME or application.NAME.external.NAME, without quotes.")),
        }
    }

    /// Whether its servers, or some of them, are pods, whose addresses come from their clusters.
    pub(super) fn has_pods(&self) -> bool {
        self.servers.iter().any(|server| server.pods.is_some())
    }

    /// `upstream name { … }`
    pub(super) fn directive(&self, name: &str, health: &Health) -> Value {
        let mut lines = Vec::new();
        if let Some(balance) = health.balance.as_deref().filter(|balance| *balance != "round_robin") {
            lines.push(balanced(balance));
        }
        lines.extend(health.zone.map(|zone| directive("zone", [zone, ZONE_SIZE].map(Value::string))));
        if self.has_pods() {
            lines.push(pods::include(name));
        }
        for server in self.servers.iter().filter(|_| !self.has_pods()) {
            let mut args = vec![server.address.clone()];
            args.extend(server.weight.as_ref().and_then(|weight| parameter("weight", weight)));
            args.extend(health.parameters());
            args.extend(server.stands_by.then(|| Value::string(health.standby())));
            args.extend((health.resolves && is_name(&server.address)).then(|| Value::string("resolve")));
            lines.push(directive("server", args));
        }
        lines.extend(health.checks.iter().cloned());
        block("upstream", [Value::string(name)], lines)
    }
}

/// How servers are chosen. `client` is what `ip_hash` is for streams.
fn balanced(balance: &str) -> Value {
    match balance {
        "client" => words("hash", &["$remote_addr", "consistent"]),
        other => directive(other, []),
    }
}

/// Whether an address is the name of a host.
fn is_name(address: &Value) -> bool {
    let host = |text: &str| text.rsplit_once(':').map_or(text, |(host, _)| host).to_owned();
    let is_address = |host: &str| host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
    address.as_str().is_some_and(|text| !text.starts_with("unix:") && !is_address(&host(text)))
}

/// `name=value`, unknown where the value is; nothing for null.
fn parameter(name: &str, value: &Value) -> Option<Value> {
    match value.data() {
        Data::Null(_) => None,
        Data::String(text) => Some(Value::string(format!("{name}={text}"))),
        Data::Number(number) => Some(Value::string(format!("{name}={number}"))),
        _ => Some(Value::unknown(Type::String)),
    }
}

fn external(target: &Value, port: &Value, name: String, at: &Places) -> Result<Upstream, Diagnostic> {
    if !port.is_null() {
        return Err(Diagnostic::error("Port not needed")
            .detail("The addresses of an external say their ports themselves.")
            .at(at.port)
            .help("Leave \"port\" out."));
    }
    let addresses = target.get("addresses").unwrap_or_else(|| Value::null(Type::Any));
    let servers = match addresses.items() {
        Some(items) => items.iter().map(|item| Server::new(item.as_str().map(Arc::from), item.clone(), None)).collect(),
        None => vec![Server::new(None, Value::unknown(Type::String), None)],
    };
    filled(
        Upstream { name, servers },
        at,
        "The external has no addresses.",
        "Give it some: addresses = [\"192.0.2.10:8080\"]",
    )
}

fn service(target: &Value, port: &Value, name: String, at: &Places) -> Result<Option<Upstream>, Diagnostic> {
    let endpoints = target.get("endpoints").unwrap_or_else(|| Value::null(Type::Any));
    let Some(entries) = endpoints.entries() else {
        return Ok(Some(Upstream { name, servers: vec![Server::new(None, Value::unknown(Type::String), None)] }));
    };
    let (chosen, list) = endpoints_of(entries, port, &name, at)?;
    let server = |endpoint: &Value| {
        let cluster = endpoint.get("cluster").and_then(|cluster| cluster.as_str().map(Arc::from));
        let address = endpoint.get("address").unwrap_or_else(|| Value::unknown(Type::String));
        Server { pods: Pods::of(endpoint), ..Server::new(cluster, address, endpoint.get("weight")) }
    };
    let servers: Vec<_> = list.items().unwrap_or_default().iter().map(server).collect();
    if servers.is_empty() && has_no_copies(target) {
        return Ok(None);
    }
    let upstream = filled(
        Upstream { name: format!("{name}_{chosen}"), servers },
        at,
        &format!("No cluster says how the port \"{chosen}\" of the service is reached from outside."),
        "Give the port a node_port, and the clusters their node_addresses. Pods of Kubernetes clusters are reached without, where the fleet is in etcd.",
    );
    upstream.map(Some)
}

/// The port of a service that is meant, and where it is reached.
fn endpoints_of<'a>(
    ports: &'a Entries,
    port: &Value,
    name: &str,
    at: &Places,
) -> Result<(String, &'a Value), Diagnostic> {
    let names = || ports.keys().map(|name| &**name).collect::<Vec<_>>().join(", ");
    let chosen = match (port.as_str(), ports.len()) {
        (None, 1) => ports.keys().next().map(ToString::to_string).unwrap_or_default(),
        (_, 0) => {
            return Err(Diagnostic::error("Target without ports")
                .detail(format!("The service \"{name}\" has no port that requests could be passed to."))
                .at(at.to)
                .help("Give it one: port \"http\" { number = 8080 }, each on a line of its own."));
        }
        (Some(port), _) => port.to_owned(),
        (None, _) => {
            return Err(Diagnostic::error("Missing port")
                .detail(format!("The service \"{name}\" has the ports: {}.", names()))
                .at(at.to)
                .help("Say which one: port = \"NAME\""));
        }
    };
    if let Some(list) = ports.get(&chosen) {
        return Ok((chosen, list));
    }
    let near = portolan_lang::diagnostic::did_you_mean(&chosen, ports.keys().map(|name| &**name));
    let problem = Diagnostic::error("Unknown port")
        .detail(format!("The service \"{name}\" has no port \"{chosen}\"; its ports are: {}.", names()))
        .at(at.port);
    Err(match near {
        Some(near) => problem.help(format!("Did you mean \"{near}\"?")),
        None => problem,
    })
}

/// Whether a service has no copies anywhere, by what is decided.
fn has_no_copies(service: &Value) -> bool {
    let clusters = service.get("clusters");
    let mut copies = clusters.as_ref().and_then(Value::entries).into_iter().flat_map(|clusters| clusters.values());
    copies.all(|copies| *copies == Value::number(0))
}

fn filled(upstream: Upstream, at: &Places, detail: &str, help: &str) -> Result<Upstream, Diagnostic> {
    if upstream.servers.is_empty() {
        return Err(Diagnostic::error("Target without addresses").detail(detail).at(at.to).help(help));
    }
    Ok(upstream)
}
