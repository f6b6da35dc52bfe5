//! A state in a file, in a world of other processes, kills and damage.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "these are tests, down to what they share")]

mod bad_world;
mod killed;
mod process;
mod rivals;
