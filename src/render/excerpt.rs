//! The part of a source file that a problem is shown with: the lines around its labels, cut to
//! what fits a screen.
//!
//! A file may be huge, and so may be a line of it, or what a label covers. An excerpt costs what
//! is shown of the file, not what the file holds.

use std::ops::Range;
use std::sync::Arc;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use portolan_lang::{FileId, Position, Sources, Span};

/// Lines up to this many bytes are shown whole.
const WIDTH: usize = 240;

/// How many bytes are shown of a longer line, before and after a label's first.
const BEFORE: usize = 80;
const AFTER: usize = 120;

/// A label that covers more lines than these is shown by its first line; what is more than these
/// bytes of a label does not count.
const MAX_LINES: usize = 8;
const MAX_BYTES: usize = MAX_LINES * 1024;

/// What stands for text that is left out.
const LEFT_OUT: char = '…';

/// Lines of one file, with gaps between them.
#[derive(Debug)]
pub(super) struct Excerpt {
    name: Arc<str>,
    pieces: Vec<Piece>,
    /// What is shown of lines, in the order of the file.
    parts: Vec<Part>,
    /// Where each label is shown to begin, and the place in the file that this is.
    places: Vec<(usize, Position)>,
}

/// Lines without a gap between them.
#[derive(Debug, Default)]
struct Piece {
    /// The offset of the text, where the texts of all pieces follow one another.
    start: usize,
    /// The line that it begins with, from zero.
    line: usize,
    text: String,
}

/// A part of one line, perhaps all of it.
#[derive(Debug)]
struct Part {
    /// The line, from zero.
    line: usize,
    /// The bytes of the file.
    range: Range<usize>,
    /// Whether the line begins, and whether it ends, with this part.
    begins: bool,
    ends: bool,
    /// Where it is shown.
    shown: usize,
}

impl Excerpt {
    /// What is shown of a file for these labels, and where in it each of them is.
    pub(super) fn new(sources: &Sources, file: FileId, labels: &[Span]) -> Option<(Excerpt, Vec<Range<usize>>)> {
        let source = sources.get(file)?;
        let text = &*source.text;
        let placed = |label: &Span| {
            let label = shortened(text, label.range());
            let place = sources.position(Span::new(file, label.start..label.start));
            (label, place)
        };
        let labels: Vec<(Range<usize>, Position)> = labels.iter().map(placed).collect();
        let mut parts = Vec::new();
        labels.iter().for_each(|(label, place)| around_label(text, label, place.line - 1, &mut parts));
        let mut excerpt =
            Excerpt { name: source.name.clone(), pieces: Vec::new(), parts: merged(parts), places: Vec::new() };
        excerpt.lay_out(text);
        let ranges: Vec<Range<usize>> =
            labels.iter().map(|(label, _)| excerpt.shown(label.start)..excerpt.shown(label.end)).collect();
        ranges.iter().for_each(|range| excerpt.make_room(range.start));
        excerpt.places = ranges.iter().map(|range| range.start).zip(labels.iter().map(|(_, place)| *place)).collect();
        Some((excerpt, ranges))
    }

    /// Writes the parts into pieces, and notes where each of them is shown.
    fn lay_out(&mut self, text: &str) {
        let mut before: Option<(usize, bool)> = None;
        for part in &mut self.parts {
            let is_same_line = before.is_some_and(|(line, _)| line == part.line);
            let is_next_line = before.is_some_and(|(line, _)| line + 1 == part.line);
            if let (Some((_, false)), false, Some(piece)) = (before, is_same_line, self.pieces.last_mut()) {
                piece.text.push(LEFT_OUT);
            }
            if !is_same_line && !is_next_line {
                let start = self.pieces.last().map_or(0, |piece| piece.start + piece.text.len() + 2);
                self.pieces.push(Piece { start, line: part.line, text: String::new() });
            }
            let Some(piece) = self.pieces.last_mut() else { return };
            if is_next_line {
                piece.text.push('\n');
            }
            if is_same_line || !part.begins {
                piece.text.push(LEFT_OUT);
            }
            part.shown = piece.start + piece.text.len();
            piece.text.push_str(&text[part.range.clone()]);
            before = Some((part.line, part.ends));
        }
        if let (Some((_, false)), Some(piece)) = (before, self.pieces.last_mut()) {
            piece.text.push(LEFT_OUT);
        }
    }

    /// Puts a space where the text ends, if a label is to stand under its end.
    fn make_room(&mut self, shown: usize) {
        let at = self.pieces.partition_point(|piece| piece.start <= shown);
        if let Some(piece) = at.checked_sub(1).and_then(|at| self.pieces.get_mut(at))
            && piece.start + piece.text.len() == shown
        {
            piece.text.push(' ');
        }
    }

