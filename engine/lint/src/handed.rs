//! What a call hands to the trigger of another flow, beside what that takes.

use expr::{Key, Tree};
use flow::{Schema, TriggerKind, triggers::manual::Manual};
use serde_json::Value;

/// What is wrong with the body that a call hands over; nothing as far as it is known only in the run.
pub(crate) fn faults(trigger: &TriggerKind, body: Option<&Tree>) -> Vec<String> {
    let whole = body.map_or(Some(Value::Null), Tree::constant);
    match (trigger, whole) {
        (TriggerKind::Manual(manual), Some(value)) => {
            manual.complete(&value).err().into_iter().collect()
        }
        (TriggerKind::Manual(manual), None) => of_form(manual, fields(body).as_deref()),
        (TriggerKind::Flow(it), whole) => of_schema(it.schema.as_ref(), whole, body),
        (TriggerKind::Request(it), whole) if it.validate && it.verify.is_none() => {
            of_schema(it.schema.as_ref(), whole, body)
        }
        _ => Vec::new(),
    }
}

/// The fields of a body that is partly computed, each with its value if that is written out; none if any may
/// be there.
fn fields(body: Option<&Tree>) -> Option<Vec<(&str, Option<Value>)>> {
    let Some(Tree::Object(entries)) = body else { return None };
    let entries = entries.iter().map(|(key, value)| match key {
        Key::Plain(key) => Some((key.as_str(), value.constant())),
        Key::Computed(_) => None,
    });
    entries.collect()
}

fn of_form(manual: &Manual, given: Option<&[(&str, Option<Value>)]>) -> Vec<String> {
    let Some(given) = given.filter(|_| !manual.inputs.is_empty()) else {
        return Vec::new();
    };
    let mut faults = Vec::new();
    for input in &manual.inputs {
        let is_given = given.iter().any(|(name, _)| *name == input.name);
        if input.required && input.default.is_none() && !is_given {
            faults.push(format!("the input `{}` ({}) is required", input.name, input.title));
        }
    }
    for (name, _) in given {
        if !manual.inputs.iter().any(|it| it.name == *name) {
            let known: Vec<&str> = manual.inputs.iter().map(|it| it.name.as_str()).collect();
            faults.push(format!("there is no input `{name}`; there are: {}", known.join(", ")));
        }
    }
    faults
}

fn of_schema(schema: Option<&Schema>, whole: Option<Value>, body: Option<&Tree>) -> Vec<String> {
    let Some(schema) = schema else { return Vec::new() };
    if let Some(value) = whole {
        // A schema that is none is another finding.
        let found = schema.check(&value).unwrap_or_default();
        return found.into_iter().map(|it| it.message).collect();
    }
    let Some(given) = fields(body) else { return Vec::new() };
    let source = schema.source();
    let required = source.get("required").and_then(Value::as_array).into_iter().flatten();
    let missing = required.filter_map(Value::as_str);
    let missing = missing.filter(|name| !given.iter().any(|(it, _)| it == name));
    let mut faults: Vec<String> = missing.map(|it| format!("`{it}` is missing")).collect();
    for (name, value) in &given {
        let property = source.get("properties").and_then(|it| it.get(name));
        let (Some(property), Some(value)) = (property, value) else { continue };
        let (property, _) = Schema::new(property.clone());
        let found = property.check(value).unwrap_or_default();
        faults.extend(found.into_iter().map(|it| format!("`{name}`: {}", it.message)));
    }
    faults
}
