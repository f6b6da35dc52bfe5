//! The heart under a clock that is made up.

use portolan_fleet::Digest;

use super::*;

fn ms(number: u64) -> Duration {
    Duration::from_millis(number)
}

fn release(revision: u64) -> Release {
    Release::new(revision, Digest::of(&revision.to_be_bytes()))
}

fn served(revision: u64) -> Outcome {
    Outcome::There { name: release(revision).name(), is_served: true, quarantined: Vec::new() }
}

fn report_of(node: &str, revision: u64, state: State) -> (String, Report) {
    let mut report = Heart::new(node, true).report(Duration::ZERO);
    (report.revision, report.manifest) = (revision, Some(release(revision).manifest));
    report.state = state;
    (node.to_owned(), report)
}

/// What is to be done, in words.
fn told(actions: Vec<Action>) -> Vec<String> {
    let word = |action: Action| match action {
        Action::Bring(release) => format!("bring {}", release.revision),
        Action::Look => "look".to_owned(),
        Action::Report(report) => format!("{:?} {} {}", report.state, report.revision, report.why).trim().to_owned(),
    };
    actions.into_iter().map(word).collect()
}

/// A heart whose node serves revision 1.
fn serving() -> Heart {
    let mut heart = Heart::new("b", true);
    assert_eq!(told(heart.on(Event::Wanted(Some(release(1))), ms(0))), ["bring 1", "Waiting 1"]);
    assert_eq!(told(heart.on(Event::Brought(release(1), served(1)), ms(50))), ["Serving 1"]);
    heart
}

#[test]
fn what_is_published_in_a_burst_is_taken_up_once_it_is_quiet() {
    let mut heart = serving();
    assert_eq!(told(heart.on(Event::Wanted(Some(release(2))), ms(100))), ["Waiting 2"]);
    assert_eq!(told(heart.on(Event::Wanted(Some(release(3))), ms(250))), ["Waiting 3"]);
    assert_eq!(heart.wake(), Some(ms(450)));
    assert_eq!(told(heart.on(Event::Passed, ms(449))), [""; 0]);
    assert_eq!(told(heart.on(Event::Passed, ms(450))), ["bring 3"]);
}

#[test]
fn what_never_gets_quiet_is_taken_up_after_two_seconds() {
    let mut heart = serving();
    let mut brought = Vec::new();
    for step in 0..40 {
        let now = ms(1000 + step * 100);
        let actions = told(heart.on(Event::Wanted(Some(release(2 + step))), now));
        if actions.iter().any(|action| action.starts_with("bring")) {
            brought.push(now);
            heart.on(Event::Brought(release(2 + step), served(2 + step)), now);
        }
    }
    assert_eq!(brought, [ms(3000)], "the next burst begins after it, and lasts");
}

#[test]
fn what_comes_meanwhile_waits() {
    let mut heart = serving();
    heart.on(Event::Wanted(Some(release(2))), ms(1000));
    assert_eq!(told(heart.on(Event::Passed, ms(1200))), ["bring 2"]);
    assert_eq!(told(heart.on(Event::Wanted(Some(release(3))), ms(1300))), ["Waiting 3"]);
    assert_eq!(told(heart.on(Event::Passed, ms(9000))), [""; 0]);
    assert_eq!(told(heart.on(Event::Brought(release(2), served(2)), ms(9001))), ["bring 3"]);
}

#[test]
fn each_waits_for_its_turn() {
    let mut heart = serving();
    heart.on(Event::Nodes(BTreeMap::from([report_of("a", 1, State::Serving)])), ms(100));
    heart.on(Event::Wanted(Some(release(2))), ms(1000));
    assert_eq!(told(heart.on(Event::Passed, ms(1200))), ["look", "Waiting 2 it is the turn of a"]);
    let failed = BTreeMap::from([report_of("a", 2, State::Refused)]);
    assert_eq!(told(heart.on(Event::Nodes(failed), ms(1300))), ["Waiting 2 a did not take it"]);
    let done = BTreeMap::from([report_of("a", 2, State::Serving)]);
    assert_eq!(told(heart.on(Event::Nodes(done), ms(1400))), ["bring 2", "Waiting 2"]);
}

#[test]
fn whoever_goes_away_holds_nobody_up() {
    let mut heart = serving();
    heart.on(Event::Nodes(BTreeMap::from([report_of("a", 1, State::Serving)])), ms(100));
    heart.on(Event::Wanted(Some(release(2))), ms(500));
    heart.on(Event::Passed, ms(700));
    assert_eq!(told(heart.on(Event::Nodes(BTreeMap::new()), ms(800))), ["bring 2", "Waiting 2"]);
}

