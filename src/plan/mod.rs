//! From what ought to exist, what is recorded and what is really there to a [`Plan`].

mod model;

pub use model::*;
