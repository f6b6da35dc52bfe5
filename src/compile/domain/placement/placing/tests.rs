//! What placing promises: for single services, and for a whole configuration as time goes by.

use portolan_lang::Address;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::Strategy as Drawn;

use super::*;
use crate::compile::domain::placement::node::{Node, PodShape, Resources};
use crate::compile::domain::placement::{Capacity, Groups, Spread, Strategy};

/// A cluster of a test: its room in processors, and whether it is lost.
#[derive(Debug, Clone)]
struct Cluster {
    name: String,
    region: Arc<str>,
    capacity: Capacity,
    is_lost: bool,
}

impl Cluster {
    fn declared(name: &str, cpus: u64) -> Cluster {
        let room = Resources { cpu: cpus * 1000, ..Resources::UNLIMITED };
        Cluster { name: name.into(), region: "north".into(), capacity: Capacity::Declared(room), is_lost: false }
    }
}

/// A service of a test that asks for one processor a replica.
#[derive(Debug, Clone)]
struct Service {
    name: String,
    total: u32,
    strategy: Strategy,
    spread: Spread,
    bounds: (u32, Option<u32>),
    is_bound: bool,
    is_elastic: bool,
}

impl Service {
    fn new(total: u32) -> Service {
        Service {
            name: "api".into(),
            total,
            strategy: Strategy::FreeCapacity,
            spread: Spread::default(),
            bounds: (0, None),
            is_bound: false,
            is_elastic: false,
        }
    }

    fn request(&self, clusters: &[Cluster], ledger: &mut Ledger) -> Request {
        let site = |cluster: &Cluster| Site {
            cluster: ledger.cluster(&Address::of(["cluster", &*cluster.name]), || cluster.capacity.clone()),
            name: Arc::from(&*cluster.name),
            region: Some(cluster.region.clone()),
            weight: 1,
            min: self.bounds.0,
            max: self.bounds.1,
            is_lost: cluster.is_lost,
        };
        Request {
            subject: Address::of(["application", "shop", "service", &*self.name]),
            total: self.total,
            shape: PodShape { requests: Resources { cpu: 1000, ..Resources::default() }, ..PodShape::default() },
            strategy: self.strategy,
            spread: self.spread,
            is_bound: self.is_bound,
            is_elastic: self.is_elastic,
            sites: clusters.iter().map(site).collect(),
        }
    }
}

/// Clusters and what is recorded about services in them.
struct World {
    clusters: Vec<Cluster>,
    recorded: BTreeMap<String, Replicas>,
}

impl World {
    fn new(clusters: impl IntoIterator<Item = Cluster>) -> World {
        World { clusters: clusters.into_iter().collect(), recorded: BTreeMap::new() }
    }

    /// Places services, records what is decided and starts what is to run.
    fn place(&mut self, services: &[Service]) -> Vec<Result<Placed, Unplaced>> {
        let mut ledger = Ledger::default();
        let requests: Vec<Request> =
            services.iter().map(|service| service.request(&self.clusters, &mut ledger)).collect();
        let recorded: Vec<Option<Replicas>> =
            services.iter().map(|service| self.recorded.get(&service.name).cloned()).collect();
        let answers = place(&requests, &recorded, &mut ledger);
        for (service, answer) in services.iter().zip(&answers) {
            if let Ok(Placed { decision: Some(decision), .. }) = answer {
                let read = Replicas::read(decision).expect("the recorded form");
                self.recorded.insert(service.name.clone(), read);
            }
        }
        self.run();
        answers
    }

    /// What is recorded runs on the nodes that are looked at.
    fn run(&mut self) {
        for cluster in &mut self.clusters {
            let running: u32 = self.recorded.values().map(|replicas| replicas.running(&cluster.name)).sum();
            if let Capacity::Measured(nodes) = &mut cluster.capacity
                && !self.recorded.is_empty()
            {
                nodes[0].requested.cpu = 1000 * u64::from(running);
            }
        }
    }

