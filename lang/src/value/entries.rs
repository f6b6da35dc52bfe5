//! Values by name, as objects and maps hold them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::Value;

/// Values by name, sorted by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Entries {
    list: Vec<(Arc<str>, Value)>,
}

impl Entries {
    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let at = self.list.binary_search_by(|(key, _)| (**key).cmp(name)).ok()?;
        Some(&self.list[at].1)
    }

    /// Names and values in the order of the names.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Arc<str>, &Value)> + ExactSizeIterator {
        self.list.iter().map(|(name, value)| (name, value))
    }

    /// The names in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &Arc<str>> {
        self.list.iter().map(|(name, _)| name)
    }

    /// The values in the order of the names.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &Value> {
        self.list.iter().map(|(_, value)| value)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The same names with each value replaced.
    #[must_use]
    pub fn map(&self, mut each: impl FnMut(&Arc<str>, &Value) -> Value) -> Entries {
        Entries { list: self.list.iter().map(|(name, value)| (name.clone(), each(name, value))).collect() }
    }

    /// These entries with one set or replaced.
    #[must_use]
    pub fn with(&self, name: &str, value: Value) -> Entries {
        let mut list = self.list.clone();
        match list.binary_search_by(|(key, _)| (**key).cmp(name)) {
            Ok(at) => list[at].1 = value,
            Err(at) => list.insert(at, (Arc::from(name), value)),
        }
        Entries { list }
    }
}

impl<K: Into<Arc<str>>> FromIterator<(K, Value)> for Entries {
    /// The last one of several of the same name counts.
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(entries: I) -> Self {
        let mut list: Vec<(Arc<str>, Value)> = entries.into_iter().map(|(name, value)| (name.into(), value)).collect();
        if !list.is_sorted_by(|left, right| left.0 < right.0) {
            list.sort_by(|left, right| left.0.cmp(&right.0));
            list.reverse();
            list.dedup_by(|later, earlier| later.0 == earlier.0);
            list.reverse();
        }
        list.shrink_to_fit();
        Entries { list }
    }
}

thread_local! {
    static NAMES: RefCell<HashMap<&'static str, Arc<str>>> = RefCell::default();
}

/// A name that stands in the program. Objects share its text: a hundred thousand of the same
/// attributes hold it once.
pub(super) fn shared(name: &'static str) -> Arc<str> {
    NAMES.with_borrow_mut(|names| names.entry(name).or_insert_with(|| Arc::from(name)).clone())
}
