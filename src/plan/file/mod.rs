//! A plan at rest: what `plan --out` keeps, so that `apply FILE` does what was reviewed.
//!
//! The text holds the plan and its [`Origin`]: the sources, the values of the variables,
//! what data sources said that decide the shape, and what functions saw of the file system. Applying compiles the very same configuration from
//! it, whatever became of the directory meanwhile.
//!
//! What it leaves out: files, headers and sealing are the program's. The text shows everything,
//! secrets too, so it must be sealed before it is written anywhere.

mod checks;
mod stored;
mod values;

use std::sync::Arc;

use indexmap::IndexMap;
use portolan_lang::{Diagnostic, Sources, Value};
use rustc_hash::FxHashMap;

use super::model::Plan;
use crate::compile::{DataAnswers, Desired, InstanceId};
use crate::host::Sighting;

/// What a plan was made from, beside what is recorded.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// Every file that the configuration was read from.
    pub sources: Sources,
    /// The values that were given for the root module's variables.
    pub variables: IndexMap<Arc<str>, Value>,
    /// What data sources said that decide what there is to be.
    pub data: Arc<DataAnswers>,
    /// When the plan was made: RFC 3339 in UTC.
    pub plan_time: String,
    /// What functions saw of the file system.
    pub seen: Vec<Sighting>,
}

/// A plan that was read, and does not know yet which instances it is about.
#[derive(Debug, Clone)]
pub struct SavedPlan {
    plan: Plan,
    /// For each change whether an instance is declared for it.
    declared: Vec<bool>,
}

/// The text that keeps a plan and what it was made from.
///
/// # Errors
///
/// Where the plan has errors, and where it holds a value that nests too deep to be kept.
pub fn write(plan: &Plan, origin: &Origin) -> Result<String, Diagnostic> {
    let unsaved = |why: String| Diagnostic::error("The plan cannot be saved").detail(why);
    if plan.diagnostics.has_errors() {
        return Err(unsaved("It has errors.".to_owned()));
    }
    stored::write(plan, origin).map_err(|error| unsaved(format!("{error}.")))
}

/// Reads what [`write()`] wrote.
///
/// # Errors
///
/// Where the text is anything else. The message quotes nothing of it.
pub fn read(text: &str) -> Result<(Origin, SavedPlan), Diagnostic> {
    stored::read(text)
        .map_err(|error| Diagnostic::error("The saved plan is damaged").detail(format!("{error}.")).help("Plan again."))
}

impl SavedPlan {
    /// The plan as it can be shown: its changes do not say which instances they are about.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Takes a plan that was made before there was any state for one of the state of this
    /// lineage. Whether that is still as empty is told by the serial.
    pub fn adopt(&mut self, lineage: &Arc<str>) {
        if self.plan.lineage.is_empty() {
            self.plan.lineage = lineage.clone();
        }
    }

    /// The plan as it can be applied, for what the same configuration came to.
    ///
    /// # Errors
    ///
    /// Where the configuration does not come to what the plan is about.
    pub fn bind(self, desired: &Desired) -> Result<Plan, Diagnostic> {
        let by_address: FxHashMap<_, InstanceId> =
            desired.iter().map(|(id, instance)| (&instance.address, id)).collect();
        let SavedPlan { mut plan, declared } = self;
        for (change, _) in plan.changes.iter_mut().zip(declared).filter(|(_, is_declared)| *is_declared) {
            let found = by_address.get(&change.key.address).copied();
            let is_same = |id: &InstanceId| {
                let instance = desired.instance(*id);
                instance.resource_type == change.resource_type && instance.is_data == change.is_data
            };
            let Some(id) = found.filter(is_same) else {
                return Err(Diagnostic::error("The plan is stale")
                    .detail(format!("By now, what it was made from does not come to {} any more.", change.key.address))
                    .help("Plan again."));
            };
            change.instance = Some(id);
        }
        Ok(plan)
    }
}

#[cfg(test)]
mod tests;
