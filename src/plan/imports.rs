//! `import` blocks: objects that are there already and are to be recorded.

use std::sync::Arc;

use futures::stream::{self, StreamExt};
use portolan_lang::{Address, Diagnostic, Diagnostics, Value};
use portolan_provider::Applied;
use rustc_hash::FxHashMap;

use super::targets::ByAddress;
use crate::compile::{Import, InstanceId};
use crate::plan::records::Records;
use crate::retry::retrying;
use crate::sessions::{Sessions, diagnostic_of};

/// An object that was found.
pub(crate) struct Imported {
    /// The id that found it.
    pub(crate) id: Arc<str>,
    /// What finds it from now on.
    pub(crate) identity: Arc<str>,
    /// The object.
    pub(crate) value: Value,
}

/// Finds the objects of all `import` blocks; what is recorded already is left alone.
pub(crate) async fn read(
    sessions: &Sessions<'_>,
    by_address: &ByAddress<'_>,
    records: &Records<'_>,
    selected: &[bool],
    parallelism: usize,
) -> (FxHashMap<InstanceId, Imported>, Diagnostics) {
    let (wanted, mut diagnostics) = wanted(&sessions.desired().imports, by_address);
    let missing = wanted.into_iter().filter(|(id, import)| {
        selected.get(id.0 as usize).is_some_and(|selected| *selected) && records.current(&import.to).is_none()
    });
    let mut answers = stream::iter(missing)
        .map(|(id, import)| async move { (id, find(sessions, id, import).await) })
        .buffered(parallelism.max(1));
    let mut found = FxHashMap::default();
    while let Some((id, answer)) = answers.next().await {
        if let Some(imported) = diagnostics.keep(answer) {
            found.insert(id, imported);
        }
    }
    (found, diagnostics)
}

/// The instance that each block is for; at most one block for each.
fn wanted<'a>(imports: &'a [Import], by_address: &ByAddress<'_>) -> (Vec<(InstanceId, &'a Import)>, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let mut first: FxHashMap<&Address, &Import> = FxHashMap::default();
    let mut wanted = Vec::new();
    for import in imports {
        if let Some(earlier) = first.insert(&import.to, import) {
            diagnostics.push(
                Diagnostic::error(format!("Duplicate import configuration for \"{}\"", import.to))
                    .detail("A resource can be imported from one object only.")
                    .label(import.span, "imported again here")
                    .label(earlier.span, "imported first here"),
            );
        }
        match by_address.get(&import.to) {
            Some(id) => wanted.push((*id, import)),
            None => diagnostics.push(
                Diagnostic::error("Configuration for import target does not exist")
                    .detail(format!("{} is not declared.", import.to))
                    .help("Declare the resource, then import into it.")
                    .at(import.to_span),
            ),
        }
    }
    (wanted, diagnostics)
}

async fn find(sessions: &Sessions<'_>, id: InstanceId, import: &Import) -> Result<Imported, Diagnostic> {
    let instance = sessions.desired().instance(id);
    let session = sessions.of_instance(instance).await?;
    let found = retrying(|| session.import(&instance.resource_type, &import.id)).await;
    match found {
        Ok(Some(Applied { identity, value })) => Ok(Imported { id: import.id.clone(), identity, value }),
        Ok(None) => Err(Diagnostic::error("Cannot import non-existent object")
            .detail(format!("{} {:?} is not there.", instance.resource_type, import.id))
            .of(&import.to)
            .at(import.span)),
        Err(error) => Err(diagnostic_of("Cannot import", &error).of(&import.to).at(import.span)),
    }
}
