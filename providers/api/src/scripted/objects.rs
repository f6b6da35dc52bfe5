//! The objects of a scripted world and the changes that can be made to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::{AttributePath, Value};

use super::NUMBERED;
use crate::plan::same;
use crate::{Applied, Change, Error};

/// Objects by resource type and identity.
#[derive(Default)]
pub(super) struct Objects {
    by_type: BTreeMap<String, BTreeMap<Arc<str>, Value>>,
    last_number: u64,
}

impl Objects {
    pub(super) fn get(&self, resource_type: &str, identity: &str) -> Option<&Value> {
        self.by_type.get(resource_type)?.get(identity)
    }

    pub(super) fn identities(&self, resource_type: &str) -> Vec<String> {
        let of_type = self.by_type.get(resource_type);
        of_type.into_iter().flat_map(|objects| objects.keys().map(ToString::to_string)).collect()
    }

    /// Marks are not kept, as no real system keeps them.
    pub(super) fn put(&mut self, resource_type: &str, identity: &str, value: Value) {
        self.by_type.entry(resource_type.to_owned()).or_default().insert(Arc::from(identity), value.unmark_deep());
    }

    pub(super) fn remove(&mut self, resource_type: &str, identity: &str) -> Option<Value> {
        self.by_type.get_mut(resource_type)?.remove(identity)
    }

    pub(super) fn edit(&mut self, resource_type: &str, identity: &str, attribute: &str, value: Value) -> bool {
        let object = self.by_type.get_mut(resource_type).and_then(|objects| objects.get_mut(identity));
        object.map(|object| *object = object.with(&AttributePath::attribute(attribute), value)).is_some()
    }

    /// Carries out a change as the seam demands: repeats succeed, and what changed since it was
    /// read is a conflict.
    pub(super) fn change(&mut self, resource_type: &str, change: Change<'_>) -> Result<Option<Applied>, Error> {
        match change {
            Change::Create { planned } => self.create(resource_type, planned).map(Some),
            Change::Update { identity, prior, planned } => {
                self.update(resource_type, identity, prior, planned).map(Some)
            }
            Change::Delete { identity, prior } => match self.get(resource_type, identity) {
                Some(found) if !same(found, prior) => Err(changed_meanwhile(resource_type, identity)),
                _ => {
                    self.remove(resource_type, identity);
                    Ok(None)
                }
            },
        }
    }

    fn create(&mut self, resource_type: &str, planned: &Value) -> Result<Applied, Error> {
        let (identity, value) = if resource_type == NUMBERED {
            self.last_number += 1;
            let id = self.last_number.to_string();
            let value = planned.with(&AttributePath::attribute("id"), Value::string(id.as_str()));
            (Arc::from(id), value)
        } else {
            (name_of(planned).ok_or_else(|| Error::invalid("an object needs a name"))?, planned.clone())
        };
        if let Some(found) = self.get(resource_type, &identity) {
            if as_planned(found, planned) {
                return Ok(Applied { identity, value: found.clone() });
            }
            return Err(Error::conflict(format!("{resource_type} {identity} exists already"))
                .help(format!("Adopt it with `import`, id {identity:?}.")));
        }
        let value = value.with(&AttributePath::attribute("revision"), Value::number(1));
        self.put(resource_type, &identity, value.clone());
        Ok(Applied { identity, value })
    }

    fn update(
        &mut self,
        resource_type: &str,
        identity: &str,
        prior: &Value,
        planned: &Value,
    ) -> Result<Applied, Error> {
        let Some(found) = self.get(resource_type, identity) else {
            return Err(Error::conflict(format!("{resource_type} {identity} is gone")));
        };
        if as_planned(found, planned) {
            return Ok(Applied { identity: Arc::from(identity), value: found.clone() });
        }
        if !same(found, prior) {
            return Err(changed_meanwhile(resource_type, identity));
        }
        let revision = found.get("revision").and_then(|revision| revision.as_number()?.to_i64()).unwrap_or_default();
        let revision = if is_withdrawal(prior, planned) { revision } else { revision.saturating_add(1) };
        let value = planned.with(&AttributePath::attribute("revision"), Value::number(revision));
        self.put(resource_type, identity, value.clone());
        Ok(Applied { identity: Arc::from(identity), value })
    }
}

/// Whether an object gets the value 0, with which it does nothing for others. It stays in its
/// revision then.
pub(super) fn is_withdrawal(prior: &Value, planned: &Value) -> bool {
    let is_off = |object: &Value| object.get("value").is_some_and(|value| value.unmark_deep() == Value::number(0));
    is_off(planned) && !is_off(prior)
}

/// What finds a `scripted_object`.
pub(super) fn name_of(value: &Value) -> Option<Arc<str>> {
    value.get("name")?.as_str().map(Arc::from)
}

fn changed_meanwhile(resource_type: &str, identity: &str) -> Error {
    Error::conflict(format!("{resource_type} {identity} was changed meanwhile"))
}

/// Whether an object is what a plan wants, whatever the plan leaves open.
fn as_planned(found: &Value, planned: &Value) -> bool {
    let settable = |value: &Value, name: &str| value.get(name).filter(|value| !value.is_null());
    ["name", "value", "secret"].iter().all(|name| match (settable(found, name), settable(planned, name)) {
        (Some(found), Some(planned)) => same(&found, &planned),
        (found, planned) => found.is_none() && planned.is_none(),
    })
}
