//! The digits of decimals inside lists and objects, which JSON values of ours cannot hold.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use crate::access::key_of;
use crate::operand::Operand;

/// A list or an object that has decimals in it.
#[derive(Clone, Debug)]
pub struct Exact {
    /// As JSON has it: decimals as doubles.
    pub(crate) value: Value,
    digits: Digits,
}

/// Where in a value decimals are, and which.
#[derive(Clone, Debug)]
pub(crate) enum Digits {
    Decimal(Decimal),
    Items(BTreeMap<usize, Digits>),
    Fields(BTreeMap<String, Digits>),
}

impl Digits {
    /// What is known of an item of a list.
    pub(crate) fn item(&self, index: usize) -> Option<&Self> {
        match self {
            Self::Items(items) => items.get(&index),
            Self::Decimal(_) | Self::Fields(_) => None,
        }
    }

    /// What is known of a property.
    pub(crate) fn field(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Fields(fields) => fields.get(key),
            Self::Decimal(_) | Self::Items(_) => None,
        }
    }
}

impl Exact {
    /// As JSON text, in which decimals keep their digits.
    pub(crate) fn to_text(&self) -> String {
        crate::text::to_json(&self.value, Some(&self.digits))
    }

    /// The digits of an item or a property.
    pub(crate) fn digits_at(&self, key: &Operand<'_>) -> Option<Digits> {
        let key = key.json()?;
        match &self.value {
            Value::Array(_) => self.digits.item(usize::try_from(key.as_u64()?).ok()?).cloned(),
            Value::Object(map) => self.digits.field(key_of(map, key.as_str()?)?).cloned(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    }
}

/// A value with the digits that are known of it.
pub(crate) fn joined(value: Operand<'_>, digits: Option<Digits>) -> Operand<'_> {
    match digits {
        None => value,
        Some(Digits::Decimal(decimal)) => Operand::Decimal(decimal),
        Some(digits) => Operand::Exact(Box::new(Exact { value: value.into_value(), digits })),
    }
}

/// A list of values, with the digits of those that are or have decimals.
pub(crate) fn list(values: Vec<Operand<'_>>) -> Operand<'static> {
    let mut known = BTreeMap::new();
    let mut items = Vec::with_capacity(values.len());
    for (index, value) in values.into_iter().enumerate() {
        let (value, digits) = parted(value);
        items.push(value);
        known.extend(digits.map(|digits| (index, digits)));
    }
    let digits = if known.is_empty() { None } else { Some(Digits::Items(known)) };
    joined(items.into(), digits)
}

/// An object with one property set; `before` is what was known of the object.
pub(crate) fn with_property(
    mut object: Map<String, Value>,
    before: Option<Digits>,
    key: String,
    value: Operand<'_>,
) -> Operand<'static> {
    let mut known = match before {
        Some(Digits::Fields(fields)) => fields,
        Some(Digits::Decimal(_) | Digits::Items(_)) | None => BTreeMap::new(),
    };
    known.remove(&key);
    let (value, digits) = parted(value);
    known.extend(digits.map(|digits| (key.clone(), digits)));
    object.insert(key, value);
    let digits = if known.is_empty() { None } else { Some(Digits::Fields(known)) };
    joined(object.into(), digits)
}

/// A value as JSON, and the digits in it.
fn parted(value: Operand<'_>) -> (Value, Option<Digits>) {
    match value {
        Operand::Decimal(decimal) => {
            (Operand::Decimal(decimal).into_value(), Some(Digits::Decimal(decimal)))
        }
        Operand::Exact(exact) => (exact.value, Some(exact.digits)),
        other @ (Operand::Json(_) | Operand::NonFinite(_)) => (other.into_value(), None),
    }
}

/// The digits that a list or an object has.
pub(crate) fn of(value: Option<&Operand<'_>>) -> Option<Digits> {
    match value {
        Some(Operand::Exact(exact)) => Some(exact.digits.clone()),
        Some(Operand::Json(_) | Operand::Decimal(_) | Operand::NonFinite(_)) | None => None,
    }
}
