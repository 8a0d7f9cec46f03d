//! The liberties that schemas in flows take, put into the words of the standard.

use serde_json::{Map, Value};

/// Keywords whose value is a schema.
const ONE: &[&str] = &[
    "additionalItems",
    "additionalProperties",
    "contains",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
/// Keywords whose value is a list of schemas.
const MANY: &[&str] = &["allOf", "anyOf", "items", "oneOf", "prefixItems"];
/// Keywords whose value is an object of schemas.
const NAMED: &[&str] = &[
    "$defs",
    "definitions",
    "dependencies",
    "dependentSchemas",
    "patternProperties",
    "properties",
];

/// The schema without `$schema`, with `nullable` as a type, and with `required` in one list.
pub(crate) fn form(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(root) = schema.as_object_mut() {
        root.remove("$schema");
    }
    visit(&mut schema);
    schema
}

fn visit(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else { return };
    required(map);
    types(map);
    nullable(map);
    for key in ONE {
        if let Some(inner) = map.get_mut(*key) {
            visit(inner);
        }
    }
    for key in MANY {
        map.get_mut(*key).and_then(Value::as_array_mut).into_iter().flatten().for_each(visit);
    }
    for key in NAMED {
        let inner = map.get_mut(*key).and_then(Value::as_object_mut);
        inner.into_iter().flat_map(|it| it.values_mut()).for_each(visit);
    }
}

/// Older schemas say at the property that it is required; some lists name a property twice.
fn required(map: &mut Map<String, Value>) {
    let mut names: Vec<Value> = match map.get("required") {
        Some(Value::Array(names)) => names.clone(),
        _ => Vec::new(),
    };
    let mut flagged = false;
    let properties = map.get_mut("properties").and_then(Value::as_object_mut);
    for (name, property) in properties.into_iter().flatten() {
        let Some(property) = property.as_object_mut() else { continue };
        if let Some(Value::Bool(required)) = property.get("required") {
            if *required {
                names.push(name.as_str().into());
            }
            property.remove("required");
            flagged = true;
        }
    }
    if flagged || map.get("required").is_some_and(Value::is_array) {
        let mut unique: Vec<Value> = Vec::with_capacity(names.len());
        for name in names {
            if !unique.contains(&name) {
                unique.push(name);
            }
        }
        if unique.is_empty() {
            map.remove("required");
        } else {
            map.insert("required".into(), unique.into());
        }
    }
}

/// `null` without quotes means the type of that name; `any` is no restriction.
fn types(map: &mut Map<String, Value>) {
    let Some(ty) = map.get_mut("type") else { return };
    match ty {
        Value::Null => *ty = "null".into(),
        Value::Array(types) => {
            types.iter_mut().filter(|it| it.is_null()).for_each(|it| *it = "null".into());
            let mut unique: Vec<Value> = Vec::with_capacity(types.len());
            for it in types.drain(..) {
                if !unique.contains(&it) {
                    unique.push(it);
                }
            }
            let any = unique.is_empty() || unique.iter().any(|it| it == "any");
            *types = unique;
            if any {
                map.remove("type");
            }
        }
        Value::String(name) if name == "any" => {
            map.remove("type");
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {}
    }
}

/// `nullable` and `x-nullable` of `OpenAPI` allow null beside the type and the listed values.
fn nullable(map: &mut Map<String, Value>) {
    let is_set = |key: &str| map.get(key) == Some(&Value::Bool(true));
    if !is_set("nullable") && !is_set("x-nullable") {
        return;
    }
    match map.get_mut("type") {
        Some(Value::String(name)) if name != "null" => {
            let both = vec![Value::from(name.as_str()), "null".into()];
            map.insert("type".into(), both.into());
        }
        Some(Value::Array(types)) if !types.iter().any(|it| it == "null") => {
            types.push("null".into());
        }
        _ => {}
    }
    if let Some(Value::Array(values)) = map.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
}
