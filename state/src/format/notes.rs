//! What a stored value carries beside its data: which parts of it are sensitive, and which
//! are unknown.
//!
//! At rest these are two lists of paths; while a document is read they are a tree that is
//! walked along with the value.

use std::collections::HashMap;

use portolan_lang::{Data, Marks, Value};

/// A path at rest: names, and positions in decimal digits.
pub(crate) type StoredPath = Vec<String>;

/// What is noted of a value, and of the values in it.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) sensitive: bool,
    pub(crate) unknown: bool,
    inside: HashMap<String, Notes>,
}

impl Notes {
    /// The notes of a part of the value, if anything is noted in it.
    pub(crate) fn inside(&self, step: &str) -> Option<&Notes> {
        self.inside.get(step)
    }

    /// The notes of the item at this position, if anything is noted in it.
    pub(crate) fn at(&self, index: usize) -> Option<&Notes> {
        if self.inside.is_empty() { None } else { self.inside.get(&index.to_string()) }
    }

    /// Whether nothing is noted, neither here nor inside.
    pub(crate) fn is_empty(&self) -> bool {
        !self.sensitive && !self.unknown && self.inside.is_empty()
    }

    /// The notes at this path, made where there are none yet.
    pub(crate) fn entry(&mut self, path: StoredPath) -> &mut Notes {
        path.into_iter().fold(self, |notes, step| notes.inside.entry(step).or_default())
    }
}

/// The paths of everything noted in a value.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    pub(crate) sensitive: Vec<StoredPath>,
    pub(crate) unknown: Vec<StoredPath>,
}

/// Collects what is to be noted of a value. What is inside an ephemeral value is left out,
/// because the value itself is.
pub(crate) fn collect(value: &Value) -> Paths {
    let mut paths = Paths::default();
    if value.deep_marks().contains(Marks::SENSITIVE) || !value.is_wholly_known() {
        collect_into(value, &mut Vec::new(), &mut paths);
    }
    paths
}

fn collect_into(value: &Value, at: &mut StoredPath, paths: &mut Paths) {
    if value.is_sensitive() {
        paths.sensitive.push(at.clone());
    }
    if value.marks().contains(Marks::EPHEMERAL) {
        return;
    }
    let mut inside = |step: String, child: &Value| {
        at.push(step);
        collect_into(child, at, paths);
        at.pop();
    };
    match value.data() {
        Data::Unknown(_) => paths.unknown.push(at.clone()),
        Data::List(list) | Data::Set(list) => {
            list.items.iter().enumerate().for_each(|(index, item)| inside(index.to_string(), item));
        }
        Data::Tuple(items) => items.iter().enumerate().for_each(|(index, item)| inside(index.to_string(), item)),
        Data::Map(map) => map.entries.iter().for_each(|(name, child)| inside(name.to_string(), child)),
        Data::Object(entries) => entries.iter().for_each(|(name, child)| inside(name.to_string(), child)),
        Data::Null(_) | Data::Bool(_) | Data::Number(_) | Data::String(_) => {}
    }
}
