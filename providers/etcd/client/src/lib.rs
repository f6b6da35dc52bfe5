//! The way to an etcd cluster: what a configuration says of it, and what its answers mean.
//!
//! Whoever keeps anything in etcd opens its connection here, so that endpoints, users and
//! certificates are described, checked and told of in one way. It leaves out what is kept there.

mod connection;
mod errors;

pub use connection::{Connection, attributes, open};
pub use errors::error_of;