#[test]
fn a_node_that_serves_nothing_waits_for_nobody() {
    let mut heart = Heart::new("b", false);
    heart.on(Event::Nodes(BTreeMap::from([report_of("a", 1, State::Serving)])), ms(0));
    assert_eq!(told(heart.on(Event::Wanted(Some(release(2))), ms(0))), ["bring 2", "Waiting 2"]);
}

#[test]
fn what_fails_is_tried_again_less_and_less_often() {
    let mut heart = serving();
    heart.on(Event::Wanted(Some(release(2))), ms(1000));
    assert_eq!(told(heart.on(Event::Passed, ms(1200))), ["bring 2"]);
    let mut now = ms(1200);
    let mut pauses = Vec::new();
    for _ in 0..7 {
        heart.on(Event::Brought(release(2), Outcome::Failed("no etcd".into())), now);
        let begun = now;
        loop {
            now = heart.wake().expect("it goes on");
            let actions = told(heart.on(Event::Passed, now));
            if actions.contains(&"bring 2".to_owned()) {
                break;
            }
            heart.on(Event::Looked(Some(release(1).name())), now);
        }
        pauses.push((now - begun).as_secs());
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
}

#[test]
fn what_is_refused_is_asked_about_again_and_a_new_release_at_once() {
    let mut heart = serving();
    heart.on(Event::Wanted(Some(release(2))), ms(1000));
    heart.on(Event::Passed, ms(1200));
    let refused = Outcome::Refused("[emerg] no".into());
    assert_eq!(told(heart.on(Event::Brought(release(2), refused), ms(1300))), ["Refused 2 [emerg] no"]);
    heart.on(Event::Wanted(Some(release(3))), ms(1400));
    assert_eq!(told(heart.on(Event::Passed, ms(1600))), ["bring 3"]);
}

#[test]
fn an_nginx_that_goes_away_and_comes_back_is_seen() {
    let mut heart = serving();
    assert_eq!(told(heart.on(Event::Passed, ms(1050))), ["look"]);
    let gone = ["NotRunning 1 nginx does not run, or does not say what it serves"];
    assert_eq!(told(heart.on(Event::Looked(None), ms(1060))), gone);
    assert_eq!(told(heart.on(Event::Passed, ms(2060))), ["look"]);
    // It is noted that this was seen to be served.
    assert_eq!(told(heart.on(Event::Looked(Some(release(1).name())), ms(2070))), ["bring 1"]);
    assert_eq!(told(heart.on(Event::Brought(release(1), served(1)), ms(2070))), ["Serving 1"]);
    assert_eq!(told(heart.on(Event::Passed, ms(3070))), ["look"]);
    let other = told(heart.on(Event::Looked(Some("0-old".into())), ms(3080)));
    assert_eq!(other[0], "bring 1", "{other:?}");
}

#[test]
fn what_is_published_no_more_stays_served() {
    let mut heart = serving();
    assert_eq!(told(heart.on(Event::Wanted(None), ms(100))), [""; 0]);
    assert_eq!(told(heart.on(Event::Wanted(Some(release(1))), ms(200))), [""; 0]);
}

#[test]
fn a_thousand_changes_of_pods_a_second_are_a_reload_every_two_seconds() {
    let mut heart = serving();
    let mut brought = Vec::new();
    let mut bring = |heart: &mut Heart, event: Event, now: u64| {
        if told(heart.on(event, ms(now))).iter().any(|action| action.starts_with("bring")) {
            brought.push(now);
        }
    };
    for now in 100..60_000_u64 {
        bring(&mut heart, Event::Endpoints, now);
        // nginx takes 300 ms.
        if heart.is_bringing.is_some() && now % 300 == 0 {
            heart.on(Event::Brought(release(1), served(1)), ms(now));
        }
    }
    heart.on(Event::Brought(release(1), served(1)), ms(60_000));
    // What came while nginx was reloaded is not forgotten.
    assert_eq!(heart.pods_due(), Some(ms(62_000)));
    bring(&mut heart, Event::Passed, 62_000);
    assert!(brought.windows(2).all(|two| two[1] - two[0] >= 2_000), "{brought:?}");
    assert!((25..=31).contains(&brought.len()), "{brought:?}");
    assert_eq!(heart.on(Event::Brought(release(1), served(1)), ms(62_300)).len(), 0);
    assert_eq!(heart.pods_due(), None);
}
