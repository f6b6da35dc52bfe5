//! Manifests as text.
//!
//! What is written is read back the same by this reader and by every YAML reader that
//! Kubernetes tools use, whether it follows YAML 1.1 or 1.2: a string that either would take
//! for something else is quoted. The writer is our own, because the order of keys, the form
//! of long strings and the quoting are what people review; the reader stands on a parser that
//! gives scalars as they are written, so that no number loses digits.
//!
//! What it leaves out: anchors, merge keys, tags other than the standard ones and several
//! documents in a file are refused with their place.

mod read;
mod scalar;
mod write;

pub(crate) use read::read;
pub(crate) use write::write;

/// The deepest nesting that is written and read, well above that of any kind.
pub(crate) const MAX_DEPTH: usize = 64;

/// The longest key, in bytes: YAML readers demand less than 1024 characters with the quotes.
pub(crate) const MAX_KEY_LENGTH: usize = 500;

#[cfg(test)]
mod tests;
