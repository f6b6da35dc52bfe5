use jiff::civil::{date, time};
use proptest::prelude::*;

use super::*;

fn change(name: &str, effect: Effect, cause: Cause) -> Change {
    Change { address: Address::of(["kind", name]), effect, cause }
}

fn at(day: i8, hour: i8, minute: i8, zone: &str) -> Timestamp {
    // The first of March 2027 is a Monday.
    date(2027, 3, day).at(hour, minute, 0, 0).in_tz(zone).expect("a time").timestamp()
}

fn window(days: &[Weekday], from: Time, to: Time, zone: &str) -> Window {
    Window { days: days.to_vec(), from, to, zone: TimeZone::get(zone).expect("a zone") }
}

#[test]
fn what_is_lost_needs_a_person_unless_the_daemon_decided_it() {
    let limits = Limits::default();
    let now = Timestamp::UNIX_EPOCH;
    let changes = [
        change("a", Effect::Put, Cause::Configuration),
        change("b", Effect::Delete, Cause::Configuration),
        change("c", Effect::Delete, Cause::Decision),
        change("d", Effect::Replace, Cause::Drift),
    ];
    let lost = |names: &[&str]| vec![Beyond::Lost(names.iter().map(|name| Address::of(["kind", *name])).collect())];
    assert_eq!(limits.beyond(&changes, 4, now), lost(&["b", "d"]));
    assert_eq!(Limits { deletions: true, ..limits.clone() }.beyond(&changes, 4, now), lost(&["d"]));
    assert_eq!(Limits { replacements: true, ..limits.clone() }.beyond(&changes, 4, now), lost(&["b"]));
    assert_eq!(limits.beyond(&changes[..1], 4, now), []);
}

#[test]
fn so_many_objects_are_changed_at_once_and_no_more() {
    let now = Timestamp::UNIX_EPOCH;
    let changes: Vec<Change> =
        (0..6).map(|number| change(&number.to_string(), Effect::Put, Cause::Configuration)).collect();
    let limits = |share| Limits { changes: Some(share), ..Limits::default() };
    assert_eq!(limits(Share::Number(6)).beyond(&changes, 100, now), []);
    assert_eq!(limits(Share::Number(5)).beyond(&changes, 100, now), [Beyond::TooMany { changes: 6, most: 5 }]);
    assert_eq!(limits(Share::Percent(6.0)).beyond(&changes, 100, now), []);
    assert_eq!(limits(Share::Percent(5.9)).beyond(&changes, 100, now), [Beyond::TooMany { changes: 6, most: 5 }]);
    // What the daemon decided has limits of its own.
    let decided: Vec<Change> = changes.iter().map(|it| Change { cause: Cause::Decision, ..it.clone() }).collect();
    assert_eq!(limits(Share::Number(1)).beyond(&decided, 100, now), []);
    // However little a share is, one object can be changed.
    assert_eq!(limits(Share::Percent(1.0)).beyond(&changes[..1], 3, now), []);
}

#[test]
fn a_window_is_where_its_clock_hangs() {
    let day = window(&[Weekday::Monday], time(9, 0, 0, 0), time(17, 0, 0, 0), "Europe/Berlin");
    assert!(day.contains(at(1, 9, 0, "Europe/Berlin")) && !day.contains(at(1, 17, 0, "Europe/Berlin")));
    assert!(day.contains(at(1, 8, 0, "UTC")) && !day.contains(at(1, 7, 59, "UTC")));
    assert!(!day.contains(at(2, 10, 0, "Europe/Berlin")));
    // Summer there: the clock is two hours before, and not one.
    assert!(day.contains(at(29, 7, 0, "UTC")) && !day.contains(at(22, 7, 0, "UTC")));
}

#[test]
fn a_window_can_go_on_after_midnight() {
    let night = window(&[Weekday::Friday], time(22, 0, 0, 0), time(4, 0, 0, 0), "UTC");
    for (day, hour, is_open) in
        [(5, 21, false), (5, 22, true), (6, 3, true), (6, 4, false), (6, 22, false), (5, 3, false)]
    {
        assert_eq!(night.contains(at(day, hour, 0, "UTC")), is_open, "{day} {hour}");
    }
    let always = window(&[], time(0, 0, 0, 0), time(0, 0, 0, 0), "UTC");
    assert!((0..24).all(|hour| always.contains(at(1, hour, 30, "UTC"))));
}

#[test]
fn outside_of_windows_only_the_configuration_waits() {
    let closed = window(&[], time(9, 0, 0, 0), time(10, 0, 0, 0), "UTC");
    let limits = Limits { windows: vec![closed], ..Limits::default() };
    let changes = [
        change("a", Effect::Put, Cause::Configuration),
        change("b", Effect::Put, Cause::Drift),
        change("c", Effect::Delete, Cause::Decision),
    ];
    let early = vec![Beyond::Outside(vec![Address::of(["kind", "a"])])];
    assert_eq!(limits.beyond(&changes, 3, at(1, 12, 0, "UTC")), early);
    assert_eq!(limits.beyond(&changes[1..], 3, at(1, 12, 0, "UTC")), []);
    assert_eq!(limits.beyond(&changes, 3, at(1, 9, 30, "UTC")), []);
}

#[test]
fn while_it_is_paused_nothing_is_done() {
    let limits = Limits { pause: Some("a new kernel".into()), ..Limits::default() };
    let changes = [change("a", Effect::Put, Cause::Drift)];
    assert_eq!(limits.beyond(&changes, 1, Timestamp::UNIX_EPOCH), [Beyond::Paused("a new kernel".into())]);
    assert_eq!(limits.beyond(&[], 1, Timestamp::UNIX_EPOCH), []);
}

fn some_changes() -> impl Strategy<Value = Vec<Change>> {
    let effect = prop_oneof![Just(Effect::Put), Just(Effect::Delete), Just(Effect::Replace)];
    let cause = prop_oneof![Just(Cause::Drift), Just(Cause::Decision), Just(Cause::Configuration)];
    let one = ("[a-d]", effect, cause).prop_map(|(name, effect, cause)| change(&name, effect, cause));
    proptest::collection::vec(one, 0..12)
}

proptest! {
    /// Whatever goes through keeps to everything that is declared.
    #[test]
    fn what_goes_through_is_within_limits(
        changes in some_changes(), deletions: bool, replacements: bool, most in proptest::option::of(0u64..8),
        hour in 0i8..24, from in 0i8..24, to in 0i8..24,
    ) {
        let window = window(&[], time(from, 0, 0, 0), time(to, 0, 0, 0), "UTC");
        let now = at(1, hour, 0, "UTC");
        let limits = Limits {
            pause: None, deletions, replacements, changes: most.map(Share::Number), windows: vec![window.clone()],
        };
        if limits.beyond(&changes, 10, now).is_empty() {
            for change in &changes {
                prop_assert!(deletions || change.effect != Effect::Delete || change.cause == Cause::Decision);
                prop_assert!(replacements || change.effect != Effect::Replace);
                prop_assert!(window.contains(now) || change.cause != Cause::Configuration);
            }
            let counted = changes.iter().filter(|change| change.cause != Cause::Decision).count() as u64;
            prop_assert!(most.is_none_or(|most| counted <= most));
        }
    }
}
