//! The placing of all services.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use portolan_state::Decision;

use super::division::{Bound, Candidate, Division, bounds, divide};
use super::room::ShapeId;
use super::spread::{Role, Standing, TooFewGroups, roles};
use super::{Held, Ledger, Replicas, Request, Share, Site, Strategy};

/// Where the replicas of a service are placed.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// How many each cluster gets, in the order of the request; lost clusters have none.
    pub replicas: Vec<u32>,
    /// How many found no room after a cluster was lost.
    pub missing: u32,
    /// What is decided, with its reasons.
    pub settled: Replicas,
    /// The decision, if it is not what is recorded.
    pub decision: Option<Decision>,
}

/// Why a service cannot be placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unplaced {
    /// There is no room for all replicas.
    NotEnoughRoom {
        /// How many there are to be.
        wanted: u32,
        /// How many find a place.
        placed: u32,
        /// What each cluster could take.
        limits: Vec<(Arc<str>, u32)>,
    },
    /// There are fewer regions or clusters than replicas must be spread over.
    TooFewGroups {
        /// `region` or `cluster`.
        by: &'static str,
        /// How many there are.
        found: u32,
        /// How many there must be.
        wanted: u32,
    },
}

/// Places all services; the answers stand in the order of the requests. `recorded` is what was
/// decided before about each of them.
///
/// Everything first keeps the room that it has. Then come those that need no more than that, and
/// may give some back, then those that grow, then the new ones, each in the order of the addresses.
pub fn place(
    requests: &[Request],
    recorded: &[Option<Replicas>],
    ledger: &mut Ledger,
) -> Vec<Result<Placed, Unplaced>> {
    let rank = |at: usize| {
        let grows = |recorded: &Replicas| requests[at].total > recorded.total || recorded.missing > 0;
        (recorded[at].as_ref().map_or(2, |recorded| u8::from(grows(recorded))), &requests[at].subject)
    };
    let mut order: Vec<usize> = (0..requests.len()).collect();
    order.sort_by(|left, right| rank(*left).cmp(&rank(*right)));
    let mut asked: Vec<Asked<'_>> = requests
        .iter()
        .zip(recorded)
        .map(|(request, recorded)| Asked::new(request, recorded.as_ref(), ledger))
        .collect();
    order.iter().for_each(|at| asked[*at].keep(ledger));
    let mut answers: Vec<Option<Result<Placed, Unplaced>>> = vec![None; requests.len()];
    for at in order {
        let answer = Placing::new(&asked[at], ledger).place();
        if let Ok(placed) = &answer {
            asked[at].book(&placed.replicas, ledger);
        }
        answers[at] = Some(answer);
    }
    answers.into_iter().flatten().collect()
}

/// A service that is to be placed, beside what is recorded about it.
struct Asked<'a> {
    request: &'a Request,
    shape: ShapeId,
    recorded: Option<&'a Replicas>,
    /// What each of its clusters had.
    had: Vec<Option<&'a Share>>,
    /// How many of its replicas each cluster still has room for.
    kept: Vec<u32>,
}

impl<'a> Asked<'a> {
    fn new(request: &'a Request, recorded: Option<&'a Replicas>, ledger: &mut Ledger) -> Asked<'a> {
        // Most are in the order that they are recorded in.
        let mut next = recorded.iter().flat_map(|recorded| &recorded.clusters);
        let had = |site: &Site| match next.next() {
            Some((name, share)) if *name == site.name => Some(share),
            _ => recorded?.clusters.get(&site.name),
        };
        let had = request.sites.iter().map(had).collect();
        Asked { request, shape: ledger.shape(&request.shape), recorded, had, kept: Vec::new() }
    }

    /// Keeps the room of what is there. A cluster that is back gets what it had before anybody else
    /// can take its room.
    fn keep(&mut self, ledger: &mut Ledger) {
        let shape = self.shape;
        let keep = |(site, had): (&Site, &Option<&Share>)| match had {
            Some(share) if !site.is_lost && share.is_lost => {
                ledger.take(site.cluster, shape, share.replicas.unwrap_or(0))
            }
            Some(share) if !site.is_lost => ledger.keep(site.cluster, shape, share.running()),
            _ => 0,
        };
        self.kept = self.request.sites.iter().zip(&self.had).map(keep).collect();
    }

    /// Takes room for what came, and gives back that of what left.
    fn book(&self, replicas: &[u32], ledger: &mut Ledger) {
        for ((site, kept), replicas) in self.request.sites.iter().zip(&self.kept).zip(replicas) {
            match replicas.checked_sub(*kept) {
                Some(0) => {}
                Some(more) => {
                    ledger.take(site.cluster, self.shape, more);
                }
                None => ledger.release(site.cluster, self.shape, kept - replicas),
            }
        }
    }
}

