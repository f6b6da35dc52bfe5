//! The division of replicas over clusters.
//!
//! Webster's method (Sainte-Laguë 1910; Balinski and Young 2001, appendix A): seats are given
//! one by one, each to the cluster with the highest weight ÷ (2 · seats + 1). They are given in
//! stages, each of which ends where all have what it is about:
//!
//! 0. what each cluster has already and is to keep,
//! 1. one seat for the heaviest cluster of each region, where replicas are spread over regions,
//! 2. one seat for every cluster,
//! 3. what is missing to the minimum of each,
//! 4. the rest, up to the limit of each.
//!
//! So all possible seats of all clusters stand in one order, which does not depend on how many
//! are given: a larger total extends the division of a smaller one, and clusters that go away
//! only move the others up. `docs/decisions/0013-division-of-replicas.md` says what follows.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// A cluster that can take replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// Its name: the last resort where two would be equal.
    pub name: &'a str,
    /// Its share, relative to the others'.
    pub weight: u64,
    /// How many it has and keeps, whatever its weight.
    pub kept: u32,
    /// How many it gets before the weights count.
    pub min: u32,
    /// How many it can take, by declaration or for want of room.
    pub limit: u32,
    /// Whether its first seat comes before those of clusters of which this is not said: it is the
    /// heaviest of its region, and replicas are to be spread over regions.
    pub leads_region: bool,
}

/// How replicas are divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Division {
    /// How many each candidate gets, in the order of the candidates.
    pub seats: Vec<u32>,
    /// How many found no place because all candidates had reached their limits.
    pub missing: u32,
}

/// Why a cluster has another number of replicas than its weight alone would give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// It had so many.
    Kept,
    /// It has one before any other has two.
    First,
    /// It has its minimum.
    Min,
    /// It has reached its limit.
    Limit,
}

