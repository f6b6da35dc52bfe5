//! Looking at what runs: from what is recorded to what the systems say of it.
//!
//! ```text
//! Snapshot ──services──▶ [Service] ──selection──▶ [Service] ──status──▶ [Row]
//!                                                          ──copies, usage, events──▶ [Told]
//! ```
//!
//! Nothing is compiled for it: what exists and how it is reached is recorded. Which recorded
//! objects are workloads, and how one is, the providers say; nothing here knows of any system.
//! Each system is asked once, all at the same time, and one that cannot be reached hides nothing
//! of the others.

mod ask;
mod selection;
mod services;
mod status;

pub use ask::{Answer, Told, copies, events, samples, usage};
pub use selection::Selection;
pub use services::{Service, Work, services};
pub use status::{Found, Row, status};
