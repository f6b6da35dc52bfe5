//! What is recorded and not wanted: deleted, or forgotten where a `removed` block says so.

use portolan_lang::{Address, Diagnostic, Diagnostics, InstanceKey, Span, Value};
use rustc_hash::{FxHashMap, FxHashSet};

use super::model::{Action, Change, Reason};
use super::targets::ByAddress;
use crate::compile::{Desired, Group, Removed};
use crate::config::Lifecycle;
use crate::plan::records::{Record, Records};

/// What becomes of what is recorded but not declared, and of old objects that a replacement
/// left; sorted by key. `is_wanted` says what is left alone.
pub(crate) fn plan(
    desired: &Desired,
    by_address: &ByAddress<'_>,
    records: &Records<'_>,
    reasons: bool,
    is_wanted: impl Fn(&Record<'_>) -> bool,
) -> (Vec<Change>, Diagnostics) {
    let declared = Declared::new(desired);
    let mut diagnostics = still_declared(desired);
    let mut forgotten = Vec::new();
    let mut changes = Vec::new();
    for record in records.list.iter().filter(|record| record.selected && !is_wanted(record)) {
        let Some(before) = record.live.value(record.resource) else { continue };
        let says_so = |removed: &Removed| !removed.destroy && removed.from.contains(&record.key.address);
        let action = if desired.removed.iter().any(says_so) {
            forgotten.push(format!("  - {}", record.key.address));
            Action::Forget
        } else if is_replaced_by_itself(record, records) {
            Action::Forget
        } else {
            diagnostics.extend(declared.prevents(record));
            Action::Delete
        };
        let reason = (reasons && record.key.deposed.is_none()).then(|| declared.reason(record));
        let instance = by_address.get(&record.key.address).copied();
        changes.push(Change { instance, reason, ..taken_away(record, before, action) });
    }
    changes.sort_by(|left, right| left.key.cmp(&right.key));
    if !forgotten.is_empty() {
        forgotten.sort();
        diagnostics.push(
            Diagnostic::warning("Some objects will no longer be managed")
                .detail(format!("These are no longer recorded, and are not deleted:\n{}", forgotten.join("\n")))
                .help("To manage them again, import them."),
        );
    }
    (changes, diagnostics)
}

fn taken_away(record: &Record<'_>, before: &Value, action: Action) -> Change {
    Change {
        key: record.key.clone(),
        previous_address: record.previous_address(),
        instance: None,
        is_data: false,
        resource_type: record.resource.resource_type.clone(),
        provider: record.resource.provider.clone(),
        action,
        reason: None,
        identity: Some(record.resource.identity.clone()),
        before: Some(before.clone()),
        after: None,
        replace_paths: Vec::new(),
        importing: None,
    }
}

/// Whether an old object that was put aside is the very one that took its place, because the
/// system has only one place for both: deleting the old one would delete the new one.
fn is_replaced_by_itself(record: &Record<'_>, records: &Records<'_>) -> bool {
    let Some(at) = records.current(&record.key.address).filter(|_| record.key.deposed.is_some()) else { return false };
    let (old, current) = (record.resource, records.list[at].resource);
    old.identity == current.identity
        && old.resource_type == current.resource_type
        && old.provider == current.provider
        && old.connection == current.connection
}

/// The blocks that are declared, and the modules that hold any.
struct Declared<'a> {
    desired: &'a Desired,
    groups: FxHashMap<&'a Address, &'a Group>,
    /// The blocks that are still there of which some part may be gone.
    blocks: FxHashSet<Address>,
    modules: FxHashSet<Address>,
}

impl<'a> Declared<'a> {
    fn new(desired: &'a Desired) -> Self {
        let mut modules = FxHashSet::default();
        for group in &desired.groups {
            let mut module = group.address.module();
            // Modules that hold modules alone are there as well.
            while modules.insert(module.clone()) {
                let above = module.segments().len().saturating_sub(2);
                module = Address::new(module.segments()[..above].iter().cloned());
            }
        }
        let groups = desired.groups.iter().map(|group| (&group.address, group)).collect();
        let with_parts = desired.instances.iter().filter(|instance| instance.address.part_name().is_some());
        let blocks = with_parts.map(|instance| instance.address.block()).collect();
        Declared { desired, groups, blocks, modules }
    }