/// Divides `total` replicas, of which there are at least those that are kept, in time that does
/// not depend on their number.
pub fn divide(total: u32, candidates: &[Candidate<'_>]) -> Division {
    let stages: [fn(&Candidate<'_>) -> u32; 4] =
        [|candidate| u32::from(candidate.leads_region), |_| 1, |candidate| candidate.min, |_| u32::MAX];
    let mut seats: Vec<u32> = candidates.iter().map(|candidate| candidate.kept.min(candidate.limit)).collect();
    let mut missing = total.saturating_sub(seats.iter().sum());
    for target in stages {
        if missing == 0 {
            break;
        }
        // Those without weight come after all others, as equals.
        for is_weighty in [true, false] {
            let mut stage: Vec<Bidder<'_>> = candidates
                .iter()
                .enumerate()
                .filter(|(_, candidate)| (candidate.weight > 0) == is_weighty)
                .map(|(at, candidate)| Bidder::new(candidate, at, seats[at], target(candidate)))
                .filter(|bidder| bidder.seats < bidder.cap)
                .collect();
            missing = give(missing, &mut stage);
            stage.iter().for_each(|bidder| seats[bidder.at] = bidder.seats);
        }
    }
    Division { seats, missing }
}

/// Which bound, if any, gave each candidate another number of seats than weights alone would.
pub fn bounds(candidates: &[Candidate<'_>], seats: &[u32]) -> Vec<Option<Bound>> {
    let bidder = |at: usize, seats: u32| Bidder::new(&candidates[at], at, seats, u32::MAX);
    let last = |at: usize| seats[at].checked_sub(1).map(|seats| bidder(at, seats));
    let all = 0..candidates.len();
    let guaranteed = |at: usize| seats[at] <= candidates[at].min.max(1).max(candidates[at].kept);
    // The worst seat that was given for its weight alone, and the best one that could have been.
    let worst = all.clone().filter(|at| !guaranteed(*at)).filter_map(last).min();
    let open = all.clone().filter(|at| seats[*at] < candidates[*at].limit);
    let best = open.map(|at| bidder(at, seats[at])).max();
    let bound = |at: usize| {
        let candidate = &candidates[at];
        if seats[at] == candidate.limit && worst.as_ref().is_some_and(|worst| bidder(at, seats[at]) > *worst) {
            return Some(Bound::Limit);
        }
        let is_early = guaranteed(at) && last(at).is_some_and(|last| best.as_ref().is_some_and(|best| last < *best));
        is_early.then_some(match seats[at] {
            1 => Bound::First,
            seats if seats <= candidate.min => Bound::Min,
            _ => Bound::Kept,
        })
    };
    all.map(bound).collect()
}

/// A candidate in one stage.
#[derive(Clone)]
struct Bidder<'a> {
    name: &'a str,
    weight: u64,
    at: usize,
    seats: u32,
    /// How many seats it can have at the end of the stage.
    cap: u32,
}

impl<'a> Bidder<'a> {
    fn new(candidate: &Candidate<'a>, at: usize, seats: u32, target: u32) -> Bidder<'a> {
        let cap = target.min(candidate.limit).max(seats);
        Bidder { name: candidate.name, weight: candidate.weight, at, seats, cap }
    }
}

/// Gives so many seats, as far as there are bidders for them, and answers how many are left.
fn give(count: u32, bidders: &mut [Bidder<'_>]) -> u32 {
    let room: u64 = bidders.iter().map(|bidder| u64::from(bidder.cap - bidder.seats)).sum();
    if room <= u64::from(count) {
        bidders.iter_mut().for_each(|bidder| bidder.seats = bidder.cap);
        return count - room as u32;
    }
    let mut left = count - leap(count, bidders);
    let mut heap: BinaryHeap<Bidder<'_>> =
        bidders.iter().enumerate().map(|(at, bidder)| Bidder { at, ..bidder.clone() }).collect();
    while left > 0
        && let Some(mut best) = heap.pop()
    {
        if best.seats == best.cap {
            continue;
        }
        left -= 1;
        best.seats += 1;
        bidders[best.at].seats = best.seats;
        heap.push(best);
    }
    left
}

/// Gives most of so many seats at once, and answers how many: only such as are among the first
/// `count` ones for certain, whatever floating-point numbers round.
fn leap(count: u32, bidders: &mut [Bidder<'_>]) -> u32 {
    if count as usize <= 4 * bidders.len() {
        return 0;
    }
    // All seats whose quotient is at least this one, give or take one for each bidder.
    let seats = |bidder: &Bidder<'_>, quotient: f64, slack: f64| {
        let exact = (bidder.weight.max(1) as f64 / quotient + 1.0) / 2.0 + slack;
        (exact.max(0.0) as u32).clamp(bidder.seats, bidder.cap)
    };
    let given = |bidders: &[Bidder<'_>], quotient: f64| -> u64 {
        bidders.iter().map(|bidder| u64::from(seats(bidder, quotient, 1.0) - bidder.seats)).sum()
    };
    // Quotients lie between 1 ÷ 2³³ and 2⁶⁴. The logarithm is halved down to the precision.
    let (mut low, mut high) = (-34.0_f64, 65.0_f64);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        match given(bidders, middle.exp2()) <= u64::from(count) {
            true => high = middle,
            false => low = middle,
        }
    }
    let mut sum = 0;
    for bidder in bidders.iter_mut() {
        let reached = seats(bidder, high.exp2(), -1.0);
        sum += reached - bidder.seats;
        bidder.seats = reached;
    }
    sum
}

impl Ord for Bidder<'_> {
    /// By weight ÷ (2 · seats + 1), without division. Among equals, the one with fewer seats comes
    /// first.
    fn cmp(&self, other: &Self) -> Ordering {
        let divisor = |bidder: &Self| 2 * u128::from(bidder.seats) + 1;
        let left = u128::from(self.weight) * divisor(other);
        let right = u128::from(other.weight) * divisor(self);
        left.cmp(&right).then(other.seats.cmp(&self.seats)).then_with(|| Reverse(self.name).cmp(&Reverse(other.name)))
    }
}

impl PartialOrd for Bidder<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Bidder<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Bidder<'_> {}

#[cfg(test)]
mod tests;
