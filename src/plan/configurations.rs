//! What planning and applying ask of the evaluation of a configuration.

use portolan_lang::{AttributePath, Diagnostics, Span, Value};

use crate::compile::{ConditionTime, Evaluation, InstanceId, OutputValue};

/// Answers what each instance ought to be, as far as the others are known.
///
/// [`Evaluation`] is the one that reads a configuration; the tests of planning and of applying
/// have a table.
pub trait Configurations {
    /// Makes known what an instance is or is planned to be.
    fn set(&mut self, id: InstanceId, value: Value);

    /// What the configuration says of an instance, as [`Evaluation::configuration`].
    fn configuration(&mut self, id: InstanceId) -> (Value, Diagnostics);

    /// Whether `replace_triggered_by` holds, as [`Evaluation::is_replacement_triggered`].
    fn is_replacement_triggered(
        &mut self,
        id: InstanceId,
        changed: &dyn Fn(InstanceId, Option<&str>) -> bool,
    ) -> (bool, Diagnostics);

    /// What is wrong with an instance's conditions, as [`Evaluation::conditions`].
    fn conditions(&mut self, id: InstanceId, time: ConditionTime, itself: Option<&Value>) -> Diagnostics;

    /// The outputs of the root module.
    fn outputs(&mut self) -> (Vec<OutputValue>, Diagnostics);

    /// Where an attribute of an instance is given its value, as [`Evaluation::place`].
    fn place(&self, id: InstanceId, path: &AttributePath) -> Span;
}

impl Configurations for Evaluation<'_> {
    fn set(&mut self, id: InstanceId, value: Value) {
        Evaluation::set(self, id, value);
    }

    fn configuration(&mut self, id: InstanceId) -> (Value, Diagnostics) {
        Evaluation::configuration(self, id)
    }

    fn is_replacement_triggered(
        &mut self,
        id: InstanceId,
        changed: &dyn Fn(InstanceId, Option<&str>) -> bool,
    ) -> (bool, Diagnostics) {
        Evaluation::is_replacement_triggered(self, id, changed)
    }

    fn conditions(&mut self, id: InstanceId, time: ConditionTime, itself: Option<&Value>) -> Diagnostics {
        Evaluation::conditions(self, id, time, itself)
    }

    fn outputs(&mut self) -> (Vec<OutputValue>, Diagnostics) {
        Evaluation::outputs(self)
    }

    fn place(&self, id: InstanceId, path: &AttributePath) -> Span {
        Evaluation::place(self, id, path)
    }
}
