//! Services whose load is told, and a clock that is told as well.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::compile::domain::autoscale::{
    Amount, Cron, Policy, Query, QueryTarget, Resource, Rules, Schedule, Select, Target,
};

const CPU: Metric = Metric::Resource(Resource::Cpu, Target::Utilization(50));

fn autoscale(min: u32, max: u32) -> Autoscale {
    Autoscale {
        min,
        max,
        metrics: vec![CPU],
        schedules: Vec::new(),
        tolerance: 0.1,
        up: Rules::of_up(),
        down: Rules::of_down(),
    }
}

fn seconds(seconds: u64) -> Time {
    Duration::from_secs(seconds)
}

/// A copy that requests 1000m and 1000 bytes, and uses so much of both.
fn copy(usage: u64) -> Sample {
    Sample {
        is_pending: false,
        is_ready: true,
        is_warm: true,
        cpu: Some(usage),
        memory: Some(usage),
        requested_cpu: Some(1000),
        requested_memory: Some(1000),
    }
}

fn unmeasured() -> Sample {
    Sample { cpu: None, memory: None, is_warm: false, ..copy(0) }
}

fn starting(usage: u64) -> Sample {
    Sample { is_warm: false, ..copy(usage) }
}

fn pending() -> Sample {
    Sample { is_pending: true, ..unmeasured() }
}

/// One service, with a clock.
struct Simulated {
    scaling: Scaling,
    now: Time,
    standing: Standing,
}

impl Simulated {
    fn of(autoscale: Autoscale, total: u32, clusters: u32) -> Simulated {
        let mut scaling = Scaling::default();
        scaling.declare([(address(), autoscale)]);
        let standing = Standing { total, clusters, is_duplicated: false };
        let mut simulated = Simulated { scaling, now: seconds(1000), standing };
        simulated.stand();
        simulated
    }

    fn stand(&mut self) {
        let standing = Event::Standing(BTreeMap::from([(address(), self.standing)]));
        self.scaling.on(standing, self.now);
    }

    /// So many seconds later something is measured. What is wanted then is decided, and is the total.
    fn measure(&mut self, later: u64, measured: Measured) -> u32 {
        self.now += seconds(later);
        let actions = self.scaling.on(Event::Measured(address(), measured), self.now);
        let wanted = self.scaling.wanted();
        assert_eq!(actions.contains(&Action::Decide), !wanted.is_empty(), "{actions:?} {wanted:?}");
        if let Some(wanted) = wanted.first() {
            assert_eq!(wanted.before, self.standing.total);
            self.standing.total = wanted.total;
            self.stand();
            assert_eq!(self.scaling.wanted(), []);
        }
        self.standing.total
    }

    /// The same where all copies use so much.
    fn load(&mut self, later: u64, usage: u64) -> u32 {
        self.measure(later, heard(vec![copy(usage); self.standing.total as usize]))
    }
}

fn address() -> Address {
    "application.shop.service.web".parse().expect("an address")
}

fn heard(copies: Vec<Sample>) -> Measured {
    Measured { copies, ..Measured::default() }
}

fn silent(copies: u32) -> Silent {
    Silent { cluster: "south".into(), copies, why: "no answer".into() }
}

/// What a metric with a target of 50 % proposes for these copies.
fn proposed(current: u32, samples: &[Sample], silent: u32) -> Result<u32, String> {
    proposed_of(Resource::Cpu, Target::Utilization(50), current, samples, silent)
}

fn proposed_of(
    resource: Resource,
    target: Target,
    current: u32,
    samples: &[Sample],
    silent: u32,
) -> Result<u32, String> {
    let basis = Basis { samples, silent, current, tolerance: 0.1 };
    of_resource(resource, target, basis).map(|proposal| proposal.copies)
}

