//! Bodies of several parts, as forms with files send them.

use serde_json::{Value, json};

use crate::{http::headers_value, value::envelope};

/// Parts that are taken apart; a body with more of them stays in one piece.
const PARTS_MAX: usize = 1_000;
/// Bytes of the headers of one part.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// The parts of a body, each `{headers, body}` with the body as an envelope. `None` if it is not what
/// its content type says.
pub(crate) fn parts(content_type: &str, bytes: &[u8]) -> Option<Vec<Value>> {
    let delimiter = format!("\r\n--{}", boundary(content_type)?).into_bytes();
    // The first delimiter may stand at the very beginning, without a line before it.
    let mut rest = match bytes.strip_prefix(delimiter.get(2..)?) {
        Some(rest) => rest,
        None => split(bytes, &delimiter)?.1,
    };
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        let (blanks, after) = split(rest, b"\r\n")?;
        if !blanks.iter().all(|it| b" \t".contains(it)) || parts.len() == PARTS_MAX {
            return None;
        }
        let (part, next) = split_part(after, &delimiter)?;
        parts.push(read(part)?);
        rest = next;
    }
    Some(parts)
}

/// An empty part has no line before its delimiter but that of its headers.
fn split_part<'a>(bytes: &'a [u8], delimiter: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    match bytes.strip_prefix(delimiter.get(2..)?) {
        Some(next) => Some((&[], next)),
        None => split(bytes, delimiter),
    }
}

fn read(part: &[u8]) -> Option<Value> {
    let (head, body) = match part.strip_prefix(b"\r\n") {
        Some(body) => (&[][..], body),
        None => split(part, b"\r\n\r\n").unwrap_or((part, &[])),
    };
    if HEAD_BYTES_MAX < head.len() {
        return None;
    }
    let head = std::str::from_utf8(head).ok()?;
    let lines = head.split("\r\n").filter(|it| !it.is_empty());
    let headers = lines.map(|it| {
        let (name, value) = it.split_once(':')?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    });
    let headers = headers.collect::<Option<Vec<(String, String)>>>()?;
    let media = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let media = media.map_or("text/plain", |(_, value)| value.as_str());
    Some(json!({ "headers": headers_value(&headers), "body": envelope(media, body) }))
}

/// The parameter `boundary`, which may be quoted.
fn boundary(content_type: &str) -> Option<&str> {
    let parameters = content_type.split(';').skip(1).filter_map(|it| it.split_once('='));
    let mut found = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"));
    let value = found.next()?.1.trim().trim_matches('"');
    (!value.is_empty() && value.len() <= 70).then_some(value)
}

fn split<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let found = bytes.windows(at.len()).position(|it| it == at)?;
    Some((bytes.get(..found)?, bytes.get(found + at.len()..)?))
}
