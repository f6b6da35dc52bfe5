//! Fights under a simulated clock.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn object(name: &str) -> Address {
    name.parse().expect("an address")
}

fn put_right(fights: &mut Fights, name: &str, now: Time) -> Vec<String> {
    fights.repaired([(object(name), Others::from(["other".to_owned()]))], now)
}

#[test]
fn five_repairs_within_a_bounded_time_are_a_fight_that_is_told_once() {
    let mut fights = Fights::new(1);
    assert_eq!(put_right(&mut fights, "a.a", SECOND), Vec::<String>::new());
    put_right(&mut fights, "a.b", SECOND);
    (0..3).for_each(|_| assert_eq!(put_right(&mut fights, "a.a", 2 * SECOND), Vec::<String>::new()));
    assert!(fights.resting(2 * SECOND).is_empty());
    let told = put_right(&mut fights, "a.a", 3 * SECOND);
    assert!(told.len() == 1 && told[0].contains("a.a is changed back again and again by other"), "{told:?}");
    assert_eq!(fights.resting(3 * SECOND), BTreeSet::from([object("a.a")]), "and nothing else");
    let until = fights.wake(3 * SECOND).expect("an end of the rest");
    assert!(fights.resting(until).is_empty(), "it is put right again then");
    assert_eq!(put_right(&mut fights, "a.a", until), Vec::<String>::new(), "it was told");
    assert!(!fights.resting(until).is_empty(), "one repair is enough now");
}

#[test]
fn repairs_far_apart_are_none() {
    let mut fights = Fights::new(1);
    for turn in 0..100 {
        let now = WITHIN / 2 * turn;
        assert_eq!(put_right(&mut fights, "a.a", now), Vec::<String>::new());
        assert!(fights.resting(now).is_empty() && fights.quiet(now).is_empty());
    }
}

#[test]
fn it_is_over_when_it_is_quiet() {
    let mut fights = Fights::new(1);
    (0..5).for_each(|turn| drop(put_right(&mut fights, "a.a", SECOND * turn)));
    let until = fights.wake(4 * SECOND).expect("a rest");
    assert_eq!(fights.quiet(until + WITHIN - SECOND), Vec::<String>::new());
    assert_eq!(fights.quiet(until + WITHIN), ["a.a is not changed back any more"]);
    assert_eq!(fights.quiet(until + WITHIN), Vec::<String>::new());
    // It begins anew: no single repair is a fight.
    put_right(&mut fights, "a.a", until + 2 * WITHIN);
    assert!(fights.resting(until + 2 * WITHIN).is_empty());
}

/// Whatever others do for hours: an object is put right no more often than the rests allow, nothing that
/// is not fought for ever rests, and what is quiet is forgotten.
#[test]
fn repairs_are_bounded_by_chance() {
    for seed in 0..200 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut fights = Fights::new(seed);
        let (hours, mut now) = (6, Time::ZERO);
        let mut repairs = 0;
        while now < Duration::from_secs(hours * 3600) {
            now += SECOND * random.random_range(1..=20);
            let resting = fights.resting(now);
            assert!(resting.iter().all(|resting| *resting == object("a.fought")), "seed {seed}");
            if !resting.contains(&object("a.fought")) {
                put_right(&mut fights, "a.fought", now);
                repairs += 1;
            }
            if random.random_bool(0.005) && !fights.objects.contains_key(&object("a.calm")) {
                put_right(&mut fights, "a.calm", now);
            }
            fights.quiet(now);
        }
        // Five, then one behind each rest of half a minute, one, two and so on at least.
        assert!((5..=24).contains(&repairs), "seed {seed}: {repairs}");
        now = fights.wake(now).unwrap_or(now) + WITHIN;
        fights.quiet(now);
        assert!(fights.objects.is_empty(), "seed {seed}: {fights:?}");
    }
}
