//! What can be shown at the other end: colours, characters beyond ASCII, how wide a line may be.

use std::env;
use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};

/// The width of what is told to people, where no terminal is narrower.
const WIDEST: usize = 100;

/// Narrower terminals get lines of this width, and fold them.
const NARROWEST: usize = 30;

/// Whether `--no-color` was given. It holds for everything that the process says.
static IS_PLAIN: AtomicBool = AtomicBool::new(false);

/// Paints nothing from now on.
pub(crate) fn refuse_colours() {
    IS_PLAIN.store(true, Ordering::Relaxed);
}

/// Whether what is printed on this stream may be painted.
pub(crate) fn is_colourful(stream: &impl IsTerminal) -> bool {
    // https://no-color.org: an empty value counts for nothing.
    let is_refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !IS_PLAIN.load(Ordering::Relaxed) && !is_refused && !is_dumb() && stream.is_terminal()
}

/// Whether a bar can be drawn on the standard output.
pub(crate) fn can_draw() -> bool {
    io::stdout().is_terminal() && !is_dumb()
}

/// A terminal that can do nothing but print, such as one in an editor.
fn is_dumb() -> bool {
    env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Whether characters beyond ASCII can be shown: yes, unless a locale says otherwise.
pub(crate) fn is_unicode() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(env::var_os);
    let first = set.map(|value| value.to_string_lossy().to_lowercase()).find(|value| !value.is_empty());
    first.is_none_or(|locale| locale.contains("utf-8") || locale.contains("utf8"))
}

/// A text of this program's own in characters that can be shown.
pub(crate) fn spelled(text: String) -> String {
    if is_unicode() { text } else { text.replace('→', "->").replace('…', "...") }
}

/// How many lines and columns the terminal has that the standard output is; `None` where it is
/// none, or one that cannot be drawn on.
pub(crate) fn size() -> Option<(usize, usize)> {
    let (rows, columns) = console::Term::stdout().size_checked().filter(|_| can_draw())?;
    Some((usize::from(rows), usize::from(columns)))
}

/// How wide the terminal is that the standard output is.
pub(crate) fn columns() -> usize {
    console::Term::stdout().size_checked().map_or(WIDEST, |(_, columns)| usize::from(columns))
}

/// How wide what is told on the error stream may be.
pub(crate) fn error_width() -> usize {
    let columns = console::Term::stderr().size_checked().map_or(WIDEST, |(_, columns)| usize::from(columns));
    columns.clamp(NARROWEST, WIDEST)
}
