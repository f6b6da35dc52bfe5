//! Real servers for tests, and faults on the way to them.
//!
//! [`Cluster`] gives a test a Kubernetes cluster that runs on this machine, or one of the user's
//! own. [`Proxy`] stands in front of its API server: it counts what is asked, and answers wrongly,
//! late or not at all where a [`Fault`] says so. A [`Webhook`] refuses or changes what is written,
//! an [`Account`] may do only some things, and [`metrics`] are what a test says they are. A [`Tunnel`] is a
//! proxy that knows nothing of what goes through it. [`Etcd`]
//! and [`Named`] are servers of a test's own, and [`tools`] finds the programs that tests run.
//!
//! Everything here is for tests: what is not as it should be ends the test with a panic that says
//! why.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be, and says what it leaves out"
)]

mod account;
mod certificate;
mod cluster;
mod etcd;
mod kubectl;
pub mod metrics;
mod named;
mod namespace;
mod proxy;
pub mod tools;
mod tunnel;
mod webhook;

pub use account::Account;
pub use cluster::{Cluster, OwnCluster};
pub use etcd::Etcd;
pub use kubectl::{Answer, Kubectl};
pub use named::Named;
pub use namespace::Namespace;
pub use proxy::{Fault, Proxy};
pub use tunnel::Tunnel;
pub use webhook::{Verdict, Webhook};

use std::time::{Duration, Instant};

/// Waits until something is so, for at most a minute.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
