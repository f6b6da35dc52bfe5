//! `portolan show`

use super::arguments::ShowArguments;
use super::project::recorded;
use super::{Exit, Outcome, block_on, print};
use crate::render;

pub(crate) fn run(arguments: &ShowArguments) -> Outcome {
    block_on(async {
        let snapshot = recorded().await?;
        print(|out| match arguments.json {
            true => writeln!(out, "{}", render::state::json(&snapshot)),
            false => out.write_all(render::state::human(&snapshot).as_bytes()),
        })?;
        Ok(Exit::Success)
    })
}
