//! The language from outside: text in, values and diagnostics out.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a test may fail and say so")]

mod bounds;
mod decode;
mod fuzz;
mod scope;
mod syntax;
mod vectors;
