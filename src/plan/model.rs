//! The plan: complete data. It can be shown, saved, compared, and applied as reviewed.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::{Address, AttributePath, Diagnostics, Type, Value};
use portolan_state::{Decision, ResourceKey, Serial};
use rustc_hash::FxHashSet;

use crate::compile::domain::orders;
use crate::compile::{Checked, InstanceId, Loss};
use crate::marks::same;

/// What will be done, in which order, and why.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// What the plan was asked to do.
    pub mode: Mode,
    /// Whether it was made without looking at anything but what is recorded.
    pub is_offline: bool,
    /// The state that it is based on: its lineage and serial.
    pub lineage: Arc<str>,
    /// The commit that it is based on.
    pub serial: Serial,
    /// What becomes of each resource, no-ops included, in the order of the configuration;
    /// what is only recorded stands at the end, sorted by key.
    pub changes: Vec<Change>,
    /// What was found changed outside since it was recorded, but for what is left as it is.
    pub drift: Vec<Drift>,
    /// What was found changed outside and is left as it is.
    pub left: Vec<Left>,
    /// The instances that were found changed outside, and that are wanted as they were recorded: a change
    /// of one puts that right and does nothing else.
    pub repairs: FxHashSet<InstanceId>,
    /// The steps that carry the changes out, in an order in which they could be done one by
    /// one. No-ops have none.
    pub operations: Vec<Operation>,
    /// Points at which many operations meet, so that n operations that wait for m others have
    /// n + m edges; each stands behind the joins that it waits for.
    pub joins: Vec<Join>,
    /// How many objects are waited for until they are ready, as far as is known before apply.
    pub awaits: usize,
    /// The first of them.
    pub awaited: Vec<Address>,
    /// What becomes of the root module's outputs, sorted by name.
    pub outputs: Vec<OutputChange>,
    /// Decisions that will be recorded.
    pub decisions: Vec<Decision>,
    /// Decisions that will no longer be recorded: what each is about, and which question it answers.
    pub withdrawn: Vec<(Address, Arc<str>)>,
    /// Decisions as they are recorded before the plan is applied, sorted by subject and kind.
    pub decided: Vec<Decision>,
    /// The clusters that are taken to be dead, where the plan is only to show what that would mean.
    pub lost: Vec<Address>,
    /// The data sources in them, which are not read and stay unknown.
    pub unread: Vec<Address>,
    /// What services lose with them.
    pub losses: Vec<Loss>,
    /// What `--target` selected; empty for everything.
    pub targets: Vec<Address>,
    /// Whether the conditions hold that variables, outputs, resources and checks have, as far as
    /// is known before apply; sorted by subject.
    pub checks: Vec<Checked>,
    /// Warnings, and errors that make the plan one that cannot be applied.
    pub diagnostics: Diagnostics,
}

/// What a plan is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Make the world as it ought to be.
    #[default]
    Normal,
    /// Take away everything that is recorded.
    Destroy,
    /// Record what is really there; change nothing.
    RefreshOnly,
}

/// What becomes of one resource.
#[derive(Debug, Clone)]
pub struct Change {
    /// Which object.
    pub key: ResourceKey,
    /// The address it was recorded under, where that was another one.
    pub previous_address: Option<Address>,
    /// What ought to exist; `None` for what is only recorded.
    pub instance: Option<InstanceId>,
    /// Whether it is a data source that is read.
    pub is_data: bool,
    /// The resource type.
    pub resource_type: Arc<str>,
    /// The provider.
    pub provider: Arc<str>,
    /// What is done.
    pub action: Action,
    /// Why, where that is not plain from the difference.
    pub reason: Option<Reason>,
    /// What finds the object as it is now; `None` where it is not there.
    pub identity: Option<Arc<str>>,
    /// The object as it is now; `None` where it is not there.
    pub before: Option<Value>,
    /// The object as it will be, unknown in parts; `None` where it will not be there.
    pub after: Option<Value>,
    /// The attributes that cannot be changed in place.
    pub replace_paths: Vec<AttributePath>,
    /// The id under which an object is taken over that was not recorded before.
    pub importing: Option<Arc<str>>,
}

/// What is done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Nothing.
    NoOp,
    /// It is made.
    Create,
    /// A data source is read during apply, because what it asks for is not known before.
    Read,
    /// It is changed in place.
    Update,
    /// It is deleted and made anew.
    DeleteThenCreate,
    /// It is made anew and the old one is deleted.
    CreateThenDelete,
    /// It is deleted.
    Delete,
    /// It is no longer recorded; the object stays as it is.
    Forget,
}

