//! Evaluation of expressions.
//!
//! One evaluator serves every stage; what differs is the [`Scope`] that it asks. A
//! resource that is read while expanding is unknown, while planning it is its planned
//! value, while applying its final value. There are no phase flags.
//!
//! Everything spreads as in Terraform 1.11: marks to all that is made from a marked value,
//! unknown values with what is known of them. All problems of an expression are reported,
//! not only the first. What an expression makes, and how long it takes, is bounded
//! ([`limits`](crate::limits)).

mod access;
mod bounds;
mod call;
mod choice;
mod collection;
mod evaluator;
mod operator;
mod reference;
mod refine;
mod scope;
mod template;

pub use evaluator::evaluate;
pub(crate) use reference::{Draft, literal_key};
pub use reference::{Reference, ReferencePath, ReferenceStep, each_reference, is_constant, key_value, references};
pub use scope::{Host, Resolved, Scope};
