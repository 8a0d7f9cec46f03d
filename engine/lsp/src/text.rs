//! A document as editors count it: lines and UTF-16 units, changed piece by piece.

use base::Span;
use lsp_types::{Position, Range, TextDocumentContentChangeEvent, TextEdit};

/// The text of a document.
#[derive(Clone, Debug, Default)]
pub struct Text {
    content: String,
    line_starts: Vec<usize>,
}

impl Text {
    /// A document with this content.
    pub fn new(content: impl Into<String>) -> Self {
        let content = content.into();
        let breaks = content.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        Self { content, line_starts }
    }

    /// The content.
    pub fn as_str(&self) -> &str {
        &self.content
    }

    /// The byte at a position; one behind the end of a line is that end.
    pub fn offset(&self, position: Position) -> usize {
        let line = usize::try_from(position.line).unwrap_or(usize::MAX);
        let Some(start) = self.line_starts.get(line).copied() else { return self.content.len() };
        let rest = self.content.get(start..).unwrap_or("");
        let line = rest.split(['\n', '\r']).next().unwrap_or("");
        let mut units = 0;
        for (at, c) in line.char_indices() {
            if position.character <= units {
                return start + at;
            }
            units += u32::try_from(c.len_utf16()).unwrap_or(1);
        }
        start + line.len()
    }

    /// The position of a byte.
    pub fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.content.len());
        let line = self.line_starts.partition_point(|it| *it <= offset).saturating_sub(1);
        let start = self.line_starts.get(line).copied().unwrap_or(0);
        let before = self.content.get(start..offset).unwrap_or("");
        let units = before.chars().map(char::len_utf16).sum::<usize>();
        Position::new(u32::try_from(line).unwrap_or(0), u32::try_from(units).unwrap_or(0))
    }

    /// The range of some bytes.
    pub fn range(&self, span: Span) -> Range {
        Range::new(self.position(span.start), self.position(span.end))
    }

    /// An edit of some bytes.
    pub fn edit(&self, span: Span, new_text: impl Into<String>) -> TextEdit {
        TextEdit::new(self.range(span), new_text.into())
    }

    /// The whole document.
    pub fn all(&self) -> Range {
        self.range(Span::new(0, self.content.len()))
    }

    /// Takes in what an editor says has been changed.
    pub fn apply(&mut self, changes: Vec<TextDocumentContentChangeEvent>) {
        for change in changes {
            let content = match change.range {
                None => change.text,
                Some(range) => {
                    let (start, end) = (self.offset(range.start), self.offset(range.end));
                    let end = end.max(start);
                    let head = self.content.get(..start).unwrap_or("");
                    let tail = self.content.get(end..).unwrap_or("");
                    [head, &change.text, tail].concat()
                }
            };
            *self = Self::new(content);
        }
    }
}
