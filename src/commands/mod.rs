//! The commands, one file each, and what they share: exit codes and the way errors are told.

#[cfg(feature = "agent")]
mod agent;
mod apply;
mod arguments;
mod cluster;
mod completions;
mod console;
mod elsewhere;
#[cfg(feature = "endpoints")]
mod endpoints;
mod events;
mod exec;
mod graph;
mod logs;
mod new;
mod observing;
mod operate;
mod ordering;
mod output;
mod plan;
mod planning;
mod project;
mod raw;
mod record;
mod route;
mod saved;
mod screen;
mod show;
mod state;
mod status;
mod top;
mod validate;
mod version;
mod watch;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use arguments::{Arguments, Command};
use clap::Parser;
use portolan_lang::{Diagnostic, Diagnostics, Sources};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::render;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything was done.
    Success,
    /// Something was wrong; it has been told.
    Failure,
    /// There is something to change; only told on request.
    Changes,
    /// Something that runs is not as it should be.
    Unhealthy,
    /// A command that runs elsewhere ended with this code.
    Remote(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Success => 0,
            Exit::Failure => 1,
            Exit::Changes | Exit::Unhealthy => 2,
            Exit::Remote(code) => code,
        })
    }
}

/// What stops a command: problems, with the sources that their places lie in. Without any, the
/// output was closed by whoever read it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) diagnostics: Diagnostics,
    pub(crate) sources: Sources,
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Failure { diagnostics: diagnostic.into(), sources: Sources::new() }
    }
}

impl Failure {
    /// Says what to do about the first problem.
    pub(crate) fn help(mut self, help: &str) -> Self {
        let described = self.diagnostics.into_iter().map(|diagnostic| match diagnostic.help {
            Some(_) => diagnostic,
            None => diagnostic.help(help),
        });
        let mut diagnostics = Diagnostics::new();
        diagnostics.extend(described);
        self.diagnostics = diagnostics;
        self
    }
}

impl From<io::Error> for Failure {
    /// Whoever read the output and left, as `head` does, need not be told.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Failure { diagnostics: Diagnostics::new(), sources: Sources::new() };
        }
        Diagnostic::error("Cannot write the output").detail(error.to_string()).into()
    }
}

/// What a command answers.
pub(crate) type Outcome = Result<Exit, Failure>;

/// Parses the command line and runs the command.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments::normalise(arguments)) {
        Ok(arguments) => arguments,
        Err(problem) => {
            let failed = problem.use_stderr() | problem.print().is_err();
            if let Some(instead) = elsewhere::instead_of(&problem) {
                // Where this cannot be written, the exit code says enough.
                let _ = writeln!(io::stderr(), "\n  instead: {instead}");
            }
            return if failed { Exit::Failure.into() } else { Exit::Success.into() };
        }
    };
    if arguments.no_color {
        render::terminal::refuse_colours();
    }
    if let Some(directory) = &arguments.chdir
        && let Err(error) = std::env::set_current_dir(directory)
    {
        let problem = Diagnostic::error("Cannot work in the directory given with --chdir")
            .detail(format!("{}: {error}", directory.display()));
        return tell(problem.into());
    }
    dispatch(&arguments.command).map_or_else(tell, ExitCode::from)
}

fn dispatch(command: &Command) -> Outcome {
    match command {
        Command::Plan(arguments) => plan::run(arguments),
        Command::Apply(arguments) => apply::run(arguments),
        Command::Destroy(arguments) => apply::destroy(arguments),
        Command::Rebalance(arguments) => apply::rebalance(arguments),
        Command::Console(arguments) => console::run(arguments),
        Command::Validate(arguments) => validate::run(arguments),
        Command::Version(arguments) => version::run(arguments),
        Command::Completions(arguments) => completions::run(arguments),
        Command::Graph(arguments) => graph::run(arguments),
        Command::Show(arguments) => show::run(arguments),
        Command::Output(arguments) => output::run(arguments),
        Command::State(command) => state::run(command),
        #[cfg(feature = "agent")]
        Command::Agent(command) => agent::run(command),
        #[cfg(feature = "endpoints")]
        Command::Endpoints(arguments) => endpoints::run(arguments),
        Command::Status(arguments) => status::run(arguments),
        Command::Logs(arguments) => logs::run(arguments),
        Command::Exec(arguments) => exec::run(arguments),
        Command::Top(arguments) => top::run(arguments),
        Command::Events(arguments) => events::run(arguments),
        Command::Stop(arguments) => operate::stop(arguments),
        Command::Start(arguments) => operate::start(arguments),
        Command::Restart(arguments) => operate::restart(arguments),
        Command::Route(command) => route::run(command),
        Command::Watch(arguments) => watch::run(arguments),
        Command::Cluster(command) => cluster::run(command),
        Command::New(arguments) => new::run(arguments),
    }
}

/// What a program ends with that writes to a pipe that nobody reads any more: 128 and SIGPIPE.
const CLOSED_PIPE: u8 = 141;

fn tell(failure: Failure) -> ExitCode {
    if failure.diagnostics.is_empty() {
        return CLOSED_PIPE.into();
    }
    warn(&failure.diagnostics, &failure.sources);
    Exit::Failure.into()
}

/// Runs a command's asynchronous part to its end.
pub(crate) fn block_on(work: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // A limit on the size of files is to be met like a full disk, not to end the process.
        let _limit = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()));
        work.await
    })
}

/// A message for each time that a person, or the system, asks the program to stop.
pub(crate) fn interrupts() -> UnboundedReceiver<()> {
    let (sender, receiver) = unbounded_channel();
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        // Where signals cannot be caught, they do what they do by default.
        let Ok(mut signals) = signal(kind) else { continue };
        let sender = sender.clone();
        tokio::spawn(async move { while signals.recv().await.is_some() && sender.send(()).is_ok() {} });
    }
    receiver
}

/// Prints an answer, all of it before the command ends.
pub(crate) fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    write(&mut out)?;
    Ok(out.flush()?)
}

/// Whether what is printed for people may be painted.
pub(crate) fn is_colourful() -> bool {
    render::terminal::is_colourful(&io::stdout())
}

/// Tells problems on the error stream, for people.
pub(crate) fn warn(diagnostics: &Diagnostics, sources: &Sources) {
    let text = render::diagnostic::human(diagnostics, sources, render::terminal::is_colourful(&io::stderr()));
    // A closed pipe must not hide the exit code.
    let _ = io::stderr().write_all(text.as_bytes());
}
