//! Waiting until an object does what it is there for, or is gone.

use crate::Error;
use portolan_lang::Value;

/// An object that is waited for: it is there, and may not be ready, or is on its way to be gone.
#[derive(Debug, Clone, Copy)]
pub struct Awaited<'a> {
    /// Its resource type.
    pub resource_type: &'a str,
    /// What finds it.
    pub identity: &'a str,
    /// The object as it was last read or changed, wholly known and without marks.
    pub value: &'a Value,
}

/// What an object is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// What is still missing, a phrase without a full stop: `2 of 3 replicas are ready`.
    pub why: String,
    /// What holds it up, as far as that can be told; a phrase each, the most telling first.
    pub reasons: Vec<String>,
}

/// An object that did not become ready.
#[derive(Debug, Clone)]
pub struct NotReady {
    /// What is missing, and why.
    pub error: Error,
    /// Whether the object is to be made again what it was before it was changed.
    pub goes_back: bool,
}

impl From<Error> for NotReady {
    fn from(error: Error) -> Self {
        NotReady { error, goes_back: false }
    }
}

/// Is told what an object is waited for, whenever that changes.
pub type Report<'a> = &'a (dyn Fn(Waiting) + Send + Sync);
