//! Whose turn it is: one node first, then a quarter of all, then the rest.

use std::collections::{BTreeMap, BTreeSet};

use portolan_fleet::{Release, Report, State};

/// Why a node has to wait with a release; `None` where it is its turn.
///
/// The order is that of the names of the nodes that live, so that all agents see the same one
/// without talking to each other. Whoever has no nginx to serve it with holds nobody up.
pub(crate) fn hold(node: &str, release: &Release, reports: &BTreeMap<String, Report>) -> Option<String> {
    let mut nodes: BTreeSet<&str> = reports.keys().map(String::as_str).collect();
    nodes.insert(node);
    let rank = nodes.iter().position(|name| *name == node).unwrap_or_default();
    let before = first_of_wave(rank, nodes.len());
    nodes.into_iter().take(before).find_map(|name| {
        let report = reports.get(name).filter(|report| report.is_about(release));
        match report.map(|report| report.state) {
            Some(State::Serving | State::NotRunning) => None,
            Some(State::Refused | State::RolledBack) => Some(format!("{name} did not take it")),
            _ => Some(format!("it is the turn of {name}")),
        }
    })
}

/// How many of so many nodes come before the wave of this one.
fn first_of_wave(rank: usize, nodes: usize) -> usize {
    let quarter = nodes.div_ceil(4).max(2);
    match rank {
        0 => 0,
        rank if rank < quarter => 1,
        _ => quarter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_then_a_quarter_then_the_rest() {
        let waves = |nodes: usize| (0..nodes).map(|rank| first_of_wave(rank, nodes)).collect::<Vec<_>>();
        assert_eq!(waves(1), [0]);
        assert_eq!(waves(3), [0, 1, 2]);
        assert_eq!(waves(12), [0, 1, 1, 3, 3, 3, 3, 3, 3, 3, 3, 3]);
    }
}
