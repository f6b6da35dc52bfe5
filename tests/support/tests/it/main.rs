//! The clusters and the proxy are what they say: other tests rely on it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]

mod clusters;
mod faults;
mod webhooks;
