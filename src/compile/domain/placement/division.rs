//! The division of replicas over clusters.
//!
//! Webster's method (Sainte-Laguë 1910; Balinski and Young 2001, appendix A): seats are given
//! one by one, each to the cluster with the highest weight ÷ (2 · seats + 1). The first seat
//! of each cluster has infinite priority, and so have those below its minimum; a cluster that
//! has reached its limit gets no more.
//!
//! Because seats are only ever given in one fixed order of priority, a larger total extends
//! the division of a smaller one, and clusters that go away only move the others up. So adding
//! a replica never takes one from a cluster, losing a cluster never shrinks a survivor, and
//! its return restores the division exactly.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// A cluster that can take replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// Its name: the last resort where two would be equal.
    pub name: &'a str,
    /// Its share, relative to the others'.
    pub weight: u64,
    /// How many it gets before the weights count.
    pub min: u32,
    /// How many it can take, by declaration or for want of room.
    pub limit: u32,
}

/// How replicas are divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Division {
    /// How many each candidate gets, in the order of the candidates.
    pub seats: Vec<u32>,
    /// How many found no place because all candidates had reached their limits.
    pub missing: u32,
}

/// What a candidate offers for its next seat. The greatest one gets it.
#[derive(PartialEq, Eq)]
struct Bid<'a> {
    candidate: &'a Candidate<'a>,
    at: usize,
    seats: u32,
}

/// Divides `total` replicas.
pub fn divide(total: u32, candidates: &[Candidate<'_>]) -> Division {
    let mut seats = vec![0; candidates.len()];
    let bids = candidates.iter().enumerate().filter(|(_, candidate)| candidate.limit > 0);
    let mut heap: BinaryHeap<Bid<'_>> = bids.map(|(at, candidate)| Bid { candidate, at, seats: 0 }).collect();
    let mut missing = total;
    while missing > 0
        && let Some(best) = heap.pop()
    {
        missing -= 1;
        seats[best.at] = best.seats + 1;
        if seats[best.at] < best.candidate.limit {
            heap.push(Bid { seats: best.seats + 1, ..best });
        }
    }
    Division { seats, missing }
}

impl Bid<'_> {
    /// 2 for a first seat, 1 for a seat below the minimum, 0 for one that the weights decide.
    fn urgency(&self) -> u8 {
        match self.seats {
            0 => 2,
            seats if seats < self.candidate.min => 1,
            _ => 0,
        }
    }

    /// weight ÷ (2 · seats + 1) against another's, without division.
    fn priority(&self, other: &Self) -> Ordering {
        let divisor = |bid: &Self| 2 * u128::from(bid.seats) + 1;
        let left = u128::from(self.candidate.weight) * divisor(other);
        let right = u128::from(other.candidate.weight) * divisor(self);
        left.cmp(&right)
    }
}

impl Ord for Bid<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_weight = self.candidate.weight.cmp(&other.candidate.weight);
        self.urgency()
            .cmp(&other.urgency())
            .then_with(|| self.priority(other))
            .then(by_weight)
            .then(other.seats.cmp(&self.seats))
            .then_with(|| Reverse(self.candidate.name).cmp(&Reverse(other.candidate.name)))
    }
}

impl PartialOrd for Bid<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seats(total: u32, weights: &[u64]) -> Vec<u32> {
        let names = ["a", "b", "c", "d"];
        let candidates: Vec<_> = weights
            .iter()
            .zip(names)
            .map(|(weight, name)| Candidate { name, weight: *weight, min: 1, limit: u32::MAX })
            .collect();
        divide(total, &candidates).seats
    }

    #[test]
    fn shares_follow_the_weights() {
        assert_eq!(seats(6, &[2, 1]), [4, 2]);
        assert_eq!(seats(3, &[100, 1, 1]), [1, 1, 1]);
        assert_eq!(seats(2, &[1, 100, 50]), [0, 1, 1]);
        assert_eq!(seats(4, &[1, 1]), [2, 2]);
        assert_eq!(seats(3, &[1, 1]), [2, 1]);
        assert_eq!(seats(0, &[1, 1]), [0, 0]);
        assert_eq!(seats(5, &[0, 0]), [3, 2]);
    }

    #[test]
    fn limits_push_replicas_elsewhere() {
        let small = Candidate { name: "small", weight: 10, min: 0, limit: 1 };
        let large = Candidate { name: "large", weight: 1, min: 0, limit: 3 };
        assert_eq!(divide(6, &[small, large]), Division { seats: vec![1, 3], missing: 2 });
        assert_eq!(divide(2, &[]), Division { seats: vec![], missing: 2 });
    }

    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

    fn candidates() -> impl Strategy<Value = Vec<Candidate<'static>>> {
        proptest::collection::vec((0..1000_u64, 0..4_u32, 1..40_u32), 1..6).prop_map(|drawn| {
            let named = drawn.into_iter().zip(NAMES);
            named.map(|((weight, min, limit), name)| Candidate { name, weight, min: min.min(limit), limit }).collect()
        })
    }

    proptest! {
        #[test]
        fn every_replica_is_placed_or_missing(total in 0..200_u32, candidates in candidates()) {
            let division = divide(total, &candidates);
            prop_assert_eq!(division.seats.iter().sum::<u32>() + division.missing, total);
            for (seats, candidate) in division.seats.iter().zip(&candidates) {
                prop_assert!(*seats <= candidate.limit);
            }
        }

        #[test]
        fn no_cluster_is_empty_while_there_are_enough(total in 0..200_u32, candidates in candidates()) {
            let division = divide(total, &candidates);
            if total as usize >= candidates.len() {
                prop_assert!(division.seats.iter().all(|seats| *seats > 0));
            }
        }

        #[test]
        fn one_more_replica_never_takes_one_away(total in 0..200_u32, candidates in candidates()) {
            let before = divide(total, &candidates).seats;
            let after = divide(total + 1, &candidates).seats;
            prop_assert!(before.iter().zip(&after).all(|(before, after)| before <= after));
        }

        #[test]
        fn a_lost_cluster_never_shrinks_a_survivor(
            total in 0..200_u32,
            candidates in candidates(),
            lost in any::<proptest::sample::Index>(),
        ) {
            let lost = lost.index(candidates.len());
            let mut before = divide(total, &candidates).seats;
            before.remove(lost);
            let mut survivors = candidates;
            survivors.remove(lost);
            let after = divide(total, &survivors).seats;
            prop_assert!(before.iter().zip(&after).all(|(before, after)| before <= after));
        }

        #[test]
        fn the_order_of_the_clusters_does_not_matter(total in 0..200_u32, candidates in candidates()) {
            let forwards = divide(total, &candidates).seats;
            let mut reversed = candidates;
            reversed.reverse();
            let mut backwards = divide(total, &reversed).seats;
            backwards.reverse();
            prop_assert_eq!(forwards, backwards);
        }
    }
}
