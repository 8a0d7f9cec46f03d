//! The conversions of mapping files: what a field's value is turned into.

use base::Timestamp;
use flow::mapping::Conversion;
use serde_json::{Number, Value, json};

/// The value as the conversion wants it; `None` if it cannot be that. Null stays null, except for
/// lists, where it is none of them.
pub(crate) fn convert(value: Value, conversion: Conversion) -> Option<Value> {
    match (value, conversion) {
        (Value::Null, Conversion::List) => Some(json!([])),
        (Value::Null, _) => Some(Value::Null),
        (value, Conversion::Text) => Some(expr::to_text(&value).into()),
        (value @ Value::Array(_), Conversion::List)
        | (value @ Value::Number(_), Conversion::Number) => Some(value),
        (value, Conversion::List) => Some(json!([value])),
        (value, Conversion::Boolean) => boolean(&value),
        (value, Conversion::Integer) => integer(&value),
        (value, Conversion::Number) => {
            integer(&value).or_else(|| number(&value).and_then(Number::from_f64).map(Value::Number))
        }
        (value, Conversion::Money) => cents(&value).map(money),
        (value, Conversion::Date) => instant(&value).map(|at| date_of(at).into()),
        (value, Conversion::DateTime) => instant(&value).map(|at| at.to_string().into()),
    }
}

fn boolean(value: &Value) -> Option<Value> {
    match value {
        Value::Bool(_) => Some(value.clone()),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true.into()),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false.into()),
        Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the bounds are checked before")]
fn integer(value: &Value) -> Option<Value> {
    if let Some(whole) = value.as_i64() {
        return Some(whole.into());
    }
    let number = number(value)?;
    let exact = number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0;
    exact.then_some(number as i64).map(Value::from)
}

/// A number, or text of one.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|it: &f64| it.is_finite()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Hundredths, half away from zero, from the decimal text so that 1.005 is not 1.00.
pub(crate) fn cents(value: &Value) -> Option<i128> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    if text.contains(['e', 'E']) {
        return scientific_cents(&text);
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) || 30 < whole.len() {
        return None;
    }
    let padded: String = fraction.chars().chain("000".chars()).take(3).collect();
    let thousandths: i128 = whole.parse::<i128>().ok()? * 1000 + padded.parse::<i128>().ok()?;
    let cents = (thousandths + 5) / 10;
    Some(if negative { -cents } else { cents })
}

#[allow(clippy::cast_possible_truncation, reason = "the bounds are checked before")]
fn scientific_cents(text: &str) -> Option<i128> {
    let number: f64 = text.parse().ok()?;
    (number.abs() < 1e15).then(|| (number * 100.0).round() as i128)
}

#[allow(clippy::cast_precision_loss, reason = "money is a number with two decimals in JSON")]
fn money(cents: i128) -> Value {
    if cents % 100 == 0
        && let Ok(whole) = i64::try_from(cents / 100)
    {
        return whole.into();
    }
    Number::from_f64(cents as f64 / 100.0).map_or(Value::Null, Value::Number)
}

/// An instant, or the first moment (in UTC) of a date.
pub(crate) fn instant(value: &Value) -> Option<Timestamp> {
    let text = value.as_str()?.trim();
    Timestamp::parse(text)
        .or_else(|| Timestamp::parse(&format!("{text}Z")))
        .or_else(|| Timestamp::parse(&format!("{text}T00:00:00Z")))
}

/// The date of an instant in UTC.
pub(crate) fn date_of(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}
