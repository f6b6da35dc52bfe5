//! A bar on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use portolan::apply::{Observer, Progress};
use portolan::plan::Plan;

use super::lines::told_always;
use super::{MOST_LISTED, Timers, name, shown, words};

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
        Bar { plan, bar, timers: Timers::default(), running: Vec::new() }
    }

    fn ended(&mut self, operation: usize) {
        self.running.retain(|running| *running != operation);
        self.bar.inc(1);
    }

    fn show_running(&self) {
        let named = self.running.iter().take(NAMED);
        let mut parts: Vec<String> = named
            .map(|operation| format!("{} {}", words(self.plan, *operation).doing, name(self.plan, *operation)))
            .collect();
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
            other => {
                if let Progress::Failed(operation, _) = other {
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
