//! How long it takes to place 10,000 services over 100 clusters of 5,000 nodes each. A part of
//! `make bench`.
//!
//!     cargo bench --bench placement -- [services [clusters [nodes]]]
//!
//! Clusters, nodes and services are of several kinds each. They are placed for the first time, a
//! second time with nothing changed, with every tenth service grown, and with a cluster lost. What
//! is measured is all that placing does, counting what fits each node included; making up the
//! clusters is not.

#![allow(clippy::print_stdout, reason = "a benchmark shows what it measured")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use portolan::compile::domain::placement::node::{Node, PodShape, Resources};
use portolan::compile::domain::placement::{
    Capacity, Ledger, Placed, Replicas, Request, Site, Spread, Strategy, Unplaced, place,
};
use portolan_lang::Address;

const GIB: u64 = 1 << 30;

type Answers = Vec<Result<Placed, Unplaced>>;

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds flags of its own.
    let numbers = std::env::args().skip(1).filter(|argument| !argument.starts_with('-'));
    let numbers: Vec<usize> = numbers.map(|number| number.parse()).collect::<Result<_, _>>()?;
    let number = |at: usize, default: usize| numbers.get(at).copied().unwrap_or(default);
    let (services, clusters, nodes) = (number(0, 10_000), number(1, 100), number(2, 5_000));
    println!("{services} services over {clusters} clusters of {nodes} nodes:");
    let clusters: Vec<Vec<Node>> =
        (0..clusters).map(|cluster| (0..nodes).map(|at| node(cluster, at)).collect()).collect();

    let mut requests = Vec::new();
    let mut fresh = || {
        let mut ledger = Ledger::default();
        requests = (0..services).map(|service| request(service, &clusters, &mut ledger)).collect();
        (ledger, requests.clone())
    };
    let nothing = vec![None; services];
    let (mut ledger, requests) = fresh();
    let first = timed("placed for the first time", &requests, &nothing, &mut ledger)?;
    let recorded: Vec<Option<Replicas>> = first.iter().map(settled).collect();

    let (mut ledger, requests) = fresh();
    let again = timed("placed again, nothing changed", &requests, &recorded, &mut ledger)?;
    let changed = again.iter().flatten().filter(|placed| placed.decision.is_some()).count();
    println!("  {changed} decisions");

    let (mut ledger, mut requests) = fresh();
    requests.iter_mut().step_by(10).for_each(|request| request.total += 5);
    timed("a tenth of them grown", &requests, &recorded, &mut ledger)?;

    let (mut ledger, mut requests) = fresh();
    requests.iter_mut().for_each(|request| request.sites[0].is_lost = true);
    timed("a cluster lost", &requests, &recorded, &mut ledger)?;
    Ok(())
}

fn timed(
    what: &str,
    requests: &[Request],
    recorded: &[Option<Replicas>],
    ledger: &mut Ledger,
) -> Result<Answers, Box<dyn Error>> {
    let started = Instant::now();
    let answers = place(requests, recorded, ledger);
    let took = started.elapsed();
    let rate = requests.len() as f64 / took.as_secs_f64();
    println!("{what}: {took:.2?}, {rate:.0} services/s");
    match answers.iter().find_map(|answer| answer.as_ref().err()) {
        Some(unplaced) => Err(format!("not all of them found a place: {unplaced:?}").into()),
        None => Ok(answers),
    }
}

fn settled(answer: &Result<Placed, Unplaced>) -> Option<Replicas> {
    answer.as_ref().ok().map(|placed| placed.settled.clone())
}

/// Nodes of four sizes, some of them cordoned, each loaded in another way.
fn node(cluster: usize, at: usize) -> Node {
    let size = 1 << (at % 4);
    let load = ((cluster * 31 + at * 17) % 60) as u64;
    let allocatable =
        Resources { cpu: 8_000 * size, memory: 32 * GIB * size, ephemeral_storage: 200 * GIB * size, pods: 110 };
    let share = |amount: u64| amount / 100 * load;
    Node {
        labels: [(Arc::from("pool"), Arc::from(if at.is_multiple_of(10) { "large" } else { "web" }))].into(),
        ready: true,
        schedulable: !at.is_multiple_of(97),
        taints: Vec::new(),
        allocatable,
        requested: Resources {
            cpu: share(allocatable.cpu),
            memory: share(allocatable.memory),
            ephemeral_storage: share(allocatable.ephemeral_storage),
            pods: share(110),
        },
    }
}

/// Services of twelve shapes, with 1 to 20 replicas, in all clusters.
fn request(service: usize, clusters: &[Vec<Node>], ledger: &mut Ledger) -> Request {
    let shape = service % 12;
    let site = |(at, nodes): (usize, &Vec<Node>)| {
        let name: Arc<str> = format!("cluster-{at:03}").into();
        Site {
            cluster: ledger.cluster(&Address::of(["cluster", &*name]), || Capacity::Measured(nodes.clone())),
            name,
            region: Some(format!("region-{}", at % 7).into()),
            weight: 0,
            min: 0,
            max: None,
            is_lost: false,
        }
    };
    Request {
        subject: Address::of(["application", "bench", "service", &format!("service-{service:05}")]),
        total: 1 + (service * 7 % 20) as u32,
        shape: PodShape {
            requests: Resources {
                cpu: 100 * (1 + shape as u64),
                memory: GIB / 4 * (1 + shape as u64 % 5),
                ephemeral_storage: GIB,
                pods: 1,
            },
            node_selector: if shape == 0 { [(Arc::from("pool"), Arc::from("large"))].into() } else { [].into() },
            tolerations: Vec::new(),
        },
        strategy: Strategy::FreeCapacity,
        spread: Spread::default(),
        is_bound: false,
        is_elastic: false,
        sites: clusters.iter().enumerate().map(site).collect(),
    }
}
