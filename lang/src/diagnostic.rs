//! What is wrong, where, and what to do about it.
//!
//! Every stage of the pipeline returns its value and its [`Diagnostics`], and goes on as
//! long as it can, so that a person sees all problems at once. Nothing here prints.

use std::hash::BuildHasher;

use rustc_hash::{FxBuildHasher, FxHashSet};

use crate::source::Span;

/// Whether a diagnostic stops the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The run cannot go on to change anything.
    Error,
    /// Worth a person's attention; the run goes on.
    Warning,
}

/// A place in the source with the words to write under it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is to be said of it; may be empty.
    pub message: String,
}

/// One problem.
///
/// The summary names the problem in a few words, the detail says what was found and what
/// was expected, the help says what to do. The first label is the place of the problem.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// The problem in a few words, without a full stop.
    pub summary: String,
    /// Whole sentences; may be empty.
    pub detail: String,
    /// Places in the source, the main one first; empty where there is none.
    pub labels: Vec<Label>,
    /// What to do, where that can be said.
    pub help: Option<String>,
    /// The address of the resource instance that the problem is about.
    pub address: Option<String>,
    /// Whether it says only that something is not known yet: with more known it may be gone.
    pub is_pending: bool,
}

impl Diagnostic {
    /// A problem that stops the run.
    pub fn error(summary: impl Into<String>) -> Self {
        Diagnostic {
            severity: Severity::Error,
            summary: summary.into(),
            detail: String::new(),
            labels: Vec::new(),
            help: None,
            address: None,
            is_pending: false,
        }
    }

    /// A problem that does not stop the run.
    pub fn warning(summary: impl Into<String>) -> Self {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(summary) }
    }

    /// Says what was found and what was expected.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Adds a place; the first one added is the main one.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.labels.push(Label { span, message: String::new() });
        self
    }

    /// Adds a place with words of its own.
    #[must_use]
    pub fn label(mut self, span: Span, message: impl Into<String>) -> Self {
        self.labels.push(Label { span, message: message.into() });
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Names the resource instance that the problem is about.
    #[must_use]
    pub fn of(mut self, address: impl ToString) -> Self {
        self.address = Some(address.to_string());
        self
    }

    /// Says that the problem may be gone once more is known.
    #[must_use]
    pub fn pending(mut self) -> Self {
        self.is_pending = true;
        self
    }

    /// Adds the place unless the problem has one already.
    #[must_use]
    pub fn or_at(self, span: Span) -> Self {
        if self.labels.is_empty() { self.at(span) } else { self }
    }

    /// Whether this is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// All the problems that a stage found, in the order in which it found them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    /// The hashes of those in the list, so that telling many problems takes no longer for each.
    hashes: FxHashSet<u64>,
}

impl Diagnostics {
    /// No problem so far.
    pub fn new() -> Self {
        Diagnostics::default()
    }

    /// Adds a problem, unless the very same one is there already.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let is_new = self.hashes.insert(FxBuildHasher.hash_one(&diagnostic));
        if is_new || !self.list.contains(&diagnostic) {
            self.list.push(diagnostic);
        }
    }

    /// Takes over all the problems of another stage.
    pub fn extend(&mut self, other: impl IntoIterator<Item = Diagnostic>) {
        for diagnostic in other {
            self.push(diagnostic);
        }
    }

    /// Records the problem of a failed step and returns the value of one that succeeded.
    pub fn keep<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        result.map_err(|diagnostic| self.push(diagnostic)).ok()
    }

    /// Whether any of the problems stops the run.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(Diagnostic::is_error)
    }

    /// Whether there is no problem at all.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Those that stay whatever becomes known, and those that say that something is not known yet.
    pub fn split_pending(self) -> (Diagnostics, Diagnostics) {
        let (mut lasting, mut pending) = (Diagnostics::new(), Diagnostics::new());
        self.list.into_iter().for_each(|problem| match problem.is_pending {
            true => pending.push(problem),
            false => lasting.push(problem),
        });
        (lasting, pending)
    }

    /// The problems, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        let mut diagnostics = Diagnostics::new();
        diagnostics.push(diagnostic);
        diagnostics
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

/// The candidate most like `given`, where one is like enough to be a slip of the pen.
///
/// Edit distance of Damerau and Levenshtein in the restricted form (Oommen and Loke 1997),
/// at most a third of the longer name's characters, and fewer than all of them.
pub fn did_you_mean<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(given, candidate), candidate))
        .filter(|(distance, candidate)| {
            let longest = given.chars().count().max(candidate.chars().count());
            *distance > 0 && *distance < longest && *distance <= longest.div_ceil(3)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn edit_distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, a) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, b) in right.iter().enumerate() {
            let substituted = last[column] + usize::from(a != b);
            let mut best = substituted.min(last[column + 1] + 1).min(current[column] + 1);
            let swapped = row > 0 && column > 0 && *a == right[column - 1] && left[row - 1] == *b;
            if swapped {
                best = best.min(before_last[column - 1] + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_is_near() {
        let names = ["replicas", "image", "namespace"];
        assert_eq!(did_you_mean("replica", names), Some("replicas"));
        assert_eq!(did_you_mean("iamge", names), Some("image"));
        assert_eq!(did_you_mean("port", names), None);
        assert_eq!(did_you_mean("image", names), None);
        assert_eq!(did_you_mean("a", ["b"]), None);
    }

    #[test]
    fn the_same_problem_is_told_once() {
        let mut diagnostics = Diagnostics::new();
        diagnostics.push(Diagnostic::error("a"));
        diagnostics.push(Diagnostic::error("a"));
        diagnostics.push(Diagnostic::warning("a"));
        assert_eq!(diagnostics.iter().count(), 2);
        assert!(diagnostics.has_errors());
    }
}
