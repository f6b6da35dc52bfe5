//! Source files and places in them.
//!
//! A [`Span`] is three small numbers, so that every node of a syntax tree can carry one;
//! [`Sources`] turns it back into a file name, a line and a column.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// Names one file of a [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A range of bytes in a source file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The file that holds the range.
    pub file: FileId,
    /// The first byte of the range.
    pub start: u32,
    /// The byte after the last one.
    pub end: u32,
}

impl Span {
    /// A range of bytes in `file`. Offsets beyond 4 GiB are cut; such files are refused
    /// before they are parsed.
    pub fn new(file: FileId, range: Range<usize>) -> Self {
        let clamp = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Span { file, start: clamp(range.start), end: clamp(range.end) }
    }

    /// The smallest span that covers both; `self` where they lie in different files.
    pub fn to(self, other: Span) -> Span {
        if self.file != other.file {
            return self;
        }
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The range of bytes.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// One source file: its name as people know it, and its text.
#[derive(Debug, Clone)]
pub struct Source {
    /// The path as it is shown in messages.
    pub name: Arc<str>,
    /// The whole text.
    pub text: Arc<str>,
    /// A mark every [`MARK_DISTANCE`] bytes, made when a position is first asked for.
    marks: OnceLock<Arc<[Mark]>>,
}

/// How many bytes there are from one mark to the next.
const MARK_DISTANCE: usize = 1024;

/// The line and the column, both from zero, of a byte that begins a character. From mark to
/// mark, a place in a huge file, or in a huge line, is found without counting from the start.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    offset: usize,
    line: usize,
    column: usize,
}

impl Mark {
    /// The mark after so much more text.
    fn after(mut self, text: &str) -> Mark {
        self.offset += text.len();
        self.line += text.bytes().filter(|byte| *byte == b'\n').count();
        self.column = match text.rfind('\n') {
            Some(at) => text[at + 1..].chars().count(),
            None => self.column + text.chars().count(),
        };
        self
    }
}

impl Source {
    /// Line and column of a byte; those of the end where no character begins there.
    fn position(&self, offset: usize) -> Position {
        let offset = if self.text.is_char_boundary(offset) { offset } else { self.text.len() };
        let marks = self.marks.get_or_init(|| marks(&self.text));
        let mark = marks.get(offset / MARK_DISTANCE).copied().unwrap_or_default();
        let found = mark.after(&self.text[mark.offset..offset]);
        Position { line: found.line + 1, column: found.column + 1 }
    }
}

fn marks(text: &str) -> Arc<[Mark]> {
    let offsets = (MARK_DISTANCE..=text.len()).step_by(MARK_DISTANCE).map(|at| text.floor_char_boundary(at));
    let marks = offsets.scan(Mark::default(), |mark, at| {
        *mark = mark.after(&text[mark.offset..at]);
        Some(*mark)
    });
    [Mark::default()].into_iter().chain(marks).collect()
}

/// Every source file that was read, in the order in which it was read.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<Source>,
}

/// A place that a person can find: both numbers count from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line, from one.
    pub line: usize,
    /// The column in characters, from one.
    pub column: usize,
}

impl Sources {
    /// No files yet.
    pub fn new() -> Self {
        Sources::default()
    }

    /// Adds a file and returns the id that its spans carry.
    pub fn add(&mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(Source { name: name.into(), text: text.into(), marks: OnceLock::new() });
        id
    }

    /// The file with this id, if this is where it was added.
    pub fn get(&self, id: FileId) -> Option<&Source> {
        self.files.get(id.0 as usize)
    }

    /// All files with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &Source)> {
        self.files.iter().enumerate().map(|(index, file)| (FileId(index as u32), file))
    }

    /// The text that a span covers; empty for a span of another set of sources.
    pub fn slice(&self, span: Span) -> &str {
        self.get(span.file).and_then(|file| file.text.get(span.range())).unwrap_or("")
    }

    /// Line and column of the first character of a span.
    pub fn position(&self, span: Span) -> Position {
        self.get(span.file).map_or(Position { line: 1, column: 1 }, |file| file.position(span.start as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_from_one_in_characters() {
        let mut sources = Sources::new();
        let file = sources.add("a.hcl", "x\nßy = 1\n");
        let span = Span::new(file, 4..5);
        assert_eq!(sources.slice(span), "y");
        assert_eq!(sources.position(span), Position { line: 2, column: 2 });
        assert_eq!(sources.position(Span::new(file, 99..100)).line, 3);
    }

    #[test]
    fn positions_in_long_files_and_long_lines() {
        let lines: String = (0..300).map(|line| format!("ä = {line}\n")).collect();
        let text = format!("{lines}{}x", "é".repeat(1200));
        let mut sources = Sources::new();
        let file = sources.add("a.hcl", &*text);
        for (offset, _) in text.char_indices() {
            let before = &text[..offset];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            assert_eq!(sources.position(Span::new(file, offset..offset)), Position { line, column }, "{offset}");
        }
    }
}
