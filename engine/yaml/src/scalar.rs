//! The type of a plain scalar by the core schema of YAML 1.2.

use serde_json::Number;

use crate::node::{Kind, Scalar};

/// What a plain scalar means; `None` if it is a number that JSON does not have.
pub(crate) fn resolve(scalar: Scalar) -> Option<Kind> {
    let text = scalar.text.as_str();
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Kind::Null),
        "true" | "True" | "TRUE" => return Some(Kind::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Kind::Bool(false)),
        _ => {}
    }
    if let Some(whole) = integer(text) {
        return Some(whole);
    }
    if is_float(text) {
        return Number::from_f64(text.parse().ok()?).map(Kind::Float);
    }
    if is_not_finite(text) {
        return None;
    }
    Some(Kind::Str(scalar))
}

/// `12`, `-12`, `+12`, `0o17`, `0xff`; beyond 64 bits the nearest float.
fn integer(text: &str) -> Option<Kind> {
    for (prefix, radix) in [("0o", 8), ("0x", 16)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            let all = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
            return all.then(|| i64::from_str_radix(digits, radix).ok()).flatten().map(Kind::Int);
        }
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match text.parse() {
        Ok(value) => Some(Kind::Int(value)),
        Err(_) => match text.parse::<u64>() {
            Ok(value) => Some(Kind::Float(value.into())),
            Err(_) => Number::from_f64(text.parse().ok()?).map(Kind::Float),
        },
    }
}

/// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.map(|it| it.strip_prefix(['-', '+']).unwrap_or(it));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|it| !it.is_empty() && digits(it))
}

fn is_not_finite(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}
