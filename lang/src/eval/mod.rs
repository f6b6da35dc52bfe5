//! Evaluation of expressions.
//!
//! One evaluator serves every stage; what differs is the [`Scope`] that it asks. A
//! resource that is read while expanding is unknown, while planning it is its planned
//! value, while applying its final value. There are no phase flags.

mod reference;
mod scope;

pub use reference::{Reference, ReferenceStep, references};
pub use scope::{Host, Resolved, Scope};
