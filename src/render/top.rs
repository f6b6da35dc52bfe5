//! What services use, for people and as JSON.

use std::collections::BTreeSet;

use portolan::observe::Told;
use portolan_provider::Usage;
use serde_json::{Value as Json, json};

use super::foreign::one_line;
use super::palette::Palette;
use super::table::{Cell, Paint, table};

const HEADINGS: [&str; 8] = ["APPLICATION", "SERVICE", "CLUSTER", "COPIES", "CPU", "REQUESTED", "MEMORY", "REQUESTED"];

/// Lines: a table, and below it what is not measured and why.
pub(crate) fn human(told: &[Told<'_, Usage>], colour: bool) -> Vec<String> {
    let palette = Palette::new(colour);
    let rows: Vec<Vec<Cell>> = told.iter().map(cells).collect();
    let mut lines = table(&HEADINGS, &rows, palette);
    let causes: BTreeSet<(String, &String)> =
        told.iter().filter_map(|told| Some((told.work.cluster(), told.answer.as_ref().err()?))).collect();
    lines.extend((!causes.is_empty()).then(String::new));
    lines.extend(causes.into_iter().map(|(cluster, cause)| palette.bold(&format!("{cluster}: {}", one_line(cause)))));
    lines
}

fn cells(told: &Told<'_, Usage>) -> Vec<Cell> {
    let mut cells: Vec<Cell> = vec![
        told.service.application().unwrap_or_else(|| "-".to_owned()).into(),
        told.service.name().into(),
        told.work.cluster().into(),
    ];
    let Ok(usage) = &told.answer else {
        cells.extend((0..5).map(|_| Cell::from("-")));
        return cells;
    };
    cells.push(usage.copies.to_string().into());
    cells.push(millis(usage.cpu).into());
    cells.push(share(usage.cpu, usage.requested_cpu, millis));
    cells.push(bytes(usage.memory).into());
    cells.push(share(usage.memory, usage.requested_memory, bytes));
    cells
}

/// How much of what is requested is used: `24% of 500m`.
fn share(used: u64, requested: Option<u64>, shown: fn(u64) -> String) -> Cell {
    let Some(requested) = requested.filter(|requested| *requested > 0) else { return Cell::from("-") };
    let percent = u128::from(used) * 100 / u128::from(requested);
    let paint = if percent > 100 { Paint::Doubtful } else { Paint::Plain };
    Cell::painted(format!("{percent}% of {}", shown(requested)), paint)
}

fn millis(millis: u64) -> String {
    format!("{millis}m")
}

/// `512Ki`, `64Mi`, `1.5Gi`
fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["Ki", "Mi", "Gi", "Ti"];
    let mut amount = bytes as f64 / 1024.0;
    let mut unit = 0;
    while amount >= 1024.0 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    let text = if amount < 10.0 { format!("{amount:.1}") } else { format!("{amount:.0}") };
    format!("{}{}", text.trim_end_matches(".0"), UNITS[unit])
}

/// Everything, for programs.
pub(crate) fn json(told: &[Told<'_, Usage>]) -> Json {
    let row = |told: &Told<'_, Usage>| {
        let mut entry = json!({
            "address": told.work.resource.key.address.to_string(),
            "application": told.service.application(),
            "service": told.service.name(),
            "cluster": told.work.cluster(),
        });
        match &told.answer {
            Ok(usage) => {
                entry["copies"] = json!(usage.copies);
                entry["cpu_millis"] = json!(usage.cpu);
                entry["memory_bytes"] = json!(usage.memory);
                entry["requested_cpu_millis"] = json!(usage.requested_cpu);
                entry["requested_memory_bytes"] = json!(usage.requested_memory);
            }
            Err(cause) => entry["why"] = json!(cause),
        }
        entry
    };
    json!({ "format_version": "1.0", "services": told.iter().map(row).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_short() {
        let shown = [0, 1536, 64 << 20, 3 << 29, 20 << 30].map(bytes);
        assert_eq!(shown, ["0Ki", "1.5Ki", "64Mi", "1.5Gi", "20Gi"]);
    }
}
