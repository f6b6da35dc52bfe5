//! The engine: from a directory of configuration to a plan, and from a plan to the world.
//!
//! The rooms stand in the order of the pipeline, and one type crosses each border:
//!
//! ```text
//! files ──config──▶ Config ──shape, compile──▶ Desired ──graph──▶ Graph
//! Graph + Snapshot + Live ──plan──▶ Plan ──apply──▶ journal, state
//! ```
//!
//! Beside the pipeline, `observe` looks at what runs, and `watch` says when a daemon plans and applies.
//!
//! What it leaves out: it prints nothing, and it names no concrete provider and no concrete
//! backend. The program beside it (`main`, `setup`, `commands`, `render`) does both.

pub mod apply;
pub mod catalog;
pub mod compile;
pub mod config;
pub mod graph;
pub mod host;
mod marks;
pub mod observe;
pub mod plan;
pub mod recover;
pub mod refresh;
pub mod retry;
pub mod sessions;
pub mod shape;
#[cfg(test)]
mod testing;
pub mod watch;
