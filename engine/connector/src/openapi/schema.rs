//! Schemas of a document as those of a connector: references by name, types that are known.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// Where documents keep schemas by name.
const HOMES: &[&str] = &["#/definitions/", "#/components/schemas/"];
const TYPES: &[&str] = &["array", "boolean", "integer", "null", "number", "object", "string"];

/// The schema with references as connectors write them.
pub(super) fn rewritten(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => {
            let mut new = Map::with_capacity(members.len());
            for (key, value) in members {
                let value = match (key.as_str(), value) {
                    ("$ref", Value::String(reference)) => {
                        format!("#/schemas/{}", name(reference)).into()
                    }
                    // What is not known may be anything.
                    ("type", Value::String(kind)) if kind == "file" => "string".into(),
                    ("type", Value::String(kind)) if !TYPES.contains(&kind.as_str()) => continue,
                    // Names of members, not keywords.
                    ("properties", Value::Object(properties)) => {
                        let all = properties.iter().map(|(name, it)| (name.clone(), rewritten(it)));
                        Value::Object(all.collect())
                    }
                    ("default", value) => {
                        coerced(value, members.get("type").and_then(Value::as_str)).0
                    }
                    // Data, in which nothing is a reference.
                    ("example" | "enum" | "examples", value) => value.clone(),
                    (_, value) => rewritten(value),
                };
                new.insert(key.clone(), value);
            }
            Value::Object(new)
        }
        Value::Array(items) => items.iter().map(rewritten).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => schema.clone(),
    }
}

/// The name of the schema that a reference leads to. Another place of the document is a name, too.
pub(super) fn name(reference: &str) -> Cow<'_, str> {
    let home = HOMES.iter().find_map(|home| reference.strip_prefix(home));
    let name = home.filter(|it| !it.contains('/')).unwrap_or(reference);
    let name = percent_decode_str(name).decode_utf8_lossy();
    if name.contains('~') { Cow::Owned(name.replace("~1", "/").replace("~0", "~")) } else { name }
}

/// References that lead elsewhere than to schemas with names.
pub(super) fn others<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                match (key.as_str(), value) {
                    ("$ref", Value::String(reference)) => {
                        let home = HOMES.iter().find_map(|home| reference.strip_prefix(home));
                        if home.is_none_or(|it| it.contains('/')) {
                            found.push(reference);
                        }
                    }
                    _ => others(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|it| others(it, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A value as the schema's type has it; whether it had to be made so. Published definitions write
/// `"false"` for what is true or false.
pub(super) fn coerced(value: &Value, kind: Option<&str>) -> (Value, bool) {
    let text = value.as_str().map(str::trim);
    let new = match (kind, value) {
        (Some("boolean"), Value::String(_)) => match text.map(str::to_ascii_lowercase).as_deref() {
            Some("true") => Some(Value::Bool(true)),
            Some("false") => Some(Value::Bool(false)),
            _ => None,
        },
        (Some("integer"), Value::String(_)) => {
            text.and_then(|it| it.parse::<i64>().ok()).map(Value::from)
        }
        (Some("number"), Value::String(_)) => {
            text.and_then(|it| serde_json::from_str::<Value>(it).ok()).filter(Value::is_number)
        }
        (Some("string"), Value::Bool(_) | Value::Number(_)) => Some(value.to_string().into()),
        (Some("array"), Value::String(text)) => {
            let items = text.split(',').map(str::trim).filter(|it| !it.is_empty());
            Some(items.map(Value::from).collect())
        }
        _ => None,
    };
    match new {
        Some(new) => (new, true),
        None => (value.clone(), false),
    }
}