    /// Where a byte of the file is shown; where it is left out, the end of what is shown before.
    fn shown(&self, offset: usize) -> usize {
        let at = self.parts.partition_point(|part| part.range.start <= offset);
        let part = at.checked_sub(1).and_then(|at| self.parts.get(at));
        part.map_or(0, |part| part.shown + offset.min(part.range.end) - part.range.start)
    }
}

/// The label without what cannot be shown of it.
fn shortened(text: &str, label: Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(label.start);
    let end = text.floor_char_boundary(label.end.clamp(start, start + MAX_BYTES));
    let mut lines = text[start..end].match_indices('\n').map(|(at, _)| start + at);
    match (lines.next(), lines.nth(MAX_LINES - 2)) {
        (Some(first), Some(_)) => start..first,
        _ => start..end,
    }
}

/// Adds the lines that a label covers, the one before them and the one after them.
fn around_label(text: &str, label: &Range<usize>, line: usize, parts: &mut Vec<Part>) {
    let first = around(text, label.start, line);
    if let Some(above) = line.checked_sub(1).filter(|_| first.begins) {
        parts.push(around(text, first.range.start - 1, above));
    }
    let (mut line, mut ends) = (line, first.ends.then_some(first.range.end));
    parts.push(first);
    let starts = text[label.clone()].match_indices('\n').map(|(at, _)| label.start + at + 1);
    for start in starts.chain([usize::MAX]) {
        // The last one is the line after the label.
        let start = if start == usize::MAX { ends.and_then(|end| next_line(text, end)) } else { Some(start) };
        let Some(start) = start else { return };
        line += 1;
        let part = around(text, start, line);
        ends = part.ends.then_some(part.range.end);
        parts.push(part);
    }
}

/// Where the line begins that follows the one that ends here.
fn next_line(text: &str, end: usize) -> Option<usize> {
    let rest = &text[end..];
    rest.find('\n').map(|at| end + at + 1)
}

/// The part around a place of the line that holds it.
fn around(text: &str, at: usize, line: usize) -> Part {
    let from = text.ceil_char_boundary(at.saturating_sub(WIDTH));
    let to = text.floor_char_boundary((at + WIDTH).min(text.len()));
    let begin = text[from..at].rfind('\n').map(|found| from + found + 1).or((from == 0).then_some(0));
    let end = text[at..to].find('\n').map(|found| at + found).or((to == text.len()).then_some(to));
    let end = end.map(|end| if text[..end].ends_with('\r') && end > at { end - 1 } else { end });
    let whole = begin.zip(end).filter(|(begin, end)| end - begin <= WIDTH);
    let range = whole.map_or_else(
        || {
            let least = text.ceil_char_boundary(at.saturating_sub(BEFORE));
            let most = text.floor_char_boundary((at + AFTER).min(text.len()));
            begin.map_or(least, |begin| begin.max(least))..end.map_or(most, |end| end.min(most))
        },
        |(begin, end)| begin..end,
    );
    let (begins, ends) = (begin == Some(range.start), end == Some(range.end));
    Part { line, range, begins, ends, shown: 0 }
}

/// The parts in the order of the file; those that overlap become one.
fn merged(mut parts: Vec<Part>) -> Vec<Part> {
    parts.sort_by_key(|part| (part.line, part.range.start));
    let mut merged: Vec<Part> = Vec::with_capacity(parts.len());
    for part in parts {
        match merged.last_mut() {
            Some(last) if last.line == part.line && part.range.start <= last.range.end => {
                if part.range.end > last.range.end {
                    last.range.end = part.range.end;
                }
                last.ends |= part.ends;
                last.begins |= part.begins;
            }
            _ => merged.push(part),
        }
    }
    merged
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let at = self.pieces.partition_point(|piece| piece.start <= span.offset());
        let piece = at.checked_sub(1).and_then(|at| self.pieces.get(at)).ok_or(MietteError::OutOfBounds)?;
        let inside = SourceSpan::new((span.offset() - piece.start).into(), span.len());
        if inside.offset() + inside.len() > piece.text.len() {
            return Err(MietteError::OutOfBounds);
        }
        let found = piece.text.read_span(&inside, lines_before, lines_after)?;
        // For a place itself, the column in the file counts, not the one in what is shown.
        let place = self.places.iter().find(|(shown, _)| lines_before == 0 && *shown == span.offset());
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.to_string(),
            found.data(),
            (found.span().offset() + piece.start, found.span().len()).into(),
            piece.line + found.line(),
            place.map_or(found.column(), |(_, place)| place.column - 1),
            found.data().iter().filter(|byte| **byte == b'\n').count(),
        )))
    }
}