    /// The block that an instance would belong to.
    fn group(&self, address: &Address) -> Option<&'a Group> {
        let keyless = address.block().instance(None);
        self.groups.get(&keyless).copied()
    }

    fn reason(&self, record: &Record<'_>) -> Reason {
        let address = &record.key.address;
        let module = address.module();
        let missing = if record.previous_address().is_some() { Reason::NoMoveTarget } else { Reason::NoConfiguration };
        if self.desired.has_block(address) == Some(false) {
            return missing;
        }
        if !module.segments().is_empty() && !self.modules.contains(&module) {
            return Reason::NoModule;
        }
        let Some(group) = self.group(address) else { return missing };
        if address.part_name().is_some() && self.blocks.contains(&address.block()) {
            return Reason::NoConfiguration;
        }
        reason_of_key(address.key(), keys_of(self.desired, group))
    }

    /// The error where the block that still stands for the object forbids to delete it.
    fn prevents(&self, record: &Record<'_>) -> Option<Diagnostic> {
        let group = self.group(&record.key.address).filter(|_| record.key.deposed.is_none())?;
        prevented(&group.lifecycle, &record.key.address, first_span(self.desired, group))
    }
}

/// The keys that a block's instances have.
enum Keys {
    None,
    Indexes,
    Names,
    /// It has no instances, so that nothing tells.
    Unknown,
}

fn keys_of(desired: &Desired, group: &Group) -> Keys {
    let Some(member) = group.members.first() else { return Keys::Unknown };
    match desired.instance(*member).address.key() {
        None => Keys::None,
        Some(InstanceKey::Index(_)) => Keys::Indexes,
        Some(InstanceKey::Key(_)) => Keys::Names,
    }
}

fn reason_of_key(key: Option<&InstanceKey>, keys: Keys) -> Reason {
    match (key, keys) {
        (Some(InstanceKey::Index(_)), Keys::Indexes | Keys::Unknown) => Reason::CountIndex,
        (Some(InstanceKey::Key(_)), Keys::Names | Keys::Unknown) => Reason::EachKey,
        _ => Reason::WrongRepetition,
    }
}

/// The error for an object that must not be deleted, at its block and the `prevent_destroy` in it.
pub(crate) fn prevented(lifecycle: &Lifecycle, address: &Address, declared: Option<Span>) -> Option<Diagnostic> {
    let says_so = lifecycle.prevent_destroy?;
    let error = Diagnostic::error("Instance cannot be destroyed")
        .detail(format!("{address} has prevent_destroy set, but the plan calls for it to be destroyed."))
        .help("Take prevent_destroy away, or leave this out with --target.")
        .of(address);
    let error = declared.into_iter().fold(error, |error, span| error.label(span, "declared here"));
    Some(error.label(says_so, "this forbids it"))
}

fn first_span(desired: &Desired, group: &Group) -> Option<Span> {
    group.members.first().map(|member| desired.instance(*member).span)
}

/// `removed` blocks for what is still declared.
fn still_declared(desired: &Desired) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    for removed in &desired.removed {
        if let Some(group) = desired.groups.iter().find(|group| removed.from.contains(&group.address)) {
            diagnostics.push(still_exists(removed, first_span(desired, group)));
        }
    }
    diagnostics
}

fn still_exists(removed: &Removed, declared: Option<Span>) -> Diagnostic {
    let what = if removed.from.local().segments().is_empty() { "module" } else { "resource" };
    let error = Diagnostic::error(format!("Removed {what} still exists"))
        .detail(format!("A removed block says that {} is gone, but it is still declared.", removed.from))
        .help("Take away the block that declares it, or the removed block.");
    let error = declared.map_or(error.clone(), |span| error.label(span, "still declared here"));
    error.label(removed.span, "said to be removed here")
}
