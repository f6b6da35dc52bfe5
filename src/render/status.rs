//! How the services are, for people and as JSON.

use std::collections::BTreeMap;

use jiff::Timestamp;
use portolan::observe::{Found, Row, Service};
use portolan_provider::{Condition, Status};
use serde_json::{Value as Json, json};

use super::foreign::one_line;
use super::palette::Palette;
use super::table::{Cell, Paint, table};

const HEADINGS: [&str; 8] = ["APPLICATION", "SERVICE", "CLUSTER", "READY", "STATE", "IMAGE", "RESTARTS", "AGE"];

/// Lines: a table, and below it why something is not as it should be.
pub(crate) fn human(services: &[Service<'_>], rows: &[Row<'_>], now: Timestamp, colour: bool) -> Vec<String> {
    let palette = Palette::new(colour);
    let cells: Vec<Vec<Cell>> = rows.iter().map(|row| cells(row, now)).collect();
    let mut lines = table(&HEADINGS, &cells, palette);
    for (at, (title, reasons)) in notes(rows).into_iter().chain(stops(services, now)).enumerate() {
        lines.extend((at == 0).then(String::new));
        lines.push(palette.bold(&title));
        lines.extend(reasons.into_iter().map(|reason| format!("  {reason}")));
    }
    lines
}

fn cells(row: &Row<'_>, now: Timestamp) -> Vec<Cell> {
    let (word, paint) = state(&row.found);
    let (wanted, ready) = counts(row);
    let shown = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
    let copies = if wanted.is_none() && ready.is_none() {
        "-".to_owned()
    } else {
        format!("{}/{}", shown(ready), shown(wanted))
    };
    let (restarts, age) = match &row.found {
        Found::Told(status) => (status.restarts, status.since.as_deref().and_then(|since| age(since, now))),
        _ => (None, None),
    };
    let restarts = restarts.map_or_else(
        || Cell::from("-"),
        |number| Cell::painted(number.to_string(), if number > 0 { Paint::Doubtful } else { Paint::Plain }),
    );
    vec![
        row.service.application().unwrap_or_else(|| "-".to_owned()).into(),
        row.service.name().into(),
        dash(row.work.cluster()).into(),
        copies.into(),
        Cell::painted(word, paint),
        dash(one_line(&images(row).join(", "))).into(),
        restarts,
        age.unwrap_or_else(|| "-".to_owned()).into(),
    ]
}

fn dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}

fn state(found: &Found) -> (&'static str, Paint) {
    match found {
        Found::Told(status) => (
            word(status.condition),
            match status.condition {
                Condition::Ready => Paint::Good,
                Condition::Waiting => Paint::Doubtful,
                Condition::Failing => Paint::Bad,
                Condition::Stopped | Condition::Unknown => Paint::Dim,
            },
        ),
        Found::Gone => ("gone", Paint::Bad),
        Found::NotTold(_) => ("unreachable", Paint::Bad),
    }
}

fn word(condition: Condition) -> &'static str {
    match condition {
        Condition::Ready => "ready",
        Condition::Waiting => "waiting",
        Condition::Stopped => "stopped",
        Condition::Failing => "failing",
        Condition::Unknown => "unknown",
    }
}

/// How many copies are wanted, and how many are ready.
fn counts(row: &Row<'_>) -> (Option<u64>, Option<u64>) {
    match &row.found {
        Found::Told(status) => (status.wanted, status.ready),
        Found::Gone => (row.work.declared.wanted, Some(0)),
        Found::NotTold(_) => (row.work.declared.wanted, None),
    }
}

/// What runs or, where that is not known, what is declared. An image that is declared to be
/// sensitive is not shown.
fn images<'a>(row: &'a Row<'_>) -> &'a [String] {
    match &row.found {
        Found::Told(status) if !row.work.declared.images.is_empty() => &status.images,
        _ => &row.work.declared.images,
    }
}

/// What is to be said of what is wrong: once for everything in a cluster that has the same cause.
fn notes(rows: &[Row<'_>]) -> Vec<(String, Vec<String>)> {
    let mut clusters: BTreeMap<(String, &str), usize> = BTreeMap::new();
    let mut services = Vec::new();
    for row in rows.iter().filter(|row| row.is_wrong()) {
        match &row.found {
            Found::NotTold(cause) => *clusters.entry((row.work.cluster(), cause)).or_default() += 1,
            Found::Told(status) => {
                let reasons = status.reasons.iter().map(|reason| one_line(reason)).collect();
                services.push((format!("{}: {}", title(row), one_line(&status.why)), reasons));
            }
            Found::Gone => services
                .push((format!("{}: somebody deleted it; `portolan apply` makes it again", title(row)), Vec::new())),
        }
    }
    let clusters =
        clusters.into_keys().map(|(cluster, cause)| (format!("{}: {}", dash(cluster), one_line(cause)), Vec::new()));
    clusters.chain(services).collect()
}

/// Who let something stand still, and why.
fn stops(services: &[Service<'_>], now: Timestamp) -> Vec<(String, Vec<String>)> {
    let told = |service: &Service<'_>| {
        let stop = service.stop?;
        let ago = age(&stop.time, now).map(|age| format!(", {age} ago")).unwrap_or_default();
        Some((format!("{}: {}{ago}", short(service), one_line(&stop.reason)), Vec::new()))
    };
    services.iter().filter_map(told).collect()
}

/// The short name of a service: `shop.web`.
fn short(service: &Service<'_>) -> String {
    match service.application() {
        Some(application) => format!("{application}.{}", service.name()),
        None => service.name(),
    }
}

fn title(row: &Row<'_>) -> String {
    let name = short(row.service);
    match row.work.cluster() {
        cluster if cluster.is_empty() => name,
        cluster => format!("{name} in {cluster}"),
    }
}

/// How long ago something was: `12s`, `5m`, `3h`, `2d`.
pub(super) fn age(since: &str, now: Timestamp) -> Option<String> {
    let seconds = now.duration_since(since.parse().ok()?).as_secs().max(0);
    Some(match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    })
}

/// Everything, for programs.
pub(crate) fn json(rows: &[Row<'_>]) -> Json {
    let is_healthy = !rows.iter().any(Row::is_wrong);
    let services: Vec<Json> = rows.iter().map(row_json).collect();
    json!({ "format_version": "1.0", "healthy": is_healthy, "services": services })
}

fn row_json(row: &Row<'_>) -> Json {
    let (wanted, ready) = counts(row);
    let (state, _) = state(&row.found);
    let mut entry = json!({
        "address": row.work.resource.key.address.to_string(),
        "application": row.service.application(),
        "service": row.service.name(),
        "cluster": row.work.cluster(),
        "state": state,
        "healthy": !row.is_wrong(),
        "wanted": wanted,
        "ready": ready,
        "images": images(row),
    });
    if let Some(stop) = row.service.stop {
        entry["stopped"] = json!({ "reason": stop.reason, "time": stop.time });
    }
    match &row.found {
        Found::Told(Status { restarts, since, why, reasons, .. }) => {
            entry["restarts"] = json!(restarts);
            entry["since"] = json!(since);
            entry["why"] = json!(why);
            entry["reasons"] = json!(reasons);
        }
        Found::NotTold(cause) => entry["why"] = json!(cause),
        Found::Gone => entry["why"] = json!("it is not there any more"),
    }
    entry
}
