//! Which parts of a JSON Schema say something about a place of a file.

use serde_json::Value;

use crate::cursor::Step;

/// References that are followed from one place; a circle ends here.
const HOPS_MAX: usize = 64;

/// The schemas of the value at the end of a way, of a file that is (or will be) this value.
pub(crate) fn at<'s>(root: &'s Value, file: &Value, path: &[Step]) -> Vec<&'s Value> {
    let mut here = Vec::new();
    expand(root, root, file, 0, &mut here);
    let mut value = file;
    for step in path {
        let below = match step {
            Step::Key(key) => value.get(key),
            Step::Item(nth) => value.get(nth),
        };
        value = below.unwrap_or(&Value::Null);
        let mut next = Vec::new();
        for schema in here {
            if let Some(inside) = inside(schema, step) {
                expand(root, inside, value, 0, &mut next);
            }
        }
        here = next;
    }
    here
}

fn inside<'s>(schema: &'s Value, step: &Step) -> Option<&'s Value> {
    let found = match step {
        Step::Item(_) => schema.get("items"),
        Step::Key(key) => {
            let known = schema.get("properties").and_then(|it| it.get(key));
            known.or_else(|| schema.get("additionalProperties"))
        }
    };
    found.filter(|it| it.is_object())
}

/// A schema and all that it says in other words.
fn expand<'s>(
    root: &'s Value,
    schema: &'s Value,
    value: &Value,
    hops: usize,
    found: &mut Vec<&'s Value>,
) {
    if HOPS_MAX < hops || found.iter().any(|it| std::ptr::eq(*it, schema)) {
        return;
    }
    found.push(schema);
    let mut go = |inside: &'s Value| expand(root, inside, value, hops + 1, found);
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let pointer = target.strip_prefix('#').unwrap_or(target);
        if let Some(target) = root.pointer(pointer) {
            go(target);
        }
    }
    for key in ["allOf", "anyOf", "oneOf"] {
        for inside in schema.get(key).and_then(Value::as_array).into_iter().flatten() {
            if key == "allOf" || may_be(root, inside, value) {
                go(inside);
            }
        }
    }
    if let Some(condition) = schema.get("if") {
        let way = if holds(condition, value) { "then" } else { "else" };
        if let Some(inside) = schema.get(way) {
            go(inside);
        }
    }
}

/// Whether a value can be meant to be of one of several schemas.
fn may_be(root: &Value, schema: &Value, value: &Value) -> bool {
    let target = schema.get("$ref").and_then(Value::as_str);
    let target = target.and_then(|it| root.pointer(it.strip_prefix('#').unwrap_or(it)));
    let schema = target.unwrap_or(schema);
    let fits = |name: &str| match name {
        "object" => value.is_object() || value.is_null(),
        "array" => value.is_array() || value.is_null(),
        "null" => value.is_null(),
        _ => !value.is_object() && !value.is_array(),
    };
    let type_fits = match schema.get("type") {
        Some(Value::String(name)) => fits(name),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).any(fits),
        _ => true,
    };
    // Of objects that differ in their keys, those that know the keys are meant.
    let knows = |key: &String| schema["properties"].get(key).is_some();
    let is_closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    let keys_fit = !is_closed || value.as_object().is_none_or(|it| it.keys().all(knows));
    type_fits && keys_fit
}

/// Whether a value is as the condition of an `if` wants it: the few words that ours are made of.
fn holds(condition: &Value, value: &Value) -> bool {
    let Some(words) = condition.as_object() else { return true };
    words.iter().all(|(word, of)| match word.as_str() {
        "required" => {
            let mut names = of.as_array().into_iter().flatten().filter_map(Value::as_str);
            value.is_object() && names.all(|it| value.get(it).is_some())
        }
        "properties" => of
            .as_object()
            .into_iter()
            .flatten()
            .all(|(name, inside)| value.get(name).is_none_or(|it| holds(inside, it))),
        "const" => value == of,
        "enum" => of.as_array().is_some_and(|it| it.contains(value)),
        "not" => !holds(of, value),
        "anyOf" => of.as_array().is_some_and(|it| it.iter().any(|it| holds(it, value))),
        "allOf" => of.as_array().is_some_and(|it| it.iter().all(|it| holds(it, value))),
        "type" => match of.as_str() {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            _ => true,
        },
        _ => true,
    })
}