/// desiredReplicas = ceil[currentReplicas × (currentMetricValue ÷ desiredMetricValue)], unless the
/// quotient is within a tolerance of 1.
#[test]
fn copies_are_as_many_as_the_load_needs() {
    for (current, usage, wanted) in
        [(3, 500, 3), (3, 300, 2), (3, 1000, 6), (3, 550, 3), (3, 560, 4), (3, 450, 3), (10, 440, 9), (1, 0, 0)]
    {
        assert_eq!(proposed(current, &vec![copy(usage); current as usize], 0), Ok(wanted), "{current} at {usage}");
    }
    // An amount for each copy, on average.
    let of_amount = |usages: &[u64]| {
        let samples: Vec<Sample> = usages.iter().map(|usage| copy(*usage)).collect();
        proposed_of(Resource::Memory, Target::Average(200), samples.len() as u32, &samples, 0)
    };
    assert_eq!(of_amount(&[100, 500]), Ok(3));
    assert_eq!(of_amount(&[200, 210]), Ok(2));
    assert_eq!(of_amount(&[10, 50]), Ok(1));
}

/// Copies without metrics count as idle where there would be more, and as wholly used where there would
/// be fewer; neither turns the direction.
#[test]
fn what_was_not_measured_counts_against_the_change() {
    let with = |usage: u64, measured: usize, more: &[Sample]| {
        let samples: Vec<Sample> = std::iter::repeat_n(copy(usage), measured).chain(more.iter().copied()).collect();
        proposed(samples.len() as u32, &samples, 0)
    };
    // 3 · 1000 of 4000 requested: 75 % of 50 %.
    assert_eq!(with(1000, 3, &[unmeasured()]), Ok(6));
    // 3 · 600 of 4000: 45 %, within the tolerance.
    assert_eq!(with(600, 3, &[unmeasured()]), Ok(4));
    // It would be less than 50 % with the idle ones: the direction is not turned.
    assert_eq!(with(600, 2, &[unmeasured(), unmeasured()]), Ok(4));
    // (3 · 200 + 1000) of 4000: 40 %, so that 4 · 0.8 are enough.
    assert_eq!(with(200, 3, &[unmeasured()]), Ok(4));
    assert_eq!(with(100, 9, &[unmeasured()]), Ok(4));
    assert_eq!(with(100, 1, &[unmeasured()]), Ok(2));
    // Clusters that do not answer are alike.
    assert_eq!(proposed(10, &[copy(100); 9], 1), Ok(4));
    assert_eq!(proposed(4, &[copy(1000); 3], 1), Ok(6));
}

/// Copies that are not ready count as idle where there would be more, and for nothing else.
#[test]
fn copies_that_start_take_no_part() {
    let with = |usage: u64, more: &[Sample]| {
        let samples: Vec<Sample> = [copy(usage); 2].into_iter().chain(more.iter().copied()).collect();
        proposed(samples.len() as u32, &samples, 0)
    };
    assert_eq!(with(1000, &[pending(), pending()]), Ok(4));
    assert_eq!(with(1000, &[starting(1000)]), Ok(4));
    assert_eq!(with(250, &[pending(), pending()]), Ok(1));
    // What memory says counts also while a copy starts.
    let samples = [copy(500), starting(1500)];
    assert_eq!(proposed_of(Resource::Memory, Target::Utilization(50), 2, &samples, 0), Ok(4));
}

#[test]
fn what_cannot_be_told_is_an_error() {
    assert_eq!(proposed(0, &[], 0), Err("cpu: there is no copy yet".to_owned()));
    assert_eq!(proposed(2, &[pending(), unmeasured()], 1), Err("cpu: none of 3 copies was measured".to_owned()));
    let modest = Sample { requested_cpu: None, ..copy(10) };
    assert_eq!(proposed(1, &[modest], 0), Err("cpu: a copy does not request any".to_owned()));
    assert_eq!(proposed_of(Resource::Cpu, Target::Average(5), 1, &[modest], 0), Ok(2));
}

#[test]
fn it_goes_up_at_once_and_down_after_five_minutes() {
    let mut web = Simulated::of(autoscale(2, 20), 2, 2);
    assert_eq!(web.load(15, 500), 2);
    // By 4 copies or 100 % in 15 seconds.
    assert_eq!(web.load(15, 5000), 6);
    assert_eq!(web.load(5, 5000), 6);
    assert_eq!(web.load(10, 5000), 12);
    assert_eq!(web.load(15, 5000), 20);
    assert_eq!(web.load(15, 500), 20);
    let mut idle = 0;
    while web.load(15, 100) == 20 {
        idle += 15;
    }
    assert_eq!((web.standing.total, idle), (4, 285), "five minutes after it was needed last");
}

