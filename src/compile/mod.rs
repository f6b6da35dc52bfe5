//! From a [`Config`](crate::config::Config) to a [`Desired`]: what ought to exist.
//!
//! Compiling is pure. It expands modules, `count` and `for_each`, and turns domain blocks
//! into ordinary resources; after it, nothing knows of modules, applications or routes.
//!
//! What data sources say is an input like any other. What was not read yet and decides what there
//! is to be is listed in [`Desired::wanted`], and [`crate::shape`] compiles again with it.
//!
//! Attribute values may still be unknown then: the configuration of each instance is
//! evaluated again by [`Evaluation::configuration`] as more becomes known, first while planning
//! and then while applying. A domain block is a pure function from its evaluated attributes
//! to resources, and simply runs again.

mod awaited;
mod checked;
mod conditions;
mod connection;
mod data;
mod dependencies;
mod desired;
pub mod domain;
mod early;
mod evaluation;
mod evaluator;
mod expand;
mod gather;
mod inputs;
mod loss;
mod module;
mod moves;
mod placements;
mod places;
mod repetition;
mod scope;
mod unknown;
mod variables;

pub use checked::{CheckStatus, Checked, CheckedInstance};
pub(crate) use data::marked_answer;
pub use data::{DataAnswers, DataQuery, WantedData};
pub use desired::*;
pub use evaluation::{ConditionTime, Evaluation, OutputValue};
pub use expand::compile;
pub use inputs::{Inputs, PlacementRequest, SharedHost, UnknownRepetition};
pub use loss::Loss;
pub use variables::{Constants, accept};
