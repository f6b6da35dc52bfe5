//! Configuration trees in a directory and in a real etcd, with the real nginx as judge.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "the functions beside the tests are tests too"
)]

mod conformance;
mod files;
mod injection;
mod published;
mod quoting;
mod served;
mod tokens;
mod tools;
mod tree;
mod vectors;
mod world;
