//! Who may talk to whom: what is declared, DNS, and nothing else.

use std::collections::BTreeSet;
use std::net::IpAddr;

use portolan_lang::{Type, Value};

use super::Application;
use super::pod::selector;
use super::service::{Callee, Service};
use super::values::{fields, list, null, text};

/// The `spec` of the policy of a service. Requests come in from the services that say that they
/// call it, and from anywhere to its node ports, because the address of who sent them is often
/// that of a node by then. Requests go out to what it calls.
pub(super) fn policy(application: &Application<'_>, service: &Service<'_>) -> Value {
    fields([
        ("podSelector", fields([("matchLabels", selector(application, service))])),
        ("policyTypes", list([text("Ingress"), text("Egress")])),
        ("ingress", list(ingress(application, service))),
        ("egress", list(egress(application, service))),
    ])
}

fn peer(application: &Application<'_>, service: &Service<'_>) -> Value {
    fields([("podSelector", fields([("matchLabels", selector(application, service))]))])
}

/// The ports of a service, as rules name them: by the number on the pod.
fn ports(service: &Service<'_>, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    let ports = service.ports();
    let chosen = ports.values().filter(|port| wanted(port));
    chosen
        .map(|port| {
            let take = |name: &str| port.get(name).unwrap_or_else(null);
            fields([("port", take("number")), ("protocol", take("protocol"))])
        })
        .collect()
}

fn ingress(application: &Application<'_>, service: &Service<'_>) -> Vec<Value> {
    let calls = |caller: &&Service<'_>| caller.calls.contains(&Callee::Service(service.name.clone()));
    let callers: Vec<Value> =
        application.services.iter().filter(calls).map(|caller| peer(application, caller)).collect();
    let all = ports(service, |_| true);
    let mut rules = Vec::new();
    if !callers.is_empty() && !all.is_empty() {
        rules.push(fields([("from", list(callers)), ("ports", list(all))]));
    }
    let outside = ports(service, |port| port.get("node_port").is_some_and(|port| !port.is_null()));
    if !outside.is_empty() {
        rules.push(fields([("ports", list(outside))]));
    }
    rules
}

fn egress(application: &Application<'_>, service: &Service<'_>) -> Vec<Value> {
    let dns = ["UDP", "TCP"].map(|protocol| fields([("port", Value::number(53)), ("protocol", text(protocol))]));
    let mut rules = vec![fields([("ports", list(dns))])];
    for callee in &service.calls {
        match callee {
            Callee::Service(name) => {
                let callee = application.services.iter().find(|candidate| candidate.name == *name);
                let rule = callee.map(|callee| (peer(application, callee), ports(callee, |_| true)));
                if let Some((peer, ports)) = rule.filter(|(_, ports)| !ports.is_empty()) {
                    rules.push(fields([("to", list([peer])), ("ports", list(ports))]));
                }
            }
            Callee::External(name) => rules.extend(external(&application.externals, name)),
        }
    }
    rules
}

/// A rule for each address of an external. Names that are not addresses cannot be let through
/// one by one, so for them the port is open.
fn external(externals: &Value, name: &str) -> Vec<Value> {
    let addresses = externals.get(name).and_then(|external| external.get("addresses"));
    let Some(addresses) = addresses else { return Vec::new() };
    let Some(items) = addresses.items() else { return vec![Value::unknown(Type::Any)] };
    let mut seen = BTreeSet::new();
    let mut rules = Vec::new();
    for item in items {
        match item.as_str() {
            Some(address) if seen.insert(address.to_owned()) => rules.extend(rule(address)),
            Some(_) => {}
            None => rules.push(Value::unknown(Type::Any)),
        }
    }
    rules
}

fn rule(address: &str) -> Option<Value> {
    let (host, port) = address.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    let ports = list([fields([("port", Value::number(u32::from(port))), ("protocol", text("TCP"))])]);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let block = match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => Some(format!("{address}/32")),
        Ok(IpAddr::V6(address)) => Some(format!("{address}/128")),
        Err(_) => None,
    };
    let to = block.map_or_else(null, |cidr| list([fields([("ipBlock", fields([("cidr", text(cidr))]))])]));
    Some(fields([("to", to), ("ports", ports)]))
}
