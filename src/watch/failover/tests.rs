//! The heart under a simulated clock, and clusters that fail and come back by chance.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use std::time::Duration;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn probe(failback: Failback) -> Probe {
    let (failures, successes) = (3, 2);
    Probe {
        interval: SECOND,
        timeout: SECOND,
        nodes: 3,
        targets: Vec::new(),
        failures,
        successes,
        failback,
        stable: 30 * SECOND,
    }
}

fn cluster(at: usize) -> Address {
    Address::of(["cluster".to_owned(), format!("c{at}")])
}

/// What is really the case with a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Truth {
    Well,
    ServerDead,
    Dead,
}

/// Clusters that are probed each second, and a daemon that may be killed.
struct World {
    failover: Failover,
    most_lost: usize,
    random: StdRng,
    now: Time,
    truth: Vec<Truth>,
    /// For how many seconds each has been so.
    since: Vec<u32>,
    /// Whether the daemon reaches nothing at all.
    is_cut_off: bool,
    standing: BTreeMap<Address, Standing>,
    alerts: Vec<String>,
}

impl World {
    fn new(clusters: usize, most_lost: usize, seed: u64) -> World {
        let mut world = World {
            failover: Failover::new(most_lost),
            most_lost,
            random: StdRng::seed_from_u64(seed),
            now: Time::ZERO,
            truth: vec![Truth::Well; clusters],
            since: vec![0; clusters],
            is_cut_off: false,
            standing: BTreeMap::new(),
            alerts: Vec::new(),
        };
        world.restart();
        world
    }

    /// Another daemon that knows nothing but what is recorded.
    fn restart(&mut self) {
        self.failover = Failover::new(self.most_lost);
        self.failover.declare((0..self.truth.len()).map(|at| (cluster(at), probe(Failback::Automatic))));
        self.tell(Event::Standing(self.standing.clone()));
    }

    fn tell(&mut self, event: Event) -> bool {
        let mut decides = false;
        for action in self.failover.on(event, self.now) {
            match action {
                Action::Decide => decides = true,
                Action::Alert(alert) => self.alerts.push(alert),
            }
        }
        decides
    }

    /// All clusters are probed; `noise` is how likely a single probe fails for no reason.
    fn second(&mut self, noise: f64) {
        self.now += SECOND;
        let mut decides = false;
        for at in 0..self.truth.len() {
            self.since[at] += 1;
            let names: Vec<Arc<str>> = ["n1", "n2", "n3"].map(Arc::from).to_vec();
            if self.truth[at] == Truth::Well && !self.is_cut_off {
                decides |= self.tell(Event::Nodes(cluster(at), names.iter().cloned().collect()));
            }
            let targets = names.into_iter().map(Target::Node).chain([Target::Server]);
            for target in targets {
                let is_up = match (self.truth[at], &target) {
                    (Truth::Well, _) | (Truth::ServerDead, Target::Node(_)) => !self.is_cut_off,
                    (Truth::ServerDead | Truth::Dead, _) => false,
                };
                let is_up = is_up && !self.random.random_bool(noise);
                let outcome = if is_up { Ok(()) } else { Err(Arc::from("refused")) };
                decides |= self.tell(Event::Probed(cluster(at), target, outcome));
            }
        }
        if decides {
            self.decide();
        }
    }

    /// What the daemon's run does: what is wanted is recorded.
    fn decide(&mut self) {
        for wanted in self.failover.wanted(self.now) {
            self.is_lawful(&wanted);
            let standing = Standing { availability: wanted.availability, is_own: true };
            self.standing.insert(wanted.cluster, standing);
        }
        if self.tell(Event::Standing(self.standing.clone())) {
            self.decide();
        }
    }

    fn is_lawful(&self, wanted: &Wanted) {
        let at = (0..self.truth.len()).find(|at| cluster(*at) == wanted.cluster).expect("a cluster");
        let before = self.standing.get(&wanted.cluster).map_or(Availability::Active, |standing| standing.availability);
        match wanted.availability {
            Availability::Lost => {
                assert!(!self.is_cut_off, "given up by the side that is cut off: {wanted:?}");
                assert!(before != Availability::Lost);
                // It was dead for as long as it takes to say so; a moment later it may be back.
                assert!(self.truth[at] == Truth::Dead || self.since[at] < 3, "{wanted:?} is {:?}", self.truth[at]);
                assert!(self.lost() < self.most_lost, "more are given up than may be");
            }
            Availability::Drained => assert_eq!(before, Availability::Lost, "it is reconciled after it was lost"),
            Availability::Active => {
                assert_eq!(before, Availability::Drained, "it is reconciled before it counts");
            }
        }
    }

    fn lost(&self) -> usize {
        self.standing.values().filter(|standing| standing.availability == Availability::Lost).count()
    }

    fn is(&self, at: usize) -> Availability {
        self.standing.get(&cluster(at)).map_or(Availability::Active, |standing| standing.availability)
    }

    fn set(&mut self, at: usize, truth: Truth) {
        (self.truth[at], self.since[at]) = (truth, 0);
    }

