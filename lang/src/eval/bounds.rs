//! What evaluation does not go beyond. What would is a problem that stops it.

use crate::diagnostic::Diagnostic;
use crate::eval::evaluator::{Evaluated, Evaluator, Failed};
use crate::limits::{MAX_DEPTH, MAX_SIZE, MAX_STEPS, MAX_TEXT};
use crate::source::Span;
use crate::value::Value;

impl Evaluator<'_> {
    /// Counts steps, and stops the evaluation where there are too many.
    pub(super) fn spend(&mut self, steps: u64, place: Span) -> Result<(), Failed> {
        self.steps = self.steps.saturating_add(steps);
        match self.steps > MAX_STEPS {
            true => self.stop(takes_too_long(place)),
            false if self.stopped.is_some() => Err(Failed),
            false => Ok(()),
        }
    }

    /// Stops the evaluation of the whole expression: nothing in it can catch this problem.
    pub(super) fn stop<T>(&mut self, problem: Diagnostic) -> Result<T, Failed> {
        self.stopped.get_or_insert(problem);
        Err(Failed)
    }

    /// Lets pass a value that an expression made, unless it is too much. What is not larger
    /// than something that it was made of is there already; `largest` is the size of that.
    pub(super) fn made(&mut self, value: Value, largest: u32, place: Span) -> Evaluated {
        if value.size() > largest {
            self.fits(u64::from(value.size()), place)?;
        }
        if value.depth() > MAX_DEPTH {
            return self.stop(
                Diagnostic::error("Nested too deeply")
                    .detail(format!("This value holds values in values, more than {MAX_DEPTH} deep."))
                    .at(place),
            );
        }
        match value.as_str() {
            Some(text) if text.len() > MAX_TEXT => self.stop(text_too_long(place)),
            _ => Ok(value),
        }
    }

    /// Refuses what would be larger than a value may be.
    pub(super) fn fits(&mut self, size: u64, place: Span) -> Result<(), Failed> {
        if size <= MAX_SIZE {
            return Ok(());
        }
        self.stop(
            Diagnostic::error("Value too large")
                .detail(format!(
                    "Written out, this value would take more than {} MiB, the most that an expression may make.",
                    MAX_SIZE >> 20
                ))
                .label(place, "this makes too much")
                .help("A value grows without measure where it is put into itself several times over, from one local value to the next, or where loops stand in loops."),
        )
    }
}

fn takes_too_long(place: Span) -> Diagnostic {
    Diagnostic::error("Evaluation takes too long")
        .detail(format!("The expression was given up after {MAX_STEPS} steps."))
        .label(place, "it was here by then")
        .help("Loops in loops multiply. Make a map once, in a local value, rather than searching a list for each element of another.")
}

pub(super) fn text_too_long(place: Span) -> Diagnostic {
    Diagnostic::error("Text too long")
        .detail(format!("This makes a text of more than {} MiB.", MAX_TEXT >> 20))
        .label(place, "this is too much")
}