    fn one(&mut self, service: &Service) -> Vec<u32> {
        self.place(std::slice::from_ref(service)).remove(0).expect("room").replicas
    }

    fn lose(&mut self, at: usize, is_lost: bool) {
        self.clusters[at].is_lost = is_lost;
    }
}

#[test]
fn what_follows_a_load_is_placed_as_far_as_there_is_room() {
    let mut world = World::new([Cluster::declared("a", 4), Cluster::declared("b", 2)]);
    let service = Service { is_elastic: true, ..Service::new(9) };
    let placed = world.place(std::slice::from_ref(&service)).remove(0).expect("as many as fit");
    assert_eq!((placed.replicas, placed.missing), (vec![4, 2], 3));
    world.clusters[1] = Cluster::declared("b", 20);
    let placed = world.place(std::slice::from_ref(&service)).remove(0).expect("all of them");
    assert_eq!((placed.replicas, placed.missing), (vec![4, 5], 0));
    let declared = Service { is_elastic: false, ..Service::new(99) };
    assert!(world.place(&[declared]).remove(0).is_err());
}

#[test]
fn weights_are_measured_once_and_pinned() {
    let mut world = World::new([Cluster::declared("large", 96), Cluster::declared("small", 48)]);
    let service = Service::new(6);
    assert_eq!(world.one(&service), [4, 2]);
    // However full or empty the clusters become, nothing moves without a reason.
    world.clusters[0] = Cluster::declared("large", 10);
    let again = world.place(std::slice::from_ref(&service)).remove(0).expect("room");
    assert_eq!((again.replicas, again.decision), (vec![4, 2], None));
    // More of them are divided by the weights as they were measured.
    assert_eq!(world.one(&Service::new(9)), [6, 3]);
}

#[test]
fn a_lost_cluster_is_restored_exactly() {
    let mut world = World::new([Cluster::declared("a", 60), Cluster::declared("b", 30), Cluster::declared("c", 30)]);
    let service = Service::new(8);
    assert_eq!(world.one(&service), [4, 2, 2]);
    let before = world.recorded.clone();
    world.lose(0, true);
    assert_eq!(world.one(&service), [0, 4, 4]);
    world.lose(0, false);
    assert_eq!(world.one(&service), [4, 2, 2]);
    assert_eq!(world.recorded, before);
}

#[test]
fn a_cluster_that_left_the_configuration_keeps_its_weight() {
    let (large, small) = (Cluster::declared("large", 96), Cluster::declared("small", 48));
    let mut world = World::new([large.clone(), small.clone()]);
    let service = Service::new(6);
    world.one(&service);
    world.clusters = vec![small.clone()];
    assert_eq!(world.one(&service), [6]);
    assert_eq!(world.recorded["api"].clusters["large"].weight, Some(96));
    world.clusters = vec![Cluster::declared("large", 20), small];
    assert_eq!(world.one(&service), [4, 2]);
}

#[test]
fn volumes_stay_in_a_lost_cluster() {
    let mut world = World::new([Cluster::declared("a", 60), Cluster::declared("b", 30)]);
    let service = Service { is_bound: true, ..Service::new(6) };
    assert_eq!(world.one(&service), [4, 2]);
    world.lose(0, true);
    let lost = world.place(std::slice::from_ref(&service)).remove(0).expect("room");
    assert_eq!((&lost.replicas[..], lost.missing), (&[0, 2][..], 0));
    assert_eq!(lost.settled.clusters["a"].replicas, Some(4));
    assert!(lost.settled.clusters["a"].is_lost);
    world.lose(0, false);
    assert_eq!(world.one(&service), [4, 2]);
}

#[test]
fn what_no_longer_fits_after_a_loss_is_missing() {
    let mut world = World::new([Cluster::declared("a", 6), Cluster::declared("b", 3)]);
    let service = Service::new(7);
    assert_eq!(world.one(&service), [5, 2]);
    world.lose(0, true);
    let lost = world.place(std::slice::from_ref(&service)).remove(0).expect("room");
    assert_eq!((&lost.replicas[..], lost.missing), (&[0, 3][..], 4));
    world.lose(0, false);
    assert_eq!(world.one(&service), [5, 2]);
}

