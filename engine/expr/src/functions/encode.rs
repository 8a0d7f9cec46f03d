//! Functions between text, bytes in their envelope, base64, data URIs and percent encoding.

use std::borrow::Cow;

use base::base64;
use base::value::envelope;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use super::{Answer, Arguments, Eval, Function, Origin, required, rest};
use crate::error::EvalError;
use crate::operand::Operand;
use crate::text;
use crate::types::Type;

const FAMILY: &str = "Conversion";

pub(super) const BASE64: Function = Function {
    name: "base64",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The base64 form of a text or of bytes.",
    params: &[required("value", Type::Any)],
    returns: Type::String,
    eval: Eval::Pure(base64),
    examples: &[("base64('hello')", "\"aGVsbG8=\""), ("base64(binary('hello'))", "\"aGVsbG8=\"")],
};

pub(super) const BASE64_TO_BINARY: Function = Function {
    name: "base64ToBinary",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "Bytes from their base64 form.",
    params: &[required("value", Type::String)],
    returns: Type::Binary,
    eval: Eval::Pure(base64_to_binary),
    examples: &[
        (
            "base64ToBinary('aGVsbG8=')",
            "{\"$content-type\":\"application/octet-stream\",\"$content\":\"aGVsbG8=\"}",
        ),
        ("string(base64ToBinary('aGVsbG8='))", "\"hello\""),
    ],
};

pub(super) const BASE64_TO_STRING: Function = Function {
    name: "base64ToString",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A text from its base64 form.",
    params: &[required("value", Type::String)],
    returns: Type::String,
    eval: Eval::Pure(base64_to_string),
    examples: &[("base64ToString('aGVsbG8=')", "\"hello\""), ("base64ToString('w6Q=')", "\"ä\"")],
};

pub(super) const BINARY: Function = Function {
    name: "binary",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The bytes of a value.",
    params: &[required("value", Type::Any)],
    returns: Type::Binary,
    eval: Eval::Pure(binary),
    examples: &[
        (
            "binary('hello')",
            "{\"$content-type\":\"application/octet-stream\",\"$content\":\"aGVsbG8=\"}",
        ),
        ("base64(binary(3.14))", "\"My4xNA==\""),
    ],
};

pub(super) const DATA_URI: Function = Function {
    name: "dataUri",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The data URI of a value.",
    params: &[required("value", Type::Any)],
    returns: Type::String,
    eval: Eval::Pure(data_uri),
    examples: &[
        ("dataUri('hello')", "\"data:text/plain;charset=utf-8;base64,aGVsbG8=\""),
        (
            "dataUri(json('{\"a\":3}'))",
            "\"data:application/json;charset=utf-8;base64,eyJhIjozfQ==\"",
        ),
    ],
};

pub(super) const DATA_URI_TO_BINARY: Function = Function {
    name: "dataUriToBinary",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The bytes in a data URI.",
    params: &[required("value", Type::String)],
    returns: Type::Binary,
    eval: Eval::Pure(data_uri_to_binary),
    examples: &[
        (
            "dataUriToBinary('data:text/plain;base64,aGk=')",
            "{\"$content-type\":\"text/plain\",\"$content\":\"aGk=\"}",
        ),
        ("string(dataUriToBinary('data:,a%20b'))", "\"a b\""),
    ],
};

pub(super) const DATA_URI_TO_STRING: Function = Function {
    name: "dataUriToString",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The text in a data URI.",
    params: &[required("value", Type::String)],
    returns: Type::String,
    eval: Eval::Pure(data_uri_to_string),
    examples: &[
        ("dataUriToString('data:text/plain;charset=utf-8;base64,aGVsbG8=')", "\"hello\""),
        ("dataUriToString('data:,plain%20text')", "\"plain text\""),
    ],
};

pub(super) const DECODE_BASE64: Function = Function {
    name: "decodeBase64",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A text from its base64 form; the older name of `base64ToString`.",
    params: &[required("value", Type::String)],
    returns: Type::String,
    eval: Eval::Pure(base64_to_string),
    examples: &[("decodeBase64('aGVsbG8=')", "\"hello\""), ("decodeBase64('')", "\"\"")],
};

pub(super) const DECODE_DATA_URI: Function = Function {
    name: "decodeDataUri",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The text in a data URI; the older name of `dataUriToString`.",
    params: &[required("value", Type::String)],
    returns: Type::String,
    eval: Eval::Pure(data_uri_to_string),
    examples: &[
        ("decodeDataUri('data:text/plain;base64,aGk=')", "\"hi\""),
        ("decodeDataUri('data:,x')", "\"x\""),
    ],
};

