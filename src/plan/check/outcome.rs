//! What a plan leaves: its operations, carried out one after the other on the keys of what is
//! recorded. Linear in the size of the plan and of the record.

use portolan_lang::Address;
use portolan_state::{Resource, ResourceKey, Snapshot};
use rustc_hash::FxHashSet;

use crate::compile::{Desired, Group, Instance};
use crate::plan::model::{Action, Change, Mode, OperationKind, Plan};

/// Why carrying out a plan would not lead from what is recorded to what ought to exist, in
/// sentences; empty where it would. The plan is structurally sound and has no errors.
pub fn wrong_outcome(plan: &Plan, desired: &Desired, snapshot: &Snapshot) -> Vec<String> {
    let mut replay = Replay { plan, recorded: FxHashSet::default(), found: Vec::new() };
    replay.recorded.extend(snapshot.resources.iter().map(|row| Key::of(&row.key)));
    replay.record_what_is_known();
    for change in plan.changes.iter().filter(|change| !change.is_data) {
        replay.check_before(change);
    }
    for operation in &plan.operations {
        replay.carry_out(operation.kind, &plan.changes[operation.change]);
    }
    replay.compare(desired, snapshot);
    replay.check_prevented(desired);
    replay.found
}

/// Which row. One that is put aside while its change is carried out has a name of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key<'a> {
    address: &'a Address,
    deposed: Option<&'a str>,
}

impl<'a> Key<'a> {
    fn of(key: &'a ResourceKey) -> Self {
        Key { address: &key.address, deposed: key.deposed.as_deref() }
    }

    fn aside(self) -> Self {
        Key { deposed: Some("replaced"), ..self }
    }
}

struct Replay<'a> {
    plan: &'a Plan,
    recorded: FxHashSet<Key<'a>>,
    found: Vec<String>,
}

impl<'a> Replay<'a> {
    fn expect(&mut self, holds: bool, key: Key<'_>, what: &str) {
        if !holds {
            let deposed = key.deposed.map(|deposed| format!(" deposed {deposed}")).unwrap_or_default();
            self.found.push(format!("{}{deposed} {what}", key.address));
        }
    }

    /// What is written before anything is done: what is gone, what moved, what is taken over.
    fn record_what_is_known(&mut self) {
        let plan = self.plan;
        for drift in plan.drift.iter().filter(|drift| drift.live.is_none()) {
            let recorded = Key { address: drift.recorded_address(), deposed: drift.key.deposed.as_deref() };
            let was_there = self.recorded.remove(&recorded);
            self.expect(was_there, recorded, "is gone but was not recorded");
        }
        let is_there = |change: &&Change| change.before.is_some() && !change.is_data;
        for change in plan.changes.iter().filter(is_there).filter(|change| change.previous_address.is_some()) {
            let from = Key { address: change.recorded_address(), deposed: change.key.deposed.as_deref() };
            let was_there = self.recorded.remove(&from);
            self.expect(was_there, from, "moves away but was not recorded");
        }
        for change in plan.changes.iter().filter(is_there) {
            if change.previous_address.is_some() || change.importing.is_some() {
                let key = Key::of(&change.key);
                let is_new = self.recorded.insert(key);
                self.expect(is_new, key, "is recorded already where something else moves to");
            }
        }
    }

    fn check_before(&mut self, change: &'a Change) {
        let key = Key::of(&change.key);
        let is_recorded = self.recorded.contains(&key);
        match change.before.is_some() {
            true => self.expect(is_recorded, key, "is there before but is not recorded"),
            false => self.expect(!is_recorded, key, "is recorded but is not there before"),
        }
    }

    fn carry_out(&mut self, kind: OperationKind, change: &'a Change) {
        let key = Key::of(&change.key);
        let replaces_later = change.action == Action::CreateThenDelete;
        match kind {
            OperationKind::Create => {
                if replaces_later {
                    let was_there = self.recorded.remove(&key) && self.recorded.insert(key.aside());
                    self.expect(was_there, key, "is to be put aside but is not there");
                }
                let is_new = self.recorded.insert(key);
                self.expect(is_new, key, "is created though it is there");
            }
            OperationKind::Update => {
                let is_there = self.recorded.contains(&key);
                self.expect(is_there, key, "is changed but is not there");
            }
            OperationKind::Await => {
                let is_there = self.recorded.contains(&key);
                self.expect(is_there, key, "is waited for but is not there");
            }
            OperationKind::Delete | OperationKind::Forget => {
                let key = if replaces_later { key.aside() } else { key };
                let was_there = self.recorded.remove(&key);
                self.expect(was_there, key, "is deleted but is not there");
            }
            OperationKind::Read => self.expect(change.is_data, key, "is read but is no data source"),
        }
    }

    /// Compares what is recorded at the end with what ought to exist. What is recorded of a lost
    /// cluster stays as it is.
    fn compare(&mut self, desired: &Desired, snapshot: &'a Snapshot) {
        let is_partial = !self.plan.targets.is_empty();
        let lost: FxHashSet<&Address> = desired.lost.iter().collect();
        let wanted = match self.plan.mode {
            Mode::RefreshOnly => return,
            Mode::Destroy => Vec::new(),
            Mode::Normal => desired.instances.iter().filter(|instance| !instance.is_data).collect::<Vec<&Instance>>(),
        };
        let mut left = std::mem::take(&mut self.recorded);
        if is_partial {
            return;
        }
        let stays = |row: &&Resource| row.connection.as_ref().is_some_and(|connection| lost.contains(connection));
        for row in snapshot.resources.iter().filter(stays) {
            let key = Key::of(&row.key);
            let is_there = left.remove(&key);
            self.expect(is_there, key, "is in a lost cluster and does not stay");
        }
        let is_lost = |instance: &&Instance| {
            let connection = instance.connection.and_then(|at| desired.connections.get(at));
            connection.is_some_and(|connection| lost.contains(&connection.address))
        };
        for instance in wanted.into_iter().filter(|instance| !is_lost(instance)) {
            let key = Key { address: &instance.address, deposed: None };
            let is_there = left.remove(&key);
            self.expect(is_there, key, "ought to exist and does not at the end");
        }
        left.into_iter().for_each(|key| self.expect(false, key, "is left at the end"));
    }

    /// What a block forbids to delete is not deleted.
    fn check_prevented(&mut self, desired: &Desired) {
        let forbids = |group: &&Group| group.lifecycle.prevent_destroy.is_some();
        let forbidding: FxHashSet<&Address> =
            desired.groups.iter().filter(forbids).map(|group| &group.address).collect();
        if forbidding.is_empty() {
            return;
        }
        let plan = self.plan;
        for change in plan.changes.iter().filter(|change| change.action.deletes() && change.key.deposed.is_none()) {
            let address = match change.instance {
                Some(id) => desired.group(desired.instance(id).group).address.clone(),
                None => change.key.address.block().instance(None),
            };
            self.expect(!forbidding.contains(&address), Key::of(&change.key), "is deleted though that is prevented");
        }
    }
}