#[test]
fn a_single_cluster_is_left_and_returned_to() {
    let mut world = World::new([Cluster::declared("a", 60), Cluster::declared("b", 30), Cluster::declared("c", 20)]);
    let service = Service { strategy: Strategy::Single, ..Service::new(5) };
    assert_eq!(world.one(&service), [5, 0, 0]);
    world.lose(0, true);
    assert_eq!(world.one(&service), [0, 5, 0]);
    // It grows where it is, and goes home whole.
    assert_eq!(world.one(&Service { total: 6, ..service.clone() }), [0, 6, 0]);
    world.lose(0, false);
    assert_eq!(world.one(&Service { total: 6, ..service }), [6, 0, 0]);
}

#[test]
fn what_comes_during_a_loss_stays_when_it_is_over() {
    let mut world = World::new([Cluster::declared("a", 60), Cluster::declared("b", 30), Cluster::declared("c", 30)]);
    world.one(&Service::new(8));
    world.lose(0, true);
    assert_eq!(world.one(&Service::new(9)), [0, 5, 4]);
    world.lose(0, false);
    assert_eq!(world.one(&Service::new(9)), [4, 3, 2]);
}

#[test]
fn a_cluster_that_was_full_gets_its_first_replica() {
    let mut world = World::new([Cluster::declared("a", 9), Cluster::declared("b", 0)]);
    assert_eq!(world.one(&Service::new(4)), [4, 0]);
    world.clusters[1] = Cluster::declared("b", 9);
    assert_eq!(world.one(&Service::new(4)), [3, 1]);
}

#[test]
fn too_little_room_is_told() {
    let mut world = World::new([Cluster::declared("a", 2), Cluster::declared("b", 1)]);
    let error = world.place(&[Service::new(4)]).remove(0).expect_err("no room");
    let limits = vec![(Arc::from("a"), 2), (Arc::from("b"), 1)];
    assert_eq!(error, Unplaced::NotEnoughRoom { wanted: 4, placed: 3, limits });
}

#[test]
fn one_cluster_or_all_of_them() {
    let clusters = [Cluster::declared("a", 2), Cluster::declared("b", 8)];
    let single = |total| Service { strategy: Strategy::Single, ..Service::new(total) };
    let mut world = World::new(clusters.clone());
    assert_eq!(world.one(&single(3)), [0, 3]);
    // It stays where it is, however many clusters could take it.
    world.clusters[0] = Cluster::declared("a", 100);
    assert_eq!(world.one(&single(4)), [0, 4]);
    let everywhere = |total| Service { strategy: Strategy::Duplicated, ..Service::new(total) };
    assert_eq!(World::new(clusters.clone()).one(&everywhere(2)), [2, 2]);
    let error = World::new(clusters).place(&[everywhere(3)]).remove(0).expect_err("no room");
    assert!(matches!(error, Unplaced::NotEnoughRoom { wanted: 3, placed: 2, .. }), "{error:?}");
}

#[test]
fn regions_and_clusters_are_chosen_by_weight() {
    let of = |name: &str, region: &str, cpus| Cluster { region: region.into(), ..Cluster::declared(name, cpus) };
    let clusters = [of("n1", "north", 30), of("n2", "north", 20), of("s1", "south", 40), of("e1", "east", 5)];
    let groups = |min, max| Some(Groups { min, max });
    let spread = |region, cluster| Service { spread: Spread { region, cluster }, ..Service::new(9) };
    let place = |service: Service| World::new(clusters.clone()).one(&service);
    assert_eq!(place(spread(groups(1, Some(2)), None)), [3, 2, 4, 0]);
    assert_eq!(place(spread(groups(1, Some(1)), None)), [5, 4, 0, 0]);
    assert_eq!(place(spread(None, groups(1, Some(2)))), [4, 0, 5, 0]);
    // One of each region before a second one of any.
    assert_eq!(place(spread(groups(3, None), groups(1, Some(3)))), [3, 0, 5, 1]);
    assert_eq!(place(Service { total: 3, ..spread(groups(3, None), None) }), [1, 0, 1, 1]);
    let error = World::new(clusters.clone()).place(&[spread(groups(4, None), None)]).remove(0);
    assert_eq!(error, Err(Unplaced::TooFewGroups { by: "region", found: 3, wanted: 4 }));
    // While a region is lost, there may be fewer.
    let mut world = World::new(clusters.clone());
    let service = spread(groups(3, None), None);
    let before = world.one(&service);
    world.lose(2, true);
    assert_eq!(world.one(&service).iter().sum::<u32>(), 9);
    world.lose(2, false);
    assert_eq!(world.one(&service), before);
}

