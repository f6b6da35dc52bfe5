//! The parts of a block of the domain: nested blocks with a label, such as the services of an
//! application, which references name by keyword and label.

use portolan_lang::syntax::Body;

/// The labels that are written, not those that `dynamic` blocks give.
pub(super) fn labels<'b>(body: &'b Body, keyword: &'b str) -> impl Iterator<Item = &'b str> {
    body.blocks(keyword).filter_map(|block| block.labels.first()).map(|label| &*label.name)
}

/// Whether a `dynamic` block makes parts of a keyword; what their labels are is only known when it
/// is evaluated.
pub(super) fn are_made(body: &Body, keyword: &str) -> bool {
    body.blocks("dynamic").any(|block| block.labels.first().is_some_and(|label| &*label.name == keyword))
}

/// Whether there are parts of a keyword, or may be.
pub(super) fn may_have_any(body: &Body, keyword: &str) -> bool {
    labels(body, keyword).next().is_some() || are_made(body, keyword)
}

/// Whether there is such a part, or may be.
pub(crate) fn may_have(body: &Body, keyword: &str, label: &str) -> bool {
    labels(body, keyword).any(|known| known == label) || are_made(body, keyword)
}
