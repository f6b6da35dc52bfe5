//! `portolan status`

use std::time::Duration;

use jiff::Timestamp;
use portolan::observe::{self, Row, Service};
use portolan_lang::Diagnostic;
use portolan_state::Snapshot;

use super::arguments::StatusArguments;
use super::observing::Observed;
use super::project::recorded_anyway;
use super::screen::Screen;
use super::{Exit, Outcome, block_on, interrupts, is_colourful, print, warn};
use crate::render;

/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_secs(2);

pub(crate) fn run(arguments: &StatusArguments) -> Outcome {
    block_on(async {
        match arguments.watch {
            true => watch(arguments).await,
            false => once(arguments).await,
        }
    })
}

async fn once(arguments: &StatusArguments) -> Outcome {
    let observed = Observed::new(recorded_anyway().await?);
    let services = observed.services(&arguments.only.addresses)?;
    if services.is_empty() && !arguments.json {
        let nothing =
            Diagnostic::warning("Nothing that runs is recorded").detail("No application has been applied here yet.");
        warn(&nothing.into(), &portolan_lang::Sources::new());
        return Ok(Exit::Success);
    }
    let rows = observe::status(&observed.sessions(), &services).await;
    print(|out| match arguments.json {
        true => writeln!(out, "{:#}", render::status::json(&rows)),
        false => lines(&services, &rows).iter().try_for_each(|line| writeln!(out, "{line}")),
    })?;
    Ok(exit(&rows))
}

/// Looks again and again, until it is interrupted. What is recorded is read again each time, as
/// others may apply meanwhile.
async fn watch(arguments: &StatusArguments) -> Outcome {
    let mut stop = interrupts();
    let mut screen = Screen::default();
    let mut observed = Observed::new(Snapshot::default());
    loop {
        observed = observed.renewed(recorded_anyway().await?);
        let services = observed.services(&arguments.only.addresses)?;
        let sessions = observed.sessions();
        let rows = tokio::select! {
            rows = observe::status(&sessions, &services) => rows,
            _ = stop.recv() => return Ok(Exit::Success),
        };
        screen.show(match arguments.json {
            true => vec![render::status::json(&rows).to_string()],
            false => lines(&services, &rows),
        })?;
        let exit = exit(&rows);
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = stop.recv() => return Ok(exit),
        }
    }
}

fn lines(services: &[Service<'_>], rows: &[Row<'_>]) -> Vec<String> {
    render::status::human(services, rows, Timestamp::now(), is_colourful())
}

fn exit(rows: &[Row<'_>]) -> Exit {
    if rows.iter().any(Row::is_wrong) { Exit::Unhealthy } else { Exit::Success }
}