#[test]
fn what_is_there_comes_before_what_is_new() {
    let mut world = World::new([Cluster::declared("a", 4)]);
    let named = |name: &str, total| Service { name: name.into(), ..Service::new(total) };
    world.place(&[named("old", 3)]);
    let answers = world.place(&[named("new", 2), named("old", 3)]);
    assert!(answers[0].is_err());
    assert_eq!(answers[1].as_ref().expect("it was there").replicas, [3]);
}

#[test]
fn nodes_that_were_looked_at_hold_what_runs_already() {
    let node = Node {
        ready: true,
        schedulable: true,
        allocatable: Resources { cpu: 4000, ..Resources::UNLIMITED },
        requested: Resources { cpu: 3000, ..Resources::default() },
        ..Node::default()
    };
    let measured = Cluster { capacity: Capacity::Measured(vec![node; 2]), ..Cluster::declared("a", 0) };
    assert!(World::new([measured.clone()]).place(&[Service::new(3)]).remove(0).is_err());
    // Two more fit beside the six that are there.
    let mut world = World::new([Cluster::declared("a", 9)]);
    world.one(&Service::new(6));
    world.clusters = vec![measured];
    assert_eq!(world.one(&Service::new(8)), [8]);
}

fn cluster() -> impl Drawn<Value = Cluster> {
    (0..40_u64, 0..3_u8, any::<bool>()).prop_map(|(cpus, region, is_measured)| {
        let free = Resources { cpu: 1000 * cpus, ..Resources::UNLIMITED };
        let node = Node { ready: true, schedulable: true, allocatable: free, ..Node::default() };
        let capacity = if is_measured { Capacity::Measured(vec![node]) } else { Capacity::Declared(free) };
        Cluster { name: String::new(), region: region.to_string().into(), capacity, is_lost: false }
    })
}

fn clusters() -> impl Drawn<Value = Vec<Cluster>> {
    proptest::collection::vec(cluster(), 1..6).prop_map(|clusters| {
        let named = clusters.into_iter().zip(["a", "b", "c", "d", "e"]);
        named.map(|(cluster, name)| Cluster { name: name.into(), ..cluster }).collect()
    })
}

fn service() -> impl Drawn<Value = Service> {
    let strategy = prop_oneof![Just(Strategy::FreeCapacity), Just(Strategy::Weighted)];
    let bounds = (0..4_u32, proptest::option::of(0..12_u32));
    let groups = || proptest::option::of(proptest::option::of(1..4_u32));
    (0..25_u32, strategy, bounds, groups(), groups()).prop_map(|(total, strategy, (min, more), regions, clusters)| {
        let groups = |max: Option<Option<u32>>| max.map(|max| Groups { min: 0, max });
        Service {
            strategy,
            bounds: (min, more.map(|more| min + more)),
            spread: Spread { region: groups(regions), cluster: groups(clusters) },
            ..Service::new(total)
        }
    })
}

fn services() -> impl Drawn<Value = Vec<Service>> {
    proptest::collection::vec(service(), 1..4).prop_map(|services| {
        let named = services.into_iter().zip(["x", "y", "z"]);
        named.map(|(service, name)| Service { name: name.into(), ..service }).collect()
    })
}

