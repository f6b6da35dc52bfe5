//! What names mean.

use crate::diagnostic::Diagnostic;
use crate::eval::Reference;
use crate::value::Value;

/// What a scope answers to a reference.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The value.
    pub value: Value,
    /// How many of the reference's steps led to it; the evaluator applies the others. A
    /// scope answers at the granularity at which it can tell values apart, so that a
    /// reference to one attribute does not wait for, or go round in a circle through, the
    /// others.
    pub steps: usize,
}

/// Where the evaluator looks names up.
///
/// Variables of `for` and of splats never reach the scope.
pub trait Scope {
    /// The value that a reference leads to. A reference to what is not declared is an error
    /// with a suggestion; its place is the reference's span.
    ///
    /// An error from here always counts: `try` and `can` do not catch it, and it is reported
    /// for the side of a conditional that is not chosen. What a value merely lacks (an
    /// attribute, an instance's key) is told by the evaluator, if fewer steps are answered.
    fn resolve(&self, reference: &Reference) -> Result<Resolved, Diagnostic>;

    /// What the functions that need the outside get: files, the time, the working directory.
    fn host(&self) -> &dyn Host;
}

/// What the functions that need the outside ask for, so that the language itself does no
/// I/O. Paths are as the configuration wrote them.
pub trait Host {
    /// The bytes of a file.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;

    /// Whether it is there and a regular file; an error where it is something else.
    fn exists(&self, path: &str) -> Result<bool, String>;

    /// The paths under `directory`, relative to it, with slashes, of all regular files.
    fn files(&self, directory: &str) -> Result<Vec<String>, String>;

    /// The absolute path.
    fn absolute(&self, path: &str) -> Result<String, String>;

    /// The home directory of the user who runs the program.
    fn home(&self) -> Option<String>;

    /// The time of the run, one for all of it: RFC 3339 in UTC. `None` while planning, when
    /// it is not known yet.
    fn now(&self) -> Option<String>;

    /// The time of the plan: RFC 3339 in UTC.
    fn plan_time(&self) -> Option<String>;
}
