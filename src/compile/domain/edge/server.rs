//! A server behind a location, and the choice between servers by hand.

use std::sync::Arc;

use portolan_lang::Value;

use super::pods::Pods;
use crate::compile::domain::switch::{ALL, Switch};
use crate::compile::domain::weights::least;

/// One server of an upstream.
pub(super) struct Server {
    /// Which backend it belongs to: a cluster, or its own address. `None` while that is not known.
    pub(super) backend: Option<Arc<str>>,
    /// `address:port`
    pub(super) address: Value,
    /// Its weight; one unless it is said.
    pub(super) weight: Option<Value>,
    /// Whether it gets requests only while no other server answers.
    pub(super) stands_by: bool,
    /// For pods, whose addresses come later: which they are. The address says nothing then.
    pub(super) pods: Option<Pods>,
}

impl Server {
    /// A server that takes part.
    pub(super) fn new(backend: Option<Arc<str>>, address: Value, weight: Option<Value>) -> Server {
        Server { backend, address, weight, stands_by: false, pods: None }
    }

    pub(super) fn units(&self) -> u64 {
        let weight = self.weight.as_ref().and_then(|weight| weight.as_number()?.to_u64());
        weight.unwrap_or(1)
    }
}

/// Gives the servers of one backend their share of the requests; leaves all as they are where it has
/// none, or no other one has any.
pub(super) fn switch(servers: &mut [Server], switch: &Switch) {
    let is_chosen = |server: &Server| server.backend.as_ref() == Some(&switch.to);
    let weighs = |chosen: bool| -> u64 {
        let servers = servers.iter().filter(|server| is_chosen(server) == chosen);
        servers.fold(0, |all, server| all.saturating_add(server.units()))
    };
    let (chosen, others) = (weighs(true), weighs(false));
    if chosen == 0 || others == 0 {
        return;
    }
    if switch.share == ALL {
        servers.iter_mut().for_each(|server| server.stands_by = !is_chosen(server));
        return;
    }
    let share = |server: &Server| {
        let (share, rest) = (u64::from(switch.share), u64::from(ALL - switch.share));
        let factor = if is_chosen(server) { share.saturating_mul(others) } else { rest.saturating_mul(chosen) };
        server.units().saturating_mul(factor)
    };
    let weights = least(&servers.iter().map(share).collect::<Vec<_>>());
    for (server, weight) in servers.iter_mut().zip(weights) {
        server.weight = Some(Value::number(portolan_lang::Number::from(weight)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(weights: &[(&str, i64)]) -> Vec<Server> {
        let server = |(backend, weight): &(&str, i64)| {
            Server::new(Some(Arc::from(*backend)), Value::string(*backend), Some(Value::number(*weight)))
        };
        weights.iter().map(server).collect()
    }

    fn switched(weights: &[(&str, i64)], to: &str, share: u32) -> Vec<u64> {
        let mut servers = servers(weights);
        switch(&mut servers, &Switch { to: to.into(), share });
        servers.iter().map(|server| if server.stands_by { 0 } else { server.units() }).collect()
    }

    #[test]
    fn a_backend_gets_its_share_however_many_servers_it_has() {
        assert_eq!(switched(&[("a", 1), ("b", 1)], "b", 100), [0, 1]);
        assert_eq!(switched(&[("a", 1), ("b", 1)], "b", 10), [9, 1]);
        // Two servers together get a tenth, in their own proportion.
        assert_eq!(switched(&[("a", 1), ("b", 1), ("b", 2)], "b", 10), [27, 1, 2]);
        assert_eq!(switched(&[("a", 10_000), ("b", 1)], "b", 1), [99, 1]);
    }

    #[test]
    fn what_has_no_such_backend_stays_as_it_is() {
        assert_eq!(switched(&[("a", 3), ("b", 2)], "c", 100), [3, 2]);
        assert_eq!(switched(&[("a", 3), ("a", 2)], "a", 100), [3, 2]);
    }
}
