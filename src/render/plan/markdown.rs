//! A plan as a comment on a change under review.

use std::fmt::Write as _;

use portolan::compile::domain::placement::REPLICAS;
use portolan::plan::{Action, Change, Drift, DriftKind, Plan};

use super::difference::Difference;
use super::{loss, overview, placement, summary};
use crate::render::palette::Palette;

/// The most that code hosts take in one comment, with some left for what surrounds it.
const MAX_BYTES: usize = 60_000;

/// The whole plan; what does not fit is counted.
pub(crate) fn markdown(plan: &Plan) -> String {
    let mut text =
        if plan.has_changes() { format!("### Plan: {}\n", summary(plan)) } else { "### No changes\n".to_owned() };
    if plan.is_offline {
        let _ = writeln!(text, "\n{}", super::OFFLINE);
    }
    let overview = overview::lines(plan).into_iter().map(|line| [line.what, line.happens]);
    table(&mut text, ["what", "happens"], overview);
    let lost = loss::rows(plan);
    table(&mut text, ["service", "what it would lose", "what would become of that"], lost);
    let placed = placement::rows(plan);
    table(&mut text, ["service", "where its replicas run", "why"], placed);
    decisions(&mut text, plan);
    if !plan.drift.is_empty() {
        text.push_str("\n**Changed outside since it was recorded:**\n\n");
        for drift in &plan.drift {
            let how: Vec<String> = drift.kinds().into_iter().map(|kind| how(drift, kind)).collect();
            let _ = writeln!(text, "- {} {}", cell(&drift.key.address.to_string()), how.join(", and "));
        }
    }
    details(&mut text, plan);
    text
}

/// Nothing where there are no rows.
fn table<const COLUMNS: usize>(
    text: &mut String,
    head: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
) {
    let mut rows = rows.into_iter().peekable();
    if rows.peek().is_none() {
        return;
    }
    let _ = writeln!(text, "\n| {} |\n{}|", head.join(" | "), "|---".repeat(COLUMNS));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.map(|column| cell(&column)).join(" | "));
    }
}

/// What is decided by this plan, but for replicas, which have a table; and what was ordered before.
fn decisions(text: &mut String, plan: &Plan) {
    for decision in plan.decisions.iter().filter(|decision| &*decision.kind != REPLICAS) {
        let _ = writeln!(
            text,
            "\n**{} of {}**: {}",
            decision.kind,
            cell(&decision.subject.to_string()),
            cell(&decision.reason)
        );
    }
    for decision in plan.orders() {
        let (subject, reason) = (cell(&decision.subject.to_string()), cell(&decision.reason));
        let _ = writeln!(text, "\n**{subject}** stays as it was ordered: {reason} (since {})", decision.second());
    }
}

/// In what an object was found changed.
fn how(drift: &Drift, kind: DriftKind) -> String {
    match kind {
        DriftKind::Gone => "is gone".to_owned(),
        DriftKind::Values => "has other values".to_owned(),
        DriftKind::Ownership => {
            let lost = drift.lost_fields().into_iter();
            let lost: Vec<String> =
                lost.map(|(field, owner)| format!("{} to {}", cell(&field), cell(&owner))).collect();
            if lost.is_empty() {
                "has fields that were others' before".to_owned()
            } else {
                format!("has lost {}", lost.join(", "))
            }
        }
    }
}

fn details(text: &mut String, plan: &Plan) {
    let changes: Vec<&Change> = plan.changes.iter().filter(|change| change.action != Action::NoOp).collect();
    if changes.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n<details><summary>{} resources</summary>\n", changes.len());
    for (position, change) in changes.iter().enumerate() {
        let section = section(change);
        if text.len() + section.len() > MAX_BYTES {
            let _ = writeln!(text, "… and {} more, which a comment has no room for.", changes.len() - position);
            break;
        }
        text.push_str(&section);
    }
    text.push_str("\n</details>\n");
}

fn section(change: &Change) -> String {
    let symbol = match change.action {
        Action::Create | Action::Read => "+",
        Action::Update => "!",
        Action::DeleteThenCreate | Action::CreateThenDelete => "-/+",
        Action::Delete => "-",
        Action::NoOp | Action::Forget => "#",
    };
    let difference = Difference {
        palette: Palette::new(false),
        resource_type: &change.resource_type,
        replace: &change.replace_paths,
    };
    let body = match change.action {
        Action::Delete | Action::Forget => String::new(),
        _ => difference.of(change.before.as_ref(), change.after.as_ref()),
    };
    let fence = fence(&body);
    let body: String = body.lines().map(|line| format!("{}\n", marked(line))).collect();
    format!("{fence}diff\n{symbol} {}\n{body}{fence}\n", change.key.address)
}

/// A line of a difference with its sign in the first column, where highlighters look for it.
fn marked(line: &str) -> String {
    let indented = line.trim_start();
    let indent = line.len() - indented.len();
    match indented.chars().next() {
        Some(sign @ ('+' | '-')) => format!("{sign}{}{}", " ".repeat(indent), &indented[1..]),
        Some('~') => format!("!{}{}", " ".repeat(indent), &indented[1..]),
        _ => format!(" {line}"),
    }
}

/// A fence longer than any in the text.
fn fence(text: &str) -> String {
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    "`".repeat((longest + 1).max(3))
}

/// A text inside of a table cell, where nothing of it can be markup.
fn cell(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '|' | '*' | '_' | '`' | '[' | ']' | '<' | '>' | '\\' | '#' | '~' => {
                escaped.push('\\');
                escaped.push(character);
            }
            '\n' | '\r' => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}
