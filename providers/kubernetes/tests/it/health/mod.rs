//! The health of objects, against the assessments of other tools.
//!
//! Each row is a live object and what another tool says of it. Where ours differs there is a
//! reason, and the number of rows that differ for it: the test fails when more do, and when
//! fewer do. Rows where ours is stricter are listed apart from those where it is laxer; which
//! a row is follows from the two verdicts and the order of [`State`].

mod apart;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use apart::{Apart, LAXER, STRICTER};
use jiff::Timestamp;
use portolan_kubernetes::health::{State, health};
use serde_json::Value as Json;

/// How many rows of each source say what ours says.
const AGREEING: [(&str, usize); 4] =
    [("argocd-builtin", 47), ("argocd-lua", 1003), ("karmada-native", 25), ("kstatus", 49)];

#[test]
fn objects_are_as_healthy_as_other_tools_say() {
    let Some(rows) = rows() else {
        println!("skipped: PORTOLAN_VECTORS does not name a folder with upstream/health.jsonl");
        return;
    };
    let mut differing = Differing::default();
    let mut agreeing: BTreeMap<String, usize> = BTreeMap::new();
    for (line, row) in rows.iter().enumerate() {
        let text = |name: &str| row.get(name).and_then(Json::as_str).unwrap_or_default();
        let (source, want) = (text("system"), text("want"));
        let found = health(&row["manifest"], Timestamp::now());
        assert!(!found.why.is_empty(), "line {}", line + 1);
        let subject = (source.to_owned(), subject(source, &row["manifest"]));
        let told = format!("line {}: {want}, not {:?}: {}", line + 1, found.state, found.why);
        match side(want, found.state) {
            Ordering::Equal => *agreeing.entry(source.to_owned()).or_default() += 1,
            Ordering::Greater => differing.stricter.entry(subject).or_default().push(told),
            Ordering::Less => differing.laxer.entry(subject).or_default().push(told),
        }
    }
    let mut problems = unlisted("stricter", &differing.stricter, STRICTER);
    problems.extend(unlisted("laxer", &differing.laxer, LAXER));
    let agreeing: Vec<(&str, usize)> = agreeing.iter().map(|(source, rows)| (source.as_str(), *rows)).collect();
    assert_eq!(agreeing, AGREEING, "not as listed:\n{}", problems.join("\n"));
    assert!(problems.is_empty(), "not as listed:\n{}", problems.join("\n"));
}

/// What is told of the rows of a source and a kind, or a group.
type Told = BTreeMap<(String, String), Vec<String>>;

#[derive(Default)]
struct Differing {
    stricter: Told,
    laxer: Told,
}

/// Where the rows that were found differ in number from those that are listed.
fn unlisted(side: &str, found: &Told, listed: &[Apart]) -> Vec<String> {
    let key = |apart: &Apart| (apart.source.to_owned(), apart.of.to_owned());
    let known: BTreeMap<(String, String), usize> = listed.iter().map(|apart| (key(apart), apart.rows)).collect();
    assert_eq!(known.len(), listed.len(), "two entries for the same");
    assert!(listed.iter().all(|apart| !apart.why.is_empty()));
    let differs = |(subject, rows): &(&(String, String), &Vec<String>)| known.get(*subject) != Some(&rows.len());
    let found_otherwise = found.iter().filter(differs);
    let mut problems: Vec<String> = found_otherwise
        .map(|(subject, rows)| format!("{side} {subject:?}: {} rows\n    {}", rows.len(), rows.join("\n    ")))
        .collect();
    problems.extend(known.keys().filter(|known| !found.contains_key(*known)).map(|it| format!("{side} {it:?}: none")));
    problems
}

/// The manifests with what the extraction left in them set right: names of constants, and the
/// time of the test.
fn rows() -> Option<Vec<Json>> {
    let path = std::path::PathBuf::from(std::env::var_os("PORTOLAN_VECTORS")?).join("upstream/health.jsonl");
    let text = std::fs::read_to_string(path).ok()?;
    let text = text.replace("corev1.ServiceType", "").replace("corev1.Claim", "");
    let text = text.replace("${NOW}", &Timestamp::now().to_string());
    Some(text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect())
}

/// Whether ours is stricter than what another tool says, laxer, or the same.
fn side(want: &str, found: State) -> Ordering {
    let same: &[State] = match want {
        "Healthy" | "Current" => &[State::Ready],
        "Progressing" | "InProgress" => &[State::Progressing, State::Terminating],
        "Degraded" | "Failed" => &[State::Degraded, State::Failed],
        "Suspended" => &[State::Suspended],
        "Unhealthy" => return if found == State::Ready { Ordering::Less } else { Ordering::Equal },
        "Unknown" | "Missing" => &[State::Unknown],
        // The tool has no rule for the kind.
        _ => return Ordering::Equal,
    };
    match same.contains(&found) {
        true => Ordering::Equal,
        false => found.cmp(&same[0]),
    }
}

fn subject(source: &str, manifest: &Json) -> String {
    let text = |name: &str| manifest.get(name).and_then(Json::as_str).unwrap_or_default();
    let group = text("apiVersion").rsplit_once('/').map_or("", |(group, _)| group);
    let is_custom = source == "argocd-lua" && group.contains('.') && !group.ends_with("apiextensions.k8s.io");
    if is_custom { group.to_owned() } else { text("kind").to_owned() }
}
