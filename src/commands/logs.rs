//! `portolan logs`

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use portolan::observe::{self, Service};
use portolan_lang::{Diagnostic, Diagnostics, Sources};
use portolan_provider::{Error, LogRequest, Session};
use tokio::sync::mpsc;

use super::arguments::LogsArguments;
use super::observing::Observed;
use super::project::recorded_anyway;
use super::{Exit, Failure, Outcome, block_on, interrupts, is_colourful, record, warn};
use crate::render::logs::{Prefix, line};

/// How often it is looked for new copies while logs are followed.
const LOOK: Duration = Duration::from_secs(5);

/// How many lines of each log are shown before it is followed.
const TAIL_BEFORE_FOLLOWING: u64 = 10;

/// How many lines may wait to be printed.
const WAITING: usize = 1024;

pub(crate) fn run(arguments: &LogsArguments) -> Outcome {
    block_on(logs(arguments))
}

async fn logs(arguments: &LogsArguments) -> Outcome {
    let request = request(arguments)?;
    let observed = Observed::new(recorded_anyway().await?);
    let services = observed.services_in(&arguments.addresses, arguments.cluster.as_deref())?;
    let mut reading = Reading::new(arguments.container.clone());
    reading.look(&observed, &services, &request).await;
    if reading.open.is_empty() && !arguments.follow {
        return Err(reading.nothing());
    }
    let mut stop = interrupts();
    let mut look = tokio::time::interval(LOOK);
    look.tick().await;
    let mut out = io::BufWriter::new(io::stdout().lock());
    loop {
        if reading.open.is_empty() && !arguments.follow {
            break;
        }
        tokio::select! {
            heard = reading.heard.recv() => reading.on(heard, &mut out)?,
            _ = look.tick(), if arguments.follow => {
                reading.tell_problems();
                reading.look(&observed, &services, &request).await;
            }
            _ = stop.recv() => break,
        }
        if reading.heard.is_empty() {
            out.flush()?;
        }
    }
    out.flush()?;
    reading.end()
}

fn request(arguments: &LogsArguments) -> Result<LogRequest, Failure> {
    let since = arguments.since.as_deref().map(|since| record::duration("--since", since)).transpose()?;
    let since =
        since.map(|since| (Timestamp::now() - jiff::SignedDuration::try_from(since).unwrap_or_default()).to_string());
    let is_limited = arguments.tail.is_some() || since.is_some();
    let tail = arguments.tail.or((arguments.follow && !is_limited).then_some(TAIL_BEFORE_FOLLOWING));
    Ok(LogRequest { follows: arguments.follow, since, tail, previous: arguments.previous })
}

/// What tells a log from all others: cluster, copy and container.
type Key = (String, String, String);

/// What comes from a log.
enum Heard {
    Line(Arc<Prefix>, Vec<u8>),
    End(Key, Result<(), Error>),
}

/// The logs that are being read.
struct Reading {
    /// The container that is meant; all if none is.
    container: Option<String>,
    open: BTreeSet<Key>,
    /// When logs ended that had been read.
    ended: BTreeMap<Key, Timestamp>,
    prefixes: BTreeMap<(String, String), usize>,
    problems: BTreeSet<String>,
    /// Those that have been told already.
    told: BTreeSet<String>,
    tell: mpsc::Sender<Heard>,
    heard: mpsc::Receiver<Heard>,
}

impl Reading {
    fn new(container: Option<String>) -> Self {
        let (tell, heard) = mpsc::channel(WAITING);
        Reading {
            container,
            open: BTreeSet::new(),
            ended: BTreeMap::new(),
            prefixes: BTreeMap::new(),
            problems: BTreeSet::new(),
            told: BTreeSet::new(),
            tell,
            heard,
        }
    }

