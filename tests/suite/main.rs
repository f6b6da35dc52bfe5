//! The program driven from outside, and the engine as a library.

#![allow(clippy::expect_used, reason = "a test ends where something is not as it should be")]

mod bad_input;
mod compiling;
mod configurations;
mod examples;
mod fuzz;
mod killed;
mod loading;
mod program;
mod reference;
mod running;
mod secrets;
mod served;
mod together;
mod vectors;