#[test]
fn a_daemon_that_starts_waits_before_it_takes_copies_away() {
    let mut web = Simulated::of(autoscale(1, 20), 10, 2);
    assert_eq!(web.load(0, 50), 10);
    assert_eq!(web.load(299, 50), 10);
    assert_eq!(web.load(1, 50), 2, "one for each cluster that has some");
}

#[test]
fn the_metric_that_wants_most_counts() {
    let memory = Metric::Resource(Resource::Memory, Target::Average(100));
    let settings = Autoscale { metrics: vec![CPU, memory], ..autoscale(1, 100) };
    let mut web = Simulated::of(settings.clone(), 2, 1);
    assert_eq!(web.load(15, 300), 6);
    // One that fails lets the others add copies, and take none away.
    let blind = |usage| Sample { requested_cpu: None, ..copy(usage) };
    let mut web = Simulated::of(Autoscale { down: at_once(), ..settings }, 3, 1);
    assert_eq!(web.measure(15, heard(vec![blind(10); 3])), 3);
    assert_eq!(web.measure(15, heard(vec![blind(200); 3])), 6);
    assert_eq!(web.load(15, 10), 1);
}

fn at_once() -> Rules {
    Rules { stabilization: Duration::ZERO, ..Rules::of_down() }
}

#[test]
fn clusters_that_do_not_answer_and_what_was_not_measured_take_nothing_away() {
    let settings = Autoscale { down: at_once(), ..autoscale(1, 20) };
    let mut web = Simulated::of(settings.clone(), 10, 2);
    let missed = Measured { silent: vec![silent(1)], ..heard(vec![copy(10); 9]) };
    assert_eq!(web.measure(15, missed.clone()), 10);
    let told = web.scaling.on(Event::Measured(address(), missed.clone()), web.now);
    assert_eq!(told, [], "it was told before");
    assert_eq!(web.measure(15, heard([vec![copy(10); 9], vec![unmeasured()]].concat())), 10);
    assert_eq!(web.measure(15, Measured { silent: vec![silent(1)], ..heard(vec![copy(1000); 9]) }), 18);
    assert_eq!(web.load(15, 10), 2);

    let mut web = Simulated::of(settings, 10, 2);
    web.now += seconds(15);
    let told = web.scaling.on(Event::Measured(address(), missed), web.now);
    let wanted = "application.shop.service.web: south does not tell what its copies use (no answer): there will not be fewer copies";
    assert_eq!(told, [Action::Alert(wanted.to_owned())]);
}

#[test]
fn limits_are_those_of_the_rules() {
    let policy = |amount, period| Policy { amount, period: seconds(period) };
    let policies = vec![policy(Amount::Pods(5), 60), policy(Amount::Percent(50), 60)];
    let limited = |select| Rules { stabilization: Duration::ZERO, select, policies: policies.clone() };
    for (select, up, down) in [(Select::Max, 15, 5), (Select::Min, 15, 5), (Select::Disabled, 10, 10)] {
        let settings = Autoscale { up: limited(select), down: limited(select), ..autoscale(1, 100) };
        let mut web = Simulated::of(settings.clone(), 10, 1);
        assert_eq!(web.load(15, 5000), up, "{select:?}");
        assert_eq!(web.load(30, 5000), up, "{select:?}: in the same minute");
        let mut web = Simulated::of(settings, 10, 1);
        assert_eq!(web.load(15, 0), down, "{select:?}");
    }
    // 5 of 20, or half of them.
    for (select, up, down) in [(Select::Max, 30, 10), (Select::Min, 25, 15)] {
        let settings = Autoscale { up: limited(select), down: limited(select), ..autoscale(1, 100) };
        assert_eq!(Simulated::of(settings.clone(), 20, 1).load(15, 5000), up, "{select:?}");
        assert_eq!(Simulated::of(settings, 20, 1).load(15, 0), down, "{select:?}");
    }
}

#[test]
fn what_is_wanted_for_a_moment_only_is_smoothed() {
    let patient = Rules { stabilization: seconds(60), ..Rules::of_up() };
    let mut web = Simulated::of(Autoscale { up: patient, ..autoscale(1, 100) }, 4, 1);
    assert_eq!(web.load(15, 1000), 4);
    assert_eq!(web.load(15, 500), 4);
    assert_eq!(web.load(45, 1000), 4);
    assert_eq!(web.load(14, 1000), 4);
    assert_eq!(web.load(2, 1000), 8);
}

