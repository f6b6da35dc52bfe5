//! Plain lines, for logs.

use std::io::Write;
use std::time::{Duration, Instant};

use portolan::apply::{Observer, Progress};
use portolan::plan::Plan;

use super::{MOST_LISTED, Timers, name, shown, words};

/// How often the numbers of a large plan are told.
const EVERY: Duration = Duration::from_secs(5);

/// Writes a line when an operation begins and when it ends or, for a large plan, how far it is.
pub(super) struct Lines<'a, W> {
    plan: &'a Plan,
    out: W,
    timers: Timers,
    done: usize,
    told: Instant,
}

impl<'a, W: Write> Lines<'a, W> {
    pub(super) fn new(plan: &'a Plan, out: W) -> Self {
        Lines { plan, out, timers: Timers::default(), done: 0, told: Instant::now() }
    }

    fn tell(&mut self, line: &str) {
        // A log that nobody reads any more must not stop the work.
        let _ = writeln!(self.out, "{line}");
    }

    fn finished(&mut self, operation: usize) {
        let took = self.timers.end(operation);
        self.done += 1;
        let operations = self.plan.operations.len();
        if operations <= MOST_LISTED {
            let done = words(self.plan, operation).done;
            self.tell(&format!("{}: {done} after {}", name(self.plan, operation), shown(took)));
        } else if self.told.elapsed() >= EVERY || self.done == operations {
            self.told = Instant::now();
            self.tell(&format!("{} of {operations} operations done", self.done));
        }
    }
}

impl<W: Write> Observer for Lines<'_, W> {
    fn on(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Started(operation) => {
                self.timers.start(operation);
                if self.plan.operations.len() <= MOST_LISTED {
                    self.tell(&format!("{}: {}…", name(self.plan, operation), words(self.plan, operation).doing));
                }
            }
            Progress::Finished(operation) => self.finished(operation),
            other => {
                if let Some(line) = told_always(self.plan, &mut self.timers, other) {
                    self.tell(&line);
                }
            }
        }
    }
}

/// What is told of a plan of any size.
pub(super) fn told_always(plan: &Plan, timers: &mut Timers, progress: Progress<'_>) -> Option<String> {
    match progress {
        Progress::Started(_) | Progress::Finished(_) => None,
        Progress::Failed(operation, problem) => {
            let took = shown(timers.end(operation));
            let infinitive = words(plan, operation).infinitive;
            Some(format!("{}: could not {infinitive} it, after {took}: {}", name(plan, operation), problem.summary))
        }
        Progress::Retrying { operation, attempts, pause, message } => {
            Some(format!("{}: attempt {attempts} failed, again in {}: {message}", name(plan, operation), shown(pause)))
        }
        Progress::Stopping => Some(
            "Stopping: what runs is brought to its end, nothing new is begun. Interrupt again to stop at once."
                .to_owned(),
        ),
    }
}
