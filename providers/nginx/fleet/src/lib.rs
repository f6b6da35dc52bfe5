//! The configuration of an nginx fleet as it is published in etcd.
//!
//! Whoever publishes and the agents beside the servers share these forms and nothing else:
//!
//!     PREFIX/blobs/<sha256>/<piece>   bytes of files and manifests, named after what they are
//!     PREFIX/release                  which manifest counts, and its number
//!     PREFIX/nodes/<name>             what an agent reports of its node, for as long as it lives
//!     PREFIX/endpoints/<pods>         the addresses of pods, which change without a release
//!
//! Bytes harm nobody until a manifest names them, so that they are written one by one. What
//! counts changes in one transaction, from one whole tree to another one.

mod digest;
mod endpoints;
mod keys;
mod manifest;
pub mod path;
mod release;
mod report;
mod store;

pub use digest::Digest;
pub use endpoints::{Addresses, Known, Member, NEEDS, Needs, Pods, Server, Upstream};
pub use keys::Prefix;
pub use manifest::{Entry, Manifest};
pub use release::Release;
pub use report::{Quarantined, Report, State};
pub use store::{Published, Store};
