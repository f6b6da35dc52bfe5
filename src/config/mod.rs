//! From a directory of files to a [`Config`]: what people wrote, checked for shape, with every
//! module loaded. Nothing is evaluated here but constants.
//!
//! [`load`] reads, parses and declares; it checks that names are declared and that nothing
//! goes round in a circle. [`root_values`] finds the values of the root module's variables.

mod accept;
mod blocks;
mod calls;
mod check;
mod constant;
mod content;
mod cycle;
mod files;
mod fit;
mod known;
mod load;
mod model;
mod overrides;
pub(crate) mod part;
mod uses;
mod variables;
mod version;
pub mod watch;

pub use accept::Refusal;
pub use files::{MAX_FILE_BYTES, exists};
pub use load::{load, load_kept};
pub use model::*;
pub use variables::{ENVIRONMENT_PREFIX, VariableFlag, root_values};

#[cfg(test)]
mod tests;
