//! `portolan exec`

use std::io::{self, IsTerminal, Read, Write};
use std::sync::Arc;

use portolan::observe::{self, Service, Told};
use portolan_lang::Diagnostic;
use portolan_provider::{Copy, Output, Session, Streams};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::arguments::ExecArguments;
use super::observing::Observed;
use super::project::recorded_anyway;
use super::raw::Raw;
use super::{Exit, Failure, Outcome, block_on};
use crate::render::foreign::one_line;
use crate::render::terminal;

/// How many pieces of input and output may be on their way.
const WAITING: usize = 16;

/// How much is read of the input at a time, in bytes.
const CHUNK: usize = 8 * 1024;

pub(crate) fn run(arguments: &ExecArguments) -> Outcome {
    if arguments.tty && !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        let problem = Diagnostic::error("There is no terminal")
            .detail("--tty gives the command a terminal like the one of this program, which has none.")
            .help("Leave it out; --stdin alone passes the input on.");
        return Err(problem.into());
    }
    block_on(exec(arguments))
}

async fn exec(arguments: &ExecArguments) -> Outcome {
    let observed = Observed::new(recorded_anyway().await?);
    let addresses = std::slice::from_ref(&arguments.address);
    let services = observed.services_in(addresses, arguments.cluster.as_deref())?;
    only_one(&services)?;
    let sessions = observed.sessions();
    let told = observe::copies(&sessions, &services).await;
    let (place, copy) = choose(&told, arguments)?;
    let container = container(copy, arguments.container.as_deref())?;
    let session = sessions.of_resource(place.work.resource).await.map_err(Failure::from)?;
    in_copy(arguments, session, copy, container).await
}

fn only_one(services: &[Service<'_>]) -> Result<(), Failure> {
    if services.len() <= 1 {
        return Ok(());
    }
    let names: Vec<String> = services.iter().map(|service| service.address.to_string()).collect();
    Err(Diagnostic::error("Several services are meant")
        .detail(format!("A command runs in one of them: {}.", names.join(", ")))
        .into())
}

/// The copy that was named, or the first that is ready.
fn choose<'a>(
    told: &'a [Told<'a, Vec<Copy>>],
    arguments: &ExecArguments,
) -> Result<(&'a Told<'a, Vec<Copy>>, &'a Copy), Failure> {
    let all = || told.iter().flat_map(|place| place.answer.iter().flatten().map(move |copy| (place, copy)));
    let found = match &arguments.pod {
        Some(name) => all().find(|(_, copy)| copy.name == *name),
        None => all().find(|(_, copy)| copy.is_ready),
    };
    found.ok_or_else(|| {
        let shown = |(place, copy): (&Told<'_, Vec<Copy>>, &Copy)| {
            let state = if copy.is_ready { "ready" } else { "not ready" };
            format!("{}/{} is {state}", place.work.cluster(), copy.name)
        };
        let copies = all().map(shown);
        let problems = told.iter().filter_map(|place| Some((place.work.cluster(), place.answer.as_ref().err()?)));
        let lines: Vec<String> = copies
            .chain(problems.map(|(cluster, cause)| format!("{cluster}: {cause}")))
            .map(|line| one_line(&line))
            .collect();
        let (summary, none) = match &arguments.pod {
            Some(name) => (format!("No copy is named \"{}\"", one_line(name)), "There are none."),
            None => ("No copy is ready".to_owned(), "There are none: nothing runs."),
        };
        let detail = if lines.is_empty() { none.to_owned() } else { lines.join("\n") };
        Diagnostic::error(summary).detail(detail).help("A copy that is not ready can be named: --pod NAME").into()
    })
}

fn container<'a>(copy: &'a Copy, wanted: Option<&'a str>) -> Result<&'a str, Failure> {
    match wanted {
        Some(wanted) if !copy.containers.iter().any(|name| name == wanted) => {
            Err(Diagnostic::error("No such container")
                .detail(format!("{} has: {}.", copy.name, copy.containers.join(", ")))
                .into())
        }
        Some(wanted) => Ok(wanted),
        None => Ok(copy.containers.first().map_or("", String::as_str)),
    }
}

/// Runs the command, and ends as it does.
async fn in_copy(arguments: &ExecArguments, session: Arc<dyn Session>, copy: &Copy, container: &str) -> Outcome {
    let Some(workloads) = session.workloads() else {
        return Err(Diagnostic::error("Nothing runs there").into());
    };
    let (output, written) = mpsc::channel(WAITING);
    let raw = if arguments.tty { Some(Raw::enter()?) } else { None };
    let streams = Streams {
        input: arguments.stdin.then(input),
        output,
        sizes: if arguments.tty { Some(sizes()?) } else { None },
    };
    let running = workloads.exec(&copy.id, container, &arguments.command, streams);
    let (ended, shown) = tokio::join!(running, show(written));
    drop(raw);
    shown?;
    let code = ended.map_err(|error| {
        let problem = Diagnostic::error("Cannot run the command").detail(one_line(&error.message));
        let problem = error.help.iter().fold(problem, |problem, help| problem.help(help.as_str()));
        Failure::from(problem)
    })?;
    // What a shell makes of codes that do not fit.
    Ok(Exit::Remote((code & 0xff) as u8))
}

async fn show(mut written: mpsc::Receiver<Output>) -> io::Result<()> {
    while let Some(output) = written.recv().await {
        match output {
            Output::Out(bytes) => {
                let mut out = io::stdout().lock();
                out.write_all(&bytes)?;
                out.flush()?;
            }
            Output::Error(bytes) => io::stderr().lock().write_all(&bytes)?,
        }
    }
    Ok(())
}

/// The input of this program. It is read by a thread that nobody waits for: it may wait for a
/// person for ever.
fn input() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    std::thread::spawn(move || {
        let mut buffer = vec![0; CHUNK];
        while let Ok(count @ 1..) = io::stdin().lock().read(&mut buffer) {
            if sender.blocking_send(buffer[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// The size of the terminal now, and whenever it changes.
fn sizes() -> Result<mpsc::Receiver<(u16, u16)>, Failure> {
    let (sender, receiver) = mpsc::channel(WAITING);
    let mut changes = signal(SignalKind::window_change())?;
    tokio::spawn(async move {
        loop {
            if let Some((rows, columns)) = terminal::size() {
                let fit = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
                if sender.send((fit(rows), fit(columns))).await.is_err() {
                    return;
                }
            }
            if changes.recv().await.is_none() {
                return;
            }
        }
    });
    Ok(receiver)
}
