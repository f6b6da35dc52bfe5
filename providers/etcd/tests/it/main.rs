//! Keys in a real etcd.

#![allow(clippy::expect_used, clippy::panic, reason = "the functions beside the tests are tests too")]

mod conformance;
mod faults;
mod secured;
mod world;
