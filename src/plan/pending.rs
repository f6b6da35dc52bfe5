//! Which instances wait for changes, so that what depends on them is read only after those.

use crate::compile::{Desired, GroupId, InstanceId};

/// What is to be changed so far; a group is looked at once.
pub(crate) struct Pending<'a> {
    desired: &'a Desired,
    /// Whether an instance or anything that it depends on is changed.
    instances: Vec<bool>,
    groups: Vec<Option<bool>>,
    /// Only data sources ask.
    is_asked: bool,
}

impl<'a> Pending<'a> {
    pub(crate) fn new(desired: &'a Desired) -> Self {
        Pending {
            desired,
            instances: vec![false; desired.instances.len()],
            groups: vec![None; desired.groups.len()],
            is_asked: desired.instances.iter().any(|instance| instance.is_data),
        }
    }

    /// Says whether an instance is changed; everything that it depends on has been settled.
    pub(crate) fn settle(&mut self, id: InstanceId, is_changed: bool) {
        if self.is_asked {
            self.instances[id.0 as usize] = is_changed || self.of_dependencies(id);
        }
    }

    /// Whether anything that an instance depends on is changed.
    pub(crate) fn of_dependencies(&mut self, id: InstanceId) -> bool {
        let instance = self.desired.instance(id);
        let dependencies = &self.desired.group(instance.group).dependencies;
        instance.dependencies.iter().any(|dependency| self.instances[dependency.0 as usize])
            || dependencies.iter().any(|group| self.of_group(*group))
    }

    fn of_group(&mut self, id: GroupId) -> bool {
        if let Some(known) = self.groups[id.0 as usize] {
            return known;
        }
        let members = &self.desired.group(id).members;
        let pending = members.iter().any(|member| self.instances[member.0 as usize]);
        self.groups[id.0 as usize] = Some(pending);
        pending
    }
}
