//! Instances of modules, and of the blocks in them.

use std::sync::Arc;

use portolan_lang::{Address, InstanceKey, Value};

use crate::config::{Module, ModuleCall};

/// The position of a module instance in the tree; the root module is at 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ModuleId(pub(super) u32);

impl ModuleId {
    pub(super) const ROOT: ModuleId = ModuleId(0);
}

/// One instance of a module.
#[derive(Debug, Clone)]
pub(super) struct ModuleInstance {
    /// `module.edge["eu"]`; the root for the root module.
    pub(super) address: Address,
    /// What it is an instance of.
    pub(super) module: Arc<Module>,
    /// Who calls it, and which of the call's instances it is; `None` for the root module.
    pub(super) caller: Option<Caller>,
}

/// The place of a module instance in the module that calls it.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) module: ModuleId,
    pub(super) call: Arc<ModuleCall>,
    /// The position among the call's instances.
    pub(super) position: usize,
}

/// The instances that a block stands for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Instances {
    /// One, without a key.
    Single,
    /// `count`: as many, with the keys from zero.
    Count(usize),
    /// `for_each`: one for each key, with `each.value`.
    Each(Arc<Vec<(Arc<str>, Value)>>),
    /// It is not known how many; so many stand for all of them: one or none.
    Unknown(usize),
}

impl Instances {
    pub(super) fn len(&self) -> usize {
        match self {
            Instances::Single => 1,
            Instances::Count(count) | Instances::Unknown(count) => *count,
            Instances::Each(entries) => entries.len(),
        }
    }

    /// The key of the instance at a position.
    pub(super) fn key(&self, position: usize) -> Option<InstanceKey> {
        match self {
            Instances::Single | Instances::Unknown(_) => None,
            Instances::Count(_) => Some(InstanceKey::Index(position as u64)),
            Instances::Each(entries) => entries.get(position).map(|(key, _)| InstanceKey::Key(key.clone())),
        }
    }

    /// The position of the instance with a key.
    pub(super) fn position(&self, key: &InstanceKey) -> Option<usize> {
        match (self, key) {
            (Instances::Count(count), InstanceKey::Index(index)) => {
                usize::try_from(*index).ok().filter(|index| index < count)
            }
            (Instances::Each(entries), InstanceKey::Key(key)) => {
                entries.binary_search_by(|(candidate, _)| candidate.cmp(key)).ok()
            }
            _ => None,
        }
    }

    /// Whether nothing in it is unknown, so that it need not be evaluated again.
    pub(super) fn is_wholly_known(&self) -> bool {
        match self {
            Instances::Single | Instances::Count(_) | Instances::Unknown(_) => true,
            Instances::Each(entries) => entries.iter().all(|(_, value)| value.is_wholly_known()),
        }
    }

    /// The value that a reference to the whole block gives, from the values of its instances.
    pub(super) fn collect(&self, values: Vec<Value>) -> Value {
        match self {
            Instances::Single => values.into_iter().next().unwrap_or_else(|| Value::null(portolan_lang::Type::Any)),
            Instances::Count(_) => Value::tuple(values),
            Instances::Unknown(_) => Value::unknown(portolan_lang::Type::Any),
            Instances::Each(entries) => Value::object(entries.iter().map(|(key, _)| key.clone()).zip(values)),
        }
    }
}
