//! What the nodes of a fleet make of a release.

use std::collections::BTreeMap;

use portolan_fleet::{Release, Report, State};
use portolan_provider::{Condition, Error, Status, Waiting};

/// Reports of nodes that live, by their names.
pub(crate) type Reports = BTreeMap<String, Report>;

/// How many nodes are named in a message.
const NAMED: usize = 5;

/// How far the nodes are.
pub(crate) enum Verdict {
    /// All that live serve all of it, and there are enough.
    Ready,
    /// Some are on their way.
    Waiting(Waiting),
    /// Some cannot come to it by themselves.
    Failed(Error),
}

/// How far the nodes are with a release that at least so many have to serve.
pub(crate) fn judge(release: &Release, reports: &Reports, least: u64) -> Verdict {
    let failed = problems(release, reports);
    let refused = reports.values().any(|report| report.has_failed(release));
    let serving = reports.values().filter(|report| report.serves(release)).count();
    // One that does not take it holds up the others; a unit that stays as it was does not.
    if refused || !failed.is_empty() && serving == reports.len() {
        return Verdict::Failed(failure(release, &failed));
    }
    let whole = reports.values().filter(|report| report.serves(release) && report.quarantined.is_empty()).count();
    let whole = if failed.is_empty() { whole } else { serving };
    if whole == reports.len() && whole as u64 >= least {
        return Verdict::Ready;
    }
    let why = format!("{whole} of {} nodes serve revision {}", most(reports, least), release.revision);
    Verdict::Waiting(Waiting { why, reasons: reasons(release, reports, least) })
}

fn most(reports: &Reports, least: u64) -> u64 {
    least.max(reports.len() as u64)
}

fn failure(release: &Release, problems: &[String]) -> Error {
    let message = format!("revision {} is not served as it was published: {}", release.revision, problems.join("; "));
    Error::failed(message).help(
        "The nodes go on with the last good version of what they do not take. Mend the configuration and apply again.",
    )
}

/// What nodes say is wrong, each with their names; the same words once.
fn problems(release: &Release, reports: &Reports) -> Vec<String> {
    let mut said: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (node, report) in reports.iter().filter(|(_, report)| report.is_about(release)) {
        if report.has_failed(release) {
            said.entry(report.why.clone()).or_default().push(node);
        }
        for one in report.quarantined.iter().filter(|one| !one.is_awaited) {
            said.entry(format!("{} stays as it was: {}", one.unit, one.error)).or_default().push(node);
        }
    }
    said.into_iter().map(|(words, nodes)| format!("{}: {words}", named(&nodes))).collect()
}

fn named(nodes: &[&str]) -> String {
    let shown = nodes.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match nodes.len().saturating_sub(NAMED) {
        0 => shown,
        others => format!("{shown} and {others} more"),
    }
}

/// What holds it up.
fn reasons(release: &Release, reports: &Reports, least: u64) -> Vec<String> {
    let mut reasons = Vec::new();
    if (reports.len() as u64) < least {
        let found = match reports.len() {
            0 => "no agent reports".to_owned(),
            1 => "only one agent reports".to_owned(),
            some => format!("only {some} agents report"),
        };
        reasons.push(format!("{found}; each node needs one: portolan agent nginx"));
    }
    for (node, report) in reports.iter().filter(|(_, report)| !report.serves(release)).take(NAMED) {
        reasons.push(match (report.is_about(release), report.why.as_str()) {
            (false, _) => format!("{node} has not seen it yet"),
            (true, "") => format!("{node} is on its way"),
            (true, why) => format!("{node}: {why}"),
        });
    }
    for (node, report) in reports.iter().filter(|(_, report)| report.is_about(release)).take(NAMED) {
        let awaited = report.quarantined.iter().filter(|one| one.is_awaited);
        reasons.extend(awaited.take(NAMED).map(|one| format!("{node}: {} {}", one.unit, one.error)));
    }
    reasons
}

/// How the fleet is, for people.
pub(crate) fn status(release: &Release, reports: &Reports, least: u64) -> Status {
    let ready = reports.values().filter(|report| report.serves(release) && report.quarantined.is_empty()).count();
    let problems = problems(release, reports);
    let (condition, why) = match judge(release, reports, least) {
        _ if !problems.is_empty() => (Condition::Failing, format!("revision {} is not served whole", release.revision)),
        Verdict::Ready => (Condition::Ready, format!("revision {} is served", release.revision)),
        Verdict::Waiting(waiting) => (Condition::Waiting, waiting.why),
        Verdict::Failed(error) => (Condition::Failing, error.message),
    };
    let mut reasons = problems;
    reasons.extend(reasons_of_others(release, reports, least));
    let mut versions: Vec<String> = reports.values().map(|report| report.nginx.clone()).collect();
    versions.retain(|version| !version.is_empty());
    versions.sort();
    versions.dedup();
    Status {
        condition,
        why,
        reasons,
        wanted: Some(most(reports, least)),
        ready: Some(ready as u64),
        images: versions,
        restarts: None,
        since: None,
    }
}