#[test]
fn where_every_cluster_has_all_copies_the_number_is_that_of_one() {
    let mut web = Simulated::of(autoscale(1, 20), 2, 3);
    web.standing.is_duplicated = true;
    web.stand();
    assert_eq!(web.measure(15, heard(vec![copy(1000); 6])), 4);
    assert_eq!(web.measure(15, heard(vec![copy(560); 12])), 5);
}

#[test]
fn others_may_decide_meanwhile() {
    let mut web = Simulated::of(autoscale(1, 20), 2, 1);
    let hot = heard(vec![copy(1000); 2]);
    assert_eq!(web.scaling.on(Event::Measured(address(), hot.clone()), web.now), [Action::Decide]);
    // Told once, and wanted until it is done.
    assert_eq!(web.scaling.on(Event::Measured(address(), hot), web.now), []);
    let wanted = web.scaling.wanted();
    assert_eq!((wanted[0].before, wanted[0].total), (2, 4));
    assert_eq!(wanted[0].why, "cpu is at 100 % of what is requested, and 50 % is aimed at");
    web.standing.total = 7;
    web.stand();
    assert_eq!(web.scaling.wanted(), []);
    // What does not run, or is not declared, is let alone.
    web.scaling.on(Event::Standing(BTreeMap::new()), web.now);
    assert_eq!(web.scaling.on(Event::Measured(address(), heard(vec![copy(1000)])), web.now), []);
    web.scaling.declare([]);
    assert_eq!(web.scaling.on(Event::Measured(address(), heard(vec![copy(1000)])), web.now), []);
}

fn queue(target: QueryTarget) -> Metric {
    let query = Query { name: "queue".into(), url: "https://example.org".into(), query: "queue".into(), token: None };
    Metric::Query(query, target)
}

/// What is answered to the question, beside copies that use so much.
fn answered(answer: Result<f64, &str>, copies: Vec<Sample>) -> Measured {
    Measured { answers: BTreeMap::from([("queue".into(), answer.map_err(Arc::from))]), ..heard(copies) }
}

#[test]
fn an_answer_is_shared_by_the_copies_or_aimed_at_itself() {
    let proposed = |target, answer, current: u32| {
        let samples = vec![copy(0); current as usize];
        let basis = Basis { samples: &samples, silent: 0, current, tolerance: 0.1 };
        of_query("queue", target, answer, basis).map(|proposal| proposal.copies)
    };
    let each = QueryTarget::AverageValue(100.0);
    for (answer, current, wanted) in [
        (300.0, 3, 3),
        (325.0, 3, 3),
        (340.0, 3, 4),
        (280.0, 3, 3),
        (90.0, 3, 1),
        (0.0, 3, 0),
        (250.0, 0, 3),
        (0.0, 0, 0),
    ] {
        assert_eq!(proposed(each, answer, current), Ok(wanted), "{answer} for {current}");
    }
    let itself = QueryTarget::Value(0.2);
    for (answer, current, wanted) in [(0.4, 3, 6), (0.21, 3, 3), (0.1, 4, 2), (0.4, 0, 2), (0.0, 3, 0)] {
        assert_eq!(proposed(itself, answer, current), Ok(wanted), "{answer} for {current}");
    }
    for answer in [f64::NAN, f64::INFINITY, -1.0] {
        assert!(proposed(each, answer, 3).is_err() && proposed(itself, answer, 0).is_err());
    }
}

