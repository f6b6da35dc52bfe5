//! Limits under a simulated clock.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::config::watch::{Limits, Schedule};

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn night() -> Watch {
    let window = Window {
        name: "night".into(),
        schedule: Schedule::parse("0 22 * * *").expect("a schedule"),
        duration: Duration::from_secs(2 * 3600),
    };
    Watch { windows: vec![window], ..Watch::default() }
}

const DAY: &str = "2026-03-06T12:00:00Z";
const NIGHT: &str = "2026-03-06T23:00:00Z";

#[test]
fn what_takes_away_waits_for_a_person() {
    let object: Address = "object.a".parse().expect("an address");
    let deleting = Facts { deleted: vec![object.clone()], changed: 1, recorded: 9, ..Facts::default() };
    let replacing = Facts { replaced: vec![object], changed: 1, recorded: 9, ..Facts::default() };
    let careful = Watch::default();
    for facts in [&deleting, &replacing] {
        let held = judge(&careful, facts, time(DAY)).expect("it waits");
        assert!(held.why.contains("object.a; look at it with `portolan plan`") && held.may_repair, "{held:?}");
        assert_eq!(held.until, None);
    }
    let limits = Limits { deletions: true, ..careful.limits.clone() };
    let deletes = Watch { limits, ..careful };
    assert_eq!(judge(&deletes, &deleting, time(DAY)), None);
    assert!(judge(&deletes, &replacing, time(DAY)).is_some());
}

#[test]
fn a_run_changes_no_more_than_it_may() {
    let watch =
        |share| Watch { limits: Limits { changes: Some(share), ..Watch::default().limits }, ..Watch::default() };
    let facts = |changed, recorded| Facts { changed, recorded, ..Facts::default() };
    let is_held = |share, changed, recorded| judge(&watch(share), &facts(changed, recorded), time(DAY)).is_some();
    assert!(!is_held(Share::Objects(5), 5, 0) && is_held(Share::Objects(5), 6, 1000));
    assert!(!is_held(Share::Percent(20), 20, 100) && is_held(Share::Percent(20), 21, 100));
    assert!(!is_held(Share::Percent(20), 50, 0), "the first run makes everything");
    assert!(is_held(Share::Objects(0), 1, 10));
    let failover = Facts { is_failover: true, ..facts(100, 100) };
    assert_eq!(judge(&watch(Share::Objects(5)), &failover, time(DAY)), None);
}

#[test]
fn changes_wait_for_a_window_and_repairs_do_not() {
    let change = Facts { changed: 1, ..Facts::default() };
    let held = judge(&night(), &change, time(DAY)).expect("it waits");
    assert_eq!(held.until, Some(time("2026-03-06T22:00:00Z")));
    assert!(held.why.contains("the window \"night\" opens at 2026-03-06T22:00:00Z"), "{held:?}");
    assert_eq!(judge(&night(), &change, time(NIGHT)), None);
    let repair = Facts { is_repair: true, ..change.clone() };
    let failover = Facts { is_failover: true, ..change };
    for facts in [&repair, &failover] {
        assert_eq!(judge(&night(), facts, time(DAY)), None);
    }
    let strict = Watch { repairs_always: false, fails_over_always: false, ..night() };
    for facts in [&repair, &failover] {
        assert!(judge(&strict, facts, time(DAY)).is_some_and(|held| !held.may_repair));
    }
}

#[test]
fn nothing_is_done_while_it_is_paused() {
    let paused = Watch { pause: Some("a move".into()), ..Watch::default() };
    let repair = Facts { is_repair: true, is_failover: true, ..Facts::default() };
    let held = judge(&paused, &repair, time(NIGHT)).expect("it waits");
    assert!(held.why.starts_with("it is paused: a move") && !held.may_repair, "{held:?}");
}

/// Whatever is declared and whatever a run would do: what is allowed is within every limit.
#[test]
fn every_run_is_within_limits() {
    let object: Address = "object.a".parse().expect("an address");
    for seed in 0..20_000 {
        let mut random = StdRng::seed_from_u64(seed);
        let limits = Limits {
            deletions: random.random(),
            replacements: random.random(),
            changes: random.random_bool(0.5).then(|| Share::Objects(random.random_range(0..10))),
            clusters_lost: 1,
        };
        let watch = Watch {
            limits,
            pause: random.random_bool(0.1).then(|| "it".into()),
            repairs_always: random.random(),
            fails_over_always: random.random(),
            windows: if random.random() { night().windows } else { Vec::new() },
            ..Watch::default()
        };
        let mut some = |odds| if random.random_bool(odds) { vec![object.clone()] } else { Vec::new() };
        let (deleted, replaced) = (some(0.2), some(0.2));
        let facts = Facts {
            deleted,
            replaced,
            changed: random.random_range(0..20),
            recorded: 20,
            is_repair: random.random(),
            is_scaling: random.random(),
            is_failover: random.random(),
        };
        let now = time(DAY) + Duration::from_secs(random.random_range(0..86_400));
        let held = judge(&watch, &facts, now);
        let goes_on = (facts.is_repair && watch.repairs_always)
            || facts.is_scaling
            || (facts.is_failover && watch.fails_over_always);
        let is_within = watch.pause.is_none()
            && (watch.limits.deletions || facts.deleted.is_empty())
            && (watch.limits.replacements || facts.replaced.is_empty())
            && (facts.is_failover
                || facts.is_scaling
                || watch.limits.changes.is_none_or(|share| share_allows(share, &facts)))
            && (goes_on || watch.windows.is_empty() || is_open(&watch, now));
        assert_eq!(held.is_none(), is_within, "seed {seed}: {watch:?} {facts:?} {held:?}");
        if let Some(until) = held.and_then(|held| held.until) {
            assert!(until > now && is_open(&watch, until), "seed {seed}: it begins when it is said to");
        }
    }
}

fn share_allows(share: Share, facts: &Facts) -> bool {
    matches!(share, Share::Objects(most) if facts.changed <= most)
}
