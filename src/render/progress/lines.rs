//! Plain lines, for logs.

use std::io::Write;
use std::time::{Duration, Instant};

use portolan::apply::{Observer, Progress};
use portolan::plan::Plan;
use portolan_provider::Waiting;
use rustc_hash::FxHashMap;

use super::{MOST_LISTED, Timers, in_short, name, shown, waited_for, words};
use crate::render::terminal;

/// How often the numbers of a large plan are told.
const EVERY: Duration = Duration::from_secs(5);

/// How often it is told at most what an object is waited for, while the reasons stay the same.
const WAITING_EVERY: Duration = Duration::from_secs(5);

/// Writes a line when an operation begins and when it ends or, for a large plan, how far it is.
pub(super) struct Lines<'a, W> {
    plan: &'a Plan,
    out: W,
    timers: Timers,
    done: usize,
    told: Instant,
    /// When it was last told what an object is waited for, and for which reasons, by the operation.
    waiting_told: FxHashMap<usize, (Instant, Vec<String>)>,
}

impl<'a, W: Write> Lines<'a, W> {
    pub(super) fn new(plan: &'a Plan, out: W) -> Self {
        Lines {
            plan,
            out,
            timers: Timers::default(),
            done: 0,
            told: Instant::now(),
            waiting_told: FxHashMap::default(),
        }
    }

    fn tell(&mut self, line: &str) {
        // A log that nobody reads any more must not stop the work.
        let _ = writeln!(self.out, "{}", terminal::spelled(line.to_owned()));
    }

    fn waiting(&mut self, operation: usize, waiting: &Waiting) {
        let is_soon =
            |(told, reasons): &(Instant, Vec<String>)| told.elapsed() < WAITING_EVERY && *reasons == waiting.reasons;
        if self.waiting_told.get(&operation).is_some_and(is_soon) || self.plan.operations.len() > MOST_LISTED {
            return;
        }
        self.waiting_told.insert(operation, (Instant::now(), waiting.reasons.clone()));
        let so_far = shown(self.timers.so_far(operation));
        self.tell(&format!("{}: not ready yet, after {so_far}: {}", name(self.plan, operation), waited_for(waiting)));
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
            Progress::Waiting(operation, waiting) => self.waiting(operation, waiting),
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
        Progress::Started(_) | Progress::Waiting(..) | Progress::Finished(_) => None,
        Progress::Failed(operation, problem) => {
            let took = shown(timers.end(operation));
            let infinitive = words(plan, operation).infinitive;
            Some(format!("{}: could not {infinitive} it, after {took}: {}", name(plan, operation), problem.summary))
        }
        Progress::NotReady(operation, problem) => {
            let took = shown(timers.end(operation));
            Some(format!("{}: not ready after {took}: {}", name(plan, operation), in_short(problem)))
        }
        Progress::GoingBack(operation, problem) => {
            let (name, so_far) = (name(plan, operation), shown(timers.so_far(operation)));
            Some(format!("{name}: not ready after {so_far}, made again what it was: {}", in_short(problem)))
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
