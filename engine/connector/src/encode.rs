//! Values as parts of a request: paths, queries, headers, bodies.

use base::{ErrorClass, Failure, base64};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::model::Encoding;

/// Everything but what never means anything in a URL.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Keys such as `$filter` stay readable.
const KEY: &AsciiSet = &VALUE.remove(b'$');

/// The failure of inputs that do not fit the operation.
pub(crate) fn invalid(message: impl Into<String>) -> Failure {
    let code = "OpenApiOperationParameterValidationFailed";
    Failure::of_class(ErrorClass::Validation, code, message)
}

/// A value as one segment of a path, or part of one.
pub(crate) fn segment(name: &str, value: &Value, double: bool) -> Result<String, Failure> {
    let text = text(value);
    // These would make the address one of another resource.
    if matches!(text.as_str(), "" | "." | "..") {
        return Err(invalid(format!("parameter `{name}` must not be `{text}`: it is in the path")));
    }
    let once = utf8_percent_encode(&text, VALUE).to_string();
    Ok(if double { utf8_percent_encode(&once, VALUE).to_string() } else { once })
}

/// Adds `key=value` to a query that may be empty.
pub(crate) fn push_query(query: &mut String, key: &str, value: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    query.extend(utf8_percent_encode(key, KEY));
    query.push('=');
    query.extend(utf8_percent_encode(value, VALUE));
}

/// A value as the text of a header.
pub(crate) fn header(name: &str, text: String) -> Result<(String, String), Failure> {
    if text.chars().any(|it| it.is_control() && it != '\t') {
        return Err(invalid(format!(
            "header `{name}` must not hold line breaks or control characters"
        )));
    }
    Ok((name.to_owned(), text))
}

/// A value as text in queries and headers: lists are joined by commas, and truth is written as in
/// JSON, not as the language writes it.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        Value::Bool(value) => value.to_string(),
        Value::Null | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            expr::to_text(value)
        }
    }
}

/// A body's bytes and their media type.
pub(crate) fn body(value: &Value, encoding: Encoding) -> Result<(String, Vec<u8>), Failure> {
    match encoding {
        Encoding::Json => Ok(("application/json".to_owned(), value.to_string().into_bytes())),
        Encoding::Form => Ok(("application/x-www-form-urlencoded".to_owned(), form(value)?)),
        Encoding::Text => {
            Ok(("text/plain; charset=utf-8".to_owned(), expr::to_text(value).into_bytes()))
        }
        Encoding::Binary => binary(value),
    }
}

fn form(value: &Value) -> Result<Vec<u8>, Failure> {
    let fields = value.as_object().ok_or_else(|| invalid("a form must be an object"))?;
    let mut form = String::new();
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        push_query(&mut form, name, &text(value));
    }
    Ok(form.into_bytes())
}

fn binary(value: &Value) -> Result<(String, Vec<u8>), Failure> {
    let media = |name: Option<&Value>| {
        name.and_then(Value::as_str).unwrap_or("application/octet-stream").to_owned()
    };
    if let Some(text) = value.as_str() {
        return Ok((media(None), text.as_bytes().to_vec()));
    }
    let bytes = value.get("$content").and_then(Value::as_str).and_then(base64::decode);
    let bytes =
        bytes.ok_or_else(|| invalid("a binary body must be text or have base64 in `$content`"))?;
    let (_, media) = header("Content-Type", media(value.get("$content-type")))?;
    Ok((media, bytes))
}
