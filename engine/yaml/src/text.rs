//! Text from the bytes of a file.

use std::borrow::Cow;

use base::{Diagnostic, Span, code};

/// The text of a file in JSON, which is UTF-8 and from some editors UTF-16, and what is to be said
/// about its bytes. Those that are no text are read as `\u{fffd}`, and the first is an error.
pub fn decode(bytes: &[u8]) -> (Cow<'_, str>, Option<Diagnostic>) {
    let (start, unit): (usize, fn([u8; 2]) -> u16) = match bytes {
        [0xff, 0xfe, ..] => (2, u16::from_le_bytes),
        [0xfe, 0xff, ..] => (2, u16::from_be_bytes),
        // Nothing in JSON begins with this character; half of a wide one does.
        [first, 0, ..] if *first != 0 => (0, u16::from_le_bytes),
        [0, second, ..] if *second != 0 => (0, u16::from_be_bytes),
        _ => {
            let text = String::from_utf8_lossy(bytes);
            let fault = std::str::from_utf8(bytes).err();
            let at = fault.map(|it| it.valid_up_to());
            return (text, at.map(|at| not_text(bytes, at, at, "UTF-8")));
        }
    };
    let (pairs, rest) = bytes.get(start..).unwrap_or_default().as_chunks::<2>();
    let mut text = String::with_capacity(pairs.len());
    let (mut at, mut fault) = (start, None);
    for character in char::decode_utf16(pairs.iter().map(|it| unit(*it))) {
        if character.is_err() && fault.is_none() {
            fault = Some(not_text(bytes, at, text.len(), "UTF-16"));
        }
        let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
        at += 2 * character.len_utf16();
        text.push(character);
    }
    if !rest.is_empty() && fault.is_none() {
        fault = Some(not_text(bytes, at, text.len(), "UTF-16"));
    }
    (Cow::Owned(text), Some(fault.unwrap_or_else(wide)))
}

/// The byte at one offset is shown at another one of the text.
fn not_text(bytes: &[u8], at: usize, shown_at: usize, name: &str) -> Diagnostic {
    let byte = bytes.get(at).copied().unwrap_or_default();
    let message = format!("the byte {byte:#04x} at offset {at} is not {name}");
    Diagnostic::new(code::INVALID_YAML, Span::new(shown_at, shown_at), message)
        .hint("save the file as UTF-8")
}

fn wide() -> Diagnostic {
    let message = "the file is UTF-16, which JSON files are not; it is read all the same";
    Diagnostic::new(code::INVALID_YAML, Span::default(), message).warning()
}
