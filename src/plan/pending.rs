//! Which groups have changes, so that data sources that wait for those are read only afterwards.

use portolan_lang::Address;
use rustc_hash::FxHashSet;

use crate::compile::{Desired, GroupId, InstanceId};
use crate::plan::records::{Record, Records};

/// What is to be changed so far; a group is looked at once.
pub(crate) struct Pending<'a> {
    desired: &'a Desired,
    /// Whether a resource is changed, by the position of its instance.
    changed: Vec<bool>,
    groups: Vec<Option<bool>>,
    /// The blocks of recorded objects that no instance stands for any more.
    losing: FxHashSet<Address>,
}

impl<'a> Pending<'a> {
    pub(crate) fn new(desired: &'a Desired, records: &Records<'_>) -> Self {
        let is_asked = desired.groups.iter().any(|group| !group.awaited.is_empty());
        Pending {
            desired,
            changed: vec![false; desired.instances.len()],
            groups: vec![None; desired.groups.len()],
            losing: if is_asked { losing(desired, records) } else { FxHashSet::default() },
        }
    }

    /// Says whether an instance is changed. Data sources have no part in that: one that is read
    /// only afterwards waits for a change of a resource itself.
    pub(crate) fn settle(&mut self, id: InstanceId, is_changed: bool) {
        self.changed[id.0 as usize] = is_changed && !self.desired.instance(id).is_data;
    }

    /// Whether anything is changed that a data source waits for, all of which has been settled.
    pub(crate) fn holds_up(&mut self, id: InstanceId) -> bool {
        let awaited = &self.desired.group(self.desired.instance(id).group).awaited;
        awaited.iter().any(|group| self.is_changed(*group))
    }

    fn is_changed(&mut self, id: GroupId) -> bool {
        if let Some(known) = self.groups[id.0 as usize] {
            return known;
        }
        let group = self.desired.group(id);
        let is_changed =
            group.members.iter().any(|member| self.changed[member.0 as usize]) || self.losing.contains(&group.address);
        self.groups[id.0 as usize] = Some(is_changed);
        is_changed
    }
}

/// The blocks of which recorded objects are to be taken away: instances that are no longer
/// declared, and old ones that a replacement left.
fn losing(desired: &Desired, records: &Records<'_>) -> FxHashSet<Address> {
    let declared: FxHashSet<&Address> = desired.instances.iter().map(|instance| &instance.address).collect();
    let goes = |record: &&Record<'_>| record.key.deposed.is_some() || !declared.contains(&record.key.address);
    let gone = records.list.iter().filter(|record| record.selected).filter(goes);
    gone.map(|record| record.key.address.block().instance(None)).collect()
}
