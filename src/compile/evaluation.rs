//! The evaluation of what each instance ought to be, as far as the world is known.

use std::sync::Arc;

use portolan_lang::{Diagnostics, Value};

use super::desired::{Desired, InstanceId};

/// An output of the root module.
#[derive(Debug, Clone)]
pub struct OutputValue {
    /// Its name.
    pub name: Arc<str>,
    /// Its value; marked as sensitive where the output is.
    pub value: Value,
}

/// When a condition is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionTime {
    /// Before the change.
    Before,
    /// After it.
    After,
}

/// Evaluates configurations while the values of instances become known one by one.
///
/// The stage is in the values alone: an instance that was not [`set`](Evaluation::set) is
/// unknown, one that was set has its planned value while planning and its final value while
/// applying. What depends on an instance must be asked for after it was set; everything that
/// is evaluated once is kept.
pub struct Evaluation<'a> {
    desired: &'a Desired,
    values: Vec<Option<Value>>,
}

impl<'a> Evaluation<'a> {
    /// An evaluation in which no instance is known yet.
    pub fn new(desired: &'a Desired) -> Self {
        Evaluation { desired, values: vec![None; desired.instances.len()] }
    }

    /// What ought to exist.
    pub fn desired(&self) -> &'a Desired {
        self.desired
    }

    /// Makes known what an instance is or is planned to be.
    pub fn set(&mut self, id: InstanceId, value: Value) {
        self.values[id.0 as usize] = Some(value);
    }

    /// What the configuration says of an instance: a value that fits the schema of its type,
    /// null where the configuration says nothing, unknown where it depends on what is unknown.
    pub fn configuration(&self, id: InstanceId) -> (Value, Diagnostics) {
        let _ = id;
        (Value::object::<Arc<str>>([]), Diagnostics::new())
    }

    /// Whether any of the instance's `replace_triggered_by` refers to something of which
    /// `changed` holds. `changed` gets the instance and, where the reference goes on to an
    /// attribute, that attribute's name.
    pub fn is_replacement_triggered(
        &self,
        id: InstanceId,
        changed: &dyn Fn(InstanceId, Option<&str>) -> bool,
    ) -> (bool, Diagnostics) {
        let _ = (id, changed);
        (false, Diagnostics::new())
    }

    /// Checks the instance's conditions; a condition that is still unknown is no problem.
    /// `itself` is what `self` means in a postcondition.
    pub fn conditions(&self, id: InstanceId, time: ConditionTime, itself: Option<&Value>) -> Diagnostics {
        let _ = (id, time, itself);
        Diagnostics::new()
    }

    /// The outputs of the root module.
    pub fn outputs(&self) -> (Vec<OutputValue>, Diagnostics) {
        (Vec::new(), Diagnostics::new())
    }
}
