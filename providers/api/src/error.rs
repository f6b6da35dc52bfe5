//! What can go wrong in a provider.

use std::fmt;
use std::time::Duration;

use portolan_lang::{AttributePath, Value};

/// Says to the engine what to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// May go away by itself: the engine tries again.
    Transient,
    /// The object was changed by somebody else meanwhile: read and plan again.
    Conflict,
    /// The system refuses for lack of rights.
    Denied,
    /// The configuration is wrong, at the path if there is one.
    Invalid,
    /// Anything else that trying again does not mend.
    Failed,
}

/// A failure of one operation.
#[derive(Debug, Clone)]
pub struct Error {
    /// What to do about it.
    pub kind: ErrorKind,
    /// What happened, in words for the person who wrote the configuration; no secrets.
    pub message: String,
    /// The attribute that is to blame.
    pub path: Option<AttributePath>,
    /// What to do, where that can be said.
    pub help: Option<String>,
    /// What a failed change left behind all the same: it is recorded, as tainted after a
    /// creation.
    pub left_behind: Option<Value>,
    /// How long the system asks to be left alone before the next attempt.
    pub retry_after: Option<Duration>,
}

impl Error {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), path: None, help: None, left_behind: None, retry_after: None }
    }

    /// An error that may go away by itself.
    pub fn transient(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Transient, message)
    }

    /// Somebody else changed the object meanwhile.
    pub fn conflict(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Conflict, message)
    }

    /// The system refuses for lack of rights.
    pub fn denied(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Denied, message)
    }

    /// The configuration is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Invalid, message)
    }

    /// Anything else.
    pub fn failed(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Failed, message)
    }

    /// An error of the file system: what was tried, on which path, and what the system said.
    pub fn io(doing: impl fmt::Display, error: &std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::PermissionDenied => ErrorKind::Denied,
            std::io::ErrorKind::Interrupted | std::io::ErrorKind::TimedOut => ErrorKind::Transient,
            _ => ErrorKind::Failed,
        };
        Error::new(kind, format!("{doing}: {error}"))
    }

    /// Names the attribute that is to blame.
    #[must_use]
    pub fn at(mut self, path: AttributePath) -> Self {
        self.path = Some(path);
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says how long the system asks to be left alone.
    #[must_use]
    pub fn retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    /// Says what the failed change left.
    #[must_use]
    pub fn left_behind(mut self, value: Value) -> Self {
        self.left_behind = Some(value);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
