//! Which values a field takes, and how it keeps them.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::ids;
use super::refusal::Refusal;
use super::schema::{Field, Kind};

/// The value as it is kept, when the field may hold it; references are checked by the caller.
pub(super) fn fit(field: &Field, value: &Value) -> Result<Value, Refusal> {
    let empty = value.is_null() || value.as_str() == Some("");
    match field.kind {
        Kind::Flag if empty => {
            let message = format!("Value not of required type: {value}");
            return Err(Refusal::field("INVALID_TYPE_ON_FIELD_IN_RECORD", &message, field.name));
        }
        _ if empty => return Ok(Value::Null),
        _ => {}
    }
    let wrong = || {
        let kind = if value.is_string() { "VALUE_STRING" } else { "the value" };
        let (wanted, shown) =
            (field.type_name(), value.as_str().map_or(value.to_string(), str::to_owned));
        Refusal::json_parser(&format!(
            "Cannot deserialize instance of {wanted} from {kind} {shown} or request may be missing a required field"
        ))
    };
    match field.kind {
        Kind::Id | Kind::Reference(..) => {
            let given = value.as_str().ok_or_else(wrong)?;
            let id = ids::long(given).ok_or_else(|| {
                let message = format!("{}: id value of incorrect type: {given}", field.label);
                Refusal::field("MALFORMED_ID", &message, field.name)
            })?;
            Ok(json!(id))
        }
        Kind::Text(_) | Kind::Area(_) | Kind::Url | Kind::Phone => text(field, value),
        Kind::Email => {
            let text = text(field, value)?;
            let address = text.as_str().unwrap_or_default();
            let whole = address.split_once('@').is_some_and(|(name, host)| {
                !name.is_empty() && host.contains('.') && !address.contains(char::is_whitespace)
            });
            let message = format!("{}: invalid email address: {address}", field.label);
            if whole {
                return Ok(text);
            }
            Err(Refusal::field("INVALID_EMAIL_ADDRESS", &message, field.name))
        }
        Kind::Picklist(allowed) => {
            let text = text(field, value)?;
            let given = text.as_str().unwrap_or_default();
            let found = allowed.iter().find(|it| it.eq_ignore_ascii_case(given));
            let message =
                format!("{}: bad value for restricted picklist field: {given}", field.label);
            let code = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST";
            found.map(|it| json!(it)).ok_or_else(|| Refusal::field(code, &message, field.name))
        }
        Kind::Currency => Ok(json!((number(value).ok_or_else(wrong)? * 100.0).round() / 100.0)),
        Kind::Double | Kind::Percent => Ok(json!(number(value).ok_or_else(wrong)?)),
        Kind::Whole => {
            let number = number(value).filter(|it| it.fract() == 0.0 && it.abs() < 1e9);
            #[expect(clippy::cast_possible_truncation, reason = "bounded by the line above")]
            Ok(json!(number.ok_or_else(wrong)? as i64))
        }
        Kind::Flag => match value {
            Value::Bool(flag) => Ok(json!(flag)),
            Value::String(text) => text.parse::<bool>().map(|it| json!(it)).map_err(|_| wrong()),
            _ => Err(wrong()),
        },
        Kind::Date => {
            let text = value.as_str().filter(|it| it.len() == 10).ok_or_else(wrong)?;
            Ok(json!(text.parse::<Date>().map_err(|_| wrong())?.to_string()))
        }
        Kind::DateTime => {
            let text = value.as_str().ok_or_else(wrong)?;
            Ok(json!(stamp(instant(text).ok_or_else(wrong)?)))
        }
    }
}

fn text(field: &Field, value: &Value) -> Result<Value, Refusal> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => {
            let message = format!("Cannot deserialize instance of string from {value}");
            return Err(Refusal::json_parser(&message));
        }
    };
    let max = field.length();
    if text.chars().count() > max {
        let shown: String = text.chars().take(100).collect();
        let message = format!("{}: data value too large: {shown} (max length={max})", field.label);
        return Err(Refusal::field("STRING_TOO_LONG", &message, field.name));
    }
    Ok(json!(text))
}

/// A number, or a text that is one.
fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|it| it.is_finite() && it.abs() < 1e16)
}

/// An instant with its zone as `Z`, `+01:00` or `+0100`.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    let (head, minutes) = text.split_at_checked(text.len().checked_sub(2)?)?;
    format!("{head}:{minutes}").parse().ok()
}

/// An instant as Salesforce writes it, with whole seconds.
pub(super) fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string()
}
