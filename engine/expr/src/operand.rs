//! A value in the middle of an evaluation: borrowed where the context can lend it.

use std::borrow::Cow;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::Value;

use crate::digits::Exact;
use crate::text;

/// What JSON can say, and the two things it cannot: a decimal with its scale, a number without end.
#[derive(Clone, Debug)]
pub enum Operand<'a> {
    /// A JSON value, lent by the context or by the expression, or computed.
    Json(Cow<'a, Value>),
    /// A decimal; it keeps its scale until it becomes JSON.
    Decimal(Decimal),
    /// A list or an object with decimals in it; they keep their scale until it becomes JSON.
    Exact(Box<Exact>),
    /// Not a number, or infinite.
    NonFinite(f64),
}

impl<'a> Operand<'a> {
    /// Nothing.
    pub const NULL: Self = Self::Json(Cow::Owned(Value::Null));

    /// A value that somebody else keeps.
    pub fn lent(value: &'a Value) -> Self {
        Self::Json(Cow::Borrowed(value))
    }

    /// The value as JSON can say it.
    pub fn into_value(self) -> Value {
        match self {
            Self::Json(value) => value.into_owned(),
            Self::Decimal(decimal) => decimal_to_json(decimal),
            Self::Exact(exact) => exact.value,
            Self::NonFinite(float) => Value::String(text::float(float)),
        }
    }

    /// The value as JSON can say it, lent if it is.
    pub(crate) fn into_cow(self) -> Cow<'a, Value> {
        match self {
            Self::Json(value) => value,
            other => Cow::Owned(other.into_value()),
        }
    }

    /// The same without the digits that JSON cannot hold, if it is a list or an object.
    pub(crate) fn plain(self) -> Self {
        match self {
            Self::Exact(exact) => exact.value.into(),
            other => other,
        }
    }

    /// The JSON value, if it is one.
    pub fn json(&self) -> Option<&Value> {
        match self {
            Self::Json(value) => Some(value),
            Self::Exact(exact) => Some(&exact.value),
            Self::Decimal(_) | Self::NonFinite(_) => None,
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        self.json().is_some_and(Value::is_null)
    }

    /// The name of its type in messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Json(value) => base::value::kind(value),
            Self::Exact(exact) => base::value::kind(&exact.value),
            Self::Decimal(_) => "Decimal",
            Self::NonFinite(_) => "Float",
        }
    }

    /// As the language writes it into a text.
    pub fn to_text(&self) -> Cow<'_, str> {
        match self {
            Self::Json(value) => match value.as_ref() {
                Value::String(text) => Cow::Borrowed(text),
                value => Cow::Owned(text::to_text(value)),
            },
            Self::Decimal(decimal) => Cow::Owned(decimal.to_string()),
            Self::Exact(exact) => Cow::Owned(exact.to_text()),
            Self::NonFinite(float) => Cow::Owned(text::float(*float)),
        }
    }

    /// How much there is to go over, roughly: functions walk their arguments.
    pub(crate) fn extent(&self) -> usize {
        match self.json() {
            Some(Value::Array(items)) => items.len(),
            Some(Value::Object(map)) => map.len(),
            Some(Value::String(text)) => text.len() >> 10,
            Some(Value::Null | Value::Bool(_) | Value::Number(_)) | None => 0,
        }
    }

    /// About how many bytes it holds that were made by this evaluation; `None` if it is too deep.
    pub(crate) fn weight(&self) -> Option<usize> {
        match self {
            Self::Json(Cow::Owned(value)) => weigh(value, VALUE_DEPTH_MAX),
            Self::Json(Cow::Borrowed(_)) => Some(0),
            Self::Exact(exact) => weigh(&exact.value, VALUE_DEPTH_MAX),
            Self::Decimal(_) | Self::NonFinite(_) => Some(16),
        }
    }

    /// Whether a value is so deep that walking it could overflow the stack.
    pub(crate) fn is_too_deep(&self) -> bool {
        self.json().is_some_and(|value| is_deeper(value, VALUE_DEPTH_MAX))
    }
}

/// How deep a value may nest. Everything that walks values recurses, dropping them included, and a
/// loop that wraps a variable into a list could go on forever. Parsed JSON nests at most 128 deep.
pub(crate) const VALUE_DEPTH_MAX: usize = 128;

/// Whether a value nests deeper than `room`.
fn is_deeper(value: &Value, room: usize) -> bool {
    let Some(room) = room.checked_sub(1) else { return true };
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        Value::Array(items) => items.iter().any(|item| is_deeper(item, room)),
        Value::Object(map) => map.values().any(|item| is_deeper(item, room)),
    }
}

/// About how many bytes a value takes; `None` if it nests deeper than `room`.
fn weigh(value: &Value, room: usize) -> Option<usize> {
    let room = room.checked_sub(1)?;
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(8),
        Value::String(text) => Some(text.len() + 2),
        Value::Array(items) => items.iter().map(|item| Some(weigh(item, room)? + 1)).sum(),
        Value::Object(map) => {
            map.iter().map(|(key, item)| Some(weigh(item, room)? + key.len() + 4)).sum()
        }
    }
}

/// As a double, which is how the cloud shows it (`5.0`), unless that would lose digits of an integer.
fn decimal_to_json(decimal: Decimal) -> Value {
    const EXACT_MAX: u64 = 1 << 53;
    let whole = if decimal.scale() == 0 { decimal.to_i64() } else { None };
    match whole.filter(|whole| whole.unsigned_abs() > EXACT_MAX) {
        Some(whole) => whole.into(),
        None => decimal.to_f64().map_or(Value::Null, Value::from),
    }
}

impl From<Value> for Operand<'_> {
    fn from(value: Value) -> Self {
        Self::Json(Cow::Owned(value))
    }
}

impl<'a> From<Cow<'a, Value>> for Operand<'a> {
    fn from(value: Cow<'a, Value>) -> Self {
        Self::Json(value)
    }
}

impl From<f64> for Operand<'_> {
    fn from(float: f64) -> Self {
        if float.is_finite() { Value::from(float).into() } else { Self::NonFinite(float) }
    }
}

impl From<Decimal> for Operand<'_> {
    fn from(decimal: Decimal) -> Self {
        Self::Decimal(decimal)
    }
}

macro_rules! from_json {
    ($($from:ty),*) => {
        $(impl From<$from> for Operand<'_> {
            fn from(value: $from) -> Self {
                Value::from(value).into()
            }
        })*
    };
}

from_json!(bool, i64, usize, &str, String, Cow<'_, str>, Vec<Value>, serde_json::Map<String, Value>);
