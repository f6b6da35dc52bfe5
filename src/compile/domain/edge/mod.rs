//! `nginx`, `route` and `stream`: fleets of nginx servers, and what they pass on to whom.
//!
//! They compile to syntax trees as data. Text is made of them by the provider, in one place;
//! nothing here quotes or pastes anything.

mod backends;
mod build;
mod canary;
mod conf;
mod directive;
mod fleet;
mod health;
mod host;
mod keys;
mod limits;
mod location;
mod logs;
mod part;
mod pods;
mod protocol;
mod release;
mod route;
mod server;
mod server_tls;
mod shadow;
mod stream;
mod template;
mod times;
mod tls;
mod upstream;

pub(super) use fleet::NGINX;
pub(super) use release::RELEASE;
pub(super) use route::ROUTE;
pub(super) use stream::STREAM;