    /// Opens the logs of all copies that are not being read.
    async fn look(&mut self, observed: &Observed, services: &[Service<'_>], request: &LogRequest) {
        let sessions = observed.sessions();
        let mut missing = BTreeSet::new();
        for told in observe::copies(&sessions, services).await {
            let cluster = told.work.cluster();
            let copies = match told.answer {
                Ok(copies) => copies,
                Err(cause) => {
                    self.problems.insert(format!("{cluster}: {cause}"));
                    continue;
                }
            };
            let Ok(session) = sessions.of_resource(told.work.resource).await else { continue };
            for copy in copies {
                let meant = self.container.clone();
                let containers = match meant {
                    Some(meant) => copy.containers.iter().filter(|name| **name == meant).cloned().collect(),
                    // Those that only prepare it stand behind the main one.
                    None => copy.containers.clone().into_iter().take(1).collect::<Vec<_>>(),
                };
                if containers.is_empty() {
                    let names = copy.containers.join(", ");
                    missing.insert(format!("{cluster}/{} has no such container; it has: {names}", copy.name));
                }
                for container in containers {
                    let key = (cluster.clone(), copy.id.clone(), container);
                    self.open(key, &copy.name, session.clone(), request);
                }
            }
        }
        // Of several services, some may have the container and some not.
        if self.open.is_empty() {
            self.problems.append(&mut missing);
        }
    }

    fn open(&mut self, key: Key, name: &str, session: Arc<dyn Session>, request: &LogRequest) {
        if !self.open.insert(key.clone()) {
            return;
        }
        let number = self.prefixes.len();
        let number = *self.prefixes.entry((key.0.clone(), key.1.clone())).or_insert(number);
        let prefix = Arc::new(Prefix::new(&format!("{}/{name}", key.0), number));
        // What was read before goes on where it ended.
        let request = match self.ended.get(&key) {
            Some(ended) => LogRequest { since: Some(ended.to_string()), tail: None, ..request.clone() },
            None => request.clone(),
        };
        tokio::spawn(read(key, prefix, session, request, self.tell.clone()));
    }

    fn on(&mut self, heard: Option<Heard>, out: &mut impl Write) -> io::Result<()> {
        match heard {
            Some(Heard::Line(prefix, text)) => {
                out.write_all(&line(&prefix, &text, is_colourful(), io::stdout().is_terminal()))?;
            }
            Some(Heard::End(key, ended)) => {
                self.open.remove(&key);
                if let Err(error) = ended {
                    self.problems.insert(format!("{}/{}: {}", key.0, key.1, error.message));
                } else {
                    self.ended.insert(key, Timestamp::now());
                }
            }
            None => {}
        }
        Ok(())
    }

    /// Tells of problems while logs are followed, each once.
    fn tell_problems(&mut self) {
        for problem in std::mem::take(&mut self.problems) {
            if self.told.insert(problem.clone()) {
                let problem = Diagnostic::warning("A log cannot be read").detail(render(&problem));
                warn(&problem.into(), &Sources::new());
            }
        }
    }

    fn nothing(&self) -> Failure {
        if self.problems.is_empty() {
            return Diagnostic::error("No copies are there")
                .detail("Nothing runs of what was named, so that there are no logs.")
                .help("See why: portolan status")
                .into();
        }
        self.failure()
    }

    fn failure(&self) -> Failure {
        let mut diagnostics = Diagnostics::new();
        diagnostics.extend(
            self.problems.iter().map(|problem| Diagnostic::error("A log cannot be read").detail(render(problem))),
        );
        Failure { diagnostics, sources: Sources::new() }
    }

    fn end(self) -> Outcome {
        if self.problems.is_empty() { Ok(Exit::Success) } else { Err(self.failure()) }
    }
}

fn render(problem: &str) -> String {
    crate::render::foreign::one_line(problem)
}

/// Reads one log to its end.
async fn read(
    key: Key,
    prefix: Arc<Prefix>,
    session: Arc<dyn Session>,
    request: LogRequest,
    tell: mpsc::Sender<Heard>,
) {
    let Some(workloads) = session.workloads() else { return };
    let (line, mut lines) = mpsc::channel(WAITING);
    let forward = async {
        while let Some(text) = lines.recv().await {
            if tell.send(Heard::Line(prefix.clone(), text)).await.is_err() {
                break;
            }
        }
    };
    let (ended, ()) = tokio::join!(workloads.log(&key.1, &key.2, &request, line), forward);
    // Whoever reads may have gone.
    let _ = tell.send(Heard::End(key, ended)).await;
}
