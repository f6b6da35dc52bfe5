//! Whether a cluster is alive, and where its kubelets are.

use std::collections::BTreeMap;

use portolan_provider::Error;
use serde::Deserialize;

use super::api::{Api, Target};

/// How many nodes are looked at to find some that are ready.
const LOOKED_AT: usize = 50;

#[derive(Deserialize)]
struct Nodes {
    items: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    metadata: Metadata,
    status: Status,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Status {
    conditions: Vec<Condition>,
    addresses: Vec<NodeAddress>,
    daemon_endpoints: DaemonEndpoints,
}

#[derive(Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

#[derive(Deserialize)]
struct NodeAddress {
    #[serde(rename = "type")]
    kind: String,
    address: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct DaemonEndpoints {
    kubelet_endpoint: Endpoint,
}

#[derive(Deserialize, Default)]
struct Endpoint {
    #[serde(rename = "Port")]
    port: u16,
}

/// Where so many kubelets of ready nodes are, by the names of the nodes: one page of one list.
pub(super) async fn read(api: &Api, nodes: usize) -> Result<BTreeMap<String, String>, Error> {
    let list = Target::path("/api/v1/nodes").with("limit", &LOOKED_AT.max(nodes).to_string());
    let answer = api.get(&list).await;
    let read = answer.and_then(|answer| answer.parse::<Nodes>());
    let found = read.map_err(|trouble| trouble.error(&format!("asking {} for its nodes", api.server)))?;
    let ready = found.items.into_iter().filter(Node::is_ready);
    Ok(ready.filter_map(|node| Some((node.metadata.name.clone(), node.kubelet()?))).take(nodes).collect())
}

impl Node {
    fn is_ready(&self) -> bool {
        self.status.conditions.iter().any(|condition| condition.kind == "Ready" && condition.status == "True")
    }

    fn kubelet(&self) -> Option<String> {
        let internal = self.status.addresses.iter().find(|address| address.kind == "InternalIP")?;
        let port = self.status.daemon_endpoints.kubelet_endpoint.port;
        let host = match internal.address.contains(':') {
            true => format!("[{}]", internal.address),
            false => internal.address.clone(),
        };
        (port != 0).then(|| format!("{host}:{port}"))
    }
}
