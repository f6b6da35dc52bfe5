//! `portolan show`

use std::path::Path;

use super::arguments::ShowArguments;
use super::project::recorded;
use super::{Exit, Outcome, block_on, is_colourful, print, saved};
use crate::render;

pub(crate) fn run(arguments: &ShowArguments) -> Outcome {
    if let Some(file) = &arguments.plan {
        return plan(file, arguments.json);
    }
    block_on(async {
        let snapshot = recorded().await?;
        print(|out| match arguments.json {
            true => writeln!(out, "{}", render::state::json(&snapshot)),
            false => out.write_all(render::state::human(&snapshot).as_bytes()),
        })?;
        Ok(Exit::Success)
    })
}

/// Shows a saved plan, which needs neither its configuration nor the state.
fn plan(file: &Path, json: bool) -> Outcome {
    let saved = saved::read(file)?;
    let text = match json {
        true => format!("{}\n", render::plan::json(saved.shown(), &saved.shown_project()?.basis())),
        false => render::plan::human(saved.shown(), is_colourful()),
    };
    print(|out| out.write_all(text.as_bytes()))?;
    Ok(Exit::Success)
}
