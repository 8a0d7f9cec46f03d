//! What stands between values: comments and blank lines, each told once.

use std::cell::Cell;

use crate::parse::{Comment, comments};

/// The comments of a file, and its lines.
pub(super) struct Trivia<'t> {
    text: &'t str,
    line_starts: Vec<usize>,
    comments: Vec<Told>,
}

/// A comment, and whether it has been written already.
struct Told {
    comment: Comment,
    is_written: Cell<bool>,
    is_alone: bool,
}

/// A comment on lines of its own.
pub(super) struct Above<'t> {
    pub(super) text: &'t str,
    /// Columns before it.
    pub(super) column: usize,
    /// Whether a blank line stands before it.
    pub(super) after_blank: bool,
}

impl<'t> Trivia<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts: Vec<usize> =
            std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        let mut trivia = Self { text, line_starts, comments: Vec::new() };
        let told = |comment: Comment| {
            let before = trivia.before(comment.span.start);
            let is_alone = before.trim().is_empty();
            Told { comment, is_written: Cell::new(false), is_alone }
        };
        trivia.comments = comments(text).into_iter().map(told).collect();
        trivia
    }

    /// The line that a byte stands in.
    pub(super) fn line(&self, at: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= at).saturating_sub(1)
    }

    /// The columns before a byte.
    pub(super) fn column(&self, at: usize) -> usize {
        self.before(at).chars().count()
    }

    /// The line up to a byte.
    pub(super) fn before(&self, at: usize) -> &'t str {
        let start = self.line_starts.get(self.line(at)).copied().unwrap_or(0);
        self.text.get(start..at).unwrap_or("")
    }

    /// Whether a blank line stands before the line of a byte.
    pub(super) fn is_after_blank(&self, at: usize) -> bool {
        let Some(above) = self.line(at).checked_sub(1) else { return false };
        let start = self.line_starts.get(above).copied().unwrap_or(0);
        let end = self.line_starts.get(above + 1).copied().unwrap_or(self.text.len());
        self.text.get(start..end).is_some_and(|it| it.trim().is_empty())
    }

    /// The comments between two bytes that are left, with those behind a dash or a comma.
    pub(super) fn take_between(&self, from: usize, to: usize) -> Vec<Above<'_>> {
        self.left(from, to).map(|it| self.take(it)).collect()
    }

    /// The comments between two bytes that are left and belong to a block that begins at a column.
    pub(super) fn take_below(&self, from: usize, to: usize, column: usize) -> Vec<Above<'_>> {
        let left = self.left(from, to);
        let inside =
            left.take_while(|it| it.is_alone && column <= self.column(it.comment.span.start));
        let inside: Vec<&Told> = inside.collect();
        inside.into_iter().map(|it| self.take(it)).collect()
    }

    /// The comment behind a byte in its line, and its column.
    pub(super) fn take_behind(&self, at: usize) -> Option<(&str, usize)> {
        let line = self.line(at);
        let found = self.left(at, usize::MAX).find(|it| !it.is_alone)?;
        if self.line(found.comment.span.start) != line {
            return None;
        }
        let taken = self.take(found);
        Some((taken.text, taken.column))
    }

    /// Whether a comment stands between two bytes.
    pub(super) fn has_between(&self, from: usize, to: usize) -> bool {
        self.left(from, to).next().is_some()
    }

    /// Whether every comment has been written.
    pub(super) fn is_told(&self) -> bool {
        self.comments.iter().all(|it| it.is_written.get())
    }

    fn left(&self, from: usize, to: usize) -> impl Iterator<Item = &Told> {
        let start = self.comments.partition_point(|it| it.comment.span.start < from);
        let behind = self.comments.iter().skip(start);
        behind.take_while(move |it| it.comment.span.start < to).filter(|it| !it.is_written.get())
    }

    fn take<'s>(&'s self, told: &'s Told) -> Above<'s> {
        told.is_written.set(true);
        let span = told.comment.span;
        let text = self.text.get(span.start..span.end).unwrap_or("").trim_end();
        let (column, after_blank) = (self.column(span.start), self.is_after_blank(span.start));
        Above { text, column, after_blank }
    }
}
