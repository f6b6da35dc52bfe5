//! What the loss of clusters would mean.

use std::fmt::Write as _;

use portolan::compile::Loss;
use portolan::plan::Plan;
use serde_json::{Value as Json, json};

use crate::render::palette::Palette;

/// What services would lose and what would become of that, a line each, and what would be missing in
/// all; empty where no loss is simulated.
pub(super) fn text(plan: &Plan, palette: Palette) -> String {
    if plan.lost.is_empty() {
        return String::new();
    }
    let clusters: Vec<String> = plan.lost.iter().map(ToString::to_string).collect();
    let clusters = clusters.join(", ");
    let mut text = format!("{}\n\n", palette.bold(&format!("If {clusters} were lost now:")));
    let rows = rows(plan);
    let width = rows.iter().map(|[service, ..]| service.chars().count()).max().unwrap_or(0);
    for [service, had, becomes] in rows {
        let _ = writeln!(text, "  {service:width$}  loses {had}: {becomes}");
    }
    let missing = Missing::of(&plan.losses);
    let missing = match missing.replicas {
        0 => "There would be room for all that can move.".to_owned(),
        replicas => format!("Missing: room for {replicas} {} ({}).", copies(replicas), missing.amounts()),
    };
    let _ = writeln!(text, "\n  {missing}\n  Nothing would be done in {clusters}: what is recorded there stays so.");
    if !plan.unread.is_empty() {
        let unread: Vec<String> = plan.unread.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "  Not read, so that it is not known what they say: {}.", unread.join(", "));
    }
    text.push('\n');
    text
}

/// The service, what it would lose, and what would become of that.
pub(super) fn rows(plan: &Plan) -> Vec<[String; 3]> {
    plan.losses.iter().map(|loss| [loss.service.to_string(), had(loss), becomes(loss)]).collect()
}

pub(super) fn json(plan: &Plan) -> Json {
    let service = |loss: &Loss| {
        let lost: serde_json::Map<String, Json> =
            loss.lost.iter().map(|(cluster, replicas)| (cluster.to_string(), json!(replicas))).collect();
        json!({
            "service": loss.service.to_string(),
            "lost": lost,
            "moved": loss.moved,
            "missing": loss.missing,
            "bound": loss.is_bound,
            "duplicated": loss.is_duplicated,
        })
    };
    let missing = Missing::of(&plan.losses);
    json!({
        "clusters": plan.lost.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "unread": plan.unread.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "services": plan.losses.iter().map(service).collect::<Vec<_>>(),
        "missing": {
            "replicas": missing.replicas,
            "cpu_millis": missing.cpu,
            "memory_bytes": missing.memory,
            "ephemeral_storage_bytes": missing.storage,
        },
    })
}

/// `3 in beijing, 1 in tianjin`
fn had(loss: &Loss) -> String {
    let parts: Vec<String> = loss.lost.iter().map(|(cluster, replicas)| format!("{replicas} in {cluster}")).collect();
    parts.join(", ")
}

fn becomes(loss: &Loss) -> String {
    if loss.is_bound {
        return "cannot move, because of volumes, and wait for its return".to_owned();
    }
    if loss.is_duplicated {
        return "every other cluster has replicas of its own".to_owned();
    }
    let mut parts = Vec::new();
    if loss.moved > 0 {
        parts.push(format!("{} would run elsewhere", loss.moved));
    }
    if loss.missing > 0 {
        let missing = Missing::of(std::slice::from_ref(loss));
        parts.push(format!("no room for {} ({})", loss.missing, missing.amounts()));
    }
    parts.join(", ")
}

fn copies(replicas: u64) -> &'static str {
    if replicas == 1 { "replica" } else { "replicas" }
}

/// What there would be no room for.
#[derive(Default)]
struct Missing {
    replicas: u64,
    /// In thousandths.
    cpu: u64,
    /// In bytes.
    memory: u64,
    /// In bytes.
    storage: u64,
}

impl Missing {
    fn of(losses: &[Loss]) -> Missing {
        losses.iter().fold(Missing::default(), |sum, loss| {
            let replicas = u64::from(loss.missing);
            let add = |sum: u64, one: u64| sum.saturating_add(one.saturating_mul(replicas));
            Missing {
                replicas: sum.replicas + replicas,
                cpu: add(sum.cpu, loss.requests.cpu),
                memory: add(sum.memory, loss.requests.memory),
                storage: add(sum.storage, loss.requests.ephemeral_storage),
            }
        })
    }

    /// `1.5 processors, 3 GiB of memory, 30 GiB of disk`
    fn amounts(&self) -> String {
        let cpu = format!("{}.{:03}", self.cpu / 1000, self.cpu % 1000);
        let cpu = cpu.trim_end_matches('0').trim_end_matches('.');
        format!("{cpu} processors, {} of memory, {} of disk", binary(self.memory), binary(self.storage))
    }
}

/// An amount of bytes in the largest unit that leaves at least one, with at most one decimal.
fn binary(bytes: u64) -> String {
    let (unit, name) = [(1u64 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]
        .into_iter()
        .find(|(unit, _)| bytes >= *unit)
        .unwrap_or((1, "bytes"));
    let tenths = (u128::from(bytes) * 10).div_ceil(u128::from(unit));
    match tenths % 10 {
        0 => format!("{} {name}", tenths / 10),
        rest => format!("{}.{rest} {name}", tenths / 10),
    }
}
