//! An HTTP request and response as plain values, so that pure crates can ask for one.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::time::{Duration, Timestamp};

/// The header by which a service joins a trace (W3C Trace Context).
pub const TRACEPARENT: &str = "traceparent";

/// The header with which a caller names what it is about (as in the cloud).
pub const TRACKING_HEADER: &str = "x-ms-client-tracking-id";

/// A request that somebody else will send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// Upper-case method.
    pub method: String,
    /// Absolute URL, encoded.
    pub url: String,
    /// Names and values in the order they are sent.
    pub headers: Vec<(String, String)>,
    /// The bytes, if there is a body.
    pub body: Option<Vec<u8>>,
}

impl HttpRequest {
    /// Sets a header, in place of an earlier one of that name in any case.
    pub fn set_header(&mut self, name: &str, value: impl Into<String>) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
    }

    /// The value of a header, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

/// A response that somebody else received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// Status code.
    pub status: u16,
    /// Names and values as received.
    pub headers: Vec<(String, String)>,
    /// The bytes.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// The value of a header, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// Whether the content type is of the JSON family.
    pub fn is_json(&self) -> bool {
        self.header("content-type").is_some_and(is_json_type)
    }

    /// The body as flows see it: JSON if it says so, text if it is, else a `$content` envelope.
    ///
    /// A body that claims to be JSON and is not is given as text, as the cloud does.
    pub fn body_value(&self) -> Value {
        body_value(self.header("content-type"), &self.body)
    }

    /// The headers as an object; values of repeated names are joined by a comma.
    pub fn headers_value(&self) -> Value {
        headers_value(&self.headers)
    }
}

/// Whether a media type is `application/json` or ends in `+json`.
pub fn is_json_type(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    media == "application/json" || media == "text/json" || media.ends_with("+json")
}

/// Headers that say how a message is framed and where it goes. They are ours to write, in requests and
/// in responses: flows pass on what they received, and a wrong length would let one message hold
/// two. The cloud drops them without a word, too.
pub const FRAMING: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether a header is one of [`FRAMING`].
pub fn is_framing(name: &str) -> bool {
    FRAMING.iter().any(|it| it.eq_ignore_ascii_case(name))
}

/// Bytes as flows see them, by content type.
pub fn body_value(content_type: Option<&str>, bytes: &[u8]) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    let media = content_type.unwrap_or("application/octet-stream");
    if is_json_type(media)
        && let Ok(value) = crate::json::read(bytes)
    {
        return value;
    }
    let lower = media.to_ascii_lowercase();
    let textual = lower.starts_with("text/")
        || is_json_type(media)
        || lower.contains("xml")
        || lower.starts_with("application/x-www-form-urlencoded");
    match std::str::from_utf8(bytes) {
        Ok(text) if textual => return Value::String(text.to_owned()),
        _ => {}
    }
    let mut body = crate::value::envelope(media, bytes);
    let parts = lower.starts_with("multipart/").then(|| crate::multipart::parts(media, bytes));
    if let Some(parts) = parts.flatten() {
        // The bytes stay beside them, so that the body can be passed on as it came.
        body["$multipart"] = parts.into();
    }
    body
}

/// Headers as an object; values of repeated names are joined by a comma.
pub fn headers_value(headers: &[(String, String)]) -> Value {
    let mut object = Map::new();
    for (name, value) in headers {
        match object.get_mut(name) {
            Some(Value::String(known)) => {
                known.push_str(", ");
                known.push_str(value);
            }
            _ => {
                object.insert(name.clone(), value.clone().into());
            }
        }
    }
    Value::Object(object)
}

/// The name of a status as the cloud writes it in an action's code: a word where .NET has one, else
/// the number.
pub fn status_name(status: u16) -> Cow<'static, str> {
    let name = match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "NonAuthoritativeInformation",
        204 => "NoContent",
        205 => "ResetContent",
        206 => "PartialContent",
        300 => "Ambiguous",
        301 => "Moved",
        302 => "Found",
        303 => "SeeOther",
        304 => "NotModified",
        307 => "TemporaryRedirect",
        400 => "BadRequest",
        401 => "Unauthorized",
        402 => "PaymentRequired",
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        406 => "NotAcceptable",
        407 => "ProxyAuthenticationRequired",
        408 => "RequestTimeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "LengthRequired",
        412 => "PreconditionFailed",
        413 => "RequestEntityTooLarge",
        414 => "RequestUriTooLong",
        415 => "UnsupportedMediaType",
        416 => "RequestedRangeNotSatisfiable",
        417 => "ExpectationFailed",
        426 => "UpgradeRequired",
        500 => "InternalServerError",
        501 => "NotImplemented",
        502 => "BadGateway",
        503 => "ServiceUnavailable",
        504 => "GatewayTimeout",
        505 => "HttpVersionNotSupported",
        other => return Cow::Owned(other.to_string()),
    };
    Cow::Borrowed(name)
}

/// How long a `Retry-After` header asks to be left alone: seconds, or a date.
pub fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    let text = header.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Duration::seconds(seconds.into()));
    }
    Some(http_date(text)?.since(now).max(Duration::ZERO))
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT`, the one form of HTTP dates that servers may send.
pub fn http_date(text: &str) -> Option<Timestamp> {
    let rest = text.split_once(", ")?.1.strip_suffix(" GMT")?;
    let mut parts = rest.split(' ');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let clock = parts.next()?;
    let month = MONTHS.iter().position(|it| *it == month)? + 1;
    Timestamp::parse(&format!("{year}-{month:02}-{day}T{clock}Z"))
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// A path with everything escaped that has a meaning in addresses, except the slashes.
pub fn percent_path(path: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(char::from(byte));
            }
            // Writing to a text cannot fail.
            other => drop(write!(text, "%{other:02X}")),
        }
    }
    text
}
