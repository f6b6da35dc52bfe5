//! A bar on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use portolan::apply::{Observer, Progress};
use portolan::plan::Plan;
use rustc_hash::FxHashMap;

use super::lines::told_always;
use super::{MOST_LISTED, Timers, name, shown, waited_for, words};
use crate::render::terminal;

/// How many of the running operations are named beside the bar.
const NAMED: usize = 3;

/// How often the bar shows that time passes.
const TICK: Duration = Duration::from_millis(200);

/// Shows how far the plan is and what is being done; above it, what was done.
pub(super) struct Bar<'a> {
    plan: &'a Plan,
    bar: ProgressBar,
    layout: Layout,
    timers: Timers,
    /// What runs, in the order in which it began.
    running: Vec<usize>,
    /// What objects are waited for that are there and not ready, by the operation.
    waiting: FxHashMap<usize, String>,
}

/// What fits on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    template: &'static str,
    /// The width of all but the words.
    taken: usize,
}

impl Layout {
    /// The layout for a terminal so wide and a plan of so many operations. The line ends before
    /// the last columns, where what a terminal echoes (`^C`) would begin a new one.
    fn of(columns: usize, operations: usize) -> Layout {
        let numbers = 2 * operations.to_string().len() + 1;
        match columns {
            70.. => Layout { template: "{bar:30} {pos}/{len} {elapsed} {msg}", taken: 30 + numbers + 13 },
            40.. => Layout { template: "{bar:10} {pos}/{len} {msg}", taken: 10 + numbers + 5 },
            _ => Layout { template: "{pos}/{len} {msg}", taken: numbers + 4 },
        }
    }

    fn style(self) -> ProgressStyle {
        // The templates are constants; without one the bar has its usual look.
        let style = ProgressStyle::with_template(self.template).unwrap_or_else(|_| ProgressStyle::default_bar());
        if terminal::is_unicode() { style } else { style.progress_chars("#>-") }
    }
}

impl<'a> Bar<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        let length = u64::try_from(plan.operations.len()).ok();
        let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stdout());
        let layout = Layout::of(terminal::columns(), plan.operations.len());
        bar.set_style(layout.style());
        if length.is_some_and(|length| length > 0) {
            bar.enable_steady_tick(TICK);
        }
        Bar { plan, bar, layout, timers: Timers::default(), running: Vec::new(), waiting: FxHashMap::default() }
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

    fn show_running(&mut self) {
        let columns = terminal::columns();
        let layout = Layout::of(columns, self.plan.operations.len());
        if layout != self.layout {
            self.layout = layout;
            self.bar.set_style(layout.style());
        }
        let mut parts: Vec<String> = self.running.iter().take(NAMED).map(|operation| self.shown(*operation)).collect();
        if self.running.len() > NAMED {
            parts.push(format!("and {} more", self.running.len() - NAMED));
        }
        let room = columns.saturating_sub(layout.taken);
        self.bar.set_message(console::truncate_str(&parts.join(", "), room, "...").into_owned());
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
