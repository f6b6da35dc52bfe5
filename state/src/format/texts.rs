//! Texts that many values have in common, each kept once.

use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;

use rustc_hash::{FxBuildHasher, FxHashSet};

/// How many recent texts are remembered.
const RECENT: usize = 4096;

/// The longest text in bytes that is looked for among the recent ones.
const MAX_LENGTH: usize = 128;

/// Shares the names of map elements among all values, and texts among neighbours: what one
/// resource is called by, those beside it often hold.
#[derive(Default)]
pub(super) struct Texts {
    names: FxHashSet<Arc<str>>,
    /// Each recent text at the position that its hash gives; empty before the first.
    recent: Vec<Option<Arc<str>>>,
}

/// Shows no texts: they may be sensitive.
impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Texts").finish_non_exhaustive()
    }
}

impl Texts {
    /// The one copy of a name.
    pub(super) fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(shared) = self.names.get(name) {
            return shared.clone();
        }
        let shared: Arc<str> = Arc::from(name);
        self.names.insert(shared.clone());
        shared
    }

    /// A copy of a text: that of an equal one not long ago, where there was one.
    pub(super) fn text(&mut self, text: &str) -> Arc<str> {
        if text.len() > MAX_LENGTH {
            return Arc::from(text);
        }
        if self.recent.is_empty() {
            self.recent.resize(RECENT, None);
        }
        let position = FxBuildHasher.hash_one(text) % RECENT as u64;
        let Some(recent) = self.recent.get_mut(position as usize) else { return Arc::from(text) };
        match recent {
            Some(recent) if **recent == *text => recent.clone(),
            _ => recent.insert(Arc::from(text)).clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one() {
        let mut texts = Texts::default();
        let first = texts.text("a text");
        assert!(Arc::ptr_eq(&first, &texts.text("a text")));
        assert!(Arc::ptr_eq(&texts.name("name"), &texts.name("name")));
    }

    #[test]
    fn every_text_comes_back_whatever_was_before() {
        let mut texts = Texts::default();
        let long = "x".repeat(MAX_LENGTH + 1);
        for _ in 0..2 {
            (0..3 * RECENT).for_each(|n| assert_eq!(&*texts.text(&n.to_string()), n.to_string()));
            assert_eq!(*texts.text(&long), *long);
        }
    }
}