/// Why something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A change cannot be made in place.
    CannotUpdate,
    /// It was left half-made.
    Tainted,
    /// A person asked for it with `--replace`.
    Requested,
    /// `replace_triggered_by`.
    Triggered,
    /// No block declares it.
    NoConfiguration,
    /// `count` no longer reaches this index.
    CountIndex,
    /// `for_each` no longer has this key.
    EachKey,
    /// The block has neither `count` nor `for_each` any more, or has one now.
    WrongRepetition,
    /// The module that declared it is gone.
    NoModule,
    /// It is the target of a move from an address that is still declared.
    NoMoveTarget,
    /// A data source's configuration is not known before apply.
    ConfigUnknown,
    /// A data source waits for changes of what it depends on.
    DependencyPending,
    /// The data source of a check is read again once everything is as it ought to be.
    CheckNested,
    /// An update takes away from what the object does for others: it comes after what depends on it.
    Withdrawal,
}

/// What was found changed outside.
#[derive(Debug, Clone)]
pub struct Drift {
    /// Which object.
    pub key: ResourceKey,
    /// The address it was recorded under, where that was another one.
    pub previous_address: Option<Address>,
    /// Its resource type.
    pub resource_type: Arc<str>,
    /// Its provider.
    pub provider: Arc<str>,
    /// As it was recorded.
    pub recorded: Value,
    /// As it is; `None` where it is gone.
    pub live: Option<Value>,
    /// The attribute that tells which fields belong to others, for objects that have one.
    pub ownership: Option<Arc<str>>,
}

/// What was found changed outside, and is left as it is.
#[derive(Debug, Clone)]
pub struct Left {
    /// What was found.
    pub drift: Drift,
    /// Why it is left.
    pub why: WhyLeft,
}

/// Why something that was changed outside is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WhyLeft {
    /// It is declared that it is told.
    Reported,
    /// It is declared that it does not matter.
    Ignored,
    /// The request says so.
    Resting,
}

/// In what an object was found changed outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DriftKind {
    /// It is not there any more.
    Gone,
    /// It has other values.
    Values,
    /// Fields of it belong to others than before.
    Ownership,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// What is done.
    pub kind: OperationKind,
    /// The change that it belongs to: its position in [`Plan::changes`].
    pub change: usize,
    /// What must have succeeded before, sorted and without duplicates.
    pub after: Vec<Step>,
}

/// A point at which many operations meet: it is reached once all that it waits for is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// What must have been reached before, sorted and without duplicates.
    pub after: Vec<Step>,
}

/// What an operation or a join can wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// The operation at this position of [`Plan::operations`], smaller than that of an
    /// operation that waits for it.
    Operation(usize),
    /// The join at this position of [`Plan::joins`], smaller than that of a join that waits for
    /// it.
    Join(usize),
}

/// The kinds of steps; a replacement is two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationKind {
    /// Makes the object. The old one of a replacement that creates first is put aside before.
    Create,
    /// Changes the object in place.
    Update,
    /// Deletes the object, or the old one of a replacement.
    Delete,
    /// Forgets the object.
    Forget,
    /// Reads a data source.
    Read,
    /// Waits until an object of which nothing becomes is ready, because of what depends on it.
    Await,
}

/// What becomes of an output.
#[derive(Debug, Clone)]
pub struct OutputChange {
    /// Its name.
    pub name: Arc<str>,
    /// As it is recorded; `None` where it is not.
    pub before: Option<Value>,
    /// As it will be, unknown in parts; `None` where it will not be there.
    pub after: Option<Value>,
}

impl Plan {
    /// The change that an operation belongs to, by the operation's position.
    pub(crate) fn change_of(&self, operation: usize) -> &Change {
        &self.changes[self.operations[operation].change]
    }

    /// Whether applying it would change anything: objects, addresses, outputs, or decisions.
    pub fn has_changes(&self) -> bool {
        let outputs = self.outputs.iter().any(|output| output.before != output.after);
        let recorded = |change: &Change| change.previous_address.is_some() || change.importing.is_some();
        let decisions = !self.decisions.is_empty() || !self.withdrawn.is_empty();
        !self.operations.is_empty() || outputs || decisions || self.changes.iter().any(recorded)
    }

    /// The decision that is recorded before the plan is applied.
    pub fn decided(&self, subject: &Address, kind: &str) -> Option<&Decision> {
        let order = |decision: &Decision| (&decision.subject, &*decision.kind).cmp(&(subject, kind));
        self.decided.binary_search_by(order).ok().map(|at| &self.decided[at])
    }

    /// Whether a change puts right what was changed outside, and does nothing else.
    pub fn is_repair(&self, change: &Change) -> bool {
        change.instance.is_some_and(|id| self.repairs.contains(&id))
    }

    /// The orders of people by which something is otherwise than the configuration says, and that
    /// this plan does not change.
    pub fn orders(&self) -> Vec<&Decision> {
        match self.mode {
            Mode::Normal => orders::standing(
                self.standing().into_iter().filter(|(_, is_made)| !is_made).map(|(decision, _)| decision),
            ),
            Mode::Destroy | Mode::RefreshOnly => Vec::new(),
        }
    }

