//! A plan as a person reviews it: first what will happen to applications, routes and names,
//! then what was changed outside, then every resource.

use std::fmt::Write as _;

use portolan::compile::domain::placement::REPLICAS;
use portolan::plan::{Action, Change, Drift, DriftKind, Mode, Plan, Reason};

use super::difference::Difference;
use super::{loss, overview, placement, summary};
use crate::render::palette::Palette;
use crate::render::{terminal, value};

/// The whole plan.
pub(crate) fn human(plan: &Plan, colour: bool) -> String {
    let palette = Palette::new(colour);
    let mut text = String::new();
    text.push_str(&loss::text(plan, palette));
    text.push_str(&overview::text(plan, palette));
    text.push_str(&placement::text(plan, palette));
    drift(&mut text, plan, palette);
    for change in plan.changes.iter().filter(|change| is_shown(change)) {
        resource(&mut text, change, palette);
    }
    orders(&mut text, plan, palette);
    decisions(&mut text, plan, palette);
    outputs(&mut text, plan, palette);
    conclusion(&mut text, plan, palette);
    terminal::spelled(text)
}

fn is_shown(change: &Change) -> bool {
    change.action != Action::NoOp || change.previous_address.is_some() || change.importing.is_some()
}

/// In what an object was found changed outside, as the plan tells it.
pub(crate) fn changed_outside(drift: &Drift) -> String {
    let mut text = String::new();
    drift.kinds().into_iter().for_each(|kind| drifted(&mut text, drift, kind, Palette::new(false)));
    text
}

fn drift(text: &mut String, plan: &Plan, palette: Palette) {
    if plan.drift.is_empty() {
        return;
    }
    let _ = writeln!(text, "{}\n", palette.bold("Changed outside since it was recorded:"));
    for drift in &plan.drift {
        drift.kinds().into_iter().for_each(|kind| drifted(text, drift, kind, palette));
        text.push('\n');
    }
}

fn drifted(text: &mut String, drift: &Drift, kind: DriftKind, palette: Palette) {
    let address = palette.bold(&drift.key.address.to_string());
    match kind {
        DriftKind::Gone => {
            let _ = writeln!(text, "  {} {address} is gone", palette.removed("-"));
        }
        DriftKind::Values => {
            let _ = writeln!(text, "  {} {address} has other values", palette.changed("~"));
            let difference = Difference { palette, resource_type: &drift.resource_type, replace: &[] };
            text.push_str(&difference.of(Some(&drift.recorded), drift.values().as_ref()));
        }
        DriftKind::Ownership => ownership(text, drift, palette),
    }
}

fn ownership(text: &mut String, drift: &Drift, palette: Palette) {
    let (address, symbol) = (palette.bold(&drift.key.address.to_string()), palette.changed("!"));
    let lost = drift.lost_fields();
    if lost.is_empty() {
        let _ = writeln!(text, "  {symbol} {address} has fields that were others' before");
        return;
    }
    let _ = writeln!(text, "  {symbol} {address} has lost fields to others");
    let width = value::column(lost.iter().map(|(field, _)| &**field));
    for (field, owner) in lost {
        let _ = writeln!(text, "      {field:width$} belongs to {owner}");
    }
}

fn resource(text: &mut String, change: &Change, palette: Palette) {
    let address = palette.bold(&change.key.address.to_string());
    let (symbol, words) = symbol(change.action, palette);
    let _ = write!(text, "  {symbol} {address} {words}");
    if let Some(reason) = change.reason.map(reason) {
        let _ = write!(text, " {}", palette.dim(&format!("({reason})")));
    }
    text.push('\n');
    if let Some(previous) = &change.previous_address {
        let _ = writeln!(text, "      {}", palette.dim(&format!("was {previous}")));
    }
    if let Some(id) = &change.importing {
        let _ = writeln!(text, "      {}", palette.dim(&format!("imported from {}", value::quoted(id))));
    }
    if !matches!(change.action, Action::Delete | Action::Forget | Action::NoOp) {
        let difference = Difference { palette, resource_type: &change.resource_type, replace: &change.replace_paths };
        text.push_str(&difference.of(change.before.as_ref(), change.after.as_ref()));
    }
    text.push('\n');
}

