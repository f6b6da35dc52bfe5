//! What no configuration needs to go beyond.
//!
//! Values share their parts, and loops stand in loops, so a few lines can ask for more than any
//! memory holds or anybody waits for: `[local.a, local.a]`, forty times over. Each value carries
//! how large it would be if nothing were shared ([`Value::size`](crate::Value::size)), and the
//! evaluator refuses to make one beyond these limits, at the place that makes it.

/// The longest text that an expression makes, in bytes: 64 MiB.
pub const MAX_TEXT: usize = 64 << 20;

/// The largest value that an expression makes, in bytes as if nothing were shared: 256 MiB.
pub const MAX_SIZE: u64 = 256 << 20;

/// How deep a value nests at most.
pub const MAX_DEPTH: u8 = 100;

/// How many steps one expression takes at most: an evaluated part of it is a step, and so is
/// every [`BYTES_PER_STEP`] bytes that a function is given.
pub const MAX_STEPS: u64 = 500_000_000;

/// How many bytes of a function's arguments count as one step.
pub const BYTES_PER_STEP: u64 = 64;

/// What a value takes by itself, and a type, in bytes; texts and names come on top.
pub(crate) const BYTES_PER_PART: u32 = 32;
