//! What the division promises, for any clusters with any bounds.

use super::*;
use proptest::prelude::*;
use proptest::sample::Index;

fn candidate(name: &str, weight: u64) -> Candidate<'_> {
    Candidate { name, weight, kept: 0, min: 0, limit: u32::MAX, leads_region: false }
}

fn seats(total: u32, weights: &[u64]) -> Vec<u32> {
    let candidates: Vec<_> = weights.iter().zip(NAMES).map(|(weight, name)| candidate(name, *weight)).collect();
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
    let small = Candidate { limit: 1, ..candidate("small", 10) };
    let large = Candidate { limit: 3, ..candidate("large", 1) };
    assert_eq!(divide(6, &[small, large]), Division { seats: vec![1, 3], missing: 2 });
    assert_eq!(divide(2, &[]), Division { seats: vec![], missing: 2 });
}

#[test]
fn each_region_has_one_before_any_has_two() {
    let leading = |name, weight| Candidate { leads_region: true, ..candidate(name, weight) };
    let clusters = [leading("north-1", 100), candidate("north-2", 90), leading("south", 1)];
    assert_eq!(divide(2, &clusters).seats, [1, 0, 1]);
    assert_eq!(divide(3, &clusters).seats, [1, 1, 1]);
}

#[test]
fn great_numbers_take_no_longer() {
    assert_eq!(seats(4_000_000_000, &[3, 1]), [3_000_000_000, 1_000_000_000]);
    assert_eq!(seats(u32::MAX, &[0, 0, 0]), [1_431_655_765; 3]);
    assert_eq!(seats(1_000_000, &[u64::MAX, 1]), [999_999, 1]);
    let even = Candidate { min: 1_000_000_000, ..candidate("even", 1) };
    let other = Candidate { min: 1_000_000_000, ..candidate("other", 1) };
    assert_eq!(divide(1_000_000_001, &[even, other]).seats, [500_000_001, 500_000_000]);
}

