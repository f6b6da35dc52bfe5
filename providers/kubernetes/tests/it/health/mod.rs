//! The health of objects, against the assessments of other tools.
//!
//! Each row is a live object and what another tool says of it. Where ours differs there is a
//! reason, and the number of rows that differ for it: the test fails when more do, and when
//! fewer do.

mod apart;

use std::collections::BTreeMap;

use apart::APART;
use jiff::Timestamp;
use portolan_kubernetes::health::{State, health};
use serde_json::Value as Json;

/// How many rows of each source say what ours says.
const AGREEING: [(&str, usize); 4] =
    [("argocd-builtin", 46), ("argocd-lua", 942), ("karmada-native", 24), ("kstatus", 49)];

#[test]
fn objects_are_as_healthy_as_other_tools_say() {
    let Some(rows) = rows() else {
        println!("skipped: PORTOLAN_VECTORS does not name a folder with upstream/health.jsonl");
        return;
    };
    let mut apart: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut agreeing: BTreeMap<String, usize> = BTreeMap::new();
    for (line, row) in rows.iter().enumerate() {
        let text = |name: &str| row.get(name).and_then(Json::as_str).unwrap_or_default();
        let (source, want) = (text("system"), text("want"));
        let found = health(&row["manifest"], Timestamp::now());
        if agrees(want, found.state) {
            *agreeing.entry(source.to_owned()).or_default() += 1;
        } else {
            let of = subject(source, &row["manifest"]);
            let told = format!("line {}: {want}, not {:?}: {}", line + 1, found.state, found.why);
            apart.entry((source.to_owned(), of)).or_default().push(told);
        }
        assert!(!found.why.is_empty(), "line {}", line + 1);
    }
    let known: BTreeMap<(String, String), usize> =
        APART.iter().map(|apart| ((apart.source.to_owned(), apart.of.to_owned()), apart.rows)).collect();
    assert_eq!(known.len(), APART.len(), "two entries for the same");
    assert!(APART.iter().all(|apart| !apart.why.is_empty()));
    let mut problems = Vec::new();
    for (subject, rows) in &apart {
        if known.get(subject).copied().unwrap_or_default() != rows.len() {
            problems.push(format!("{subject:?}: {} rows\n    {}", rows.len(), rows.join("\n    ")));
        }
    }
    problems.extend(known.keys().filter(|known| !apart.contains_key(*known)).map(|known| format!("{known:?}: none")));
    let agreeing: Vec<(&str, usize)> = agreeing.iter().map(|(source, rows)| (source.as_str(), *rows)).collect();
    assert_eq!(agreeing, AGREEING, "not as listed:\n{}", problems.join("\n"));
    assert!(problems.is_empty(), "not as listed:\n{}", problems.join("\n"));
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

fn agrees(want: &str, found: State) -> bool {
    match want {
        "Healthy" | "Current" => found == State::Ready,
        "Progressing" | "InProgress" => matches!(found, State::Progressing | State::Terminating),
        "Degraded" | "Failed" => matches!(found, State::Degraded | State::Failed),
        "Suspended" => found == State::Suspended,
        "Unhealthy" => found != State::Ready,
        "Unknown" | "Missing" => found == State::Unknown,
        // The tool has no rule for the kind.
        _ => true,
    }
}

fn subject(source: &str, manifest: &Json) -> String {
    let text = |name: &str| manifest.get(name).and_then(Json::as_str).unwrap_or_default();
    let group = text("apiVersion").rsplit_once('/').map_or("", |(group, _)| group);
    let is_custom = source == "argocd-lua" && group.contains('.') && !group.ends_with("apiextensions.k8s.io");
    if is_custom { group.to_owned() } else { text("kind").to_owned() }
}
