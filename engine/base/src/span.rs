//! Byte ranges in a file; lines and columns are computed only for output.

use std::sync::Arc;

/// A half-open range of bytes in one source text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
}

impl Span {
    /// The range from `start` up to, not including, `end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The smallest range that holds both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A place as people count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// One source text with its name, shared by everything that points into it.
#[derive(Clone, Debug)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
    line_starts: Arc<[usize]>,
}

impl Source {
    /// A text and the name that messages call it by, usually a path relative to the project.
    pub fn new(name: &str, text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        Self { name: name.into(), text: text.into(), line_starts }
    }

    /// The same text under another name.
    #[must_use]
    pub fn renamed(&self, name: &str) -> Self {
        Self { name: name.into(), ..self.clone() }
    }

    /// The name in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line with this number, from 1, with its end.
    pub fn line(&self, number: usize) -> &str {
        let start = |line: usize| self.line_starts.get(line).copied().unwrap_or(self.text.len());
        self.text.get(start(number.saturating_sub(1))..start(number)).unwrap_or("")
    }

    /// The lines of a range with one more on each side: the number of the first, and where they are.
    pub fn excerpt(&self, span: Span) -> (usize, Span) {
        let line = |offset| self.line_starts.partition_point(|start| *start <= offset);
        let start = |line: usize| self.line_starts.get(line - 1).copied();
        let first = line(span.start).saturating_sub(1).max(1);
        let end = start(line(span.end) + 2).unwrap_or(self.text.len());
        (first, Span::new(start(first).unwrap_or(0), end))
    }

    /// Where a byte offset is; an offset past the end is the end.
    pub fn location(&self, offset: usize) -> Location {
        let offset = offset.min(self.text.len());
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or("");
        Location { line, column: before.chars().count() + 1 }
    }
}
