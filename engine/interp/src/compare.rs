//! What differs between two objects, each field compared as its mapping says.

use base::Failure;
use expr::Context;
use flow::mapping::{Comparison, Mapping};
use serde_json::{Map, Value, json};

use crate::{
    convert::{cents, date_of, instant},
    mapping::{put, target_name},
};

/// What is compared.
pub(crate) struct Sides<'a> {
    /// The new state. Fields that it does not have are not compared: a mapping's `when` left them out.
    pub after: &'a Map<String, Value>,
    /// The present state.
    pub before: &'a Map<String, Value>,
    pub base: Base<'a>,
}

/// What is known of what both sides last agreed on.
#[derive(Clone, Copy)]
pub(crate) enum Base<'a> {
    /// The flow does not ask.
    Unasked,
    /// They never agreed on anything, or nobody has kept it.
    Unknown,
    Known(&'a Map<String, Value>),
}

impl<'a> Base<'a> {
    fn field(self, name: &str) -> Option<&'a Value> {
        match self {
            Self::Unasked | Self::Unknown => None,
            Self::Known(base) => find(base, name),
        }
    }
}

/// `{changed, changes: {field: value}, fields: [{field, before, after}], patch: [JSON Patch]}`, and
/// with a base `{base, conflicts: [{field, base, before, after}]}`.
///
/// A field that only the present state has changed since the base is left alone; of one that both
/// have changed the new value counts, and it is a conflict.
///
/// # Errors
/// If the name of a field cannot be evaluated.
pub(crate) fn differences(
    mapping: Option<&Mapping>,
    sides: &Sides<'_>,
    ctx: &dyn Context,
) -> Result<Value, Failure> {
    let &Sides { after, before, base } = sides;
    let mut named = Vec::new();
    match mapping {
        None => named.extend(after.keys().map(|name| (name.clone(), Comparison::Exact))),
        Some(mapping) => {
            for field in &mapping.fields {
                named.push((target_name(mapping, field, ctx)?, field.compare));
            }
        }
    }
    let mut found = Found::new(base);
    for (name, comparison) in named {
        let Some(new) = find(after, &name) else { continue };
        let there = find(before, &name);
        let old = there.unwrap_or(&Value::Null);
        let agreed = base.field(&name);
        let is_agreed = agreed.is_some_and(|it| same(it, new, comparison));
        if !is_agreed {
            // Kept as it was where it counts as the same, so that it is not written for nothing.
            agree(&mut found.base, &name, new, after.contains_key(&name));
        }
        if is_agreed || same(old, new, comparison) {
            continue;
        }
        if let Some(agreed) = agreed.filter(|it| !same(it, old, comparison)) {
            let all = json!({ "field": name, "base": agreed, "before": old, "after": new });
            found.conflicts.push(all);
        }
        let op = if there.is_some() { "replace" } else { "add" };
        found.patch.push(json!({ "op": op, "path": pointer(after, &name), "value": new }));
        found.fields.push(json!({ "field": name, "before": old, "after": new }));
        found.changes.insert(name, new.clone());
    }
    Ok(found.shown(base))
}

/// Notes what both sides agree on for a field. A `/` leads into an object, unless the name as it is
/// is that of a member.
fn agree(base: &mut Map<String, Value>, name: &str, value: &Value, is_member: bool) {
    if is_member {
        base.insert(name.to_owned(), value.clone());
    } else {
        put(base, name, value.clone());
    }
}

/// What a comparison has found so far.
struct Found {
    changes: Map<String, Value>,
    fields: Vec<Value>,
    patch: Vec<Value>,
    /// What both sides agree on once the changes are written.
    base: Map<String, Value>,
    conflicts: Vec<Value>,
}

impl Found {
    fn new(base: Base<'_>) -> Self {
        let base = if let Base::Known(base) = base { base.clone() } else { Map::new() };
        let (fields, patch, conflicts) = (Vec::new(), Vec::new(), Vec::new());
        Self { changes: Map::new(), fields, patch, base, conflicts }
    }

    fn shown(self, base: Base<'_>) -> Value {
        let mut all = json!({
            "changed": !self.changes.is_empty(),
            "changes": self.changes,
            "fields": self.fields,
            "patch": self.patch,
        });
        if !matches!(base, Base::Unasked) {
            all["base"] = self.base.into();
            all["conflicts"] = self.conflicts.into();
        }
        all
    }
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

/// Without surrounding blanks, and with one kind of line ends: forms of services differ in them.
fn text(value: &Value) -> String {
    expr::to_text(value).trim().replace("\r\n", "\n")
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
