//! Clusters as others see them.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "the functions beside the tests are tests too"
)]

mod directory;
mod health;
mod published_schema;
mod server;
