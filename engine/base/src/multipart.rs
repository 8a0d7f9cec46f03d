//! Bodies of several parts, as forms with files send them.

use serde_json::{Value, json};

use crate::{
    base64,
    digest::sha256_hex,
    http::{headers_value, is_json_type},
    value::envelope,
};

/// Parts that are taken apart; a body with more of them stays in one piece.
const PARTS_MAX: usize = 1_000;
/// Bytes of the headers of one part.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// One part of a body that is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its headers, as they are written.
    pub headers: Vec<(String, String)>,
    /// Its bytes.
    pub body: Vec<u8>,
}

impl Part {
    /// The field of a form. Of an envelope these are the bytes under its `$content-type` and
    /// `$filename`; text is text, and anything else is JSON.
    ///
    /// # Errors
    /// If what is said of it does not fit into a header, or the content is not base64.
    pub fn field(name: &str, value: &Value) -> Result<Self, String> {
        let (media, body) = content(value)?;
        let name = quoted(name);
        let disposition = match value.get("$filename").and_then(Value::as_str) {
            Some(file) => format!("form-data; name=\"{name}\"; filename=\"{}\"", quoted(file)),
            // Without a file name services take it for a plain field.
            None if value.get("$content").is_some() => {
                format!("form-data; name=\"{name}\"; filename=\"file\"")
            }
            None => format!("form-data; name=\"{name}\""),
        };
        let mut headers = vec![("Content-Disposition".to_owned(), disposition)];
        headers.extend(media.map(|it| ("Content-Type".to_owned(), it)));
        let part = Self { headers, body };
        part.check()?;
        Ok(part)
    }

    /// A part as `{headers, body}`.
    ///
    /// # Errors
    /// If it is none.
    pub fn of_value(value: &Value) -> Result<Self, String> {
        let given = value.get("headers").and_then(Value::as_object);
        let mut headers = Vec::new();
        for (name, value) in given.into_iter().flatten() {
            let value = value.as_str().ok_or_else(|| format!("the header `{name}` is no text"))?;
            headers.push((name.clone(), value.to_owned()));
        }
        let (media, body) = content(value.get("body").unwrap_or(&Value::Null))?;
        let is_typed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        // What says nothing is plain text.
        let media = media.filter(|it| !is_typed && it != "text/plain");
        headers.extend(media.map(|it| ("Content-Type".to_owned(), it)));
        let part = Self { headers, body };
        part.check()?;
        Ok(part)
    }

    fn append(&self, bytes: &mut Vec<u8>) {
        for (name, value) in &self.headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes.extend_from_slice(b"\r\n");
    }

    /// A line break in a header would begin another header, or the content.
    fn check(&self) -> Result<(), String> {
        let is_bad = |text: &str| text.chars().any(|it| it.is_control() && it != '\t');
        match self.headers.iter().find(|(name, value)| {
            name.is_empty() || name.contains(':') || is_bad(name) || is_bad(value)
        }) {
            Some((name, _)) => Err(format!("the header `{name}` of a part has a line break in it")),
            None => Ok(()),
        }
    }
}

/// The parts as one body: its boundary, and its bytes. The boundary is made of the content, so that
/// the same parts are the same bytes.
pub fn write(parts: &[Part]) -> (String, Vec<u8>) {
    let mut plain = Vec::new();
    for part in parts {
        part.append(&mut plain);
    }
    let boundary: String = sha256_hex(&plain).chars().take(40).collect();
    let mut bytes = Vec::with_capacity(plain.len() + 50 * (parts.len() + 1));
    for part in parts {
        bytes.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        part.append(&mut bytes);
    }
    bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (boundary, bytes)
}

/// The media type and bytes of `{"$content-type": "multipart/…", "$multipart": [{headers, body}, …]}`,
/// if that is what it is.
///
/// # Errors
/// If a part cannot be written.
pub fn of_envelope(body: &Value) -> Option<Result<(String, Vec<u8>), String>> {
    let parts = body.get("$multipart")?.as_array()?;
    let media = body.get("$content-type").and_then(Value::as_str);
    let media = media.and_then(|it| it.split(';').next()).unwrap_or("multipart/form-data").trim();
    let written = parts.iter().map(Part::of_value).collect::<Result<Vec<_>, _>>();
    Some(written.map(|parts| {
        let (boundary, bytes) = write(&parts);
        (format!("{media}; boundary={boundary}"), bytes)
    }))
}

/// The bytes of a value, and their media type if it is not plain text.
fn content(value: &Value) -> Result<(Option<String>, Vec<u8>), String> {
    let media = value.get("$content-type").and_then(Value::as_str);
    match (value, value.get("$content")) {
        (Value::String(text), _) => Ok((None, text.clone().into_bytes())),
        (Value::Null, _) => Ok((None, Vec::new())),
        (_, Some(Value::String(text))) => {
            let bytes = base64::decode(text).ok_or("`$content` is not base64")?;
            Ok((Some(media.unwrap_or("application/octet-stream").to_owned()), bytes))
        }
        // The content of an envelope may be JSON as it is.
        (_, Some(content)) if media.is_some_and(is_json_type) => {
            Ok((media.map(str::to_owned), content.to_string().into_bytes()))
        }
        (_, Some(_)) => Err("`$content` must be base64".to_owned()),
        (Value::Bool(_) | Value::Number(_), None) => Ok((None, value.to_string().into_bytes())),
        (Value::Array(_) | Value::Object(_), None) => {
            Ok((Some("application/json".to_owned()), value.to_string().into_bytes()))
        }
    }
}

/// A name between quotation marks, as browsers write it.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

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
