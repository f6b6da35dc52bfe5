//! What every project has, used as the engine uses it.

#![allow(clippy::expect_used, clippy::panic, reason = "the functions beside the tests are tests too")]

mod remote_state;
mod terraform_data;
