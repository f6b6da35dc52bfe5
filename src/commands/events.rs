//! `portolan events`

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use portolan::observe::{self, Service, Told};
use portolan_lang::{Diagnostic, Sources};
use portolan_provider::Event;

use super::arguments::EventsArguments;
use super::observing::Observed;
use super::project::recorded_anyway;
use super::{Exit, Outcome, block_on, interrupts, is_colourful, warn};
use crate::render;
use crate::render::events::Happened;

/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_secs(2);

pub(crate) fn run(arguments: &EventsArguments) -> Outcome {
    block_on(events(arguments))
}

async fn events(arguments: &EventsArguments) -> Outcome {
    let observed = Observed::new(recorded_anyway().await?);
    let services = observed.services(&arguments.only.addresses)?;
    let (mut stop, mut shown) = (interrupts(), BTreeSet::new());
    let mut exit;
    loop {
        let sessions = observed.sessions();
        let told = tokio::select! {
            told = observe::events(&sessions, &services) => told,
            _ = stop.recv() => return Ok(Exit::Success),
        };
        exit = tell(arguments, &services, &told, &mut shown)?;
        if !arguments.watch {
            return Ok(exit);
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = stop.recv() => return Ok(exit),
        }
        observed.try_again();
    }
}

/// Prints what was not shown yet, in the order of time over all clusters.
fn tell(
    arguments: &EventsArguments,
    services: &[Service<'_>],
    told: &[Told<'_, Vec<Event>>],
    shown: &mut BTreeSet<(String, String, u64)>,
) -> io::Result<Exit> {
    let mut new: Vec<Happened<'_>> = Vec::new();
    let mut exit = Exit::Success;
    for place in told {
        let cluster = place.work.cluster();
        match &place.answer {
            Ok(events) => new.extend(events.iter().filter_map(|event| {
                let is_new = shown.insert((cluster.clone(), event.id.clone(), event.count));
                is_new.then(|| Happened { service: place.service, cluster: cluster.clone(), event })
            })),
            Err(cause) => {
                exit = Exit::Unhealthy;
                // Where it is looked again and again, it is told once.
                if shown.insert((cluster.clone(), cause.clone(), 0)) {
                    let text = render::foreign::one_line(cause);
                    let problem = Diagnostic::warning(format!("{cluster} does not tell what happened")).detail(text);
                    warn(&problem.into(), &Sources::new());
                }
            }
        }
    }
    new.sort_by(|left, right| left.event.time.cmp(&right.event.time));
    let mut out = io::BufWriter::new(io::stdout().lock());
    let is_all = services.len() != 1;
    for happened in &new {
        match arguments.json {
            true => writeln!(out, "{}", render::events::json(happened))?,
            false => writeln!(out, "{}", render::events::human(happened, is_all, is_colourful()))?,
        }
    }
    out.flush()?;
    Ok(exit)
}
