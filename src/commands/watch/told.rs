//! What people were told already, by topic: it is told again when it changes, or came back.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// The last words about each topic.
#[derive(Default)]
pub(super) struct Told(RefCell<BTreeMap<String, String>>);

impl Told {
    /// Whether something else was said about a topic before, or nothing.
    pub(super) fn is_new(&self, topic: &str, words: &str) -> bool {
        self.0.borrow_mut().insert(topic.to_owned(), words.to_owned()).as_deref() != Some(words)
    }

    /// Only these topics are still talked about; the others are told anew when they come back.
    pub(super) fn keep(&self, is_kept: impl Fn(&str) -> bool) {
        self.0.borrow_mut().retain(|topic, _| is_kept(topic));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_is_told_once_until_it_changes_or_comes_back() {
        let told = Told::default();
        assert!(told.is_new("a", "x") && !told.is_new("a", "x"));
        assert!(told.is_new("b", "x") && told.is_new("a", "y") && !told.is_new("b", "x"));
        told.keep(|topic| topic == "b");
        assert!(told.is_new("a", "y") && !told.is_new("b", "x"));
    }
}
