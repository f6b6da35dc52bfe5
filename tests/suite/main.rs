//! The program driven from outside, and the engine as a library.

#![allow(clippy::expect_used, reason = "a test ends where something is not as it should be")]

mod configurations;
mod loading;
mod reference;
mod running;
mod vectors;
