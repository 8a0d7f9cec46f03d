//! What differs between two objects, each field compared as its mapping says.

use base::Failure;
use expr::Context;
use flow::mapping::{Comparison, Mapping};
use serde_json::{Map, Value, json};

use crate::{
    convert::{cents, date_of, instant},
    mapping::target_name,
};

/// `{changed, changes: {field: value}, fields: [{field, before, after}], patch: [JSON Patch]}`.
///
/// Fields that `after` does not have are not compared: a mapping's `when` left them out.
///
/// # Errors
/// If the name of a field cannot be evaluated.
pub(crate) fn differences(
    mapping: Option<&Mapping>,
    after: &Map<String, Value>,
    before: &Map<String, Value>,
    ctx: &dyn Context,
) -> Result<Value, Failure> {
    let mut named = Vec::new();
    match mapping {
        None => named.extend(after.keys().map(|name| (name.clone(), Comparison::Exact))),
        Some(mapping) => {
            for field in &mapping.fields {
                named.push((target_name(mapping, field, ctx)?, field.compare));
            }
        }
    }
    let mut changes = Map::new();
    let (mut fields, mut patch) = (Vec::new(), Vec::new());
    for (name, comparison) in named {
        let Some(new) = find(after, &name) else { continue };
        let there = find(before, &name);
        let old = there.unwrap_or(&Value::Null);
        if same(old, new, comparison) {
            continue;
        }
        changes.insert(name.clone(), new.clone());
        fields.push(json!({ "field": name, "before": old, "after": new }));
        let op = if there.is_some() { "replace" } else { "add" };
        patch.push(json!({ "op": op, "path": pointer(after, &name), "value": new }));
    }
    let changed = !changes.is_empty();
    Ok(json!({ "changed": changed, "changes": changes, "fields": fields, "patch": patch }))
}

/// Where a field is, as JSON Patch writes it. A `/` leads into an object, unless the name as it is
/// is that of a member.
fn pointer(object: &Map<String, Value>, name: &str) -> String {
    let escaped = name.replace('~', "~0");
    let escaped = if object.contains_key(name) { escaped.replace('/', "~1") } else { escaped };
    format!("/{escaped}")
}

fn find<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| {
        let (first, rest) = name.split_once('/')?;
        find(object.get(first)?.as_object()?, rest)
    })
}

/// Whether two values of a field count as the same.
pub(crate) fn same(a: &Value, b: &Value, comparison: Comparison) -> bool {
    if comparison != Comparison::Exact && is_blank(a) && is_blank(b) {
        return true;
    }
    match comparison {
        Comparison::Exact => expr::equals(a, b),
        Comparison::Text => text(a) == text(b),
        Comparison::IgnoreCase => text(a).to_lowercase() == text(b).to_lowercase(),
        Comparison::IgnoreMark => unmarked(a) == unmarked(b),
        Comparison::Money => match (cents(a), cents(b)) {
            (Some(a), Some(b)) => a == b,
            // What is no money on either side may still be the same.
            (None, None) => expr::equals(a, b),
            (Some(_), None) | (None, Some(_)) => false,
        },
        Comparison::Date => match (instant(a), instant(b)) {
            (Some(a), Some(b)) => date_of(a) == date_of(b),
            (None, None) => expr::equals(a, b),
            (Some(_), None) | (None, Some(_)) => false,
        },
        Comparison::Set => same_items(a, b),
    }
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

fn text(value: &Value) -> String {
    expr::to_text(value).trim().to_owned()
}

/// The text without the marks that the sync puts on names, with or without the emoji selector.
fn unmarked(value: &Value) -> String {
    let marks = ['\u{2714}', '\u{2716}', '\u{2713}', '\u{2717}', '\u{274C}', '\u{FE0F}'];
    text(value).trim_matches(|c: char| marks.contains(&c) || c.is_whitespace()).to_owned()
}

fn same_items(a: &Value, b: &Value) -> bool {
    let (Value::Array(a), Value::Array(b)) = (a, b) else { return expr::equals(a, b) };
    let mut left: Vec<&Value> = b.iter().collect();
    let matched = a.iter().all(|item| {
        let found = left.iter().position(|other| expr::equals(item, other));
        found.is_some_and(|at| {
            left.swap_remove(at);
            true
        })
    });
    matched && left.is_empty()
}