pub(super) const DECODE_URI_COMPONENT: Function = Function {
    name: "decodeUriComponent",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A text without its percent encoding.",
    params: &[required("value", Type::String)],
    returns: Type::String,
    eval: Eval::Pure(decode_uri_component),
    examples: &[
        ("decodeUriComponent('https%3A%2F%2Fcontoso.com')", "\"https://contoso.com\""),
        ("decodeUriComponent('a+b')", "\"a b\""),
    ],
};

pub(super) const ENCODE_URI_COMPONENT: Function = Function {
    name: "encodeUriComponent",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "Values joined into one text in percent encoding, safe in any part of a URI.",
    params: &[required("value", Type::Any), rest("value", Type::Any)],
    returns: Type::String,
    eval: Eval::Pure(uri_component),
    examples: &[
        ("encodeUriComponent('https://contoso.com')", "\"https%3A%2F%2Fcontoso.com\""),
        ("encodeURIComponent('a b&c')", "\"a%20b%26c\""),
        ("encodeURIComponent('a b', 1, true, null)", "\"a%20b1True\""),
    ],
};

pub(super) const URI_COMPONENT: Function = Function {
    name: "uriComponent",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "Values joined into one text in percent encoding; the same as `encodeUriComponent`.",
    params: &[required("value", Type::Any), rest("value", Type::Any)],
    returns: Type::String,
    eval: Eval::Pure(uri_component),
    examples: &[
        ("uriComponent('a b')", "\"a%20b\""),
        ("uriComponent('https://contoso.com')", "\"https%3A%2F%2Fcontoso.com\""),
    ],
};

pub(super) const URI_COMPONENT_TO_BINARY: Function = Function {
    name: "uriComponentToBinary",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "Bytes from their percent encoding.",
    params: &[required("value", Type::String)],
    returns: Type::Binary,
    eval: Eval::Pure(uri_component_to_binary),
    examples: &[
        (
            "uriComponentToBinary('a%20b')",
            "{\"$content-type\":\"application/octet-stream\",\"$content\":\"YSBi\"}",
        ),
        ("string(uriComponentToBinary('%C3%A4'))", "\"ä\""),
    ],
};

pub(super) const URI_COMPONENT_TO_STRING: Function = Function {
    name: "uriComponentToString",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A text without its percent encoding.",
    params: &[required("value", Type::String)],
    returns: Type::String,
    eval: Eval::Pure(decode_uri_component),
    examples: &[
        ("uriComponentToString('http%3A%2F%2Fcontoso.com')", "\"http://contoso.com\""),
        ("uriComponentToString('%C3%A4')", "\"ä\""),
    ],
};

const OCTETS: &str = "application/octet-stream";

