//! Zones in a directory, with the real name server's programs as judges.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "the functions beside the tests are tests too"
)]

mod between;
mod checkzone;
mod conformance;
mod dynamic;
mod files;
mod owned;
mod round_trip;
mod served;
mod vectors;
mod world;
mod writers;
