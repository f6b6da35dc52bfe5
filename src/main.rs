//! The program: parses the command line, runs one command, and says how it went.

mod commands;
mod render;
mod setup;

use std::process::ExitCode;

/// A configuration of 100,000 resources is millions of small allocations.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    commands::run(std::env::args_os())
}
