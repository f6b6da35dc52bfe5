//! Which clusters take part where replicas are spread over a number of regions or clusters.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Groups, Site, Spread};

/// A cluster as far as it matters here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing<'a> {
    pub(super) site: &'a Site,
    pub(super) weight: u64,
    pub(super) limit: u32,
    /// Whether the service has replicas there, for the same reasons as now.
    pub(super) is_home: bool,
}

impl Standing<'_> {
    /// Whether it could have any replica.
    fn is_able(&self) -> bool {
        self.limit > 0
    }

    /// Whether it would count in its group if it were not lost.
    fn counts(&self) -> bool {
        self.is_able() || self.site.is_lost
    }
}

/// What becomes of each cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) takes_part: bool,
    pub(super) leads_region: bool,
}

/// There are fewer groups than replicas must be spread over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooFewGroups {
    pub(super) by: &'static str,
    pub(super) found: u32,
    pub(super) wanted: u32,
}

/// The role of each cluster. Where there are replicas, they stay; beside that, regions are ranked by
/// the weight of all their clusters, lost and full ones included, and clusters by their own. Where
/// no cluster of a region can take any, the next one takes its place.
pub(super) fn roles(spread: &Spread, standings: &[Standing<'_>]) -> Result<Vec<Role>, TooFewGroups> {
    let able = |at: &usize| standings[*at].is_able();
    let mut chosen: Vec<usize> = (0..standings.len()).filter(able).collect();
    let mut leaders = Vec::new();
    if let Some(groups) = spread.region {
        let regions = regions(standings);
        enough("region", regions.iter().filter(|region| region.counts).count(), groups)?;
        let ranked: Vec<&Region<'_>> = regions.iter().filter(|region| region.leader.is_some()).collect();
        let kept = &ranked[..ranked.len().min(most(groups))];
        chosen.retain(|at| kept.iter().any(|region| standings[*at].site.region.as_ref() == region.name));
        leaders.extend(kept.iter().filter_map(|region| region.leader));
    }
    if let Some(groups) = spread.cluster {
        enough("cluster", standings.iter().filter(|standing| standing.counts()).count(), groups)?;
        chosen.sort_by_key(|at| {
            let Standing { site, weight, is_home, .. } = standings[*at];
            (!is_home, !leaders.contains(at), Reverse(weight), &site.name)
        });
        chosen.truncate(most(groups));
    }
    let mut roles = vec![Role { takes_part: false, leads_region: false }; standings.len()];
    chosen.into_iter().for_each(|at| roles[at].takes_part = true);
    leaders.into_iter().for_each(|at| roles[at].leads_region = true);
    Ok(roles)
}

fn most(groups: Groups) -> usize {
    groups.max.map_or(usize::MAX, |max| max as usize)
}

fn enough(by: &'static str, found: usize, groups: Groups) -> Result<(), TooFewGroups> {
    let found = u32::try_from(found).unwrap_or(u32::MAX);
    if found < groups.min { Err(TooFewGroups { by, found, wanted: groups.min }) } else { Ok(()) }
}

struct Region<'a> {
    name: Option<&'a Arc<str>>,
    weight: u128,
    /// Whether the service has replicas there.
    is_home: bool,
    /// Whether it could take replicas if nothing were lost.
    counts: bool,
    /// The heaviest cluster that can have replicas, the first by name among equals.
    leader: Option<usize>,
}

/// The regions, the heaviest first.
fn regions<'a>(standings: &[Standing<'a>]) -> Vec<Region<'a>> {
    let mut found: BTreeMap<Option<&Arc<str>>, Vec<usize>> = BTreeMap::new();
    for (at, standing) in standings.iter().enumerate() {
        found.entry(standing.site.region.as_ref()).or_default().push(at);
    }
    let leader = |members: &[usize]| {
        let able = members.iter().copied().filter(|at| standings[*at].is_able());
        able.max_by_key(|at| (standings[*at].weight, Reverse(&standings[*at].site.name)))
    };
    let region = |(name, members): (_, Vec<usize>)| Region {
        name,
        weight: members.iter().map(|at| u128::from(standings[*at].weight)).sum(),
        is_home: members.iter().any(|at| standings[*at].is_home),
        counts: members.iter().any(|at| standings[*at].counts()),
        leader: leader(&members),
    };
    let mut regions: Vec<Region<'_>> = found.into_iter().map(region).collect();
    regions.sort_by_key(|region| (!region.is_home, Reverse(region.weight), region.name));
    regions
}