fn symbol(action: Action, palette: Palette) -> (String, &'static str) {
    match action {
        Action::NoOp => (" ".to_owned(), "stays as it is"),
        Action::Create => (palette.added("+"), "will be created"),
        Action::Read => (palette.added("?"), "will be read while applying"),
        Action::Update => (palette.changed("~"), "will be updated in place"),
        Action::DeleteThenCreate => {
            (format!("{}/{}", palette.removed("-"), palette.added("+")), "will be deleted, then made anew")
        }
        Action::CreateThenDelete => {
            (format!("{}/{}", palette.added("+"), palette.removed("-")), "will be made anew, then the old one deleted")
        }
        Action::Delete => (palette.removed("-"), "will be deleted"),
        Action::Forget => (palette.dim("."), "will be forgotten, but not deleted"),
    }
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::CannotUpdate => "a change cannot be made in place",
        Reason::Tainted => "it was left half-made",
        Reason::Requested => "as asked for with --replace",
        Reason::Triggered => "replace_triggered_by",
        Reason::NoConfiguration => "no block declares it",
        Reason::CountIndex => "count no longer reaches its index",
        Reason::EachKey => "for_each no longer has its key",
        Reason::WrongRepetition => "count or for_each was added or taken away",
        Reason::NoModule => "its module is gone",
        Reason::NoMoveTarget => "what it was moved to is not declared",
        Reason::ConfigUnknown => "what it asks for is not known before apply",
        Reason::DependencyPending => "what it depends on will change",
        Reason::CheckNested => "the check is made again then",
        Reason::Withdrawal => "what uses it comes first",
    }
}

/// What is otherwise than the configuration says, because somebody wants that.
fn orders(text: &mut String, plan: &Plan, palette: Palette) {
    let orders = plan.orders();
    if orders.is_empty() {
        return;
    }
    let _ = writeln!(text, "{}\n", palette.bold("What stays as it was ordered:"));
    for decision in orders {
        let subject = palette.bold(&decision.subject.to_string());
        let since = palette.dim(&format!("(since {})", decision.second()));
        let _ = writeln!(text, "  {subject}: {} {since}", decision.reason);
    }
    text.push('\n');
}

/// The decisions that are not about replicas, and those that are no longer needed.
fn decisions(text: &mut String, plan: &Plan, palette: Palette) {
    let made = plan.decisions.iter().filter(|decision| &*decision.kind != REPLICAS);
    let made = made.map(|decision| (&decision.kind, &decision.subject, &*decision.reason));
    let withdrawn = plan.withdrawn.iter().map(|(subject, kind)| (kind, subject, "no longer needed"));
    let lines: Vec<_> = made.chain(withdrawn).collect();
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "{}\n", palette.bold("Decisions:"));
    for (kind, subject, reason) in lines {
        let _ = writeln!(text, "  {}: {reason}", palette.bold(&format!("{kind} of {subject}")));
    }
    text.push('\n');
}

fn outputs(text: &mut String, plan: &Plan, palette: Palette) {
    let changed: Vec<_> = plan.outputs.iter().filter(|output| output.before != output.after).collect();
    if changed.is_empty() {
        return;
    }
    let _ = writeln!(text, "{}\n", palette.bold("Outputs:"));
    for output in changed {
        let difference = Difference { palette, resource_type: "", replace: &[] };
        text.push_str(&difference.named(&output.name, output.before.as_ref(), output.after.as_ref()));
    }
    text.push('\n');
}

/// The first of the objects that are waited for, and how many there are beside.
fn awaited(plan: &Plan) -> String {
    let names: Vec<String> = plan.awaited.iter().map(ToString::to_string).collect();
    match plan.awaits.saturating_sub(names.len()) {
        _ if names.is_empty() => "an object".to_owned(),
        0 => names.join(", "),
        more => format!("{}, and {more} more", names.join(", ")),
    }
}

fn conclusion(text: &mut String, plan: &Plan, palette: Palette) {
    let line = match (plan.has_changes(), plan.mode) {
        (true, _) => format!("Plan: {}.", summary(plan)),
        (false, Mode::RefreshOnly) if !plan.drift.is_empty() => {
            "Applying this plan records what was found, and changes nothing else.".to_owned()
        }
        (false, _) if !plan.drift.is_empty() => {
            "Nothing is to be done: what was found is as it ought to be.".to_owned()
        }
        (false, Mode::Destroy) => "No changes. Nothing is recorded that could be destroyed.".to_owned(),
        (false, _) => "No changes. What is there is as the configuration wants it.".to_owned(),
    };
    let _ = writeln!(text, "{}", palette.bold(&line));
    if !plan.lost.is_empty() {
        text.push_str("This only shows what would be done; nothing is changed.\n");
    }
    if plan.is_offline {
        let _ = writeln!(text, "{}", super::OFFLINE);
    }
    match plan.awaits {
        0 => {}
        1 => {
            let _ = writeln!(text, "Applying it waits until {} is ready, before what depends on it.", awaited(plan));
        }
        many => {
            let _ = writeln!(
                text,
                "Applying it waits until {many} objects are ready, each before what depends on it: {}.",
                awaited(plan)
            );
        }
    }
}