/// What holds up the nodes that have not failed.
fn reasons_of_others(release: &Release, reports: &Reports, least: u64) -> Vec<String> {
    let others: Reports = reports
        .iter()
        .filter(|(_, report)| !report.has_failed(release) || report.state == State::Unknown)
        .map(|(node, report)| (node.clone(), report.clone()))
        .collect();
    let missing = least.saturating_sub(reports.len() as u64);
    reasons(release, &others, others.len() as u64 + missing)
}

#[cfg(test)]
mod tests {
    use portolan_fleet::{Digest, Quarantined};

    use super::*;

    fn release() -> Release {
        Release::new(7, Digest::of(b"tree"))
    }

    fn report(state: State, why: &str) -> Report {
        Report {
            revision: 7,
            manifest: Some(Digest::of(b"tree")),
            state,
            serves: None,
            why: why.to_owned(),
            quarantined: Vec::new(),
            agent: String::new(),
            nginx: String::new(),
            since: 0,
        }
    }

    fn told(reports: &[(&str, Report)], least: u64) -> String {
        let reports = reports.iter().map(|(node, report)| ((*node).to_owned(), report.clone())).collect();
        match judge(&release(), &reports, least) {
            Verdict::Ready => "ready".to_owned(),
            Verdict::Waiting(waiting) => format!("{}: {}", waiting.why, waiting.reasons.join("; ")),
            Verdict::Failed(error) => format!("failed: {}", error.message),
        }
    }

    #[test]
    fn all_that_live_have_to_serve_it() {
        let (good, late) = (report(State::Serving, ""), report(State::Waiting, "it is the turn of a"));
        assert_eq!(told(&[("a", good.clone()), ("b", good.clone())], 1), "ready");
        assert_eq!(
            told(&[("a", good.clone()), ("b", late)], 1),
            "1 of 2 nodes serve revision 7: b: it is the turn of a"
        );
        let old = Report { revision: 6, ..good.clone() };
        assert_eq!(told(&[("a", good.clone()), ("b", old)], 1), "1 of 2 nodes serve revision 7: b has not seen it yet");
        let other = Report { manifest: Some(Digest::of(b"other")), ..good };
        assert_eq!(told(&[("a", other)], 1), "0 of 1 nodes serve revision 7: a has not seen it yet");
    }

    #[test]
    fn there_have_to_be_enough() {
        let nobody = "0 of 1 nodes serve revision 7: no agent reports; each node needs one: portolan agent nginx";
        assert_eq!(told(&[], 1), nobody);
        assert_eq!(told(&[], 0), "ready");
        let few = "1 of 3 nodes serve revision 7: only one agent reports; each node needs one: portolan agent nginx";
        assert_eq!(told(&[("a", report(State::Serving, ""))], 3), few);
    }

    #[test]
    fn who_does_not_take_it_is_named_with_its_words() {
        let (good, bad) = (report(State::Serving, ""), report(State::Refused, "[emerg] no port"));
        let one = "failed: revision 7 is not served as it was published: a: [emerg] no port";
        assert_eq!(told(&[("a", bad.clone()), ("b", report(State::Waiting, "a"))], 1), one);
        let both = "failed: revision 7 is not served as it was published: a, b: [emerg] no port";
        assert_eq!(told(&[("a", bad.clone()), ("b", bad), ("c", good)], 1), both);
    }

    #[test]
    fn a_unit_that_stays_as_it_was_is_told_when_all_are_done() {
        let quarantined =
            vec![Quarantined { unit: "route.shop".into(), error: "unknown directive".into(), is_awaited: false }];
        let some = Report { quarantined, ..report(State::Serving, "") };
        let late = report(State::Waiting, "it fetches");
        assert_eq!(told(&[("a", some.clone()), ("b", late)], 1), "1 of 2 nodes serve revision 7: b: it fetches");
        let all =
            "failed: revision 7 is not served as it was published: a: route.shop stays as it was: unknown directive";
        assert_eq!(told(&[("a", some)], 1), all);
    }
}