#[test]
fn without_load_there_are_no_copies_where_that_is_declared() {
    let metrics = vec![CPU, queue(QueryTarget::AverageValue(100.0))];
    let settings = Autoscale { down: at_once(), metrics, ..autoscale(0, 10) };
    let mut web = Simulated::of(settings.clone(), 3, 2);
    assert_eq!(web.measure(15, answered(Ok(50.0), vec![copy(0); 3])), 2, "one in each cluster that has some");
    assert_eq!(web.measure(15, answered(Err("no answer"), vec![copy(0); 2])), 2);
    assert_eq!(web.measure(15, answered(Ok(0.0), vec![copy(100); 2])), 2, "a copy still works");
    assert_eq!(web.measure(15, answered(Ok(0.0), vec![copy(0); 2])), 0);
    // There is nothing that uses anything, and nothing is missing.
    assert_eq!(web.measure(15, answered(Ok(0.0), Vec::new())), 0);
    assert_eq!(web.measure(15, answered(Err("no answer"), Vec::new())), 0);
    assert_eq!(web.measure(15, answered(Ok(1.0), Vec::new())), 2);
    assert_eq!(web.measure(15, answered(Ok(350.0), vec![copy(500); 2])), 4);
    // Where it is not declared, one stays.
    let mut web = Simulated::of(Autoscale { min: 1, ..settings.clone() }, 1, 1);
    assert_eq!(web.measure(15, answered(Ok(0.0), vec![copy(0)])), 1);
    // By a share of none there would never be one.
    let policies = vec![Policy { amount: Amount::Percent(50), period: seconds(15) }];
    let mut web = Simulated::of(Autoscale { up: Rules { policies, ..Rules::of_up() }, ..settings }, 0, 0);
    assert_eq!(web.measure(15, answered(Ok(350.0), Vec::new())), 1);
    assert_eq!(web.measure(15, answered(Ok(350.0), vec![copy(500)])), 2);
}

#[test]
fn schedules_raise_and_lower_the_bounds() {
    let cron = |text| Cron::parse(text).expect("a time");
    let day = Schedule {
        name: "day".into(),
        start: cron("0 8 * * mon-fri"),
        end: cron("0 20 * * mon-fri"),
        zone: jiff::tz::TimeZone::get("Asia/Shanghai").expect("a time zone"),
        min: Some(6),
        max: None,
    };
    let sale = Schedule { name: "sale".into(), start: cron("0 0 6 3 *"), min: Some(9), ..day.clone() };
    let quiet = Schedule { start: cron("0 12 7 3 *"), end: cron("0 13 7 3 *"), min: None, max: Some(1), ..day.clone() };
    let settings = Autoscale { schedules: vec![day, sale, quiet], down: at_once(), ..autoscale(2, 20) };
    let mut web = Simulated::of(settings.clone(), 2, 1);
    let mut at = |time: &str, usage| {
        let time = time.parse().expect("a time");
        web.measure(60, Measured { time, ..heard(vec![copy(usage); web.standing.total as usize]) })
    };
    // 2026-03-04 is a Wednesday, and 8:00 in Shanghai is midnight in UTC.
    assert_eq!(at("2026-03-03T23:59:00Z", 500), 2);
    assert_eq!(at("2026-03-04T00:00:00Z", 500), 6, "at once, as it is a bound");
    assert_eq!(at("2026-03-04T03:00:00Z", 10), 6);
    assert_eq!(at("2026-03-04T11:59:00Z", 1000), 12);
    assert_eq!(at("2026-03-04T12:00:00Z", 10), 2);
    assert_eq!(at("2026-03-05T16:00:00Z", 500), 9, "of two, the one that wants more");
    assert_eq!(at("2026-03-07T04:30:00Z", 5000), 1, "one that lowers the upper bound");

    // Alone, they say how many there are.
    let mut web = Simulated::of(Autoscale { metrics: Vec::new(), min: 0, ..settings }, 3, 1);
    let mut at = |time: &str| web.measure(60, Measured { time: time.parse().expect("a time"), ..heard(Vec::new()) });
    assert_eq!(at("2026-03-04T00:00:00Z"), 6);
    assert_eq!(at("2026-03-04T12:00:00Z"), 0);
    assert_eq!(at("2026-03-05T00:00:00Z"), 6);
}

#[test]
fn where_nothing_is_measured_it_is_told_for_whom_it_matters() {
    let measured =
        || Measured { unmeasured: vec![("south".into(), "no metrics server".into())], ..heard(vec![unmeasured()]) };
    let mut web = Simulated::of(autoscale(1, 5), 1, 1);
    let told = web.scaling.on(Event::Measured(address(), measured()), web.now);
    assert_eq!(told.len(), 2, "{told:?}");
    let settings = Autoscale { metrics: vec![queue(QueryTarget::AverageValue(10.0))], ..autoscale(1, 5) };
    let mut web = Simulated::of(settings, 1, 1);
    let answers = BTreeMap::from([("queue".into(), Ok(20.0))]);
    assert_eq!(web.measure(15, Measured { answers, ..measured() }), 2);
}

