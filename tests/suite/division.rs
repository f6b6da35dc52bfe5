//! The division of replicas beside what KubeFed, KubeAdmiral and Karmada answer to the same
//! questions, taken from their test suites.
//!
//! The file is read from the folder that `PORTOLAN_VECTORS` names. Rows to which this program
//! means to give another answer are counted by reason, so that a change of either is noticed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use portolan::compile::domain::placement::node::{Node, PodShape, Resources};
use portolan::compile::domain::placement::{
    Capacity, Groups, Ledger, Replicas, Request, Share, Site, Spread, Strategy, Unplaced, place,
};
use portolan_lang::Address;
use serde_json::Value as Json;

/// How many replicas each cluster has, without those that have none.
type Answer = BTreeMap<String, u64>;

/// A row of the file.
struct Row {
    json: Json,
    clusters: Vec<Cluster>,
    total: u32,
}

/// A cluster of a row that may take replicas.
#[derive(Clone)]
struct Cluster {
    name: String,
    weight: u64,
    min: u32,
    max: Option<u32>,
    capacity: Option<u32>,
    assigned: u32,
}

/// Why a row is not asked.
fn inapplicable(row: &Json) -> Option<&'static str> {
    match row["strategy"].as_str().unwrap_or("") {
        "Aggregated" => Some("replicas are packed into as few clusters as possible, which is no strategy here"),
        "Unsupported" => Some("no such strategy can be written"),
        _ if !row["overflow_tiers"].is_null() => Some("clusters have no tiers"),
        _ if row["tie_breaker"].as_str().is_some_and(|rule| rule.contains('>')) => {
            Some("ties are broken by name alone")
        }
        _ => None,
    }
}

/// Why this program gives another answer than the one that is wanted.
fn reason(row: &Row, want: &Answer, got: &Answer) -> Option<&'static str> {
    let sorted = |answer: &Answer| {
        let mut numbers: Vec<u64> = answer.values().copied().collect();
        numbers.sort_unstable();
        numbers
    };
    let is_any = |test: &dyn Fn(&Cluster) -> bool| row.clusters.iter().any(test);
    let count = |cluster: &Cluster| want.get(&cluster.name).copied().unwrap_or(0);
    let is_empty = |cluster: &Cluster| cluster.weight > 0 && cluster.max != Some(0) && count(cluster) == 0;
    Some(match () {
        () if sorted(want) == sorted(got) => "among equals the first name comes first, not a hash of the name",
        () if is_any(&|cluster| cluster.weight == 0 && count(cluster) > u64::from(cluster.min)) => {
            "a cluster without weight has none beside its minimum"
        }
        () if is_any(&|cluster| cluster.max.is_some_and(|max| count(cluster) > u64::from(max))) => {
            "a maximum holds, even where there are more"
        }
        () if is_any(&is_empty) && is_any(&|cluster| count(cluster) > 1) => "every cluster has one before any has two",
        () if is_any(&|cluster| cluster.min > 0) => "a minimum is part of the share, not given beside it",
        () if row.json["strategy"] == "DynamicWeight" => "weights are pinned when first measured, not measured anew",
        () if row.recorded().is_some() => "new ones go where the weights say, not where most are missing",
        _ => return None,
    })
}

impl Row {
    fn new(json: Json) -> Row {
        let assigned = |cluster: &Json| cluster["assigned"].as_u64().unwrap_or(0) as u32;
        let number = |json: &Json| json.as_u64().map(|number| number as u32);
        let dynamic = json["strategy"] == "DynamicWeight";
        let clusters: Vec<Cluster> = json["clusters"]
            .as_array()
            .expect("clusters")
            .iter()
            .filter(|cluster| cluster["candidate"] != false)
            .filter_map(|cluster| {
                let available = number(&cluster["available"]).filter(|_| dynamic);
                let weight = match json["strategy"].as_str() {
                    Some("Duplicated") => Some(1),
                    Some("DynamicWeight") => available.map(|available| u64::from(available + assigned(cluster))),
                    _ => cluster["weight"].as_u64(),
                };
                let room = available.map(|available| available + assigned(cluster));
                let capacity = number(&cluster["capacity"]).or(number(&cluster["limited_capacity"])).or(room);
                Some(Cluster {
                    name: cluster["name"].as_str()?.to_owned(),
                    weight: weight?,
                    min: number(&cluster["min"]).unwrap_or(0),
                    max: number(&cluster["max"]),
                    capacity,
                    assigned: assigned(cluster),
                })
            })
            .collect();
        let replicas = number(&json["replicas"]).expect("replicas");
        let adds = json["replicas_are"] == "seats to add";
        let before: u32 = clusters.iter().map(|cluster| cluster.assigned).sum();
        Row { total: if adds { before + replicas } else { replicas }, json, clusters }
    }

    /// Whether what is assigned already counts.
    fn keeps(&self) -> bool {
        let strategy = self.json["strategy"].as_str().unwrap_or("");
        match strategy {
            "Planner.kubefed" => self.json["rebalance"] == false,
            "Planner.kubeadmiral" => self.json["avoid_disruption"] == true,
            _ => true,
        }
    }

