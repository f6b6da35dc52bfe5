//! What went wrong, in the words of [`Error`].

use std::io;
use std::path::{Path, PathBuf};

use crate::backend::Error;
use crate::format::FormatError;

/// The database's file, as messages name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place(PathBuf);

// Primary result codes of SQLite that say that the file is not what it should be, and that
// another process is in the way (https://www.sqlite.org/rescode.html).
const CORRUPT: [i32; 4] = [1, 11, 19, 26];
const BUSY: [i32; 2] = [5, 6];

impl Place {
    pub(crate) fn new(path: PathBuf) -> Self {
        Place(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn name(&self) -> String {
        self.0.display().to_string()
    }

    /// The file is not a state, or no longer one.
    pub(crate) fn corrupt(&self, reason: impl Into<String>) -> Error {
        Error::Corrupt { place: self.name(), reason: reason.into() }
    }

    /// A stored row cannot be read.
    pub(crate) fn unreadable(&self, row: &str, error: &FormatError) -> Error {
        self.corrupt(format!("{row}: {error}"))
    }

    /// The system refused something.
    pub(crate) fn io(&self, doing: &'static str, error: &io::Error) -> Error {
        Error::Io { doing, place: self.name(), reason: error.to_string() }
    }

    /// The database refused something. The messages of SQLite name tables and columns, never
    /// values.
    pub(crate) fn failed(&self, doing: &'static str, error: sqlx::Error) -> Error {
        match error {
            sqlx::Error::Database(error) => {
                let code = error.code().and_then(|code| code.parse::<i32>().ok()).unwrap_or_default();
                let primary = code & 0xff;
                if CORRUPT.contains(&primary) {
                    return self.corrupt(error.message());
                }
                let reason = match BUSY.contains(&primary) {
                    true => "another process keeps the database busy".to_owned(),
                    false => error.message().to_owned(),
                };
                Error::Io { doing, place: self.name(), reason }
            }
            sqlx::Error::ColumnDecode { index, .. } => self.corrupt(format!("column {index} has another type")),
            sqlx::Error::Decode(_) | sqlx::Error::ColumnIndexOutOfBounds { .. } | sqlx::Error::RowNotFound => {
                self.corrupt("a row is missing or has another form")
            }
            sqlx::Error::Io(error) => self.io(doing, &error),
            other => Error::Io { doing, place: self.name(), reason: other.to_string() },
        }
    }
}