/// What can happen to a configuration.
#[derive(Debug, Clone)]
enum Event {
    Lost(Index),
    Back(Index),
    Grown(Index),
}

fn event() -> impl Drawn<Value = Event> {
    let index = any::<Index>;
    prop_oneof![index().prop_map(Event::Lost), index().prop_map(Event::Back), index().prop_map(Event::Grown)]
}

/// How many replicas each service has in each cluster; nothing where one could not be placed.
fn table(answers: &[Result<Placed, Unplaced>]) -> Option<Vec<Vec<u32>>> {
    answers.iter().map(|answer| answer.as_ref().ok().map(|placed| placed.replicas.clone())).collect()
}

fn none_is_smaller(before: &[u32], after: &[u32]) -> bool {
    before.iter().zip(after).all(|(before, after)| before <= after)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Declared capacity is never exceeded, and everything is placed or reported.
    #[test]
    fn sums_and_room_are_right(clusters in clusters(), services in services()) {
        let mut world = World::new(clusters.clone());
        let answers = world.place(&services);
        let mut used = vec![0; clusters.len()];
        for (service, answer) in services.iter().zip(&answers) {
            if let Ok(placed) = answer {
                prop_assert_eq!(placed.replicas.iter().sum::<u32>(), service.total);
                placed.replicas.iter().zip(&mut used).for_each(|(replicas, used)| *used += u64::from(*replicas));
                let max = service.bounds.1.unwrap_or(u32::MAX);
                prop_assert!(placed.replicas.iter().all(|replicas| *replicas <= max));
            }
        }
        let room = |cluster: &Cluster| match &cluster.capacity {
            Capacity::Declared(free) => free.cpu / 1000,
            Capacity::Measured(nodes) => nodes[0].allocatable.cpu / 1000,
            Capacity::Unknown => u64::MAX,
        };
        prop_assert!(used.iter().zip(&clusters).all(|(used, cluster)| *used <= room(cluster)));
    }

    #[test]
    fn a_second_time_decides_nothing(clusters in clusters(), services in services()) {
        let mut world = World::new(clusters);
        let first = world.place(&services);
        let second = world.place(&services);
        for (first, second) in first.iter().zip(&second).filter(|(first, _)| first.is_ok()) {
            let (first, second) = (first.as_ref().expect("placed"), second.as_ref().expect("placed again"));
            prop_assert_eq!(&first.replicas, &second.replicas);
            prop_assert_eq!(&second.decision, &None);
        }
    }

    /// One more replica of one service takes none away, neither its own nor those of others.
    #[test]
    fn growing_takes_nothing_from_anybody(clusters in clusters(), services in services()) {
        let mut world = World::new(clusters);
        let Some(before) = table(&world.place(&services)) else { return Ok(()) };
        let mut grown = services;
        grown[0].total += 1;
        let after = world.place(&grown);
        for (before, after) in before.iter().zip(&after) {
            // Where there is no room for one more, that is told.
            let Ok(after) = after else { continue };
            prop_assert!(none_is_smaller(before, &after.replicas), "{:?} {:?}", before, after);
        }
        prop_assert!(after[1..].iter().all(Result::is_ok));
    }

    /// The same, and one less gives none to anybody, however much fuller or emptier the clusters
    /// have become, as long as none of them is empty that need not be.
    #[test]
    fn growing_and_shrinking_move_nothing(
        clusters in clusters(),
        mut services in services(),
        grows in any::<bool>(),
        others in proptest::collection::vec(0..40_u64, 5),
    ) {
        let mut world = World::new(clusters);
        services.iter_mut().for_each(|service| service.spread = Spread::default());
        let Some(before) = table(&world.place(&services)) else { return Ok(()) };
        let least = services.iter().map(|service| service.bounds.0.max(1));
        if before.iter().zip(least).any(|(before, least)| before.iter().any(|replicas| *replicas < least)) {
            return Ok(());
        }
        for (cluster, others) in world.clusters.iter_mut().zip(others) {
            let running: u64 = world.recorded.values().map(|recorded| u64::from(recorded.running(&cluster.name))).sum();
            *cluster = Cluster { region: cluster.region.clone(), ..Cluster::declared(&cluster.name, running + others) };
        }
        let mut changed = services;
        changed[0].total = if grows { changed[0].total + 1 } else { changed[0].total - 1 };
        let after = world.place(&changed);
        for (before, after) in before.iter().zip(&after) {
            let Ok(after) = after else { continue };
            match grows {
                true => prop_assert!(none_is_smaller(before, &after.replicas), "{:?} {:?}", before, after),
                false => prop_assert!(none_is_smaller(&after.replicas, before), "{:?} {:?}", before, after),
            }
        }
    }

    /// A lost cluster never shrinks a survivor, whatever else is lost or grows meanwhile, and its
    /// return restores everything exactly.
    #[test]
    fn losses_shrink_nobody_and_returns_restore(
        clusters in clusters(),
        services in services(),
        lost in proptest::collection::vec(any::<Index>(), 1..4),
        returns in any::<Index>(),
    ) {
        let mut world = World::new(clusters);
        let Some(before) = table(&world.place(&services)) else { return Ok(()) };
        let mut last = before.clone();
        for at in lost {
            let at = at.index(world.clusters.len());
            world.lose(at, true);
            let during = table(&world.place(&services)).expect("a loss is no error");
            for (last, during) in last.iter().zip(&during) {
                let mut survivors = last.clone();
                survivors[at] = 0;
                prop_assert!(none_is_smaller(&survivors, during), "{:?} {:?}", last, during);
                prop_assert_eq!(during[at], 0);
            }
            last = during;
        }
        // They come back one by one, in any order.
        for step in 0..world.clusters.len() {
            let at = (returns.index(world.clusters.len()) + step) % world.clusters.len();
            world.lose(at, false);
            let now = table(&world.place(&services)).expect("room");
            for (before, now) in before.iter().zip(&now) {
                prop_assert_eq!(before[at], now[at].min(before[at]));
            }
            last = now;
        }
        prop_assert_eq!(last, before);
    }

    /// Whatever happens in whatever order, nobody loses a replica but to a cluster that comes back
    /// for its own.
    #[test]
    fn nobody_ever_shrinks_but_for_who_is_back(
        clusters in clusters(),
        mut services in services(),
        events in proptest::collection::vec(event(), 1..8),
    ) {
        let mut world = World::new(clusters);
        let Some(mut last) = table(&world.place(&services)) else { return Ok(()) };
        for event in events {
            let (mut lost, mut is_back) = (None, false);
            match event {
                Event::Lost(at) => lost = Some(at.index(world.clusters.len())),
                Event::Back(at) => {
                    let at = at.index(world.clusters.len());
                    is_back = world.clusters[at].is_lost;
                    world.lose(at, false);
                }
                Event::Grown(at) => {
                    let at = at.index(services.len());
                    services[at].total += 1;
                }
            }
            lost.into_iter().for_each(|at| world.lose(at, true));
            let Some(now) = table(&world.place(&services)) else { return Ok(()) };
            for (service, (last, now)) in services.iter().zip(last.iter().zip(&now)) {
                let own = &world.recorded[&service.name];
                for (at, cluster) in world.clusters.iter().enumerate().filter(|(_, cluster)| !cluster.is_lost) {
                    let least = if is_back { own.own(&cluster.name).min(last[at]) } else { last[at] };
                    prop_assert!(now[at] >= least, "{:?} {:?}", last, now);
                }
                prop_assert_eq!(now.iter().sum::<u32>() + own.missing, service.total);
            }
            // It comes to rest: what was full may be open once others have really left.
            last = now;
            for _ in 0..services.len() {
                last = table(&world.place(&services)).expect("what was placed");
            }
            prop_assert_eq!(table(&world.place(&services)), Some(last.clone()));
        }
    }
}