fn some_rules() -> impl Strategy<Value = Rules> {
    let amount = prop_oneof![(1..6u32).prop_map(Amount::Pods), (1..200u32).prop_map(Amount::Percent)];
    let policy = (amount, 1..90u64).prop_map(|(amount, period)| Policy { amount, period: seconds(period) });
    let select = prop_oneof![Just(Select::Max), Just(Select::Min), Just(Select::Disabled)];
    (0..200u64, select, prop::collection::vec(policy, 1..3)).prop_map(|(window, select, policies)| Rules {
        stabilization: seconds(window),
        select,
        policies,
    })
}

fn some_copy() -> impl Strategy<Value = Sample> {
    prop_oneof![
        6 => (0..3000u64).prop_map(copy),
        1 => Just(unmeasured()),
        1 => (0..3000u64).prop_map(starting),
        1 => Just(pending()),
    ]
}

fn some_history() -> impl Strategy<Value = Vec<(u64, Vec<Sample>, u32, Option<u32>)>> {
    let copies = prop::collection::vec(some_copy(), 0..12);
    let answer = prop_oneof![2 => Just(Some(0)), 3 => (0..4000u32).prop_map(Some), 1 => Just(None)];
    prop::collection::vec((1..60u64, copies, prop_oneof![3 => Just(0), 1 => 1..4u32], answer), 1..40)
}

/// Whether rules allow a number, given what there was at which time. Every change is looked at from the
/// beginning of each period on.
fn is_allowed(rules: &Rules, totals: &[(Time, u32)], now: Time, after: u32) -> bool {
    let before = totals.last().map_or(0, |(_, total)| *total);
    let is_within = |policy: &Policy| {
        let start = totals.iter().rev().find(|(time, _)| *time + policy.period <= now).unwrap_or(&totals[0]).1;
        let reach = match policy.amount {
            Amount::Pods(pods) => f64::from(pods),
            Amount::Percent(percent) => (f64::from(start) * f64::from(percent) / 100.0).ceil(),
        };
        match after > before {
            true => f64::from(after) <= (f64::from(start) + reach).max(1.0),
            false => f64::from(after) >= f64::from(start) - reach,
        }
    };
    match rules.select {
        _ if after == before => true,
        Select::Max => rules.policies.iter().any(is_within),
        Select::Min => rules.policies.iter().all(is_within),
        Select::Disabled => false,
    }
}

proptest! {
    /// Whatever is measured: the number stays within its bounds, no cluster loses its last copy unless
    /// all do, where that is declared, nothing is taken away while anything is not known, and no step is
    /// longer than the rules allow.
    #[test]
    fn it_keeps_to_its_bounds(
        (min, more, clusters) in (0..5u32, 1..30u32, 1..4u32),
        (up, down) in (some_rules(), some_rules()),
        history in some_history(),
    ) {
        let max = min + more;
        let metrics = vec![CPU, queue(QueryTarget::AverageValue(100.0))];
        let settings = Autoscale { metrics, up: up.clone(), down: down.clone(), ..autoscale(min, max) };
        let least = min.max(clusters).min(max);
        let mut web = Simulated::of(settings, least, clusters.min(least));
        let mut totals = vec![(Time::ZERO, least)];
        for (later, copies, gone, answer) in history {
            let before = web.standing.total;
            let is_whole = gone == 0 && answer.is_some() && copies.iter().all(|copy| copy.is_pending || copy.cpu.is_some());
            let silent = (gone > 0).then(|| silent(gone)).into_iter().collect();
            let answer = answer.map(f64::from).ok_or("no answer");
            let after = web.measure(later, Measured { silent, ..answered(answer, copies) });
            let is_none = after == 0 && min == 0;
            prop_assert!(is_none || (least..=max).contains(&after), "{after} is not in {least}..={max}");
            prop_assert!(before == 0 || is_whole || after >= before, "{after} are fewer than {before}");
            let rules = if after > before { &up } else { &down };
            // From none, every cluster that had a copy has one again.
            let is_first = before == 0 && after == least && up.select != Select::Disabled;
            prop_assert!(is_first || is_allowed(rules, &totals, web.now, after), "{before} to {after}, after {totals:?}");
            if after != before {
                totals.push((web.now, after));
            }
        }
    }
}