    fn strategy(&self) -> Strategy {
        if self.json["strategy"] == "Duplicated" { Strategy::Duplicated } else { Strategy::Weighted }
    }

    /// What was decided before, if anything.
    fn recorded(&self) -> Option<Replicas> {
        let assigned: u32 = self.clusters.iter().map(|cluster| cluster.assigned).sum();
        let share = |cluster: &Cluster| Share {
            weight: Some(cluster.weight),
            replicas: Some(cluster.assigned),
            min: cluster.min,
            max: cluster.max,
            ..Share::default()
        };
        let clusters = self.clusters.iter().map(|cluster| (Arc::from(&*cluster.name), share(cluster)));
        (assigned > 0 && self.keeps()).then(|| Replicas {
            strategy: self.strategy(),
            total: assigned,
            missing: 0,
            spread: Spread::default(),
            clusters: clusters.collect(),
        })
    }

    fn answer(&self) -> Result<Answer, Unplaced> {
        let mut ledger = Ledger::default();
        let site = |cluster: &Cluster| {
            let room = cluster.capacity.map(|pods| Resources { pods: u64::from(pods), ..Resources::UNLIMITED });
            let capacity = room.map_or(Capacity::Unknown, Capacity::Declared);
            Site {
                cluster: ledger.cluster(&Address::of(["cluster", &*cluster.name]), || capacity),
                name: Arc::from(&*cluster.name),
                region: None,
                weight: cluster.weight,
                min: cluster.min,
                max: cluster.max,
                is_lost: false,
            }
        };
        let request = Request {
            subject: Address::of(["application", "shop", "service", "api"]),
            total: self.total,
            shape: PodShape::default(),
            strategy: self.strategy(),
            spread: Spread::default(),
            is_bound: false,
            is_elastic: false,
            sites: self.clusters.iter().map(site).collect(),
        };
        let placed = place(&[request], &[self.recorded()], &mut ledger).remove(0);
        let seats = match placed {
            Ok(placed) => placed.replicas,
            // They place as many as they can, where this program says that the others have no room.
            Err(Unplaced::NotEnoughRoom { placed, limits, .. }) if self.json["error"] != true => {
                let all: Vec<u32> = limits.iter().map(|(_, limit)| *limit).collect();
                assert_eq!(all.iter().sum::<u32>(), placed, "{}", self.json);
                all
            }
            Err(problem) => return Err(problem),
        };
        let names = self.clusters.iter().map(|cluster| cluster.name.clone());
        Ok(names.zip(seats).filter(|(_, seats)| *seats > 0).map(|(name, seats)| (name, u64::from(seats))).collect())
    }
}

fn wanted(json: &Json) -> Answer {
    let entries = json.as_object().into_iter().flatten();
    entries.map(|(name, count)| (name.clone(), count.as_u64().unwrap_or(0))).filter(|(_, count)| *count > 0).collect()
}

/// The rows of a file, or nothing where the vectors are not there.
fn rows(name: &str) -> Option<Vec<Json>> {
    let Some(folder) = std::env::var_os("PORTOLAN_VECTORS") else {
        eprintln!("skipped: PORTOLAN_VECTORS is not set");
        return None;
    };
    let text = std::fs::read_to_string(Path::new(&folder).join("upstream").join(name)).expect("the rows");
    Some(text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect())
}

/// How many rows there are of each sort.
#[derive(Default)]
struct Counts(BTreeMap<String, usize>);

impl Counts {
    fn count(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }

    fn table(&self) -> String {
        self.0.iter().map(|(what, count)| format!("{count:4} {what}\n")).collect()
    }
}

#[test]
fn replicas_are_divided_as_elsewhere_or_differently_for_a_reason() {
    let Some(rows) = rows("replica_division.jsonl") else { return };
    let mut counts = Counts::default();
    let mut unexplained = Vec::new();
    for json in rows {
        if let Some(why) = inapplicable(&json) {
            counts.count(format!("not asked: {why}"));
            continue;
        }
        let row = Row::new(json);
        let wants: Vec<Answer> = match row.json["want_any"].as_array() {
            Some(any) => any.iter().map(wanted).collect(),
            None => vec![wanted(&row.json["want"])],
        };
        match row.answer() {
            Err(_) if row.json["error"] == true => counts.count("the same"),
            Ok(got) if row.json["error"] != true && wants.contains(&got) => counts.count("the same"),
            Ok(got) => match reason(&row, &wants[0], &got) {
                Some(why) => counts.count(format!("different: {why}")),
                None => unexplained.push(format!("{got:?} in place of {:?}\n    {}", wants[0], row.json)),
            },
            Err(problem) => unexplained.push(format!("{problem:?}\n    {}", row.json)),
        }
    }
    assert!(unexplained.is_empty(), "{}\n{}", counts.table(), unexplained.join("\n"));
    assert_eq!(counts.table(), DIVISIONS);
}

