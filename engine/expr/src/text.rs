//! How values look as text: as .NET writes them, which is how the cloud does.

use base::base64;
use serde_json::Value;

use crate::digits::Digits;

/// Writes a value into a text: null is nothing, `True`, `1E+21`, objects as compact JSON,
/// envelopes of bytes as the text they hold.
pub fn to_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => match number.as_f64() {
            Some(number) if value.is_f64() => float(number),
            Some(_) | None => number.to_string(),
        },
        Value::String(text) => text.clone(),
        Value::Array(_) => to_json(value, None),
        Value::Object(_) => envelope_bytes(value).map_or_else(
            || to_json(value, None),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        ),
    }
}

/// Compact JSON as Json.NET writes it; floats keep a point, decimals the digits that are known.
pub(crate) fn to_json(value: &Value, digits: Option<&Digits>) -> String {
    let mut out = String::new();
    write_json(value, digits, &mut out);
    out
}

fn write_json(value: &Value, digits: Option<&Digits>, out: &mut String) {
    if let Some(Digits::Decimal(decimal)) = digits {
        out.push_str(&decimal.to_string());
        out.push_str(if decimal.scale() == 0 { ".0" } else { "" });
        return;
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => match number.as_f64() {
            Some(number) if value.is_f64() => {
                let text = float(number);
                let bare = !text.contains(['.', 'E']);
                out.push_str(&text);
                out.push_str(if bare { ".0" } else { "" });
            }
            Some(_) | None => out.push_str(&number.to_string()),
        },
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                write_json(item, digits.and_then(|digits| digits.item(index)), out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (index, (key, item)) in map.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                write_string(key, out);
                out.push(':');
                write_json(item, digits.and_then(|digits| digits.field(key)), out);
            }
            out.push('}');
        }
    }
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                out.extend(["\\u", &format!("{:04x}", u32::from(c))]);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// The shortest digits that read back as the same number, in the shape .NET gives them.
pub(crate) fn float(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number < 0.0 { "-Infinity" } else { "Infinity" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits = mantissa.chars().filter(char::is_ascii_digit).count();
    let widest = i32::try_from(digits.max(15)).unwrap_or(15);
    if number == 0.0 || (-5 < exponent && exponent < widest) {
        return format!("{number}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}E{sign}{:02}", exponent.unsigned_abs())
}

/// Whether an object is the envelope of bytes or XML.
pub(crate) fn envelope(value: &Value) -> Option<(&str, &str)> {
    Some((value.get("$content-type")?.as_str()?, value.get("$content")?.as_str()?))
}

/// The bytes in an envelope.
pub(crate) fn envelope_bytes(value: &Value) -> Option<Vec<u8>> {
    envelope(value).and_then(|(_, content)| base64::decode_lenient(content))
}
