//! How objects become ready, or do not.

use std::sync::Arc;
use std::time::Duration;

use portolan_lang::Value;

/// How an object fares from when it is waited for.
#[derive(Debug, Clone)]
pub enum Readiness {
    /// It is ready once these have been reported, each after the time before it.
    At(Vec<(Duration, &'static str)>),
    /// It is never ready, and this is reported.
    Never(&'static str),
    /// It fails for this reason.
    Fails(&'static str),
    /// It fails for this reason, and is to be made again what it was.
    GoesBack(&'static str),
}

/// What says so of an object.
pub(super) type Script = Arc<dyn Fn(&Value) -> Readiness + Send + Sync>;