const DIVISIONS: &str = concat!(
    "   5 different: a cluster without weight has none beside its minimum\n",
    "   2 different: a maximum holds, even where there are more\n",
    "  14 different: a minimum is part of the share, not given beside it\n",
    "  32 different: among equals the first name comes first, not a hash of the name\n",
    "  19 different: every cluster has one before any has two\n",
    "   2 different: new ones go where the weights say, not where most are missing\n",
    "   1 different: weights are pinned when first measured, not measured anew\n",
    "   4 not asked: clusters have no tiers\n",
    "   1 not asked: no such strategy can be written\n",
    "  11 not asked: replicas are packed into as few clusters as possible, which is no strategy here\n",
    "   1 not asked: ties are broken by name alone\n",
    " 233 the same\n",
);

/// Which of these regions replicas are placed in, each a cluster with a weight.
fn chosen(row: &Json) -> Option<Vec<String>> {
    let number = |json: &Json| json.as_u64().expect("a number");
    let mut ledger = Ledger::default();
    let site = |group: &Json| {
        let name = group["name"].as_str().expect("a name");
        Site {
            cluster: ledger.cluster(&Address::of(["cluster", name]), || Capacity::Unknown),
            name: Arc::from(name),
            region: Some(Arc::from(name)),
            weight: number(&group["weight"]),
            min: 0,
            max: None,
            is_lost: false,
        }
    };
    let sites: Vec<Site> = row["groups"].as_array().expect("groups").iter().map(site).collect();
    let groups = Groups { min: number(&row["min"]) as u32, max: Some(number(&row["max"]) as u32) };
    let request = Request {
        subject: Address::of(["application", "shop", "service", "api"]),
        total: 20,
        shape: PodShape::default(),
        strategy: Strategy::Weighted,
        spread: Spread { region: Some(groups), cluster: None },
        is_bound: false,
        is_elastic: false,
        sites,
    };
    let placed = place(std::slice::from_ref(&request), &[None], &mut ledger).remove(0).ok()?;
    let used = request.sites.iter().zip(placed.replicas).filter(|(_, replicas)| *replicas > 0);
    Some(used.map(|(site, _)| site.name.to_string()).collect())
}

/// How many sets of pods fit nodes.
fn sets(row: &Json) -> u64 {
    let amount = |json: &Json| {
        let text = json.as_str().unwrap_or("0");
        let number = |digits: &str| digits.parse::<u64>().expect("a number");
        match (text.strip_suffix('m'), text.strip_suffix("Gi")) {
            (Some(digits), _) => number(digits),
            (_, Some(digits)) => number(digits) << 30,
            _ => 1000 * number(text),
        }
    };
    let resources = |json: &Json| Resources {
        cpu: amount(&json["cpu"]),
        memory: amount(&json["memory"]),
        ephemeral_storage: 0,
        pods: amount(&json["pods"]) / 1000,
    };
    let node = |node: &Json| Node {
        ready: true,
        schedulable: true,
        allocatable: resources(&node["allocatable"]),
        ..Node::default()
    };
    let nodes = row["nodes"].as_array().expect("nodes").iter().map(node).collect();
    let mut ledger = Ledger::default();
    let cluster = ledger.cluster(&Address::of(["cluster", "a"]), || Capacity::Measured(nodes));
    let mut fits_all = || {
        row["components"].as_array().expect("components").iter().all(|component| {
            let requests = resources(&component["requests"]);
            let shape = ledger.shape(&PodShape { requests, ..PodShape::default() });
            let count = component["replicas"].as_u64().expect("a number") as u32;
            ledger.take(cluster, shape, count) == count
        })
    };
    (0..row["upper_bound"].as_u64().expect("a number")).take_while(|_| fits_all()).count() as u64
}

#[test]
fn regions_and_room_are_as_elsewhere_or_different_for_a_reason() {
    let Some(rows) = rows("failover_spread_estimate.jsonl") else { return };
    let mut counts = Counts::default();
    for row in rows {
        match row["kind"].as_str() {
            Some("spread_select_groups") => {
                let mut want: Vec<String> = serde_json::from_value(row["want"].clone()).expect("names");
                let mut got = chosen(&row).unwrap_or_default();
                want.sort();
                got.sort();
                counts.count(match got == want {
                    true => "regions: the same",
                    false => "regions: different: they are chosen by weight, whatever the number of replicas",
                });
            }
            Some("estimate_first_fit_sets") => counts.count(match Some(sets(&row)) == row["want"].as_u64() {
                true => "room: the same",
                false => "room: different: pods are spread over the nodes, not packed",
            }),
            _ => counts.count("not asked: whether a cluster is ready"),
        }
    }
    assert_eq!(counts.table(), SELECTIONS);
}

const SELECTIONS: &str = concat!(
    "  11 not asked: whether a cluster is ready\n",
    "   6 regions: different: they are chosen by weight, whatever the number of replicas\n",
    "   3 regions: the same\n",
    "   7 room: the same\n",
);
