//! Lines and columns of many places at once, also where a whole file is one line.

use base::{Location, Source};

/// Finds places one after the other; those in the order of the file cost one look at it in all.
pub struct Places<'a> {
    source: &'a Source,
    offset: usize,
    at: Location,
}

impl<'a> Places<'a> {
    /// Begins at the beginning.
    pub const fn new(source: &'a Source) -> Self {
        Self { source, offset: 0, at: Location { line: 1, column: 1 } }
    }

    /// The line and column of an offset.
    pub fn find(&mut self, offset: usize) -> Location {
        match self.source.text().get(self.offset..offset) {
            Some(between) => {
                for character in between.chars() {
                    if character == '\n' {
                        self.at = Location { line: self.at.line + 1, column: 1 };
                    } else {
                        self.at.column += 1;
                    }
                }
            }
            // It lies before the last one, or where no character begins.
            None => self.at = self.source.location(offset),
        }
        self.offset = offset;
        self.at
    }
}
