//! Numbers of three kinds, equality and order as the language has them.

use std::cmp::Ordering;

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive as _, ToPrimitive as _};
use serde_json::Value;

use crate::operand::Operand;

/// A number; the wider kind wins when two meet.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Integer(i64),
    Float(f64),
    Decimal(Decimal),
}

impl Number {
    /// The number that a value is; texts are not numbers.
    pub(crate) fn of(operand: &Operand<'_>) -> Option<Self> {
        match operand {
            Operand::Json(value) => Self::of_json(value),
            Operand::Decimal(decimal) => Some(Self::Decimal(*decimal)),
            Operand::Exact(_) => None,
            Operand::NonFinite(float) => Some(Self::Float(*float)),
        }
    }

    fn of_json(value: &Value) -> Option<Self> {
        let Value::Number(number) = value else { return None };
        if let Some(integer) = number.as_i64() {
            return Some(Self::Integer(integer));
        }
        match number.as_u64() {
            Some(integer) => Some(Self::Decimal(integer.into())),
            None => number.as_f64().map(Self::Float),
        }
    }

    /// As a double, rounding if it must.
    #[allow(clippy::cast_precision_loss, reason = "that is what a double is")]
    pub(crate) fn to_f64(self) -> f64 {
        match self {
            Self::Integer(integer) => integer as f64,
            Self::Float(float) => float,
            Self::Decimal(decimal) => decimal.to_f64().unwrap_or(f64::NAN),
        }
    }

    /// As a decimal; `None` if it is too large for one.
    pub(crate) fn to_decimal(self) -> Option<Decimal> {
        match self {
            Self::Integer(integer) => Some(integer.into()),
            Self::Float(float) => decimal_of_f64(float),
            Self::Decimal(decimal) => Some(decimal),
        }
    }

    /// Which is larger; `None` for what is not a number.
    pub(crate) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(&b)),
            (Self::Decimal(_), _) | (_, Self::Decimal(_)) => {
                match (self.to_decimal(), other.to_decimal()) {
                    (Some(a), Some(b)) => Some(a.cmp(&b)),
                    (None, _) | (_, None) => self.to_f64().partial_cmp(&other.to_f64()),
                }
            }
            (Self::Float(_), _) | (_, Self::Float(_)) => self.to_f64().partial_cmp(&other.to_f64()),
        }
    }
}

/// .NET takes 15 significant digits of a double when it makes a decimal of it.
pub(crate) fn decimal_of_f64(float: f64) -> Option<Decimal> {
    let rounded: f64 = format!("{float:.14e}").parse().ok()?;
    Decimal::from_f64(rounded).map(|decimal| decimal.normalize())
}

impl From<Number> for Operand<'_> {
    fn from(number: Number) -> Self {
        match number {
            Number::Integer(integer) => integer.into(),
            Number::Float(float) => float.into(),
            Number::Decimal(decimal) => decimal.into(),
        }
    }
}

/// Whether two values are equal: deep, by type, texts with case; 1 equals 1.0.
pub fn equals(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(_), Value::Number(_)) => {
            let numbers = Number::of_json(a).zip(Number::of_json(b));
            numbers.is_some_and(|(a, b)| a.compare(b) == Some(Ordering::Equal))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equals(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let same =
                |(key, value): (&String, &Value)| b.get(key).is_some_and(|it| equals(value, it));
            a.len() == b.len() && a.iter().all(same)
        }
        (a, b) => a == b,
    }
}

/// Equality of values in the middle of an evaluation.
pub(crate) fn operands_equal(a: &Operand<'_>, b: &Operand<'_>) -> bool {
    if let (Some(a), Some(b)) = (a.json(), b.json()) {
        return equals(a, b);
    }
    let numbers = Number::of(a).zip(Number::of(b));
    numbers.is_some_and(|(a, b)| a.compare(b) == Some(Ordering::Equal))
}

/// The order of two numbers or of two texts, texts without case; `None` for anything else.
pub(crate) fn compare(a: &Operand<'_>, b: &Operand<'_>) -> Option<Ordering> {
    match (a.json(), b.json()) {
        (Some(Value::String(a)), Some(Value::String(b))) => Some(compare_text(a, b)),
        _ => Number::of(a)?.compare(Number::of(b)?),
    }
}

/// Ordinal order without case, as .NET's `OrdinalIgnoreCase` has it.
pub(crate) fn compare_text(a: &str, b: &str) -> Ordering {
    a.chars().flat_map(char::to_uppercase).cmp(b.chars().flat_map(char::to_uppercase))
}

/// A text that two values share if and only if they are equal.
pub(crate) fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

fn write_canonical(value: &Value, out: &mut String) {
    match (value, Number::of_json(value)) {
        (_, Some(Number::Float(float))) if float.fract() == 0.0 => {
            out.push_str(&float.to_string());
        }
        (Value::Array(items), _) => {
            out.push('[');
            for item in items {
                write_canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        (Value::Object(map), _) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (key, item) in entries {
                write_canonical(&Value::String(key.clone()), out);
                out.push(':');
                write_canonical(item, out);
                out.push(',');
            }
            out.push('}');
        }
        (value, _) => out.push_str(&value.to_string()),
    }
}
