//! `nginx` and `route`: fleets of nginx servers, and what they pass on to whom.
//!
//! Both compile to syntax trees as data. Text is made of them by the provider, in one place;
//! nothing here quotes or pastes anything.

mod directive;
mod fleet;
mod host;
mod pods;
mod release;
mod route;
mod server;
mod upstream;

pub(super) use fleet::NGINX;
pub(super) use release::RELEASE;
pub(super) use route::ROUTE;
