//! Values as parts of a request: paths, queries, headers, bodies.

use base::{ErrorClass, Failure, base64, multipart};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::model::{Arrays, Encoding};

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

/// A text as part of a path that already is one.
pub(crate) fn path_text(text: &str) -> String {
    utf8_percent_encode(text, VALUE).to_string()
}

/// Whether a text can name a header (RFC 9110, `token`).
pub(crate) fn is_header_name(name: &str) -> bool {
    let fits = |it: u8| it.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&it);
    !name.is_empty() && name.bytes().all(fits)
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

/// A value as one text or, of a list whose name is repeated, as several. Nulls in lists are nothing.
pub(crate) fn texts(value: &Value, arrays: Arrays) -> Vec<String> {
    let Value::Array(items) = value else { return vec![text(value)] };
    let items = items.iter().filter(|it| !it.is_null()).map(text);
    let separator = match arrays {
        Arrays::Multi => return items.collect(),
        Arrays::Csv => ",",
        Arrays::Ssv => " ",
        Arrays::Tsv => "\t",
        Arrays::Pipes => "|",
    };
    vec![items.collect::<Vec<_>>().join(separator)]
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

/// One field of a body that is a form: name, value, how a list is written.
pub(crate) type FormField<'a> = (&'a str, &'a Value, Arrays);

/// A body's bytes and their media type.
pub(crate) fn body(value: &Value, encoding: Encoding) -> Result<(String, Vec<u8>), Failure> {
    match encoding {
        Encoding::Json => Ok(("application/json".to_owned(), value.to_string().into_bytes())),
        Encoding::Multipart if value.get("$multipart").is_some_and(Value::is_array) => {
            let written = multipart::of_envelope(value);
            written.unwrap_or_else(|| Err("there are no parts".to_owned())).map_err(invalid)
        }
        Encoding::Form | Encoding::Multipart => {
            let fields = value.as_object().ok_or_else(|| invalid("a form must be an object"))?;
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            let fields: Vec<FormField<'_>> =
                fields.map(|(name, value)| (name.as_str(), value, Arrays::Csv)).collect();
            form(&fields, encoding)
        }
        Encoding::Text => {
            Ok(("text/plain; charset=utf-8".to_owned(), expr::to_text(value).into_bytes()))
        }
        Encoding::Binary => binary(value),
    }
}

/// Fields as the body of a request, in their order.
pub(crate) fn form(
    fields: &[FormField<'_>],
    encoding: Encoding,
) -> Result<(String, Vec<u8>), Failure> {
    match encoding {
        Encoding::Json => {
            let fields =
                fields.iter().map(|(name, value, _)| ((*name).to_owned(), (*value).clone()));
            body(&Value::Object(fields.collect()), encoding)
        }
        Encoding::Form => {
            let mut form = String::new();
            for (name, value, arrays) in fields {
                for text in texts(value, *arrays) {
                    push_query(&mut form, name, &text);
                }
            }
            Ok(("application/x-www-form-urlencoded".to_owned(), form.into_bytes()))
        }
        Encoding::Multipart => {
            let mut parts = Vec::new();
            for (name, value, arrays) in fields {
                let items = match value {
                    Value::Array(items) if *arrays == Arrays::Multi => items.as_slice(),
                    other => std::slice::from_ref(*other),
                };
                for item in items {
                    let part = multipart::Part::field(name, item);
                    parts.push(part.map_err(|why| invalid(format!("field `{name}`: {why}")))?);
                }
            }
            let (boundary, bytes) = multipart::write(&parts);
            Ok((format!("multipart/form-data; boundary={boundary}"), bytes))
        }
        Encoding::Text | Encoding::Binary => Err(invalid("fields make a form, not text or bytes")),
    }
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
