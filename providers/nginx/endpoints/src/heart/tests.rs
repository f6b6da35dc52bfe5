use super::*;
use crate::slice::Endpoint;

fn pods(cluster: &str, service: &str) -> Pods {
    Pods { cluster: cluster.into(), namespace: "shop".into(), service: service.into(), port: "http".into(), copies: 2 }
}

fn place(cluster: &str) -> Place {
    Place { cluster: cluster.into(), namespace: "shop".into() }
}

fn slice(service: &str, addresses: &[&str]) -> Slice {
    let endpoint = |address: &&str| Endpoint { address: (*address).into(), is_ready: true, is_serving: true };
    Slice {
        name: format!("{service}-1"),
        service: service.into(),
        is_ipv4: true,
        ports: vec![("http".into(), 80)],
        endpoints: addresses.iter().map(endpoint).collect(),
    }
}

fn set(services: &[&str]) -> BTreeSet<String> {
    services.iter().map(|service| (*service).to_owned()).collect()
}

/// What is written, as `cluster service addresses` or `cluster service -`.
fn written(actions: &[Action]) -> Vec<String> {
    let changes = actions.iter().filter_map(|action| match action {
        Action::Write(_, changes) => Some(changes),
        _ => None,
    });
    let shown = |(key, found): &Change| {
        let mut parts = key.split('/');
        let (cluster, service) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
        format!("{cluster} {service} {}", found.as_ref().map_or("-".into(), |found| found.addresses.join(",")))
    };
    changes.flatten().map(shown).collect()
}

const fn at(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A publisher of a fleet that needs `web` of two clusters, of which only `a` has answered.
fn begun() -> Heart {
    let mut heart = Heart::new(1);
    let needed = BTreeSet::from([pods("a", "web"), pods("b", "web")]);
    let actions = heart.on(Event::Needed(0, needed), at(0));
    assert_eq!(actions, [Action::Watch(place("a"), set(&["web"])), Action::Watch(place("b"), set(&["web"]))]);
    heart.on(
        Event::Stored(0, Known::from([("b/shop/web/http".into(), Addresses::new(vec!["10.2.0.9:80".into()]))])),
        at(0),
    );
    let actions =
        heart.on(Event::Listed(place("a"), set(&["web"]), vec![slice("web", &["10.1.0.1", "10.1.0.2"])]), at(0));
    assert_eq!(written(&actions), ["a web 10.1.0.1:80,10.1.0.2:80"]);
    heart.on(Event::Written(0, true), at(10));
    heart
}

#[test]
fn a_cluster_that_does_not_answer_keeps_what_is_known_of_it() {
    let mut heart = begun();
    assert_eq!(heart.wake(), None, "b has said nothing");
    assert_eq!(heart.on(Event::Passed, at(60_000)), []);
    // When it answers, that counts, be it that there is nobody.
    let actions = heart.on(Event::Listed(place("b"), set(&["web"]), vec![]), at(60_000));
    assert_eq!(written(&actions), ["b web "]);
}

#[test]
fn changes_are_written_together_and_not_too_often() {
    let mut heart = begun();
    let change = |address: &str| Event::Changed(place("a"), vec![slice("web", &[address])]);
    assert_eq!(heart.on(change("10.1.0.3"), at(50)), [], "too soon");
    assert_eq!(heart.on(change("10.1.0.4"), at(60)), []);
    assert_eq!(heart.wake(), Some(at(100)));
    let actions = heart.on(Event::Passed, at(100));
    assert_eq!(written(&actions), ["a web 10.1.0.4:80"]);
    // While it is being written, more gathers.
    assert_eq!(heart.on(change("10.1.0.5"), at(500)), []);
    let actions = heart.on(Event::Written(0, true), at(510));
    assert_eq!(written(&actions), ["a web 10.1.0.5:80"]);
    heart.on(Event::Written(0, true), at(520));
    // What comes to the same is not written.
    assert_eq!(heart.on(change("10.1.0.5"), at(1000)), []);
    let gone = Event::Gone(place("a"), slice("web", &[]));
    assert_eq!(written(&heart.on(gone, at(2000))), ["a web "]);
}

#[test]
fn what_could_not_be_written_is_read_and_compared_again() {
    let mut heart = begun();
    let actions = heart.on(Event::Changed(place("a"), vec![slice("web", &["10.1.0.3"])]), at(1000));
    assert_eq!(written(&actions).len(), 1);
    assert_eq!(heart.on(Event::Written(0, false), at(1010)), []);
    assert_eq!(heart.wake(), None, "it is not known what stands there");
    assert_eq!(heart.on(Event::Stored(0, Known::new()), at(1500)), []);
    assert_eq!(written(&heart.on(Event::Passed, at(2010))), ["a web 10.1.0.3:80"]);
}

#[test]
fn what_is_needed_no_more_goes_and_is_not_watched() {
    let mut heart = begun();
    let actions = heart.on(Event::Needed(0, BTreeSet::from([pods("a", "web"), pods("a", "api")])), at(1000));
    assert_eq!(actions[..2], [Action::Leave(place("b")), Action::Watch(place("a"), set(&["api", "web"]))]);
    assert_eq!(written(&actions), ["b web -"]);
    heart.on(Event::Written(0, true), at(1010));
    // What is watched newly is not there until it was listed.
    assert_eq!(heart.on(Event::Passed, at(5000)), []);
    let both = vec![slice("web", &["10.1.0.1", "10.1.0.2"]), slice("api", &["10.1.0.7"])];
    let actions = heart.on(Event::Listed(place("a"), set(&["api", "web"]), both), at(5000));
    assert_eq!(written(&actions), ["a api 10.1.0.7:80"]);
}

#[test]
fn many_changes_are_few_transactions() {
    let mut heart = Heart::new(1);
    let names: Vec<String> = (0..250).map(|number| format!("s{number:03}")).collect();
    heart.on(Event::Needed(0, names.iter().map(|name| pods("a", name)).collect()), at(0));
    heart.on(Event::Stored(0, Known::new()), at(0));
    let slices = names.iter().map(|name| slice(name, &["10.1.0.1"])).collect();
    let mut sizes = Vec::new();
    let mut actions = heart.on(Event::Listed(place("a"), names.iter().cloned().collect(), slices), at(0));
    for round in 1..10 {
        sizes.extend(Some(written(&actions).len()).filter(|size| *size > 0));
        actions = heart.on(Event::Written(0, true), at(round * 200));
    }
    assert_eq!(sizes, [100, 100, 50]);
}
