//! A bar on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use portolan::apply::{Observer, Progress};
use portolan::plan::Plan;
use rustc_hash::FxHashMap;

use super::lines::told_always;
use super::{MOST_LISTED, Timers, name, shown, waited_for, words};

/// How many of the running operations are named beside the bar.
const NAMED: usize = 3;

/// How often the bar shows that time passes.
const TICK: Duration = Duration::from_millis(200);

/// Shows how far the plan is and what is being done; above it, what was done.
pub(super) struct Bar<'a> {
    plan: &'a Plan,
    bar: ProgressBar,
    timers: Timers,
    /// What runs, in the order in which it began.
    running: Vec<usize>,
    /// What objects are waited for that are there and not ready, by the operation.
    waiting: FxHashMap<usize, String>,
}

impl<'a> Bar<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        let length = u64::try_from(plan.operations.len()).ok();
        let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stdout());
        // The template is a constant; without it the bar has its usual look.
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {wide_msg}") {
            bar.set_style(style);
        }
        if length.is_some_and(|length| length > 0) {
            bar.enable_steady_tick(TICK);
        }
        Bar { plan, bar, timers: Timers::default(), running: Vec::new(), waiting: FxHashMap::default() }
    }

    fn ended(&mut self, operation: usize) {
        self.running.retain(|running| *running != operation);
        self.waiting.remove(&operation);
        self.bar.inc(1);
    }

    fn shown(&self, operation: usize) -> String {
        let name = name(self.plan, operation);
        match self.waiting.get(&operation) {
            Some(waiting) => format!("{name}: {waiting}"),
            None => format!("{} {name}", words(self.plan, operation).doing),
        }
    }

    fn show_running(&self) {
        let mut parts: Vec<String> = self.running.iter().take(NAMED).map(|operation| self.shown(*operation)).collect();
        if self.running.len() > NAMED {
            parts.push(format!("and {} more", self.running.len() - NAMED));
        }
        self.bar.set_message(parts.join(", "));
    }
}

impl Observer for Bar<'_> {
    fn on(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Started(operation) => {
                self.timers.start(operation);
                self.running.push(operation);
            }
            Progress::Finished(operation) => {
                let took = self.timers.end(operation);
                self.ended(operation);
                if self.plan.operations.len() <= MOST_LISTED {
                    let done = words(self.plan, operation).done;
                    self.bar.println(format!("{}: {done} after {}", name(self.plan, operation), shown(took)));
                }
            }
            Progress::Waiting(operation, waiting) => {
                self.waiting.insert(operation, waited_for(waiting));
            }
            other => {
                if let Progress::Failed(operation, _) | Progress::NotReady(operation, _) = other {
                    self.ended(operation);
                }
                if let Some(line) = told_always(self.plan, &mut self.timers, other) {
                    self.bar.println(line);
                }
            }
        }
        self.show_running();
    }
}

impl Drop for Bar<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
