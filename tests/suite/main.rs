//! The program driven from outside, and the engine as a library.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be, and says what it leaves out"
)]

mod bad_input;
mod behind_tls;
mod broken_servers;
mod certificates;
mod charts;
mod commands;
mod compiling;
mod configurations;
mod console;
mod crossplane;
mod division;
mod documents;
mod draining;
mod drifting;
mod edge;
mod examples;
#[cfg(all(feature = "nginx", feature = "dns", feature = "agent"))]
mod failing;
mod fighting;
mod fleets;
mod followed;
mod fuzz;
mod identity;
mod inside;
mod json_form;
mod killed;
mod limits;
mod listening;
mod live;
mod loading;
mod manifests;
mod names;
mod networks;
#[cfg(all(feature = "nginx", feature = "dns", feature = "agent"))]
mod nodes;
mod offline;
mod operate;
mod placement;
mod places;
#[cfg(all(feature = "nginx", feature = "dns", feature = "endpoints"))]
mod pods;
mod program;
mod prometheus;
mod reference;
mod rollouts;
mod running;
mod saved_plans;
mod scaling;
mod secrets;
#[cfg(all(feature = "nginx", feature = "dns", feature = "agent"))]
mod secured;
mod served;
mod shape;
mod status;
#[cfg(all(feature = "nginx", feature = "dns", feature = "agent"))]
mod switching;
mod terminal;
mod together;
mod too_much;
mod vectors;
#[cfg(feature = "dns")]
mod views;
mod watching;
#[cfg(feature = "kubernetes")]
mod watching_clusters;
mod ways;
