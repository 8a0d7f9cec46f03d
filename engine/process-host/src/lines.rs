//! Lines of a program, none of them longer than is allowed.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line without its end.
    Whole(Vec<u8>),
    /// The beginning of a line that is too long; the rest is passed over.
    Cut(Vec<u8>),
}

/// The next line; none at the end. What stands behind the last line break counts as a line.
pub(crate) async fn next(
    from: &mut (impl AsyncBufRead + Unpin),
    bytes_max: usize,
) -> io::Result<Option<Line>> {
    let mut line = Vec::new();
    let (mut any, mut is_cut) = (false, false);
    loop {
        let chunk = from.fill_buf().await?;
        if chunk.is_empty() {
            return Ok(any.then(|| finish(line, is_cut)));
        }
        any = true;
        let end = chunk.iter().position(|it| *it == b'\n');
        let text = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
        let room = bytes_max - line.len();
        is_cut |= room < text.len();
        line.extend_from_slice(text.get(..room.min(text.len())).unwrap_or_default());
        let read = end.map_or(chunk.len(), |end| end + 1);
        from.consume(read);
        if end.is_some() {
            return Ok(Some(finish(line, is_cut)));
        }
    }
}

fn finish(mut line: Vec<u8>, is_cut: bool) -> Line {
    if is_cut {
        return Line::Cut(line);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Line::Whole(line)
}
