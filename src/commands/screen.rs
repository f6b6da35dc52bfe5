//! What is shown again and again.

use std::io::{self, Write};

use crate::render::terminal;

/// Lines that are shown again and again: on a terminal in the place of the last ones, elsewhere
/// below them, where they differ.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    last: Vec<String>,
    /// How many lines of the terminal the last ones took.
    height: usize,
}

impl Screen {
    /// Shows lines, which hold no control characters but colours.
    pub(crate) fn show(&mut self, lines: Vec<String>) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match terminal::size() {
            Some((rows, columns)) => {
                if self.height > 0 {
                    write!(out, "\u{1b}[{}A\r\u{1b}[J", self.height)?;
                }
                let shown = fitted(&lines, rows.saturating_sub(1), columns);
                self.height = shown.len();
                shown.iter().try_for_each(|line| writeln!(out, "{line}"))?;
            }
            None if lines != self.last => {
                if !self.last.is_empty() {
                    writeln!(out)?;
                }
                lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
            }
            None => {}
        }
        self.last = lines;
        out.flush()
    }
}

/// As many of the lines as there is room for, each cut where the terminal ends.
fn fitted(lines: &[String], rows: usize, columns: usize) -> Vec<String> {
    let room = if lines.len() > rows { rows.saturating_sub(1) } else { rows };
    let cut = |line: &String| console::truncate_str(line, columns, "").into_owned();
    let mut shown: Vec<String> = lines.iter().take(room).map(cut).collect();
    let more = lines.len().saturating_sub(room);
    shown.extend((more > 0).then(|| format!("… and {more} lines more")));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit() {
        let lines = ["\u{1b}[31mlong line\u{1b}[0m".to_owned(), "b".to_owned(), "c".to_owned()];
        assert_eq!(fitted(&lines, 3, 4), ["\u{1b}[31mlong\u{1b}[0m", "b", "c"]);
        assert_eq!(fitted(&lines, 2, 80), ["\u{1b}[31mlong line\u{1b}[0m", "… and 2 lines more"]);
    }
}
