//! Taking a property or an element out of a value, with the cloud's words when it cannot be done.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::ast::Segment;
use crate::digits;
use crate::error::EvalError;
use crate::operand::Operand;

/// What stands in the brackets.
enum Key<'k> {
    Name(&'k str),
    Index(i64),
}

/// `object[key]`, or `object?[key]` when null-safe. `text` is the expression, for messages.
pub(crate) fn select<'a>(
    object: Operand<'a>,
    key: &Operand<'_>,
    null_safe: bool,
    text: &str,
) -> Result<Operand<'a>, EvalError> {
    if let Operand::Exact(exact) = object {
        let digits = exact.digits_at(key);
        return Ok(digits::joined(select(exact.value.into(), key, null_safe, text)?, digits));
    }
    let key = match key.json() {
        Some(Value::String(name)) => Key::Name(name),
        Some(value) if value.is_i64() => Key::Index(value.as_i64().unwrap_or_default()),
        _ if null_safe && object.is_null() => return Ok(Operand::NULL),
        _ => {
            return Err(unselectable(
                text,
                key.to_text().as_ref(),
                "Only texts and integers select",
            ));
        }
    };
    let kind = object.kind();
    match (object, key) {
        (Operand::Json(value), key) if value.is_null() => {
            if null_safe {
                Ok(Operand::NULL)
            } else {
                Err(of_kind(text, &key, kind))
            }
        }
        (Operand::Json(value), Key::Index(index)) if value.is_array() => {
            element(value, index, null_safe, text)
        }
        (Operand::Json(value), Key::Name(name)) if value.is_array() => {
            let why = "Array elements can only be selected using an integer index";
            drop(value);
            Err(unselectable(text, name, why))
        }
        (Operand::Json(value), Key::Name(name)) if value.is_object() => {
            property(value, name, null_safe, text)
        }
        (Operand::Json(value), Key::Index(index)) if value.is_object() => {
            let why = "Object properties can only be selected by their name";
            drop(value);
            Err(unselectable(text, &index.to_string(), why))
        }
        (_, key) => Err(of_kind(text, &key, kind)),
    }
}

fn element<'a>(
    value: Cow<'a, Value>,
    index: i64,
    null_safe: bool,
    text: &str,
) -> Result<Operand<'a>, EvalError> {
    let length = value.as_array().map_or(0, Vec::len);
    let found = usize::try_from(index).ok().and_then(|at| child(value, &Step::Index(at)));
    match found {
        Some(found) => Ok(found.into()),
        None if null_safe => Ok(Operand::NULL),
        None => Err(evaluated(
            text,
            &format!(
                "array index '{index}' is outside bounds (0, {}) of array",
                i64::try_from(length).unwrap_or(i64::MAX) - 1
            ),
        )),
    }
}

fn property<'a>(
    value: Cow<'a, Value>,
    name: &str,
    null_safe: bool,
    text: &str,
) -> Result<Operand<'a>, EvalError> {
    let value = match value {
        Cow::Borrowed(value) => match lookup(value, name) {
            Some(found) => return Ok(Operand::lent(found)),
            None => Cow::Borrowed(value),
        },
        Cow::Owned(Value::Object(mut map)) => {
            match key_of(&map, name).map(str::to_owned).and_then(|key| map.swap_remove(&key)) {
                Some(found) => return Ok(found.into()),
                None => Cow::Owned(Value::Object(map)),
            }
        }
        Cow::Owned(other) => Cow::Owned(other),
    };
    if name.contains('/') && has_path(&value, name) {
        return walk(value, name, null_safe, text);
    }
    if null_safe {
        return Ok(Operand::NULL);
    }
    let keys = value.as_object().into_iter().flat_map(Map::keys);
    let available: Vec<_> = keys.map(String::as_str).collect();
    Err(evaluated(
        text,
        &format!(
            "property '{name}' doesn't exist, available properties are '{}'",
            available.join(", ")
        ),
    ))
}

/// A property of a value that is lent.
fn lookup<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let map = value.as_object()?;
    exactly(map, name).or_else(|| map.get(key_of(map, name)?))
}

