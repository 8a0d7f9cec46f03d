//! Events as text: the one form in which every store keeps them.

use std::io;

use base::limits::INLINE_BYTES_MAX;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, ser::Formatter};

use crate::{event::Event, nodes::Note};

/// How deep the text of an event may nest. A body that a JSON parser with the usual limit of 128
/// has read fits into an event with room to spare; reading one of this depth fits on any stack.
pub const EVENT_DEPTH_MAX: usize = 160;

/// What is around an event in a note nests less deep than the difference.
const NOTE_DEPTH_MAX: usize = EVENT_DEPTH_MAX + 10;

/// Why an event cannot be written as text, or text is no event. Never quotes what it read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Reading it back could overflow the stack.
    #[error("it nests deeper than {EVENT_DEPTH_MAX} levels")]
    TooDeep,
    /// The text is not of this or an earlier version.
    #[error("it is unreadable from column {0} on")]
    Unreadable(usize),
    /// A value that JSON does not have.
    #[error("it has no form in JSON")]
    Unwritable,
}

/// The text of an event, one line. What this writes, `decode` reads back exactly.
pub fn encode(event: &Event) -> Result<String, CodecError> {
    write(event, EVENT_DEPTH_MAX)
}

/// Texts of events that are written together as rows of a table, as many in one as stay short, a line
/// each: a row costs a store more than what stands in it.
pub fn rows(texts: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for text in texts {
        match rows.last_mut() {
            Some(row) if row.len() + text.len() < INLINE_BYTES_MAX => {
                row.reserve_exact(1 + text.len());
                row.push('\n');
                row.push_str(&text);
            }
            _ => rows.push(text),
        }
    }
    rows
}

/// The events of a row.
pub fn decode_row(row: &str) -> impl Iterator<Item = Result<Event, CodecError>> + '_ {
    row.split('\n').map(decode)
}

/// The text of a value that is stored by itself, which may nest as deep as an event.
pub fn encode_value(value: &Value) -> Result<String, CodecError> {
    write(value, EVENT_DEPTH_MAX)
}

/// The event of a text.
pub fn decode(text: &str) -> Result<Event, CodecError> {
    read(text)
}

/// The text of a note of one process for another. It may nest a little deeper than the event in it.
pub fn encode_note(note: &Note) -> Result<String, CodecError> {
    write(note, NOTE_DEPTH_MAX)
}

/// The note of a text.
pub fn decode_note(text: &str) -> Result<Note, CodecError> {
    read_to(NOTE_DEPTH_MAX, text)
}

/// A part of an event, which may nest as deep as an event.
pub fn decode_value(text: &str) -> Result<Value, CodecError> {
    read(text)
}

/// Writes a value that nests at most so deep.
fn write(value: &impl Serialize, most: usize) -> Result<String, CodecError> {
    let (mut text, mut depth) = (Vec::new(), Depth::default());
    let mut writer = serde_json::Serializer::with_formatter(&mut text, &mut depth);
    value.serialize(&mut writer).map_err(|_| CodecError::Unwritable)?;
    if most < depth.deepest {
        return Err(CodecError::TooDeep);
    }
    String::from_utf8(text).map_err(|_| CodecError::Unwritable)
}

/// Sees how deep the text nests that is being written, so that nobody has to read it for that.
#[derive(Default)]
struct Depth {
    now: usize,
    deepest: usize,
}

impl Depth {
    fn enter(&mut self) {
        self.now += 1;
        self.deepest = self.deepest.max(self.now);
    }
}

/// Compact, as the library writes by itself.
impl Formatter for &mut Depth {
    fn begin_array<W: ?Sized + io::Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.enter();
        to.write_all(b"[")
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.now -= 1;
        to.write_all(b"]")
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.enter();
        to.write_all(b"{")
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.now -= 1;
        to.write_all(b"}")
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, CodecError> {
    read_to(EVENT_DEPTH_MAX, text)
}

fn read_to<T: DeserializeOwned>(most: usize, text: &str) -> Result<T, CodecError> {
    if is_deeper(text, most) {
        return Err(CodecError::TooDeep);
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    // The library's own limit is lower than ours, which was just checked.
    reader.disable_recursion_limit();
    let value = T::deserialize(&mut reader);
    let value = value.and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| CodecError::Unreadable(error.column()))
}

/// Whether brackets nest deeper than so many levels in JSON text.
fn is_deeper(text: &str, most: usize) -> bool {
    // Where hardly any brackets are, none can be deep; counting them is many times as fast.
    let opening = text.bytes().filter(|it| matches!(it, b'{' | b'[')).count();
    most < opening && most < depth(text)
}

/// How deep brackets nest in JSON text.
fn depth(text: &str) -> usize {
    let (mut deepest, mut depth) = (0_usize, 0_usize);
    let (mut quoted, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