/// What `Uri.EscapeDataString` leaves alone.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A text in percent encoding.
pub(super) fn escape(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// The bytes that a value stands for.
pub(super) fn bytes_of(value: &Operand<'_>) -> Vec<u8> {
    let enveloped = value.json().and_then(text::envelope_bytes);
    enveloped.unwrap_or_else(|| value.to_text().into_owned().into_bytes())
}

fn base64(args: &mut Arguments<'_>) -> Answer<'static> {
    Ok(base64::encode(&bytes_of(&args.take(0))).into())
}

fn base64_to_binary(args: &mut Arguments<'_>) -> Answer<'static> {
    let content = args.text(0)?;
    if base64::decode_lenient(&content).is_none() {
        return Err(not_base64(args, &content));
    }
    Ok(json!({ "$content-type": OCTETS, "$content": content }).into())
}

fn base64_to_string(args: &mut Arguments<'_>) -> Answer<'static> {
    let content = args.text(0)?;
    let bytes = base64::decode_lenient(&content).ok_or_else(|| not_base64(args, &content))?;
    Ok(String::from_utf8_lossy(&bytes).into())
}

fn not_base64(args: &Arguments<'_>, content: &str) -> EvalError {
    let shown = super::string::cut(content, 0, 100);
    args.failure(&format!(
        "was invoked with a parameter that is not valid. The value '{shown}' cannot be decoded \
         from base64 representation"
    ))
}

fn binary(args: &mut Arguments<'_>) -> Answer<'static> {
    let value = args.take(0);
    if value.is_null() {
        return Err(args.mismatch(0, "be a value", "Null"));
    }
    Ok(envelope(OCTETS, &bytes_of(&value)).into())
}

fn data_uri(args: &mut Arguments<'_>) -> Answer<'static> {
    let value = args.take(0);
    if value.is_null() {
        return Err(args.mismatch(0, "be a value", "Null"));
    }
    let kind = match value.json() {
        Some(Value::String(_)) => Cow::Borrowed("text/plain;charset=utf-8"),
        Some(object) => text::envelope(object)
            .map_or(Cow::Borrowed("application/json;charset=utf-8"), |(kind, _)| {
                Cow::Owned(kind.to_owned())
            }),
        None => Cow::Borrowed("application/json;charset=utf-8"),
    };
    Ok(format!("data:{kind};base64,{}", base64::encode(&bytes_of(&value))).into())
}

/// A data URI in its parts.
struct DataUri<'t> {
    /// The media type with its parameters; may be empty.
    kind: &'t str,
    base64: bool,
    data: &'t str,
}

fn data_uri_parts<'t>(args: &Arguments<'_>, text: &'t str) -> Result<DataUri<'t>, EvalError> {
    let invalid = || {
        args.failure(
            "was invoked with a parameter that is not valid. The value cannot be decoded from \
             data URI representation",
        )
    };
    let scheme = text.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("data:"));
    let (head, data) = scheme.and_then(|_| text.get(5..)?.split_once(',')).ok_or_else(invalid)?;
    let (before, last) = head.rsplit_once(';').unwrap_or(("", head));
    let base64 = last.eq_ignore_ascii_case("base64");
    let kind = if base64 { before } else { head };
    if kind.split(';').skip(1).any(str::is_empty) || (kind.is_empty() && head == ";") {
        return Err(invalid());
    }
    Ok(DataUri { kind, base64, data })
}

fn data_uri_to_binary(args: &mut Arguments<'_>) -> Answer<'static> {
    let text = args.text(0)?;
    let uri = data_uri_parts(args, &text)?;
    if !is_media_type(uri.kind) {
        return Err(args.failure(&format!(
            "was invoked with a parameter that is not valid. The media type '{}' is not known",
            uri.kind
        )));
    }
    let content = if uri.base64 {
        uri.data.to_owned()
    } else {
        base64::encode(&percent_decode_str(uri.data).collect::<Vec<u8>>())
    };
    let kind = if uri.kind.is_empty() { "text/plain" } else { uri.kind };
    Ok(json!({ "$content-type": kind, "$content": content }).into())
}

/// Whether a content type is `type/subtype` with named parameters and a charset that is known.
fn is_media_type(kind: &str) -> bool {
    let mut parts = kind.split(';');
    let essence = parts.next().unwrap_or("");
    let known = |charset: &str| {
        let charset = charset.to_ascii_lowercase();
        matches!(
            charset.as_str(),
            "utf-8" | "utf8" | "ascii" | "us-ascii" | "iso-8859-1" | "latin1"
        ) || matches!(charset.as_str(), "utf-16" | "utf-16le" | "utf-16be" | "windows-1252")
    };
    let named = |part: &str| {
        part.split_once('=').is_some_and(|(name, value)| {
            !name.trim().eq_ignore_ascii_case("charset") || known(value.trim())
        })
    };
    (essence.is_empty()
        || essence.split_once('/').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty()))
        && parts.all(named)
}

/// The charset that a text cannot be read in: one right behind the type, other than UTF-8, that is
/// followed by another parameter, which the cloud takes for a part of its name.
fn unreadable(kind: &str) -> Option<&str> {
    let (_, parameters) = kind.split_once(';')?;
    let charset = parameters.strip_prefix("charset=")?;
    let (name, _) = charset.split_once(';')?;
    (!name.eq_ignore_ascii_case("utf-8")).then_some(charset)
}

fn data_uri_to_string(args: &mut Arguments<'_>) -> Answer<'static> {
    let text = args.text(0)?;
    let uri = data_uri_parts(args, &text)?;
    if let Some(charset) = unreadable(uri.kind) {
        return Err(args.failure(&format!(
            "was invoked with a parameter that is not valid. The charset '{charset}' is not known"
        )));
    }
    if uri.base64 {
        let bytes = base64::decode_lenient(uri.data).ok_or_else(|| not_base64(args, uri.data))?;
        return Ok(String::from_utf8_lossy(&bytes).into());
    }
    let spaced = uri.data.replace('+', " ");
    Ok(percent_decode_str(&spaced).decode_utf8_lossy().into())
}

fn uri_component(args: &mut Arguments<'_>) -> Answer<'static> {
    let values = args.take_all();
    let text: String = values.iter().map(Operand::to_text).collect();
    Ok(escape(&text).into())
}

fn decode_uri_component(args: &mut Arguments<'_>) -> Answer<'static> {
    // A plus is a blank, as in forms.
    let text = args.text(0)?.replace('+', " ");
    Ok(percent_decode_str(&text).decode_utf8_lossy().into())
}

fn uri_component_to_binary(args: &mut Arguments<'_>) -> Answer<'static> {
    let bytes: Vec<u8> = percent_decode_str(&args.text(0)?).collect();
    Ok(envelope(OCTETS, &bytes).into())
}
