//! What becomes of the outputs of the root module.

use std::collections::BTreeMap;

use portolan_lang::{Diagnostics, Value};
use portolan_state::Snapshot;

use super::configurations::Configurations;
use super::model::OutputChange;

/// The outputs as they are recorded and as they will be; sorted by name. `is_partial` says that
/// not everything is known that ought to be, so that what is unknown is left as it is.
pub(crate) fn plan<C: Configurations>(
    snapshot: &Snapshot,
    evaluation: &mut C,
    is_partial: bool,
) -> (Vec<OutputChange>, Diagnostics) {
    let (wanted, diagnostics) = evaluation.outputs();
    let mut outputs = removed(snapshot);
    for output in wanted {
        let before = outputs.remove(&output.name).and_then(|change| change.before);
        let is_left = is_partial && !output.value.is_wholly_known();
        let after = if is_left { before.clone() } else { Some(output.value) };
        // One that is null is not recorded: where there was none, nothing becomes of it.
        let before = before.or_else(|| after.clone().filter(Value::is_null));
        if before.is_some() || after.is_some() {
            outputs.insert(output.name.clone(), OutputChange { name: output.name, before, after });
        }
    }
    (outputs.into_values().collect(), diagnostics)
}

/// All recorded outputs, none of which will be there any more.
pub(crate) fn removed(snapshot: &Snapshot) -> BTreeMap<std::sync::Arc<str>, OutputChange> {
    let change = |output: &portolan_state::Output| OutputChange {
        name: output.name.clone(),
        before: Some(output.value.clone()),
        after: None,
    };
    snapshot.outputs.iter().map(|output| (output.name.clone(), change(output))).collect()
}
