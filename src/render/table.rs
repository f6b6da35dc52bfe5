//! Rows under headings.

use super::palette::Palette;

/// How a cell is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    /// Not at all.
    Plain,
    /// As it ought to be.
    Good,
    /// To be kept an eye on.
    Doubtful,
    /// Wrong.
    Bad,
    /// Of less weight.
    Dim,
}

/// A text, and how it is painted.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    paint: Paint,
}

impl Cell {
    pub(crate) fn painted(text: impl Into<String>, paint: Paint) -> Cell {
        Cell { text: text.into(), paint }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Cell {
        Cell::painted(text, Paint::Plain)
    }
}

/// Lines of the same width but for their ends: the headings, then a row each. Everything is on
/// one line already.
pub(crate) fn table(headings: &[&str], rows: &[Vec<Cell>], palette: Palette) -> Vec<String> {
    let width = |column: usize| {
        let texts = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.text.chars().count());
        texts.chain(headings.get(column).map(|heading| heading.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: Vec<Cell>| {
        let last = cells.len().saturating_sub(1);
        let cell = |(at, cell): (usize, Cell)| {
            let gap = if at == last { 0 } else { widths[at] + 2 - cell.text.chars().count() };
            format!("{}{:gap$}", painted(&cell, palette), "")
        };
        cells.into_iter().enumerate().map(cell).collect::<String>().trim_end().to_owned()
    };
    let headings = headings.iter().map(|heading| Cell::painted(*heading, Paint::Dim)).collect();
    std::iter::once(headings).chain(rows.iter().cloned()).map(line).collect()
}

fn painted(cell: &Cell, palette: Palette) -> String {
    match cell.paint {
        Paint::Plain => cell.text.clone(),
        Paint::Good => palette.added(&cell.text),
        Paint::Doubtful => palette.changed(&cell.text),
        Paint::Bad => palette.removed(&cell.text),
        Paint::Dim => palette.dim(&cell.text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows =
            [vec![Cell::from("a"), Cell::from("longer"), Cell::from("x")], vec!["bcd".into(), "".into(), "".into()]];
        let lines = table(&["ONE", "TWO", "THREE"], &rows, Palette::new(false));
        assert_eq!(lines, ["ONE  TWO     THREE", "a    longer  x", "bcd"]);
    }
}