    /// The decisions that hold once the plan is applied, each with whether the plan makes it.
    pub fn standing(&self) -> Vec<(&Decision, bool)> {
        let made = self.decisions.iter().map(|decision| (&decision.subject, &decision.kind));
        let gone: FxHashSet<(&Address, &Arc<str>)> =
            made.chain(self.withdrawn.iter().map(|(subject, kind)| (subject, kind))).collect();
        let stays = self.decided.iter().filter(|decision| !gone.contains(&(&decision.subject, &decision.kind)));
        stays.map(|decision| (decision, false)).chain(self.decisions.iter().map(|decision| (decision, true))).collect()
    }

    /// Whether it can be applied.
    pub fn is_applicable(&self) -> bool {
        !self.diagnostics.has_errors() && self.lost.is_empty() && (self.has_changes() || self.mode == Mode::RefreshOnly)
    }
}

impl Change {
    /// The address that the object is recorded under before the plan is applied.
    pub fn recorded_address(&self) -> &Address {
        self.previous_address.as_ref().unwrap_or(&self.key.address)
    }

    /// Whether an object goes, or gives something up, that another one may have to stand for first.
    pub(crate) fn gives_up(&self) -> bool {
        self.is_withdrawal() || self.action == Action::Delete
    }

    /// Whether the object is updated so that others can use less of it, or nothing.
    pub(crate) fn is_withdrawal(&self) -> bool {
        self.reason == Some(Reason::Withdrawal)
    }
}

impl Drift {
    /// The address that the object is recorded under before the plan is applied.
    pub fn recorded_address(&self) -> &Address {
        self.previous_address.as_ref().unwrap_or(&self.key.address)
    }

    /// In what the object was found changed.
    pub fn kinds(&self) -> Vec<DriftKind> {
        if self.live.is_none() {
            return vec![DriftKind::Gone];
        }
        let values = self.values().map(|_| DriftKind::Values);
        let [before, now] = [Some(&self.recorded), self.live.as_ref()].map(|object| self.owners(object));
        values.into_iter().chain((before != now).then_some(DriftKind::Ownership)).collect()
    }

    /// The object as it is, but for who owns its fields; `None` where it is so recorded, or gone.
    pub fn values(&self) -> Option<Value> {
        let live = self.live.as_ref()?;
        let values = match &self.ownership {
            Some(name) => {
                let owners = self.recorded.get(name).unwrap_or_else(|| Value::null(Type::Any));
                live.with(&AttributePath::attribute(name.clone()), owners)
            }
            None => live.clone(),
        };
        (!same(&values, &self.recorded)).then_some(values)
    }

    /// The fields that others have taken since the object was recorded, each with their names.
    pub fn lost_fields(&self) -> Vec<(String, String)> {
        let before = self.owners(Some(&self.recorded));
        let now = self.owners(self.live.as_ref());
        now.into_iter().filter(|(field, owner)| before.get(field) != Some(owner)).collect()
    }

    fn owners(&self, object: Option<&Value>) -> BTreeMap<String, String> {
        let told = object.zip(self.ownership.as_ref()).and_then(|(object, name)| object.unmark_deep().get(name));
        let told = told.and_then(|told| told.entries().cloned()).unwrap_or_default();
        told.iter().map(|(field, owner)| (field.to_string(), owner.as_str().unwrap_or_default().to_owned())).collect()
    }

    /// The key that the object is recorded under before the plan is applied.
    pub(crate) fn recorded_key(&self) -> ResourceKey {
        ResourceKey { address: self.recorded_address().clone(), deposed: self.key.deposed.clone() }
    }
}

impl Action {
    /// Whether an object is deleted.
    pub fn deletes(self) -> bool {
        matches!(self, Action::Delete | Action::DeleteThenCreate | Action::CreateThenDelete)
    }

    /// Whether an object is replaced by a new one.
    pub fn replaces(self) -> bool {
        matches!(self, Action::DeleteThenCreate | Action::CreateThenDelete)
    }

    /// The operation that makes, changes, reads or forgets, and the one that deletes.
    pub(crate) fn operations(self) -> (Option<OperationKind>, Option<OperationKind>) {
        match self {
            Action::NoOp => (None, None),
            Action::Create => (Some(OperationKind::Create), None),
            Action::Read => (Some(OperationKind::Read), None),
            Action::Update => (Some(OperationKind::Update), None),
            Action::DeleteThenCreate | Action::CreateThenDelete => {
                (Some(OperationKind::Create), Some(OperationKind::Delete))
            }
            Action::Delete => (None, Some(OperationKind::Delete)),
            Action::Forget => (Some(OperationKind::Forget), None),
        }
    }
}
