//! Upstreams whose servers are pods: their addresses come from the clusters, without a release.
//!
//! The tree says which pods an upstream needs; who publishes their addresses and the agents beside
//! the servers read that. nginx includes what an agent makes of both.

use std::collections::BTreeMap;

use portolan_lang::{Diagnostic, Span, Type, Value};
use serde_json::{Value as Json, json};

use super::directive::words;
use super::server::Server;
use super::upstream::Health;

/// The format in which a tree says what it needs.
const FORMAT: u32 = 1;

/// The pods of a service in a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pods {
    cluster: String,
    namespace: String,
    service: String,
    port: String,
    copies: u64,
}

impl Pods {
    /// The pods that an endpoint of a service names.
    pub(super) fn of(endpoint: &Value) -> Option<Pods> {
        let pods = endpoint.get("pods")?;
        let text = |name: &str| pods.get(name).and_then(|text| text.as_str().map(str::to_owned));
        Some(Pods {
            cluster: text("cluster")?,
            namespace: text("namespace")?,
            service: text("service")?,
            port: text("port")?,
            copies: endpoint.get("weight").and_then(|copies| copies.as_number()?.to_u64()).unwrap_or(1),
        })
    }

    fn json(&self) -> Json {
        json!({
            "cluster": self.cluster,
            "namespace": self.namespace,
            "service": self.service,
            "port": self.port,
            "copies": self.copies,
        })
    }
}

/// What an upstream with pods needs; `None` for one without, or of which not all is known.
pub(super) fn need(servers: &[Server], health: &Health) -> Option<Json> {
    servers.iter().find(|server| server.pods.is_some())?;
    let members: Option<Vec<Json>> = servers.iter().map(member).collect();
    Some(json!({
        "parameters": health.parameters().iter().map(|parameter| parameter.as_str()).collect::<Option<Vec<_>>>()?,
        "standby": health.standby(),
        "balance": health.balance.as_deref().filter(|balance| *balance != "round_robin"),
        "servers": members?,
    }))
}

/// The same of an upstream of a stream.
pub(super) fn stream_need(servers: &[Server], health: &Health) -> Option<Json> {
    let mut need = need(servers, health)?;
    need["is_stream"] = json!(true);
    Some(need)
}

fn member(server: &Server) -> Option<Json> {
    let mut member = json!({ "weight": server.units(), "stands_by": server.stands_by });
    match &server.pods {
        Some(pods) => member["pods"] = pods.json(),
        None => member["address"] = json!(server.address.as_str()?),
    }
    Some(member)
}

/// The problem of pods behind a fleet that nobody tells their addresses.
pub(super) fn unreachable(at: Span) -> Diagnostic {
    Diagnostic::error("Target without addresses")
        .detail("The port has no node port, so that its pods are reached themselves; but nothing tells their addresses to a fleet that is a directory.")
        .at(at)
        .help("Give the port a node_port, and the clusters their node_addresses; or publish the fleet in etcd.")
}

/// Where nginx finds the servers of an upstream.
pub(super) fn include(upstream: &str) -> Value {
    words("include", &[&format!("endpoints.d/{upstream}.conf")])
}

/// The file in which the tree says what a route needs, and its text.
pub(super) fn file(stem: &str, needs: &BTreeMap<String, Option<Json>>) -> (Value, Value) {
    let path = Value::string(format!("endpoints.d/{stem}.json"));
    let upstreams: Option<BTreeMap<&String, &Json>> =
        needs.iter().map(|(name, need)| Some((name, need.as_ref()?))).collect();
    let text = upstreams.map(|upstreams| json!({ "format": FORMAT, "upstreams": upstreams }));
    (path, text.map_or_else(|| Value::unknown(Type::String), |text| Value::string(format!("{text:#}\n"))))
}
