//! The stored forms: how rows look at rest, in every backend.
//!
//! They are kept apart from the working types, so that a working type can change without
//! breaking what is already stored; each backend records the version of what it stores. A
//! value is stored as a
//! [`document`] beside its type; equal types are stored once and referred to ([`types`]).
//! Words that stand for enums are in [`words`].
//!
//! What it leaves out: tables, keys and transactions are the backend's, encryption is
//! [`seal`](crate::seal)'s.

pub mod document;
mod notes;
mod texts;
pub mod types;
pub mod words;

/// The stored form cannot be read, or a value has none; the message holds no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FormatError(pub(crate) String);

impl From<serde_json::Error> for FormatError {
    /// Keeps the kind and the place only: the message of the JSON reader may quote a value.
    fn from(error: serde_json::Error) -> Self {
        let kind = match error.classify() {
            serde_json::error::Category::Io => "cannot be read",
            serde_json::error::Category::Syntax => "is not well-formed",
            serde_json::error::Category::Data => "does not fit its type",
            serde_json::error::Category::Eof => "is cut off",
        };
        FormatError(format!("a stored document {kind} at character {}", error.column()))
    }
}
