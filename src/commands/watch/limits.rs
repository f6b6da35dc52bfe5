//! What of a plan is beyond what the daemon may do, in words.

use std::collections::BTreeSet;

use jiff::Timestamp;
use portolan::plan::{Action, Plan};
use portolan::watch::limits::{Beyond, Cause, Change, Effect, Limits, cause};
use portolan_lang::Address;
use portolan_state::Decision;

use super::clusters::Moved;
use super::named;
use crate::commands::arguments::Permission;

/// What is declared, and what is allowed on the command line beside.
pub(super) fn limits(declared: Option<&Limits>, allowed: &[Permission]) -> Limits {
    let declared = declared.cloned().unwrap_or_default();
    Limits {
        deletions: declared.deletions || allowed.contains(&Permission::Deletions),
        replacements: declared.replacements || allowed.contains(&Permission::Replacements),
        ..declared
    }
}

/// Everything for which a plan needs a person, in a sentence each, given what was decided for it and what is moved by
/// that; `recorded` is how many objects there are.
pub(super) fn beyond(
    limits: &Limits,
    plan: &Plan,
    decided: &[Decision],
    moved: &Moved<'_>,
    recorded: usize,
) -> Option<String> {
    let told: Vec<String> =
        limits.beyond(&changes(plan, decided, moved), recorded as u64, Timestamp::now()).iter().map(words).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

fn changes(plan: &Plan, decided: &[Decision], moved: &Moved<'_>) -> Vec<Change> {
    let drifted: BTreeSet<&Address> = plan.drift.iter().map(|drift| &drift.key.address).collect();
    // What a decision of the daemon leads to was decided about services by compiling.
    let led_to = plan.decisions.iter().filter(|_| !decided.is_empty());
    let subjects: Vec<&Address> = led_to.chain(decided).map(|decision| &decision.subject).collect();
    let changes = plan.changes.iter().filter_map(|change| {
        let effect = match change.action {
            Action::NoOp | Action::Read | Action::Forget => return None,
            Action::Create | Action::Update => Effect::Put,
            Action::Delete => Effect::Delete,
            Action::DeleteThenCreate | Action::CreateThenDelete => Effect::Replace,
        };
        let address = change.key.address.clone();
        let cause = match moved.contains(change) {
            true => Cause::Decision,
            // That a service is decided about is no reason to delete anything of it but what is moved.
            false => match cause(&address, &drifted, &subjects) {
                Cause::Decision if effect != Effect::Put => Cause::Configuration,
                cause => cause,
            },
        };
        Some(Change { address, effect, cause })
    });
    changes.collect()
}

fn words(beyond: &Beyond) -> String {
    let these = |addresses: &[Address]| named(&addresses.iter().map(Address::to_string).collect::<Vec<_>>());
    match beyond {
        Beyond::Paused(reason) => format!("it is paused: {reason}"),
        Beyond::Lost(addresses) => {
            format!("a person has to allow that this is deleted or replaced: {}", these(addresses))
        }
        Beyond::TooMany { changes, most } => {
            format!("a person has to allow that {changes} objects are changed at once: no more than {most} may be")
        }
        Beyond::Outside(addresses) => {
            format!("it is not the time for what the configuration changes: {}", these(addresses))
        }
    }
}