/// A property by its exact name.
pub(crate) fn exactly<'v>(map: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    /// Up to so many, looking at all is faster than a digest of the name.
    const FEW: usize = 8;
    if FEW < map.len() {
        return map.get(name);
    }
    map.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Whether the first step of `a/b/c` leads anywhere; else it is a plain name that is missing.
fn has_path(value: &Value, path: &str) -> bool {
    let first = path.split('/').next().unwrap_or(path);
    value.as_object().is_some_and(|map| key_of(map, first).is_some())
}

/// `['a/b/c']` where there is no such key: one step after another.
fn walk<'a>(
    value: Cow<'a, Value>,
    path: &str,
    null_safe: bool,
    text: &str,
) -> Result<Operand<'a>, EvalError> {
    let mut at = Operand::from(value);
    for name in path.split('/') {
        let index = name.parse::<i64>().ok().filter(|_| at.json().is_some_and(Value::is_array));
        let key = index.map_or_else(|| Operand::from(name), Operand::from);
        at = select(at, &key, null_safe, text)?;
    }
    Ok(at)
}

enum Step<'k> {
    Name(&'k str),
    Index(usize),
}

/// A part of a value, lent if the value is lent.
fn child<'a>(value: Cow<'a, Value>, step: &Step<'_>) -> Option<Cow<'a, Value>> {
    match (value, step) {
        (Cow::Borrowed(value), Step::Name(name)) => value.get(*name).map(Cow::Borrowed),
        (Cow::Borrowed(value), Step::Index(index)) => value.get(index).map(Cow::Borrowed),
        (Cow::Owned(Value::Object(mut map)), Step::Name(name)) => {
            map.swap_remove(*name).map(Cow::Owned)
        }
        (Cow::Owned(Value::Array(mut items)), Step::Index(index)) => {
            (*index < items.len()).then(|| Cow::Owned(items.swap_remove(*index)))
        }
        (Cow::Owned(_), Step::Name(_) | Step::Index(_)) => None,
    }
}

/// A part of a value for paths, which may miss: by exact name, or by index, from the end if negative.
pub(crate) fn part<'a>(value: Cow<'a, Value>, segment: &Segment) -> Option<Cow<'a, Value>> {
    let index = match segment {
        Segment::Name(name) => return child(value, &Step::Name(name)),
        Segment::Either(name) if value.is_object() => {
            return child(value, &Step::Name(name));
        }
        Segment::Either(digits) => digits.parse().ok()?,
        Segment::Index(index) => *index,
    };
    let length = i64::try_from(value.as_array()?.len()).ok()?;
    let at = if index < 0 { index + length } else { index };
    child(value, &Step::Index(usize::try_from(at).ok()?))
}

/// The key that a name means: itself, else the first that differs only in case.
pub(crate) fn key_of<'m>(map: &'m Map<String, Value>, name: &str) -> Option<&'m str> {
    let exact = map.get_key_value(name).map(|(key, _)| key.as_str());
    exact.or_else(|| map.keys().map(String::as_str).find(|key| same_name(key, name)))
}

/// Whether two names are the same without case.
pub(crate) fn same_name(a: &str, b: &str) -> bool {
    if a.is_ascii() && b.is_ascii() {
        return a.eq_ignore_ascii_case(b);
    }
    a.chars().flat_map(char::to_lowercase).eq(b.chars().flat_map(char::to_lowercase))
}

fn of_kind(text: &str, key: &Key<'_>, kind: &str) -> EvalError {
    let why = format!("Property selection is not supported on values of type '{kind}'");
    match key {
        Key::Name(name) => unselectable(text, name, &why),
        Key::Index(index) => unselectable(text, &index.to_string(), &why),
    }
}

fn unselectable(text: &str, key: &str, why: &str) -> EvalError {
    evaluated(text, &format!("property '{key}' cannot be selected. {why}"))
}

fn evaluated(text: &str, why: &str) -> EvalError {
    EvalError::template(format!(
        "The template language expression '{text}' cannot be evaluated because {why}. \
         Please see https://aka.ms/logicexpressions for usage details."
    ))
}
