//! At which addresses a service is reached from outside of its clusters.

use portolan_lang::{Data, Number, Type, Value};

use super::service::Service;
use super::values::{fields, list, text};
use super::{Application, TargetCluster};
use crate::compile::domain::weights::{least, least_common_multiple};

/// Lists of endpoints by port: the node port on the nodes of each cluster, weighted so that each
/// cluster gets a share of the requests that is its share of the copies. A port without a node
/// port has the pods themselves, of each cluster that can be asked for their addresses.
pub(super) fn of(application: &Application<'_>, service: &Service<'_>) -> Value {
    let ports = service.ports();
    Value::object(ports.iter().map(|(name, port)| {
        let node_port = port.get("node_port").unwrap_or_else(|| Value::null(Type::Number));
        let found = match node_port.is_null() {
            true => pods(application, service, name),
            false => endpoints(application, service, &node_port),
        };
        (name.clone(), found)
    }))
}

/// The pods of each cluster.
fn pods(application: &Application<'_>, service: &Service<'_>, port: &str) -> Value {
    let clusters = application.clusters.iter().enumerate();
    let copies = clusters.map(|(at, cluster)| (cluster, application.copies(&service.name, at)));
    let reached = copies.filter(|(cluster, copies)| *copies > 0 && cluster.take("live").as_bool() == Some(true));
    list(reached.map(|(cluster, copies)| {
        let pods = fields([
            ("cluster", text(cluster.address.to_string())),
            ("namespace", text(&application.namespace)),
            ("service", text(&service.name)),
            ("port", text(port)),
        ]);
        fields([("cluster", text(&cluster.name)), ("pods", pods), ("weight", Value::number(copies))])
    }))
}

fn endpoints(application: &Application<'_>, service: &Service<'_>, node_port: &Value) -> Value {
    let clusters: Vec<(&TargetCluster, u64, Vec<Value>)> = application
        .clusters
        .iter()
        .enumerate()
        .map(|(at, cluster)| {
            let nodes = cluster.take("node_addresses").items().unwrap_or_default().to_vec();
            (cluster, u64::from(application.copies(&service.name, at)), nodes)
        })
        .filter(|(_, copies, nodes)| *copies > 0 && !nodes.is_empty())
        .collect();
    let shares: Vec<(u64, u64)> = clusters.iter().map(|(_, copies, nodes)| (*copies, nodes.len() as u64)).collect();
    let weights = node_weights(&shares);
    list(clusters.iter().zip(weights).flat_map(|((cluster, _, nodes), weight)| {
        nodes.iter().map(move |node| {
            fields([
                ("cluster", text(&cluster.name)),
                ("address", endpoint(node, node_port)),
                ("weight", Value::number(Number::from(weight))),
            ])
        })
    }))
}

/// The least whole weights such that the nodes of a cluster together weigh what its copies do.
fn node_weights(shares: &[(u64, u64)]) -> Vec<i64> {
    let common = shares.iter().fold(1_u64, |all, (_, nodes)| least_common_multiple(all, *nodes));
    let weights: Vec<u64> = shares.iter().map(|(copies, nodes)| copies.saturating_mul(common / nodes)).collect();
    least(&weights).into_iter().map(|weight| i64::try_from(weight).unwrap_or(1)).collect()
}

fn endpoint(node: &Value, port: &Value) -> Value {
    match (node.data(), port.data()) {
        (Data::String(node), Data::Number(port)) if node.contains(':') => text(format!("[{node}]:{port}")),
        (Data::String(node), Data::Number(port)) => text(format!("{node}:{port}")),
        _ => Value::unknown(Type::String),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_weigh_what_their_copies_do() {
        // Three nodes of weight 4 for four copies, two of weight 3 for two: 12 to 6.
        assert_eq!(node_weights(&[(4, 3), (2, 2)]), [4, 3]);
        assert_eq!(node_weights(&[(5, 1)]), [1]);
        assert_eq!(node_weights(&[(1_000_000, 1), (1, 1)]), [10_000, 1]);
    }
}