#[test]
fn what_held_a_number_is_told() {
    let told = |total, candidates: &[Candidate<'_>]| bounds(candidates, &divide(total, candidates).seats);
    let free = || candidate("free", 10);
    assert_eq!(told(6, &[free(), candidate("light", 5)]), [None, None]);
    assert_eq!(told(6, &[free(), Candidate { limit: 1, ..candidate("full", 10) }]), [None, Some(Bound::Limit)]);
    // Its share is one as well.
    assert_eq!(told(2, &[free(), Candidate { limit: 1, ..candidate("full", 10) }]), [None, None]);
    assert_eq!(told(9, &[free(), Candidate { min: 4, ..candidate("kept", 1) }]), [None, Some(Bound::Min)]);
    assert_eq!(told(9, &[free(), candidate("tiny", 0)]), [None, Some(Bound::First)]);
}

const NAMES: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

/// Clusters of a few regions, each led by its heaviest one as [`lead`] says, or of none.
fn candidates() -> impl Strategy<Value = (Vec<Candidate<'static>>, Vec<u8>)> {
    let one = (prop_oneof![0..4_u64, 0..1000_u64, any::<u64>()], 0..6_u32, 0..40_u32, 0..3_u8);
    (proptest::collection::vec(one, 1..7), any::<bool>()).prop_map(|(drawn, is_spread)| {
        let mut regions: Vec<u8> = drawn.iter().map(|(.., region)| *region).collect();
        if !is_spread {
            regions.clear();
        }
        let named = drawn.into_iter().zip(NAMES);
        let candidates =
            named.map(|((weight, min, limit, _), name)| Candidate { min, limit, ..candidate(name, weight) });
        (lead(candidates.collect(), &regions), regions)
    })
}

/// Marks the heaviest cluster of each region that can take one; the first name among equals.
fn lead(mut candidates: Vec<Candidate<'static>>, regions: &[u8]) -> Vec<Candidate<'static>> {
    candidates.iter_mut().for_each(|candidate| candidate.leads_region = false);
    for region in 0..3 {
        let of_region = (0..regions.len()).filter(|at| regions[*at] == region && candidates[*at].limit > 0);
        let best = of_region.max_by_key(|at| (candidates[*at].weight, Reverse(candidates[*at].name)));
        if let Some(best) = best {
            candidates[best].leads_region = true;
        }
    }
    candidates
}

/// The division as it is defined: all possible seats in their order, of which the first are given.
fn by_definition(total: u32, candidates: &[Candidate<'_>]) -> Vec<u32> {
    let mut all: Vec<(u8, Bidder<'_>)> = Vec::new();
    for (at, candidate) in candidates.iter().enumerate() {
        all.extend((0..candidate.limit).map(|seat| {
            let stage = match seat {
                0 if candidate.leads_region => 0,
                0 => 1,
                seat if seat < candidate.min => 2,
                _ => 3,
            };
            (2 * stage + u8::from(candidate.weight == 0), Bidder::new(candidate, at, seat, u32::MAX))
        }));
    }
    all.sort_by(|(stage, seat), (other_stage, other)| stage.cmp(other_stage).then_with(|| other.cmp(seat)));
    let mut seats = vec![0; candidates.len()];
    all.iter().take(total as usize).for_each(|(_, seat)| seats[seat.at] += 1);
    seats
}

proptest! {
    #[test]
    fn it_is_what_it_is_defined_to_be(total in 0..300_u32, (candidates, _) in candidates()) {
        prop_assert_eq!(divide(total, &candidates).seats, by_definition(total, &candidates));
    }

    #[test]
    fn every_replica_is_placed_or_missing(total in 0..300_u32, (candidates, _) in candidates()) {
        let division = divide(total, &candidates);
        prop_assert_eq!(division.seats.iter().sum::<u32>() + division.missing, total);
        let is_full = division.seats.iter().zip(&candidates).all(|(seats, candidate)| *seats == candidate.limit);
        prop_assert!(division.missing == 0 || is_full);
    }

    #[test]
    fn bounds_hold(total in 0..300_u32, (candidates, _) in candidates()) {
        let division = divide(total, &candidates);
        let least = |candidate: &Candidate<'_>| candidate.min.min(candidate.limit);
        let enough = total >= candidates.iter().map(|candidate| least(candidate).max(candidate.limit.min(1))).sum();
        for (seats, candidate) in division.seats.iter().zip(&candidates) {
            prop_assert!(*seats <= candidate.limit);
            prop_assert!(!enough || *seats >= least(candidate));
        }
    }

    #[test]
    fn no_cluster_is_empty_while_there_are_enough(total in 0..300_u32, (candidates, _) in candidates()) {
        let division = divide(total, &candidates);
        let able = candidates.iter().filter(|candidate| candidate.limit > 0).count();
        if total as usize >= able {
            prop_assert!(division.seats.iter().zip(&candidates).all(|(seats, candidate)| *seats > 0 || candidate.limit == 0));
        }
    }

    #[test]
    fn no_region_is_empty_while_there_are_enough(total in 0..10_u32, (candidates, regions) in candidates()) {
        let division = divide(total, &candidates);
        let able: std::collections::BTreeSet<u8> =
            regions.iter().zip(&candidates).filter(|(_, candidate)| candidate.limit > 0).map(|(region, _)| *region).collect();
        let used: std::collections::BTreeSet<u8> =
            regions.iter().zip(&division.seats).filter(|(_, seats)| **seats > 0).map(|(region, _)| *region).collect();
        prop_assert_eq!(used.len(), able.len().min(total as usize));
    }

    #[test]
    fn one_more_replica_never_takes_one_away(total in 0..300_u32, (candidates, _) in candidates()) {
        let before = divide(total, &candidates).seats;
        let after = divide(total + 1, &candidates).seats;
        prop_assert!(before.iter().zip(&after).all(|(before, after)| before <= after));
    }

    #[test]
    fn a_lost_cluster_never_shrinks_a_survivor(
        total in 0..300_u32,
        (candidates, mut regions) in candidates(),
        lost in any::<Index>(),
    ) {
        let lost = lost.index(candidates.len());
        let mut before = divide(total, &candidates).seats;
        before.remove(lost);
        let mut survivors = candidates;
        survivors.remove(lost);
        if !regions.is_empty() {
            regions.remove(lost);
        }
        let after = divide(total, &lead(survivors, &regions)).seats;
        prop_assert!(before.iter().zip(&after).all(|(before, after)| before <= after));
    }

    /// Others may have moved into the room of the survivors meanwhile, but never into what a
    /// survivor has itself.
    #[test]
    fn less_room_for_more_never_shrinks_anyone(
        total in 0..300_u32,
        (candidates, regions) in candidates(),
        taken in proptest::collection::vec(0..40_u32, 7),
    ) {
        let before = divide(total, &candidates).seats;
        let mut fuller = candidates;
        for ((candidate, seats), taken) in fuller.iter_mut().zip(&before).zip(taken) {
            candidate.limit = candidate.limit.saturating_sub(taken).max(*seats);
        }
        let after = divide(total, &lead(fuller, &regions)).seats;
        prop_assert_eq!(before, after);
    }

    #[test]
    fn the_order_of_the_clusters_does_not_matter(total in 0..300_u32, (candidates, _) in candidates()) {
        let forwards = divide(total, &candidates).seats;
        let mut reversed = candidates;
        reversed.reverse();
        let mut backwards = divide(total, &reversed).seats;
        backwards.reverse();
        prop_assert_eq!(forwards, backwards);
    }

    /// Whatever each has already is kept, and the others come after it.
    #[test]
    fn what_is_kept_stays(
        total in 0..300_u32,
        (candidates, _) in candidates(),
        has in proptest::collection::vec(0..40_u32, 7),
    ) {
        let mut keeping = candidates;
        keeping.iter_mut().zip(has).for_each(|(candidate, has)| candidate.kept = has.min(candidate.limit));
        let kept: u32 = keeping.iter().map(|candidate| candidate.kept).sum();
        let division = divide(kept + total, &keeping);
        prop_assert_eq!(division.seats.iter().sum::<u32>() + division.missing, kept + total);
        prop_assert!(division.seats.iter().zip(&keeping).all(|(seats, candidate)| *seats >= candidate.kept));
    }

    /// What the division has given may as well be kept: it goes on from there.
    #[test]
    fn keeping_a_division_changes_nothing(total in 0..300_u32, more in 0..100_u32, (candidates, _) in candidates()) {
        let mut keeping = candidates.clone();
        let before = divide(total, &candidates).seats;
        keeping.iter_mut().zip(&before).for_each(|(candidate, seats)| candidate.kept = *seats);
        let placed: u32 = before.iter().sum();
        prop_assert_eq!(divide(placed + more, &keeping).seats, divide(placed + more, &candidates).seats);
    }

    #[test]
    fn without_bounds_nothing_is_held_but_first_seats(total in 0..300_u32, (candidates, _) in candidates()) {
        let free: Vec<_> = candidates.iter().map(|candidate| Candidate { min: 0, limit: u32::MAX, ..candidate.clone() }).collect();
        let held = bounds(&free, &divide(total, &free).seats);
        prop_assert!(held.iter().all(|bound| matches!(bound, None | Some(Bound::First))));
    }
}