    fn seconds(&mut self, count: usize) {
        (0..count).for_each(|_| self.second(0.0));
    }
}

#[test]
fn a_dead_cluster_is_given_up_reconciled_and_taken_back() {
    let mut world = World::new(3, 1, 1);
    world.seconds(5);
    world.set(1, Truth::Dead);
    world.seconds(2);
    assert_eq!(world.is(1), Availability::Active, "two failures are not enough");
    world.seconds(2);
    assert_eq!(world.is(1), Availability::Lost);
    world.seconds(100);
    world.set(1, Truth::Well);
    world.seconds(3);
    assert_eq!(world.is(1), Availability::Drained, "what it still runs is reconciled first");
    world.seconds(25);
    assert_eq!(world.is(1), Availability::Drained);
    world.seconds(10);
    assert_eq!(world.is(1), Availability::Active);
}

#[test]
fn where_only_the_api_server_is_dead_nothing_is_moved() {
    let mut world = World::new(3, 1, 1);
    world.seconds(5);
    world.set(0, Truth::ServerDead);
    world.seconds(100);
    assert!(world.standing.is_empty());
    assert_eq!(world.failover.health(&cluster(0)), Some(Health::ServerUnreachable));
    assert_eq!(world.alerts.len(), 1, "{:?}", world.alerts);
    assert!(world.alerts[0].contains("its nodes do: nothing is moved"), "{:?}", world.alerts);
}

#[test]
fn the_side_that_is_cut_off_moves_nothing() {
    let mut world = World::new(5, 5, 1);
    world.seconds(5);
    world.is_cut_off = true;
    world.seconds(100);
    assert!(world.standing.is_empty());
    assert!(world.alerts.iter().any(|alert| alert.contains("5 of 5 clusters do not answer")), "{:?}", world.alerts);
    world.is_cut_off = false;
    world.seconds(100);
    assert!(world.standing.is_empty());
}

#[test]
fn no_more_are_given_up_than_may_be() {
    let mut world = World::new(7, 1, 1);
    world.seconds(5);
    world.set(1, Truth::Dead);
    world.seconds(5);
    world.set(2, Truth::Dead);
    world.seconds(100);
    assert_eq!((world.is(1), world.is(2)), (Availability::Lost, Availability::Active));
    let limited: Vec<&String> = world.alerts.iter().filter(|alert| alert.contains("no more than 1")).collect();
    assert_eq!(limited.len(), 1, "told once: {:?}", world.alerts);
}

#[test]
fn what_people_decided_is_left_to_them() {
    let mut world = World::new(3, 1, 1);
    let by_hand = |availability| Standing { availability, is_own: false };
    world.standing.insert(cluster(1), by_hand(Availability::Lost));
    world.standing.insert(cluster(2), by_hand(Availability::Drained));
    world.restart();
    world.seconds(100);
    assert_eq!((world.is(1), world.is(2)), (Availability::Lost, Availability::Drained));
    world.set(2, Truth::Dead);
    world.seconds(100);
    assert_eq!(world.is(2), Availability::Drained);
}

#[test]
fn a_person_is_told_when_it_is_time_or_not() {
    for (failback, told) in [(Failback::Manual, 1), (Failback::Never, 0)] {
        let mut world = World::new(3, 1, 1);
        world.standing.insert(cluster(1), Standing { availability: Availability::Drained, is_own: true });
        world.restart();
        world.failover.declare((0..3).map(|at| (cluster(at), probe(failback))));
        world.seconds(100);
        assert_eq!(world.is(1), Availability::Drained);
        assert_eq!(world.alerts.len(), told, "{:?}", world.alerts);
    }
}

/// Whatever happens by chance: the laws in `is_lawful` hold after each step, and once nothing
/// disturbs any more, all that live take part again.
#[test]
fn whatever_happens_only_dead_clusters_are_given_up_and_all_come_back() {
    let seeds = match std::env::var("PORTOLAN_SEED") {
        Ok(seed) => vec![seed.parse().expect("a number")],
        Err(_) => (0..20).collect::<Vec<u64>>(),
    };
    for seed in seeds {
        eprintln!("PORTOLAN_SEED={seed}");
        let mut chance = StdRng::seed_from_u64(seed);
        let clusters = chance.random_range(3..9);
        let mut world = World::new(clusters, chance.random_range(1..4), seed);
        for _ in 0..400 {
            match chance.random_range(0..60) {
                0..=2 => {
                    let truth = [Truth::Well, Truth::ServerDead, Truth::Dead][chance.random_range(0..3)];
                    world.set(chance.random_range(0..clusters), truth);
                }
                3 => world.is_cut_off = !world.is_cut_off,
                4 => world.restart(),
                _ => {}
            }
            world.second(0.02);
        }
        world.is_cut_off = false;
        (0..clusters).for_each(|at| world.set(at, Truth::Well));
        world.seconds(60 * clusters);
        assert!((0..clusters).all(|at| world.is(at) == Availability::Active), "{:?}", world.standing);
    }
}