/// The placing of one service: first the division over all clusters, as if none were lost, then
/// who stands in for those that are.
struct Placing<'a> {
    request: &'a Request,
    recorded: Option<&'a Replicas>,
    /// What each site had.
    had: &'a [Option<&'a Share>],
    /// How many of such pods each site has room for, those of the service included.
    rooms: Vec<u32>,
    /// `None` for a lost cluster that was never measured.
    weights: Vec<Option<u64>>,
    /// How many replicas each site could have; lost ones those that they had.
    limits: Vec<u32>,
}

/// Some replicas over the clusters, and how many of them found no place.
struct Divided {
    seats: Vec<u32>,
    missing: u32,
}

impl<'a> Placing<'a> {
    fn new(asked: &'a Asked<'a>, ledger: &mut Ledger) -> Placing<'a> {
        let Asked { request, shape, recorded, ref had, ref kept } = *asked;
        let room = |(site, kept): (&Site, &u32)| match site.is_lost {
            true => 0,
            false => kept.saturating_add(ledger.fits(site.cluster, shape)),
        };
        let rooms: Vec<u32> = request.sites.iter().zip(kept).map(room).collect();
        let mut placing = Placing { request, recorded, had, rooms, weights: Vec::new(), limits: Vec::new() };
        placing.weights = (0..request.sites.len()).map(|at| placing.weight(at)).collect();
        placing.limits = (0..request.sites.len()).map(|at| placing.limit(at)).collect();
        placing
    }

    fn weight(&self, at: usize) -> Option<u64> {
        let site = &self.request.sites[at];
        match self.request.strategy {
            Strategy::Weighted => return Some(site.weight),
            Strategy::Duplicated => return Some(1),
            Strategy::FreeCapacity | Strategy::Single => {}
        }
        let pinned = self.recorded.filter(|recorded| recorded.strategy == self.request.strategy);
        let pinned = pinned.and_then(|_| self.had[at]?.weight);
        let measured = match self.rooms[at] {
            _ if site.is_lost => None,
            // A cluster that takes everything has no measure: all such are alike.
            u32::MAX => Some(1),
            room => Some(u64::from(room)),
        };
        pinned.or(measured)
    }

    fn limit(&self, at: usize) -> u32 {
        let site = &self.request.sites[at];
        if site.is_lost {
            return self.own(at);
        }
        let limit = self.rooms[at].min(site.max.unwrap_or(u32::MAX));
        // Who says that a cluster has no share wants nothing there beside its minimum.
        let is_unwanted = self.request.strategy == Strategy::Weighted && site.weight == 0;
        if is_unwanted { limit.min(site.min) } else { limit }
    }

    /// How many replicas a cluster has in the recorded division.
    fn own(&self, at: usize) -> u32 {
        self.had[at].and_then(|share| share.replicas).unwrap_or(0)
    }

    fn place(&self) -> Result<Placed, Unplaced> {
        let request = self.request;
        let is_settled = self.recorded.is_some_and(|recorded| self.asks_the_same(recorded));
        let roles = self.roles(&self.limits, |at| is_settled && self.own(at) > 0)?;
        let own = match request.strategy {
            Strategy::Duplicated => self.duplicate(&roles),
            Strategy::Single => {
                let is_home =
                    |at| self.recorded.is_some_and(|recorded| self.has_same_clusters(recorded)) && self.own(at) > 0;
                self.concentrate(request.total, &roles, &self.limits, is_home)
            }
            Strategy::FreeCapacity | Strategy::Weighted => self.divide(&roles),
        };
        let is_any_lost = request.sites.iter().any(|site| site.is_lost);
        if own.missing > 0 && !is_any_lost && !request.is_elastic {
            let limits = request.sites.iter().zip(&self.limits).map(|(site, limit)| (site.name.clone(), *limit));
            let (wanted, placed) = (request.total, request.total - own.missing);
            return Err(Unplaced::NotEnoughRoom { wanted, placed, limits: limits.collect() });
        }
        let all =
            if is_any_lost { self.stand_in(&own.seats)? } else { Divided { seats: own.seats.clone(), missing: 0 } };
        Ok(self.placed(&own, all, &roles))
    }

    fn roles(&self, limits: &[u32], is_home: impl Fn(usize) -> bool) -> Result<Vec<Role>, TooFewGroups> {
        let standing = |(at, site): (usize, &'a Site)| Standing {
            site,
            weight: self.weights[at].unwrap_or(0),
            limit: limits[at],
            is_home: is_home(at),
        };
        let standings: Vec<Standing<'_>> = self.request.sites.iter().enumerate().map(standing).collect();
        roles(&self.request.spread, &standings)
    }

    /// All of them in every cluster.
    fn duplicate(&self, roles: &[Role]) -> Divided {
        let total = self.request.total;
        let is_left_out = |at: usize| !roles[at].takes_part && self.limits[at] > 0;
        let here = |at: usize| {
            (!is_left_out(at)).then(|| if self.request.sites[at].is_lost { total } else { total.min(self.limits[at]) })
        };
        let seats: Vec<Option<u32>> = (0..roles.len()).map(here).collect();
        let least = seats.iter().flatten().min().copied().unwrap_or(0);
        Divided { seats: seats.into_iter().map(Option::unwrap_or_default).collect(), missing: total - least }
    }

    /// All of them in the heaviest cluster that has room for all, or as many as one can take. Where
    /// they are at home already, they stay if they can.
    fn concentrate(&self, total: u32, roles: &[Role], limits: &[u32], is_home: impl Fn(usize) -> bool) -> Divided {
        let order = |at: &usize| {
            let site = &self.request.sites[*at];
            // A lost one is its home until it is back.
            let room = if site.is_lost && limits[*at] > 0 { total } else { limits[*at].min(total) };
            (room, is_home(*at), self.weights[*at], std::cmp::Reverse(&site.name))
        };
        let mut seats = vec![0; roles.len()];
        let chosen = (0..roles.len()).filter(|at| roles[*at].takes_part).max_by_key(order);
        let placed = chosen.map_or(0, |at| order(&at).0);
        if let Some(at) = chosen {
            seats[at] = placed;
        }
        Divided { seats, missing: total - placed }
    }

    /// The division over all clusters. Where the same question was answered before, what each has
    /// stays as far as it can: what is there already never moves because a cluster has become
    /// emptier or fuller.
    fn divide(&self, roles: &[Role]) -> Divided {
        let total = self.request.total;
        let fresh = self.candidates(roles, &self.limits);
        let standing = self.recorded.filter(|recorded| self.asks_the_same(recorded)).map(|recorded| {
            let mut candidates = fresh.clone();
            for (at, candidate) in candidates.iter_mut().enumerate() {
                match total < recorded.total {
                    true => candidate.limit = candidate.limit.min(self.own(at)),
                    false => candidate.kept = self.own(at),
                }
            }
            divide(total, &candidates)
        });
        let division = match standing {
            Some(division) if is_lawful(total, &division.seats, &fresh) && self.covers(&division.seats, roles) => {
                division
            }
            _ => divide(total, &fresh),
        };
        Divided { seats: division.seats, missing: division.missing }
    }

    fn candidates(&self, roles: &[Role], limits: &[u32]) -> Vec<Candidate<'a>> {
        let candidate = |(at, site): (usize, &'a Site)| Candidate {
            name: &site.name,
            weight: self.weights[at].unwrap_or(0),
            kept: 0,
            min: site.min,
            limit: if roles[at].takes_part { limits[at] } else { 0 },
            leads_region: roles[at].leads_region,
        };
        self.request.sites.iter().enumerate().map(candidate).collect()
    }

    /// What runs where while clusters are lost: everybody keeps what it has, and the replicas of the
    /// lost ones go where the next ones would. Those with volumes go nowhere.
    fn stand_in(&self, own: &[u32]) -> Result<Divided, TooFewGroups> {
        let sites = || self.request.sites.iter().enumerate();
        let surviving: Vec<u32> = sites().map(|(at, site)| if site.is_lost { 0 } else { own[at] }).collect();
        let lost: u32 = sites().filter(|(_, site)| site.is_lost).map(|(at, _)| own[at]).sum();
        if self.request.is_bound || self.request.strategy == Strategy::Duplicated {
            return Ok(Divided { seats: surviving, missing: 0 });
        }
        let limits: Vec<u32> = sites().map(|(at, site)| if site.is_lost { 0 } else { self.limits[at] }).collect();
        let roles = self.roles(&limits, |at| surviving[at] + self.stood_in(at) > 0)?;
        if self.request.strategy == Strategy::Single {
            let moved = self.concentrate(lost, &roles, &limits, |at| self.stood_in(at) > 0);
            let seats = surviving.iter().zip(moved.seats).map(|(own, moved)| own + moved).collect();
            return Ok(Divided { seats, missing: moved.missing });
        }
        let total = surviving.iter().sum::<u32>() + lost;
        let mut fresh = self.candidates(&roles, &limits);
        for (candidate, own) in fresh.iter_mut().zip(&surviving) {
            (candidate.kept, candidate.limit) = (*own, candidate.limit.max(*own));
        }
        let division = match self.stand_in_as_before(total, &fresh) {
            Some(division) => division,
            None => divide(total, &fresh),
        };
        Ok(Divided { seats: division.seats, missing: division.missing })
    }

    /// How many a cluster has in place of lost ones, as recorded.
    fn stood_in(&self, at: usize) -> u32 {
        self.had[at].filter(|_| !self.request.sites[at].is_lost).map_or(0, |share| share.standing_in)
    }

    /// Where clusters were lost before: if more of them are now, those that stand in go on to do so;
    /// if some are back, nobody has to do more than before. Nothing where that cannot be.
    fn stand_in_as_before(&self, total: u32, fresh: &[Candidate<'_>]) -> Option<Division> {
        self.recorded?;
        let was_lost = |had: &Option<&Share>| had.is_some_and(|share| share.is_lost);
        let sites = || self.request.sites.iter().zip(self.had);
        let mut candidates = fresh.to_vec();
        let before = |(at, candidate): (usize, &Candidate<'_>)| candidate.kept + self.stood_in(at);
        let before: Vec<u32> = fresh.iter().enumerate().map(before).collect();
        if sites().all(|(site, had)| site.is_lost || !was_lost(had)) && before.iter().sum::<u32>() <= total {
            candidates.iter_mut().zip(before).for_each(|(candidate, before)| candidate.kept = before);
        } else if sites().all(|(site, had)| !site.is_lost || was_lost(had)) {
            for (candidate, before) in candidates.iter_mut().zip(before) {
                candidate.limit = candidate.limit.min(before);
            }
        } else {
            return None;
        }
        Some(divide(total, &candidates)).filter(|division| division.missing == 0)
    }

    /// Whether no region is empty that need not be, where replicas are spread over regions.
    fn covers(&self, seats: &[u32], roles: &[Role]) -> bool {
        let used = self.request.sites.iter().zip(seats).filter(|(_, seats)| **seats > 0);
        let used: BTreeSet<_> = used.map(|(site, _)| &site.region).collect();
        let leaders = roles.iter().filter(|role| role.leads_region).count();
        used.len() >= leaders.min(self.request.total as usize)
    }

    fn asks_the_same(&self, recorded: &Replicas) -> bool {
        let request = self.request;
        let is_same = |(at, site): (usize, &Site)| {
            self.had[at]
                .is_some_and(|share| share.weight == self.weights[at] && share.min == site.min && share.max == site.max)
        };
        recorded.strategy == request.strategy
            && recorded.spread == request.spread
            && self.has_same_clusters(recorded)
            && request.sites.iter().enumerate().all(is_same)
    }

    /// Whether the clusters to choose from are those that were, lost or not.
    fn has_same_clusters(&self, recorded: &Replicas) -> bool {
        let is_known = |had: &Option<&Share>| had.is_some_and(|share| share.replicas.is_some());
        self.had.iter().all(is_known) && self.request.sites.len() == recorded.present().count()
    }

    fn placed(&self, own: &Divided, all: Divided, roles: &[Role]) -> Placed {
        let request = self.request;
        let mut clusters = self.away();
        clusters.extend(request.sites.iter().enumerate().map(|(at, site)| {
            let share = self.share(at, own.seats[at], all.seats[at]);
            (site.name.clone(), share)
        }));
        let (strategy, total, spread) = (request.strategy, request.total, request.spread);
        let mut settled = Replicas { strategy, total, missing: own.missing + all.missing, spread, clusters };
        let (replicas, missing) = (all.seats, settled.missing);
        // However full the clusters are now: nothing is decided anew.
        if let Some(recorded) = self.recorded.filter(|recorded| recorded.is_same(&settled)) {
            return Placed { replicas, missing, settled: recorded.clone(), decision: None };
        }
        for (site, held) in request.sites.iter().zip(self.held(&own.seats, roles)) {
            // Few have something to tell.
            if held.is_some()
                && let Some(share) = settled.clusters.get_mut(&site.name)
            {
                share.held = held;
            }
        }
        let decision = Some(settled.decide(&request.subject, self.recorded));
        Placed { replicas, missing, settled, decision }
    }

    /// Of the clusters that there are no more to choose from, the weights stay.
    fn away(&self) -> BTreeMap<Arc<str>, Share> {
        let Some(recorded) =
            self.recorded.filter(|recorded| recorded.clusters.len() > self.had.iter().flatten().count())
        else {
            return BTreeMap::new();
        };
        let weighed = recorded.clusters.iter().filter(|(_, share)| share.weight.is_some());
        weighed.map(|(name, share)| (name.clone(), Share { weight: share.weight, ..Share::default() })).collect()
    }

    fn share(&self, at: usize, own: u32, running: u32) -> Share {
        let site = &self.request.sites[at];
        Share {
            weight: self.weights[at],
            replicas: Some(own),
            standing_in: if site.is_lost { 0 } else { running - own },
            is_lost: site.is_lost,
            min: site.min,
            max: site.max,
            room: Some(self.rooms[at]).filter(|room| *room < u32::MAX && !site.is_lost),
            held: None,
        }
    }

    /// What gave each cluster another number than its weight alone would.
    fn held(&self, own: &[u32], roles: &[Role]) -> Vec<Option<Held>> {
        let divided = match self.request.strategy {
            Strategy::Duplicated | Strategy::Single => vec![None; own.len()],
            Strategy::FreeCapacity | Strategy::Weighted => {
                let mut candidates = self.candidates(roles, &self.limits);
                if divide(self.request.total, &candidates).seats != own {
                    candidates.iter_mut().enumerate().for_each(|(at, candidate)| candidate.kept = self.own(at));
                }
                bounds(&candidates, own)
            }
        };
        let held = |(at, bound): (usize, Option<Bound>)| match bound {
            _ if self.request.sites[at].is_lost => None,
            _ if !roles[at].takes_part && self.limits[at] > 0 => Some(Held::Spread),
            Some(Bound::First) if roles[at].leads_region => Some(Held::Region),
            Some(Bound::First) => Some(Held::First),
            Some(Bound::Min) => Some(Held::Min),
            Some(Bound::Kept) => Some(Held::Kept),
            Some(Bound::Limit) if self.rooms[at] == self.limits[at] => Some(Held::Room),
            Some(Bound::Limit) => Some(Held::Max),
            None => None,
        };
        divided.into_iter().enumerate().map(held).collect()
    }
}

/// Whether a division keeps all rules: limits, one for each cluster before any has two, and the
/// minima.
fn is_lawful(total: u32, seats: &[u32], candidates: &[Candidate<'_>]) -> bool {
    let sum =
        |least: fn(&Candidate<'_>) -> u32| candidates.iter().map(|candidate| u64::from(least(candidate))).sum::<u64>();
    let one = |candidate: &Candidate<'_>| candidate.limit.min(1);
    let min = |candidate: &Candidate<'_>| candidate.limit.min(candidate.min.max(1));
    let least = match u64::from(total) {
        total if total >= sum(min) => min,
        total if total >= sum(one) => one,
        _ => |_: &Candidate<'_>| 0,
    };
    seats.iter().zip(candidates).all(|(seats, candidate)| (least(candidate)..=candidate.limit).contains(seats))
}

impl From<TooFewGroups> for Unplaced {
    fn from(TooFewGroups { by, found, wanted }: TooFewGroups) -> Self {
        Unplaced::TooFewGroups { by, found, wanted }
    }
}

#[cfg(test)]
mod tests;
