//! The program: parses the command line, runs one command, and says how it went.

mod commands;
mod render;
mod setup;

use std::process::ExitCode;

fn main() -> ExitCode {
    commands::run(std::env::args_os())
}
